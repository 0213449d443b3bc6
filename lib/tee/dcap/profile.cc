#include "lib/tee/dcap/profile.h"

#include <algorithm>
#include <array>

#include "lib/formats/der.h"

namespace hallmark::dcap {
namespace {

// Commits of automata-network/automata-dcap-attestation (evm/contracts) and automata-network/automata-on-chain-pccs
// (src). The contracts do not differ between the tags of one row, nor between v1.1.4 and 2df31aa of 2026-07-25.
constexpr std::array kProfiles{
    // bases/tcb/TCBInfoV3Base (levels), bases/QuoteVerifierBase and bases/TDXModuleBase (convergence),
    // verifiers/V3QuoteVerifier (order of its steps), PCCSRouter (dates), bases/X509ChainBase (chain)
    Profile{.name = "automata-v1.0",
            .releases = "v1.0.0 to v1.0.3",
            .commit = "0983eaad35b720c26a1ad72fdcff8a78abc08f8e",
            .pccs_commit = "eab638d56625fd2fe1b9cae60d34a0f164239ba1",
            .newest_quote = 4,
            .tcb = {.all_tdx_components = true,
                    .sgx_asked_once = true,
                    .revoked_level_ends = true,
                    .no_relaunch = true,
                    .forgets_out_of_date = true},
            .has_error_codes = false,
            .holds_dates = false,
            .numbered_collateral = false,
            .last_second_counts = false,
            .checks_every_link = false,
            .knows_first_module = false,
            .levels_before_signatures = true,
            .revoked_qe_succeeds = true,
            .tcb_info_for_v3 = 2},
    // bases/TdxQuoteBase, verifiers/V5QuoteVerifier and types/Errors are new
    Profile{
        .name = "automata-v1.1",
        .releases = "v1.1.0 to v1.1.1-alpha-3",
        .commit = "9c96312657f2a905003f6ebf565d5742422f24a2",
        .pccs_commit = "2a0e110b190bc7292aeca0c698072ae268e6ecc3",
        .tcb = {.all_tdx_components = true, .sgx_asked_once = true, .revoked_level_ends = true, .no_relaunch = true},
        .last_second_counts = false,
        .checks_every_link = false},
    // bases/X509ChainBase: commits d0ac9fd (dates), 268a403 and 5061d48 (key identifiers). The PCCS that its tags name,
    // 7bcb8c7 with TCB info stored in several steps, was not to be had; the one here is the newest that was read.
    Profile{
        .name = "automata-v1.1.2",
        .releases = "v1.1.2 to v1.1.4",
        .commit = "894876a57b95e0d3cc45659727371ca140ae59b6",
        .pccs_commit = "5241b64827aacdab79a604965b008fc0a2bb91be",
        .tcb = {.all_tdx_components = true, .sgx_asked_once = true, .revoked_level_ends = true, .no_relaunch = true}},
};

// TCBStatus of src/helpers/FmspcTcbHelper: the order is the number.
constexpr std::array<std::pair<TcbStatus, std::string_view>, 7> kStatuses{{
    {TcbStatus::up_to_date, "OK"},
    {TcbStatus::sw_hardening_needed, "TCB_SW_HARDENING_NEEDED"},
    {TcbStatus::configuration_and_sw_hardening_needed, "TCB_CONFIGURATION_AND_SW_HARDENING_NEEDED"},
    {TcbStatus::configuration_needed, "TCB_CONFIGURATION_NEEDED"},
    {TcbStatus::out_of_date, "TCB_OUT_OF_DATE"},
    {TcbStatus::out_of_date_configuration_needed, "TCB_OUT_OF_DATE_CONFIGURATION_NEEDED"},
    {TcbStatus::revoked, "TCB_REVOKED"},
}};

struct RuleText {
  bool TcbRules::*rule;
  std::string_view why;
};
constexpr std::array kRules{
    RuleText{&TcbRules::all_tdx_components,
             "it compares TDX components 1 and 2 with the platform's levels also where the module's own identity has "
             "levels for them"},
    RuleText{&TcbRules::sgx_asked_once,
             "behind the first level that covers the SGX components it compares the TDX components alone"},
    RuleText{&TcbRules::revoked_level_ends,
             "its search for a domain's level ends at a Revoked one whose SGX components are covered"},
    RuleText{&TcbRules::no_relaunch, "what TEE_TCB_SVN2 would change is not in the status that it hands out"},
    RuleText{
        &TcbRules::forgets_out_of_date,
        "where platform and module, or platform and quoting enclave, are both OutOfDate, its convergence leaves the "
        "status at its first value, which is OK"},
};

// Why it does not notice what is a reason for us. The longest prefix counts.
struct Unnoticed {
  std::string_view prefix, why;
};
constexpr std::array kUnnoticed{
    Unnoticed{"quote.trailing", "it does not look behind the signature data"},
    Unnoticed{"quote.auth_data", "it does not look at what the signature data has left over"},
    Unnoticed{"qe_report.report_data", "it compares the first 32 bytes of the quoting enclave's report data alone"},
    Unnoticed{"qe.attributes", "it applies the identity's mask, and does not ask about debug mode besides"},
    Unnoticed{"pck.chain", "it takes the first three certificates"},
    Unnoticed{"pck.",
              "of a certificate it looks at key identifiers, dates, signature and revocation, not at "
              "basicConstraints, names or its role"},
    Unnoticed{
        "pck.intermediate.signature",
        "a certificate whose authority key identifier is not its issuer's keeps the result of the one before it, and "
        "its signature is not looked at"},
    Unnoticed{"tcb_info.pceid_mismatch", "its PCCS files TCB info by TEE, FMSPC and version, and not by PCE"},
    Unnoticed{"tcb_info.expired", "its router takes collateral that is inside one of its two dates: every time is"},
    Unnoticed{"qe_identity.expired", "its router takes collateral that is inside one of its two dates: every time is"},
    Unnoticed{"crl.", "its router takes collateral that is inside one of its two dates: every time is"},
    Unnoticed{"tdx_module.", "it compares SEAMATTRIBUTES with the identity's, and does not ask that they be zero"},
    Unnoticed{"tcb.", "its search for a level is another than Intel's"},
};

std::string why_unnoticed(const std::string& code) {
  const Unnoticed* best = nullptr;
  for (const Unnoticed& row : kUnnoticed)
    if (code.starts_with(row.prefix) && (best == nullptr || row.prefix.size() > best->prefix.size())) best = &row;
  return best == nullptr ? "it does not look at this" : std::string(best->why);
}

// It reads the parts of the signature data from the start, and leaves what is behind them.
std::size_t signature_data_used(const Quote& quote) {
  const ByteView data = quote.signature;
  constexpr std::size_t kV3Auth = 576, kV4Certification = 130;
  if (quote.version >= 4) {
    if (data.size() < kV4Certification + 4) return data.size();
    return std::min<std::size_t>(data.size(),
                                 kV4Certification + 4 + load_le<std::uint32_t>(data.subspan(kV4Certification)));
  }
  if (data.size() < kV3Auth + 2) return data.size();
  const std::size_t at = kV3Auth + 2 + load_le<std::uint16_t>(data.subspan(kV3Auth));
  if (data.size() < at + 6) return data.size();
  return std::min<std::size_t>(data.size(), at + 6 + load_le<std::uint32_t>(data.subspan(at + 2)));
}

// RFC 5280 section 4.2.1.2, and section 4.2.1.1: SEQUENCE { keyIdentifier [0] OCTET STRING OPTIONAL, … }
Bytes subject_key_id(const Certificate& certificate) {
  const auto value = certificate.extension("2.5.29.14");
  if (!value) return {};
  const ByteView id = der::Reader(*value, "subjectKeyIdentifier").take(der::kOctetString, "identifier");
  return {id.begin(), id.end()};
}
Bytes authority_key_id(const Certificate& certificate) {
  constexpr std::uint8_t kKeyIdentifier = 0x80;
  const auto value = certificate.extension("2.5.29.35");
  if (!value) return {};
  der::Reader fields(der::Reader(*value, "authorityKeyIdentifier").take(der::kSequence, "identifier"), "identifier");
  const ByteView id = fields.take(kKeyIdentifier, "keyIdentifier");
  return {id.begin(), id.end()};
}

// RFC 5280 section 4.1, and RFC 3279 section 2.2.3 for the signature: its arithmetic and nothing else.
bool signed_by(const Certificate& certificate, const Certificate& issuer) {
  constexpr std::uint8_t kBitString = 0x03;
  der::Reader file(certificate.der(), "certificate");
  const ByteView content = file.take(der::kSequence, "certificate");
  der::Reader parts(content, "certificate");
  const der::Value to_be_signed = parts.next("tbsCertificate");
  parts.take(der::kSequence, "signatureAlgorithm");
  const ByteView bits = parts.take(kBitString, "signatureValue");
  if (!file.ok() || !parts.ok() || bits.empty()) return false;
  der::Reader value(bits.subspan(1), "signature");
  der::Reader numbers(value.take(der::kSequence, "signature"), "signature");
  Bytes signature(64);
  for (std::size_t half : {0u, 32u}) {
    ByteView number = numbers.take(der::kInteger, "r or s");
    while (!number.empty() && number.front() == 0) number = number.subspan(1);
    if (number.size() > 32) return false;
    std::ranges::copy(number, signature.begin() + std::ptrdiff_t(half + 32 - number.size()));
  }
  const auto key = issuer.key();
  return numbers.ok() && key &&
         key->verify_ecdsa(content.first(to_be_signed.offset + to_be_signed.content.size()), signature);
}

constexpr std::string_view kNoGrace = "it gives documents and lists no time of grace";

struct Verdict {
  std::string outcome, detail, output, why;
  std::optional<TcbStatus> status;
  std::vector<std::string> advisories;
};

// One run of the contract, in its order. A step that returns false has ended it.
class Contract {
 public:
  Contract(const Profile& profile, const AppraiseRequest& request, const VerifiedCollateral& collateral)
      : profile_(profile), request_(request), collateral_(collateral) {}

