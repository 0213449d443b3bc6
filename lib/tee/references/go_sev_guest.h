// The policy of google/go-sev-guest in textproto: check.Policy, or the check.Config around it.
//
// proto/check.proto and validate/validate.go at af1c107. specs/formats/foreign-references.md
#pragma once

#include "lib/tee/references/reference_format.h"

namespace hallmark::references {

bool recognises_go_sev_guest(std::string_view text);
// Two sets where either of two keys may have signed the guest's ID block.
Result<ImportedReferences> read_go_sev_guest(std::string_view text, const std::string& name);
// A Config with one policy: one set.
Result<ExportedReferences> write_go_sev_guest(std::span<const ReferenceValues> sets);

}  // namespace hallmark::references
