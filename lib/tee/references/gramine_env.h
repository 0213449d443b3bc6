// "gramine-env": what Gramine's RA-TLS verification takes from the environment, as shell assignments.
//
// RA_TLS_MRENCLAVE and RA_TLS_MRSIGNER in hexadecimal, RA_TLS_ISV_PROD_ID and RA_TLS_ISV_SVN in decimal; "any" leaves
// one unchecked. All four have to be set, or Gramine refuses; so does this. RA_TLS_ISV_SVN is the least that is
// accepted.
//
// Lines are NAME=VALUE, one or several, with or without `export`, VALUE bare or in quotes, with comments and continued
// lines. What a shell would compute is unsupported. RA_TLS_ALLOW_... lets states of the platform pass: they are not
// taken over, nor are other variables. With RA_TLS_MRENCLAVE=any the set names a signer and no register; it matches
// under the policy's signer_match or open_registers alone. Neither MRENCLAVE nor MRSIGNER accepts any enclave, and is
// refused.
//
// Source: gramineproject/gramine at ff71d7a: tools/sgx/ra-tls/ra_tls_verify_common.c, Documentation/attestation.rst.
#pragma once

#include "lib/tee/references/reference_format.h"

namespace hallmark::references {

bool recognises_gramine_env(std::string_view text);
Result<ImportedReferences> read_gramine_env(std::string_view text, const std::string& name);
// One set of one enclave.
Result<ExportedReferences> write_gramine_env(std::span<const ReferenceValues> sets);

}  // namespace hallmark::references
