#include "lib/tee/vtpm/appraise.h"

#include <algorithm>

#include "lib/tee/snp/appraise.h"
#include "lib/tee/vtpm/verify.h"

namespace hallmark::vtpm {
namespace {

struct Parts {
  std::optional<ByteView> hcl, quote, signature, pcrs;
  snp::Endorsements endorsements;
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
  if (is_pcr_values(bytes)) return put(parts.pcrs, bytes, name, "file of PCR values");
  return snp::add_endorsement(bytes, name, parts.endorsements);
}

class Appraiser {
 public:
  Appraiser(const Parts& parts, UnixTime at, const std::optional<Certificate>& anchor)
      : parts_(parts), at_(at), anchor_(anchor) {
    out_.evidence = "vtpm-quote";
    out_.tee = "azure-snp-vtpm";
    out_.vendor = "amd";
    out_.time = at;
    out_.authentic.reached = true;
    if (anchor) out_.private_anchor = to_hex(anchor->sha256());
  }

  Appraisal run() {
    read_parts();
    if (hcl_) appraise_hardware();
    if (quote_) check_quote();
    // The TPM signed, its key is bound to the report, and nobody was asked whether hardware made that: all that there is
    // holds, and nothing is known of the platform. It is refused for that, whatever a policy says.
    const bool unendorsed = out_.authentic.ok() && hardware_reasons_.size() == 1 &&
                            hardware_reasons_.front().code == "snp.vek_missing";
    // The TPM's reasons stand in front: without them the hardware vouches for something else.
    for (Reason& reason : hardware_reasons_)
      (unendorsed ? out_.tcb : out_.authentic).reasons.push_back(std::move(reason));
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

  void appraise_hardware() {
    if (hcl_->hardware == Hardware::tdx) {
      out_.tee = "azure-tdx-vtpm";
      out_.vendor = "intel";
      hardware_reasons_.push_back(
          {"hcl.tdx",
           "the HCL report holds a TDREPORT, which only its own machine can verify; it takes a TD quote, and "
           "that is not supported here"});
      return;
    }
    const Appraisal hardware = snp::appraise_report(hcl_->hardware_report, parts_.endorsements, at_, anchor_);
    out_.tcb_details = hardware.tcb_details;
    out_.flags = hardware.flags;
    out_.machine = hardware.machine;
    out_.validity = hardware.validity;
    out_.malformed = out_.malformed || hardware.malformed;
    hardware_reasons_ = hardware.authentic.reasons;
    hardware_ = Json::object({{"tee", hardware.tee}, {"evidence", hardware.evidence}});
    hardware_["report_data"] = to_hex(hardware.report_data);
    for (const Json::Member& m : hardware.identity.members()) hardware_[m.key] = m.value;
    for (const Json::Member& m : hardware.attested.members()) hardware_[m.key] = m.value;
    measurement_ = hardware.registers;
    if (hardware.report_data.size() == 64)
      runtime_bound_ =
          holds(check_runtime_data(*hcl_, std::span<const std::uint8_t, 64>(hardware.report_data.data(), 64)));
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
  const UnixTime at_;
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
  return Appraiser(parts, request.time, anchor).run();
}

bool is_evidence(ByteView bytes) { return is_hcl_report(bytes) || is_tpm_quote(bytes); }

}  // namespace hallmark::vtpm
