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
    std::array<std::uint8_t, 2 * 51> body{};
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

// From the point itself: a SubjectPublicKeyInfo around it would be decoded at the cost of a signature.
Result<VerifyingKey> VerifyingKey::p256(std::span<const std::uint8_t, 64> point) {
  DropErrors drop;
  std::array<std::uint8_t, 1 + 64> octets{0x04};
  std::ranges::copy(point, octets.begin() + 1);
  std::array<char, 6> group{"P-256"};
  const OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string("group", group.data(), 0),
                               OSSL_PARAM_construct_octet_string("pub", octets.data(), octets.size()),
                               OSSL_PARAM_construct_end()};
  const KeyContext context(must(EVP_PKEY_CTX_new_from_name(nullptr, "EC", nullptr)));
  EVP_PKEY* key = nullptr;
  // EVP_PKEY_fromdata() refuses a point that is not on the curve.
  if (EVP_PKEY_fromdata_init(context.get()) != 1 ||
      EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, const_cast<OSSL_PARAM*>(params)) != 1)
    return fail(Fault::format, "the point is not on the curve P-256");
  return VerifyingKey(Kind::p256, std::shared_ptr<evp_pkey_st>(key, EVP_PKEY_free));
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
  return verify(key_.get(), kind_ == Kind::p256 ? sha256() : sha384(), message, der.data(), der.size());
}

bool VerifyingKey::verify_rsa_pkcs1_sha256(ByteView message, ByteView signature) const {
  return kind_ == Kind::rsa && verify(key_.get(), sha256(), message, signature.data(), signature.size());
}

}  // namespace hallmark
