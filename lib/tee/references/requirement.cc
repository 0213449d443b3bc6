#include "lib/tee/references/requirement.h"

#include <algorithm>

#include "lib/tee/references/sets.h"

namespace hallmark::references {
namespace {

bool single(const Requirement& r) { return r.one_of.size() == 1; }
bool listed(const Requirement& r) { return !r.one_of.empty(); }
bool refusing(const Requirement& r) { return !r.none_of.empty(); }
bool bounded(const Requirement& r) { return r.at_least.has_value(); }
bool masking(const Requirement& r) { return r.masked.has_value(); }

std::optional<Json> take_member(Json& from, std::string_view name) {
  auto& members = from.members();
  const auto it = std::ranges::find(members, name, &Json::Member::key);
  if (it == members.end()) return std::nullopt;
  Json value = std::move(it->value);
  members.erase(it);
  return value;
}

}  // namespace

Requirement is(std::string name, Json value) { return is_one_of(std::move(name), {std::move(value)}); }

Requirement is_one_of(std::string name, std::vector<Json> values) {
  return {.name = std::move(name), .one_of = std::move(values)};
}

Requirement is_none_of(std::string name, std::vector<Json> values) {
  return {.name = std::move(name), .none_of = std::move(values)};
}

Requirement is_at_least(std::string name, Json value) {
  return {.name = std::move(name), .at_least = std::move(value)};
}

Requirement agrees(std::string name, std::string mask, std::string value) {
  return {.name = std::move(name), .masked = Requirement::Masked{std::move(mask), std::move(value)}};
}

std::optional<std::uint64_t> from_hex64(std::string_view text) {
  if (text.size() != 18 || !text.starts_with("0x")) return std::nullopt;
  const auto bytes = from_hex(text.substr(2));
  if (!bytes) return std::nullopt;
  return load_be<std::uint64_t>(*bytes);
}

Leftover::Leftover(const ReferenceValues& set) : set_(set), used_(set.requirements.size()) {
  for (const Json::Member& m : set.identity.members())
    if (asked_identity(set, m.key) != nullptr) identity_[m.key] = m.value;
  for (const Json::Member& m : set.policy.members())
    if (asked_policy(set, m.key) != nullptr) policy_[m.key] = m.value;
}

const Requirement* Leftover::take(std::string_view name, bool (*form)(const Requirement&)) {
  for (std::size_t i = 0; i < used_.size(); i++) {
    const Requirement& r = set_.requirements[i];
    if (used_[i] || r.name != name || !form(r)) continue;
    used_[i] = true;
    return &r;
  }
  return nullptr;
}

std::optional<std::string> Leftover::text(std::string_view name) {
  const Requirement* r = take(name, [](const Requirement& q) { return single(q) && q.one_of.front().is_string(); });
  return r == nullptr ? std::nullopt : std::optional(r->one_of.front().string());
}

std::optional<std::int64_t> Leftover::integer(std::string_view name) {
  const Requirement* r = take(name, [](const Requirement& q) { return single(q) && q.one_of.front().is_integer(); });
  return r == nullptr ? std::nullopt : std::optional(r->one_of.front().integer());
}

std::optional<bool> Leftover::boolean(std::string_view name) {
  const Requirement* r = take(name, [](const Requirement& q) { return single(q) && q.one_of.front().is_bool(); });
  return r == nullptr ? std::nullopt : std::optional(r->one_of.front().boolean());
}

std::optional<std::vector<Json>> Leftover::list(std::string_view name) {
  const Requirement* r = take(name, listed);
  return r == nullptr ? std::nullopt : std::optional(r->one_of);
}

std::optional<std::vector<Json>> Leftover::refused(std::string_view name) {
  const Requirement* r = take(name, refusing);
  return r == nullptr ? std::nullopt : std::optional(r->none_of);
}

std::optional<Json> Leftover::at_least(std::string_view name) {
  const Requirement* r = take(name, bounded);
  return r == nullptr ? std::nullopt : r->at_least;
}

std::optional<Requirement::Masked> Leftover::masked(std::string_view name) {
  const Requirement* r = take(name, masking);
  return r == nullptr ? std::nullopt : r->masked;
}

std::optional<Json> Leftover::identity(std::string_view name) { return take_member(identity_, name); }
std::optional<Json> Leftover::policy(std::string_view name) { return take_member(policy_, name); }

void Leftover::say(std::string_view format, std::vector<std::string>& left_out) const {
  const auto add = [&](const std::string& what) {
    left_out.push_back(set_.name + ": " + what + ", for which " + std::string(format) + " has no place");
  };
  for (std::size_t i = 0; i < used_.size(); i++)
    if (!used_[i]) add("what is asked of " + set_.requirements[i].name);
  for (const Json* members : {&identity_, &policy_})
    for (const Json::Member& member : members->members()) add(member.key);
  if (set_.valid_until) add("until when it is good");
}

Result<std::optional<Bytes>> only_value(const ReferenceValues& set, const std::string& name, std::string_view format) {
  const auto it = set.registers.find(name);
  if (it == set.registers.end()) return std::optional<Bytes>();
  if (it->second.size() != 1)
    return fail(Fault::unsupported, set.name + ": " + name + " may have one of " + std::to_string(it->second.size()) +
                                        " values; " + std::string(format) + " knows one");
  return std::optional(it->second.front());
}

Status knows_registers(const ReferenceValues& set, std::initializer_list<std::string_view> known,
                       std::string_view format) {
  for (const auto& [name, values] : set.registers)
    if (std::ranges::find(known, std::string_view(name)) == known.end())
      return fail(Fault::unsupported, set.name + ": " + std::string(format) + " does not know the register " + name);
  return {};
}

Result<const ReferenceValues*> only_set(std::span<const ReferenceValues> sets, std::string_view tee,
                                        std::string_view format) {
  if (sets.size() != 1)
    return fail(Fault::unsupported, std::string(format) + " has room for one set of reference values; there are " +
                                        std::to_string(sets.size()));
  if (sets.front().tee != tee)
    return fail(Fault::unsupported, sets.front().name + ": is of " + sets.front().tee + "; " + std::string(format) +
                                        " is of " + std::string(tee));
  return &sets.front();
}

}  // namespace hallmark::references
