#include "lib/crypto/x509.h"

#include <algorithm>
#include <climits>
#include <ctime>
#include <mutex>

#include <openssl/pem.h>
#include <openssl/provider.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include "lib/base/json.h"
#include "lib/crypto/openssl_handle.h"

namespace hallmark {
namespace {

using Bio = std::unique_ptr<BIO, Free<BIO_free>>;
using Store = std::unique_ptr<X509_STORE, Free<X509_STORE_free>>;
using StoreContext = std::unique_ptr<X509_STORE_CTX, Free<X509_STORE_CTX_free>>;
using Object = std::unique_ptr<ASN1_OBJECT, Free<ASN1_OBJECT_free>>;

void free_stack(STACK_OF(X509) * certificates) { sk_X509_free(certificates); }  // the certificates are not the stack's
using Stack = std::unique_ptr<STACK_OF(X509), Free<free_stack>>;

// More than any certificate or list of attestation has.
constexpr std::size_t kMaxDer = std::size_t{1} << 20;

Result<UnixTime> unix_time(const ASN1_TIME* time, const std::string& name, std::string_view field) {
  tm broken_down{};
  // RFC 5280 section 4.1.2.5: seconds, and Zulu. OpenSSL checks the form and the calendar.
  if (time == nullptr || ASN1_TIME_to_tm(time, &broken_down) != 1) {
    ERR_clear_error();
    return fail(Fault::format, name + ": " + std::string(field) + " is no time");
  }
  return static_cast<UnixTime>(timegm(&broken_down));
}

int length_of(ByteView bytes) { return static_cast<int>(std::min<std::size_t>(bytes.size(), INT_MAX)); }

// DER, and nothing behind it.
template <class T, class Decode>
std::shared_ptr<T> decode(ByteView der, Decode d2i, void (*release)(T*)) {
  const std::uint8_t* at = der.data();
  std::shared_ptr<T> out(d2i(nullptr, &at, length_of(der)), release);
  return out && at == der.data() + der.size() ? out : nullptr;
}

std::string common_name(const X509_NAME* name) {
  const int at = X509_NAME_get_index_by_NID(name, NID_commonName, -1);
  if (at < 0) return {};
  unsigned char* utf8 = nullptr;
  const int size = ASN1_STRING_to_UTF8(&utf8, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at)));
  if (size < 0) {
    ERR_clear_error();
    return {};
  }
  std::string out(reinterpret_cast<char*>(utf8), static_cast<std::size_t>(size));
  OPENSSL_free(utf8);
  return is_utf8(out) ? out : std::string();
}

ChainFault::Is meaning(int error) {
  switch (error) {
    case X509_V_ERR_CERT_SIGNATURE_FAILURE:
    case X509_V_ERR_UNABLE_TO_DECRYPT_CERT_SIGNATURE:
    case X509_V_ERR_SIGNATURE_ALGORITHM_MISMATCH: return ChainFault::Is::signature;
    case X509_V_ERR_INVALID_CA:
    case X509_V_ERR_PATH_LENGTH_EXCEEDED:
    case X509_V_ERR_KEYUSAGE_NO_CERTSIGN: return ChainFault::Is::not_a_ca;
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_SUBJECT_ISSUER_MISMATCH:
    case X509_V_ERR_AKID_SKID_MISMATCH:
    case X509_V_ERR_AKID_ISSUER_SERIAL_MISMATCH:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE: return ChainFault::Is::issuer;
    default: return ChainFault::Is::other;
  }
}

std::optional<ChainFault> outside_dates(const Certificate& certificate, UnixTime at) {
  const std::string when = " (at " + format_time(at) + ")";
  if (at < certificate.not_before()) return ChainFault{ChainFault::Is::not_yet_valid, 0, "is not yet valid" + when};
  if (at > certificate.not_after()) return ChainFault{ChainFault::Is::expired, 0, "has expired" + when};
  return std::nullopt;
}

