// "flashbots": the measurements file of Flashbots' attested-tls and cvm-reverse-proxy, which also decides who joins
// BuilderNet.
//
// A list of records, or one: {"measurement_id", "attestation_type", "measurements": {REGISTER: {"expected": HEX} or
// {"expected_any": [HEX...]}}}. REGISTER is "mrtd", "rtmr0" to "rtmr3" in either case, or "0" (MRTD) to "4" (RTMR3),
// for "dcap-tdx" and "gcp-tdx", of 48 bytes; "pcr4" or "4" for "azure-tdx", of 32 bytes. A register that a record does
// not name passes there; here it has to be one of the policy's open_registers.
//
// Refused: a record without measurements, which accepts any; a type that is not one of these; image hashes, from which
// a verifier computes the registers itself.
//
// Source: flashbots/attested-tls at 2233497, crates/attestation (README, src/measurements.rs);
// flashbots/cvm-reverse-proxy at 27e333d, measurements.json, multimeasurements.
#pragma once

#include "lib/tee/references/reference_format.h"

namespace hallmark::references {

bool recognises_flashbots(std::string_view text);
Result<ImportedReferences> read_flashbots(std::string_view text, const std::string& name);
Result<ExportedReferences> write_flashbots(std::span<const ReferenceValues> sets);

}  // namespace hallmark::references
