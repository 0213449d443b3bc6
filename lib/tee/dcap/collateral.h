// What Intel publishes for the verification of quotes, brought by the caller: it is read and verified, never fetched.
//
// It comes as one JSON object in the layout of Intel's sgx_ql_qve_collateral_t (tcb_info, tcb_info_signature,
// tcb_info_issuer_chain, qe_identity, qe_identity_signature, qe_identity_issuer_chain, root_ca_crl, pck_crl,
// pck_crl_issuer_chain, and optionally pck_certificate_chain), or as what Intel's service answers, file by file:
// {"tcbInfo": …, "signature": …}, {"enclaveIdentity": …, "signature": …}, issuer chains in PEM, revocation lists.
#pragma once

#include <memory>
#include <optional>

#include "lib/tee/dcap/tcb.h"

namespace hallmark::dcap {

// A document, the signature over its exact bytes, and who signed. TCB info and QE identity are such.
struct SignedDocument {
  std::string text;
  Bytes signature;  // r || s
  std::vector<Certificate> issuer_chain;
};

struct Collateral {
  SignedDocument tcb_info, qe_identity;
  // The CA of PCK certificates, and the root. Bundles are seen that have another chain here; what a quote's own PCK
  // chain says goes before it.
  std::vector<Certificate> pck_crl_chain;
  std::optional<std::vector<Certificate>> pck_chain;  // leaf first; for quotes that do not carry it
  std::optional<RevocationList> root_crl, pck_crl;
};

// Whether it is JSON of Intel's: a bundle, which has all of it, or what the service answers.
bool is_bundle(ByteView bytes);
bool is_collateral_json(ByteView bytes);

// From files in any order. What is none of these, or there twice, is a failure; what is missing is found out by who
// verifies.
Result<Collateral> read_collateral(std::span<const Endorsement> files);

// The public key of Intel's root for SGX and TDX, as the SHA-256 of its SubjectPublicKeyInfo. Two certificates of it
// are in use, so the key is pinned and not a certificate.
const DigestOf<Alg::sha256>& intel_root();
// The SHA-256 of the one of the two that Intel publishes now (until 2049). Its signature of itself is not verified over
// and over.
const DigestOf<Alg::sha256>& intel_root_certificate();

// What was found of a CA of PCK certificates, and of its revocation list.
struct PckCa {
  std::optional<ChainFault> fault;  // 0 is the CA, 1 the root; the list is not asked then
  std::vector<Reason> list;
  Validity validity;
  std::optional<Expiry> list_expires;
  bool good() const { return !fault && list.empty(); }
};

// Collateral that was verified at a time, against a root. It may be used for many quotes, at any time within
// `validity`.
class VerifiedCollateral {
 public:
  // `root` is the SHA-256 of the trusted root's SubjectPublicKeyInfo. Documents and lists, though not certificates, may
  // have expired up to `grace` seconds ago.
  static VerifiedCollateral verify(std::shared_ptr<const Collateral> collateral, UnixTime at,
                                   const DigestOf<Alg::sha256>& root, std::int64_t grace = 0);

  // Why it is not to be used; empty if it is.
  const std::vector<Reason>& reasons() const { return reasons_; }
  const Validity& validity() const { return validity_; }
  std::int64_t grace() const { return grace_; }
  // Of the documents and the root's list.
  const std::vector<Expiry>& expiries() const { return expiries_; }
  const DigestOf<Alg::sha256>& root() const { return root_; }
  // Without reasons, all of these are there.
  const TcbInfo& tcb_info() const { return *tcb_info_; }
  const QeIdentity& qe_identity() const { return *qe_identity_; }
  const Collateral& collateral() const { return *collateral_; }
  // Of a CA and the trusted root, as a quote's chain has them. One that is good is remembered for the time in which it
  // stays so: quotes of many platforms have the same.
  PckCa check_pck_ca(const Certificate& ca, const Certificate& root, UnixTime at) const;

 private:
  std::shared_ptr<const Collateral> collateral_;
  std::vector<Reason> reasons_;
  Validity validity_;
  DigestOf<Alg::sha256> root_{};
  std::vector<Expiry> expiries_;
  std::int64_t grace_ = 0;
  Bytes root_certificate_;  // whose signature of itself was verified
  struct KnownCas;
  std::shared_ptr<KnownCas> known_cas_;
  std::optional<TcbInfo> tcb_info_;
  std::optional<QeIdentity> qe_identity_;
};

}  // namespace hallmark::dcap
