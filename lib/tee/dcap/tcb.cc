#include "lib/tee/dcap/tcb.h"

#include <algorithm>
#include <tuple>

namespace hallmark::dcap {
namespace {

// More than Intel has ever published; a bound for what a document may make us hold.
constexpr std::size_t kMaxLevels = 256, kMaxModules = 64, kMaxAdvisories = 256;

constexpr std::array<std::pair<TcbStatus, std::string_view>, 9> kWords{{
    {TcbStatus::up_to_date, "UpToDate"},
    {TcbStatus::sw_hardening_needed, "SWHardeningNeeded"},
    {TcbStatus::configuration_needed, "ConfigurationNeeded"},
    {TcbStatus::configuration_and_sw_hardening_needed, "ConfigurationAndSWHardeningNeeded"},
    {TcbStatus::out_of_date, "OutOfDate"},
    {TcbStatus::out_of_date_configuration_needed, "OutOfDateConfigurationNeeded"},
    {TcbStatus::revoked, "Revoked"},
    {TcbStatus::td_relaunch_advised, "TDRelaunchAdvised"},
    {TcbStatus::td_relaunch_advised_configuration_needed, "TDRelaunchAdvisedConfigurationNeeded"},
}};
constexpr std::size_t kPublishedWords = 7;

// A decoder for documents of a vendor: members that it does not ask for are left alone, since Intel adds some within a
// version, and the first failure is kept. Fields (lib/base/json.h) is for our own documents, and stricter.
class Document {
 public:
  Document(const Json& json, std::string_view name, std::optional<Error>& error)
      : Document(json, nullptr, name, error) {}

  const Json* find(std::string_view key) const { return json_.find(key); }

  std::string text(std::string_view key) {
    const Json* value = need(key);
    if (value == nullptr) return {};
    if (value->is_string()) return value->string();
    reject(key, "is " + std::string(value->kind()) + ", not a string");
    return {};
  }
  std::int64_t integer(std::string_view key, std::int64_t max) {
    const Json* value = need(key);
    if (value == nullptr) return 0;
    if (value->is_integer() && value->integer() >= 0 && value->integer() <= max) return value->integer();
    reject(key, "is no integer from 0 to " + std::to_string(max));
    return 0;
  }
  UnixTime time(std::string_view key) {
    const auto value = parse_time(text(key));
    if (value) return *value;
    reject(key, value.error().message());
    return 0;
  }
  // Hexadecimal in either case, as Intel writes it.
  template <std::size_t N>
  void hex(std::string_view key, std::array<std::uint8_t, N>& out) {
    const auto bytes = from_hex(text(key));
    if (bytes && bytes->size() == N)
      std::ranges::copy(*bytes, out.begin());
    else
      reject(key, "is not " + std::to_string(N) + " bytes of hexadecimal");
  }
  TcbStatus status(std::string_view key) {
    const std::string word = text(key);
    const auto known = std::span(kWords).first(kPublishedWords);
    const auto it = std::ranges::find(known, word, &std::pair<TcbStatus, std::string_view>::second);
    if (it != known.end()) return it->first;
    reject(key, "is a status that is not known");
    return TcbStatus::revoked;
  }
  std::vector<std::string> advisories() {
    std::vector<std::string> out;
    const Json* list = find("advisoryIDs");
    if (list == nullptr) return out;
    if (!list->is_array() || list->items().size() > kMaxAdvisories)
      reject("advisoryIDs", "is no list of at most " + std::to_string(kMaxAdvisories));
    else
      for (const Json& item : list->items()) {
        if (!item.is_string()) return reject("advisoryIDs", "has an item that is no string"), out;
        out.push_back(item.string());
      }
    return out;
  }
  template <class Each>
  void each(std::string_view key, std::size_t max, Each read) {
    const Json* list = need(key);
    if (list == nullptr) return;
    if (!list->is_array() || list->items().size() > max)
      return reject(key, "is no list of at most " + std::to_string(max) + " items");
    for (std::size_t i = 0; i < list->items().size() && !error_; i++)
      read(Document(list->items()[i], this, key, error_, i));
  }
  Document object(std::string_view key) {
    static const Json empty = Json::object();
    const Json* value = need(key);
    return {value == nullptr ? empty : *value, this, key, error_};
  }
  void reject(std::string_view key, std::string why) {
    if (!error_) error_ = Error{Fault::format, path() + std::string(key) + ": " + std::move(why), {}};
  }

