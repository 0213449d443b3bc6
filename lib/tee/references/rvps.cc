#include "lib/tee/references/rvps.h"

#include <algorithm>
#include <charconv>

#include "lib/base/files.h"
#include "lib/tee/references/sets.h"

namespace hallmark::references {
namespace {

enum class Kind {
  register_value,  // hexadecimal of `size` bytes: the register `place`
  bytes,           // hexadecimal of `size` bytes: one_of at `place`, which has the same text
  number,          // an integer, or one as text: one_of at `place`
  little_endian,   // hexadecimal of two bytes as they stand in a quote, or an integer: one_of at `place`, an integer
  bits,            // an integer or boolean: the bits of `place` from `shift` on, `size` of them
};

struct Name {
  std::string_view name, tee;
  Kind kind;
  std::string_view place;
  unsigned size = 0, shift = 0;
  bool by_default = true;  // whether Trustee's default policy asks for it
};

constexpr std::string_view kSnp = "amd-sev-snp", kTdx = "intel-tdx", kSgx = "intel-sgx", kAzureSnp = "azure-snp-vtpm",
                           kAzureTdx = "azure-tdx-vtpm";

// POLICY and PLATFORM_INFO: AMD 56860, "Guest Policy" and "ATTESTATION_REPORT".
constexpr Name kNames[] = {
    {"snp_launch_measurement", kSnp, Kind::register_value, "measurement", 48},
    {"snp_bootloader", kSnp, Kind::number, "tcb.reported_tcb.bootloader"},
    {"snp_microcode", kSnp, Kind::number, "tcb.reported_tcb.microcode"},
    {"snp_snp_svn", kSnp, Kind::number, "tcb.reported_tcb.snp"},
    {"snp_tee_svn", kSnp, Kind::number, "tcb.reported_tcb.tee"},
    {"snp_smt_enabled", kSnp, Kind::bits, "attested.platform_info", 1, 0},
    {"snp_tsme_enabled", kSnp, Kind::bits, "attested.platform_info", 1, 1},
    {"snp_guest_abi_minor", kSnp, Kind::bits, "attested.policy", 8, 0},
    {"snp_guest_abi_major", kSnp, Kind::bits, "attested.policy", 8, 8},
    {"snp_smt_allowed", kSnp, Kind::bits, "attested.policy", 1, 16},
    {"snp_single_socket", kSnp, Kind::bits, "attested.policy", 1, 20},

    {"mr_td", kTdx, Kind::register_value, "mrtd", 48},
    {"rtmr_0", kTdx, Kind::register_value, "rtmr0", 48, 0, false},
    {"rtmr_1", kTdx, Kind::register_value, "rtmr1", 48},
    {"rtmr_2", kTdx, Kind::register_value, "rtmr2", 48},
    {"rtmr_3", kTdx, Kind::register_value, "rtmr3", 48, 0, false},
    {"xfam", kTdx, Kind::bytes, "attested.xfam", 8},
    {"td_attributes", kTdx, Kind::bytes, "attested.tdattributes", 8, 0, false},
    {"mr_seam", kTdx, Kind::bytes, "attested.mrseam", 48, 0, false},
    {"mrsigner_seam", kTdx, Kind::bytes, "attested.mrsignerseam", 48, 0, false},
    {"mr_config_id", kTdx, Kind::bytes, "attested.mrconfigid", 48, 0, false},
    {"mr_owner", kTdx, Kind::bytes, "attested.mrowner", 48, 0, false},
    {"mr_owner_config", kTdx, Kind::bytes, "attested.mrownerconfig", 48, 0, false},
    {"tcb_svn", kTdx, Kind::bytes, "attested.tee_tcb_svn", 16, 0, false},

    {"mr_enclave", kSgx, Kind::register_value, "mrenclave", 32, 0, false},
    {"mr_signer", kSgx, Kind::bytes, "identity.mrsigner", 32, 0, false},
    {"isv_prod_id", kSgx, Kind::little_endian, "identity.isvprodid", 2, 0, false},
    {"isv_svn", kSgx, Kind::little_endian, "identity.isvsvn", 2, 0, false},
    {"isv_family_id", kSgx, Kind::bytes, "identity.isv_family_id", 16, 0, false},
    {"isv_ext_prod_id", kSgx, Kind::bytes, "identity.isv_ext_prod_id", 16, 0, false},

    {"measurement", kAzureSnp, Kind::register_value, "measurement", 48},
    {"snp_pcr11", kAzureSnp, Kind::register_value, "pcr11", 32},
    {"tcb_bootloader", kAzureSnp, Kind::number, "tcb.reported_tcb.bootloader"},
    {"tcb_microcode", kAzureSnp, Kind::number, "tcb.reported_tcb.microcode"},
    {"tcb_snp", kAzureSnp, Kind::number, "tcb.reported_tcb.snp"},
    {"tcb_tee", kAzureSnp, Kind::number, "tcb.reported_tcb.tee"},
    {"smt_enabled", kAzureSnp, Kind::bits, "attested.hardware.platform_info", 1, 0},
    {"tsme_enabled", kAzureSnp, Kind::bits, "attested.hardware.platform_info", 1, 1},
    {"abi_minor", kAzureSnp, Kind::bits, "attested.hardware.policy", 8, 0},
    {"abi_major", kAzureSnp, Kind::bits, "attested.hardware.policy", 8, 8},
    {"smt_allowed", kAzureSnp, Kind::bits, "attested.hardware.policy", 1, 16},
    {"single_socket", kAzureSnp, Kind::bits, "attested.hardware.policy", 1, 20},

    {"tdx_pcr11", kAzureTdx, Kind::register_value, "pcr11", 32},
};

// Digests in the guest's event log, which RTMR1 and RTMR2 hold.
constexpr std::string_view kEventNames[] = {"tdvfkernel", "tdvfkernelparams"};

const Name* find_name(std::string_view name) {
  const auto* it = std::ranges::find(kNames, name, &Name::name);
  return it == std::end(kNames) ? nullptr : it;
}

// An integer; azure-snp-vtpm's claims are texts of one.
std::optional<std::int64_t> integer_of(const Json& value) {
  if (value.is_integer()) return value.integer();
  if (!value.is_string() || value.string().empty()) return std::nullopt;
  const std::string& text = value.string();
  std::int64_t out = 0;
  const auto end = std::from_chars(text.data(), text.data() + text.size(), out);
  return end.ec == std::errc() && end.ptr == text.data() + text.size() ? std::optional(out) : std::nullopt;
}

struct Entry {
  std::string name;
  Json::Array values;
  std::optional<UnixTime> expiration;
};

class Reader {
 public:
  explicit Reader(const std::string& file) : file_(file) {}

