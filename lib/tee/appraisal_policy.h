// What a verifier accepts: every loosening is a line that somebody wrote. specs/formats/appraisal-policy.md
//
// Without a policy: UpToDate only, no flag forgiven, every register of the evidence is one of the certificate's, signer
// and measurement both.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "lib/tee/model/reference_values.h"

namespace hallmark {

inline constexpr std::string_view kPolicyFormat = "appraisal-policy-v1";

struct CommitteePolicy {
  std::int64_t threshold = 1;
  std::int64_t min_vendors = 1;                // so many different vendors among those accepted
  std::optional<std::int64_t> max_per_vendor;  // more of one vendor than these are not counted
};

struct AppraisalPolicy {
  std::vector<std::string> accept_tcb_status{"UpToDate"};
  // Seconds, by Intel's names. Documents and lists of Intel are used so long after they expired; a platform that is out
  // of date is accepted so long after the date of the TCB that it has.
  std::int64_t collateral_grace_period = 0, platform_grace_period = 0;
  std::optional<std::int64_t> max_evidence_age;  // seconds; evidence that does not say when it was made is refused
  std::vector<std::string> forgive;              // codes of flags: "td.sept_ve_disable_off"
  std::optional<std::int64_t> min_tcb_evaluation_number;
  std::vector<std::string> refuse_advisories;
  // What the prover must have bound into the evidence: its first bytes, and zeros behind them.
  std::optional<Bytes> report_data;
  bool require_report_data = false;  // the caller has to say which; a policy that asks for it and gets none refuses
  std::vector<std::string> open_registers;  // need not be certified
  // Any enclave of the certificate's signer and product, from that ISVSVN on. The signing key is then all there is.
  std::optional<std::int64_t> signer_match_min_isvsvn;
  std::map<std::string, std::int64_t> min_snp_tcb;  // by component: "bootloader", "tee", "snp", "microcode", "fmc"
  std::optional<CommitteePolicy> committee;
};

// YAML or JSON.
Result<AppraisalPolicy> parse_appraisal_policy(std::string_view text, const std::string& name);

// Answers the third question. Only what is authentic and has a TCB is asked; everything else was not reached. The age
// of evidence is what has gone by until `clock`.
void apply_policy(const AppraisalPolicy& policy, Appraisal& appraisal, UnixTime clock);

// Answers the fourth: any of the sets will do, as a whole. Without one, nothing matches. Only what passed the other
// layers is asked.
MatchResult match_reference_values(std::span<const ReferenceValues> references, const AppraisalPolicy& policy,
                                   Appraisal& appraisal);

// Whether all layers that were asked for are passed.
bool accepted(const Appraisal& appraisal, bool with_match);

}  // namespace hallmark
