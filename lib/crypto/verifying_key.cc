#include "lib/crypto/verifying_key.h"

#include <algorithm>
#include <climits>

#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/params.h>
#include <openssl/x509.h>

#include "lib/crypto/openssl_handle.h"

namespace hallmark {
namespace {

using Key = std::unique_ptr<EVP_PKEY, Free<EVP_PKEY_free>>;
using KeyContext = std::unique_ptr<EVP_PKEY_CTX, Free<EVP_PKEY_CTX_free>>;
using DigestContext = std::unique_ptr<EVP_MD_CTX, Free<EVP_MD_CTX_free>>;
using Builder = std::unique_ptr<OSSL_PARAM_BLD, Free<OSSL_PARAM_BLD_free>>;
using Params = std::unique_ptr<OSSL_PARAM, Free<OSSL_PARAM_free>>;
using Number = std::unique_ptr<BIGNUM, Free<BN_free>>;

constexpr int kMinRsaBits = 2048, kMaxRsaBits = 4096;

// SEQUENCE { INTEGER r, INTEGER s } (RFC 3279 section 2.2.3), which is what OpenSSL verifies.
class EcdsaDer {
 public:
  explicit EcdsaDer(ByteView r_and_s) {
    const std::size_t half = r_and_s.size() / 2;
    std::array<std::uint8_t, std::size_t{2} * 51> body{};
    std::size_t at = 0;
    for (ByteView number : {r_and_s.first(half), r_and_s.subspan(half)}) {
      while (number.size() > 1 && number[0] == 0) number = number.subspan(1);
      const bool pad = (number[0] & 0x80) != 0;
      body[at++] = 0x02;
      body[at++] = static_cast<std::uint8_t>(number.size() + pad);
      if (pad) body[at++] = 0;
      at = static_cast<std::size_t>(std::copy(number.begin(), number.end(), body.begin() + std::ptrdiff_t(at)) -
                                    body.begin());
    }
    // At most 2 * (2 + 49) bytes: the length takes one octet.
    bytes_[0] = 0x30;
    bytes_[1] = static_cast<std::uint8_t>(at);
    std::copy_n(body.begin(), at, bytes_.begin() + 2);
    size_ = at + 2;
  }
  const std::uint8_t* data() const { return bytes_.data(); }
  std::size_t size() const { return size_; }

 private:
  std::array<std::uint8_t, 2 + 2 * 51> bytes_{};
  std::size_t size_ = 0;
};

// Looked up once: a lookup by name costs as much as hashing a kilobyte.
const EVP_MD* sha256() {
  static const EVP_MD* const md = must(EVP_MD_fetch(nullptr, "SHA2-256", nullptr));
  return md;
}
const EVP_MD* sha384() {
  static const EVP_MD* const md = must(EVP_MD_fetch(nullptr, "SHA2-384", nullptr));
  return md;
}

bool verify(EVP_PKEY* key, const EVP_MD* md, ByteView message, const std::uint8_t* signature, std::size_t size) {
  DropErrors drop;
  const DigestContext context(must(EVP_MD_CTX_new()));
  return EVP_DigestVerifyInit(context.get(), nullptr, md, nullptr, key) == 1 &&
         EVP_DigestVerify(context.get(), signature, size, message.data(), message.size()) == 1;
}

EVP_PKEY* key_on_p256() {
  std::array<std::uint8_t, 1 + 64> generator{
      0x04, 0x6b, 0x17, 0xd1, 0xf2, 0xe1, 0x2c, 0x42, 0x47, 0xf8, 0xbc, 0xe6, 0xe5, 0x63, 0xa4, 0x40, 0xf2,
      0x77, 0x03, 0x7d, 0x81, 0x2d, 0xeb, 0x33, 0xa0, 0xf4, 0xa1, 0x39, 0x45, 0xd8, 0x98, 0xc2, 0x96, 0x4f,
      0xe3, 0x42, 0xe2, 0xfe, 0x1a, 0x7f, 0x9b, 0x8e, 0xe7, 0xeb, 0x4a, 0x7c, 0x0f, 0x9e, 0x16, 0x2b, 0xce,
      0x33, 0x57, 0x6b, 0x31, 0x5e, 0xce, 0xcb, 0xb6, 0x40, 0x68, 0x37, 0xbf, 0x51, 0xf5};
  std::array<char, 6> group{"P-256"};
  const OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string("group", group.data(), 0),
                               OSSL_PARAM_construct_octet_string("pub", generator.data(), generator.size()),
                               OSSL_PARAM_construct_end()};
  const KeyContext context(must(EVP_PKEY_CTX_new_from_name(nullptr, "EC", nullptr)));
  EVP_PKEY* key = nullptr;
  must(EVP_PKEY_fromdata_init(context.get()) == 1 &&
       EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, const_cast<OSSL_PARAM*>(params)) == 1);
  return key;
}

}  // namespace