  Status add(const Entry& entry) {
    const std::string where = file_ + ": " + printable(entry.name);
    if (!seen_.insert(entry.name).second) return fail(Fault::format, where + ": stands there for a second time");
    if (entry.values.empty()) return fail(Fault::format, where + ": has no values, which nothing passes");
    if (entry.values.size() > kMaxValues)
      return fail(Fault::format, where + ": has more than " + std::to_string(kMaxValues) + " values");
    if (std::ranges::find(kEventNames, entry.name) != std::end(kEventNames)) return {};
    const Name* name = find_name(entry.name);
    if (name == nullptr)
      return fail(Fault::unsupported, where + ": is no reference value that can be held against evidence here");
    ReferenceValues& set = sets_.try_emplace(std::string(name->tee)).first->second;
    if (entry.expiration) set.valid_until = std::min(set.valid_until.value_or(*entry.expiration), *entry.expiration);
    return in(where, add_values(*name, entry.values, set));
  }

  Result<ImportedReferences> finish() {
    ImportedReferences out;
    for (const std::string_view name : kEventNames)
      if (seen_.contains(std::string(name))) {
        if (!seen_.contains("rtmr_1") || !seen_.contains("rtmr_2"))
          return fail(Fault::unsupported, file_ + ": " + std::string(name) +
                                              ": is an event's digest; here RTMR1 and RTMR2 have to be given");
        out.not_taken.push_back(std::string(name) + " is an event's digest, which rtmr_1 and rtmr_2 hold already");
      }
    if (sets_.empty()) return fail(Fault::format, file_ + ": has no reference values");
    share_with_azure();
    for (auto& [tee, set] : sets_) {
      set.tee = tee;
      set.name = file_ + " " + set.tee;
      take_identity(set);
      if (set.registers.empty() && !names_signer(set))
        return fail(Fault::format, file_ + ": names no register of " + set.tee + ": it would accept anything");
      out.sets.push_back(std::move(set));
    }
    return out;
  }

