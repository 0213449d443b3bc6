// The appraisal of a quote by a confidential guest's TPM on Azure.
//
// It takes four parts: the HCL report, the quote, its signature and the values of the registers. One is the evidence
// (the HCL report or the quote), the others stand among the endorsements, in any order and known by content, with the
// certificates for the hardware's report in the HCL report; on TDX, whose TDREPORT nobody else can verify, with the TD
// quote that was made of it and Intel's collateral. Every one that is missing is a reason.
//
// Registers are those that the quote covers, "pcr0" and so on with SHA-256, and the hardware's "measurement", which is
// the paravisor's (on TDX "mrtd" and "rtmr0" to "rtmr3"). report_data is the quote's extraData, the challenge.
// tcb_details has, besides the hardware's,
//   "tpm_quote": {"signature", "pcr_digest", "runtime_data_bound"}
// what was found of the TPM's part alone: it says nothing without the hardware's.
#pragma once

#include "lib/tee/model/appraisal.h"

namespace hallmark::vtpm {

// Errors: an endorsement that is nothing known, a part that is given twice, a trust anchor that is no certificate.
Result<Appraisal> appraise(const AppraiseRequest& request);

// Whether bytes are an HCL report over a TDREPORT: the root is Intel's then.
bool rests_on_intel(ByteView bytes);

// Whether bytes are an HCL report or a TPM's quote.
bool is_evidence(ByteView bytes);

}  // namespace hallmark::vtpm
