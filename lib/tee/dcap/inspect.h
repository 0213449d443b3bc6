// A quote, field by field, unchecked.
#pragma once

#include "lib/tee/dcap/quote.h"
#include "lib/tee/model/inspection.h"

namespace hallmark::dcap {

Result<Inspection> inspect_quote(ByteView quote);

}  // namespace hallmark::dcap
