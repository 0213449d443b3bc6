#include "lib/tee/references/nitro_pcrs.h"

#include <algorithm>

#include "lib/base/files.h"
#include "lib/tee/references/sets.h"

namespace hallmark::references {
namespace {

constexpr std::size_t kSize = 48;  // SHA-384
constexpr unsigned kImagePcrs = 3;
constexpr std::string_view kTee = "aws-nitro", kAlgorithm = "HashAlgorithm", kCondition = "kms:recipientattestation:";

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

// A list of statements, conditions or values may also be the one that it would have.
Json::Array listed(const Json& value) { return value.is_array() ? value.items() : Json::Array{value}; }

Result<Bytes> read_value(const Json& value, unsigned pcr, const std::string& where) {
  auto bytes = value.is_string() ? hex_of_size(value.string(), kSize) : std::nullopt;
  if (!bytes) return fail(Fault::format, where + ": is not 48 bytes of hexadecimal");
  if (pcr < kImagePcrs && all_zero(*bytes))
    return fail(Fault::format, where + ": is all zeros: that is an enclave in debug mode, whatever its image");
  return *std::move(bytes);
}

Result<ReferenceValues> read_measurements(const Json& measurements, const std::string& name) {
  ReferenceValues set{.name = name, .tee = std::string(kTee)};
  if (!measurements.is_object()) return fail(Fault::format, name + ": Measurements: is not an object");
  for (const Json::Member& m : measurements.members()) {
    const std::string where = name + ": " + printable(m.key);
    if (m.key == kAlgorithm) {
      if (!m.value.is_string() || !lower(m.value.string()).starts_with("sha384"))
        return fail(Fault::unsupported, where + ": is not Sha384");
      continue;
    }
    const auto pcr = m.key.starts_with("PCR") ? pcr_number(std::string_view(m.key).substr(3)) : std::nullopt;
    if (!pcr) return fail(Fault::unsupported, where + ": is no PCR");
    TRY(Bytes value, read_value(m.value, *pcr, where));
    set.registers["pcr" + std::to_string(*pcr)] = {std::move(value)};
  }
  if (set.registers.empty()) return fail(Fault::format, name + ": has no PCRs: it would accept anything");
  return set;
}

// The PCR that a condition's key names.
std::optional<unsigned> pcr_of_key(std::string_view key) {
  const std::string name = lower(key).substr(kCondition.size());
  if (name == "imagesha384") return 0;
  return name.starts_with("pcr") ? pcr_number(std::string_view(name).substr(3)) : std::nullopt;
}

bool is_attestation(std::string_view key) { return lower(key).starts_with(kCondition); }

class KeyPolicy {
 public:
  explicit KeyPolicy(const std::string& name) : name_(name) {}

  Status add(const Json& statement) {
    const std::string where = name_ + ": Statement[" + std::to_string(count_) + "]";
    const Json* sid = statement.find("Sid");
    ReferenceValues set{.name = sid != nullptr && sid->is_string() && !sid->string().empty()
                                    ? sid->string()
                                    : name_ + " " + std::to_string(count_),
                        .tee = std::string(kTee)};
    count_++;
    if (const Json* conditions = statement.find("Condition"); conditions != nullptr && conditions->is_object())
      for (const Json::Member& op : conditions->members()) CHECK(add_conditions(op, where, set));
    if (set.registers.empty()) {
      without_++;
      return {};
    }
    const Json* effect = statement.find("Effect");
    if (effect == nullptr || *effect != Json("Allow"))
      return fail(Fault::unsupported, where + ": Effect: only what is allowed under such a condition is supported");
    out_.sets.push_back(std::move(set));
    return {};
  }

  Result<ImportedReferences> finish() {
    if (out_.sets.empty()) return fail(Fault::format, name_ + ": no statement asks for an enclave's PCRs");
    if (without_ != 0)
      out_.not_taken.push_back(std::to_string(without_) +
                               " of the policy's statements do not ask for an enclave's PCRs");
    return std::move(out_);
  }