  Verdict run() {
    using Step = bool (Contract::*)();
    static constexpr Step kSteps[] = {
        &Contract::read,     &Contract::read_certificates, &Contract::check_report_data, &Contract::read_collateral,
        &Contract::check_qe, &Contract::check_chain,       &Contract::check_signatures,  &Contract::check_levels};
    for (const Step step : kSteps) {
      // Version 3 of some releases: what the levels say may end it before any signature is looked at.
      if (step == &Contract::check_chain && profile_.levels_before_signatures && quote_->version == 3 &&
          !check_levels())
        return verdict_;
      if (!(this->*step)()) return verdict_;
    }
    verdict_.outcome = "accepted";
    return verdict_;
  }

  // Which of its rules give another verdict than Intel's, each by itself.
  std::string why_of_levels() const {
    if (!info_ || !identity_ || !pck_) return {};
    const TcbInputs inputs = tcb_inputs(*quote_, *data_, *pck_);
    const TcbVerdict intel = evaluate(*info_, *identity_, inputs);
    std::string out;
    for (const RuleText& text : kRules) {
      TcbRules one;
      one.*text.rule = profile_.tcb.*text.rule;
      const TcbVerdict verdict = evaluate(*info_, *identity_, inputs, one);
      if (verdict.status == intel.status && verdict.platform == intel.platform) continue;
      out += (out.empty() ? "" : "; ") + std::string(text.why);
    }
    return out;
  }

