// "reference-values-v1": every part of a set of reference values. specs/formats/reference-values.md
#pragma once

#include "lib/tee/references/reference_format.h"

namespace hallmark::references {

bool recognises_native(std::string_view text);
Result<ImportedReferences> read_native(std::string_view text, const std::string& name);
Result<ExportedReferences> write_native(std::span<const ReferenceValues> sets);

}  // namespace hallmark::references