 private:
  Document(const Json& json, const Document* parent, std::string_view key, std::optional<Error>& error,
           std::optional<std::size_t> index = {})
      : json_(json), parent_(parent), key_(key), index_(index), error_(error) {
    if (!json.is_object()) reject("", "is " + std::string(json.kind()) + ", not an object");
  }

  // Put together when something is wrong: documents have hundreds of members. A part does not outlive the whole.
  std::string path() const {
    if (parent_ == nullptr) return std::string(key_) + ": ";
    return parent_->path() + std::string(key_) + (index_ ? "[" + std::to_string(*index_) + "]" : "") + ".";
  }

  const Json* need(std::string_view key) {
    if (error_) return nullptr;
    const Json* value = find(key);
    if (value == nullptr) reject(key, "is missing");
    return value;
  }

  const Json& json_;
  const Document* parent_;
  std::string_view key_;
  std::optional<std::size_t> index_;
  std::optional<Error>& error_;
};

template <class T>
Result<T> read_document(std::string_view text, std::string_view name, T (*read)(Document&)) {
  TRY(const Json json, in(name, parse_json(text)));
  std::optional<Error> error;
  Document document(json, name, error);
  T out = read(document);
  if (error) return Failure(*std::move(error));
  return out;
}

SvnLevel read_svn_level(Document level) {
  return {.isvsvn = static_cast<std::uint16_t>(level.object("tcb").integer("isvsvn", 0xffff)),
          .date = level.time("tcbDate"),
          .status = level.status("tcbStatus"),
          .advisories = level.advisories()};
}

std::vector<SvnLevel> read_svn_levels(Document& document) {
  std::vector<SvnLevel> out;
  document.each("tcbLevels", kMaxLevels, [&](Document level) { out.push_back(read_svn_level(level)); });
  std::ranges::stable_sort(out, std::greater<>(), &SvnLevel::isvsvn);
  return out;
}

TdxModule read_module(Document document, bool with_levels) {
  TdxModule out;
  document.hex("mrsigner", out.mrsigner);
  document.hex("attributes", out.attributes);
  document.hex("attributesMask", out.attributes_mask);
  if (!with_levels) return out;
  out.id = document.text("id");
  out.levels = read_svn_levels(document);
  return out;
}

// Version 3: sixteen objects with their SVN and, for people, what they are.
void read_components(Document& tcb, std::string_view key, Svns& out, std::array<ComponentName, kComponents>& names) {
  std::size_t n = 0;
  tcb.each(key, kComponents, [&](Document component) {
    out[n] = static_cast<std::uint8_t>(component.integer("svn", 0xff));
    if (names[n] == ComponentName{}) {
      if (component.find("category") != nullptr) names[n].category = component.text("category");
      if (component.find("type") != nullptr) names[n].type = component.text("type");
    }
    n++;
  });
  if (n != kComponents) tcb.reject(key, "has " + std::to_string(n) + " components, 16 wanted");
}

TcbLevel read_level(Document level, TcbInfo& info) {
  TcbLevel out;
  Document tcb = level.object("tcb");
  if (info.version == 2) {
    for (std::size_t i = 0; i < kComponents; i++) {
      const std::string number = std::to_string(i + 1);
      out.sgx[i] = static_cast<std::uint8_t>(
          tcb.integer("sgxtcbcomp" + (number.size() == 1 ? "0" + number : number) + "svn", 0xff));
    }
  } else {
    read_components(tcb, "sgxtcbcomponents", out.sgx, info.sgx_names);
    if (info.tdx) read_components(tcb, "tdxtcbcomponents", out.tdx.emplace(), info.tdx_names);
  }
  out.pcesvn = static_cast<std::uint16_t>(tcb.integer("pcesvn", 0xffff));
  out.date = level.time("tcbDate");
  out.status = level.status("tcbStatus");
  out.advisories = level.advisories();
  return out;
}

auto rank(const TcbLevel& level) { return std::tie(level.sgx, level.pcesvn, level.tdx); }

TcbInfo read_tcb_info(Document& document) {
  TcbInfo out;
  out.version = document.integer("version", 100);
  if (out.version == 3) {
    const std::string id = document.text("id");
    if (id != "SGX" && id != "TDX") document.reject("id", "is neither SGX nor TDX");
    out.tdx = id == "TDX";
  } else if (out.version != 2) {
    document.reject("version", "is " + std::to_string(out.version) + ", 2 and 3 are known");
  }
  out.issued = document.time("issueDate");
  out.next_update = document.time("nextUpdate");
  document.hex("fmspc", out.fmspc);
  document.hex("pceId", out.pceid);
  if (document.integer("tcbType", 0xffff) != 0) document.reject("tcbType", "is not 0, the one composition known");
  out.evaluation_number = document.integer("tcbEvaluationDataNumber", INT32_MAX);
  if (out.tdx) {
    out.module = read_module(document.object("tdxModule"), false);
    if (document.find("tdxModuleIdentities") != nullptr)
      document.each("tdxModuleIdentities", kMaxModules,
                    [&](Document module) { out.modules.push_back(read_module(module, true)); });
  }
  document.each("tcbLevels", kMaxLevels, [&](Document level) { out.levels.push_back(read_level(level, out)); });
  std::ranges::stable_sort(out.levels, [](const TcbLevel& a, const TcbLevel& b) { return rank(a) > rank(b); });
  return out;
}

QeIdentity read_qe_identity(Document& document) {
  QeIdentity out;
  const std::string id = document.text("id");
  if (id != "QE" && id != "TD_QE") document.reject("id", "is neither QE nor TD_QE");
  out.tdx = id == "TD_QE";
  out.version = document.integer("version", 100);
  if (out.version != 2 && out.version != 3)
    document.reject("version", "is " + std::to_string(out.version) + ", 2 and 3 are known");
  out.issued = document.time("issueDate");
  out.next_update = document.time("nextUpdate");
  out.evaluation_number = document.integer("tcbEvaluationDataNumber", INT32_MAX);
  document.hex("miscselect", out.miscselect);
  document.hex("miscselectMask", out.miscselect_mask);
  document.hex("attributes", out.attributes);
  document.hex("attributesMask", out.attributes_mask);
  document.hex("mrsigner", out.mrsigner);
  out.isvprodid = static_cast<std::uint16_t>(document.integer("isvprodid", 0xffff));
  out.levels = read_svn_levels(document);
  return out;
}

bool covers(const Svns& have, const Svns& need, std::size_t from = 0) {
  for (std::size_t i = from; i < kComponents; i++)
    if (have[i] < need[i]) return false;
  return true;
}

// The TDX components that a level asks for: with a module of version 1 and later, the first two are the module's own
// version and SVN, for which its identity has levels.
std::size_t first_tdx_component(const Svns& tee_tcb_svn) { return tee_tcb_svn[1] > 0 ? 2 : 0; }

const TcbLevel* level_of(const TcbInfo& info, const PckExtension& pck, const std::optional<Svns>& tdx,
                         const TcbRules& rules) {
  bool sgx = false;
  for (const TcbLevel& level : info.levels) {
    if (!sgx || !rules.sgx_asked_once) sgx = covers(pck.components, level.sgx) && pck.pcesvn >= level.pcesvn;
    if (!sgx) continue;
    if (!tdx || (rules.revoked_level_ends && level.status == TcbStatus::revoked)) return &level;
    const std::size_t from = rules.all_tdx_components ? 0 : first_tdx_component(*tdx);
    if (level.tdx && covers(*tdx, *level.tdx, from)) return &level;
  }
  return nullptr;
}

const SvnLevel* level_of(const std::vector<SvnLevel>& levels, std::uint16_t isvsvn) {
  const auto it = std::ranges::find_if(levels, [&](const SvnLevel& level) { return level.isvsvn <= isvsvn; });
  return it == levels.end() ? nullptr : &*it;
}

const TdxModule* module_of(const TcbInfo& info, const Svns& tee_tcb_svn) {
  static constexpr char kDigits[] = "0123456789ABCDEF";
  const std::string id = std::string("TDX_") + kDigits[tee_tcb_svn[1] >> 4] + kDigits[tee_tcb_svn[1] & 15];
  const auto it = std::ranges::find_if(info.modules, [&](const TdxModule& module) {
    return std::ranges::equal(module.id, id, [](char a, char b) { return (a >= 'a' && a <= 'z' ? a - 32 : a) == b; });
  });
  return it == info.modules.end() ? nullptr : &*it;
}

bool is_out_of_date(TcbStatus s) {
  return s == TcbStatus::out_of_date || s == TcbStatus::out_of_date_configuration_needed;
}
bool needs_configuration(TcbStatus s) {
  return s == TcbStatus::configuration_needed || s == TcbStatus::configuration_and_sw_hardening_needed ||
         s == TcbStatus::out_of_date_configuration_needed;
}

// What one set of TDX SVNs comes to, without the quoting enclave.
struct Reached {
  std::optional<TcbStatus> status, platform, module;
  const TcbLevel* level = nullptr;
  const SvnLevel* module_level = nullptr;
  std::optional<Reason> refused;
};

TcbStatus converge(TcbStatus platform, TcbStatus component, const TcbRules& rules) {
  if (rules.forgets_out_of_date && component == TcbStatus::out_of_date && is_out_of_date(platform))
    return TcbStatus::up_to_date;
  return hallmark::dcap::converge(platform, component);
}

Reached evaluate_platform(const TcbInfo& info, const PckExtension& pck, const std::optional<Svns>& tdx,
                          const TcbRules& rules) {
  Reached out;
  out.level = level_of(info, pck, tdx, rules);
  if (out.level == nullptr) {
    out.refused = Reason{"tcb.not_supported", "the platform is below every TCB level that Intel supports"};
    return out;
  }
  out.platform = out.status = out.level->status;
  if (!tdx || (*tdx)[1] == 0) return out;
  const TdxModule* module = module_of(info, *tdx);
  if (module == nullptr) return out;  // check_tdx_module() has said so
  out.module_level = level_of(module->levels, (*tdx)[0]);
  if (out.module_level == nullptr) {
    out.status.reset();
    out.refused =
        Reason{"tdx_module.not_supported", "the TDX module is below every level that Intel supports",
               std::to_string((*tdx)[0]), module->levels.empty() ? "" : std::to_string(module->levels.back().isvsvn)};
    return out;
  }
  out.module = out.module_level->status;
  out.status = converge(*out.status, *out.module, rules);
  return out;
}

std::string component_name(std::string_view family, std::size_t index, const ComponentName& name) {
  std::string out = std::string(family) + " component " + std::to_string(index + 1);
  if (name.type.empty() && name.category.empty()) return out;
  return out + " (" + name.category + (name.type.empty() || name.category.empty() ? "" : ": ") + name.type + ")";
}

// Against the best level that is up to date: what would have to be updated.
void note_shortfalls(const TcbInfo& info, const QeIdentity& identity, const TcbInputs& in, const Reached& reached,
                     TcbVerdict& out) {
  const auto good = std::ranges::find(info.levels, TcbStatus::up_to_date, &TcbLevel::status);
  const auto add = [&](std::string component, std::uint64_t have, std::uint64_t need) {
    if (have < need) out.shortfalls.push_back({std::move(component), have, need});
  };
  if (good != info.levels.end() && reached.level != &*good) {
    for (std::size_t i = 0; i < kComponents; i++)
      add(component_name("SGX", i, info.sgx_names[i]), in.pck.components[i], good->sgx[i]);
    add("PCESVN", in.pck.pcesvn, good->pcesvn);
    if (in.tee_tcb_svn && good->tdx)
      for (std::size_t i = first_tdx_component(*in.tee_tcb_svn); i < kComponents; i++)
        add(component_name("TDX", i, info.tdx_names[i]), (*in.tee_tcb_svn)[i], (*good->tdx)[i]);
  }
  const auto best_of = [&](const std::vector<SvnLevel>& levels, std::string name, std::uint64_t have) {
    const auto it = std::ranges::find(levels, TcbStatus::up_to_date, &SvnLevel::status);
    if (it != levels.end()) add(std::move(name), have, it->isvsvn);
  };
  if (in.tee_tcb_svn && (*in.tee_tcb_svn)[1] > 0)
    if (const TdxModule* module = module_of(info, *in.tee_tcb_svn))
      best_of(module->levels, "TDX module " + module->id, (*in.tee_tcb_svn)[0]);
  best_of(identity.levels, "quoting enclave", in.qe_isvsvn);
}

void note_level(const auto& level, TcbVerdict& out) {
  out.date = out.date ? std::min(*out.date, level.date) : level.date;
  for (const std::string& advisory : level.advisories)
    if (std::ranges::find(out.advisories, advisory) == out.advisories.end()) out.advisories.push_back(advisory);
}

Reason differs(std::string code, std::string detail, ByteView have, ByteView need) {
  return {std::move(code), std::move(detail), to_hex(have), to_hex(need)};
}

}  // namespace

bool matches(ByteView value, ByteView mask, ByteView want) {
  for (std::size_t i = 0; i < want.size(); i++)
    if ((value[i] & mask[i]) != want[i]) return false;
  return true;
}

std::string_view to_text(TcbStatus status) {
  return std::ranges::find(kWords, status, &std::pair<TcbStatus, std::string_view>::first)->second;
}

Result<TcbInfo> parse_tcb_info(std::string_view json) { return read_document(json, "TCB info", read_tcb_info); }
Result<QeIdentity> parse_qe_identity(std::string_view json) {
  return read_document(json, "QE identity", read_qe_identity);
}

TcbStatus converge(TcbStatus platform, TcbStatus component) {
  if (component == TcbStatus::revoked || platform == TcbStatus::revoked) return TcbStatus::revoked;
  if (component != TcbStatus::out_of_date) return platform;
  switch (platform) {
    case TcbStatus::up_to_date:
    case TcbStatus::sw_hardening_needed: return TcbStatus::out_of_date;
    case TcbStatus::configuration_needed:
    case TcbStatus::configuration_and_sw_hardening_needed: return TcbStatus::out_of_date_configuration_needed;
    default: return platform;
  }
}

TcbVerdict evaluate(const TcbInfo& info, const QeIdentity& identity, const TcbInputs& inputs, const TcbRules& rules) {
  TcbVerdict out;
  const Reached launched = evaluate_platform(info, inputs.pck, inputs.tee_tcb_svn, rules);
  out.platform = launched.platform;
  out.module = launched.module;
  if (launched.refused) out.refused.push_back(*launched.refused);
  const SvnLevel* qe = level_of(identity.levels, inputs.qe_isvsvn);
  if (qe == nullptr)
    out.refused.push_back({"qe.not_supported", "the quoting enclave is below every level that Intel supports",
                           std::to_string(inputs.qe_isvsvn),
                           identity.levels.empty() ? "" : std::to_string(identity.levels.back().isvsvn)});
  else
    out.qe = qe->status;

  if (launched.level != nullptr) {
    note_level(*launched.level, out);
    out.platform_advisories = out.advisories;
  }
  if (launched.module_level != nullptr) note_level(*launched.module_level, out);
  if (qe != nullptr) note_level(*qe, out);
  std::ranges::sort(out.advisories);
  note_shortfalls(info, identity, inputs, launched, out);
  if (!launched.status || qe == nullptr) return out;

  TcbStatus status = converge(*launched.status, *out.qe, rules);
  // A domain keeps the SVNs that it was launched with. Where the platform was updated under it, starting it again is
  // what it needs. Of a module that Intel does not name nobody knows whether it would help.
  const bool named =
      inputs.tee_tcb_svn2 && ((*inputs.tee_tcb_svn2)[1] == 0 || module_of(info, *inputs.tee_tcb_svn2) != nullptr);
  if (named && is_out_of_date(status) && !rules.no_relaunch) {
    const Reached now = evaluate_platform(info, inputs.pck, inputs.tee_tcb_svn2, rules);
    const auto current = now.status ? std::optional(converge(*now.status, *out.qe, rules)) : std::nullopt;
    if (current && !is_out_of_date(*current) && *current != TcbStatus::revoked)
      status = needs_configuration(status) || needs_configuration(*current)
                   ? TcbStatus::td_relaunch_advised_configuration_needed
                   : TcbStatus::td_relaunch_advised;
  }
  out.status = status;
  return out;
}

std::vector<Reason> check_tdx_module(const TcbInfo& info, const Record<kTdReport10>& report) {
  std::vector<Reason> out;
  Svns tee_tcb_svn{};
  std::ranges::copy(report.get<"tee_tcb_svn">(), tee_tcb_svn.begin());
  const TdxModule* module = nullptr;
  if (tee_tcb_svn[1] == 0)
    module = info.module ? &*info.module : nullptr;
  else
    module = module_of(info, tee_tcb_svn);
  if (module == nullptr) {
    out.push_back({"tdx_module.identity_missing",
                   "Intel's TCB info names no TDX module of version " + std::to_string(tee_tcb_svn[1])});
    return out;
  }
  if (!std::ranges::equal(report.get<"mr_signer_seam">(), module->mrsigner))
    out.push_back(differs("tdx_module.mrsigner", "the TDX module was not signed by who signs it for Intel",
                          report.get<"mr_signer_seam">(), module->mrsigner));
  // SEAMATTRIBUTES of a production module are zero, whatever a mask leaves out.
  if (!matches(report.get<"seam_attributes">(), module->attributes_mask, module->attributes) ||
      std::ranges::any_of(report.get<"seam_attributes">(), [](auto c) { return c != 0; }))
    out.push_back(differs("tdx_module.attributes", "the TDX module has attributes that a production module has not",
                          report.get<"seam_attributes">(), module->attributes));
  return out;
}

std::vector<Reason> check_qe(const QeIdentity& identity, const Record<kSgxReport>& qe) {
  std::vector<Reason> out;
  constexpr std::uint64_t kDebug = 2;
  const ByteView attributes = qe.bytes().subspan(field_of<kSgxReport, "attributes">().offset, 16);
  if (!matches(qe.get<"misc_select">(), identity.miscselect_mask, identity.miscselect))
    out.push_back(differs("qe.miscselect", "the quoting enclave's MISCSELECT is not its identity's",
                          qe.get<"misc_select">(), identity.miscselect));
  if (!matches(std::span<const std::uint8_t, 16>(attributes), identity.attributes_mask, identity.attributes) ||
      (qe.num<"attributes">() & kDebug) != 0)
    out.push_back(differs("qe.attributes", "the quoting enclave's ATTRIBUTES are not its identity's", attributes,
                          identity.attributes));
  if (!std::ranges::equal(qe.get<"mr_signer">(), identity.mrsigner))
    out.push_back(differs("qe.mrsigner", "the quoting enclave was not signed by Intel's key for it",
                          qe.get<"mr_signer">(), identity.mrsigner));
  if (qe.num<"isv_prod_id">() != identity.isvprodid)
    out.push_back({"qe.isvprodid", "the enclave that signed the quote is not the quoting enclave",
                   std::to_string(qe.num<"isv_prod_id">()), std::to_string(identity.isvprodid)});
  return out;
}

}  // namespace hallmark::dcap
