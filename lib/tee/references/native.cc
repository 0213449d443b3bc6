#include "lib/tee/references/native.h"

#include <algorithm>

#include "lib/tee/references/sets.h"

namespace hallmark::references {
namespace {

// The longest register is a SHA-512; other values are texts of at most this many characters.
constexpr std::size_t kMaxRegister = 64, kMaxText = 4096;

std::map<std::string, std::vector<Bytes>> read_registers(const Json& json, Fields& set) {
  std::map<std::string, std::vector<Bytes>> out;
  if (!json.is_object() || json.members().size() > kMaxValues) {
    set.reject("registers", "is not an object of at most " + std::to_string(kMaxValues) + " registers");
    return out;
  }
  for (const Json::Member& member : json.members()) {
    const std::string where = "registers." + printable(member.key);
    if (!member.value.is_array() || member.value.items().empty() || member.value.items().size() > kMaxValues) {
      set.reject(where, "is not a list of 1 to " + std::to_string(kMaxValues) + " values");
      continue;
    }
    for (const Json& value : member.value.items()) {
      auto bytes = value.is_string() ? from_hex(value.string()) : fail(Fault::format, "");
      if (!bytes || bytes->empty() || bytes->size() > kMaxRegister)
        set.reject(where, "has a value that is not 1 to " + std::to_string(kMaxRegister) + " bytes of hexadecimal");
      else
        out[member.key].push_back(*std::move(bytes));
    }
  }
  return out;
}

bool is_value(const Json& json) {
  return json.is_integer() || json.is_bool() || (json.is_string() && json.string().size() <= kMaxText);
}

bool is_hex(const Json& json) {
  return json.is_string() && json.string().size() <= kMaxText && hex_value(json.string()).has_value();
}

Requirement read_requirement(Fields fields) {
  Requirement out;
  out.name = fields.text("name");
  const bool listed = fields.has("one_of"), refused = fields.has("none_of"), least = fields.has("at_least"),
             masked = fields.has("mask");
  if (int{listed} + int{refused} + int{least} + int{masked} != 1)
    fields.reject("name", "has to have one of one_of, none_of, at_least and mask");
  const auto list = [&](const char* key) {
    const Json& values = fields.raw(key);
    if (values.is_array() && !values.items().empty() && values.items().size() <= kMaxValues &&
        std::ranges::all_of(values.items(), is_value))
      return values.items();
    fields.reject(key, "is not a list of 1 to " + std::to_string(kMaxValues) + " texts, integers or booleans");
    return Json::Array();
  };
  if (listed) out.one_of = list("one_of");
  if (refused) out.none_of = list("none_of");
  if (least) {
    out.at_least = fields.raw("at_least");
    if (!out.at_least->is_integer() && !is_hex(*out.at_least))
      fields.reject("at_least", "is neither an integer nor hexadecimal");
  }
  if (masked) {
    out.masked = Requirement::Masked{fields.text("mask"), fields.text("value")};
    if (!is_hex(Json(out.masked->mask))) fields.reject("mask", "is not hexadecimal");
    if (!is_hex(Json(out.masked->value))) fields.reject("value", "is not hexadecimal");
  }
  return out;
}

// Its members are the names that matching holds against evidence: of another one nobody would notice that it is not.
Json read_object(Fields& set, std::string_view key, std::string_view tee) {
  if (!set.has(key)) return Json::object();
  Json out = set.raw(key);
  if (!out.is_object()) {
    set.reject(key, "is not an object");
    return Json::object();
  }
  for (const Json::Member& m : out.members())
    if (!is_held(tee, m.key))
      set.reject(key,
                 "has \"" + printable(m.key) + "\", which is not held against " + printable(tee) +
                     " evidence; requirements are",
                 Fault::unsupported);
  return out;
}

void read_valid_until(Fields& set, ReferenceValues& values) {
  const auto time = parse_time(set.text("valid_until"));
  if (time)
    values.valid_until = *time;
  else
    set.reject("valid_until", time.error().what);
}

Json to_json(const Requirement& r) {
  Json out = Json::object({{"name", r.name}});
  if (!r.one_of.empty()) out["one_of"] = r.one_of;
  if (!r.none_of.empty()) out["none_of"] = r.none_of;
  if (r.at_least) out["at_least"] = *r.at_least;
  if (r.masked) {
    out["mask"] = r.masked->mask;
    out["value"] = r.masked->value;
  }
  return out;
}

}  // namespace

bool recognises_native(std::string_view text) {
  const auto json = parse_json(text, {.bytes = kMaxEvidence});
  const Json* format = json ? json->find("format") : nullptr;
  return format != nullptr && format->is_string() && format->string().starts_with("reference-values-");
}

Result<ImportedReferences> read_native(std::string_view text, const std::string& name) {
  TRY(const Json json, in(name, parse_json(text, {.bytes = kMaxEvidence})));
  Fields fields(json, name);
  fields.literal("format", kReferenceValuesFormat);
  ImportedReferences out;
  for (Fields& set : fields.objects("sets", kMaxSets)) {
    ReferenceValues values{.name = set.text("name"), .tee = set.text("tee")};
    values.registers = read_registers(set.raw("registers"), set);
    values.identity = read_object(set, "identity", values.tee);
    values.policy = read_object(set, "policy", values.tee);
    if (set.has("requirements"))
      for (Fields& r : set.objects("requirements", kMaxRequirements))
        values.requirements.push_back(read_requirement(std::move(r)));
    if (set.has("valid_until")) read_valid_until(set, values);
    if (values.registers.empty() && !names_signer(values))
      set.reject("registers", "is empty; the set would accept anything");
    out.sets.push_back(std::move(values));
  }
  if (out.sets.empty()) fields.reject("sets", "is empty");
  return fields.finish(std::move(out));
}

Result<ExportedReferences> write_native(std::span<const ReferenceValues> sets) {
  Json list = Json::array();
  for (const ReferenceValues& set : sets) {
    Json registers = Json::object(), requirements = Json::array();
    for (const auto& [name, values] : set.registers)
      for (const Bytes& value : values) registers[name].push_back(to_hex(value));
    for (const Requirement& r : set.requirements) requirements.push_back(to_json(r));
    Json out = Json::object({{"name", set.name},
                             {"tee", set.tee},
                             {"registers", std::move(registers)},
                             {"identity", set.identity},
                             {"policy", set.policy},
                             {"requirements", std::move(requirements)}});
    if (set.valid_until) out["valid_until"] = format_time(*set.valid_until);
    list.push_back(std::move(out));
  }
  return ExportedReferences{
      Json::object({{"format", kReferenceValuesFormat}, {"sets", std::move(list)}}).pretty() + "\n", {}};
}

}  // namespace hallmark::references