// A context without algorithms, in which a certificate's fields are read and its key is left alone.
OSSL_LIB_CTX* fields_only() {
  static OSSL_LIB_CTX* const context = [] {
    OSSL_LIB_CTX* out = must(OSSL_LIB_CTX_new());
    must(OSSL_PROVIDER_load(out, "null"));
    return out;
  }();
  return context;
}

X509* read_fields(const unsigned char** at, long size) {
  X509* out = must(X509_new_ex(fields_only(), nullptr));
  return d2i_X509(&out, at, size);  // frees it on failure
}

X509* read_whole(const unsigned char** at, long size) { return d2i_X509(nullptr, at, size); }

std::shared_ptr<X509> decode_certificate(ByteView der, X509* (*read)(const unsigned char**, long)) {
  auto out = decode<X509>(
      der, [read](X509**, const unsigned char** at, long size) { return read(at, size); }, X509_free);
  // Looks through the extensions once; from here on the certificate is only read.
  if (out) X509_check_purpose(out.get(), -1, 0);
  return out;
}

}  // namespace

// OpenSSL takes as long to decode a certificate's key as to verify two signatures with it, and most are never asked for
// theirs. Safe to share between threads.
class ParsedCertificate {
 public:
  explicit ParsedCertificate(ByteView der)
      : der_(der.begin(), der.end()), fields_(decode_certificate(der_, read_fields)) {}

  const Bytes& der() const { return der_; }
  X509* fields() const { return fields_.get(); }  // null: it is no certificate

  X509* whole() const {
    std::call_once(decoded_, [this] { whole_ = must(decode_certificate(der_, read_whole)); });
    return whole_.get();
  }

  const Result<VerifyingKey>& key() const {
    std::call_once(keyed_, [this] { key_ = read_key(); });
    return *key_;
  }

 private:
  Result<VerifyingKey> read_key() const {
    if (auto key = point()) return *std::move(key);
    unsigned char* spki = nullptr;
    const int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(fields()), &spki);
    must(size > 0);
    auto out = VerifyingKey::from_spki({spki, static_cast<std::size_t>(size)}, "its public key");
    OPENSSL_free(spki);
    return out;
  }

  // RFC 5480 section 2.1.1: a key on the curve P-256 is its point, without any coding around it.
  std::optional<VerifyingKey> point() const {
    ASN1_OBJECT* algorithm = nullptr;
    const unsigned char* bits = nullptr;
    int size = 0;
    X509_ALGOR* with = nullptr;
    if (X509_PUBKEY_get0_param(&algorithm, &bits, &size, &with, X509_get_X509_PUBKEY(fields())) != 1) return {};
    int type = V_ASN1_UNDEF;
    const void* curve = nullptr;
    X509_ALGOR_get0(nullptr, &type, &curve, with);
    if (OBJ_obj2nid(algorithm) != NID_X9_62_id_ecPublicKey || type != V_ASN1_OBJECT ||
        OBJ_obj2nid(static_cast<const ASN1_OBJECT*>(curve)) != NID_X9_62_prime256v1 || size != 1 + 64 ||
        bits[0] != 0x04)
      return {};
    auto key = VerifyingKey::p256(std::span<const std::uint8_t, 64>(bits + 1, 64));
    return key ? std::optional(*std::move(key)) : std::nullopt;
  }

  const Bytes der_;
  const std::shared_ptr<X509> fields_;
  mutable std::once_flag decoded_, keyed_;
  mutable std::shared_ptr<X509> whole_;
  mutable std::optional<Result<VerifyingKey>> key_;
};

