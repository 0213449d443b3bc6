// RSASSA-PKCS1-v1_5 with SHA-256 (RFC 8017, section 8.2) over a 3072-bit modulus and the public exponent 3: the one
// signature scheme of SGX enclaves. All numbers are little-endian, as SIGSTRUCT holds them.
#pragma once

#include "lib/crypto/digest.h"

namespace hallmark {

inline constexpr std::size_t kRsa3072Size = 384;
using Rsa3072Number = std::array<std::uint8_t, kRsa3072Size>;

// What a division-free verifier such as the EINIT instruction computes s^3 mod n from, and what comes out.
struct Rsa3072Cube {
  bool verifies = false;  // s^3 mod n is the encoding of this digest, and n and s have their full range
  Rsa3072Number q1{};     // floor(s^2 / n)
  Rsa3072Number q2{};     // floor((s^3 - q1*s*n) / n)
};

Rsa3072Cube verify_rsa3072_e3(std::span<const std::uint8_t, kRsa3072Size> modulus,
                              std::span<const std::uint8_t, kRsa3072Size> signature,
                              const DigestOf<Alg::sha256>& digest);

// The modulus of a public key in PEM: SubjectPublicKeyInfo (RFC 7468 section 13) or PKCS#1 ("RSA PUBLIC KEY", RFC 8017
// appendix A.1.1). Every other key is refused by what it is. `name` says in messages where the text came from.
Result<Rsa3072Number> parse_rsa3072_e3_public_key(std::string_view pem, const std::string& name);

}  // namespace hallmark
