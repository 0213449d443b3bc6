#include "lib/tee/model/reference_values.h"

#include <algorithm>

namespace hallmark {
namespace {

// "attested.a.b" among the members of an appraisal's answer.
std::optional<Json> find(const Appraisal& appraisal, std::string_view name) {
  if (name == "report_data") return Json(to_hex(appraisal.report_data));
  if (name == "tcb.status" && !appraisal.tcb_status.empty()) return Json(appraisal.tcb_status);
  if (name == "tcb.tcb_evaluation_data_number" && appraisal.tcb_evaluation_number)
    return Json(*appraisal.tcb_evaluation_number);
  if (name == "tcb.advisory_ids" && appraisal.tcb.reached) {
    Json ids = Json::array();
    for (const std::string& id : appraisal.advisories) ids.push_back(id);
    return ids;
  }
  const Json* at = nullptr;
  for (std::string_view rest = name; !rest.empty();) {
    const auto dot = std::min(rest.find('.'), rest.size());
    const std::string_view part = rest.substr(0, dot);
    if (at != nullptr)
      at = at->find(part);
    else if (part == "attested")
      at = &appraisal.attested;
    else if (part == "identity")
      at = &appraisal.identity;
    else if (part == "tcb")
      at = &appraisal.tcb_details;
    if (at == nullptr) return std::nullopt;
    rest.remove_prefix(std::min(dot + 1, rest.size()));
  }
  return at == nullptr ? std::nullopt : std::optional<Json>(*at);
}

bool is_number(std::string_view text) { return text.starts_with("0x"); }

std::optional<Bytes> bytes_of(const Json& value) {
  return value.is_string() ? hex_value(value.string()) : std::nullopt;
}

bool reaches(const Json& have, const Json& least) {
  if (least.is_integer()) return have.is_integer() && have.integer() >= least.integer();
  const auto has = bytes_of(have), needs = bytes_of(least);
  return has && needs && has->size() == needs->size() &&
         std::ranges::equal(*has, *needs, [](auto a, auto b) { return a >= b; });
}

bool agrees(const Json& have, const Requirement::Masked& masked) {
  auto has = bytes_of(have), mask = hex_value(masked.mask), value = hex_value(masked.value);
  if (!has || !mask || !value) return false;
  if (is_number(have.string()) && is_number(masked.mask) && is_number(masked.value)) {
    const std::size_t size = std::max({has->size(), mask->size(), value->size()});
    for (auto* number : {&*has, &*mask, &*value}) number->insert(number->begin(), size - number->size(), 0);
  }
  if (has->size() != mask->size() || has->size() != value->size()) return false;
  for (std::size_t i = 0; i < has->size(); i++)
    if (((*has)[i] & (*mask)[i]) != ((*value)[i] & (*mask)[i])) return false;
  return true;
}

bool avoids(const Json& have, const std::vector<Json>& refused) {
  if (!have.is_array()) return std::ranges::find(refused, have) == refused.end();
  return std::ranges::none_of(have.items(),
                              [&](const Json& item) { return std::ranges::find(refused, item) != refused.end(); });
}

std::string need_of(const Requirement& r) {
  if (r.at_least) return "at least " + text_of(*r.at_least);
  if (r.masked) return r.masked->value + " under " + r.masked->mask;
  std::string out;
  for (const Json& value : r.one_of) out += (out.empty() ? "" : " or ") + text_of(value);
  for (const Json& value : r.none_of) out += (out.empty() ? "none of " : ", ") + text_of(value);
  return out;
}

}  // namespace

std::optional<Bytes> hex_value(std::string_view text) {
  std::string digits(text.substr(is_number(text) ? 2 : 0));
  if (is_number(text) && digits.size() % 2 != 0) digits.insert(digits.begin(), '0');
  auto bytes = from_hex(digits);
  if (!bytes || bytes->empty()) return std::nullopt;
  return *std::move(bytes);
}

std::string text_of(const Json& value) {
  return value.is_string() ? value.string() : value.is_integer() ? std::to_string(value.integer()) : value.canonical();
}

MatchRow check(const Requirement& requirement, const Appraisal& appraisal) {
  const auto dot = requirement.name.rfind('.');
  MatchRow row{requirement.name.substr(dot == requirement.name.npos ? 0 : dot + 1), false, "", need_of(requirement)};
  const auto have = find(appraisal, requirement.name);
  if (!have || have->is_null()) return row;
  row.have = text_of(*have);
  row.matches = requirement.at_least ? reaches(*have, *requirement.at_least)
                : requirement.masked ? agrees(*have, *requirement.masked)
                : !requirement.none_of.empty()
                    ? avoids(*have, requirement.none_of)
                    : std::ranges::find(requirement.one_of, *have) != requirement.one_of.end();
  return row;
}

MatchRow check_time(const ReferenceValues& reference, const Appraisal& appraisal) {
  return {"valid_until", appraisal.time <= *reference.valid_until, format_time(appraisal.time),
          "until " + format_time(*reference.valid_until)};
}

}  // namespace hallmark
