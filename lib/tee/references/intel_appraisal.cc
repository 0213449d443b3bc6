#include "lib/tee/references/intel_appraisal.h"

#include <algorithm>
#include <array>

#include "lib/base/files.h"
#include "lib/tee/references/requirement.h"
#include "lib/tee/references/sets.h"

namespace hallmark::references {
namespace {

constexpr std::string_view kFormat = "intel-appraisal";
constexpr std::size_t kMaxPolicies = 16;

// qal_script.rego: what a policy is for.
enum class Class { sgx_platform, enclave, tdx10_platform, tdx15_platform, td_qe, td10, td15 };
struct ClassId {
  Class is;
  std::string_view id, what;
};
constexpr std::array kClasses{
    ClassId{Class::sgx_platform, "3123ec35-8d38-4ea5-87a5-d6c48b567570", "an SGX platform"},
    ClassId{Class::enclave, "bef7cb8c-31aa-42c1-854c-10db005d5c41", "an SGX enclave"},
    ClassId{Class::tdx10_platform, "9eec018b-7481-4b1c-8e1a-9f7c0c8c777f", "a platform of TDX 1.0"},
    ClassId{Class::tdx15_platform, "f708b97f-0fb2-4e6b-8b03-8a5bcd1221d3", "a platform of TDX 1.5"},
    ClassId{Class::td_qe, "3769258c-75e6-4bc7-8d72-d2b0e224cad2", "the quoting enclave of TDX"},
    ClassId{Class::td10, "a1e4ee9c-a12e-48ac-bed0-e3f89297f687", "a domain of TDX 1.0"},
    ClassId{Class::td15, "45b734fc-aa4e-4c3d-ad28-e43d08880e68", "a domain of TDX 1.5"},
};

std::string_view id_of(Class which) { return std::ranges::find(kClasses, which, &ClassId::is)->id; }

// Our words for the state of a platform, and the ones that qve.cpp takes each apart into: a policy has to accept all.
struct Status {
  std::string_view ours;
  std::array<std::string_view, 3> theirs;
};
constexpr std::array kStatuses{
    Status{"UpToDate", {"UpToDate"}},
    Status{"SWHardeningNeeded", {"UpToDate", "SWHardeningNeeded"}},
    Status{"ConfigurationNeeded", {"UpToDate", "ConfigurationNeeded"}},
    Status{"ConfigurationAndSWHardeningNeeded", {"UpToDate", "SWHardeningNeeded", "ConfigurationNeeded"}},
    Status{"OutOfDate", {"OutOfDate"}},
    Status{"OutOfDateConfigurationNeeded", {"OutOfDate", "ConfigurationNeeded"}},
    Status{"TDRelaunchAdvised", {"TDRelaunchAdvised"}},
    Status{"TDRelaunchAdvisedConfigurationNeeded", {"TDRelaunchAdvised", "ConfigurationNeeded"}},
    Status{"Revoked", {"Revoked"}},
};

Bytes reversed(Bytes bytes) {
  std::ranges::reverse(bytes);
  return bytes;
}

std::string upper(std::string text) {
  for (char& c : text)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  return text;
}

std::string lower(std::string text) {
  for (char& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return text;
}

// As Intel writes bytes: upper-case hexadecimal, the last byte first.
std::string theirs(Bytes bytes) { return upper(to_hex(reversed(std::move(bytes)))); }

// In the order that they have in memory; nothing where the member is not there.
std::optional<Bytes> take(Fields& fields, std::string_view key, std::size_t size) {
  if (!fields.has(key)) return std::nullopt;
  auto bytes = from_hex(fields.text(key));
  if (bytes && bytes->size() == size) return reversed(*std::move(bytes));
  fields.reject(key, "is not " + std::to_string(size) + " bytes of hexadecimal");
  return std::nullopt;
}

// ---- JSON as Intel's tools take it ----

// rapidjson with kParseCommentsFlag, and samples that carry notes under keys that begin with "#", the same one again
// and again. Comments become white space; every such key gets a number, so that it is there once. Lines stay what they
// are.
std::string without_comments(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  std::size_t notes = 0;
  for (std::size_t i = 0; i < text.size();) {
    if (text[i] == '"') {
      std::size_t end = i + 1;
      while (end < text.size() && text[end] != '"') end += text[end] == '\\' ? 2 : 1;
      end = std::min(end, text.size());
      out += text.substr(i, end - i);
      const auto behind = text.find_first_not_of(" \t\r\n", end + 1);
      if (text.substr(i).starts_with("\"#") && behind != text.npos && text[behind] == ':')
        out += " " + std::to_string(notes++);
      if (end < text.size()) out += '"';
      i = end + 1;
    } else if (text.substr(i).starts_with("//") || text.substr(i).starts_with("/*")) {
      const bool line = text[i + 1] == '/';
      std::size_t end = line ? text.find('\n', i) : text.find("*/", i + 2);
      end = end == text.npos ? text.size() : end + (line ? 0 : 2);
      for (; i < end; i++) out += text[i] == '\n' ? '\n' : ' ';
    } else {
      out += text[i++];
    }
  }
  return out;
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n";
  const auto start = text.find_first_not_of(kSpace);
  return start == text.npos ? std::string_view() : text.substr(start, text.find_last_not_of(kSpace) - start + 1);
}

struct Token {
  std::string_view header, payload, signature;  // base64url
};

// RFC 7519, in compact form: header, payload and signature with dots between them.
std::optional<Token> split_token(std::string_view text) {
  text = trimmed(text);
  const auto first = text.find('.');
  const auto second = first == text.npos ? text.npos : text.find('.', first + 1);
  // "eyJ" is {" in base64.
  if (!text.starts_with("eyJ") || second == text.npos || text.find('.', second + 1) != text.npos) return std::nullopt;
  return Token{text.substr(0, first), text.substr(first + 1, second - first - 1), text.substr(second + 1)};
}

Result<std::string> decode(std::string_view part, const char* what) {
  TRY(const Bytes bytes, in(what, from_base64(part)));
  return std::string(as_text(bytes));
}

// The policy's text in the token.
Result<std::string> open_token(const Token& token, const std::string& name, std::vector<std::string>& not_taken) {
  TRY(const std::string header_text, in(name, decode(token.header, "the token's header")));
  TRY(const Json header, in(name + ": the token's header", parse_json(header_text)));
  const Json* alg = header.find("alg");
  const std::string algorithm = alg != nullptr && alg->is_string() ? alg->string() : "";
  if (algorithm != "none" && algorithm != "ES384")
    return fail(Fault::unsupported,
                name + ": the token is signed with \"" + printable(algorithm) + "\"; Intel's tool signs with ES384");
  if (token.signature.empty() != (algorithm == "none"))
    return fail(Fault::format, name + ": the token's signature is not what its header says of it");
  if (algorithm == "ES384")
    not_taken.push_back(name +
                        ": the token's signature is not checked; the key that verifies it stands in the token "
                        "itself, so whoever can change the file can sign it anew");
  TRY(const std::string payload, in(name, decode(token.payload, "the token's payload")));
  TRY(const Json claims, in(name + ": the token's payload", parse_json(without_comments(payload))));
  if (claims.find("policy_array") != nullptr) return payload;
  Fields fields(claims, name + ": the token's payload");
  return fields.finish(fields.text("policy_payload"));
}

// ---- Reading ----

struct Reader {
  const std::string& name;
  std::vector<std::string>& not_taken;

  void tell(const Fields& fields, const std::string& what) const {
    not_taken.push_back(name + ": " + fields.path() + "." + what);
  }
};

// What qal_script.rego asks of a platform, or of the quoting enclave, which has the first few alone.
void read_status(const Reader& reader, Fields& fields, const std::string& status, std::vector<Requirement>& out) {
  std::vector<std::string> accepted;
  if (!fields.has("accepted_tcb_status"))
    fields.reject("accepted_tcb_status", "is missing: Intel's appraisal accepts nothing without it");
  else if (fields.raw("accepted_tcb_status").is_string())
    accepted = {fields.text("accepted_tcb_status")};
  else
    accepted = fields.texts("accepted_tcb_status", kMaxValues);
  const auto accepts = [&](std::string_view word) {
    return std::ranges::any_of(accepted, [&](const std::string& a) { return lower(a) == lower(std::string(word)); });
  };
  if (!accepts("UpToDate"))
    fields.reject("accepted_tcb_status", "has not UpToDate: Intel's appraisal accepts nothing without it");
  for (const std::string& word : accepted)
    if (std::ranges::none_of(kStatuses, [&](const Status& s) {
          return std::ranges::any_of(s.theirs,
                                     [&](std::string_view t) { return lower(word) == lower(std::string(t)); });
        }))
      fields.reject("accepted_tcb_status", "has \"" + printable(word) + "\", which is no status of Intel's",
                    Fault::unsupported);
  const Json& period = fields.raw("platform_grace_period");
  const bool term = period.is_integer() && period.integer() > 0;
  std::vector<Json> ours;
  std::string more;
  for (const Status& s : kStatuses) {
    if (!std::ranges::all_of(s.theirs, [&](std::string_view t) { return t.empty() || accepts(t); })) continue;
    ours.emplace_back(std::string(s.ours));
    // Of what is out of date, no more than a period is let pass, where there is one.
    if (s.ours == "UpToDate" || (term && s.ours.starts_with("OutOfDate"))) continue;
    more += (more.empty() ? "" : ", ") + std::string(s.ours);
  }
  out.push_back(is_one_of(status, std::move(ours)));
  if (!more.empty())
    reader.tell(fields,
                "accepted_tcb_status lets more than UpToDate pass; here an appraisal policy does, with "
                "accept_tcb_status: [UpToDate, " +
                    more + "]");
}

void read_times(const Reader& reader, Fields& fields, const std::string& number, std::vector<Requirement>& out) {
  constexpr std::int64_t kForever = std::int64_t{1} << 40;
  for (const char* key : {"collateral_grace_period", "platform_grace_period"})
    if (const auto grace = fields.integer_or(key, 0, kForever, 0); grace != 0)
      reader.tell(fields, std::string(key) + " lets pass what is out of date; here an appraisal policy does, with " +
                              key + ": " + std::to_string(grace));
  if (fields.has("min_eval_num")) {
    const bool both = fields.has("collateral_grace_period") || fields.has("platform_grace_period");
    if (both) fields.reject("min_eval_num", "stands beside a grace period: Intel's appraisal accepts nothing then");
    out.push_back(is_at_least(number, fields.integer("min_eval_num", 0, INT32_MAX)));
  }
  if (fields.has("min_tcb_level_date"))
    fields.reject("min_tcb_level_date", "is not something that evidence is held against here", Fault::unsupported);
}

void read_platform(const Reader& reader, Fields& fields, std::vector<Requirement>& out) {
  read_status(reader, fields, "tcb.status", out);
  read_times(reader, fields, "tcb.tcb_evaluation_data_number", out);
  for (const auto& [key, flag] : {std::pair{"allow_dynamic_platform", "tcb.platform.dynamic_platform"},
                                  std::pair{"allow_cached_keys", "tcb.platform.cached_keys"},
                                  std::pair{"allow_smt_enabled", "tcb.platform.smt_enabled"}})
    // Nothing else than `false` asks for anything.
    if (!fields.boolean_or(key, true)) out.push_back(is(flag, false));
  // Intel's samples have it so, where nothing reads it.
  if (!fields.boolean_or("allow_dynamic_plaform", true))
    fields.reject("allow_dynamic_plaform", "is misspelt, and asks for nothing; write allow_dynamic_platform",
                  Fault::unsupported);
  if (fields.has("rejected_advisory_ids")) {
    std::vector<Json> ids;
    for (const std::string& id : fields.texts("rejected_advisory_ids", kMaxValues)) ids.emplace_back(upper(id));
    if (!ids.empty()) out.push_back(is_none_of("tcb.advisory_ids", std::move(ids)));
  }
  if (fields.has("accepted_sgx_types")) {
    const Json& types = fields.raw("accepted_sgx_types");
    std::vector<Json> list = types.is_array() ? types.items() : Json::Array{types};
    if (list.empty() || list.size() > kMaxValues || !std::ranges::all_of(list, &Json::is_integer))
      fields.reject("accepted_sgx_types", "is neither an integer nor a list of them");
    out.push_back(is_one_of("tcb.platform.sgx_type", std::move(list)));
  }
  if (fields.has("accepted_platform_provider_ids"))
    fields.reject("accepted_platform_provider_ids", "is not something that evidence is held against here",
                  Fault::unsupported);
}

void read_quoting_enclave(const Reader& reader, Fields& fields, std::vector<Requirement>& out) {
  read_status(reader, fields, "tcb.qe_status", out);
  read_times(reader, fields, "tcb.qe_identity_evaluation_number", out);
}

// A number of 4 or 8 bytes, "0x…", from where it stands in a field of `size` bytes.
std::string number_at(const Bytes& memory, std::size_t offset, std::size_t size) {
  return "0x" + to_hex(reversed(Bytes(memory.begin() + static_cast<std::ptrdiff_t>(offset),
                                      memory.begin() + static_cast<std::ptrdiff_t>(offset + size))));
}

void read_enclave(Fields& fields, ReferenceValues& set) {
  const auto attributes = take(fields, "sgx_attributes", 16), mask = take(fields, "sgx_attributes_mask", 16);
  if (!attributes || !mask) {
    fields.reject("sgx_attributes",
                  "has to be there with sgx_attributes_mask: Intel's appraisal accepts nothing without them");
    return;
  }
  set.policy["attributes"] = number_at(*attributes, 0, 8);
  set.policy["attributes_mask"] = number_at(*mask, 0, 8);
  set.policy["xfrm"] = number_at(*attributes, 8, 8);
  set.policy["xfrm_mask"] = number_at(*mask, 8, 8);
  const auto select = take(fields, "sgx_miscselect", 4), select_mask = take(fields, "sgx_miscselect_mask", 4);
  if (select.has_value() != select_mask.has_value())
    fields.reject("sgx_miscselect", "and sgx_miscselect_mask go together: Intel's appraisal accepts nothing with one");
  if (select && select_mask) {
    set.policy["misc_select"] = number_at(*select, 0, 4);
    set.policy["misc_mask"] = number_at(*select_mask, 0, 4);
  }
  if (const auto value = take(fields, "sgx_mrenclave", 32)) set.registers["mrenclave"] = {*value};
  if (const auto value = take(fields, "sgx_mrsigner", 32)) set.identity["mrsigner"] = to_hex(*value);
  if (fields.has("sgx_isvprodid")) set.identity["isvprodid"] = fields.integer("sgx_isvprodid", 0, UINT16_MAX);
  if (const auto value = take(fields, "sgx_isvfamilyid", 16)) set.identity["isv_family_id"] = to_hex(*value);
  if (const auto value = take(fields, "sgx_isvextprodid", 16)) set.identity["isv_ext_prod_id"] = to_hex(*value);
  if (fields.has("sgx_isvsvn_min"))
    set.requirements.push_back(is_at_least("identity.isvsvn", fields.integer("sgx_isvsvn_min", 0, UINT16_MAX)));
  if (const auto value = take(fields, "sgx_configid", 64))
    set.requirements.push_back(is("attested.config_id", to_hex(*value)));
  if (fields.has("sgx_configsvn_min"))
    set.requirements.push_back(is_at_least("attested.config_svn", fields.integer("sgx_configsvn_min", 0, UINT16_MAX)));
}

// TDATTRIBUTES and XFAM are told as bytes, the lowest first.
void read_bits(Fields& fields, const std::string& key, const std::string& ours, const Bytes& all,
               ReferenceValues& set) {
  const auto value = take(fields, key, 8), mask = take(fields, key + "_mask", 8);
  if (!value && mask) fields.reject(key + "_mask", "has no " + key + ": Intel's appraisal accepts nothing then");
  if (value) set.requirements.push_back(agrees("attested." + ours, to_hex(mask.value_or(all)), to_hex(*value)));
}

constexpr std::array kDomainRegisters{"mrtd", "rtmr0", "rtmr1", "rtmr2", "rtmr3"};
constexpr std::array kDomainValues{"mrconfigid", "mrowner", "mrownerconfig"};
// The masks that qal_script.rego takes where a policy has none: of TDATTRIBUTES the group TUD and the lower of SEC.
const Bytes kAttributesMask{0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0}, kXfamMask(8, 0xff);

void read_domain(Fields& fields, bool is_15, ReferenceValues& set) {
  set.requirements.push_back(is_15 ? is_one_of("attested.body", {"TD report 1.5", "TD report 1.5 Ex"})
                                   : is("attested.body", "TD report 1.0"));
  read_bits(fields, "tdx_attributes", "tdattributes", kAttributesMask, set);
  read_bits(fields, "tdx_xfam", "xfam", kXfamMask, set);
  for (const char* name : kDomainRegisters)
    if (const auto value = take(fields, std::string("tdx_") + name, 48)) set.registers[name] = {*value};
  for (const char* name : kDomainValues)
    if (const auto value = take(fields, std::string("tdx_") + name, 48)) set.policy[name] = to_hex(*value);
  if (!is_15) return;
  // With a space is how gen_payload.cpp writes it, where nothing reads it; what is meant is plain.
  for (const char* key : {"tdx_mrservicetd", "tdx _mrservicetd"})
    if (const auto value = take(fields, key, 48))
      set.requirements.push_back(is("attested.mrservicetd", to_hex(*value)));
}

// One policy of the array: what it is for, and what it asks.
struct Policy {
  Class is;
  ReferenceValues values;
};

std::optional<Policy> read_policy(const Reader& reader, Fields& fields) {
  Fields environment = fields.object("environment");
  const std::string id = lower(environment.text("class_id"));
  environment.raw("description");
  const auto known = std::ranges::find(kClasses, std::string_view(id), &ClassId::id);
  if (known == kClasses.end()) {
    environment.reject("class_id", "is not the identifier of a class that is known", Fault::unsupported);
    return std::nullopt;
  }
  Policy out{known->is, {.name = reader.name, .tee = "intel-tdx"}};
  Fields reference = fields.object("reference");
  switch (known->is) {
    case Class::sgx_platform:
    case Class::tdx10_platform:
    case Class::tdx15_platform: read_platform(reader, reference, out.values.requirements); break;
    case Class::td_qe: read_quoting_enclave(reader, reference, out.values.requirements); break;
    case Class::enclave:
      out.values.tee = "intel-sgx";
      read_enclave(reference, out.values);
      break;
    case Class::td10:
    case Class::td15: read_domain(reference, known->is == Class::td15, out.values); break;
  }
  const bool workload = known->is == Class::enclave || known->is == Class::td10 || known->is == Class::td15;
  if (workload && out.values.registers.empty())
    fields.reject("reference", "names no register; the set would accept anything");
  return out;
}

// Members whose names begin with "#" are notes.
void drop_notes(Json& json) {
  if (json.is_array())
    for (Json& item : json.items()) drop_notes(item);
  if (!json.is_object()) return;
  std::erase_if(json.members(), [](const Json::Member& m) { return m.key.starts_with("#"); });
  for (Json::Member& member : json.members()) drop_notes(member.value);
}

// ---- Writing ----

Json entry(Class which, const std::string& description, Json reference) {
  return Json::object(
      {{"environment", Json::object({{"class_id", std::string(id_of(which))}, {"description", description}})},
       {"reference", std::move(reference)}});
}

std::optional<Bytes> bytes_of(const std::optional<Json>& value, std::size_t size) {
  if (!value || !value->is_string()) return std::nullopt;
  std::string_view digits = value->string();
  if (digits.starts_with("0x")) digits.remove_prefix(2);
  return hex_of_size(digits, size);
}

struct Writer {
  const ReferenceValues& set;
  Leftover rest;
  std::vector<std::string>& left_out;

  void leave(const std::string& what) {
    left_out.push_back(set.name + ": " + what + ", which Intel's appraisal cannot ask");
  }

  // Bytes in memory's order.
  void bytes(Json& reference, const std::string& key, const std::optional<Json>& value, std::size_t size) {
    if (const auto found = bytes_of(value, size))
      reference[key] = theirs(*found);
    else if (value)
      leave(key + " of " + text_of(*value));
  }

  void least(Json& reference, const std::string& key, const std::string& name) {
    const auto value = rest.at_least(name);
    if (value && value->is_integer())
      reference[key] = *value;
    else if (value)
      leave("the least value of " + name);
  }

  // The words that let exactly these pass; nothing where there are none.
  std::optional<Json> statuses(const std::string& name) {
    const auto listed = rest.list(name);
    if (!listed) return std::nullopt;
    std::vector<std::string_view> words;
    const auto has = [&](std::string_view word) {
      return std::ranges::find(*listed, Json(std::string(word))) != listed->end();
    };
    for (const Status& s : kStatuses)
      if (has(s.ours))
        for (const std::string_view word : s.theirs)
          if (!word.empty() && std::ranges::find(words, word) == words.end()) words.push_back(word);
    bool exact = has("UpToDate");
    for (const Status& s : kStatuses) {
      const bool passes = std::ranges::all_of(
          s.theirs, [&](std::string_view t) { return t.empty() || std::ranges::find(words, t) != words.end(); });
      exact = exact && passes == has(s.ours);
    }
    if (!exact) {
      leave("the statuses that " + name + " may have");
      return std::nullopt;
    }
    Json out = Json::array();
    for (const std::string_view word : words) out.push_back(std::string(word));
    return out;
  }

  // What is asked of the platform; an empty object where that is nothing.
  Json platform() {
    Json out = Json::object();
    const auto accepted = statuses("tcb.status");
    least(out, "min_eval_num", "tcb.tcb_evaluation_data_number");
    for (const auto& [key, name] : {std::pair{"allow_dynamic_platform", "tcb.platform.dynamic_platform"},
                                    std::pair{"allow_cached_keys", "tcb.platform.cached_keys"},
                                    std::pair{"allow_smt_enabled", "tcb.platform.smt_enabled"}})
      if (const auto value = rest.boolean(name)) {
        if (*value)
          leave(std::string(name) + " to be true");
        else
          out[key] = false;
      }
    if (const auto ids = rest.refused("tcb.advisory_ids")) out["rejected_advisory_ids"] = *ids;
    if (const auto types = rest.list("tcb.platform.sgx_type")) out["accepted_sgx_types"] = *types;
    return with_status(std::move(out), accepted);
  }

  Json quoting_enclave() {
    Json out = Json::object();
    const auto accepted = statuses("tcb.qe_status");
    least(out, "min_eval_num", "tcb.qe_identity_evaluation_number");
    return with_status(std::move(out), accepted);
  }

  // Intel's appraisal wants statuses in every such policy.
  static Json with_status(Json reference, const std::optional<Json>& accepted) {
    if (reference.members().empty() && !accepted) return reference;
    reference["accepted_tcb_status"] = accepted ? *accepted : Json::array({"UpToDate"});
    if (reference.find("min_eval_num") == nullptr) reference["collateral_grace_period"] = 0;
    return reference;
  }
};

hallmark::Status write_enclave(Writer& w, Json& policies) {
  CHECK(knows_registers(w.set, {"mrenclave"}, kFormat));
  TRY(const auto mrenclave, only_value(w.set, "mrenclave", kFormat));
  Json reference = Json::object();
  // ATTRIBUTES and XFRM are one field of 16 bytes.
  const auto pair = [&](const char* low, const char* high) -> std::optional<std::string> {
    const auto a = bytes_of(w.rest.policy(low), 8), b = bytes_of(w.rest.policy(high), 8);
    return a && b ? std::optional(upper(to_hex(*b) + to_hex(*a))) : std::nullopt;
  };
  const auto attributes = pair("attributes", "xfrm"), mask = pair("attributes_mask", "xfrm_mask");
  if (!attributes || !mask)
    return fail(Fault::unsupported, w.set.name +
                                        ": has no attributes and xfrm with their masks, without which Intel's "
                                        "appraisal accepts no enclave");
  reference["sgx_attributes"] = *attributes;
  reference["sgx_attributes_mask"] = *mask;
  const auto select = bytes_of(w.rest.policy("misc_select"), 4), select_mask = bytes_of(w.rest.policy("misc_mask"), 4);
  if (select && select_mask) {
    reference["sgx_miscselect"] = upper(to_hex(*select));
    reference["sgx_miscselect_mask"] = upper(to_hex(*select_mask));
  }
  w.rest.policy("debug_launchable");  // follows from the attributes and their mask
  if (mrenclave) reference["sgx_mrenclave"] = theirs(*mrenclave);
  w.bytes(reference, "sgx_mrsigner", w.rest.identity("mrsigner"), 32);
  if (const auto id = w.rest.identity("isvprodid"); id && id->is_integer()) reference["sgx_isvprodid"] = *id;
  if (const auto svn = w.rest.identity("isvsvn"); svn && svn->is_integer()) {
    reference["sgx_isvsvn_min"] = *svn;
    w.leave("ISVSVN to be no more than " + text_of(*svn));
  }
  w.least(reference, "sgx_isvsvn_min", "identity.isvsvn");
  w.bytes(reference, "sgx_isvfamilyid", w.rest.identity("isv_family_id"), 16);
  w.bytes(reference, "sgx_isvextprodid", w.rest.identity("isv_ext_prod_id"), 16);
  // Intel's script holds the family against the lower-case text alone.
  if (const Json* family = reference.find("sgx_isvfamilyid")) reference["sgx_isvfamilyid"] = lower(family->string());
  if (const auto id = w.rest.text("attested.config_id")) w.bytes(reference, "sgx_configid", Json(*id), 64);
  w.least(reference, "sgx_configsvn_min", "attested.config_svn");
  policies.push_back(entry(Class::enclave, w.set.name, std::move(reference)));
  if (Json platform = w.platform(); !platform.members().empty())
    policies.push_back(entry(Class::sgx_platform, w.set.name, std::move(platform)));
  return {};
}

// Under the masks where they are masked; whole where a certificate has them.
void write_bits(Writer& w, Json& reference, const std::string& key, const std::string& ours) {
  if (const auto masked = w.rest.masked("attested." + ours)) {
    w.bytes(reference, key, Json(masked->value), 8);
    w.bytes(reference, key + "_mask", Json(masked->mask), 8);
  } else if (const auto whole = w.rest.policy(ours)) {
    w.bytes(reference, key, whole, 8);
    if (reference.find(key) != nullptr) reference[key + "_mask"] = "FFFFFFFFFFFFFFFF";
  }
}

hallmark::Status write_domain(Writer& w, Json& policies) {
  CHECK(knows_registers(w.set, {"mrtd", "rtmr0", "rtmr1", "rtmr2", "rtmr3"}, kFormat));
  Json reference = Json::object();
  write_bits(w, reference, "tdx_attributes", "tdattributes");
  write_bits(w, reference, "tdx_xfam", "xfam");
  for (const char* name : kDomainRegisters) {
    TRY(const auto value, only_value(w.set, name, kFormat));
    if (value)
      reference[std::string("tdx_") + name] = theirs(*value);
    else
      w.left_out.push_back(w.set.name + ": that " + name +
                           " is not named, which is a mismatch here; Intel's "
                           "appraisal does not look at it");
  }
  for (const char* name : kDomainValues) w.bytes(reference, std::string("tdx_") + name, w.rest.policy(name), 48);
  const auto bodies = w.rest.list("attested.body");
  const auto asks = [&](const char* body) {
    return !bodies || std::ranges::find(*bodies, Json(body)) != bodies->end();
  };
  const auto service = w.rest.text("attested.mrservicetd");
  const Json platform = w.platform(), quoting_enclave = w.quoting_enclave();
  // A set that does not say which kind of domain stands for both.
  if (asks("TD report 1.0") && !service) {
    policies.push_back(entry(Class::td10, w.set.name, reference));
    if (!platform.members().empty()) policies.push_back(entry(Class::tdx10_platform, w.set.name, platform));
  }
  if (asks("TD report 1.5") || service) {
    if (service) w.bytes(reference, "tdx_mrservicetd", Json(*service), 48);
    policies.push_back(entry(Class::td15, w.set.name, reference));
    if (!platform.members().empty()) policies.push_back(entry(Class::tdx15_platform, w.set.name, platform));
  }
  if (!quoting_enclave.members().empty()) policies.push_back(entry(Class::td_qe, w.set.name, quoting_enclave));
  return {};
}

}  // namespace

bool recognises_intel_appraisal(std::string_view text) {
  constexpr std::string_view kKey = "policy_array";
  if (const auto token = split_token(text)) {
    const auto payload = from_base64(token->payload);
    return payload && as_text(*payload).find(kKey) != std::string_view::npos;
  }
  // The key as a member; Intel's tools begin the file with it, behind comments at most.
  const std::string plain = without_comments(text.substr(0, std::min(text.size(), kMaxEvidence)));
  return trimmed(plain).starts_with("{") && plain.find('"' + std::string(kKey) + '"') != plain.npos;
}

Result<ImportedReferences> read_intel_appraisal(std::string_view text, const std::string& name) {
  if (text.size() > kMaxEvidence)
    return fail(Fault::format, name + ": has " + std::to_string(text.size()) + " bytes, at most " +
                                   std::to_string(kMaxEvidence) + " allowed");
  ImportedReferences out;
  std::string opened(text);
  if (const auto token = split_token(text)) {
    TRY(opened, open_token(*token, name, out.not_taken));
  }
  TRY(Json json, in(name, parse_json(without_comments(opened))));
  drop_notes(json);
  Fields fields(json, name);
  const Reader reader{name, out.not_taken};
  std::vector<Policy> policies;
  for (Fields& item : fields.objects("policy_array", kMaxPolicies)) {
    auto policy = read_policy(reader, item);
    if (!policy) continue;
    if (std::ranges::find(policies, policy->is, &Policy::is) != policies.end())
      item.reject("environment", "is of a class that another policy of the array is for");
    policies.push_back(*std::move(policy));
  }
  // What is asked of a platform is asked of every enclave and domain that runs on it.
  const auto add = [&](ReferenceValues& set, Class from) {
    if (const auto it = std::ranges::find(policies, from, &Policy::is); it != policies.end())
      set.requirements.insert(set.requirements.end(), it->values.requirements.begin(), it->values.requirements.end());
  };
  bool enclave = false, td10 = false, td15 = false;
  for (const Policy& policy : policies) {
    const auto what = std::ranges::find(kClasses, policy.is, &ClassId::is)->what;
    if (policy.is != Class::enclave && policy.is != Class::td10 && policy.is != Class::td15) continue;
    ReferenceValues set = policy.values;
    set.name += ": " + std::string(what);
    if (policy.is == Class::enclave) add(set, Class::sgx_platform);
    if (policy.is == Class::td10) add(set, Class::tdx10_platform);
    if (policy.is == Class::td15) add(set, Class::tdx15_platform);
    if (policy.is != Class::enclave) add(set, Class::td_qe);
    enclave = enclave || policy.is == Class::enclave;
    td10 = td10 || policy.is == Class::td10;
    td15 = td15 || policy.is == Class::td15;
    out.sets.push_back(std::move(set));
  }
  if (out.sets.empty())
    fields.reject("policy_array", "has no policy for an enclave or a domain; a platform alone would accept anything");
  for (const auto& [which, held] : {std::pair{Class::sgx_platform, enclave}, std::pair{Class::tdx10_platform, td10},
                                    std::pair{Class::tdx15_platform, td15}, std::pair{Class::td_qe, td10 || td15}})
    if (!held && std::ranges::find(policies, which, &Policy::is) != policies.end())
      out.not_taken.push_back(name + ": the policy for " +
                              std::string(std::ranges::find(kClasses, which, &ClassId::is)->what) +
                              " asks for nothing, as none is there for what runs on it");
  return fields.finish(std::move(out));
}

Result<ExportedReferences> write_intel_appraisal(std::span<const ReferenceValues> sets) {
  ExportedReferences out;
  Json policies = Json::array();
  std::size_t enclaves = 0, domains = 0;
  for (const ReferenceValues& set : sets) {
    if (set.tee != "intel-sgx" && set.tee != "intel-tdx")
      return fail(Fault::unsupported, set.name + ": is of " + set.tee + "; Intel's appraisal is of Intel's");
    const bool enclave = set.tee == "intel-sgx";
    if (++(enclave ? enclaves : domains) > 1)
      return fail(Fault::unsupported,
                  set.name + ": is one more of " + set.tee + "; a file of Intel's appraisal has room for one");
    Writer writer{set, Leftover(set), out.left_out};
    CHECK(enclave ? write_enclave(writer, policies) : write_domain(writer, policies));
    writer.rest.say(kFormat, out.left_out);
  }
  if (sets.empty()) return fail(Fault::unsupported, "there is no set of reference values to write");
  out.text = Json::object({{"policy_array", std::move(policies)}}).pretty() + "\n";
  return out;
}

}  // namespace hallmark::references
