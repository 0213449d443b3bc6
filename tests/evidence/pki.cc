#include "tests/evidence/pki.h"

#include <map>
#include <stdexcept>

#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "lib/crypto/digest.h"

namespace hallmark::made {
namespace {

template <class T>
T must(T result) {
  if (!result) throw std::runtime_error("OpenSSL refused what a test asks for");
  return result;
}

template <class T, auto F>
struct Free {
  void operator()(T* p) const { F(p); }
};
using Context = std::unique_ptr<EVP_MD_CTX, Free<EVP_MD_CTX, EVP_MD_CTX_free>>;
using Number = std::unique_ptr<BIGNUM, Free<BIGNUM, BN_free>>;

const EVP_MD* hash_of(EVP_PKEY* key) { return EVP_PKEY_get_bits(key) == 256 ? EVP_sha256() : EVP_sha384(); }

// The private number is SHA-384 of the name, below the curve's order: good enough for keys that guard nothing.
EVP_PKEY* curve_key(const std::string& name, int curve, const char* group, std::size_t size) {
  const auto digest = hallmark::digest<Alg::sha384>(as_bytes(name));
  const Number number(must(BN_bin2bn(digest.data(), static_cast<int>(size - 1), nullptr)));
  EC_GROUP* g = must(EC_GROUP_new_by_curve_name(curve));
  EC_POINT* point = must(EC_POINT_new(g));
  must(EC_POINT_mul(g, point, number.get(), nullptr, nullptr, nullptr));
  Bytes octets(1 + 2 * size);
  must(EC_POINT_point2oct(g, point, POINT_CONVERSION_UNCOMPRESSED, octets.data(), octets.size(), nullptr));
  EC_POINT_free(point);
  EC_GROUP_free(g);
  OSSL_PARAM_BLD* builder = must(OSSL_PARAM_BLD_new());
  must(OSSL_PARAM_BLD_push_utf8_string(builder, OSSL_PKEY_PARAM_GROUP_NAME, group, 0));
  must(OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_PRIV_KEY, number.get()));
  must(OSSL_PARAM_BLD_push_octet_string(builder, OSSL_PKEY_PARAM_PUB_KEY, octets.data(), octets.size()));
  OSSL_PARAM* params = must(OSSL_PARAM_BLD_to_param(builder));
  EVP_PKEY_CTX* context = must(EVP_PKEY_CTX_new_from_name(nullptr, "EC", nullptr));
  EVP_PKEY* key = nullptr;
  must(EVP_PKEY_fromdata_init(context) == 1 && EVP_PKEY_fromdata(context, &key, EVP_PKEY_KEYPAIR, params) == 1);
  EVP_PKEY_CTX_free(context);
  OSSL_PARAM_free(params);
  OSSL_PARAM_BLD_free(builder);
  return key;
}

X509_NAME* name_of(const std::string& common_name) {
  X509_NAME* name = must(X509_NAME_new());
  must(X509_NAME_add_entry_by_NID(name, NID_commonName, MBSTRING_UTF8,
                                  reinterpret_cast<const unsigned char*>(common_name.data()),
                                  static_cast<int>(common_name.size()), -1, 0));
  return name;
}

ASN1_TIME* time_of(UnixTime time) { return must(ASN1_TIME_set(nullptr, static_cast<time_t>(time))); }

void add_extension(X509* certificate, const std::string& oid, ByteView value, bool critical) {
  ASN1_OBJECT* id = must(OBJ_txt2obj(oid.c_str(), 1));
  ASN1_OCTET_STRING* octets = must(ASN1_OCTET_STRING_new());
  must(ASN1_OCTET_STRING_set(octets, value.data(), static_cast<int>(value.size())));
  X509_EXTENSION* extension = must(X509_EXTENSION_create_by_OBJ(nullptr, id, critical ? 1 : 0, octets));
  must(X509_add_ext(certificate, extension, -1));
  X509_EXTENSION_free(extension);
  ASN1_OCTET_STRING_free(octets);
  ASN1_OBJECT_free(id);
}

Context signing_context(EVP_PKEY* key) {
  Context context(must(EVP_MD_CTX_new()));
  EVP_PKEY_CTX* how = nullptr;
  must(EVP_DigestSignInit(context.get(), &how, hash_of(key), nullptr, key) == 1);
  if (EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA)
    must(EVP_PKEY_CTX_set_rsa_padding(how, RSA_PKCS1_PSS_PADDING) == 1 &&
         EVP_PKEY_CTX_set_rsa_pss_saltlen(how, RSA_PSS_SALTLEN_DIGEST) == 1);
  return context;
}

template <class T>
Bytes encode(T* value, int (*i2d)(const T*, unsigned char**)) {
  unsigned char* out = nullptr;
  const int size = i2d(value, &out);
  must(size > 0);
  Bytes bytes(out, out + size);
  OPENSSL_free(out);
  return bytes;
}

}  // namespace

