#include "lib/tee/vtpm/appraise.h"

#include <algorithm>

#include "lib/tee/dcap/appraise.h"
#include "lib/tee/dcap/collateral.h"
#include "lib/tee/snp/appraise.h"
#include "lib/tee/vtpm/verify.h"

namespace hallmark::vtpm {
namespace {

struct Parts {
  std::optional<ByteView> hcl, quote, signature, pcrs, td_quote;
  std::vector<Endorsement> others;  // what the vendor of the hardware has issued
};

Status put(std::optional<ByteView>& part, ByteView bytes, const std::string& name, std::string_view what) {
  if (part) return fail(Fault::usage, name + ": is a second " + std::string(what));
  part = bytes;
  return {};
}

Status sort_in(ByteView bytes, const std::string& name, Parts& parts) {
  if (is_hcl_report(bytes)) return put(parts.hcl, bytes, name, "HCL report");
  if (is_tpm_quote(bytes)) return put(parts.quote, bytes, name, "TPM quote");
  if (is_tpm_signature(bytes)) return put(parts.signature, bytes, name, "signature of a TPM quote");
  if (is_pcr_values(bytes) && !dcap::is_collateral_json(bytes))
    return put(parts.pcrs, bytes, name, "file of PCR values");
  if (dcap::recognises_quote(bytes)) return put(parts.td_quote, bytes, name, "TD quote");
  parts.others.push_back({name, Bytes(bytes.begin(), bytes.end())});
  return {};
}

// Intel TDX Module ABI Reference Specification, "REPORTMACSTRUCT": REPORTDATA of a TDREPORT.
constexpr std::size_t kTdReportData = 128;

// Where these are all that is wrong, nobody was asked whether hardware made the report.
constexpr std::string_view kVekMissing = "snp.vek_missing", kTdQuoteMissing = "hcl.td_quote_missing";

class Appraiser {
 public:
  Appraiser(const Parts& parts, const AppraiseRequest& request, const std::optional<Certificate>& anchor)
      : parts_(parts), request_(request), anchor_(anchor) {
    out_.evidence = "vtpm-quote";
    out_.tee = "azure-snp-vtpm";
    out_.vendor = "amd";
    out_.time = request.time;
    out_.authentic.reached = true;
    if (anchor) out_.private_anchor = to_hex(anchor->sha256());
  }

  Result<Appraisal> run() {
    read_parts();
    CHECK(hcl_ && hcl_->hardware == Hardware::tdx ? ask_intel() : ask_amd());
    if (quote_) check_quote();
    // The TPM signed, its key is bound to the report, and nobody was asked whether hardware made that: all that there
    // is holds, and nobody vouches for the platform. A policy has to say that this will do.
    if (out_.authentic.ok() && hardware_reasons_.size() == 1 &&
        (hardware_reasons_.front().code == kVekMissing || hardware_reasons_.front().code == kTdQuoteMissing)) {
      out_.flags.push_back({"vtpm.hardware_unverified",
                            "nobody vouches for the hardware: " + std::move(hardware_reasons_.front().detail)});
      out_.machine.clear();
      hardware_reasons_.clear();
    }
    // The TPM's reasons stand in front: without them the hardware vouches for something else.
    for (Reason& reason : hardware_reasons_) out_.authentic.reasons.push_back(std::move(reason));
    out_.tcb.reached = out_.authentic.ok();
    out_.tcb_details["tpm_quote"] = Json::object(
        {{"signature", signature_holds_}, {"pcr_digest", digest_holds_}, {"runtime_data_bound", runtime_bound_}});
    fill();
    return std::move(out_);
  }

 private:
  // A part that cannot be read, or that is not there, is a reason.
  template <class T, class Parse>
  void read(std::optional<T>& into, const std::optional<ByteView>& part, Parse parse, std::string_view code,
            std::string_view what) {
    if (!part) {
      out_.authentic.reasons.push_back({std::string(code), std::string(what) + ": not given"});
      return;
    }
    auto parsed = parse(*part);
    if (parsed) {
      into = *std::move(parsed);
      return;
    }
    out_.malformed = true;
    out_.authentic.reasons.push_back(reason_of(parsed.error()));
  }

  void read_parts() {
    read(hcl_, parts_.hcl, parse_hcl_report, "hcl.missing", "the HCL report");
    if (hcl_) read(runtime_, std::optional(hcl_->runtime_data), parse_runtime_data, {}, {});
    read(quote_, parts_.quote, parse_tpm_quote, "tpm.quote_missing", "the TPM's quote");
    read(signature_, parts_.signature, parse_tpm_signature, "tpm.signature_missing",
         "the signature of the TPM's quote");
    read(pcrs_, parts_.pcrs, parse_pcr_values, "tpm.pcrs_missing", "the values of the PCRs");
  }

  bool holds(const Status& status) {
    if (!status) out_.authentic.reasons.push_back(reason_of(status.error()));
    return status.has_value();
  }

  Status ask_amd() {
    snp::Endorsements endorsements;
    for (const Endorsement& file : parts_.others) CHECK(snp::add_endorsement(file.bytes, file.name, endorsements));
    if (hcl_) take(snp::appraise_report(hcl_->hardware_report, endorsements, request_.time, anchor_));
    return {};
  }

