// The beginning of an artefact, by which its format is recognised.
#pragma once

#include "lib/base/files.h"

namespace hallmark {

// The first 4096 bytes of a regular file, or all of a shorter one. Devices, FIFOs and folders are refused.
Result<Bytes> first_bytes(const fs::path& path);

}  // namespace hallmark
