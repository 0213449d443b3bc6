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

// From files in any order. What is none of these, or there twice, is a failure; what is missing is found out by who
// verifies.
Result<Collateral> read_collateral(std::span<const Endorsement> files);

// The public key of Intel's root for SGX and TDX, as the SHA-256 of its SubjectPublicKeyInfo. Two certificates of it
// are in use, so the key is pinned and not a certificate.
const DigestOf<Alg::sha256>& intel_root();

// Whether the PCK revocation list of `collateral` is good at that time, and that CA's.
void check_pck_crl(const Collateral& collateral, const Certificate& ca, UnixTime at, std::vector<Reason>& reasons,
                   Validity& validity);

// Collateral that was verified at a time, against a root. It may be used for many quotes, at any time within
// `validity`.
class VerifiedCollateral {
 public:
  // `root` is the SHA-256 of the trusted root's SubjectPublicKeyInfo.
  static VerifiedCollateral verify(std::shared_ptr<const Collateral> collateral, UnixTime at,
                                   const DigestOf<Alg::sha256>& root);

  // Why it is not to be used; empty if it is.
  const std::vector<Reason>& reasons() const { return reasons_; }
  const Validity& validity() const { return validity_; }
  const DigestOf<Alg::sha256>& root() const { return root_; }
  // Without reasons, all of these are there.
  const TcbInfo& tcb_info() const { return *tcb_info_; }
  const QeIdentity& qe_identity() const { return *qe_identity_; }
  const Collateral& collateral() const { return *collateral_; }
  // A CA of PCK certificates that is good, and whose revocation list is; null where the collateral's own chain does not
  // tell, and the quote's has to.
  const Certificate* pck_ca() const { return pck_ca_good_ ? &collateral_->pck_crl_chain.front() : nullptr; }

 private:
  std::shared_ptr<const Collateral> collateral_;
  std::vector<Reason> reasons_;
  Validity validity_;
  DigestOf<Alg::sha256> root_{};
  bool pck_ca_good_ = false;
  std::optional<TcbInfo> tcb_info_;
  std::optional<QeIdentity> qe_identity_;
};

}  // namespace hallmark::dcap
