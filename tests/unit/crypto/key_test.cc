#include "lib/crypto/key.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "lib/base/process.h"

namespace hallmark {
namespace {

Secret secret(std::string_view text) { return Secret(Bytes(text.begin(), text.end())); }

Result<Secret> never_asked() { return fail(Fault::environment, "asked for a passphrase"); }

Result<PrivateKey> parse_private(std::string_view pem, const AskPassphrase& ask = never_asked) {
  return PrivateKey::parse(secret(pem), "a.key", ask);
}

std::string openssl(std::vector<std::string> arguments, std::string input = {}) {
  arguments.insert(arguments.begin(), "openssl");
  ProcessSpec spec;
  spec.arguments = std::move(arguments);
  spec.input = std::move(input);
  auto done = run_process(spec);
  EXPECT_TRUE(done) << done.error().message();
  EXPECT_EQ(done->status, 0) << done->errors;
  return done->output;
}

class EveryKey : public testing::TestWithParam<KeyType> {
 protected:
  const PrivateKey key_ = PrivateKey::generate(GetParam());
};
INSTANTIATE_TEST_SUITE_P(Types, EveryKey, testing::Values(KeyType::p256, KeyType::ed25519),
                         [](const auto& param) { return std::string(to_text(param.param)); });

TEST_P(EveryKey, ComesBackFromItsText) {
  const Secret pem = key_.to_pem();
  auto again = parse_private(as_text(pem.bytes()));
  ASSERT_TRUE(again) << again.error().message();
  EXPECT_EQ(again->public_key(), key_.public_key());
  EXPECT_EQ(again->public_key().type(), GetParam());
  auto half = PublicKey::parse(key_.public_key().to_pem(), "a.pub");
  ASSERT_TRUE(half) << half.error().message();
  EXPECT_EQ(*half, key_.public_key());
}

// Oracle: the openssl program reads our private key and derives the public one from it.
TEST_P(EveryKey, IsReadByOpenssl) {
  EXPECT_EQ(openssl({"pkey", "-pubout"}, std::string(as_text(key_.to_pem().bytes()))), key_.public_key().to_pem());
  const std::string der = openssl({"pkey", "-pubin", "-outform", "DER"}, key_.public_key().to_pem());
  EXPECT_EQ(key_.public_key().id(), to_hex(digest<Alg::sha256>(as_bytes(der))));
}

TEST_P(EveryKey, MadeByOpensslIsRead) {
  const std::string pem = GetParam() == KeyType::p256
                              ? openssl({"genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"})
                              : openssl({"genpkey", "-algorithm", "ED25519"});
  auto key = parse_private(pem);
  ASSERT_TRUE(key) << key.error().message();
  EXPECT_EQ(key->public_key().to_pem(), openssl({"pkey", "-pubout"}, pem));
}

TEST_P(EveryKey, IsSealedByAPassphrase) {
  const Secret passphrase = secret("correct horse");
  const std::string pem(as_text(key_.to_pem(&passphrase).bytes()));
  EXPECT_TRUE(pem.starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----\n"));
  auto opened = parse_private(pem, [] { return Result<Secret>(secret("correct horse")); });
  ASSERT_TRUE(opened) << opened.error().message();
  EXPECT_EQ(opened->public_key(), key_.public_key());
  auto wrong = parse_private(pem, [] { return Result<Secret>(secret("wrong horse")); });
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().message(), "a.key: the passphrase does not open it");
  auto unasked = parse_private(pem);
  ASSERT_FALSE(unasked);
  EXPECT_EQ(unasked.error().message(), "the passphrase of a.key: asked for a passphrase");
  EXPECT_EQ(openssl({"pkey", "-pubout", "-passin", "pass:correct horse"}, pem), key_.public_key().to_pem());
}

TEST_P(EveryKey, IsSealedInOneWayOnly) {
  const Secret passphrase = secret("correct horse");
  const std::string pem(as_text(key_.to_pem(&passphrase).bytes()));
  // 600,000 rounds become 8,388,607: refused before the passphrase is asked for.
  Bytes der = *from_base64([&] {
    std::string text = pem.substr(pem.find('\n') + 1);
    text.erase(text.find("-----END"));
    std::erase(text, '\n');
    return text;
  }());
  const Bytes few{0x02, 0x03, 0x09, 0x27, 0xc0}, many{0x02, 0x03, 0x7f, 0xff, 0xff};
  const auto at = std::search(der.begin(), der.end(), few.begin(), few.end());
  ASSERT_NE(at, der.end());
  std::copy(many.begin(), many.end(), at);
  const auto slow = parse_private("-----BEGIN ENCRYPTED PRIVATE KEY-----\n" + to_base64(der) +
                                  "\n-----END ENCRYPTED PRIVATE KEY-----\n");
  ASSERT_FALSE(slow);
  EXPECT_EQ(slow.error().fault, Fault::format);
  EXPECT_EQ(slow.error().message(), "a.key: asks for more than 5000000 rounds of PBKDF2");

  const auto other = parse_private(
      openssl({"pkcs8", "-topk8", "-scrypt", "-passout", "pass:x"}, std::string(as_text(key_.to_pem().bytes()))));
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().fault, Fault::unsupported);
}

TEST_P(EveryKey, FileMustBeItsOwnersAlone) {
  const auto folder = *TemporaryFolder::make("key-test");
  const fs::path path = folder.path() / "a.key";
  ASSERT_TRUE(write_new_file(path, key_.to_pem().bytes(), 0600));
  auto read = PrivateKey::read(path, never_asked);
  ASSERT_TRUE(read) << read.error().message();
  EXPECT_EQ(read->public_key(), key_.public_key());
  ASSERT_EQ(chmod(path.c_str(), 0640), 0);
  auto open = PrivateKey::read(path, never_asked);
  ASSERT_FALSE(open);
  EXPECT_EQ(open.error().fault, Fault::environment);
}

std::string why_public(std::string_view pem) {
  auto key = PublicKey::parse(pem, "a.pub");
  return key ? "accepted" : key.error().message();
}
std::string why_private(std::string_view pem) {
  auto key = parse_private(pem);
  return key ? "accepted" : key.error().message();
}

TEST(Key, TextIsExactlyOneBlock) {
  const std::string pem = PrivateKey::generate(KeyType::ed25519).public_key().to_pem();
  EXPECT_EQ(why_public(pem), "accepted");
  EXPECT_EQ(why_public(pem + "\n \r\n"), "accepted");
  EXPECT_EQ(why_public(""), "a.pub: does not begin with a PEM block (\"-----BEGIN \")");
  EXPECT_EQ(why_public("x" + pem), "a.pub: does not begin with a PEM block (\"-----BEGIN \")");
  EXPECT_EQ(why_public(pem + pem), "a.pub: has something after the PEM block");
  EXPECT_EQ(why_public(pem.substr(0, 40)), "a.pub: is not well-formed PEM");
  EXPECT_EQ(why_public(pem + std::string(1 << 16, ' ')), "a.pub: has 65649 bytes, too many for a key");
}

TEST(Key, HalvesAreNotMixedUp) {
  const PrivateKey key = PrivateKey::generate(KeyType::p256);
  EXPECT_EQ(why_public(as_text(key.to_pem().bytes())), "a.pub: is a private key where a public one is wanted");
  EXPECT_EQ(why_private(key.public_key().to_pem()), "a.key: is a public key where a private one is wanted");
}

TEST(Key, OtherKindsAreUnsupported) {
  const std::string rsa = openssl({"genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"});
  const std::string other_curve = openssl({"genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"});
  const std::string p256 = openssl({"genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"});
  const std::string neither = "is neither a P-256 (named curve, uncompressed point) nor an Ed25519 key";
  for (const std::string& pem : {rsa, other_curve}) {
    EXPECT_EQ(why_private(pem), "a.key: " + neither);
    EXPECT_EQ(why_public(openssl({"pkey", "-pubout"}, pem)), "a.pub: " + neither);
  }
  // The same key under another encoding would have another key id.
  EXPECT_EQ(why_public(openssl({"ec", "-pubout", "-conv_form", "compressed"}, p256)), "a.pub: " + neither);
  EXPECT_EQ(why_public(openssl({"ec", "-pubout", "-param_enc", "explicit"}, p256)), "a.pub: " + neither);
  EXPECT_EQ(
      why_private(openssl({"ec"}, p256)),
      "a.key: is a PEM block \"EC PRIVATE KEY\", not \"PRIVATE KEY\"; `openssl pkcs8 -topk8` converts a key to PKCS#8");
}

TEST(Key, PointMustLieOnTheCurve) {
  std::string pem = PrivateKey::generate(KeyType::p256).public_key().to_pem();
  Bytes der = *from_base64(pem.substr(27, 64) + pem.substr(92, 60));
  der.back() ^= 1;
  const std::string body = to_base64(der);
  const std::string off =
      "-----BEGIN PUBLIC KEY-----\n" + body.substr(0, 64) + "\n" + body.substr(64) + "\n-----END PUBLIC KEY-----\n";
  EXPECT_EQ(why_public(off), "a.pub: holds no valid public key");
}

// No message quotes a byte of what it refuses.
TEST(Key, ErrorsHoldNoKeyMaterial) {
  const std::string pem(as_text(PrivateKey::generate(KeyType::p256).to_pem().bytes()));
  for (std::size_t at = 28; at + 30 < pem.size(); at += 7) {
    std::string damaged = pem;
    damaged[at] = damaged[at] == 'A' ? 'B' : 'A';
    const auto key = parse_private(damaged);
    if (key) continue;
    const std::string message = key.error().message();
    for (std::size_t i = 28; i + 8 < pem.size(); i++)
      ASSERT_EQ(message.find(pem.substr(i, 8)), message.npos) << message;
  }
}

}  // namespace
}  // namespace hallmark