  const std::optional<TcbInfo>& tcb_info() const { return info_; }
  std::uint16_t version() const { return quote_ ? quote_->version : 0; }

 private:
  bool refuse(std::string code, std::string detail, std::string why = {}) {
    verdict_.outcome = "refused";
    if (profile_.has_error_codes) verdict_.output = std::move(code);
    verdict_.detail = std::move(detail);
    verdict_.why = std::move(why);
    return false;
  }
  bool revert(std::string detail, std::string why = {}) {
    refuse({}, std::move(detail), std::move(why));
    verdict_.outcome = "reverted";
    verdict_.output.clear();
    return false;
  }
  bool unknown(std::string detail) {
    verdict_.outcome = "unknown";
    verdict_.detail = std::move(detail);
    return false;
  }
  // Whatever grace is given here.
  bool expired(UnixTime until) const { return profile_.holds_dates && request_.time > until; }
  bool has(std::string_view code) const {
    return std::ranges::find(facts_.reasons, code, &Reason::code) != facts_.reasons.end();
  }

  bool read() {
    auto quote = parse_quote(request_.evidence, Trailing::anything);
    if (!quote) return refuse({}, "it does not read such a quote: " + quote.error().message());
    if (quote->version > profile_.newest_quote)
      return refuse({}, "it has no verifier for quotes of version " + std::to_string(quote->version),
                    "its release reads versions 3 to " + std::to_string(profile_.newest_quote));
    if (quote->body_type == Body::td15ex)
      return refuse("QBF", "it knows no body of that type", "it knows bodies of type 1, 2 and 3");
    quote->signature = quote->signature.first(signature_data_used(*quote));
    quote_ = *std::move(quote);
    auto data = parse_signature_data(*quote_);
    if (!data) return refuse("ADF", "it does not read such signature data: " + data.error().message());
    data_ = *std::move(data);
    facts_ = verify_quote(*quote_, *data_, collateral_, request_.time);
    return true;
  }

