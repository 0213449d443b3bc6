// The appraisal of a SEV-SNP report: what lib/tee/model/appraisal.h asks of a platform.
//
// Flags that a policy has to forgive:
//   snp.debug            the host may read and write the guest's memory (policy bit 19)
//   snp.migrate_ma       a migration agent, another guest, may move it to other machines (policy bit 18)
//   snp.vmpl             the report was not asked for by the guest's most privileged software: VMPL is not 0
//   snp.mask_chip_key    the platform says that the chip's key is not used, and the report is signed by it
//   snp.policy_reserved  the guest policy has a bit whose meaning is not known
// No flags, because genuine machines have them and the report shows them: SMT, CXL, and firmware that can still be
// rolled back (CURRENT_TCB above COMMITTED_TCB; tcb_details.provisional).
#pragma once

#include "lib/tee/model/appraisal.h"
#include "lib/tee/snp/verify.h"

namespace hallmark::snp {

// The evidence is a report, with zeros behind it, or with the certificate table that its host gave. Endorsements come
// in any order; an error is for one that cannot be read, and for a trust anchor that is no certificate.
Result<Appraisal> appraise(const AppraiseRequest& request);

// The same for exactly one report, as others embed it.
Appraisal appraise_report(ByteView report, const Endorsements& endorsements, UnixTime at,
                          const std::optional<Certificate>& anchor);

// Of a request that names one.
Result<std::optional<Certificate>> read_trust_anchor(const AppraiseRequest& request);

}  // namespace hallmark::snp
