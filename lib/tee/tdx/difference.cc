#include "lib/tee/tdx/difference.h"

#include <algorithm>

#include "lib/formats/tcg_event.h"

namespace hallmark::tdx {
namespace {

std::vector<const Event*> of_register(const std::vector<Event>& events, unsigned rtmr) {
  std::vector<const Event*> out;
  for (const Event& event : events)
    if (event.rtmr == rtmr) out.push_back(&event);
  return out;
}

bool same(const Event& predicted, const Event& reported) {
  return !predicted.digest || predicted.digest == reported.digest;
}

// Where the two part first, in the order of the log, and how many events agree before that.
struct Divergence {
  Difference::First first;
  std::size_t equal = 0;
};

std::optional<Divergence> diverge(const std::vector<Event>& predicted, const std::vector<Event>& log) {
  std::array<std::vector<const Event*>, kRtmrs> ours;
  std::array<bool, kRtmrs> open{};  // from a missing event on, a register may have any number of events
  for (unsigned r = 0; r < kRtmrs; r++) {
    ours[r] = of_register(predicted, r);
    open[r] = std::ranges::any_of(ours[r], [](const Event* e) { return !e->digest; });
  }
  std::array<std::size_t, kRtmrs> next{};
  std::size_t equal = 0;
  for (const Event& theirs : log) {
    const std::size_t at = next.at(theirs.rtmr)++;
    if (at >= ours[theirs.rtmr].size()) {
      if (open[theirs.rtmr]) continue;
      return Divergence{{theirs.rtmr, at, std::nullopt, theirs}, equal};
    }
    const Event& event = *ours[theirs.rtmr][at];
    if (!same(event, theirs)) return Divergence{{theirs.rtmr, at, event, theirs}, equal};
    equal++;
  }
  for (unsigned r = 0; r < kRtmrs; r++)
    if (next[r] < ours[r].size() && !open[r]) return Divergence{{r, next[r], *ours[r][next[r]], std::nullopt}, equal};
  return std::nullopt;
}

std::vector<RegisterRow> rows(const Prediction& predicted, const Reported& reported) {
  std::vector<RegisterRow> out{{"mrtd", predicted.mrtd, reported.mrtd}};
  const Rtmrs ours = fold(predicted.events);
  for (unsigned r = 0; r < kRtmrs; r++) out.push_back({"rtmr" + std::to_string(r), ours[r], reported.rtmrs[r]});
  using Is = RegisterRow::Is;
  for (RegisterRow& row : out)
    row.is = !row.predicted                    ? Is::not_predicted
             : !row.reported                   ? Is::not_reported
             : *row.predicted == *row.reported ? Is::same
                                               : Is::differs;
  return out;
}

// Something was compared, and nothing differs.
bool agree(const std::vector<RegisterRow>& rows) {
  using Is = RegisterRow::Is;
  return std::ranges::find(rows, Is::same, &RegisterRow::is) != rows.end() &&
         std::ranges::find(rows, Is::differs, &RegisterRow::is) == rows.end();
}

}  // namespace

std::string_view usual_cause(const Event& event) {
  switch (event.type) {
    case tcg::kEfiHandoffTables2: return "the size of memory, or how the monitor describes it";
    case tcg::kEfiPlatformFirmwareBlob2: return "the variables that the firmware image holds";
    case tcg::kEfiVariableDriverConfig: return "the variables of secure boot";
    case tcg::kPlatformConfigFlags:
      return "the ACPI tables or boot items: version of the monitor, machine, processors, devices, memory";
    case tcg::kEfiHandoffTables: return "the SMBIOS tables";
    case tcg::kEfiVariableBoot: return "the boot options";
    case tcg::kEfiVariableAuthority: return "a boot loader that checks signatures";
    case tcg::kSeparator: return "where this release of the firmware puts its separators";
    case tcg::kEfiBootServicesApplication: return "the program that is booted, or how the monitor patched it";
    case tcg::kEfiGptEvent: return "the partitions of the disk";
    case tcg::kEfiAction: return "how the boot went";
    case tcg::kEventTag: return "the command line or the initrd";
    case tcg::kIpl: return "a section of the unified kernel image, or what the boot loader read";
    default: return {};
  }
}

std::string event_name(const Event& event) { return tcg::type_name(event.type) + " \"" + event.description + "\""; }

namespace {

std::string cause_of(const Difference::First& first) {
  if (!first.predicted) return "an event more than predicted: " + event_name(*first.reported);
  if (!first.reported) return "an event that was predicted and did not happen: " + event_name(*first.predicted);
  if ((first.predicted->type == tcg::kSeparator) != (first.reported->type == tcg::kSeparator))
    return "separator placement: predicted is " + event_name(*first.predicted) + ", reported " +
           event_name(*first.reported);
  if (first.predicted->type != first.reported->type)
    return "another event: predicted is " + event_name(*first.predicted) + ", reported " + event_name(*first.reported);
  const std::string_view usual = usual_cause(*first.predicted);
  return event_name(*first.predicted) + " has another digest" + (usual.empty() ? "" : ": " + std::string(usual));
}

// Whether the prediction with one digest replaced gives the register that was reported.
bool explains(const Prediction& predicted, const Alternative& alternative, const Digest& reported) {
  const unsigned rtmr = predicted.events.at(alternative.event).rtmr;
  Digest folded{};
  for (std::size_t i = 0; i < predicted.events.size(); i++) {
    const Event& event = predicted.events[i];
    if (event.rtmr != rtmr) continue;
    const Digest* digest = i == alternative.event ? &alternative.digest : event.digest ? &*event.digest : nullptr;
    if (digest == nullptr) return false;
    extend<Alg::sha384>(folded, *digest);
  }
  return folded == reported;
}

// The position of an event among those of its register.
std::size_t index_of(const Prediction& predicted, std::size_t event) {
  return static_cast<std::size_t>(std::ranges::count(predicted.events.begin(),
                                                     predicted.events.begin() + static_cast<std::ptrdiff_t>(event),
                                                     predicted.events.at(event).rtmr, &Event::rtmr));
}

void try_alternatives(const Prediction& predicted, const Reported& reported,
                      const std::vector<Alternative>& alternatives, Difference& out) {
  for (const Alternative& alternative : alternatives) {
    const unsigned rtmr = predicted.events.at(alternative.event).rtmr;
    const auto& value = reported.rtmrs[rtmr];
    const bool by_event = out.first && out.first->reported && out.first->rtmr == rtmr &&
                          out.first->index == index_of(predicted, alternative.event) &&
                          out.first->reported->digest == alternative.digest;
    const bool by_register = !reported.log && out.registers[rtmr + 1].is == RegisterRow::Is::differs && value &&
                             explains(predicted, alternative, *value);
    if ((by_event || by_register) && std::ranges::find(out.causes, alternative.cause) == out.causes.end())
      out.causes.push_back(alternative.cause);
  }
}

// The other profiles: one that gives all that was reported, or else the registers that some of them give.
void try_profiles(const std::vector<Prediction>& others, const Reported& reported, std::size_t equal, Difference& out) {
  const Prediction* best = nullptr;
  std::size_t most = equal;
  for (const Prediction& other : others) {
    const std::vector<RegisterRow> theirs = rows(other, reported);
    const auto divergence = reported.log ? diverge(other.events, *reported.log) : std::nullopt;
    if (agree(theirs) && !divergence) {
      out.agreeing_profile = other.profile;
      out.causes.insert(out.causes.begin(), "profile: " + other.profile + " gives what was reported");
      return;
    }
    if (out.first && out.first->predicted && out.first->reported) {
      const auto events = of_register(other.events, out.first->rtmr);
      const Event* theirs_here = out.first->index < events.size() ? events[out.first->index] : nullptr;
      const bool said = std::ranges::any_of(out.causes, [](const std::string& c) { return c.starts_with("event: "); });
      if (!said && theirs_here != nullptr && theirs_here->digest == out.first->reported->digest)
        out.causes.push_back("event: profile " + other.profile + " gives the reported digest of " +
                             event_name(*theirs_here));
    }
    if (divergence && divergence->equal > most) {
      best = &other;
      most = divergence->equal;
    }
    for (std::size_t i = 0; i < theirs.size(); i++)
      if (out.registers[i].is == RegisterRow::Is::differs && theirs[i].is == RegisterRow::Is::same) {
        const std::string cause = (i == 0 ? "page order: " : out.registers[i].name + ": ") +
                                  ("profile " + other.profile) + " gives the reported " + out.registers[i].name;
        const bool said = std::ranges::any_of(out.causes, [&](const std::string& c) {
          return c.ends_with(" gives the reported " + out.registers[i].name);
        });
        if (!said) out.causes.push_back(cause);
      }
  }
  if (best != nullptr)
    out.causes.push_back("profile: with " + best->profile + " the first " + std::to_string(most) +
                         " events of the log agree, instead of " + std::to_string(equal));
}

Json digest_or_null(const std::optional<Digest>& digest) { return digest ? Json(to_hex(*digest)) : Json(); }

std::string_view to_text(RegisterRow::Is is) {
  switch (is) {
    case RegisterRow::Is::same: return "same";
    case RegisterRow::Is::differs: return "differs";
    case RegisterRow::Is::not_predicted: return "not predicted";
    case RegisterRow::Is::not_reported: return "not reported";
  }
  return {};
}

}  // namespace

bool Difference::agrees() const { return agree(registers) && !first && attested.empty(); }

bool Difference::partly() const {
  return std::ranges::any_of(registers, [](const RegisterRow& row) {
    return row.is == RegisterRow::Is::not_predicted || (row.is == RegisterRow::Is::not_reported && row.name != "mrtd");
  });
}

Difference difference(const Prediction& predicted, const std::vector<Prediction>& others, const Reported& reported,
                      const std::vector<Alternative>& alternatives) {
  Difference out{.registers = rows(predicted, reported)};
  std::size_t equal = 0;
  if (reported.log) {
    if (auto divergence = diverge(predicted.events, *reported.log)) {
      out.first = std::move(divergence->first);
      equal = divergence->equal;
    }
  }
  if (out.agrees()) return out;
  if (out.first) out.causes.push_back(cause_of(*out.first));
  try_alternatives(predicted, reported, alternatives, out);
  try_profiles(others, reported, equal, out);
  for (const RegisterRow& row : out.registers)
    if (row.is == RegisterRow::Is::differs && out.causes.empty())
      out.causes.push_back(row.name + ": nothing that was tried gives the reported value; a log of the guest would " +
                           "name the event");
  return out;
}

Json to_json(const Difference& difference) {
  Json registers = Json::object();
  for (const RegisterRow& row : difference.registers)
    registers[row.name] = Json::object({{"is", to_text(row.is)},
                                        {"predicted", digest_or_null(row.predicted)},
                                        {"reported", digest_or_null(row.reported)}});
  Json first;
  if (difference.first)
    first = Json::object({{"register", "rtmr" + std::to_string(difference.first->rtmr)},
                          {"index", std::uint64_t{difference.first->index}},
                          {"predicted", difference.first->predicted ? to_json(*difference.first->predicted) : Json()},
                          {"reported", difference.first->reported ? to_json(*difference.first->reported) : Json()}});
  Json causes = Json::array(), attested = Json::array(), warnings = Json::array();
  for (const std::string& line : difference.warnings) warnings.push_back(line);
  for (const std::string& cause : difference.causes) causes.push_back(cause);
  for (const std::string& line : difference.attested) attested.push_back(line);
  return Json::object({{"agrees", difference.agrees()},
                       {"partly", difference.partly()},
                       {"registers", registers},
                       {"first_difference", first},
                       {"causes", causes},
                       {"attested", attested},
                       {"agreeing_profile", difference.agreeing_profile ? Json(*difference.agreeing_profile) : Json()},
                       {"warnings", warnings}});
}

std::string to_text(const Difference& difference) {
  std::string out;
  for (const RegisterRow& row : difference.registers) {
    out += "  " + row.name + std::string(7 - row.name.size(), ' ') + std::string(to_text(row.is)) + "\n";
    if (row.is != RegisterRow::Is::differs) continue;
    out += "    predicted " + to_hex(*row.predicted) + "\n    reported  " + to_hex(*row.reported) + "\n";
  }
  if (difference.first) {
    const auto side = [](const std::optional<Event>& event) {
      return event ? event_name(*event) + "\n      " + (event->digest ? to_hex(*event->digest) : "no digest")
                   : "no event";
    };
    out += "\nthe first event that differs: number " + std::to_string(difference.first->index + 1) + " of rtmr" +
           std::to_string(difference.first->rtmr) + "\n    predicted " + side(difference.first->predicted) +
           "\n    reported  " + side(difference.first->reported) + "\n";
  }
  if (!difference.attested.empty()) out += "\nattested, and not as it must be:\n";
  for (const std::string& line : difference.attested) out += "  - " + line + "\n";
  if (!difference.causes.empty()) out += "\nwhy:\n";
  for (const std::string& cause : difference.causes) out += "  - " + cause + "\n";
  if (!difference.warnings.empty()) out += "\nwhat to worry about:\n";
  for (const std::string& line : difference.warnings) out += "  - " + line + "\n";
  return out;
}

}  // namespace hallmark::tdx
