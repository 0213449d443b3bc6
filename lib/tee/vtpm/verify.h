// Whether a TPM's quote is by the key that the hardware's report vouches for, and of the register values that came with
// it. The hardware's report is its platform's matter (lib/tee/snp).
#pragma once

#include "lib/tee/model/appraisal.h"
#include "lib/tee/vtpm/evidence.h"

namespace hallmark::vtpm {

// REPORT_DATA begins with the hash of the runtime data and is zeros from there. A failure is a mismatch with the code
// hcl.report_data.
Status check_runtime_data(const HclReport& report, std::span<const std::uint8_t, 64> report_data);

// RSASSA-PKCS1-v1_5 with SHA-256 by the attestation key. Code tpm.signature; hcl.ak for a key that cannot be one.
Status check_quote_signature(const TpmQuote& quote, ByteView signature, const RuntimeData& runtime);

// pcrDigest is the SHA-256 of the selected values behind one another. Codes tpm.pcr_digest, and tpm.pcr_select for a
// quote of another bank than SHA-256.
Status check_pcr_digest(const TpmQuote& quote, const PcrBank& values);

}  // namespace hallmark::vtpm