  bool read_certificates() {
    constexpr std::size_t kChain = 3, kMost = 8;
    if (data_->cert_type != CertType::pck_chain)
      return refuse("ADF", "the quote does not carry its PCK chain (certification data of type 5)",
                    "it reads the chain from the quote alone");
    auto chain = parse_certificates(data_->cert_data, "the PCK chain in the quote", kMost);
    if (!chain || chain->size() < kChain) return refuse("ADF", "the quote does not carry three certificates");
    chain->erase(chain->begin() + kChain, chain->end());
    chain_ = *std::move(chain);
    const auto extension = chain_.front().extension(kSgxExtension);
    auto pck = extension ? parse_pck_extension(*extension) : fail(Fault::format, "is missing");
    if (!pck) return revert("it does not read such a PCK certificate: " + pck.error().message());
    pck_ = *std::move(pck);
    return true;
  }

  bool check_report_data() {
    const auto bound = Hasher<Alg::sha256>().add(data_->attestation_key).add(data_->qe_auth).finish();
    if (std::ranges::equal(data_->qe().get<"report_data">().first<32>(), bound)) return true;
    return refuse("QEVE", "the quoting enclave's report is not about the attestation key");
  }

  // What its PCCS would not have stored, or would have stored under another key, is not what it reads.
  bool read_collateral() {
    for (const Reason& reason : facts_.reasons) {
      const bool of_collateral = reason.code.starts_with("tcb_info.") || reason.code.starts_with("qe_identity.") ||
                                 reason.code.starts_with("crl.");
      const bool of_dates = reason.code == "tcb_info.expired" || reason.code == "qe_identity.expired" ||
                            reason.code == "crl.pck.expired" || reason.code == "crl.root.expired";
      if (of_collateral && !of_dates && reason.code != "tcb_info.pceid_mismatch")
        return unknown("its PCCS does not have this collateral (" + reason.code +
                       "), and what it has is not known here");
    }
    const Collateral& c = collateral_.collateral();
    auto info = parse_tcb_info(c.tcb_info.text);
    auto identity = parse_qe_identity(c.qe_identity.text);
    if (!info || !identity) return unknown("there is no TCB info and QE identity to predict with");
    if (info->fmspc != pck_->fmspc || info->tdx != quote_->is_td() || identity->tdx != quote_->is_td())
      return unknown(
          "the collateral is for another TEE or family of platforms, and what its PCCS has for this one is "
          "not known here");
    info_ = *std::move(info);
    identity_ = *std::move(identity);
    return true;
  }

