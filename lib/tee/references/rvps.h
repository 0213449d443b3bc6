// "rvps": reference values of the Confidential Containers' Reference Value Provider Service (Trustee).
//
// Read: the map {NAME: VALUE or [VALUE...]} that rvps-tool's and kbs-client's "sample" provenance is; the message
// around it,
// {"version": "0.1.0", "type": "sample", "payload": BASE64}; the service's own objects, one or a list,
// {"version", "name", "expiration", "value"}, and of before June 2025, {..., "hash-value": [{"alg", "value"}]}.
//
// One name space serves all TEEs; the names say which, and a file gives a set for each. Names are those of Trustee's
// default policy (snp_launch_measurement, snp_bootloader, rtmr_1, mr_td, xfam...), and for what it does not ask, those
// of the claims (rtmr_0, mr_seam, mr_enclave...). As there, each value is one of a list: "snp_bootloader" is no
// minimum. A name that is none of these is unsupported.
//
// `expiration` bounds the set: the earliest of its values' is its valid_until, against the time of the appraisal.
//
// Written: the map, for at most one set of each TEE, since lists are per name.
//
// Source: confidential-containers/trustee at 78962cd: attestation-service/src/ear_token/ear_default_policy_cpu.rego,
// attestation-service/docs/tcb_claims.md, rvps/src (reference_value.rs, lib.rs, extractors/sample); at 8462025^ for
// hash-value.
#pragma once

#include "lib/tee/references/reference_format.h"

namespace hallmark::references {

bool recognises_rvps(std::string_view text);
Result<ImportedReferences> read_rvps(std::string_view text, const std::string& name);
Result<ExportedReferences> write_rvps(std::span<const ReferenceValues> sets);

}  // namespace hallmark::references
