#include "lib/tee/references/go_sev_guest.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "lib/tee/references/google_policy.h"
#include "lib/tee/references/requirement.h"

namespace hallmark::references {
namespace {

using textproto::Field;
using textproto::Kind;
using textproto::MessageType;

constexpr std::string_view kFormat = "go-sev-guest";

// google/protobuf/wrappers.proto: a number that may be missing.
constexpr std::array kNumber32Fields{Field{"value", 1, Kind::uint32}};
constexpr MessageType kNumber32{"UInt32Value", kNumber32Fields};
constexpr std::array kNumber64Fields{Field{"value", 1, Kind::uint64}};
constexpr MessageType kNumber64{"UInt64Value", kNumber64Fields};

// proto/sevsnp.proto
constexpr std::array<std::string_view, 4> kProducts{"SEV_PRODUCT_UNKNOWN", "SEV_PRODUCT_MILAN", "SEV_PRODUCT_GENOA",
                                                    "SEV_PRODUCT_TURIN"};
constexpr std::array<std::string_view, 4> kLines{"", "Milan", "Genoa", "Turin"};
constexpr std::array kProductFields{Field{"name", 1, Kind::word, false, nullptr, kProducts},
                                    Field{"stepping", 2, Kind::uint32},
                                    Field{"machine_stepping", 3, Kind::message, false, &kNumber32}};
constexpr MessageType kProduct{"SevProduct", kProductFields};

// proto/check.proto
constexpr std::array kPolicyFields{Field{"minimum_guest_svn", 1, Kind::uint32},
                                   Field{"policy", 2, Kind::uint64},
                                   Field{"family_id", 3, Kind::bytes},
                                   Field{"image_id", 4, Kind::bytes},
                                   Field{"vmpl", 5, Kind::message, false, &kNumber32},
                                   Field{"minimum_tcb", 6, Kind::uint64},
                                   Field{"minimum_launch_tcb", 7, Kind::uint64},
                                   Field{"platform_info", 8, Kind::message, false, &kNumber64},
                                   Field{"require_author_key", 9, Kind::boolean},
                                   Field{"report_data", 10, Kind::bytes},
                                   Field{"measurement", 11, Kind::bytes},
                                   Field{"host_data", 12, Kind::bytes},
                                   Field{"report_id", 13, Kind::bytes},
                                   Field{"report_id_ma", 14, Kind::bytes},
                                   Field{"chip_id", 15, Kind::bytes},
                                   Field{"minimum_build", 16, Kind::uint32},
                                   Field{"minimum_version", 17, Kind::text},
                                   Field{"permit_provisional_firmware", 18, Kind::boolean},
                                   Field{"require_id_block", 19, Kind::boolean},
                                   Field{"trusted_author_keys", 20, Kind::bytes, true},
                                   Field{"trusted_author_key_hashes", 21, Kind::bytes, true},
                                   Field{"trusted_id_keys", 22, Kind::bytes, true},
                                   Field{"trusted_id_key_hashes", 23, Kind::bytes, true},
                                   Field{"product", 24, Kind::message, false, &kProduct}};
constexpr MessageType kPolicy{"Policy", kPolicyFields};
constexpr std::array kRootFields{Field{"product", 1, Kind::text},
                                 Field{"cabundle_paths", 2, Kind::text, true},
                                 Field{"cabundles", 3, Kind::text, true},
                                 Field{"check_crl", 4, Kind::boolean},
                                 Field{"disallow_network", 5, Kind::boolean},
                                 Field{"product_line", 6, Kind::text}};
constexpr MessageType kRoot{"RootOfTrust", kRootFields};
constexpr std::array kConfigFields{Field{"root_of_trust", 1, Kind::message, false, &kRoot},
                                   Field{"policy", 2, Kind::message, false, &kPolicy}};
constexpr MessageType kConfig{"Config", kConfigFields};

// What is compared as it stands.
constexpr std::array kExact{
    Exact{"family_id", 16, "identity.family_id"}, Exact{"image_id", 16, "identity.image_id"},
    Exact{"report_data", 64, "report_data"},      Exact{"host_data", 32, "attested.host_data"},
    Exact{"report_id", 32, "attested.report_id"}, Exact{"report_id_ma", 32, "attested.report_id_ma"},
    Exact{"chip_id", 64, "attested.chip_id"}};

constexpr std::uint64_t bit(unsigned n) { return std::uint64_t{1} << n; }

// Guest policy (AMD 56860): what a guest may have only where the policy has it, and what it must have where it has it.
constexpr std::uint64_t kSmt = bit(16), kOne = bit(17), kMigrateMa = bit(18), kDebug = bit(19), kCxl = bit(21);
constexpr std::uint64_t kPermissions = kSmt | kMigrateMa | kDebug | kCxl,
                        kObligations = bit(20) | bit(22) | bit(23) | bit(24) | bit(25);
constexpr std::uint64_t kAbi = 0xffff, kPolicyKnown = bit(26) - 1;

// PLATFORM_INFO, likewise: SMT, TSME and TIO; ECC, RAPL off, ciphertext hiding, alias check. The peer refuses a report
// that has another bit.
constexpr std::uint64_t kPlatformPermissions = bit(0) | bit(1) | bit(7),
                        kPlatformObligations = bit(2) | bit(3) | bit(4) | bit(5),
                        kPlatformOther = ~(kPlatformPermissions | kPlatformObligations);

std::uint64_t number(Fields& fields, std::string_view key) {
  const Json& value = fields.raw(key);
  return value.is_string() ? from_hex64(value.string()).value_or(0) : 0;
}

// TCB_VERSION as it stands in a report, the lowest byte first: the peer compares byte by byte, on every line.
std::string tcb_bytes(std::uint64_t tcb) {
  Bytes bytes(8);
  store_le(std::span(bytes), tcb);
  return to_hex(bytes);
}

void read_guest_policy(Fields& fields, ReferenceValues& set, std::vector<std::string>& not_taken) {
  // The peer takes no policy as one of 0, which it refuses.
  if (!fields.has("policy")) fields.reject("policy", "is missing: go-sev-guest accepts nothing without it");
  const std::uint64_t policy = number(fields, "policy");
  if ((policy & kOne) == 0) fields.reject("policy", "has not bit 17, which every guest policy has");
  if ((policy & ~kPolicyKnown) != 0) fields.reject("policy", "has bits of 26 to 63, which mean nothing");
  const std::uint64_t mask = (kPermissions & ~policy) | (kObligations & policy);
  set.requirements.push_back(agrees("attested.policy", hex_number(mask, 16), hex_number(kObligations & policy, 16)));
  if (const auto abi = static_cast<std::int64_t>(policy & kAbi); abi != 0)
    set.requirements.push_back(is_at_least("attested.policy_abi", abi));
  const auto loosens = [&](std::uint64_t which, const std::string& what, const std::string& flag) {
    if ((policy & which) != 0)
      not_taken.push_back(set.name + ": policy lets " + what +
                          " pass; it is refused here unless an appraisal policy has "
                          "forgive: [" +
                          flag + "]");
  };
  loosens(kDebug, "debug mode", "snp.debug");
  loosens(kMigrateMa, "a migration agent", "snp.migrate_ma");
}

void read_platform_info(Fields& fields, ReferenceValues& set) {
  if (!fields.has("platform_info")) return;
  Fields wrapped = fields.object("platform_info");
  const std::uint64_t info = number(wrapped, "value");
  if ((info & kPlatformOther) != 0) fields.reject("platform_info", "has bits that mean nothing: 6, or 8 to 63");
  const std::uint64_t mask = (kPlatformPermissions & ~info) | (kPlatformObligations & info) | kPlatformOther;
  set.requirements.push_back(
      agrees("attested.platform_info", hex_number(mask, 16), hex_number(kPlatformObligations & info, 16)));
}

// "maj.min", each 0 to 255.
std::optional<std::int64_t> version_of(std::string_view text) {
  const auto dot = text.find('.');
  if (dot == text.npos) return std::nullopt;
  std::int64_t out = 0;
  for (const std::string_view part : {text.substr(0, dot), text.substr(dot + 1)}) {
    std::uint8_t n = 0;
    const auto end = std::from_chars(part.data(), part.data() + part.size(), n);
    if (part.empty() || end.ec != std::errc() || end.ptr != part.data() + part.size()) return std::nullopt;
    out = out * 256 + n;
  }
  return out;
}

void read_firmware(Fields& fields, ReferenceValues& set) {
  const auto at_least = [&](const char* name, const Json& value) {
    set.requirements.push_back(is_at_least(name, value));
  };
  if (const auto tcb = number(fields, "minimum_tcb"); tcb != 0) at_least("attested.reported_tcb", tcb_bytes(tcb));
  if (const auto tcb = number(fields, "minimum_launch_tcb"); tcb != 0) at_least("attested.launch_tcb", tcb_bytes(tcb));
  if (const auto build = fields.integer_or("minimum_build", 0, 255, 0); build != 0)
    at_least("attested.firmware_build", build);
  if (const Json& text = fields.raw("minimum_version"); text.is_string() && !text.string().empty()) {
    const auto version = version_of(text.string());
    if (!version) fields.reject("minimum_version", "is not \"major.minor\", each 0 to 255");
    if (version.value_or(0) != 0) at_least("attested.firmware_version", *version);
  }
  // Not said means that the firmware has to be the committed one.
  if (!fields.boolean_or("permit_provisional_firmware", false))
    set.requirements.push_back(is("tcb.provisional", false));
}

std::vector<Json> read_hashes(Fields& fields, std::string_view key) {
  std::vector<Json> out;
  const Json& list = fields.raw(key);
  if (!list.is_array()) return out;
  if (list.items().size() > kMaxValues) fields.reject(key, "has more than " + std::to_string(kMaxValues) + " values");
  for (std::size_t i = 0; i < std::min(list.items().size(), kMaxValues); i++) {
    if (list.items()[i].string().size() != 96)
      fields.reject(std::string(key) + "[" + std::to_string(i) + "]", "has not 48 bytes");
    out.push_back(list.items()[i]);
  }
  return out;
}

// The keys of the ID block. The peer accepts a trusted author key, or, where it does not ask for one, a trusted ID key.
void read_keys(Fields& fields, const ReferenceValues& set, ImportedReferences& out) {
  for (const auto& [key, hashes] : {std::pair{"trusted_author_keys", "trusted_author_key_hashes"},
                                    std::pair{"trusted_id_keys", "trusted_id_key_hashes"}})
    if (!fields.raw(key).is_null())
      fields.reject(key, "are certificates; give their keys' hashes, as " + std::string(hashes), Fault::unsupported);
  const std::vector<Json> authors = read_hashes(fields, "trusted_author_key_hashes"),
                          ids = read_hashes(fields, "trusted_id_key_hashes");
  const bool author = fields.boolean_or("require_author_key", false),
             block = fields.boolean_or("require_id_block", false) || author;
  if (!block) {
    if (!authors.empty() || !ids.empty())
      out.not_taken.push_back(set.name +
                              ": the trusted keys ask for nothing, as go-sev-guest looks at them with "
                              "require_id_block or require_author_key alone");
    out.sets.push_back(set);
    return;
  }
  if (author && authors.empty())
    fields.reject("require_author_key", "has no trusted_author_key_hashes: nothing would be accepted");
  if (authors.empty() && ids.empty())
    fields.reject("require_id_block", "has no trusted key's hash: nothing would be accepted");
  if (!authors.empty()) {
    out.sets.push_back(set);
    out.sets.back().requirements.push_back(is("attested.author_key_en", true));
    out.sets.back().requirements.push_back(is_one_of("attested.author_key_digest", authors));
  }
  if (!author && !ids.empty()) {
    out.sets.push_back(set);
    out.sets.back().requirements.push_back(is_one_of("attested.id_key_digest", ids));
  }
  if (out.sets.size() == 2) {
    out.sets[0].name += ", author key";
    out.sets[1].name += ", ID key";
  }
}

void read_product(Fields fields, ReferenceValues& set) {
  if (const Json& name = fields.raw("name"); name.is_string() && name.string() != kProducts[0]) {
    const auto at = static_cast<std::size_t>(std::ranges::find(kProducts, name.string()) - kProducts.begin());
    set.requirements.push_back(is("tcb.product_line", std::string(kLines[at])));
  }
  if (!fields.raw("stepping").is_null())
    fields.reject("stepping", "is deprecated; write machine_stepping", Fault::unsupported);
  if (!fields.has("machine_stepping")) return;
  Fields wrapped = fields.object("machine_stepping");
  set.requirements.push_back(is("tcb.cpuid.stepping", wrapped.integer_or("value", 0, 15, 0)));
}

void read_root(Fields fields, ReferenceValues& set) {
  refuse_bundles(fields);
  for (const char* key : {"product", "product_line"}) {
    const std::string line = fields.has(key) ? fields.text(key) : "";
    if (line.empty()) continue;
    if (std::ranges::find(kLines, line) == kLines.end())
      fields.reject(key, "is none of Milan, Genoa and Turin", Fault::unsupported);
    set.requirements.push_back(is("tcb.product_line", line));
  }
  if (fields.boolean_or("check_crl", false)) set.requirements.push_back(is("tcb.revocation_checked", true));
  fields.raw("disallow_network");  // there is none here
}

void read_policy(Fields fields, ReferenceValues set, ImportedReferences& out) {
  if (const auto value = take_bytes(fields, "measurement", 48)) set.registers["measurement"] = {*value};
  for (const Exact& e : kExact)
    if (const auto value = take_bytes(fields, e.theirs, e.size)) set.requirements.push_back(is(e.ours, to_hex(*value)));
  if (const auto svn = fields.integer_or("minimum_guest_svn", 0, UINT32_MAX, 0); svn != 0)
    set.requirements.push_back(is_at_least("identity.guest_svn", svn));
  if (fields.has("vmpl")) {
    const auto vmpl = fields.object("vmpl").integer_or("value", 0, 3, 0);
    set.requirements.push_back(is("attested.vmpl", vmpl));
    if (vmpl != 0)
      out.not_taken.push_back(set.name + ": vmpl lets a report of VMPL " + std::to_string(vmpl) +
                              " pass; it is refused here unless an appraisal policy has forgive: [snp.vmpl]");
  }
  read_guest_policy(fields, set, out.not_taken);
  read_platform_info(fields, set);
  read_firmware(fields, set);
  if (fields.has("product")) read_product(fields.object("product"), set);
  if (set.registers.empty()) fields.reject("measurement", "is missing; the set would accept anything");
  read_keys(fields, set, out);
}

// The policy that asks for what the requirement asks; nothing where no policy does.
std::optional<std::uint64_t> guest_policy_of(const Requirement::Masked& masked) {
  const auto mask = from_hex64(masked.mask), value = from_hex64(masked.value);
  if (!mask || !value || (*mask & ~(kPermissions | kObligations)) != 0) return std::nullopt;
  if ((*value & *mask) != (kObligations & *mask)) return std::nullopt;
  // What a set does not ask for, appraisals refuse all the same.
  return kOne | (kPermissions & ~*mask & ~(kDebug | kMigrateMa)) | (kObligations & *mask);
}

std::optional<std::uint64_t> platform_info_of(const Requirement::Masked& masked) {
  const auto mask = from_hex64(masked.mask), value = from_hex64(masked.value);
  if (!mask || !value || (*mask & kPlatformOther) != kPlatformOther) return std::nullopt;
  if ((*value & *mask) != (kPlatformObligations & *mask)) return std::nullopt;
  return (kPlatformPermissions & ~*mask) | (kPlatformObligations & *mask);
}

std::optional<std::uint64_t> tcb_of(const std::optional<Json>& least) {
  if (!least || !least->is_string()) return std::nullopt;
  const auto bytes = from_hex(least->string());
  if (!bytes || bytes->size() != 8) return std::nullopt;
  return load_le<std::uint64_t>(*bytes);
}

}  // namespace

bool recognises_go_sev_guest(std::string_view text) {
  const std::string_view name = textproto::first_name(text);
  if (is_check_config(text))
    return text.find("td_quote_body_policy") == text.npos && text.find("header_policy") == text.npos;
  return std::ranges::find(kPolicyFields, name, &Field::name) != kPolicyFields.end();
}

Result<ImportedReferences> read_go_sev_guest(std::string_view text, const std::string& name) {
  const bool config = is_check_config(text);
  TRY(const Json json, read_message(text, config ? kConfig : kPolicy, name));
  Fields fields(json, name);
  ImportedReferences out;
  ReferenceValues set{.name = name, .tee = "amd-sev-snp"};
  if (config && fields.has("root_of_trust")) read_root(fields.object("root_of_trust"), set);
  read_policy(config ? fields.object("policy") : fields, std::move(set), out);
  return fields.finish(std::move(out));
}

Result<ExportedReferences> write_go_sev_guest(std::span<const ReferenceValues> sets) {
  TRY(const ReferenceValues* set, only_set(sets, "amd-sev-snp", kFormat));
  CHECK(knows_registers(*set, {"measurement"}, kFormat));
  TRY(const auto measurement, only_value(*set, "measurement", kFormat));
  Leftover rest(*set);
  ExportedReferences out;
  const auto leave = [&](const std::string& what) {
    out.left_out.push_back(set->name + ": " + what + ", which " + std::string(kFormat) + " cannot ask");
  };
  const auto line = rest.text("tcb.product_line");
  const bool known_line = line && std::ranges::find(kLines, *line) != kLines.end();
  const bool crl = rest.boolean("tcb.revocation_checked").value_or(false);
  TextprotoWriter writer;
  if (known_line || crl) {
    writer.open("root_of_trust");
    if (crl) writer.plain("check_crl", "true");
    if (known_line) writer.text("product_line", *line);
    writer.close();
  }
  if (line && !known_line) leave("the product line " + *line);

  writer.open("policy");
  if (const auto svn = rest.at_least("identity.guest_svn"); svn && svn->is_integer())
    writer.plain("minimum_guest_svn", std::to_string(svn->integer()));
  // The peer has to be given a policy. Where the set asks for none, it is the one that appraisals are content with:
  // neither debug mode nor a migration agent.
  std::uint64_t policy = kOne | kSmt | kCxl;
  if (const auto masked = rest.masked("attested.policy")) {
    const auto same = guest_policy_of(*masked);
    if (same)
      policy = *same;
    else
      leave("the guest policy " + masked->value + " under " + masked->mask);
  }
  if (const auto abi = rest.at_least("attested.policy_abi"); abi && abi->is_integer() && abi->integer() <= 0xffff)
    policy |= static_cast<std::uint64_t>(abi->integer()) & kAbi;
  writer.plain("policy", hex_number(policy, 16));
  const auto tcb = [&](const char* theirs, const std::string& ours) {
    const auto least = rest.at_least(ours);
    const auto value = tcb_of(least);
    if (value)
      writer.plain(theirs, hex_number(*value, 16));
    else if (least)
      leave("the least value of " + ours);
  };
  tcb("minimum_tcb", "attested.reported_tcb");
  tcb("minimum_launch_tcb", "attested.launch_tcb");
  if (measurement) writer.bytes("measurement", *measurement);
  for (const Exact& e : kExact) {
    const auto text = rest.text(e.ours);
    if (!text) continue;
    const auto bytes = from_hex(*text);
    if (bytes && bytes->size() == e.size)
      writer.bytes(e.theirs, *bytes);
    else
      leave(std::string(e.ours) + " of " + *text);
  }
  if (const auto vmpl = rest.integer("attested.vmpl"); vmpl && *vmpl >= 0 && *vmpl <= 3) {
    writer.open("vmpl");
    writer.plain("value", std::to_string(*vmpl));
    writer.close();
  } else if (vmpl) {
    leave("the VMPL " + std::to_string(*vmpl));
  }
  if (const auto masked = rest.masked("attested.platform_info")) {
    if (const auto info = platform_info_of(*masked)) {
      writer.open("platform_info");
      writer.plain("value", hex_number(*info, 16));
      writer.close();
    } else {
      leave("the platform info " + masked->value + " under " + masked->mask);
    }
  }
  if (const auto build = rest.at_least("attested.firmware_build"); build && build->is_integer())
    writer.plain("minimum_build", std::to_string(build->integer()));
  if (const auto version = rest.at_least("attested.firmware_version"); version && version->is_integer())
    writer.text("minimum_version",
                std::to_string(version->integer() / 256) + "." + std::to_string(version->integer() % 256));
  const auto provisional = rest.boolean("tcb.provisional");
  if (provisional.value_or(true)) writer.plain("permit_provisional_firmware", "true");

  const auto keys = [&](const char* theirs, const std::vector<Json>& hashes) {
    for (const Json& hash : hashes) {
      const auto bytes = hash.is_string() ? from_hex(hash.string()) : fail(Fault::format, "");
      if (bytes && bytes->size() == 48)
        writer.bytes(theirs, *bytes);
      else
        leave("a key's hash that has not 48 bytes");
    }
  };
  const bool with_author = rest.boolean("attested.author_key_en").value_or(false);
  const auto authors = rest.list("attested.author_key_digest"), ids = rest.list("attested.id_key_digest");
  if (authors && with_author) {
    writer.plain("require_author_key", "true");
    keys("trusted_author_key_hashes", *authors);
    if (ids) leave("the ID key besides the author key");
  } else if (ids) {
    writer.plain("require_id_block", "true");
    keys("trusted_id_key_hashes", *ids);
    if (authors || with_author) leave("the author key besides the ID key");
  } else if (authors || with_author) {
    leave("an author key of which not both digest and presence are asked");
  }
  if (const auto stepping = rest.integer("tcb.cpuid.stepping")) {
    writer.open("product");
    writer.open("machine_stepping");
    writer.plain("value", std::to_string(*stepping));
    writer.close();
    writer.close();
  }
  rest.say(kFormat, out.left_out);
  writer.close();
  out.text = writer.str();
  return out;
}

}  // namespace hallmark::references
