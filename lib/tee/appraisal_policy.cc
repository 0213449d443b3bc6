#include "lib/tee/appraisal_policy.h"

#include <algorithm>

#include "lib/base/yaml.h"
#include "lib/tee/platform.h"
#include "lib/tee/sgx/known_signers.h"

namespace hallmark {
namespace {

constexpr std::size_t kMaxItems = 256, kMaxReportData = 64;
constexpr std::int64_t kMaxCommittee = 1000;
constexpr std::int64_t kMaxSeconds = std::int64_t{10} * 366 * 86'400;
// Clocks differ: evidence may be so many seconds from the future.
constexpr std::int64_t kClockSkew = 60;
constexpr std::string_view kOutOfDate = "OutOfDate", kOutOfDateConfigurationNeeded = "OutOfDateConfigurationNeeded",
                           kConfigurationNeeded = "ConfigurationNeeded";

bool contains(const std::vector<std::string>& list, std::string_view item) {
  return std::ranges::find(list, item) != list.end();
}

CommitteePolicy read_committee(Fields fields) {
  CommitteePolicy out;
  out.threshold = fields.integer("threshold", 1, kMaxCommittee);
  out.min_vendors = fields.integer_or("min_vendors", 1, kMaxCommittee, 1);
  if (fields.has("max_per_vendor")) out.max_per_vendor = fields.integer("max_per_vendor", 1, kMaxCommittee);
  if (out.min_vendors > out.threshold) fields.reject("min_vendors", "is above the threshold");
  return out;
}

// One that is public says nothing about who made an enclave.
std::optional<Reason> public_signer(const Appraisal& appraisal) {
  const Json* mrsigner = appraisal.identity.find("mrsigner");
  if (appraisal.tee != "intel-sgx" || mrsigner == nullptr || !mrsigner->is_string()) return std::nullopt;
  const auto digest = digest_from_hex<Alg::sha256>(mrsigner->string());
  const sgx::KnownSigner* known = digest ? sgx::find_known_signer(*digest) : nullptr;
  if (known == nullptr) return std::nullopt;
  return Reason{"sgx.public_signer", "the enclave is signed with a key that everybody has: " + sgx::describe(*known)};
}

// Whether the status would be accepted but for its being out of date.
bool lacks_only_updates(const AppraisalPolicy& policy, std::string_view status) {
  return status == kOutOfDate ||
         (status == kOutOfDateConfigurationNeeded && contains(policy.accept_tcb_status, kConfigurationNeeded));
}

void check_status(const AppraisalPolicy& policy, Appraisal& appraisal) {
  const std::string& status = appraisal.tcb_status;
  if (status.empty() || contains(policy.accept_tcb_status, status)) return;
  std::string accepted;
  for (const std::string& word : policy.accept_tcb_status) accepted += (accepted.empty() ? "" : ", ") + word;
  if (policy.platform_grace_period != 0 && lacks_only_updates(policy, status) && appraisal.tcb_date) {
    const UnixTime until = *appraisal.tcb_date + policy.platform_grace_period;
    if (appraisal.time <= until)
      return appraisal.validity.narrow("the platform's time of grace", std::numeric_limits<UnixTime>::min(), until);
    accepted += ", or " + std::string(kOutOfDate) + " until " + format_time(until);
  }
  appraisal.policy.reasons.push_back({"tcb.status", "the platform's TCB status is not accepted", status, accepted});
}

void check_age(const AppraisalPolicy& policy, Appraisal& appraisal, UnixTime clock) {
  if (!policy.max_evidence_age) return;
  auto& reasons = appraisal.policy.reasons;
  if (!appraisal.made)
    return reasons.push_back({"freshness.unknown",
                              "the evidence does not say when it was made: bind a value to it that nobody could know "
                              "before"});
  const std::string have = format_time(*appraisal.made);
  if (*appraisal.made > clock + kClockSkew)
    reasons.push_back({"freshness.future", "the evidence was made later than now", have,
                       "at most " + format_time(clock + kClockSkew)});
  if (clock - *appraisal.made > *policy.max_evidence_age)
    reasons.push_back({"freshness.too_old", "the evidence is older than the policy lets it be", have,
                       "at least " + format_time(clock - *policy.max_evidence_age)});
  if (clock == appraisal.time)
    appraisal.validity.narrow("the age that the policy lets it have", std::numeric_limits<UnixTime>::min(),
                              *appraisal.made + *policy.max_evidence_age);
}

MatchRow row(std::string name, std::string have, std::string need) {
  const bool matches = have == need;
  return {std::move(name), matches, std::move(have), std::move(need)};
}

// Every register of either side; a register that a side lacks is a mismatch, unless the policy leaves it open.
void match_registers(const ReferenceValues& reference, const AppraisalPolicy& policy, const Appraisal& appraisal,
                     std::vector<MatchRow>& rows) {
  for (const auto& [name, values] : reference.registers) {
    const auto it = std::ranges::find(appraisal.registers, name, &Register::name);
    MatchRow r{name, false, it == appraisal.registers.end() ? "" : to_hex(it->digest), {}};
    for (const Bytes& value : values) {
      r.need += (r.need.empty() ? "" : " or ") + to_hex(value);
      r.matches = r.matches || (it != appraisal.registers.end() && it->digest == value);
    }
    rows.push_back(std::move(r));
  }
  for (const Register& present : appraisal.registers)
    if (!reference.registers.contains(present.name))
      rows.push_back({present.name, contains(policy.open_registers, present.name), to_hex(present.digest), ""});
}

// The enclave's signer and product, whatever it measures to.
void match_signer(const ReferenceValues& reference, std::int64_t min_isvsvn, const Appraisal& appraisal,
                  std::vector<MatchRow>& rows) {
  for (const char* name : {"mrsigner", "isvprodid"}) {
    const Json *need = reference.identity.find(name), *have = appraisal.identity.find(name);
    MatchRow r = row(name, have == nullptr ? "" : text_of(*have), need == nullptr ? "" : text_of(*need));
    r.matches = r.matches && need != nullptr;
    rows.push_back(std::move(r));
  }
  const Json* isvsvn = appraisal.identity.find("isvsvn");
  rows.push_back({"isvsvn", isvsvn != nullptr && isvsvn->is_integer() && isvsvn->integer() >= min_isvsvn,
                  isvsvn == nullptr ? "" : text_of(*isvsvn), "at least " + std::to_string(min_isvsvn)});
}

// A certificate may ask for evidence that is bound to a value. Which one it is, the verifier says: apply_policy() has
// compared it.
MatchRow check_binding(const AppraisalPolicy& policy, const Appraisal& appraisal) {
  return {"report_data", policy.report_data.has_value(), to_hex(appraisal.report_data),
          policy.report_data ? to_hex(*policy.report_data) : "",
          "the certificate asks for evidence that is bound to a value, and none was given (--report-data)"};
}

std::vector<MatchRow> match_one(const ReferenceValues& reference, const AppraisalPolicy& policy,
                                const Appraisal& appraisal) {
  std::vector<MatchRow> rows{row("tee", appraisal.tee, reference.tee)};
  if (!rows.front().matches) return rows;
  const auto platform = std::ranges::find(platforms(), std::string_view(reference.tee), &Platform::tee);
  if (policy.signer_match_min_isvsvn && reference.tee == "intel-sgx")
    match_signer(reference, *policy.signer_match_min_isvsvn, appraisal, rows);
  else
    match_registers(reference, policy, appraisal, rows);
  if (platform != platforms().end() && platform->match_attested != nullptr)
    platform->match_attested(reference, !policy.signer_match_min_isvsvn, appraisal, rows);
  else if (!reference.identity.members().empty() || !reference.policy.members().empty())
    rows.push_back({"identity", false, "", "values that nobody here knows how to hold against a " + reference.tee});
  if (reference.policy.find(kPolicyReportData) != nullptr) rows.push_back(check_binding(policy, appraisal));
  for (const Requirement& requirement : reference.requirements) rows.push_back(check(requirement, appraisal));
  if (reference.valid_until) rows.push_back(check_time(reference, appraisal));
  return rows;
}

std::size_t misses(const std::vector<MatchRow>& rows) {
  return static_cast<std::size_t>(std::ranges::count(rows, false, &MatchRow::matches));
}

}  // namespace

Result<AppraisalPolicy> parse_appraisal_policy(std::string_view text, const std::string& name) {
  TRY(const Json json, in(name, parse_yaml(text, {.bytes = kMaxEvidence})));
  Fields fields(json, name);
  AppraisalPolicy out;
  fields.literal("format", kPolicyFormat);
  if (fields.has("accept_tcb_status")) out.accept_tcb_status = fields.texts("accept_tcb_status", kMaxItems);
  out.collateral_grace_period = fields.integer_or("collateral_grace_period", 0, kMaxSeconds, 0);
  out.platform_grace_period = fields.integer_or("platform_grace_period", 0, kMaxSeconds, 0);
  if (out.platform_grace_period != 0 && contains(out.accept_tcb_status, kOutOfDate))
    fields.reject("platform_grace_period", "means nothing beside OutOfDate in accept_tcb_status, which has no end");
  if (fields.has("max_evidence_age")) out.max_evidence_age = fields.integer("max_evidence_age", 0, kMaxSeconds);
  if (fields.has("forgive")) out.forgive = fields.texts("forgive", kMaxItems);
  if (fields.has("min_tcb_evaluation_number"))
    out.min_tcb_evaluation_number = fields.integer("min_tcb_evaluation_number", 0, INT32_MAX);
  if (fields.has("refuse_advisories")) out.refuse_advisories = fields.texts("refuse_advisories", kMaxItems);
  out.require_report_data = fields.boolean_or("require_report_data", false);
  if (fields.has("report_data")) {
    auto bytes = from_hex(fields.text("report_data"));
    if (!bytes || bytes->empty() || bytes->size() > kMaxReportData)
      fields.reject("report_data", "is not 1 to 64 bytes of hexadecimal");
    else
      out.report_data = *std::move(bytes);
  }
  if (fields.has("open_registers")) out.open_registers = fields.texts("open_registers", kMaxItems);
  if (fields.has("signer_match")) {
    Fields signer = fields.object("signer_match");
    out.signer_match_min_isvsvn = signer.integer("min_isvsvn", 0, UINT16_MAX);
  }
  if (fields.has("min_snp_tcb")) {
    Fields tcb = fields.object("min_snp_tcb");
    for (const char* component : {"fmc", "bootloader", "tee", "snp", "microcode"})
      if (tcb.has(component)) out.min_snp_tcb[component] = tcb.integer(component, 0, 255);
  }
  if (fields.has("committee")) out.committee = read_committee(fields.object("committee"));
  return fields.finish(std::move(out));
}

void apply_policy(const AppraisalPolicy& policy, Appraisal& appraisal, UnixTime clock) {
  if (!appraisal.authentic.ok() || !appraisal.tcb.reached) return;
  auto& reasons = appraisal.policy.reasons;
  appraisal.policy.reached = true;

  for (const Flag& flag : appraisal.flags)
    if (!contains(policy.forgive, flag.code)) reasons.push_back({flag.code, flag.detail});
  if (auto known = public_signer(appraisal); known && !contains(policy.forgive, known->code))
    reasons.push_back(*std::move(known));

  check_status(policy, appraisal);
  if (policy.min_tcb_evaluation_number && appraisal.vendor == "intel" &&
      appraisal.tcb_evaluation_number.value_or(-1) < *policy.min_tcb_evaluation_number)
    reasons.push_back({"tcb.evaluation_number", "the collateral is of an earlier evaluation than the policy asks for",
                       std::to_string(appraisal.tcb_evaluation_number.value_or(0)),
                       std::to_string(*policy.min_tcb_evaluation_number)});
  for (const std::string& advisory : appraisal.advisories)
    if (contains(policy.refuse_advisories, advisory))
      reasons.push_back(
          {"tcb.advisory", "the platform is affected by an advisory that the policy refuses", advisory, ""});
  if (appraisal.vendor == "amd")
    for (const auto& [component, need] : policy.min_snp_tcb) {
      const Json* reported = appraisal.tcb_details.find("reported_tcb");
      const Json* have = reported == nullptr ? nullptr : reported->find(component);
      if (have == nullptr || !have->is_integer() || have->integer() < need)
        reasons.push_back({"snp.min_tcb", "the platform's " + component + " is older than the policy asks for",
                           have == nullptr ? "" : text_of(*have), std::to_string(need)});
    }

  check_age(policy, appraisal, clock);
  if (policy.report_data) {
    Bytes need = *policy.report_data;
    // The value, and nothing else behind it.
    need.resize(std::max(need.size(), appraisal.report_data.size()));
    if (appraisal.report_data != need)
      reasons.push_back({"binding.report_data", "the evidence is not bound to the value that was asked for",
                         to_hex(appraisal.report_data), to_hex(*policy.report_data)});
  } else if (policy.require_report_data) {
    reasons.push_back(
        {"binding.not_given", "the policy asks for evidence that is bound to a value, and none was given"});
  }
}

MatchResult match_reference_values(std::span<const ReferenceValues> references, const AppraisalPolicy& policy,
                                   Appraisal& appraisal) {
  MatchResult best;
  if (!appraisal.authentic.ok() || !appraisal.tcb.ok() || !appraisal.policy.reached) return best;
  appraisal.match.reached = true;
  if (references.empty()) {
    appraisal.match.reasons.push_back({"match.no_reference", "there is nothing to match the evidence against"});
    return best;
  }
  std::size_t fewest = SIZE_MAX;
  for (const ReferenceValues& reference : references) {
    std::vector<MatchRow> rows = match_one(reference, policy, appraisal);
    // Another TEE is further away than any number of registers.
    const std::size_t missed = rows.front().matches ? misses(rows) : SIZE_MAX - 1;
    if (missed >= fewest) continue;
    fewest = missed;
    best = {reference.name, std::move(rows)};
  }
  for (const MatchRow& r : best.rows)
    if (!r.matches)
      appraisal.match.reasons.push_back({"match." + r.name,
                                         !r.why.empty()   ? r.why
                                         : r.need.empty() ? r.name + " is not certified"
                                         : r.have.empty() ? "the evidence has no " + r.name
                                                          : r.name + " is another than the certified one",
                                         r.have, r.need});
  return best;
}

bool accepted(const Appraisal& appraisal, bool with_match) {
  return appraisal.authentic.ok() && appraisal.tcb.ok() && appraisal.policy.ok() &&
         (!with_match || appraisal.match.ok());
}

}  // namespace hallmark
