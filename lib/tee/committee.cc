#include "lib/tee/committee.h"

#include <algorithm>
#include <map>
#include <set>

namespace hallmark {
namespace {

Bytes binding_of(const CommitteeMember& member) {
  Bytes out = member.report_data;
  out.resize(kBinding);
  return out;
}

// Those that are bound to `binding`, each machine once, each vendor at most as often as it may.
CommitteeVerdict count(const CommitteePolicy& policy, std::span<const CommitteeMember> members, const Bytes& binding) {
  CommitteeVerdict out;
  out.binding = binding;
  std::set<std::string> machines, vendors;
  std::map<std::string, std::int64_t> of_vendor;
  for (const CommitteeMember& member : members) {
    auto& why_not = out.of_members.emplace_back();
    if (!member.accepted)
      why_not = Reason{"committee.refused", "its evidence was refused"};
    else if (all_zero(binding_of(member)))
      why_not = Reason{"committee.unbound", "its evidence is bound to nothing"};
    else if (binding_of(member) != binding)
      why_not = Reason{"committee.other_binding", "its evidence is bound to another value", to_hex(binding_of(member)),
                       to_hex(binding)};
    else if (member.machine.empty())
      why_not = Reason{"committee.machine_unknown", "its evidence does not tell which machine it comes from"};
    else if (machines.contains(member.machine))
      why_not = Reason{"committee.same_machine", "the machine has been counted"};
    else if (policy.max_per_vendor && of_vendor[member.vendor] >= *policy.max_per_vendor)
      why_not = Reason{"committee.vendor_full", "enough machines of this vendor have been counted", "",
                       std::to_string(*policy.max_per_vendor)};
    if (why_not) continue;
    machines.insert(member.machine);
    vendors.insert(member.vendor);
    of_vendor[member.vendor]++;
    out.counted++;
  }
  out.vendors.assign(vendors.begin(), vendors.end());
  if (static_cast<std::int64_t>(out.counted) < policy.threshold)
    out.reasons.push_back({"committee.threshold", "too few provers count", std::to_string(out.counted),
                           std::to_string(policy.threshold)});
  if (static_cast<std::int64_t>(out.vendors.size()) < policy.min_vendors)
    out.reasons.push_back({"committee.vendors", "too few vendors stand behind the provers that count",
                           std::to_string(out.vendors.size()), std::to_string(policy.min_vendors)});
  return out;
}

}  // namespace

CommitteeVerdict decide(const CommitteePolicy& policy, std::span<const CommitteeMember> members) {
  std::set<Bytes> bindings;
  for (const CommitteeMember& member : members)
    if (member.accepted && !all_zero(binding_of(member))) bindings.insert(binding_of(member));
  // The value that most stand for; the bytes decide where two are equal, so that the order of the files does not.
  std::optional<CommitteeVerdict> best;
  std::size_t deciding = 0;
  for (const Bytes& binding : bindings) {
    CommitteeVerdict verdict = count(policy, members, binding);
    deciding += verdict.ok() ? 1 : 0;
    if (!best || verdict.counted > best->counted) best = std::move(verdict);
  }
  if (!best) return count(policy, members, Bytes(kBinding));
  // Two values with a committee behind each: whoever reads one of them would have to choose.
  if (deciding > 1)
    best->reasons.push_back(
        {"committee.ambiguous", "more than one value has enough provers behind it", std::to_string(deciding), "1"});
  return *std::move(best);
}

}  // namespace hallmark