namespace {

// Vendors' CAs and their lists come with every piece of evidence. What was parsed is kept for a while, by its bytes:
// nothing is trusted for being here.
template <class T>
class Kept {
 public:
  // `parse` makes a shared_ptr to what the bytes are; null where they are none.
  template <class Parse>
  std::shared_ptr<T> get(ByteView der, Parse parse) {
    const std::lock_guard lock(mutex_);
    const auto it =
        std::ranges::find_if(entries_, [&](const Entry& entry) { return std::ranges::equal(entry.der, der); });
    if (it != entries_.end()) {
      std::rotate(entries_.begin(), it, it + 1);  // the newest first
      return entries_.front().parsed;
    }
    std::shared_ptr<T> parsed = parse(der);
    if (!parsed) return nullptr;
    if (entries_.size() == kMost) entries_.pop_back();
    entries_.insert(entries_.begin(), {Bytes(der.begin(), der.end()), parsed});
    return parsed;
  }

 private:
  struct Entry {
    Bytes der;
    std::shared_ptr<T> parsed;
  };
  static constexpr std::size_t kMost = 32;
  std::mutex mutex_;
  std::vector<Entry> entries_;
};

std::shared_ptr<const ParsedCertificate> parsed_certificate(ByteView der) {
  static Kept<const ParsedCertificate> kept;
  return kept.get(der, [](ByteView bytes) {
    auto out = std::make_shared<const ParsedCertificate>(bytes);
    return out->fields() == nullptr ? nullptr : out;
  });
}

std::shared_ptr<X509_CRL> parsed_list(ByteView der) {
  static Kept<X509_CRL> kept;
  return kept.get(der, [](ByteView bytes) { return decode<X509_CRL>(bytes, d2i_X509_CRL, X509_CRL_free); });
}

// The part that is signed, as it was encoded: the first member of the certificate's SEQUENCE (RFC 5280 section 4.1).
ByteView signed_part(ByteView der) {
  const std::uint8_t* at = der.data();
  long size = 0;
  int tag = 0, form = 0;
  must((ASN1_get_object(&at, &size, &tag, &form, length_of(der)) & 0x80) == 0);
  const std::uint8_t* const begin = at;
  must((ASN1_get_object(&at, &size, &tag, &form, der.data() + der.size() - begin) & 0x80) == 0);
  return {begin, at + size};
}

// RFC 5758 section 3.2: the hash that VerifyingKey takes with each curve.
bool is_of_curve(int algorithm, VerifyingKey::Kind kind) {
  return (algorithm == NID_ecdsa_with_SHA256 && kind == VerifyingKey::Kind::p256) ||
         (algorithm == NID_ecdsa_with_SHA384 && kind == VerifyingKey::Kind::p384);
}

bool signed_by(const Certificate& certificate, const Certificate& issuer) {
  const ASN1_BIT_STRING* signature = nullptr;
  const X509_ALGOR* algorithm = nullptr;
  X509_get0_signature(&signature, &algorithm, certificate.fields());
  // RFC 5280 section 4.1.1.2: the algorithm stands in both places.
  if (X509_ALGOR_cmp(algorithm, X509_get0_tbs_sigalg(certificate.fields())) != 0) return false;
  const auto key = issuer.key();
  const ByteView value(ASN1_STRING_get0_data(signature), static_cast<std::size_t>(ASN1_STRING_length(signature)));
  if (key && is_of_curve(X509_get_signature_nid(certificate.fields()), key->kind()))
    return key->verify_ecdsa_der(signed_part(certificate.der()), value);
  EVP_PKEY* whole = X509_get0_pubkey(issuer.with_key());
  return whole != nullptr && X509_verify(certificate.with_key(), whole) == 1;
}

}  // namespace

Result<Certificate> Certificate::parse(ByteView der, const std::string& name) {
  DropErrors drop;
  Certificate out;
  if (der.size() <= kMaxDer) out.parsed_ = parsed_certificate(der);
  if (!out.parsed_) return fail(Fault::format, name + ": is no X.509 certificate in DER");
  out.name_ = name;
  TRY(out.not_before_, unix_time(X509_get0_notBefore(out.fields()), name, "notBefore"));
  TRY(out.not_after_, unix_time(X509_get0_notAfter(out.fields()), name, "notAfter"));
  if ((X509_get_extension_flags(out.fields()) & EXFLAG_INVALID) != 0)
    return fail(Fault::format, name + ": has an extension that is malformed, or there twice");
  return out;
}