Result<VerifyingKey> VerifyingKey::from_evp(std::shared_ptr<evp_pkey_st> key, const std::string& name) {
  if (EVP_PKEY_get_base_id(key.get()) == EVP_PKEY_RSA) {
    const int bits = EVP_PKEY_get_bits(key.get());
    if (bits < kMinRsaBits || bits > kMaxRsaBits)
      return fail(Fault::unsupported, name + ": is an RSA key of " + std::to_string(bits) + " bits, " +
                                          std::to_string(kMinRsaBits) + " to " + std::to_string(kMaxRsaBits) +
                                          " are accepted");
    return VerifyingKey(Kind::rsa, std::move(key));
  }
  if (EVP_PKEY_get_base_id(key.get()) == EVP_PKEY_EC) {
    std::array<char, 32> group{};
    std::size_t size = 0;
    if (EVP_PKEY_get_utf8_string_param(key.get(), "group", group.data(), group.size(), &size) == 1) {
      const std::string_view curve(group.data(), size);
      if (curve == "prime256v1" || curve == "P-256") return VerifyingKey(Kind::p256, std::move(key));
      if (curve == "secp384r1" || curve == "P-384") return VerifyingKey(Kind::p384, std::move(key));
    }
  }
  ERR_clear_error();
  return fail(Fault::unsupported, name + ": is a key of another kind than P-256, P-384 and RSA");
}

Result<VerifyingKey> VerifyingKey::from_spki(ByteView der, const std::string& name) {
  DropErrors drop;
  const std::uint8_t* at = der.data();
  std::shared_ptr<evp_pkey_st> key(
      d2i_PUBKEY(nullptr, &at, static_cast<long>(std::min<std::size_t>(der.size(), LONG_MAX))), EVP_PKEY_free);
  if (!key || at != der.data() + der.size()) return fail(Fault::format, name + ": is no public key");
  return from_evp(std::move(key), name);
}

// From the point itself, put into a copy of a key on that curve: a SubjectPublicKeyInfo around it would be decoded at
// the cost of two signatures, and building a key from parameters takes a quarter of one.
Result<VerifyingKey> VerifyingKey::p256(std::span<const std::uint8_t, 64> point) {
  DropErrors drop;
  // The generator of the group (SEC 2 version 2.0, section 2.4.2), as good a point as any.
  static EVP_PKEY* const any = must(key_on_p256());
  std::array<std::uint8_t, 1 + 64> octets{0x04};
  std::ranges::copy(point, octets.begin() + 1);
  std::shared_ptr<evp_pkey_st> key(must(EVP_PKEY_dup(any)), EVP_PKEY_free);
  // Refuses a point that is not on the curve.
  if (EVP_PKEY_set1_encoded_public_key(key.get(), octets.data(), octets.size()) != 1)
    return fail(Fault::format, "the point is not on the curve P-256");
  return VerifyingKey(Kind::p256, std::move(key));
}

Result<VerifyingKey> VerifyingKey::rsa(ByteView modulus, ByteView exponent) {
  DropErrors drop;
  if (modulus.size() > kMaxRsaBits / 8 + 1 || exponent.empty() || exponent.size() > 8)
    return fail(Fault::unsupported, "the RSA key: has a modulus of " + std::to_string(modulus.size()) +
                                        " bytes and an exponent of " + std::to_string(exponent.size()));
  const Number n(must(BN_bin2bn(modulus.data(), static_cast<int>(modulus.size()), nullptr))),
      e(must(BN_bin2bn(exponent.data(), static_cast<int>(exponent.size()), nullptr)));
  // RFC 8017 section 3.1: e is odd and at least 3. With 1, every message would be its own signature.
  if (!BN_is_odd(e.get()) || BN_is_one(e.get()) || !BN_is_odd(n.get()))
    return fail(Fault::format, "the RSA key: its numbers are no modulus and public exponent");
  const Builder builder(must(OSSL_PARAM_BLD_new()));
  must(OSSL_PARAM_BLD_push_BN(builder.get(), "n", n.get()));
  must(OSSL_PARAM_BLD_push_BN(builder.get(), "e", e.get()));
  const Params params(must(OSSL_PARAM_BLD_to_param(builder.get())));
  const KeyContext context(must(EVP_PKEY_CTX_new_from_name(nullptr, "RSA", nullptr)));
  EVP_PKEY* key = nullptr;
  if (EVP_PKEY_fromdata_init(context.get()) != 1 ||
      EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, params.get()) != 1)
    return fail(Fault::format, "the RSA key: its numbers are no public key");
  return from_evp(std::shared_ptr<evp_pkey_st>(key, EVP_PKEY_free), "the RSA key");
}

bool VerifyingKey::verify_ecdsa(ByteView message, ByteView signature) const {
  if (kind_ == Kind::rsa || signature.size() != (kind_ == Kind::p256 ? 64u : 96u)) return false;
  const EcdsaDer der(signature);
  return verify_ecdsa_der(message, {der.data(), der.size()});
}

bool VerifyingKey::verify_ecdsa_der(ByteView message, ByteView signature) const {
  return kind_ != Kind::rsa &&
         verify(key_.get(), kind_ == Kind::p256 ? sha256() : sha384(), message, signature.data(), signature.size());
}

bool VerifyingKey::verify_rsa_pkcs1_sha256(ByteView message, ByteView signature) const {
  return kind_ == Kind::rsa && verify(key_.get(), sha256(), message, signature.data(), signature.size());
}

}  // namespace hallmark
