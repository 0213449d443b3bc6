#include "lib/tee/references/go_tdx_guest.h"

#include <algorithm>
#include <array>

#include "lib/tee/references/google_policy.h"
#include "lib/tee/references/requirement.h"
#include "lib/tee/references/sets.h"

namespace hallmark::references {
namespace {

using textproto::Field;
using textproto::Kind;
using textproto::MessageType;

constexpr std::string_view kFormat = "go-tdx-guest";
constexpr std::size_t kRegister = 48, kRtmrs = 4;

// proto/checkconfig.proto
constexpr std::array kHeaderFields{Field{"minimum_qe_svn", 1, Kind::uint32}, Field{"minimum_pce_svn", 2, Kind::uint32},
                                   Field{"qe_vendor_id", 3, Kind::bytes}};
constexpr MessageType kHeader{"HeaderPolicy", kHeaderFields};
constexpr std::array kBodyFields{Field{"minimum_tee_tcb_svn", 1, Kind::bytes},
                                 Field{"mr_seam", 2, Kind::bytes},
                                 Field{"td_attributes", 3, Kind::bytes},
                                 Field{"xfam", 4, Kind::bytes},
                                 Field{"mr_td", 5, Kind::bytes},
                                 Field{"mr_config_id", 6, Kind::bytes},
                                 Field{"mr_owner", 7, Kind::bytes},
                                 Field{"mr_owner_config", 8, Kind::bytes},
                                 Field{"rtmrs", 9, Kind::bytes, true},
                                 Field{"report_data", 10, Kind::bytes},
                                 Field{"any_mr_td", 11, Kind::bytes, true},
                                 Field{"enable_td_debug_check", 12, Kind::boolean}};
constexpr MessageType kBody{"TDQuoteBodyPolicy", kBodyFields};
constexpr std::array kPolicyFields{Field{"header_policy", 1, Kind::message, false, &kHeader},
                                   Field{"td_quote_body_policy", 2, Kind::message, false, &kBody}};
constexpr MessageType kPolicy{"Policy", kPolicyFields};
constexpr std::array kRootFields{Field{"cabundle_paths", 1, Kind::text, true}, Field{"cabundles", 2, Kind::text, true},
                                 Field{"check_crl", 3, Kind::boolean}, Field{"get_collateral", 4, Kind::boolean}};
constexpr MessageType kRoot{"RootOfTrust", kRootFields};
constexpr std::array kConfigFields{Field{"policy", 1, Kind::message, false, &kPolicy},
                                   Field{"root_of_trust", 2, Kind::message, false, &kRoot}};
constexpr MessageType kConfig{"Config", kConfigFields};

// Intel's, which is that of every quote that is authentic: Intel TDX DCAP Quoting Library API, appendix A.3.
constexpr std::string_view kIntelQe = "939a7233f79c4ca9940a0db3957f0607";

// What is compared as it stands.
constexpr std::array kExact{Exact{"mr_seam", 48, "mrseam"},   Exact{"td_attributes", 8, "tdattributes"},
                            Exact{"xfam", 8, "xfam"},         Exact{"mr_config_id", 48, "mrconfigid"},
                            Exact{"mr_owner", 48, "mrowner"}, Exact{"mr_owner_config", 48, "mrownerconfig"}};

// TDATTRIBUTES are eight bytes, the lowest first; DEBUG is bit 0.
constexpr const char *kDebugBit = "0100000000000000", *kNoBits = "0000000000000000";

void read_header(Fields fields) {
  // Bytes 8 to 11 of the header, which Intel reserves from version 4 on: nothing but zero is in them.
  for (const char* key : {"minimum_qe_svn", "minimum_pce_svn"})
    if (fields.integer_or(key, 0, UINT16_MAX, 0) != 0)
      fields.reject(key, "asks for more than 0 of bytes that are reserved in quotes of TDX: no quote has it",
                    Fault::unsupported);
  if (const auto vendor = take_bytes(fields, "qe_vendor_id", 16); vendor && to_hex(*vendor) != kIntelQe)
    fields.reject("qe_vendor_id", "is not Intel's: quotes of another vendor are never authentic", Fault::unsupported);
}

void read_mrtd(Fields& fields, ReferenceValues& set) {
  const auto one = take_bytes(fields, "mr_td", kRegister);
  std::vector<Bytes> any;
  const Json& list = fields.raw("any_mr_td");
  for (std::size_t i = 0; list.is_array() && i < list.items().size(); i++) {
    auto value = from_hex(list.items()[i].string());
    const std::string where = "any_mr_td[" + std::to_string(i) + "]";
    // The peer takes an empty one as a value that every domain has.
    if (!value || value->size() != kRegister)
      fields.reject(where, "has not 48 bytes");
    else if (i >= kMaxValues)
      fields.reject(where, "is one more than the " + std::to_string(kMaxValues) + " that are allowed");
    else
      any.push_back(*std::move(value));
  }
  // The peer wants both to hold.
  if (one && !any.empty() && std::ranges::find(any, *one) == any.end())
    fields.reject("mr_td", "is not among any_mr_td: no domain is both");
  if (one) any = {*one};
  if (!any.empty()) set.registers["mrtd"] = std::move(any);
}

void read_rtmrs(Fields& fields, ReferenceValues& set) {
  const Json& list = fields.raw("rtmrs");
  if (list.is_null()) return;
  if (list.items().size() != kRtmrs) {
    fields.reject("rtmrs", "has " + std::to_string(list.items().size()) + " values, 4 wanted");
    return;
  }
  for (std::size_t i = 0; i < kRtmrs; i++) {
    const auto value = from_hex(list.items()[i].string());
    const std::string place = std::to_string(i);
    // An empty one is not looked at.
    if (!value || (!value->empty() && value->size() != kRegister))
      fields.reject("rtmrs[" + place + "]", "has neither 48 bytes nor none");
    else if (!value->empty())
      set.registers["rtmr" + place] = {*value};
  }
}

void read_body(Fields fields, ReferenceValues& set, std::vector<std::string>& not_taken) {
  read_mrtd(fields, set);
  read_rtmrs(fields, set);
  for (const Exact& e : kExact)
    if (const auto value = take_bytes(fields, e.theirs, e.size)) set.policy[e.ours] = to_hex(*value);
  if (const auto svns = take_bytes(fields, "minimum_tee_tcb_svn", 16))
    set.requirements.push_back(is_at_least("attested.tee_tcb_svn", to_hex(*svns)));
  if (const auto data = take_bytes(fields, "report_data", 64))
    set.requirements.push_back(is("report_data", to_hex(*data)));
  if (!fields.has("enable_td_debug_check")) return;
  if (fields.boolean("enable_td_debug_check"))
    set.requirements.push_back(agrees("attested.tdattributes", kDebugBit, kNoBits));
  else
    not_taken.push_back(set.name +
                        ": enable_td_debug_check: false lets debug mode pass; it is refused here unless an " +
                        "appraisal policy has forgive: [td.debug]");
}

void read_policy(Fields fields, ReferenceValues& set, std::vector<std::string>& not_taken) {
  if (fields.has("header_policy")) read_header(fields.object("header_policy"));
  if (fields.has("td_quote_body_policy")) read_body(fields.object("td_quote_body_policy"), set, not_taken);
  if (set.registers.empty()) fields.reject("td_quote_body_policy", "names no register; the set would accept anything");
}

}  // namespace

bool recognises_go_tdx_guest(std::string_view text) {
  const std::string_view name = textproto::first_name(text);
  if (name == "header_policy" || name == "td_quote_body_policy") return true;
  return is_check_config(text) &&
         (text.find("td_quote_body_policy") != text.npos || text.find("header_policy") != text.npos);
}

Result<ImportedReferences> read_go_tdx_guest(std::string_view text, const std::string& name) {
  const bool config = is_check_config(text);
  TRY(const Json json, read_message(text, config ? kConfig : kPolicy, name));
  Fields fields(json, name);
  ImportedReferences out;
  ReferenceValues set{.name = name, .tee = "intel-tdx"};
  if (config && fields.has("root_of_trust")) {
    Fields root = fields.object("root_of_trust");
    refuse_bundles(root);
    // Revocation and the status of the platform are always asked for here.
    root.raw("check_crl");
    root.raw("get_collateral");
  }
  if (config)
    read_policy(fields.object("policy"), set, out.not_taken);
  else
    read_policy(fields, set, out.not_taken);
  out.sets.push_back(std::move(set));
  return fields.finish(std::move(out));
}

Result<ExportedReferences> write_go_tdx_guest(std::span<const ReferenceValues> sets) {
  TRY(const ReferenceValues* set, only_set(sets, "intel-tdx", kFormat));
  CHECK(knows_registers(*set, {"mrtd", "rtmr0", "rtmr1", "rtmr2", "rtmr3"}, kFormat));
  Leftover rest(*set);
  ExportedReferences out;
  TextprotoWriter writer;
  writer.open("policy");
  writer.open("td_quote_body_policy");
  // What is there and is not such bytes is left out.
  const auto bytes = [&](std::string_view theirs, const std::string& ours, const std::optional<Json>& value,
                         std::size_t size) {
    if (const auto found = value && value->is_string() ? hex_of_size(value->string(), size) : std::nullopt)
      writer.bytes(theirs, *found);
    else if (value)
      out.left_out.push_back(set->name + ": " + ours + ", which is not one value of " + std::to_string(size) +
                             " bytes, as " + std::string(kFormat) + " wants it");
  };
  bytes("minimum_tee_tcb_svn", "tee_tcb_svn", rest.at_least("attested.tee_tcb_svn"), 16);
  for (const Exact& e : kExact) bytes(e.theirs, e.ours, rest.policy(e.ours), e.size);
  if (const auto it = set->registers.find("mrtd"); it != set->registers.end())
    for (const Bytes& value : it->second) writer.bytes(it->second.size() == 1 ? "mr_td" : "any_mr_td", value);
  bool any_rtmr = false;
  std::array<Bytes, kRtmrs> rtmrs;
  for (std::size_t i = 0; i < kRtmrs; i++) {
    const std::string name = "rtmr" + std::to_string(i);
    TRY(const auto value, only_value(*set, name, kFormat));
    if (value) rtmrs[i] = *value;
    any_rtmr = any_rtmr || value;
    if (!value)
      out.left_out.push_back(set->name + ": that " + name + " is not named, which is a mismatch here; " +
                             std::string(kFormat) + " does not look at it");
  }
  if (any_rtmr)
    for (const Bytes& rtmr : rtmrs) writer.bytes("rtmrs", rtmr);
  if (const auto data = rest.text("report_data")) bytes("report_data", "report_data", Json(*data), 64);
  const auto masked = rest.masked("attested.tdattributes");
  if (masked && *masked != Requirement::Masked{kDebugBit, kNoBits})
    out.left_out.push_back(set->name + ": tdattributes under a mask; " + std::string(kFormat) + " compares them whole");
  // What a set does not ask for, appraisals refuse all the same.
  writer.plain("enable_td_debug_check", "true");
  rest.say(kFormat, out.left_out);
  writer.close();
  writer.close();
  out.text = writer.str();
  return out;
}

}  // namespace hallmark::references
