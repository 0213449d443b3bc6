// What an attestation document says, field by field, without checking whether any of it holds.
#pragma once

#include "lib/tee/model/inspection.h"

namespace hallmark::nitro {

Result<Inspection> inspect_bytes(ByteView bytes);

}  // namespace hallmark::nitro
