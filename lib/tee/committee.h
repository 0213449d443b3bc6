// m of n provers: how many of those that were accepted count, and whether they are enough.
//
// Each machine counts once, a vendor at most so often, and all that count are bound to one value. It says who does not
// count, and why.
#pragma once

#include "lib/tee/appraisal_policy.h"

namespace hallmark {

struct CommitteeMember {
  std::string name;  // the file, for people
  bool accepted = false;
  std::string vendor, machine;
  Bytes report_data;
};

struct CommitteeVerdict {
  std::vector<Reason> reasons;                    // why it does not decide; empty if it does
  std::vector<std::optional<Reason>> of_members;  // why a member does not count; in their order
  std::vector<std::string> vendors;               // of those that count, sorted
  std::size_t counted = 0;
  Bytes binding;  // the first 32 bytes of what they are bound to
  bool ok() const { return reasons.empty(); }
};

// What vendors let a prover bind differs in length (64 bytes at Intel and AMD, up to 512 at AWS): the first 32 bytes
// are compared, zeros behind shorter ones.
inline constexpr std::size_t kBinding = 32;

CommitteeVerdict decide(const CommitteePolicy& policy, std::span<const CommitteeMember> members);

}  // namespace hallmark
