// What a certificate says of an enclave besides MRENCLAVE, held against what a quote attests.
#pragma once

#include "lib/tee/model/reference_values.h"

namespace hallmark::sgx {

// A row for each value that the reference has: signer, product and version (where `exact`), and ATTRIBUTES, XFRM and
// MISCSELECT under SIGSTRUCT's masks, as EINIT holds them against each other (Intel SDM volume 3D, "EINIT").
void match_attested(const ReferenceValues& reference, bool exact, const Appraisal& appraisal,
                    std::vector<MatchRow>& rows);

}  // namespace hallmark::sgx
