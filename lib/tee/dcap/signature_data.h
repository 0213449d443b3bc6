// The signature data of a quote: parsed, and not verified.
//
// Intel SGX ECDSA Quote Library Reference, appendix A.4, tables 4 to 9 (version 3); Intel TDX DCAP Quoting Library API,
// appendix A.3, sections 8 to 11 (versions 4 and 5, where the certification data of the attestation key is of type 6
// and holds the quoting enclave's report and, in turn, its certification data).
//
// Failures have the codes quote.truncated, quote.cert_type and quote.auth_data.
#pragma once

#include "lib/tee/dcap/quote.h"

namespace hallmark::dcap {

// The certification data of the quoting enclave's report: which PCK certificate signed it.
enum class CertType : std::uint16_t {
  ppid_cleartext = 1,
  ppid_rsa2048 = 2,
  ppid_rsa3072 = 3,
  pck_leaf = 4,   // the PCK certificate in PEM
  pck_chain = 5,  // PCK certificate, intermediate, root, in PEM
  platform_manifest = 7,
};

// All views are into the quote.
struct SignatureData {
  ByteView signature;            // r || s, of the attestation key over the signed part
  ByteView attestation_key;      // x || y, P-256
  ByteView qe_report;            // kSgxReport
  ByteView qe_report_signature;  // r || s, of the PCK key over qe_report
  ByteView qe_auth;              // what the quoting enclave hashed into its report besides the key
  CertType cert_type = CertType::pck_chain;
  ByteView cert_data;

  Record<kSgxReport> qe() const;
};

Result<SignatureData> parse_signature_data(const Quote& quote);

}  // namespace hallmark::dcap
