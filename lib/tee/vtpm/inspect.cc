#include "lib/tee/vtpm/inspect.h"

#include "lib/tee/snp/inspect.h"
#include "lib/tee/vtpm/evidence.h"

namespace hallmark::vtpm {
namespace {

InspectedField field(const TpmQuote& quote, std::string name, std::size_t offset, std::size_t size,
                     std::string meaning) {
  // The TPM's numbers are big-endian: they are shown as their bytes stand.
  return {std::move(name), offset, size, to_hex(quote.bytes.subspan(offset, size)), std::move(meaning)};
}

std::string selected(const PcrSelection& selection) {
  std::string out = selection.hash == kTpmSha256 ? "SHA-256:" : "bank " + hex_offset(selection.hash) + ":";
  for (const unsigned pcr : selection.pcrs) out += " " + std::to_string(pcr);
  return out;
}

Inspection inspect_quote(const TpmQuote& quote) {
  const auto at = [&](ByteView view) { return static_cast<std::size_t>(view.data() - quote.bytes.data()); };
  const std::size_t clock = at(quote.extra_data) + quote.extra_data.size();
  const std::size_t select = clock + 17 + 8, digest = at(quote.pcr_digest);
  std::string banks;
  for (const PcrSelection& selection : quote.selections) banks += (banks.empty() ? "" : "; ") + selected(selection);
  InspectedRecord record{"TPMS_ATTEST", 0, quote.bytes.size(), {}};
  record.fields = {
      field(quote, "magic", 0, 4, "TPM_GENERATED_VALUE"),
      field(quote, "type", 4, 2, "TPM_ST_ATTEST_QUOTE"),
      field(quote, "qualifiedSigner", at(quote.qualified_signer), quote.qualified_signer.size(), "the name of the key"),
      field(quote, "extraData", at(quote.extra_data), quote.extra_data.size(), "the challenge"),
      field(quote, "clockInfo.clock", clock, 8, std::to_string(quote.clock) + " ms"),
      field(quote, "clockInfo.resetCount", clock + 8, 4, std::to_string(quote.reset_count)),
      field(quote, "clockInfo.restartCount", clock + 12, 4, std::to_string(quote.restart_count)),
      field(quote, "clockInfo.safe", clock + 16, 1, quote.safe ? "yes" : "no"),
      field(quote, "firmwareVersion", clock + 17, 8, ""),
      field(quote, "pcrSelect", select, digest - 2 - select, banks),
      field(quote, "pcrDigest", digest, quote.pcr_digest.size(), "over the selected values"),
  };
  return {"azure-snp-vtpm", "vtpm-quote", {std::move(record)}};
}

Result<Inspection> inspect_hcl(const HclReport& report) {
  Inspection out{"azure-snp-vtpm", "vtpm-quote", {}};
  const std::string hash = report.hash == Alg::sha256 ? "SHA-256" : report.hash == Alg::sha384 ? "SHA-384" : "SHA-512";
  const auto explain = [&](std::string_view name, ByteView value) -> std::string {
    if (name == "signature") return std::string(as_text(value));
    if (name == "report_type") return std::string(to_text(report.hardware));
    if (name == "hash_type") return hash;
    if (name.ends_with("_size")) return std::to_string(load_le<std::uint32_t>(value)) + " bytes";
    return {};
  };
  out.records.push_back(inspect_record<kHclHeader>(std::string(kHclHeader.name), 0, report.bytes, explain));
  if (report.hardware == Hardware::snp) {
    TRY(const snp::Report hardware, snp::parse_report(report.hardware_report));
    out.records.push_back(snp::inspect_report(hardware, kHardwareReportAt));
  }
  out.records.push_back(
      inspect_record<kHclData>(std::string(kHclData.name), kHclDataAt, report.bytes.subspan(kHclDataAt), explain));
  // Text of somebody else: shown as JSON that was read and written again.
  const auto json = parse_json(as_text(report.runtime_data));
  out.records.push_back({"runtime data",
                         kRuntimeDataAt,
                         report.runtime_data.size(),
                         {{"json", kRuntimeDataAt, report.runtime_data.size(), to_hex(report.runtime_data),
                           json ? json->canonical() : "is no JSON that is accepted"}}});
  return out;
}

}  // namespace

Result<Inspection> inspect(ByteView bytes) {
  if (is_hcl_report(bytes)) {
    TRY(const HclReport report, parse_hcl_report(bytes));
    return inspect_hcl(report);
  }
  TRY(const TpmQuote quote, parse_tpm_quote(bytes));
  return inspect_quote(quote);
}

}  // namespace hallmark::vtpm
