#include "lib/crypto/rsa.h"

#include <gtest/gtest.h>

#include "lib/base/files.h"

namespace hallmark {
namespace {

// A SIGSTRUCT that tests/vectors/sgx/make_enclaves.py signed: modulus at 128, signature at 516, q1 at 1040, q2 at 1424;
// the message is bytes 0 to 127 and 900 to 1027. Oracle: Python's integers.
struct Signed {
  Rsa3072Number modulus{}, signature{}, q1{}, q2{};
  DigestOf<Alg::sha256> digest{};
};

Signed signed_by_python() {
  const Bytes file = *read_file(fs::path(HALLMARK_SOURCE_DIR) / "tests/vectors/sgx/stream.sig", 1808);
  const auto number = [&](std::size_t at) {
    Rsa3072Number out;
    std::copy_n(file.begin() + static_cast<std::ptrdiff_t>(at), out.size(), out.begin());
    return out;
  };
  const ByteView bytes = file;
  return {number(128), number(516), number(1040), number(1424),
          Hasher<Alg::sha256>().add(bytes.subspan(0, 128)).add(bytes.subspan(900, 128)).finish()};
}

TEST(Rsa3072, VerifiesAndFindsTheQuotients) {
  const Signed s = signed_by_python();
  const Rsa3072Cube cube = verify_rsa3072_e3(s.modulus, s.signature, s.digest);
  EXPECT_TRUE(cube.verifies);
  EXPECT_EQ(cube.q1, s.q1);
  EXPECT_EQ(cube.q2, s.q2);
}

TEST(Rsa3072, RefusesAnotherMessageSignatureOrKey) {
  const Signed s = signed_by_python();
  Signed other = s;
  other.digest[0] ^= 1;
  EXPECT_FALSE(verify_rsa3072_e3(s.modulus, s.signature, other.digest).verifies);
  other.signature[0] ^= 1;
  EXPECT_FALSE(verify_rsa3072_e3(s.modulus, other.signature, s.digest).verifies);
  other.modulus[0] ^= 2;
  EXPECT_FALSE(verify_rsa3072_e3(other.modulus, s.signature, s.digest).verifies);
}

// s = 0 and s = 1 cube to themselves, a modulus of another size is another scheme, and s + n is a second spelling of s.
TEST(Rsa3072, RefusesNumbersOutOfRange) {
  const Signed s = signed_by_python();
  Rsa3072Number number{};
  EXPECT_FALSE(verify_rsa3072_e3(s.modulus, number, s.digest).verifies);
  EXPECT_FALSE(verify_rsa3072_e3(number, s.signature, s.digest).verifies);  // division by zero
  number[0] = 1;
  EXPECT_FALSE(verify_rsa3072_e3(s.modulus, number, s.digest).verifies);
  EXPECT_FALSE(verify_rsa3072_e3(number, s.signature, s.digest).verifies);
  number.fill(0xff);
  EXPECT_FALSE(verify_rsa3072_e3(s.modulus, number, s.digest).verifies);
  EXPECT_FALSE(verify_rsa3072_e3(s.modulus, s.modulus, s.digest).verifies);
}

std::string public_key(const std::string& name) {
  return *read_text(fs::path(HALLMARK_SOURCE_DIR) / "tests/fuzz/corpus/rsa_key" / name, 1 << 16);
}

// The same key in both encodings, written by openssl from the number that Python computed.
TEST(Rsa3072, ReadsAPublicKey) {
  for (const char* name : {"spki.pub", "pkcs1.pub"}) {
    const auto modulus = parse_rsa3072_e3_public_key(public_key(name), name);
    ASSERT_TRUE(modulus) << modulus.error().message();
    EXPECT_EQ(*modulus, signed_by_python().modulus);
  }
}

TEST(Rsa3072, RefusesOtherKeysByWhatTheyAre) {
  const auto why = [](const std::string& pem) {
    const auto modulus = parse_rsa3072_e3_public_key(pem, "a.pub");
    return modulus ? "accepted" : modulus.error().message();
  };
  EXPECT_EQ(why(public_key("rsa2048.pub")), "a.pub: is an RSA key of 2048 bits; an enclave is signed with one of 3072");
  EXPECT_EQ(why(public_key("e65537.pub")),
            "a.pub: is an RSA key with the exponent 65537; an enclave is signed with one that has 3");
  EXPECT_EQ(why(public_key("ec.pub")), "a.pub: is no RSA key; an enclave is signed with RSA of 3072 bits, exponent 3");
  std::string relabelled = public_key("spki.pub");
  for (std::size_t at = 0; (at = relabelled.find("PUBLIC", at)) != relabelled.npos;)
    relabelled.replace(at, 6, "PRIVATE");
  EXPECT_EQ(why(relabelled).find("a.pub: is a private key where a public one is wanted"), 0u) << why(relabelled);
  EXPECT_EQ(why(public_key("spki.pub") + public_key("spki.pub")), "a.pub: has something after the PEM block");
  EXPECT_EQ(why("-----BEGIN PUBLIC KEY-----\nMAA=\n-----END PUBLIC KEY-----\n"), "a.pub: holds no valid public key");
  EXPECT_EQ(why("-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n"),
            "a.pub: is a PEM block \"CERTIFICATE\", not \"PUBLIC KEY\"");
  EXPECT_EQ(why(""), "a.pub: does not begin with a PEM block (\"-----BEGIN \")");
}

}  // namespace
}  // namespace hallmark