  bool check_qe() {
    if (expired(identity_->next_update)) return refuse("QEIDVE", "the QE identity has expired", std::string(kNoGrace));
    const auto qe = data_->qe();
    const ByteView attributes = qe.bytes().subspan(field_of<kSgxReport, "attributes">().offset, 16);
    if (!matches(qe.get<"misc_select">(), identity_->miscselect_mask, identity_->miscselect) ||
        !matches(attributes, identity_->attributes_mask, identity_->attributes) ||
        !std::ranges::equal(qe.get<"mr_signer">(), identity_->mrsigner) ||
        qe.num<"isv_prod_id">() != identity_->isvprodid)
      return refuse("QEIDVE", "the quoting enclave is not its identity's");
    const auto level =
        std::ranges::find_if(identity_->levels, [&](const SvnLevel& one) { return one.isvsvn <= qe.num<"isv_svn">(); });
    if (level == identity_->levels.end()) return refuse("QEIDVE", "the quoting enclave is below every level");
    if (level->status != TcbStatus::revoked) return true;
    if (profile_.revoked_qe_succeeds && quote_->version == 3)
      return succeed_with_error("the quoting enclave is Revoked");
    return refuse("QEIDVE", "the quoting enclave is Revoked");
  }

  bool check_chain() {
    static constexpr std::array kNames{"PCK certificate", "CA of the PCK certificate", "root"};
    const Collateral& c = collateral_.collateral();
    bool verified = false;
    for (std::size_t i = 0; i < chain_.size(); i++) {
      const Certificate &current = chain_[i], &issuer = chain_[std::min(i + 1, chain_.size() - 1)];
      const std::string what = std::string("the ") + kNames[i];
      if (profile_.checks_every_link) verified = false;
      if (i == 2 && current.spki_sha256() != collateral_.root())
        return refuse("X509VE", "the chain ends in another root");
      if (i == 0 && issuer.subject() != "Intel SGX PCK Platform CA" && issuer.subject() != "Intel SGX PCK Processor CA")
        return refuse("X509VE", "the PCK certificate's issuer has another name than Intel's two");
      const auto& crl = i == 0 ? c.pck_crl : c.root_crl;
      if (i < 2 && crl && expired(crl->next_update()))
        return revert("the revocation list for " + what + " has expired", std::string(kNoGrace));
      if (i < 2 && crl && crl->lists(current)) return refuse("X509VE", what + " is revoked");
      const UnixTime grace = profile_.last_second_counts ? 0 : 1;
      if (request_.time < current.not_before() + grace || request_.time > current.not_after() - grace)
        return refuse("X509VE", what + " is not valid at that time",
                      grace == 0 ? "" : "a certificate's first and last second do not count");
      const Bytes expected = subject_key_id(issuer), named = authority_key_id(current);
      if (expected == named && (!profile_.checks_every_link || !named.empty())) verified = signed_by(current, issuer);
      if (!verified)
        return refuse("X509VE", what + " names or has another issuer than the chain's",
                      "it looks at a signature only where subject and authority key identifier are there and the same");
    }
    return true;
  }

  bool check_signatures() {
    if (has("qe_report.signature")) return refuse("ATTVE", "the platform did not sign the quoting enclave's report");
    if (has("quote.signature") || has("quote.attestation_key"))
      return refuse("ATTVE", "the attestation key did not sign this quote");
    return true;
  }

  // `return (found, error)`, where something was found: the caller sees success, and an error code in the place of the
  // output.
  bool succeed_with_error(std::string detail) {
    verdict_.outcome = "accepted";
    if (profile_.has_error_codes) verdict_.output = "TCBR";
    verdict_.detail = detail + ": it reports success, with an error in the place of its output";
    verdict_.why = "with the error it returns whether it found a level, and it did";
    return false;
  }

  bool check_levels() {
    if (expired(info_->next_update)) return refuse("TCBR", "the TCB info has expired", std::string(kNoGrace));
    if (quote_->is_td() && all_zero(quote_->td_report().get<"tee_tcb_svn">()))
      return refuse("TCBR", "TEE_TCB_SVN is zero", "it takes that for a missing value");
    const TcbVerdict tcb = evaluate(*info_, *identity_, tcb_inputs(*quote_, *data_, *pck_), profile_.tcb);
    const bool sgx = !quote_->is_td();
    if (!tcb.platform) {
      const std::string detail = "the platform is below every TCB level that it accepts";
      if (sgx && quote_->version == 5) return revert(detail, "it reads the level that it did not find");
      return refuse("TCBR", detail, why_of_levels());
    }
    if (tcb.platform == TcbStatus::revoked && sgx && quote_->version <= 4)
      return succeed_with_error("the platform's level is Revoked");
    if (tcb.platform == TcbStatus::revoked) return refuse("TCBR", "the platform's level is Revoked");
    if (!sgx && !check_module()) return false;
    if (tcb.module == TcbStatus::revoked) return refuse("TCBR", "the TDX module's level is Revoked");
    if (!tcb.status) return refuse("TCBR", "the TDX module is below every level");
    if (!check_relaunch(tcb)) return false;
    verdict_.status = tcb.status;
    if (quote_->version >= 4) verdict_.advisories = tcb.platform_advisories;
    return true;
  }

