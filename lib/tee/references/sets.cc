#include "lib/tee/references/sets.h"

#include <algorithm>

namespace hallmark::references {

const Json* asked_identity(const ReferenceValues& set, std::string_view name) {
  const Json* value = set.identity.find(name);
  return value == nullptr || value->is_null() ? nullptr : value;
}

const Json* asked_policy(const ReferenceValues& set, std::string_view name) {
  const Json* value = set.policy.find(name);
  return value != nullptr && set.tee == "intel-tdx" && *value == Json("any") ? nullptr : value;
}

bool names_signer(const ReferenceValues& set) {
  return set.tee == "intel-sgx" && asked_identity(set, "mrsigner") != nullptr;
}

bool is_held(std::string_view tee, std::string_view name) {
  static constexpr std::string_view kSgx[] = {"mrsigner",        "isvprodid",   "isvsvn",          "isv_family_id",
                                              "isv_ext_prod_id", "attributes",  "attributes_mask", "xfrm",
                                              "xfrm_mask",       "misc_select", "misc_mask"};
  static constexpr std::string_view kTdx[] = {"tdattributes",  "xfam",   "mrconfigid",  "mrowner",
                                              "mrownerconfig", "mrseam", "mrsignerseam"};
  const auto names = [&](const auto& list) { return std::ranges::find(list, name) != std::end(list); };
  if (tee != "intel-sgx" && tee != "intel-tdx") return false;
  return name == kPolicyReportData || (tee == "intel-sgx" ? names(kSgx) : names(kTdx));
}

std::vector<std::string> asked_besides_registers(const ReferenceValues& set) {
  std::vector<std::string> out;
  for (const Json::Member& m : set.identity.members())
    if (asked_identity(set, m.key) != nullptr) out.push_back(m.key);
  for (const Json::Member& m : set.policy.members())
    if (!m.key.ends_with("_mask") && asked_policy(set, m.key) != nullptr) out.push_back(m.key);
  for (const Requirement& r : set.requirements) out.push_back(r.name);
  if (set.valid_until) out.emplace_back("valid_until");
  return out;
}

std::string list_of(const std::vector<std::string>& names) {
  std::string out;
  for (const std::string& name : names) out += (out.empty() ? "" : ", ") + name;
  return out;
}

std::optional<std::string> unsaid(const ReferenceValues& set, const std::vector<std::string>& names) {
  if (names.empty()) return std::nullopt;
  return set.name + ": the file does not ask for " + list_of(names) + ": any value passes there";
}

std::optional<Bytes> hex_of_size(std::string_view text, std::size_t size) {
  auto bytes = from_hex(text);
  if (!bytes || bytes->size() != size) return std::nullopt;
  return *std::move(bytes);
}

std::optional<Json> json_of(std::string_view text) {
  auto json = parse_json(text, {.bytes = kMaxEvidence});
  if (!json) return std::nullopt;
  return *std::move(json);
}

std::optional<unsigned> pcr_number(std::string_view digits) {
  if (digits.empty() || digits.size() > 2 || (digits.size() == 2 && digits[0] == '0')) return std::nullopt;
  unsigned out = 0;
  for (const char c : digits) {
    if (c < '0' || c > '9') return std::nullopt;
    out = out * 10 + static_cast<unsigned>(c - '0');
  }
  return out > 23 ? std::nullopt : std::optional(out);
}

}  // namespace hallmark::references
