// An HCL report or a TPM's quote field by field, believed by nobody.
#pragma once

#include "lib/tee/model/inspection.h"

namespace hallmark::vtpm {

Result<Inspection> inspect(ByteView bytes);

}  // namespace hallmark::vtpm
