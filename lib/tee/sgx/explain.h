// Two enclaves, page by page, to the first record in which their measurements part.
#pragma once

#include "lib/tee/model/explanation.h"

namespace hallmark::sgx {

// Requests as measure() takes them. An enclave that cannot be measured from what was given cannot be explained.
Result<Explanation> explain(const MeasureRequest& a, const MeasureRequest& b);

}  // namespace hallmark::sgx
