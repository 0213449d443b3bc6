// Two guests, record by record and event by event, to where their measurements part, and what causes it.
#pragma once

#include "lib/tee/model/explanation.h"

namespace hallmark::tdx {

// Requests as measure() takes them, each measured with its own profile. MRTD parts at a record of the image, a run-time
// register at an event; what is not known of either guest is listed, and is no difference. What is attested and not
// measured (policy.h) is not looked at.
Result<Explanation> explain(const MeasureRequest& a, const MeasureRequest& b);

}  // namespace hallmark::tdx
