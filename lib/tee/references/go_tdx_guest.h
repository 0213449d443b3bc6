// The policy of google/go-tdx-guest in textproto: checkconfig.Policy, or the checkconfig.Config around it.
//
// proto/checkconfig.proto and validate/validate.go at 91f9a52. specs/formats/foreign-references.md
#pragma once

#include "lib/tee/references/reference_format.h"

namespace hallmark::references {

bool recognises_go_tdx_guest(std::string_view text);
Result<ImportedReferences> read_go_tdx_guest(std::string_view text, const std::string& name);
// A Config with one policy: one set.
Result<ExportedReferences> write_go_tdx_guest(std::span<const ReferenceValues> sets);

}  // namespace hallmark::references
