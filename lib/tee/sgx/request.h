// What a request to measure is about: the image's format, by its content, and the companions that belong to it.
#pragma once

#include <optional>

#include "lib/base/bytes.h"
#include "lib/tee/model/measurement.h"

namespace hallmark::sgx {

enum class Format {
  sgxs,            // a stream of records
  sdk,             // a shared object with the SDK's metadata
  sdk_configured,  // the same code with the configuration that it is to be signed with, "config"
  open_enclave,    // a shared object with .oeinfo
  ego,             // one for EGo, with "ego-enclave" or without
  gramine,         // a manifest, with "libpal"
};

// The most bytes that are read of an image or a program.
inline constexpr std::uint64_t kMaxImage = std::uint64_t{1} << 30;

// As Measurement.format has it.
std::string_view to_text(Format);

struct Artefact {
  Format format;
  Bytes image;  // all of the file; of a stream nothing
};

// Reads and recognises the image, and refuses companions and options that are not of its format: an unnoticed mistake
// would be measured as something else than what was meant.
Result<Artefact> open_artefact(const MeasureRequest& request);

// The bytes of "module", if it was given.
Result<std::optional<Bytes>> read_module(const MeasureRequest& request);

}  // namespace hallmark::sgx
