// What a file of an Intel SGX enclave says, field by field, without checking whether any of it holds.
#pragma once

#include "lib/base/files.h"
#include "lib/tee/model/inspection.h"

namespace hallmark::sgx {

// A SIGSTRUCT, signing material, a signed enclave, or an SGXS stream.
Result<Inspection> inspect(const fs::path& file);

// The same of bytes in memory; an SGXS stream in there is summed up.
Result<Inspection> inspect_bytes(ByteView bytes);

}  // namespace hallmark::sgx
