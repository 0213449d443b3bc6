// The signing material of a measured enclave: where its fields come from depends on what the enclave came with.
#pragma once

#include "lib/tee/model/measurement.h"

namespace hallmark::sgx {

// The 256 bytes for the enclave of `request`, with the MRENCLAVE that `measured` has. The other fields are those of the
// SIGSTRUCT that the image carries or that was given, or of the configuration. A measurement that does not hold has
// nothing to sign.
Result<Bytes> signing_material_of(const MeasureRequest& request, const Measurement& measured, std::string_view date);

}  // namespace hallmark::sgx