const Bytes& Certificate::der() const { return parsed_->der(); }
x509_st* Certificate::fields() const { return parsed_->fields(); }
x509_st* Certificate::with_key() const { return parsed_->whole(); }

std::string Certificate::subject() const { return common_name(X509_get_subject_name(fields())); }

Bytes Certificate::serial() const {
  const ASN1_INTEGER* number = X509_get0_serialNumber(fields());
  const std::uint8_t* data = ASN1_STRING_get0_data(number);
  return {data, data + ASN1_STRING_length(number)};
}

Bytes Certificate::spki() const {
  unsigned char* der = nullptr;
  const int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(fields()), &der);
  must(size > 0);
  Bytes out(der, der + size);
  OPENSSL_free(der);
  return out;
}

DigestOf<Alg::sha256> Certificate::spki_sha256() const { return digest<Alg::sha256>(spki()); }
DigestOf<Alg::sha256> Certificate::sha256() const { return digest<Alg::sha256>(der()); }

Result<VerifyingKey> Certificate::key() const {
  DropErrors drop;
  return in(name_, parsed_->key());
}

bool Certificate::self_issued() const {
  return X509_NAME_cmp(X509_get_subject_name(fields()), X509_get_issuer_name(fields())) == 0;
}

// RFC 5280 sections 4.2.1.9 and 4.2.1.3. Older forms of a CA, which X509_check_ca() tells by other numbers, are none.
bool Certificate::is_ca() const { return X509_check_ca(fields()) == 1; }

std::optional<Bytes> Certificate::extension(const char* oid) const {
  const Object id(must(OBJ_txt2obj(oid, 1)));
  const int at = X509_get_ext_by_OBJ(fields(), id.get(), -1);
  if (at < 0) return std::nullopt;
  const ASN1_OCTET_STRING* value = X509_EXTENSION_get_data(X509_get_ext(fields(), at));
  const std::uint8_t* data = ASN1_STRING_get0_data(value);
  return Bytes(data, data + ASN1_STRING_length(value));
}

Result<std::vector<Certificate>> parse_certificates(ByteView text, const std::string& name, std::size_t most) {
  std::vector<Certificate> out;
  if (!text.empty() && text[0] == 0x30) {
    TRY(Certificate one, Certificate::parse(text, name));
    out.push_back(std::move(one));
    return out;
  }
  if (text.size() > kMaxDer)
    return fail(Fault::format, name + ": has " + std::to_string(text.size()) + " bytes, too many for certificates");
  constexpr std::string_view kBegin = "-----BEGIN CERTIFICATE-----", kEnd = "-----END CERTIFICATE-----";
  std::string_view rest = as_text(text);
  if (rest.ends_with('\0')) rest.remove_suffix(1);
  for (;;) {
    const auto start = rest.find_first_not_of(" \t\r\n");
    if (start == rest.npos) break;
    rest.remove_prefix(start);
    const std::string which = name + ": certificate " + std::to_string(out.size());
    if (!rest.starts_with(kBegin))
      return fail(Fault::format, which + ": \"" + std::string(kBegin) + "\" wanted, something else stands there");
    const auto end = rest.find(kEnd);
    if (end == rest.npos) return fail(Fault::format, "truncated", which + ": does not end");
    if (out.size() == most)
      return fail(Fault::format, name + ": has more than " + std::to_string(most) + " certificates");
    std::string body;
    for (char c : rest.substr(kBegin.size(), end - kBegin.size()))
      if (c != '\n' && c != '\r' && c != ' ' && c != '\t') body += c;
    TRY(const Bytes der, in(which, from_base64(body)));
    TRY(Certificate one, Certificate::parse(der, which));
    out.push_back(std::move(one));
    rest.remove_prefix(end + kEnd.size());
  }
  if (out.empty()) return fail(Fault::format, name + ": has no certificate");
  return out;
}

