#include "lib/tee/snp/appraise.h"

#include <algorithm>

#include "lib/tee/snp/certificate_table.h"
#include "lib/tee/snp/inspect.h"

namespace hallmark::snp {
namespace {

Appraisal begin(UnixTime at, const std::optional<Certificate>& anchor) {
  Appraisal out;
  out.evidence = "snp-report";
  out.tee = "amd-sev-snp";
  out.vendor = "amd";
  out.time = at;
  out.authentic.reached = true;
  if (anchor) out.private_anchor = to_hex(anchor->sha256());
  return out;
}

Appraisal malformed(UnixTime at, const std::optional<Certificate>& anchor, const Error& error) {
  Appraisal out = begin(at, anchor);
  out.malformed = true;
  out.authentic.reasons.push_back(reason_of(error));
  return out;
}

std::string hex_number(std::uint64_t n) { return hex_offset(n); }

Json text_list(const std::vector<std::string>& texts) {
  Json out = Json::array();
  for (const std::string& text : texts) out.push_back(text);
  return out;
}

Json tcb_json(Line line, Tcb tcb) {
  Json out = Json::object();
  for (const TcbComponent& c : tcb_components(line))
    if (tcb[c.at] != 0 || !c.name.starts_with("spl")) out[c.name] = static_cast<int>(tcb[c.at]);
  return out;
}

std::string version_text(unsigned major, unsigned minor, unsigned build) {
  return std::to_string(major) + "." + std::to_string(minor) + "." + std::to_string(build);
}

Json tcb_details(const Report& report, const Verification& verified) {
  Json out = Json::object();
  out["product"] = verified.vek    ? verified.vek->product
                   : verified.line ? std::string(to_text(*verified.line))
                                   : std::string();
  if (verified.line) out["product_line"] = std::string(to_text(*verified.line));
  out["signing_key"] = std::string(to_text(key_info(report).signing_key));
  if (verified.line) {
    out["reported_tcb"] = tcb_json(*verified.line, report.get<"reported_tcb">());
    out["committed_tcb"] = tcb_json(*verified.line, report.get<"committed_tcb">());
    out["current_tcb"] = tcb_json(*verified.line, report.get<"current_tcb">());
    out["launch_tcb"] = tcb_json(*verified.line, report.get<"launch_tcb">());
  }
  const std::string current =
      version_text(report.num<"current_major">(), report.num<"current_minor">(), report.num<"current_build">());
  const std::string committed =
      version_text(report.num<"committed_major">(), report.num<"committed_minor">(), report.num<"committed_build">());
  out["firmware"] = Json::object({{"current", current}, {"committed", committed}});
  out["provisional"] =
      current != committed || !std::ranges::equal(report.get<"current_tcb">(), report.get<"committed_tcb">());
  if (report.num<"version">() >= 3)
    out["cpuid"] = Json::object({{"family", static_cast<int>(report.num<"cpuid_family">())},
                                 {"model", static_cast<int>(report.num<"cpuid_model">())},
                                 {"stepping", static_cast<int>(report.num<"cpuid_stepping">())}});
  if (report.num<"version">() >= 5)
    out["mitigations"] = Json::object({{"launch", hex_number(report.num<"launch_mit_vector">())},
                                       {"current", hex_number(report.num<"current_mit_vector">())}});
  if (verified.vek && !verified.vek->csp.empty()) out["csp"] = verified.vek->csp;
  out["revocation_checked"] = verified.revocation_checked;
  return out;
}

Json identity(const Report& report) {
  return Json::object({{"family_id", to_hex(report.get<"family_id">())},
                       {"image_id", to_hex(report.get<"image_id">())},
                       {"guest_svn", static_cast<std::int64_t>(report.num<"guest_svn">())}});
}

Json attested(const Report& report) {
  const KeyInfo key = key_info(report);
  return Json::object({{"version", static_cast<std::int64_t>(report.num<"version">())},
                       {"policy", hex_number(report.num<"policy">())},
                       {"policy_bits", text_list(policy_bits(report.num<"policy">()))},
                       {"policy_abi", static_cast<std::int64_t>(report.num<"policy">() & kPolicyAbi)},
                       {"platform_info", hex_number(report.num<"platform_info">())},
                       {"platform_bits", text_list(platform_bits(report.num<"platform_info">()))},
                       {"vmpl", static_cast<std::int64_t>(report.num<"vmpl">())},
                       {"firmware_version", report.num<"current_major">() * 256 + report.num<"current_minor">()},
                       {"firmware_build", static_cast<std::int64_t>(report.num<"current_build">())},
                       {"reported_tcb", to_hex(report.get<"reported_tcb">())},
                       {"launch_tcb", to_hex(report.get<"launch_tcb">())},
                       {"author_key_en", key.author_key_enabled},
                       {"mask_chip_key", key.mask_chip_key},
                       {"host_data", to_hex(report.get<"host_data">())},
                       {"id_key_digest", to_hex(report.get<"id_key_digest">())},
                       {"author_key_digest", to_hex(report.get<"author_key_digest">())},
                       {"report_id", to_hex(report.get<"report_id">())},
                       {"report_id_ma", to_hex(report.get<"report_id_ma">())},
                       {"chip_id", to_hex(report.get<"chip_id">())}});
}

std::vector<Flag> flags(const Report& report) {
  std::vector<Flag> out;
  const auto policy = report.num<"policy">();
  const auto vmpl = report.num<"vmpl">();
  const KeyInfo key = key_info(report);
  if ((policy & kPolicyDebug) != 0)
    out.push_back({"snp.debug", "the guest policy lets the host read and write the guest's memory"});
  if ((policy & kPolicyMigrateMa) != 0)
    out.push_back({"snp.migrate_ma", "the guest policy lets a migration agent move the guest to other machines"});
  if (vmpl != 0)
    out.push_back({"snp.vmpl", "the report was asked for at VMPL " + std::to_string(vmpl) +
                                   ", not by the guest's most privileged software"});
  if (key.mask_chip_key && key.signing_key == SigningKey::vcek)
    out.push_back(
        {"snp.mask_chip_key", "the platform says that it does not use the chip's key, which signed the report"});
  if (policy >> kPolicyKnownBits != 0)
    out.push_back({"snp.policy_reserved", "the guest policy, " + hex_number(policy) + ", has bits that are not known"});
  return out;
}

// The chip by its certificate, or under a provider's key by the report. A chip of Turin has one name under both.
std::string machine(const Report& report, const Verification& verified) {
  Bytes id;
  if (verified.vek && !verified.vek->hwid.empty()) {
    id = verified.vek->hwid;
  } else if (!chip_id_is_masked(report)) {
    const auto chip_id = report.get<"chip_id">();
    id.assign(chip_id.begin(), chip_id.begin() + (verified.line == Line::turin ? 8 : 64));
  }
  return id.empty() ? std::string() : "amd-chip:" + to_hex(id);
}

// What stands behind the report in its file.
Status read_rest(ByteView rest, const AppraiseRequest& request, Endorsements& endorsements) {
  if (std::ranges::all_of(rest, [](auto c) { return c == 0; })) return {};
  if (is_certificate_table(rest)) {
    auto added = add_endorsement(rest, request.name, endorsements);
    // It came with the evidence: nobody else is to blame for it.
    if (!added) added.error().code = "snp.certificate_table";
    return added;
  }
  if (request.allow_trailing) return {};
  return fail(Fault::format, "snp.trailing",
              std::string(kReport.name) + ": " + std::to_string(rest.size()) +
                  " bytes follow it that are neither zeros nor a certificate table");
}

}  // namespace

Appraisal appraise_report(ByteView bytes, const Endorsements& endorsements, UnixTime at,
                          const std::optional<Certificate>& anchor) {
  const auto parsed = parse_report(bytes);
  if (!parsed) return malformed(at, anchor, parsed.error());
  const Report& report = *parsed;
  const Verification verified = verify_report(report, endorsements, at, anchor);

  Appraisal out = begin(at, anchor);
  out.authentic.reasons = verified.reasons;
  out.tcb.reached = out.authentic.ok();
  out.tcb_details = tcb_details(report, verified);
  out.flags = flags(report);
  const auto measurement = report.get<"measurement">();
  const auto data = report.get<"report_data">();
  out.registers = {{"measurement", Bytes(measurement.begin(), measurement.end())}};
  out.identity = identity(report);
  out.attested = attested(report);
  out.report_data.assign(data.begin(), data.end());
  out.machine = machine(report, verified);
  out.validity = verified.validity;
  return out;
}

Result<std::optional<Certificate>> read_trust_anchor(const AppraiseRequest& request) {
  if (!request.trust_anchor) return std::optional<Certificate>();
  TRY(Certificate anchor, Certificate::parse(*request.trust_anchor, "trust anchor"));
  return std::optional<Certificate>(std::move(anchor));
}

Result<Appraisal> appraise(const AppraiseRequest& request) {
  TRY(const auto anchor, read_trust_anchor(request));
  Endorsements endorsements;
  for (const Endorsement& file : request.endorsements) CHECK(add_endorsement(file.bytes, file.name, endorsements));
  if (request.evidence.size() <= kReport.size)
    return appraise_report(request.evidence, endorsements, request.time, anchor);
  // The order of faults is that of the bytes: what follows a report matters once it is one.
  const ByteView report = request.evidence.first(kReport.size);
  if (const auto parsed = parse_report(report); !parsed) return malformed(request.time, anchor, parsed.error());
  if (const auto rest = read_rest(request.evidence.subspan(kReport.size), request, endorsements); !rest)
    return malformed(request.time, anchor, rest.error());
  return appraise_report(report, endorsements, request.time, anchor);
}

}  // namespace hallmark::snp
