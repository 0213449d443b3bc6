// Vendors' public keys, which verify signatures over evidence. Our own signing keys are key.h.
#pragma once

#include <memory>

#include "lib/crypto/digest.h"

struct evp_pkey_st;

namespace hallmark {

class VerifyingKey {
 public:
  enum class Kind { p256, p384, rsa };

  // An uncompressed point without its leading 04: x || y, big-endian. One that is not on the curve is refused.
  static Result<VerifyingKey> p256(std::span<const std::uint8_t, 64> point);
  // Big-endian numbers of any length up to 4096 bits; fewer than 2048 are refused.
  static Result<VerifyingKey> rsa(ByteView modulus, ByteView exponent);
  // A SubjectPublicKeyInfo in DER (RFC 5280 section 4.1.2.7).
  static Result<VerifyingKey> from_spki(ByteView der, const std::string& name);

  Kind kind() const { return kind_; }

  // ECDSA (FIPS 186-5) over SHA-256 with P-256 and over SHA-384 with P-384. The signature is r || s, big-endian, each
  // as long as the curve's order. A key of another kind verifies nothing.
  bool verify_ecdsa(ByteView message, ByteView signature) const;
  // The same with the signature as certificates have it: SEQUENCE { INTEGER r, INTEGER s } (RFC 3279 section 2.2.3).
  bool verify_ecdsa_der(ByteView message, ByteView signature) const;
  // RSASSA-PKCS1-v1_5 with SHA-256 (RFC 8017 section 8.2).
  bool verify_rsa_pkcs1_sha256(ByteView message, ByteView signature) const;

 private:
  VerifyingKey(Kind kind, std::shared_ptr<evp_pkey_st> key) : kind_(kind), key_(std::move(key)) {}
  static Result<VerifyingKey> from_evp(std::shared_ptr<evp_pkey_st> key, const std::string& name);

  Kind kind_;
  std::shared_ptr<evp_pkey_st> key_;
};

}  // namespace hallmark