Result<RevocationList> RevocationList::parse(ByteView bytes, const std::string& name) {
  DropErrors drop;
  Bytes der(bytes.begin(), bytes.end());
  std::string_view text = as_text(bytes);
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r' || text.back() == '\0')) text.remove_suffix(1);
  constexpr std::string_view kBegin = "-----BEGIN X509 CRL-----", kEnd = "-----END X509 CRL-----";
  if (text.starts_with(kBegin) && text.ends_with(kEnd) && text.size() > kBegin.size() + kEnd.size()) {
    std::string body;
    for (char c : text.substr(kBegin.size(), text.size() - kBegin.size() - kEnd.size()))
      if (c != '\n' && c != '\r') body += c;
    TRY(der, in(name, from_base64(body)));
  } else if (text.starts_with("30")) {
    TRY(der, in(name, from_hex(text)));
  }
  RevocationList out;
  if (der.size() <= kMaxDer) out.crl_ = parsed_list(der);
  if (!out.crl_) return fail(Fault::format, name + ": is no revocation list in DER, PEM or hexadecimal");
  TRY(out.this_update_, unix_time(X509_CRL_get0_lastUpdate(out.crl_.get()), name, "thisUpdate"));
  TRY(out.next_update_, unix_time(X509_CRL_get0_nextUpdate(out.crl_.get()), name, "nextUpdate"));
  // RFC 5280 section 5.2: with a critical extension that is not understood (a delta, a list for part of the
  // certificates), a list does not say what is not revoked.
  for (int i = 0; i < X509_CRL_get_ext_count(out.crl_.get()); i++)
    if (X509_EXTENSION_get_critical(X509_CRL_get_ext(out.crl_.get(), i)) != 0)
      return fail(Fault::unsupported, name + ": has a critical extension: it is a list of a kind that is not known");
  return out;
}

bool RevocationList::issued_by(const Certificate& issuer) const {
  return X509_NAME_cmp(X509_CRL_get_issuer(crl_.get()), X509_get_subject_name(issuer.fields())) == 0;
}

bool RevocationList::signed_by(const Certificate& issuer) const {
  DropErrors drop;
  EVP_PKEY* key = X509_get0_pubkey(issuer.with_key());
  return key != nullptr && X509_CRL_verify(crl_.get(), key) == 1;
}

bool RevocationList::lists(const Certificate& certificate) const {
  X509_REVOKED* entry = nullptr;
  // 2 would be "removed from the list", which only delta lists say.
  return X509_CRL_get0_by_serial(crl_.get(), &entry, X509_get0_serialNumber(certificate.fields())) != 0;
}

std::size_t RevocationList::size() const {
  const int n = sk_X509_REVOKED_num(X509_CRL_get_REVOKED(crl_.get()));
  return n < 0 ? 0 : static_cast<std::size_t>(n);
}

std::string_view to_text(ChainFault::Is is) {
  switch (is) {
    case ChainFault::Is::signature: return "signature";
    case ChainFault::Is::expired: return "expired";
    case ChainFault::Is::not_yet_valid: return "not_yet_valid";
    case ChainFault::Is::not_a_ca: return "not_a_ca";
    case ChainFault::Is::issuer: return "issuer";
    case ChainFault::Is::other: return "invalid";
  }
  return {};
}

