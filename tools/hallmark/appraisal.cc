#include "tools/hallmark/appraisal.h"

#include <algorithm>
#include <charconv>

#include "lib/tee/dcap/collateral.h"

namespace hallmark::cli {
namespace {

std::vector<std::string> split(const std::string& names) {
  std::vector<std::string> out;
  std::size_t start = 0;
  for (std::size_t comma; (comma = names.find(',', start)) != names.npos; start = comma + 1)
    out.push_back(names.substr(start, comma - start));
  out.push_back(names.substr(start));
  return out;
}

Status read_all(const std::vector<std::string>& files, std::vector<Endorsement>& out) {
  for (const std::string& file : files) {
    TRY(Bytes bytes, read_file(file, kMaxEvidence));
    out.push_back({file, std::move(bytes)});
  }
  return {};
}

// Documents of AWS Nitro say when they were made, and their certificates are good for three hours from then on.
constexpr std::string_view kTimeOfEvidence = "evidence";

// RFC 3339, or Unix seconds, as the validity of a vector or a block's time is often at hand.
Result<UnixTime> read_time(const std::string& text) {
  UnixTime seconds = 0;
  const auto end = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (end.ec == std::errc() && end.ptr == text.data() + text.size() && seconds >= 0) return seconds;
  auto time = parse_time(text);
  if (!time)
    return fail(Fault::usage, "--time: \"" + printable(text) +
                                  "\" is neither 2026-11-22T10:00:00Z nor Unix seconds nor \"evidence\"");
  return time;
}

// A vendor's chain is often one file: of several certificates the one that issued itself is the root.
constexpr std::size_t kMaxAnchorFile = 4;
Result<Certificate> root_in(const std::vector<Certificate>& certificates, const std::string& file) {
  if (certificates.size() == 1) return certificates.front();
  const auto is_root = [](const Certificate& c) { return c.self_issued(); };
  if (const auto n = std::ranges::count_if(certificates, is_root); n != 1)
    return fail(Fault::usage, "--trust-anchor: " + file + " has " + std::to_string(n) +
                                  " certificates that issued themselves, exactly one is wanted");
  return *std::ranges::find_if(certificates, is_root);
}

Json input(const std::string& role, const std::string& name, ByteView bytes) {
  return Json::object({{"role", role}, {"name", name}, {"sha256", to_hex(digest<Alg::sha256>(bytes))}});
}

std::string lines_of(const std::vector<Reason>& reasons) {
  std::string out;
  for (const Reason& r : reasons) {
    out += "      " + r.code + ": " + printable(r.detail) + "\n";
    if (!r.have.empty() || !r.need.empty())
      out += "        has " + (r.have.empty() ? "nothing" : printable(r.have)) + "\n        needs " +
             (r.need.empty() ? "nothing" : printable(r.need)) + "\n";
  }
  return out;
}

std::string line_of(std::string_view name, const LayerResult& layer, const std::string& word = {}) {
  std::string out = "  " + std::string(name) + std::string(11 - name.size(), ' ');
  out += !layer.reached ? "not reached" : layer.ok() ? "yes" : "NO";
  return out + (word.empty() ? "" : "  " + word) + "\n" + lines_of(layer.reasons);
}

std::string validity_text(const Validity& validity) {
  if (validity.until_what.empty()) return {};
  return "until " + format_time(validity.until) + " (" + printable(validity.until_what) + ")";
}

std::string text_of(const Prediction& p) {
  std::string out = "\n  " + p.profile + " predicted: " + p.outcome;
  if (p.tcb_status) out += "  " + p.tcb_status->name + " (" + std::to_string(p.tcb_status->number) + ")";
  if (!p.output.empty()) out += "  with " + p.output;
  out += "\n";
  if (!p.detail.empty()) out += "      " + printable(p.detail) + "\n";
  for (const Prediction::Difference& d : p.differences)
    out += "      differs in " + d.code + ": " + printable(d.why) + "\n        here   " + printable(d.ours) +
           "\n        there  " + printable(d.theirs) + "\n";
  if (p.differences.empty() && p.outcome != "unknown") out += "      no difference\n";
  for (const std::string& assumption : p.assumptions) out += "      assumed: " + printable(assumption) + "\n";
  return out + "      (" + p.of + ")\n";
}

}  // namespace

void AppraisalOptions::add(CLI::App& app) {
  app.add_option("--collateral", collateral_files_,
                 "Intel's collateral: one JSON file with all of it, or what the service answers, file by file; several "
                 "JSON files are for several platforms")
      ->type_name("FILE");
  app.add_option("--endorsements", endorsement_files_,
                 "what else comes with the evidence: AMD's certificates and revocation lists, the other parts of a "
                 "vTPM's quote")
      ->type_name("FILE");
  app.add_option("--trust-anchor", anchor_files_,
                 "a certificate in the place of the vendor's pinned root: a private PKI; the answer says so")
      ->type_name("FILE");
  app.add_option("--time", time_text_,
                 "when to appraise: 2026-11-22T10:00:00Z, Unix seconds, or \"evidence\": when that says it was made; "
                 "now, if not given")
      ->type_name("TIME");
  app.add_option("--policy", policy_file_, "what is accepted, line by line (hallmark-appraisal policy)")
      ->type_name("FILE");
  app.add_option("--report-data", report_data_,
                 "what the prover must have bound into the evidence: 1 to 64 bytes in hexadecimal, zeros behind them")
      ->type_name("HEX");
  app.add_option("--profile", profile_,
                 "predict beside the verdict what another verifier says of the same quote, and where it differs")
      ->type_name("NAME")
      ->check(CLI::IsMember(profile_names()));
  app.add_flag("--allow-trailing", allow_trailing_, "let bytes other than zeros follow the evidence");
}

Status AppraisalOptions::read() {
  time_ = now();
  time_of_evidence_ = time_text_ == kTimeOfEvidence;
  if (!time_text_.empty() && !time_of_evidence_) {
    TRY(time_, read_time(time_text_));
  }
  CHECK(read_all(collateral_files_, collateral_));
  CHECK(read_all(endorsement_files_, endorsements_));
  for (const std::string& file : anchor_files_) {
    TRY(const Bytes bytes, read_file(file, kMaxEvidence));
    TRY(const std::vector<Certificate> certificates, parse_certificates(bytes, file, kMaxAnchorFile));
    TRY(Certificate anchor, root_in(certificates, file));
    anchors_.push_back(std::move(anchor));
  }
  if (!policy_file_.empty()) {
    TRY(policy_text_, read_file(policy_file_, kMaxEvidence));
    TRY(policy_, parse_appraisal_policy(as_text(policy_text_), policy_file_));
  }
  if (!report_data_.empty()) {
    auto bytes = from_hex(std::string_view(report_data_).substr(report_data_.starts_with("0x") ? 2 : 0));
    if (!bytes || bytes->empty() || bytes->size() > 64)
      return fail(Fault::usage, "--report-data: is not 1 to 64 bytes of hexadecimal");
    if (policy_.report_data && *policy_.report_data != *bytes)
      return fail(Fault::usage, "--report-data: the policy names another value");
    policy_.report_data = *std::move(bytes);
  }
  return {};
}

Json AppraisalOptions::inputs() const {
  Json out = Json::array();
  for (const Endorsement& file : collateral_) out.push_back(input("collateral", file.name, file.bytes));
  for (const Endorsement& file : endorsements_) out.push_back(input("endorsement", file.name, file.bytes));
  for (std::size_t i = 0; i < anchors_.size(); i++)
    out.push_back(input("trust-anchor", anchor_files_[i], anchors_[i].der()));
  if (!policy_file_.empty()) out.push_back(input("policy", policy_file_, policy_text_));
  return out;
}

Result<Appraisal> AppraisalOptions::appraise(const std::string& names, Json& inputs) const {
  const std::vector<std::string> files = split(names);
  TRY(const Bytes file, read_file(files.front(), kMaxEvidence));
  std::vector<Endorsement> own;
  CHECK(read_all({files.begin() + 1, files.end()}, own));
  inputs.push_back(input("evidence", files.front(), file));
  TRY(const Bytes bytes, in(files.front(), unwrap_evidence(file)));
  for (const Endorsement& e : own) inputs.push_back(input("endorsement", e.name, e.bytes));

  const EvidenceKind& kind = *find_evidence_kind(bytes);
  AppraiseRequest request{.evidence = bytes,
                          .name = files.front(),
                          .time = time_,
                          .collateral_grace = policy_.collateral_grace_period,
                          .allow_trailing = allow_trailing_,
                          .profile = profile_};
  if (!profile_.empty() && kind.profiles == nullptr)
    return fail(Fault::usage, "--profile: " + profile_ + " is a verifier of other evidence; " + files.front() +
                                  " is a " + std::string(kind.long_name));
  if (time_of_evidence_) {
    if (kind.made == nullptr)
      return fail(Fault::usage, "--time: a " + std::string(kind.long_name) + " does not say when it was made");
    // What cannot be read is refused for that.
    request.time = kind.made(bytes).value_or(time_);
  }
  for (const Certificate& anchor : anchors_) {
    TRY(const VerifyingKey key, anchor.key());
    if (key.kind() == kind.root_key(bytes)) request.trust_anchor = anchor.der();
  }
  if (!anchors_.empty() && !request.trust_anchor)
    return fail(Fault::usage, "--trust-anchor: none of these is a root for a " + std::string(kind.long_name));
  TRY(Appraisal out, appraise_with(std::move(request), kind, std::move(own)));
  apply_policy(policy_, out, time_);
  return out;
}

Result<Appraisal> AppraisalOptions::appraise_with(AppraiseRequest request, const EvidenceKind& kind,
                                                  std::vector<Endorsement> own) const {
  // Intel's collateral is for what rests on Intel alone. What is given for one piece of evidence goes before what is
  // given for all.
  // A bundle stands alone: several of them are alternatives, for several platforms.
  std::vector<Endorsement> common, bundles;
  const auto take = [&](const std::vector<Endorsement>& files) {
    for (const Endorsement& file : files) (dcap::is_bundle(file.bytes) ? bundles : common).push_back(file);
  };
  take(own);
  const bool intel = kind.root_key(request.evidence) == VerifyingKey::Kind::p256, quote = kind.name == "dcap";
  // A quote with collateral of its own, or beside other vendors' endorsements, is not asked about those.
  if (intel && (quote ? own.empty() : bundles.empty())) take(collateral_);
  if (!quote || (own.empty() && collateral_.empty())) take(endorsements_);
  if (bundles.size() <= 1) {
    request.endorsements = std::move(common);
    request.endorsements.insert(request.endorsements.end(), bundles.begin(), bundles.end());
    return hallmark::appraise(request);
  }
  // The bundle that is this platform's; where none is, the one that comes closest says what is wrong.
  std::optional<Appraisal> best;
  for (Endorsement& bundle : bundles) {
    request.endorsements = common;
    request.endorsements.push_back(std::move(bundle));
    TRY(Appraisal one, hallmark::appraise(request));
    const bool better = !best || one.authentic.reasons.size() < best->authentic.reasons.size();
    if (better) best = std::move(one);
    if (best->authentic.ok()) break;
  }
  return *std::move(best);
}

Json to_json(const Appraisal& a, bool with_match) {
  Json tcb = hallmark::to_json(a.tcb);
  tcb["status"] = a.tcb_status.empty() ? Json() : Json(a.tcb_status);
  if (a.tcb_evaluation_number) tcb["tcb_evaluation_data_number"] = *a.tcb_evaluation_number;
  Json advisories = Json::array(), flags = Json::array(), registers = Json::object();
  for (const std::string& advisory : a.advisories) advisories.push_back(advisory);
  tcb["advisory_ids"] = std::move(advisories);
  for (const Json::Member& member : a.tcb_details.members()) tcb[member.key] = member.value;
  Json authentic = hallmark::to_json(a.authentic), lapsed = Json::array();
  for (const Expiry& expiry : a.lapsed)
    lapsed.push_back(Json::object({{"what", expiry.what}, {"expired", format_time(expiry.time)}}));
  authentic["lapsed"] = std::move(lapsed);
  Json policy = hallmark::to_json(a.policy);
  for (const Flag& flag : a.flags) flags.push_back(flag.code);
  policy["flags"] = std::move(flags);
  Json layers =
      Json::object({{"authentic", std::move(authentic)}, {"tcb", std::move(tcb)}, {"policy", std::move(policy)}});
  if (with_match) layers["match"] = hallmark::to_json(a.match);
  for (const Register& r : a.registers) registers[r.name] = to_hex(r.digest);
  Json out = Json::object({{"evidence", a.evidence},
                           {"tee", a.tee},
                           {"vendor", a.vendor},
                           {"verdict", accepted(a, with_match) ? "accepted" : "refused"},
                           {"time", format_time(a.time)},
                           {"evidence_time", a.made ? Json(format_time(*a.made)) : Json()},
                           {"layers", std::move(layers)},
                           {"registers", std::move(registers)},
                           {"identity", a.identity},
                           {"attested", a.attested},
                           {"report_data", to_hex(a.report_data)},
                           {"machine", a.machine.empty() ? Json() : Json(a.machine)}});
  out["trust_anchor"] = Json::object(
      {{"private", !a.private_anchor.empty()}, {"sha256", a.private_anchor.empty() ? Json() : Json(a.private_anchor)}});
  const auto bound = [](UnixTime time, const std::string& what) {
    return what.empty() ? Json() : Json::object({{"time", format_time(time)}, {"bound_by", what}});
  };
  out["valid_from"] = bound(a.validity.from, a.validity.from_what);
  out["valid_until"] = bound(a.validity.until, a.validity.until_what);
  if (a.prediction) out["prediction"] = hallmark::to_json(*a.prediction);
  return out;
}

std::string to_text(const Appraisal& a, bool with_match) {
  std::string out = a.evidence + " of " + a.tee + ", appraised at " + format_time(a.time) + "\n";
  if (!a.private_anchor.empty()) out += "  AGAINST A PRIVATE ROOT, not the vendor's: sha256 " + a.private_anchor + "\n";
  if (a.made) out += "  made at " + format_time(*a.made) + ", as it says\n";
  out += line_of("authentic", a.authentic, a.authentic.ok() ? validity_text(a.validity) : "");
  for (const Expiry& expiry : a.lapsed)
    out += "      " + printable(expiry.what) + " expired at " + format_time(expiry.time) +
           "; the policy gives it a time of grace\n";
  out += line_of("tcb", a.tcb, a.tcb_status);
  if (const Json* shortfall = a.tcb_details.find("shortfall"); shortfall != nullptr && a.tcb_status != "UpToDate")
    for (const Json& s : shortfall->items())
      out += "      " + printable(s.find("component")->string()) + " has " + std::to_string(s.find("have")->integer()) +
             ", needs " + std::to_string(s.find("need")->integer()) + " to be up to date\n";
  for (const std::string& advisory : a.advisories) out += "      affected by " + printable(advisory) + "\n";
  out += line_of("policy", a.policy);
  if (with_match) out += line_of("match", a.match);
  out += "\n";
  const auto line = [&](const std::string& name, const std::string& value) {
    out += "  " + name + std::string(name.size() < 17 ? 17 - name.size() : 1, ' ') + value + "\n";
  };
  for (const Register& r : a.registers) line(r.name, to_hex(r.digest));
  for (const Json::Member& member : a.identity.members())
    line(member.key, member.value.is_string() ? printable(member.value.string()) : member.value.canonical());
  if (!a.report_data.empty()) line("report_data", to_hex(a.report_data));
  if (a.prediction) out += text_of(*a.prediction);
  return out + (accepted(a, with_match) ? "\naccepted\n" : "\nREFUSED\n");
}

Json to_json(const MatchResult& result) {
  Json rows = Json::array();
  for (const MatchRow& row : result.rows)
    rows.push_back(
        Json::object({{"name", row.name}, {"matches", row.matches}, {"have", row.have}, {"need", row.need}}));
  return Json::object(
      {{"reference", result.reference.empty() ? Json() : Json(result.reference)}, {"values", std::move(rows)}});
}

}  // namespace hallmark::cli