  // A TDREPORT is authenticated by a key of its own machine; the TD quote that was made of it, by Intel's.
  Status ask_intel() {
    out_.tee = "azure-tdx-vtpm";
    out_.vendor = "intel";
    if (!parts_.td_quote) {
      hardware_reasons_.push_back(
          {std::string(kTdQuoteMissing),
           "the HCL report holds a TDREPORT, which only its own machine can verify, and no TD quote was given"});
      bind(hcl_->hardware_report.subspan<kTdReportData, 64>());
      return {};
    }
    TRY(const Appraisal hardware, dcap::appraise_quote({.evidence = *parts_.td_quote,
                                                        .name = "the TD quote",
                                                        .time = request_.time,
                                                        .endorsements = parts_.others,
                                                        .trust_anchor = request_.trust_anchor,
                                                        .collateral_grace = request_.collateral_grace,
                                                        .allow_trailing = request_.allow_trailing}));
    take(hardware);
    if (hardware.tee != "intel-tdx")
      hardware_reasons_.insert(hardware_reasons_.begin(),
                               {"hcl.td_quote", "the quote beside it is of an enclave", hardware.tee, "intel-tdx"});
    return {};
  }

  void take(const Appraisal& hardware) {
    out_.tcb.reasons = hardware.tcb.reasons;
    out_.tcb_status = hardware.tcb_status;
    out_.tcb_details = hardware.tcb_details;
    out_.advisories = hardware.advisories;
    out_.tcb_evaluation_number = hardware.tcb_evaluation_number;
    out_.tcb_date = hardware.tcb_date;
    out_.lapsed = hardware.lapsed;
    out_.flags = hardware.flags;
    out_.machine = hardware.machine;
    out_.validity = hardware.validity;
    out_.private_anchor = hardware.private_anchor;
    out_.malformed = out_.malformed || hardware.malformed;
    hardware_reasons_ = hardware.authentic.reasons;
    hardware_ = Json::object({{"tee", hardware.tee}, {"evidence", hardware.evidence}});
    hardware_["report_data"] = to_hex(hardware.report_data);
    for (const Json::Member& m : hardware.identity.members()) hardware_[m.key] = m.value;
    for (const Json::Member& m : hardware.attested.members()) hardware_[m.key] = m.value;
    measurement_ = hardware.registers;
    if (hardware.report_data.size() == 64) bind(std::span<const std::uint8_t, 64>(hardware.report_data.data(), 64));
  }

  void bind(std::span<const std::uint8_t, 64> report_data) {
    runtime_bound_ = holds(check_runtime_data(*hcl_, report_data));
  }

  void check_quote() {
    if (runtime_ && signature_) signature_holds_ = holds(check_quote_signature(*quote_, *signature_, *runtime_));
    if (pcrs_) digest_holds_ = holds(check_pcr_digest(*quote_, *pcrs_));
  }

  void fill() {
    if (quote_) {
      out_.report_data.assign(quote_->extra_data.begin(), quote_->extra_data.end());
      out_.attested["qualified_signer"] = to_hex(quote_->qualified_signer);
      out_.attested["clock"] = std::to_string(quote_->clock);
      out_.attested["reset_count"] = static_cast<std::int64_t>(quote_->reset_count);
      out_.attested["restart_count"] = static_cast<std::int64_t>(quote_->restart_count);
      out_.attested["clock_safe"] = quote_->safe;
      out_.attested["firmware_version"] = hex_offset(quote_->firmware_version);
      if (pcrs_ && digest_holds_)
        for (const PcrSelection& selection : quote_->selections)
          for (const unsigned pcr : selection.pcrs)
            out_.registers.push_back({"pcr" + std::to_string(pcr), Bytes((*pcrs_)[pcr].begin(), (*pcrs_)[pcr].end())});
    }
    out_.registers.insert(out_.registers.end(), measurement_.begin(), measurement_.end());
    if (hcl_) out_.attested["hcl_version"] = static_cast<std::int64_t>(hcl_->version);
    if (runtime_)
      for (const Json::Member& m : runtime_->json.members())
        if (m.key != "keys") runtime_members_[m.key] = m.value;
    out_.attested["runtime"] = runtime_members_;
    out_.attested["hardware"] = hardware_;
  }

  const Parts& parts_;
  const AppraiseRequest& request_;
  const std::optional<Certificate>& anchor_;
  std::optional<HclReport> hcl_;
  std::optional<RuntimeData> runtime_;
  std::optional<TpmQuote> quote_;
  std::optional<ByteView> signature_;
  std::optional<PcrBank> pcrs_;
  bool signature_holds_ = false, digest_holds_ = false, runtime_bound_ = false;
  std::vector<Reason> hardware_reasons_;
  std::vector<Register> measurement_;
  Json hardware_ = Json::object(), runtime_members_ = Json::object();
  Appraisal out_;
};

}  // namespace

Result<Appraisal> appraise(const AppraiseRequest& request) {
  TRY(const auto anchor, snp::read_trust_anchor(request));
  Parts parts;
  CHECK(sort_in(request.evidence, request.name, parts));
  for (const Endorsement& file : request.endorsements) CHECK(sort_in(file.bytes, file.name, parts));
  return Appraiser(parts, request, anchor).run();
}

bool rests_on_intel(ByteView bytes) {
  const auto report = parse_hcl_report(bytes);
  return report && report->hardware == Hardware::tdx;
}

bool is_evidence(ByteView bytes) { return is_hcl_report(bytes) || is_tpm_quote(bytes); }

}  // namespace hallmark::vtpm
