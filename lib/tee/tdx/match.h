// What a certificate says of a domain besides its registers (policy.h), held against what a quote attests.
#pragma once

#include "lib/tee/model/reference_values.h"

namespace hallmark::tdx {

void match_attested(const ReferenceValues& reference, bool exact, const Appraisal& appraisal,
                    std::vector<MatchRow>& rows);

}  // namespace hallmark::tdx