Key::Key(evp_pkey_st* key) : key_(key, EVP_PKEY_free) {}
Key Key::p256(const std::string& name) { return Key(curve_key(name, NID_X9_62_prime256v1, "P-256", 32)); }
Key Key::p384(const std::string& name) { return Key(curve_key(name, NID_secp384r1, "P-384", 48)); }
Key Key::rsa4096() {
  static const Key key(must(EVP_RSA_gen(4096)));
  return key;
}

Bytes Key::spki() const { return encode(evp(), i2d_PUBKEY); }

Bytes Key::point() const {
  Bytes all = spki();
  const std::size_t size = EVP_PKEY_get_bits(evp()) == 256 ? 64 : 96;
  return {all.end() - std::ptrdiff_t(size), all.end()};
}

Bytes Key::sign(ByteView message) const {
  const Context context(must(EVP_MD_CTX_new()));
  must(EVP_DigestSignInit(context.get(), nullptr, hash_of(evp()), nullptr, evp()) == 1);
  std::size_t size = 0;
  must(EVP_DigestSign(context.get(), nullptr, &size, message.data(), message.size()) == 1);
  Bytes encoded(size);
  must(EVP_DigestSign(context.get(), encoded.data(), &size, message.data(), message.size()) == 1);
  const unsigned char* at = encoded.data();
  ECDSA_SIG* signature = must(d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(size)));
  const std::size_t half = EVP_PKEY_get_bits(evp()) == 256 ? 32 : 48;
  Bytes out(2 * half);
  must(BN_bn2binpad(ECDSA_SIG_get0_r(signature), out.data(), static_cast<int>(half)) > 0);
  must(BN_bn2binpad(ECDSA_SIG_get0_s(signature), out.data() + half, static_cast<int>(half)) > 0);
  ECDSA_SIG_free(signature);
  return out;
}

Bytes Key::sign_pkcs1(ByteView message) const {
  const Context context(must(EVP_MD_CTX_new()));
  must(EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, evp()) == 1);
  std::size_t size = 0;
  must(EVP_DigestSign(context.get(), nullptr, &size, message.data(), message.size()) == 1);
  Bytes out(size);
  must(EVP_DigestSign(context.get(), out.data(), &size, message.data(), message.size()) == 1);
  out.resize(size);
  return out;
}

Bytes Key::modulus() const {
  BIGNUM* n = nullptr;
  must(EVP_PKEY_get_bn_param(evp(), "n", &n) == 1);
  Bytes out(static_cast<std::size_t>(BN_num_bytes(n)));
  BN_bn2bin(n, out.data());
  BN_free(n);
  return out;
}

