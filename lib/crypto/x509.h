// X.509 certificates, chains and revocation lists (RFC 5280) as attestation uses them: short chains to a root that is
// known beforehand, at a time that the caller names.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "lib/base/clock.h"
#include "lib/crypto/verifying_key.h"

struct x509_st;
struct X509_crl_st;

namespace hallmark {

class ParsedCertificate;

class Certificate {
 public:
  // Exactly one certificate, nothing after it. `name` says in messages where it came from.
  static Result<Certificate> parse(ByteView der, const std::string& name);

  const Bytes& der() const;
  const std::string& name() const { return name_; }
  std::string subject() const;  // the common name; empty without one
  UnixTime not_before() const { return not_before_; }
  UnixTime not_after() const { return not_after_; }
  Bytes serial() const;  // big-endian, as encoded
  Bytes spki() const;    // SubjectPublicKeyInfo, in DER
  DigestOf<Alg::sha256> spki_sha256() const;
  DigestOf<Alg::sha256> sha256() const;  // of the certificate
  Result<VerifyingKey> key() const;
  bool self_issued() const;  // subject and issuer are the same name
  // basicConstraints say CA, and keyUsage, where it is there, has keyCertSign.
  bool is_ca() const;
  // The value of the extension with that OID ("1.2.840.113741.1.13.1"): what its OCTET STRING holds. Nothing if it is
  // not there.
  std::optional<Bytes> extension(const char* oid) const;

  x509_st* fields() const;    // without the key
  x509_st* with_key() const;  // decodes the key when it is asked for first

 private:
  Certificate() = default;
  std::string name_;
  std::shared_ptr<const ParsedCertificate> parsed_;
  UnixTime not_before_ = 0, not_after_ = 0;
};

// All certificates of a file in PEM (one block or more, with white space or a final NUL between and after them, and
// nothing else) or one in DER. More than `most` are refused.
Result<std::vector<Certificate>> parse_certificates(ByteView text, const std::string& name, std::size_t most);

class RevocationList {
 public:
  // DER, PEM, or DER in hexadecimal, as services hand them out.
  static Result<RevocationList> parse(ByteView bytes, const std::string& name);

  UnixTime this_update() const { return this_update_; }
  UnixTime next_update() const { return next_update_; }
  bool issued_by(const Certificate& issuer) const;  // by name
  bool signed_by(const Certificate& issuer) const;
  bool lists(const Certificate& certificate) const;
  std::size_t size() const;

 private:
  RevocationList() = default;
  std::shared_ptr<X509_crl_st> crl_;
  UnixTime this_update_ = 0, next_update_ = 0;
};

// What is wrong with a chain, and with which of its certificates.
struct ChainFault {
  enum class Is { signature, expired, not_yet_valid, not_a_ca, issuer, other };
  Is is;
  std::size_t index;   // into the chain
  std::string detail;  // for people
};
std::string_view to_text(
    ChainFault::Is);  // "signature", "expired", "not_yet_valid", …: the last part of a reason's code

// One step of such a chain: whether `issuer`, which is known to be good, issued `certificate`, and its dates. An issuer
// that constrains names is refused.
std::optional<ChainFault> check_issued(const Certificate& certificate, const Certificate& issuer, UnixTime at);

// RFC 5280 section 6.1 for a chain in the order leaf, …, root, at that time. The last one is the anchor: the caller has
// made sure that it is the one it trusts. Its dates are checked, and its signature of itself unless the caller has seen
// that of the same bytes verify. Every certificate that issues another must be a CA; a critical extension that nobody
// knows is refused.
enum class AnchorSignature { check, verified };
std::optional<ChainFault> check_chain(std::span<const Certificate> chain, UnixTime at,
                                      AnchorSignature anchor = AnchorSignature::check);

}  // namespace hallmark