 private:
  static Status add_values(const Name& name, const Json::Array& values, ReferenceValues& set) {
    Requirement requirement{.name = std::string(name.place)};
    if (name.kind == Kind::bits && values.size() != 1)
      return fail(Fault::unsupported, "has several values, of which only one is supported");
    for (const Json& value : values) {
      switch (name.kind) {
        case Kind::register_value:
        case Kind::bytes: {
          auto bytes = value.is_string() ? hex_of_size(value.string(), name.size) : std::nullopt;
          if (!bytes) return fail(Fault::format, "is not " + std::to_string(name.size) + " bytes of hexadecimal");
          if (name.kind == Kind::register_value)
            set.registers[std::string(name.place)].push_back(*std::move(bytes));
          else
            requirement.one_of.push_back(to_hex(*bytes));
          break;
        }
        case Kind::little_endian:
          if (const auto bytes = value.is_string() ? hex_of_size(value.string(), 2) : std::nullopt) {
            requirement.one_of.push_back(std::int64_t{load_le<std::uint16_t>(*bytes)});
            break;
          }
          if (!value.is_integer() || value.integer() < 0 || value.integer() > UINT16_MAX)
            return fail(Fault::format, "is neither an integer of 0 to 65535 nor two bytes of hexadecimal");
          requirement.one_of.push_back(value);
          break;
        case Kind::number: {
          const auto number = integer_of(value);
          if (!number || *number < 0 || *number > UINT8_MAX) return fail(Fault::format, "is no integer of 0 to 255");
          requirement.one_of.push_back(*number);
          break;
        }
        case Kind::bits: {
          const auto number = value.is_bool() ? std::optional<std::int64_t>(value.boolean()) : integer_of(value);
          const std::int64_t limit = std::int64_t{1} << name.size;
          if (!number || *number < 0 || *number >= limit || (value.is_bool() && name.size != 1))
            return fail(Fault::format, name.size == 1 ? "is no boolean" : "is no integer of 0 to 255");
          requirement.masked = Requirement::Masked{hex_offset(static_cast<std::uint64_t>(limit - 1) << name.shift),
                                                   hex_offset(static_cast<std::uint64_t>(*number) << name.shift)};
          break;
        }
      }
    }
    if (name.kind != Kind::register_value) set.requirements.push_back(std::move(requirement));
    return {};
  }

  // The default policy asks a TD behind Azure's vTPM for mr_td and xfam too.
  void share_with_azure() {
    const auto azure = sets_.find(kAzureTdx), td = sets_.find(kTdx);
    if (azure == sets_.end() || td == sets_.end()) return;
    if (const auto mrtd = td->second.registers.find("mrtd"); mrtd != td->second.registers.end())
      azure->second.registers.insert(*mrtd);
    for (Requirement r : td->second.requirements) {
      if (r.name != "attested.xfam") continue;
      r.name = "attested.hardware.xfam";
      azure->second.requirements.push_back(std::move(r));
    }
    if (td->second.valid_until)
      azure->second.valid_until =
          std::min(azure->second.valid_until.value_or(*td->second.valid_until), *td->second.valid_until);
    if (td->second.registers.empty()) sets_.erase(td);
  }

  // Signer and product, where there is one of each, stand where a match by signer looks for them.
  static void take_identity(ReferenceValues& set) {
    if (set.tee != kSgx) return;
    for (const char* name : {"mrsigner", "isvprodid"}) {
      const auto it = std::ranges::find(set.requirements, std::string("identity.") + name, &Requirement::name);
      if (it == set.requirements.end() || it->one_of.size() != 1) continue;
      set.identity[name] = it->one_of.front();
      set.requirements.erase(it);
    }
  }