Bytes make_certificate(const CertificateSpec& spec, const Key& subject, const Issuer& issuer) {
  X509* certificate = must(X509_new());
  must(X509_set_version(certificate, X509_VERSION_3));
  must(ASN1_INTEGER_set_int64(X509_get_serialNumber(certificate), spec.serial));
  X509_NAME *name = name_of(spec.common_name), *issuer_name = name_of(issuer.common_name);
  must(X509_set_subject_name(certificate, name) && X509_set_issuer_name(certificate, issuer_name));
  ASN1_TIME *from = time_of(spec.from), *until = time_of(spec.until);
  must(X509_set1_notBefore(certificate, from) && X509_set1_notAfter(certificate, until));
  must(X509_set_pubkey(certificate, subject.evp()));
  // RFC 5280 sections 4.2.1.9 and 4.2.1.3: basicConstraints { cA }, keyUsage { keyCertSign, cRLSign }
  if (spec.ca) {
    add_extension(certificate, "2.5.29.19", *from_hex("30030101ff"), true);
    add_extension(certificate, "2.5.29.15", *from_hex("03020106"), true);
  }
  for (const auto& [oid, value] : spec.extensions) add_extension(certificate, oid, value, false);
  must(X509_sign_ctx(certificate, signing_context(issuer.key.evp()).get()) > 0);
  Bytes out = encode(certificate, i2d_X509);
  ASN1_TIME_free(from);
  ASN1_TIME_free(until);
  X509_NAME_free(name);
  X509_NAME_free(issuer_name);
  X509_free(certificate);
  return out;
}

Bytes make_revocation_list(const Issuer& issuer, UnixTime from, UnixTime until,
                           const std::vector<std::int64_t>& serials) {
  X509_CRL* list = must(X509_CRL_new());
  must(X509_CRL_set_version(list, X509_CRL_VERSION_2));
  X509_NAME* name = name_of(issuer.common_name);
  must(X509_CRL_set_issuer_name(list, name));
  ASN1_TIME *begin = time_of(from), *end = time_of(until);
  must(X509_CRL_set1_lastUpdate(list, begin) && X509_CRL_set1_nextUpdate(list, end));
  for (const std::int64_t serial : serials) {
    X509_REVOKED* entry = must(X509_REVOKED_new());
    ASN1_INTEGER* number = must(ASN1_INTEGER_new());
    must(ASN1_INTEGER_set_int64(number, serial) && X509_REVOKED_set_serialNumber(entry, number) &&
         X509_REVOKED_set_revocationDate(entry, begin) && X509_CRL_add0_revoked(list, entry));
    ASN1_INTEGER_free(number);
  }
  must(X509_CRL_sort(list));
  must(X509_CRL_sign_ctx(list, signing_context(issuer.key.evp()).get()) > 0);
  Bytes out = encode(list, i2d_X509_CRL);
  ASN1_TIME_free(begin);
  ASN1_TIME_free(end);
  X509_NAME_free(name);
  X509_CRL_free(list);
  return out;
}

std::string to_pem(const std::string& label, ByteView der) {
  const std::string body = to_base64(der);
  std::string out = "-----BEGIN " + label + "-----\n";
  for (std::size_t i = 0; i < body.size(); i += 64) out += body.substr(i, 64) + "\n";
  return out + "-----END " + label + "-----\n";
}

Bytes der(std::uint8_t tag, ByteView content) {
  Bytes out{tag};
  if (content.size() < 0x80) {
    out.push_back(static_cast<std::uint8_t>(content.size()));
  } else {
    Bytes length;
    for (std::size_t n = content.size(); n != 0; n >>= 8) length.insert(length.begin(), static_cast<std::uint8_t>(n));
    out.push_back(static_cast<std::uint8_t>(0x80 | length.size()));
    out.insert(out.end(), length.begin(), length.end());
  }
  out.insert(out.end(), content.begin(), content.end());
  return out;
}

Bytes der_oid(const std::string& dotted) {
  ASN1_OBJECT* id = must(OBJ_txt2obj(dotted.c_str(), 1));
  const Bytes out = encode(id, i2d_ASN1_OBJECT);
  ASN1_OBJECT_free(id);
  return out;
}

Bytes der_integer(std::uint64_t value) {
  Bytes content;
  do content.insert(content.begin(), static_cast<std::uint8_t>(value));
  while (value >>= 8);
  if ((content.front() & 0x80) != 0) content.insert(content.begin(), 0);
  return der(0x02, content);
}

}  // namespace hallmark::made
