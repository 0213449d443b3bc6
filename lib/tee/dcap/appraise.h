// The appraisal of a quote of SGX or TDX, in the words that all platforms share (lib/tee/model/appraisal.h).
//
// Flags: sgx.debug, sgx.not_initialised, sgx.provision_key, sgx.einittoken_key; td.debug, td.untrusted (reserved bits
// of the group TUD), td.sept_ve_disable_off, td.migratable, td.service_td.
#pragma once

#include <memory>

#include "lib/tee/dcap/verify.h"

namespace hallmark::dcap {

// Whether bytes look like a quote of any version, good or bad: its first fields.
bool recognises_quote(ByteView bytes);

// Endorsements are Intel's collateral (collateral.h). What is wrong with the evidence is a reason; a failure is what is
// wrong with the files beside it.
Result<Appraisal> appraise_quote(const AppraiseRequest& request);

// The same with collateral that was verified before: for many quotes. The caller sees to the collateral's validity.
Appraisal appraise_quote(const AppraiseRequest& request, const VerifiedCollateral& collateral);

}  // namespace hallmark::dcap