 private:
  Status add_conditions(const Json::Member& op, const std::string& where, ReferenceValues& set) const {
    if (!op.value.is_object()) return fail(Fault::format, where + ": " + printable(op.key) + ": is not an object");
    for (const Json::Member& m : op.value.members()) {
      if (!is_attestation(m.key)) continue;
      const std::string at = where + ": " + printable(op.key) + ": " + printable(m.key);
      if (op.key != "StringEquals" && op.key != "StringEqualsIgnoreCase")
        return fail(Fault::unsupported, at + ": only StringEquals and StringEqualsIgnoreCase are supported");
      const auto pcr = pcr_of_key(m.key);
      if (!pcr) return fail(Fault::unsupported, at + ": is no PCR of an enclave");
      auto [values, added] = set.registers.try_emplace("pcr" + std::to_string(*pcr));
      if (!added) return fail(Fault::unsupported, at + ": asks for PCR" + std::to_string(*pcr) + " for a second time");
      const Json::Array list = listed(m.value);
      if (list.empty() || list.size() > kMaxValues)
        return fail(Fault::format, at + ": is not 1 to " + std::to_string(kMaxValues) + " values");
      for (const Json& value : list) {
        TRY(Bytes bytes, read_value(value, *pcr, at));
        values->second.push_back(std::move(bytes));
      }
    }
    return {};
  }

  const std::string& name_;
  std::size_t count_ = 0, without_ = 0;
  ImportedReferences out_;
};

}  // namespace

bool recognises_nitro_pcrs(std::string_view text) {
  const auto json = json_of(text);
  if (!json || !json->is_object()) return false;
  return json->find("Measurements") != nullptr || json->find("PCR0") != nullptr || json->find(kAlgorithm) != nullptr ||
         json->find("Statement") != nullptr;
}

Result<ImportedReferences> read_nitro_pcrs(std::string_view text, const std::string& name) {
  TRY(const Json json, in(name, parse_json(text, {.bytes = kMaxEvidence})));
  ImportedReferences out;
  if (const Json* statements = json.find("Statement"); statements != nullptr) {
    KeyPolicy policy(name);
    const Json::Array list = listed(*statements);
    if (list.size() > kMaxSets) return fail(Fault::format, name + ": Statement: has too many");
    for (const Json& statement : list) CHECK(policy.add(statement));
    TRY(out, policy.finish());
  } else {
    const Json* measurements = json.find("Measurements");
    TRY(ReferenceValues set, read_measurements(measurements == nullptr ? json : *measurements, name));
    out.sets.push_back(std::move(set));
  }
  out.not_taken.emplace_back(
      "PCRs that are not named pass at AWS: those of an instance (PCR3, PCR4) have to be in the policy's "
      "`open_registers`");
  return out;
}

Result<ExportedReferences> write_nitro_pcrs(std::span<const ReferenceValues> sets) {
  if (sets.size() != 1)
    return fail(Fault::unsupported, "a file of nitro-cli has one enclave, not " + std::to_string(sets.size()));
  const ReferenceValues& set = sets.front();
  if (set.tee != kTee) return fail(Fault::unsupported, set.name + ": is of " + set.tee + ", not of aws-nitro");
  Json measurements = Json::object({{std::string(kAlgorithm), "Sha384 { ... }"}});
  for (unsigned pcr = 0; pcr < 24; pcr++)
    if (const auto it = set.registers.find("pcr" + std::to_string(pcr)); it != set.registers.end()) {
      if (it->second.size() != 1 || it->second.front().size() != kSize)
        return fail(Fault::unsupported, set.name + ": PCR" + std::to_string(pcr) + " is not one value of 48 bytes");
      measurements["PCR" + std::to_string(pcr)] = to_hex(it->second.front());
    }
  if (set.registers.empty() || measurements.members().size() != set.registers.size() + 1)
    return fail(Fault::unsupported, set.name + ": has other registers than PCRs, or none");
  std::vector<std::string> open = asked_besides_registers(set);
  open.insert(open.begin(), "the other PCRs");
  ExportedReferences out;
  out.left_out.push_back(*unsaid(set, open));
  out.text = Json::object({{"Measurements", std::move(measurements)}}).pretty() + "\n";
  return out;
}

}  // namespace hallmark::references
