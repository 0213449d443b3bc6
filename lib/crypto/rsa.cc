#include "lib/crypto/rsa.h"

#include <new>

#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "lib/base/files.h"
#include "lib/crypto/pem.h"

namespace hallmark {
namespace {

struct FreeBn {
  void operator()(BIGNUM* p) const { BN_free(p); }
  void operator()(BN_CTX* p) const { BN_CTX_free(p); }
};
struct FreeKey {
  void operator()(EVP_PKEY* p) const { EVP_PKEY_free(p); }
};
using Bn = std::unique_ptr<BIGNUM, FreeBn>;

// On numbers of this size the library fails only when memory is gone.
void must(bool ok) {
  if (!ok) throw std::bad_alloc();
}

Bn number() {
  Bn n(BN_new());
  must(n != nullptr);
  return n;
}

Bn number(ByteView little_endian) {
  Bn n(BN_lebin2bn(little_endian.data(), static_cast<int>(little_endian.size()), nullptr));
  must(n != nullptr);
  return n;
}

Rsa3072Number little_endian(const Bn& n) {
  Rsa3072Number out;
  must(BN_bn2lebinpad(n.get(), out.data(), static_cast<int>(out.size())) >= 0);
  return out;
}

// RFC 8017, section 9.2: EM = 0x00 || 0x01 || PS || 0x00 || T, here least significant byte first.
Rsa3072Number encode(const DigestOf<Alg::sha256>& digest) {
  // Note 1: the DER encoding of DigestInfo for SHA-256, without the hash value.
  static constexpr std::array<std::uint8_t, 19> kDigestInfo{0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01,
                                                            0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20};
  Rsa3072Number em;
  em.fill(0xff);
  auto out = std::copy(digest.rbegin(), digest.rend(), em.begin());
  out = std::copy(kDigestInfo.rbegin(), kDigestInfo.rend(), out);
  *out = 0x00;
  em[kRsa3072Size - 2] = 0x01;
  em[kRsa3072Size - 1] = 0x00;
  return em;
}

}  // namespace

Rsa3072Cube verify_rsa3072_e3(std::span<const std::uint8_t, kRsa3072Size> modulus,
                              std::span<const std::uint8_t, kRsa3072Size> signature,
                              const DigestOf<Alg::sha256>& digest) {
  const Bn n = number(modulus), s = number(signature);
  // Below, q1 and q2 are less than s and so fit in their fields.
  if (BN_num_bits(n.get()) != 3072 || BN_cmp(s.get(), n.get()) >= 0) return {};

  const std::unique_ptr<BN_CTX, FreeBn> scratch(BN_CTX_new());
  must(scratch != nullptr);
  const Bn product = number(), q1 = number(), q2 = number(), remainder = number();
  must(BN_sqr(product.get(), s.get(), scratch.get()));                             // s^2
  must(BN_div(q1.get(), remainder.get(), product.get(), n.get(), scratch.get()));  // = q1*n + r
  must(BN_mul(product.get(), remainder.get(), s.get(), scratch.get()));            // s^3 - q1*s*n = r*s
  must(BN_div(q2.get(), remainder.get(), product.get(), n.get(), scratch.get()));  // = q2*n + s^3 mod n
  return {.verifies = little_endian(remainder) == encode(digest), .q1 = little_endian(q1), .q2 = little_endian(q2)};
}

Result<Rsa3072Number> parse_rsa3072_e3_public_key(std::string_view pem, const std::string& name) {
  TRY(const PemBlock block, read_pem(as_bytes(pem), name));
  if (block.label.ends_with("PRIVATE KEY"))
    return fail(Fault::usage, name +
                                  ": is a private key where a public one is wanted, and belongs on no other machine; "
                                  "`openssl rsa -pubout` writes the public half");
  const unsigned char* at = block.der.data();
  const unsigned char* const end = at + block.der.size();
  const auto size = static_cast<long>(block.der.size());
  std::unique_ptr<EVP_PKEY, FreeKey> key;
  if (block.label == "PUBLIC KEY")
    key.reset(d2i_PUBKEY(nullptr, &at, size));
  else if (block.label == "RSA PUBLIC KEY")
    key.reset(d2i_PublicKey(EVP_PKEY_RSA, nullptr, &at, size));
  else
    return fail(Fault::unsupported, name + ": is a PEM block \"" + printable(block.label) + "\", not \"PUBLIC KEY\"");
  // What OpenSSL notes about a failure is of no use to anyone here.
  ERR_clear_error();
  if (!key || at != end) return fail(Fault::format, name + ": holds no valid public key");
  if (EVP_PKEY_get_base_id(key.get()) != EVP_PKEY_RSA)
    return fail(Fault::unsupported, name + ": is no RSA key; an enclave is signed with RSA of 3072 bits, exponent 3");
  BIGNUM *modulus = nullptr, *exponent = nullptr;
  must(EVP_PKEY_get_bn_param(key.get(), "n", &modulus) == 1);
  const Bn n(modulus);
  must(EVP_PKEY_get_bn_param(key.get(), "e", &exponent) == 1);
  const Bn e(exponent);
  if (BN_num_bits(n.get()) != 8 * kRsa3072Size)
    return fail(Fault::unsupported, name + ": is an RSA key of " + std::to_string(BN_num_bits(n.get())) +
                                        " bits; an enclave is signed with one of 3072");
  if (!BN_is_word(e.get(), 3))
    return fail(Fault::unsupported,
                name + ": is an RSA key with the exponent " +
                    (BN_num_bits(e.get()) <= 64 ? std::to_string(BN_get_word(e.get())) : "over 2^64") +
                    "; an enclave is signed with one that has 3");
  return little_endian(n);
}

}  // namespace hallmark
