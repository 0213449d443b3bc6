// Whether a quote is Intel's hardware's, and what Intel says of that hardware: with verified collateral, at a time.
//
// Intel TDX DCAP Quoting Library API, "Quote verification"; Intel SGX ECDSA Quote Library Reference, appendix A.4.
// Where Intel's own library looks away (dates before which a document is not valid, the end of the QE report's
// REPORTDATA), this does not.
#pragma once

#include "lib/tee/dcap/collateral.h"
#include "lib/tee/dcap/signature_data.h"

namespace hallmark::dcap {

struct QuoteVerdict {
  std::vector<Reason> reasons;  // why it is not authentic; empty if it is
  std::optional<PckExtension> pck;
  std::string pck_ca;             // the common name of who certified the platform
  std::optional<TcbVerdict> tcb;  // once the quote is authentic
  Validity validity;
  std::vector<Expiry> lapsed;  // used in their time of grace
};

QuoteVerdict verify_quote(const Quote& quote, const SignatureData& data, const VerifiedCollateral& collateral,
                          UnixTime at);

// What is evaluated of a quote. `pck` must outlive the result.
TcbInputs tcb_inputs(const Quote& quote, const SignatureData& data, const PckExtension& pck);

}  // namespace hallmark::dcap
