#include "lib/tee/sgx/match.h"

#include <charconv>

namespace hallmark::sgx {
namespace {

// ATTRIBUTES.INIT: EINIT sets it, so SIGSTRUCT never has it.
constexpr std::uint64_t kInit = 1;

std::string text_of(const Json* value) {
  if (value == nullptr) return {};
  return value->is_string() ? value->string() : value->is_integer() ? std::to_string(value->integer()) : "";
}

// "0x…", as both sides write masks.
std::optional<std::uint64_t> number(const Json* value) {
  if (value == nullptr || !value->is_string()) return std::nullopt;
  std::string_view digits = value->string();
  if (!digits.starts_with("0x")) return std::nullopt;
  digits.remove_prefix(2);
  std::uint64_t out = 0;
  const auto end = std::from_chars(digits.data(), digits.data() + digits.size(), out, 16);
  if (end.ec != std::errc() || end.ptr != digits.data() + digits.size()) return std::nullopt;
  return out;
}

}  // namespace

void match_attested(const ReferenceValues& reference, bool exact, const Appraisal& appraisal,
                    std::vector<MatchRow>& rows) {
  if (exact)
    for (const char* name : {"mrsigner", "isvprodid", "isvsvn", "isv_family_id", "isv_ext_prod_id"}) {
      const Json* need = reference.identity.find(name);
      if (need == nullptr || need->is_null()) continue;
      const std::string have = text_of(appraisal.identity.find(name)), want = text_of(need);
      rows.push_back({name, have == want, have, want});
    }
  for (const auto& [name, mask_name, ignored] :
       {std::tuple{"attributes", "attributes_mask", kInit}, std::tuple{"xfrm", "xfrm_mask", std::uint64_t{0}},
        std::tuple{"misc_select", "misc_mask", std::uint64_t{0}}}) {
    if (reference.policy.find(name) == nullptr) continue;
    const auto need = number(reference.policy.find(name)), mask = number(reference.policy.find(mask_name)),
               have = number(appraisal.attested.find(name));
    const bool matches = need && mask && have && ((*have ^ *need) & *mask & ~ignored) == 0;
    rows.push_back({name, matches, text_of(appraisal.attested.find(name)),
                    text_of(reference.policy.find(name)) + " under " + text_of(reference.policy.find(mask_name))});
  }
}

}  // namespace hallmark::sgx