  const TdxModule* module_of(std::uint8_t version) const {
    static constexpr char kDigits[] = "0123456789abcdef";
    const std::string id = std::string("TDX_") + kDigits[version >> 4] + kDigits[version & 15];
    const auto it = std::ranges::find(info_->modules, id, &TdxModule::id);
    return it == info_->modules.end() ? nullptr : &*it;
  }

  bool check_module() {
    const auto report = quote_->td_report();
    const std::uint8_t version = report.get<"tee_tcb_svn">()[1];
    if (version == 0 && !profile_.knows_first_module)
      return refuse({}, "it accepts no TDX module of version 0",
                    "it compares MRSIGNERSEAM with an empty string for want of the TCB info's tdxModule");
    const TdxModule* module = version != 0 ? module_of(version) : info_->module ? &*info_->module : nullptr;
    if (module == nullptr)
      return refuse(version == 0 ? "TDMF" : "TCBR",
                    "the TCB info names no TDX module of version " + std::to_string(version),
                    "it looks for the identity's name in lower case");
    if (!std::ranges::equal(report.get<"mr_signer_seam">(), module->mrsigner) ||
        !std::ranges::equal(report.get<"seam_attributes">(), module->attributes))
      return refuse("TDMF", "MRSIGNERSEAM or SEAMATTRIBUTES are not the identity's",
                    "it compares SEAMATTRIBUTES without the identity's mask");
    return true;
  }

  // V5QuoteVerifier works out whether a relaunch is advised. The answer is overwritten, its failure is not: where the
  // quoting enclave and the platform's level are good and the module alone is OutOfDate, TEE_TCB_SVN2 must name a
  // module.
  bool check_relaunch(const TcbVerdict& tcb) {
    const auto more = quote_->td15();
    if (quote_->version != 5 || !more || tcb.qe == TcbStatus::out_of_date || tcb.module != TcbStatus::out_of_date ||
        tcb.platform == TcbStatus::out_of_date || tcb.platform == TcbStatus::out_of_date_configuration_needed)
      return true;
    const std::uint8_t version = more->get<"tee_tcb_svn2">()[1];
    if (version == 0 || module_of(version) != nullptr) return true;
    return refuse("TDRF", "TEE_TCB_SVN2 is of a TDX module that the TCB info does not name");
  }

