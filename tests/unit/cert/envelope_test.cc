#include "lib/cert/envelope.h"

#include <gtest/gtest.h>

#include "lib/cert/bundle.h"

namespace hallmark::cert {
namespace {

Bytes bytes(std::string_view text) { return Bytes(text.begin(), text.end()); }

// Oracle: DSSE v1.0.2 protocol.md, "Test Vectors". Its signature is written there as raw r || s;
// here the same two numbers stand in DER, as the verifiers in use want them.
TEST(Dsse, SpecificationsVector) {
  const Bytes spki = *from_hex(
      "3059301306072a8648ce3d020106082a8648ce3d03010703420004"
      "67cd390f77aa359cb08c2235f652270493a9ed832b0abcc01f70954c0390d238"
      "0c782bd54e269125a44f4433aff1432ce94e12bca73aa67ac80cea12608ddf74");
  const std::string body = to_base64(spki);
  const PublicKey key = *PublicKey::parse(
      "-----BEGIN PUBLIC KEY-----\n" + body.substr(0, 64) + "\n" + body.substr(64) + "\n-----END PUBLIC KEY-----\n",
      "protocol.md");
  Envelope envelope{"http://example.com/HelloWorld", bytes("hello world"), "",
                    *from_hex("3044022003726ab101ad56c2763b6c6aac8e487275e2a79193a09dc5f859d9f8ef3c4a3b"
                              "022051eab0c06a369b64a7222537d4887a893dc200ae21060074d57825235b624864")};
  EXPECT_EQ(as_text(pae(envelope.payload_type, envelope.payload)),
            "DSSEv1 29 http://example.com/HelloWorld 11 hello world");
  EXPECT_TRUE(check_signature(envelope, std::vector{key}));
  envelope.payload[0] ^= 1;
  EXPECT_FALSE(check_signature(envelope, std::vector{key}));
}

TEST(Dsse, LengthsAreOfBytes) {
  EXPECT_EQ(as_text(pae("", {})), "DSSEv1 0  0 ");
  EXPECT_EQ(as_text(pae("t", as_bytes("é"))), "DSSEv1 1 t 2 é");
}

class Envelopes : public testing::Test {
 protected:
  const PrivateKey key_ = PrivateKey::generate(KeyType::p256);
  const PrivateKey other_ = PrivateKey::generate(KeyType::ed25519);
  const Envelope sealed_ = seal(key_, kPayloadType, bytes("{\"a\":1}"));
  const Json json_ = to_json(sealed_);

