// The policy of Intel's quote appraisal, which tee_appraisal_tool makes and signs: JSON, or a JWT around it.
//
// intel/confidential-computing.tee.dcap at f0ed77e: QuoteVerification/appraisal (qal_script.rego, gen_payload.cpp) and
// ae/QvE/qve/qve.cpp. Bytes stand in it in reverse, the last one first. specs/formats/foreign-references.md
#pragma once

#include "lib/tee/references/reference_format.h"

namespace hallmark::references {

bool recognises_intel_appraisal(std::string_view text);
// A set for the enclave, one for a domain of TDX 1.0 and one for TDX 1.5, each with what the platform's policies ask.
Result<ImportedReferences> read_intel_appraisal(std::string_view text, const std::string& name);
// The payload, not signed: at most one set for SGX and one for TDX.
Result<ExportedReferences> write_intel_appraisal(std::span<const ReferenceValues> sets);

}  // namespace hallmark::references
