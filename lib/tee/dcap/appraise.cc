#include "lib/tee/dcap/appraise.h"

#include <algorithm>

#include "lib/tee/dcap/profile.h"

namespace hallmark::dcap {
namespace {

// ATTRIBUTES.FLAGS of an enclave: Intel SDM volume 3D, table 35-4
constexpr std::uint64_t kInit = 1, kDebug = 2, kProvisionKey = 1 << 4, kEinittokenKey = 1 << 5;
// ATTRIBUTES of a TD: Intel TDX Module ABI Reference Specification, "ATTRIBUTES"
constexpr std::uint64_t kTdDebug = 1, kTdUntrusted = 0xfe, kSeptVeDisable = std::uint64_t{1} << 28,
                        kMigratable = std::uint64_t{1} << 29;

Bytes copy(ByteView bytes) { return {bytes.begin(), bytes.end()}; }

void describe_enclave(const Record<kSgxReport>& r, Appraisal& out) {
  out.registers = {{"mrenclave", copy(r.get<"mr_enclave">())}};
  out.identity = Json::object({{"mrsigner", to_hex(r.get<"mr_signer">())},
                               {"isvprodid", std::int64_t{r.num<"isv_prod_id">()}},
                               {"isvsvn", std::int64_t{r.num<"isv_svn">()}},
                               {"isv_family_id", to_hex(r.get<"isv_family_id">())},
                               {"isv_ext_prod_id", to_hex(r.get<"isv_ext_prod_id">())}});
  out.attested = Json::object({{"attributes", hex_number(r.num<"attributes">(), 16)},
                               {"xfrm", hex_number(r.num<"xfrm">(), 16)},
                               {"misc_select", hex_number(r.num<"misc_select">(), 8)},
                               {"config_id", to_hex(r.get<"config_id">())},
                               {"config_svn", std::int64_t{r.num<"config_svn">()}},
                               {"cpu_svn", to_hex(r.get<"cpu_svn">())}});
  out.report_data = copy(r.get<"report_data">());
  const std::uint64_t flags = r.num<"attributes">();
  const auto flag = [&](bool set, std::string code, std::string detail) {
    if (set) out.flags.push_back({std::move(code), std::move(detail)});
  };
  flag((flags & kDebug) != 0, "sgx.debug", "the enclave runs in debug mode: its host reads and writes its memory");
  flag((flags & kInit) == 0, "sgx.not_initialised", "the enclave is not initialised");
  flag((flags & kProvisionKey) != 0, "sgx.provision_key",
       "the enclave may derive the provisioning key of the platform");
  flag((flags & kEinittokenKey) != 0, "sgx.einittoken_key", "the enclave may launch other enclaves");
}

void describe_td(const Quote& quote, Appraisal& out) {
  const auto r = quote.td_report();
  out.registers = {{"mrtd", copy(r.get<"mr_td">())},
                   {"rtmr0", copy(r.get<"rtmr0">())},
                   {"rtmr1", copy(r.get<"rtmr1">())},
                   {"rtmr2", copy(r.get<"rtmr2">())},
                   {"rtmr3", copy(r.get<"rtmr3">())}};
  out.attested = Json::object({{"tdattributes", to_hex(r.get<"td_attributes">())},
                               {"xfam", to_hex(r.get<"xfam">())},
                               {"mrconfigid", to_hex(r.get<"mr_config_id">())},
                               {"mrowner", to_hex(r.get<"mr_owner">())},
                               {"mrownerconfig", to_hex(r.get<"mr_owner_config">())},
                               {"mrseam", to_hex(r.get<"mr_seam">())},
                               {"mrsignerseam", to_hex(r.get<"mr_signer_seam">())},
                               {"seamattributes", to_hex(r.get<"seam_attributes">())},
                               {"tee_tcb_svn", to_hex(r.get<"tee_tcb_svn">())}});
  out.report_data = copy(r.get<"report_data">());
  const std::uint64_t attributes = r.num<"td_attributes">();
  const auto flag = [&](bool set, std::string code, std::string detail) {
    if (set) out.flags.push_back({std::move(code), std::move(detail)});
  };
  flag((attributes & kTdDebug) != 0, "td.debug", "the domain runs in debug mode: its host reads and writes its memory");
  flag((attributes & kTdUntrusted) != 0, "td.untrusted", "the domain has a reserved attribute of the group TUD");
  flag((attributes & kSeptVeDisable) == 0, "td.sept_ve_disable_off",
       "the host can make the domain's memory fault (SEPT_VE_DISABLE is off)");
  flag((attributes & kMigratable) != 0, "td.migratable", "the domain can be moved to another platform");
  if (const auto more = quote.td15()) {
    out.attested["tee_tcb_svn2"] = to_hex(more->get<"tee_tcb_svn2">());
    out.attested["mrservicetd"] = to_hex(more->get<"mr_service_td">());
    flag(!all_zero(more->get<"mr_service_td">()), "td.service_td", "another domain serves this one (MRSERVICETD)");
  }
}

void describe_platform(const PckExtension& pck, const std::string& ca, Appraisal& out) {
  Json components = Json::array();
  for (const std::uint8_t svn : pck.components) components.push_back(std::int64_t{svn});
  Json platform = Json::object({{"fmspc", to_hex(pck.fmspc)},
                                {"pceid", to_hex(pck.pceid)},
                                {"components", std::move(components)},
                                {"pcesvn", std::int64_t{pck.pcesvn}},
                                {"sgx_type", static_cast<std::int64_t>(pck.sgx_type)},
                                {"pck_ca", ca}});
  const auto flag = [&](const char* name, const std::optional<bool>& value) {
    if (value) platform[name] = *value;
  };
  flag("dynamic_platform", pck.dynamic_platform);
  flag("cached_keys", pck.cached_keys);
  flag("smt_enabled", pck.smt_enabled);
  out.tcb_details["platform"] = std::move(platform);
  out.machine = "intel-ppid:" + to_hex(pck.ppid);
}

void describe_tcb(const TcbVerdict& tcb, const VerifiedCollateral& collateral, Appraisal& out) {
  out.tcb.reached = true;
  out.tcb.reasons = tcb.refused;
  const auto word = [](const std::optional<TcbStatus>& status) {
    return status ? Json(std::string(to_text(*status))) : Json();
  };
  if (tcb.status) out.tcb_status = to_text(*tcb.status);
  out.advisories = tcb.advisories;
  out.tcb_evaluation_number =
      std::min(collateral.tcb_info().evaluation_number, collateral.qe_identity().evaluation_number);
  out.tcb_details["platform_level_status"] = word(tcb.platform);
  out.tcb_details["tdx_module_status"] = word(tcb.module);
  out.tcb_details["qe_status"] = word(tcb.qe);
  out.tcb_date = tcb.date;
  if (tcb.date) out.tcb_details["tcb_date"] = format_time(*tcb.date);
  out.tcb_details["tcb_info_evaluation_number"] = collateral.tcb_info().evaluation_number;
  out.tcb_details["qe_identity_evaluation_number"] = collateral.qe_identity().evaluation_number;
  Json shortfall = Json::array();
  for (const Shortfall& s : tcb.shortfalls)
    shortfall.push_back(Json::object({{"component", s.component}, {"have", s.have}, {"need", s.need}}));
  out.tcb_details["shortfall"] = std::move(shortfall);
}

Result<DigestOf<Alg::sha256>> trusted_root(const AppraiseRequest& request, Appraisal& out) {
  if (!request.trust_anchor) return intel_root();
  TRY(const Certificate anchor, Certificate::parse(*request.trust_anchor, "the trust anchor"));
  out.private_anchor = to_hex(anchor.sha256());
  return anchor.spki_sha256();
}

struct Read {
  Quote quote;
  SignatureData data;
};

// What it says, believed or not.
std::optional<Read> describe(const AppraiseRequest& request, Appraisal& out) {
  out.vendor = "intel";
  out.evidence = "sgx-quote";
  out.tee = "intel-sgx";
  out.time = request.time;
  out.authentic.reached = true;
  const auto refuse = [&](const Error& error) {
    out.malformed = true;
    out.authentic.reasons.push_back(reason_of(error));
    return std::nullopt;
  };
  auto quote = parse_quote(request.evidence, request.allow_trailing ? Trailing::anything : Trailing::zeros);
  if (!quote) refuse(quote.error());
  // What follows a quote does not change what it says: it is shown, and refused all the same.
  if (!quote && quote.error().code == "quote.trailing") quote = parse_quote(request.evidence, Trailing::anything);
  if (!quote) return std::nullopt;
  if (quote->is_td()) {
    out.evidence = "tdx-quote";
    out.tee = "intel-tdx";
    describe_td(*quote, out);
  } else {
    describe_enclave(quote->sgx_report(), out);
  }
  out.attested["quote_version"] = std::int64_t{quote->version};
  out.attested["body"] = std::string(to_text(quote->body_type));
  if (quote->trailing != 0) out.attested["trailing_bytes"] = static_cast<std::int64_t>(quote->trailing);
  if (out.malformed) return std::nullopt;
  auto data = parse_signature_data(*quote);
  if (!data) return refuse(data.error());
  return Read{*quote, *data};
}

void verify(const Read& read, const VerifiedCollateral& collateral, const AppraiseRequest& request, Appraisal& out) {
  const QuoteVerdict verdict = verify_quote(read.quote, read.data, collateral, request.time);
  out.authentic.reasons = verdict.reasons;
  out.validity = verdict.validity;
  out.lapsed = verdict.lapsed;
  if (verdict.pck) describe_platform(*verdict.pck, verdict.pck_ca, out);
  if (verdict.tcb) describe_tcb(*verdict.tcb, collateral, out);
}

}  // namespace

bool recognises_quote(ByteView bytes) {
  if (bytes.size() < 8) return false;
  const auto version = load_le<std::uint16_t>(bytes), key_type = load_le<std::uint16_t>(bytes.subspan(2));
  const auto tee = load_le<std::uint32_t>(bytes.subspan(4));
  return version >= 3 && version <= 5 && (key_type == 2 || key_type == 3) && (tee == 0 || tee == 0x81);
}

Appraisal appraise_quote(const AppraiseRequest& request, const VerifiedCollateral& collateral) {
  Appraisal out;
  if (const auto read = describe(request, out)) verify(*read, collateral, request, out);
  if (const Profile* profile = find_profile(request.profile))
    out.prediction = predict(*profile, request, collateral, out);
  return out;
}

Result<Appraisal> appraise_quote(const AppraiseRequest& request) {
  Appraisal out;
  TRY(const auto root, trusted_root(request, out));
  TRY(Collateral collateral, read_collateral(request.endorsements));
  const Profile* profile = find_profile(request.profile);
  if (profile == nullptr && !request.profile.empty())
    return fail(Fault::usage, "there is no profile \"" + printable(request.profile) + "\"");
  const auto read = describe(request, out);
  if (!read && profile == nullptr) return out;
  const auto verified = VerifiedCollateral::verify(std::make_shared<const Collateral>(std::move(collateral)),
                                                   request.time, root, request.collateral_grace);
  if (read) verify(*read, verified, request, out);
  if (profile != nullptr) out.prediction = predict(*profile, request, verified, out);
  return out;
}

}  // namespace hallmark::dcap
