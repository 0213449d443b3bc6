#include "lib/tee/references/flashbots.h"

#include <algorithm>
#include <array>

#include "lib/base/files.h"
#include "lib/tee/references/sets.h"

namespace hallmark::references {
namespace {

constexpr std::string_view kDcapRegisters[] = {"mrtd", "rtmr0", "rtmr1", "rtmr2", "rtmr3"};
constexpr std::size_t kDcapSize = 48, kPcrSize = 32, kMaxRegisters = 64;

struct Type {
  std::string_view name, tee;
  std::size_t size;
};
constexpr Type kTypes[] = {{"dcap-tdx", "intel-tdx", kDcapSize},
                           {"gcp-tdx", "intel-tdx", kDcapSize},
                           {"azure-tdx", "azure-tdx-vtpm", kPcrSize}};

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

// Our name of the register that a key means.
std::optional<std::string> register_of(const Type& type, std::string_view key) {
  const std::string name = lower(key);
  if (type.size == kPcrSize) {
    const auto pcr = pcr_number(std::string_view(name).substr(name.starts_with("pcr") ? 3 : 0));
    return pcr ? std::optional("pcr" + std::to_string(*pcr)) : std::nullopt;
  }
  if (std::ranges::find(kDcapRegisters, name) != std::end(kDcapRegisters)) return name;
  const auto index = pcr_number(name);
  return index && *index < std::size(kDcapRegisters) ? std::optional(std::string(kDcapRegisters[*index]))
                                                     : std::nullopt;
}

class Reader {
 public:
  explicit Reader(const std::string& name) : name_(name) {}

  void read(Fields record) {
    ReferenceValues set{.name = record.text_or("measurement_id", name_)};
    if (set.name.empty()) set.name = name_;
    const std::string type_name = record.text("attestation_type");
    const auto* type = std::ranges::find(kTypes, type_name, &Type::name);
    if (type == std::end(kTypes)) {
      record.reject("attestation_type",
                    "is \"" + printable(type_name) + "\", which cannot be held against evidence here",
                    Fault::unsupported);
      return;
    }
    if (record.has("dcap_image_hashes"))
      return record.reject("dcap_image_hashes", "is not supported: hallmark measure tdx computes the registers",
                           Fault::unsupported);
    if (!record.has("measurements"))
      return record.reject("measurements", "is missing: the record would accept anything");
    set.tee = type->tee;
    read_registers(record.object("measurements"), record.raw("measurements"), *type, set);
    if (set.registers.empty()) record.reject("measurements", "asks for no register: the record would accept anything");
    if (type->size == kPcrSize)
      pcrs_ = true;
    else
      for (const std::string_view name : kDcapRegisters)
        if (!set.registers.contains(std::string(name))) open_.insert(std::string(name));
    out_.sets.push_back(std::move(set));
  }

  ImportedReferences finish() {
    if (!open_.empty())
      out_.not_taken.push_back("records that leave out " + list_of({open_.begin(), open_.end()}) +
                               " accept any value there; here the policy's `open_registers` does that");
    if (pcrs_)
      out_.not_taken.push_back(
          "records of azure-tdx accept any value of a register that they leave out, and name none of the TD itself; "
          "here "
          "the policy's `open_registers` does that");
    return std::move(out_);
  }

 private:
  void read_registers(Fields fields, const Json& members, const Type& type, ReferenceValues& set) {
    if (!members.is_object()) return;
    if (members.members().size() > kMaxRegisters)
      return fields.reject(members.members().front().key, "is one of more registers than there are");
    for (const Json::Member& m : members.members()) {
      const auto name = register_of(type, m.key);
      Fields entry = fields.object(m.key);
      if (!name || set.registers.contains(*name)) {
        fields.reject(m.key,
                      name ? "is the register " + *name + " for a second time"
                           : "is no register of \"" + std::string(type.name) + "\"",
                      name ? Fault::format : Fault::unsupported);
        continue;
      }
      std::vector<Bytes> values = read_values(entry, type.size);
      if (entry.boolean_or("warnOnly", false))
        out_.not_taken.push_back(
            set.name + ": " + *name +
            " is only warned of (warnOnly); here it has to be one of the policy's `open_registers`");
      else
        set.registers[*name] = std::move(values);
    }
  }