  const std::string& file_;
  std::set<std::string> seen_;
  std::map<std::string, ReferenceValues, std::less<>> sets_;
};

Json::Array listed(const Json& value) { return value.is_array() ? value.items() : Json::Array{value}; }

bool is_object_of_service(const Json& json) {
  return json.find("name") != nullptr && json.find("expiration") != nullptr;
}
bool is_message(const Json& json) { return json.find("payload") != nullptr && json.find("type") != nullptr; }
bool is_map(const Json& json) {
  return json.is_object() && std::ranges::any_of(json.members(), [](const Json::Member& m) {
           return find_name(m.key) != nullptr && !m.value.is_object();
         });
}

Entry read_object(Fields object) {
  Entry out;
  object.text_or("version", "");
  out.name = object.text("name");
  const auto time = parse_time(object.text("expiration"));
  if (time)
    out.expiration = *time;
  else
    object.reject("expiration", time.error().what);
  if (object.has("value") == object.has("hash-value")) {
    object.reject("value", object.has("value") ? "stands beside hash-value" : "is missing");
  } else if (object.has("value")) {
    out.values = listed(object.raw("value"));
  } else {
    for (Fields& hash : object.objects("hash-value", kMaxValues)) {
      hash.text("alg");
      out.values.emplace_back(hash.text("value"));
    }
  }
  return out;
}

Result<std::vector<Entry>> read_entries(const Json& json, const std::string& name) {
  std::vector<Entry> out;
  if (json.is_array() || is_object_of_service(json)) {
    const Json document = Json::object({{"values", json.is_array() ? json : Json::array({json})}});
    Fields fields(document, name);
    for (Fields& object : fields.objects("values", kMaxRequirements)) out.push_back(read_object(std::move(object)));
    return fields.finish(std::move(out));
  }
  if (!json.is_object()) return fail(Fault::format, name + ": is neither a list nor an object");
  if (json.members().size() > kMaxRequirements)
    return fail(Fault::format, name + ": has more than " + std::to_string(kMaxRequirements) + " reference values");
  for (const Json::Member& m : json.members()) out.push_back({m.key, listed(m.value), {}});
  return out;
}

Result<Json> open_message(const Json& message, const std::string& name) {
  Fields fields(message, name);
  fields.literal("version", "0.1.0");
  const std::string type = fields.text("type"), payload = fields.text("payload");
  CHECK(fields.finish(true));
  if (type != "sample")
    return fail(Fault::unsupported, name + ": type: is \"" + printable(type) + "\"; only \"sample\" is supported");
  TRY(const Bytes bytes, in(name + ": payload", from_base64(payload)));
  return in(name + ": payload", parse_json(as_text(bytes), {.bytes = kMaxEvidence}));
}

// A value that a set asks for, as it is written; nothing if it is none that evidence could have there.
std::optional<Json> written(const Name& name, const Json& value) {
  switch (name.kind) {
    case Kind::register_value:
    case Kind::bytes:
      return value.is_string() && hex_of_size(value.string(), name.size) ? std::optional(value) : std::nullopt;
    case Kind::number:
      return value.is_integer() && value.integer() >= 0 && value.integer() <= UINT8_MAX ? std::optional(value)
                                                                                        : std::nullopt;
    case Kind::little_endian: {
      if (!value.is_integer() || value.integer() < 0 || value.integer() > UINT16_MAX) return std::nullopt;
      Bytes bytes(2);
      store_le<std::uint16_t>(bytes, static_cast<std::uint16_t>(value.integer()));
      return Json(to_hex(bytes));
    }
    case Kind::bits: break;
  }
  return std::nullopt;
}

class Writer {
 public:
  Status add(const ReferenceValues& set) {
    if (std::ranges::find(kNames, set.tee, &Name::tee) == std::end(kNames))
      return fail(Fault::unsupported, set.name + ": RVPS has no names for " + set.tee);
    if (!tees_.insert(set.tee).second)
      return fail(Fault::unsupported, set.name + ": is a second set of " + set.tee +
                                          ": RVPS has one list for a name, and would accept a mixture of both");
    std::vector<std::string> unsaid_names, not_asked;
    bool pinned = false;
    const auto put = [&](std::string_view place, const Json::Array& values, const std::string& called) {
      const auto* name = std::ranges::find_if(
          kNames, [&](const Name& n) { return n.tee == set.tee && n.place == place && n.kind != Kind::bits; });
      // Two requirements at one place have to hold both; the list would be of either.
      if (name == std::end(kNames) || out_.find(name->name) != nullptr) return unsaid_names.push_back(called);
      Json list = Json::array();
      for (const Json& value : values) {
        auto json = written(*name, value);
        if (!json) return unsaid_names.push_back(called);
        list.push_back(*std::move(json));
      }
      out_[name->name] = std::move(list);
      pinned = pinned || name->kind == Kind::register_value || name->name == "mr_signer";
      if (!name->by_default) not_asked.emplace_back(name->name);
    };
    for (const auto& [name, values] : set.registers) {
      Json::Array list;
      for (const Bytes& value : values) list.emplace_back(to_hex(value));
      put(name, list, name);
    }
    for (const Json::Member& m : set.identity.members())
      if (asked_identity(set, m.key) != nullptr) put("identity." + m.key, {m.value}, m.key);
    for (const Json::Member& m : set.policy.members())
      if (!m.key.ends_with("_mask") && asked_policy(set, m.key) != nullptr)
        put("attested." + m.key, listed(m.value), m.key);
    for (const Requirement& r : set.requirements) {
      if (r.masked && put_bits(set.tee, r)) continue;
      if (r.one_of.empty())
        unsaid_names.push_back(r.name);
      else
        put(r.name, r.one_of, r.name);
    }
    if (!pinned)
      return fail(Fault::unsupported,
                  set.name + ": RVPS has names for none of its registers: anything would be accepted");
    if (set.valid_until) unsaid_names.emplace_back("valid_until");
    if (auto sentence = unsaid(set, unsaid_names)) exported_.left_out.push_back(*std::move(sentence));
    if (!not_asked.empty())
      exported_.left_out.push_back(set.name + ": Trustee's default policy does not ask for " + list_of(not_asked) +
                                   ": one of your own has to");
    return {};
  }