std::optional<ChainFault> check_issued(const Certificate& certificate, const Certificate& issuer, UnixTime at) {
  DropErrors drop;
  const auto fault = [&](ChainFault::Is is, std::string_view why) {
    return ChainFault{is, 0, certificate.name() + ": " + std::string(why)};
  };
  if (!issuer.is_ca()) return fault(ChainFault::Is::not_a_ca, "was issued by what is no CA");
  if (X509_NAME_cmp(X509_get_issuer_name(certificate.fields()), X509_get_subject_name(issuer.fields())) != 0)
    return fault(ChainFault::Is::issuer, "was issued by another");
  if (!signed_by(certificate, issuer)) return fault(ChainFault::Is::signature, "its signature does not verify");
  if (const int error = X509_check_issued(issuer.with_key(), certificate.fields()); error != X509_V_OK)
    return fault(meaning(error), X509_verify_cert_error_string(error));
  if ((X509_get_extension_flags(certificate.fields()) & EXFLAG_CRITICAL) != 0)
    return fault(ChainFault::Is::other, "has a critical extension that is not known");
  if (X509_get_ext_by_NID(issuer.fields(), NID_name_constraints, -1) >= 0)
    return fault(ChainFault::Is::other, "its issuer constrains names, which is not known here");
  if (auto out = outside_dates(certificate, at)) return fault(out->is, out->detail);
  return std::nullopt;
}

std::optional<ChainFault> check_chain(std::span<const Certificate> chain, UnixTime at, AnchorSignature anchor) {
  DropErrors drop;
  for (std::size_t i = 1; i < chain.size(); i++)
    if (!chain[i].is_ca())
      return ChainFault{ChainFault::Is::not_a_ca, i, chain[i].name() + ": issues certificates and is no CA"};
  // Each issuer is the one that the chain has next: a path that OpenSSL might find otherwise is not what was asked
  // about.
  for (std::size_t i = 0; i + 1 < chain.size(); i++)
    if (X509_NAME_cmp(X509_get_issuer_name(chain[i].fields()), X509_get_subject_name(chain[i + 1].fields())) != 0)
      return ChainFault{ChainFault::Is::issuer, i,
                        chain[i].name() + ": was issued by another than the next in its chain"};

  const Store store(must(X509_STORE_new()));
  must(X509_STORE_add_cert(store.get(), chain.back().with_key()));
  const Stack between(must(sk_X509_new_null()));
  for (std::size_t i = 1; i + 1 < chain.size(); i++) must(sk_X509_push(between.get(), chain[i].with_key()));
  const StoreContext context(must(X509_STORE_CTX_new()));
  must(X509_STORE_CTX_init(context.get(), store.get(), chain.front().with_key(), between.get()));
  X509_VERIFY_PARAM* param = X509_STORE_CTX_get0_param(context.get());
  X509_VERIFY_PARAM_set_depth(param, static_cast<int>(chain.size()));
  // Of dates OpenSSL takes the last second for too late, which RFC 5280 section 4.1.2.5 does not.
  must(X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_NO_CHECK_TIME));
  if (anchor == AnchorSignature::check) must(X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_CHECK_SS_SIGNATURE));
  if (X509_verify_cert(context.get()) == 1) {
    for (std::size_t i = chain.size(); i-- > 0;)
      if (auto out = outside_dates(chain[i], at))
        return ChainFault{out->is, i, chain[i].name() + ": " + std::move(out->detail)};
    return std::nullopt;
  }
  const int error = X509_STORE_CTX_get_error(context.get());
  const std::size_t depth =
      std::min(static_cast<std::size_t>(std::max(X509_STORE_CTX_get_error_depth(context.get()), 0)), chain.size() - 1);
  ChainFault::Is is = meaning(error);
  // Where the names agree and OpenSSL finds no issuer, the key identifiers differ. Whose signature it is says more.
  if (is == ChainFault::Is::issuer && depth + 1 < chain.size() && !signed_by(chain[depth], chain[depth + 1]))
    return ChainFault{ChainFault::Is::signature, depth, chain[depth].name() + ": its signature does not verify"};
  return ChainFault{is, depth, chain[depth].name() + ": " + X509_verify_cert_error_string(error)};
}

}  // namespace hallmark
