// What the formats of other programs ask besides registers, made and taken apart.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "lib/tee/references/reference_format.h"

namespace hallmark::references {

// The forms of a requirement.
Requirement is(std::string name, Json value);
Requirement is_one_of(std::string name, std::vector<Json> values);
Requirement is_none_of(std::string name, std::vector<Json> values);
Requirement is_at_least(std::string name, Json value);
Requirement agrees(std::string name, std::string mask, std::string value);

// Of "0x" and 16 digits, as appraisals write 64 bits.
std::optional<std::uint64_t> from_hex64(std::string_view text);

// A set on its way into another format: what was not taken is left out, and said.
class Leftover {
 public:
  explicit Leftover(const ReferenceValues& set);

  // Each takes the requirement of that name and form, if there is one. text() and bytes() want a single value.
  std::optional<std::string> text(std::string_view name);
  std::optional<std::int64_t> integer(std::string_view name);
  std::optional<bool> boolean(std::string_view name);
  std::optional<std::vector<Json>> list(std::string_view name);
  std::optional<std::vector<Json>> refused(std::string_view name);
  std::optional<Json> at_least(std::string_view name);
  std::optional<Requirement::Masked> masked(std::string_view name);

  // The member of the set's identity or policy, taken, if it asks for something (sets.h).
  std::optional<Json> identity(std::string_view name);
  std::optional<Json> policy(std::string_view name);

  // One sentence for each requirement and member that nobody took, and for the set's end. `format` is "go-tdx-guest".
  void say(std::string_view format, std::vector<std::string>& left_out) const;

 private:
  const Requirement* take(std::string_view name, bool (*form)(const Requirement&));

  const ReferenceValues& set_;
  std::vector<bool> used_;
  Json identity_ = Json::object(), policy_ = Json::object();
};

// The one value of that register: unsupported where a set has more, nothing where it has none.
Result<std::optional<Bytes>> only_value(const ReferenceValues& set, const std::string& name, std::string_view format);

// A register that is not among `known` has no place in the format: unsupported.
Status knows_registers(const ReferenceValues& set, std::initializer_list<std::string_view> known,
                       std::string_view format);

// The one set that a format has room for.
Result<const ReferenceValues*> only_set(std::span<const ReferenceValues> sets, std::string_view tee,
                                        std::string_view format);

}  // namespace hallmark::references