  std::string why(const std::string& text) const {
    auto envelope = parse_signed_document(text, "doc");
    if (!envelope) return envelope.error().message();
    const std::vector<PublicKey> keys{other_.public_key(), key_.public_key()};
    auto signer = check_signature(*envelope, keys);
    if (!signer) return signer.error().message();
    return *signer == &keys[1] ? "good" : "another key";
  }
  std::string why(const Json& json) const { return why(json.canonical()); }
  Json with(std::string_view key, Json value) const {
    Json out = json_;
    out[key] = std::move(value);
    return out;
  }
  Json with_signature(std::string_view key, Json value) const {
    Json out = json_;
    out["signatures"].items()[0][key] = std::move(value);
    return out;
  }
};

TEST_F(Envelopes, HoldUnderTheirKeyBareAndBundled) {
  EXPECT_EQ(why(json_), "good");
  EXPECT_EQ(why(json_.pretty()), "good");
  EXPECT_EQ(why(to_bundle(sealed_)), "good");
  const Envelope ed = seal(other_, kPayloadType, bytes("x"));
  EXPECT_TRUE(check_signature(ed, std::vector{other_.public_key()}));
}

TEST_F(Envelopes, AnyChangedByteIsRefused) {
  const std::vector<PublicKey> keys{key_.public_key()};
  for (std::size_t i = 0; i < sealed_.payload.size(); i++) {
    Envelope changed = sealed_;
    changed.payload[i] ^= 1;
    EXPECT_EQ(check_signature(changed, keys).error().fault, Fault::mismatch);
  }
  for (std::size_t i = 0; i < sealed_.signature.size(); i++) {
    Envelope changed = sealed_;
    changed.signature[i] ^= 1;
    EXPECT_FALSE(check_signature(changed, keys));
  }
  Envelope changed = sealed_;
  changed.payload_type += "x";
  EXPECT_FALSE(check_signature(changed, keys));
}

TEST_F(Envelopes, KeyidDecidesNothing) {
  EXPECT_EQ(why(with_signature("keyid", other_.public_key().id())), "good");
  EXPECT_EQ(why(with_signature("keyid", "")), "good");
  EXPECT_EQ(why(with_signature("keyid", nullptr)), "good");
  Envelope claims = seal(PrivateKey::generate(KeyType::p256), kPayloadType, bytes("x"));
  claims.keyid = key_.public_key().id();
  EXPECT_EQ(why(to_json(claims)), "the signature does not hold under key " + key_.public_key().id() +
                                      ", which it names: the document or the signature was changed");
  claims.keyid = "\x1b[31m";
  EXPECT_EQ(why(to_json(claims)), "the signature does not hold under any given key (" + other_.public_key().id() +
                                      ", " + key_.public_key().id() + "); it names key \\x1b[31m");
  EXPECT_FALSE(check_signature(sealed_, {}));
}

TEST_F(Envelopes, HaveExactlyOneSignature) {
  const Json one = json_.find("signatures")->items()[0];
  EXPECT_EQ(why(with("signatures", Json::array({one, one}))), "doc: signatures: has 2 entries, exactly one is wanted");
  EXPECT_EQ(why(with("signatures", Json::array())), "doc: signatures: has 0 entries, exactly one is wanted");
  EXPECT_EQ(why(with("signatures", one)), "doc: signatures: is an object, not a list");
}

TEST_F(Envelopes, BothAlphabetsOfBase64AreRead) {
  // A payload whose standard encoding has '+' and '/'.
  const Envelope envelope = seal(key_, kPayloadType, {0xfb, 0xef, 0xff, 0xfe});
  Json json = to_json(envelope);
  EXPECT_EQ(json.find("payload")->string(), "++///g==");
  json["payload"] = "--___g";
  std::string sig = json["signatures"].items()[0]["sig"].string();
  for (char& c : sig) c = c == '+' ? '-' : c == '/' ? '_' : c;
  json["signatures"].items()[0]["sig"] = sig;
  EXPECT_EQ(why(json), "good");
  EXPECT_EQ(why(with("payload", "?")), "doc: payload: is not base64");
}

TEST_F(Envelopes, MembersThatNobodySignedAreIgnored) {
  EXPECT_EQ(why(with("x", 1)), "good");
  EXPECT_EQ(why(with_signature("cert", "x")), "good");
}

TEST_F(Envelopes, AreBounded) {
  EXPECT_EQ(parse_signed_document(std::string(kMaxDocument + 1, ' '), "doc").error().fault, Fault::format);
  Envelope large = sealed_;
  large.payload.assign(kMaxPayload + 1, 'x');
  EXPECT_EQ(why(to_json(large)), "doc: payload: has 8388609 bytes, at most 8388608 allowed");
}

TEST_F(Envelopes, BundlesOfOtherKindsAreUnsupported) {
  const auto bundle = [&](std::string_view key, Json value) {
    Json out = to_bundle(sealed_);
    out[key] = std::move(value);
    return out;
  };
  EXPECT_EQ(why(bundle("mediaType", "application/vnd.dev.sigstore.bundle+json;version=0.2")),
            "doc: mediaType is not \"application/vnd.dev.sigstore.bundle.v0.3+json\"");
  EXPECT_EQ(why(bundle("mediaType", 3)), "doc: mediaType is not \"application/vnd.dev.sigstore.bundle.v0.3+json\"");
  EXPECT_EQ(
      parse_signed_document(bundle("verificationMaterial", Json::object({{"certificate", "x"}})).canonical(), "doc")
          .error()
          .fault,
      Fault::unsupported);
  EXPECT_EQ(
      why(bundle("verificationMaterial", Json::object({{"publicKey", Json::object({{"hint", "x"}})}}))),
      "doc: verificationMaterial.publicKey.hint is \"x\", the signature's keyid is \"" + key_.public_key().id() + "\"");
}

}  // namespace
}  // namespace hallmark::cert