  ExportedReferences finish() {
    exported_.text = out_.pretty() + "\n";
    return std::move(exported_);
  }

 private:
  bool put_bits(const std::string& tee, const Requirement& r) {
    // The fields are numbers; under a mask that is none they hold something else.
    if (!r.masked->mask.starts_with("0x") || !r.masked->value.starts_with("0x")) return false;
    const auto mask = hex_value(r.masked->mask), value = hex_value(r.masked->value);
    if (!mask || !value || mask->size() > 8 || value->size() > 8) return false;
    const auto number = [](const Bytes& bytes) {
      std::uint64_t out = 0;
      for (const std::uint8_t byte : bytes) out = out << 8 | byte;
      return out;
    };
    for (const Name& name : kNames) {
      if (name.tee != tee || name.kind != Kind::bits || name.place != r.name || out_.find(name.name) != nullptr)
        continue;
      const std::uint64_t ones = (std::uint64_t{1} << name.size) - 1;
      if (number(*mask) != ones << name.shift) continue;
      const std::uint64_t bits = number(*value) >> name.shift & ones;
      out_[name.name] = name.size == 1 ? Json(bits == 1) : Json(bits);
      return true;
    }
    return false;
  }

  Json out_ = Json::object();
  std::set<std::string> tees_;
  ExportedReferences exported_;
};

}  // namespace

bool recognises_rvps(std::string_view text) {
  const auto json = json_of(text);
  if (!json) return false;
  if (json->is_array()) return !json->items().empty() && is_object_of_service(json->items().front());
  return is_object_of_service(*json) || is_message(*json) || is_map(*json);
}

Result<ImportedReferences> read_rvps(std::string_view text, const std::string& name) {
  TRY(Json json, in(name, parse_json(text, {.bytes = kMaxEvidence})));
  if (is_message(json)) {
    TRY(json, open_message(json, name));
  }
  TRY(const std::vector<Entry> entries, read_entries(json, name));
  Reader reader(name);
  for (const Entry& entry : entries) CHECK(reader.add(entry));
  return reader.finish();
}

Result<ExportedReferences> write_rvps(std::span<const ReferenceValues> sets) {
  Writer writer;
  for (const ReferenceValues& set : sets) CHECK(writer.add(set));
  return writer.finish();
}

}  // namespace hallmark::references