  const Profile& profile_;
  const AppraiseRequest& request_;
  const VerifiedCollateral& collateral_;
  std::optional<Quote> quote_;
  std::optional<SignatureData> data_;
  QuoteVerdict facts_;  // ours, for what is the same for everybody: whether a signature verifies
  std::vector<Certificate> chain_;
  std::optional<PckExtension> pck_;
  std::optional<TcbInfo> info_;
  std::optional<QeIdentity> identity_;
  Verdict verdict_;
};

Prediction::Word word_of(TcbStatus status) {
  const auto it = std::ranges::find(kStatuses, status, &std::pair<TcbStatus, std::string_view>::first);
  // Relaunch statuses: no profile hands them out.
  if (it == kStatuses.end()) return {7, "TCB_UNRECOGNIZED", std::string(to_text(status))};
  return {it - kStatuses.begin(), std::string(it->second), std::string(to_text(status))};
}

void note_assumptions(const Profile& profile, const Contract& contract, const Appraisal& ours, Prediction& out) {
  if (contract.tcb_info()) {
    std::string holds = "its on-chain PCCS holds this collateral";
    if (profile.numbered_collateral)
      holds += ", and TCB evaluation number " + std::to_string(contract.tcb_info()->evaluation_number) +
               " is Intel's standard one, or the one that the caller names";
    out.assumptions.push_back(std::move(holds));
    const std::int64_t wanted = contract.version() == 3 ? profile.tcb_info_for_v3 : 3;
    if (contract.tcb_info()->version != wanted)
      out.assumptions.push_back("TCB info of version " + std::to_string(wanted) +
                                ", which it reads, has the same levels as this one of version " +
                                std::to_string(contract.tcb_info()->version));
  }
  if (!ours.private_anchor.empty())
    out.assumptions.push_back("it would trust this private root; the real one trusts Intel's alone");
}

void compare(const Verdict& theirs, const Contract& contract, const Appraisal& ours, Prediction& out) {
  const auto differ = [&](std::string code, std::string mine, std::string other, std::string why) {
    out.differences.push_back({std::move(code), std::move(mine), std::move(other), std::move(why)});
  };
  if (theirs.outcome == "unknown") return;
  if (theirs.outcome != "accepted") {
    // Revoked is a refusal for both.
    if (ours.authentic.ok() && ours.tcb.ok() && ours.tcb_status != to_text(TcbStatus::revoked))
      differ("verdict", "authentic, " + ours.tcb_status, theirs.outcome + ": " + theirs.detail,
             theirs.why.empty() ? "it is stricter here" : theirs.why);
    return;
  }
  for (const LayerResult* layer : {&ours.authentic, &ours.tcb})
    for (const Reason& reason : layer->reasons)
      differ(reason.code, "refused: " + reason.detail, "accepted",
             theirs.status || theirs.why.empty() ? why_unnoticed(reason.code) : theirs.why);
  const auto advisories = [](const std::vector<std::string>& ids) {
    std::string text;
    for (const std::string& id : ids) text += (text.empty() ? "" : ", ") + id;
    return text.empty() ? "none" : text;
  };
  if (!theirs.status) {
    if (!ours.tcb_status.empty()) differ("tcb.status", ours.tcb_status, "success without a status", theirs.why);
  } else {
    if (!ours.tcb_status.empty() && ours.tcb_status != to_text(*theirs.status))
      differ("tcb.status", ours.tcb_status, std::string(to_text(*theirs.status)), contract.why_of_levels());
    if (*theirs.status != TcbStatus::up_to_date)
      differ("tcb.open", "refused, unless the policy accepts that status", "accepted",
             "it hands the status to its caller, and refuses none but Revoked");
    if (!ours.tcb_status.empty() && advisories(theirs.advisories) != advisories(ours.advisories))
      differ("advisories", advisories(ours.advisories), advisories(theirs.advisories),
             contract.version() == 3
                 ? "it hands out none for quotes of version 3"
                 : "it hands out those of the platform's level, not the module's and the enclave's");
  }
  for (const Flag& flag : ours.flags)
    differ(flag.code, "refused, unless the policy forgives it", "accepted", "it does not look at attributes");
}

}  // namespace

std::span<const Profile> profiles() { return kProfiles; }

std::vector<std::string> profile_names() {
  std::vector<std::string> out;
  for (const Profile& profile : kProfiles) out.emplace_back(profile.name);
  return out;
}

const Profile* find_profile(std::string_view name) {
  const auto it = std::ranges::find(kProfiles, name, &Profile::name);
  return it == kProfiles.end() ? nullptr : &*it;
}

Prediction predict(const Profile& profile, const AppraiseRequest& request, const VerifiedCollateral& collateral,
                   const Appraisal& ours) {
  Contract contract(profile, request, collateral);
  const Verdict verdict = contract.run();
  Prediction out{.profile = std::string(profile.name),
                 .of = "verifyAndAttestOnChain of automata-network/automata-dcap-attestation " +
                       std::string(profile.releases) + ", read at commit " + std::string(profile.commit.substr(0, 7)) +
                       " with automata-on-chain-pccs at " + std::string(profile.pccs_commit.substr(0, 7)) + ", not run",
                 .outcome = verdict.outcome,
                 .detail = verdict.detail,
                 .output = verdict.output,
                 .advisories = verdict.advisories};
  if (verdict.status) out.tcb_status = word_of(*verdict.status);
  note_assumptions(profile, contract, ours, out);
  compare(verdict, contract, ours, out);
  return out;
}

}  // namespace hallmark::dcap