  static std::vector<Bytes> read_values(Fields& entry, std::size_t size) {
    const bool one = entry.has("expected"), any = entry.has("expected_any");
    if (one == any) {
      entry.reject("expected", one ? "stands beside expected_any" : "is missing, and so is expected_any");
      return {};
    }
    const std::vector<std::string> texts =
        one ? std::vector{entry.text("expected")} : entry.texts("expected_any", kMaxValues);
    const char* key = one ? "expected" : "expected_any";
    if (texts.empty()) entry.reject(key, "is empty");
    std::vector<Bytes> out;
    for (const std::string& text : texts) {
      if (auto value = hex_of_size(text, size))
        out.push_back(*std::move(value));
      else
        entry.reject(key, "is not " + std::to_string(size) + " bytes of hexadecimal");
    }
    return out;
  }

  const std::string& name_;
  ImportedReferences out_;
  std::set<std::string> open_;
  bool pcrs_ = false;
};

bool is_record(const Json& json) { return json.find("attestation_type") != nullptr; }

}  // namespace

bool recognises_flashbots(std::string_view text) {
  const auto json = json_of(text);
  if (!json) return false;
  return json->is_array() ? !json->items().empty() && is_record(json->items().front()) : is_record(*json);
}

Result<ImportedReferences> read_flashbots(std::string_view text, const std::string& name) {
  TRY(Json json, in(name, parse_json(text, {.bytes = kMaxEvidence})));
  if (!json.is_array()) json = Json::array({std::move(json)});
  if (json.items().empty()) return fail(Fault::format, name + ": has no records");
  const Json document = Json::object({{"records", std::move(json)}});
  Fields fields(document, name);
  Reader reader(name);
  for (Fields& record : fields.objects("records", kMaxSets)) reader.read(std::move(record));
  return fields.finish(reader.finish());
}

Result<ExportedReferences> write_flashbots(std::span<const ReferenceValues> sets) {
  ExportedReferences out;
  Json records = Json::array();
  for (const ReferenceValues& set : sets) {
    const auto* type = std::ranges::find(kTypes, set.tee, &Type::tee);
    if (type == std::end(kTypes))
      return fail(Fault::unsupported, set.name + ": a measurements file has no attestation type for " + set.tee);
    Json measurements = Json::object();
    std::vector<std::string> open;
    for (const auto& [name, values] : set.registers) {
      // Both programs know the numbers; only one knows names.
      const auto* at = std::ranges::find(kDcapRegisters, name);
      const std::string key = type->size == kPcrSize && name.starts_with("pcr") ? name.substr(3)
                              : at != std::end(kDcapRegisters) ? std::to_string(at - std::begin(kDcapRegisters))
                                                               : "";
      if (register_of(*type, key) != name ||
          !std::ranges::all_of(values, [&](const Bytes& value) { return value.size() == type->size; }))
        return fail(Fault::unsupported, set.name + ": a measurements file has no place for " + name);
      Json list = Json::array();
      for (const Bytes& value : values) list.push_back(to_hex(value));
      measurements[key] = list.items().size() == 1 ? Json::object({{"expected", list.items().front()}})
                                                   : Json::object({{"expected_any", std::move(list)}});
    }
    if (set.registers.empty())
      return fail(Fault::unsupported, set.name + ": names no register: the record would accept anything");
    if (type->size == kDcapSize)
      for (const std::string_view name : kDcapRegisters)
        if (!set.registers.contains(std::string(name))) open.emplace_back(name);
    if (type->size == kPcrSize) open.emplace_back("the other registers");
    std::ranges::copy(asked_besides_registers(set), std::back_inserter(open));
    if (auto sentence = unsaid(set, open)) out.left_out.push_back(*std::move(sentence));
    records.push_back(Json::object(
        {{"measurement_id", set.name}, {"attestation_type", type->name}, {"measurements", std::move(measurements)}}));
  }
  out.text = records.pretty() + "\n";
  return out;
}

}  // namespace hallmark::references
