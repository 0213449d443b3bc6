#include "lib/crypto/signature.h"

#include <gtest/gtest.h>

#include "lib/base/process.h"

namespace hallmark {
namespace {

constexpr std::string_view kMessage = "DSSEv1 29 http://example.com/HelloWorld 11 hello world";

class EverySignature : public testing::TestWithParam<KeyType> {
 protected:
  const PrivateKey key_ = PrivateKey::generate(GetParam());
  const PublicKey& half_ = key_.public_key();
  const Bytes signature_ = sign_message(key_, as_bytes(kMessage));
};
INSTANTIATE_TEST_SUITE_P(Types, EverySignature, testing::Values(KeyType::p256, KeyType::ed25519),
                         [](const auto& param) { return std::string(to_text(param.param)); });

TEST_P(EverySignature, VerifiesUnderItsKeyOnly) {
  EXPECT_TRUE(verify_signature(half_, as_bytes(kMessage), signature_));
  EXPECT_FALSE(verify_signature(PrivateKey::generate(GetParam()).public_key(), as_bytes(kMessage), signature_));
  const KeyType other = GetParam() == KeyType::p256 ? KeyType::ed25519 : KeyType::p256;
  EXPECT_FALSE(verify_signature(PrivateKey::generate(other).public_key(), as_bytes(kMessage), signature_));
  EXPECT_FALSE(verify_signature(half_, as_bytes("another message"), signature_));
  EXPECT_FALSE(verify_signature(half_, as_bytes(kMessage), {}));
}

TEST_P(EverySignature, FailsWithAnyBitChanged) {
  for (std::size_t bit = 0; bit < 8 * signature_.size(); bit++) {
    Bytes changed = signature_;
    changed[bit / 8] = static_cast<std::uint8_t>(changed[bit / 8] ^ (1u << bit % 8));
    ASSERT_FALSE(verify_signature(half_, as_bytes(kMessage), changed)) << "bit " << bit;
  }
}

TEST_P(EverySignature, HasOneEncoding) {
  Bytes longer = signature_;
  longer.push_back(0);
  EXPECT_FALSE(verify_signature(half_, as_bytes(kMessage), longer));
  EXPECT_FALSE(verify_signature(half_, as_bytes(kMessage), ByteView(signature_).first(signature_.size() - 1)));
  if (GetParam() == KeyType::ed25519) return;
  // BER: the same two numbers under a length in two bytes, and with a leading zero more.
  Bytes ber{0x30, 0x81, signature_[1]};
  ber.insert(ber.end(), signature_.begin() + 2, signature_.end());
  EXPECT_FALSE(verify_signature(half_, as_bytes(kMessage), ber));
  Bytes padded{0x30, static_cast<std::uint8_t>(signature_[1] + 1), 0x02, static_cast<std::uint8_t>(signature_[3] + 1),
               0x00};
  padded.insert(padded.end(), signature_.begin() + 4, signature_.end());
  EXPECT_FALSE(verify_signature(half_, as_bytes(kMessage), padded));
}

// Oracle: the openssl program, as recipes for DSSE by hand use it.
TEST_P(EverySignature, AgreesWithOpensslBothWays) {
  const auto folder = *TemporaryFolder::make("signature-test");
  const auto at = [&](const char* name) { return (folder.path() / name).string(); };
  ASSERT_TRUE(write_file(at("key"), key_.to_pem().bytes(), 0600));
  ASSERT_TRUE(write_file(at("pub"), half_.to_pem()));
  ASSERT_TRUE(write_file(at("message"), kMessage));
  ASSERT_TRUE(write_file(at("ours"), signature_));
  const auto run = [](std::vector<std::string> arguments) {
    ProcessSpec spec;
    spec.arguments = std::move(arguments);
    auto done = run_process(spec);
    EXPECT_TRUE(done) << done.error().message();
    return done->status;
  };
  if (GetParam() == KeyType::p256) {
    EXPECT_EQ(run({"openssl", "dgst", "-sha256", "-verify", at("pub"), "-signature", at("ours"), at("message")}), 0);
    EXPECT_EQ(run({"openssl", "dgst", "-sha256", "-sign", at("key"), "-out", at("theirs"), at("message")}), 0);
  } else {
    EXPECT_EQ(run({"openssl", "pkeyutl", "-verify", "-rawin", "-pubin", "-inkey", at("pub"), "-sigfile", at("ours"),
                   "-in", at("message")}),
              0);
    EXPECT_EQ(
        run({"openssl", "pkeyutl", "-sign", "-rawin", "-inkey", at("key"), "-out", at("theirs"), "-in", at("message")}),
        0);
  }
  EXPECT_TRUE(verify_signature(half_, as_bytes(kMessage), *read_file(at("theirs"), 1000)));
}

// RFC 8032 section 7.1, test 2.
TEST(Signature, Rfc8032Vector) {
  const std::string pem = "-----BEGIN PUBLIC KEY-----\n" +
                          to_base64(*from_hex("302a300506032b6570032100"
                                              "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c")) +
                          "\n-----END PUBLIC KEY-----\n";
  const PublicKey key = *PublicKey::parse(pem, "RFC 8032");
  const Bytes signature = *from_hex(
      "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
      "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00");
  EXPECT_TRUE(verify_signature(key, as_bytes("\x72"), signature));
  EXPECT_FALSE(verify_signature(key, as_bytes("\x73"), signature));
}

}  // namespace
}  // namespace hallmark
