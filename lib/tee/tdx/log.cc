#include "lib/tee/tdx/log.h"

#include <algorithm>

#include "lib/formats/tcg_event.h"

namespace hallmark::tdx {
namespace {

constexpr std::uint32_t kMrtd = 0, kLastRtmr = 4;  // of a CCEL
constexpr std::uint32_t kLastPcr = 23;             // TCG PC Client Platform TPM Profile: at least 24 PCRs, and no TPM has more
constexpr std::size_t kMaxLines = 1'000'000;

// OvmfPkg/Tcg/TdTcg2Dxe, TdxMeasurementMapPcrToMrIndex; PCR 0 is MRTD, which nothing extends.
std::optional<unsigned> rtmr_of_pcr(std::uint32_t pcr) {
  if (pcr == 1 || pcr == 7) return 0;
  if (pcr >= 2 && pcr <= 6) return 1;
  if (pcr >= 8 && pcr <= 15) return 2;
  return std::nullopt;
}

std::optional<unsigned> rtmr_of(LogKind kind, std::uint32_t index) {
  if (kind == LogKind::tpm) return rtmr_of_pcr(index);
  return index - 1;
}

bool is_extended(const LogRecord& record) { return record.type != tcg::kNoAction; }

// pcrIndex of the first record is 0 in the log of a TPM (PC Client Platform Firmware Profile 1.06, 10.4.5.1), and 1 in
// that which edk2 writes for a domain (OvmfPkg/Tcg/TdTcg2Dxe, SetupCcEventLog). td-shim writes 0 (cc-measurement,
// CcEventLogWriter), and SHA-384 alone, as every CCEL has. Then the records decide: firmware with a TPM begins with PCR
// 0 (3.3.4.1), and nothing can extend MRTD, which would be 0 in a CCEL.
Result<LogKind> kind_of(const EventLog& log) {
  if (log.first_index == 1) return LogKind::ccel;
  if (log.first_index != 0)
    return fail(Fault::format, "event log: pcrIndex at 0x0: is " + std::to_string(log.first_index) +
                                   ", neither 0 (of a TPM, or td-shim's) nor 1 (a CCEL)");
  const bool of_a_pcr = std::ranges::any_of(
      log.records, [](const LogRecord& r) { return is_extended(r) && (r.index == kMrtd || r.index > kLastRtmr); });
  const bool sha384_alone = log.algorithms == std::vector{static_cast<std::uint16_t>(LogAlgorithm::sha384)};
  return sha384_alone && !of_a_pcr ? LogKind::ccel : LogKind::tpm;
}

Status check_index(LogKind kind, const LogRecord& record) {
  const auto wrong = [&](const std::string& why) {
    return fail(Fault::format, "event log: pcrIndex at " + hex_offset(record.offset) + ": is " +
                                   std::to_string(record.index) + ", " + why);
  };
  if (kind == LogKind::tpm && record.index > kLastPcr) return wrong("a TPM has PCRs 0 to 23");
  if (kind == LogKind::ccel && record.index == kMrtd) return wrong("MRTD, which nothing extends");
  if (kind == LogKind::ccel && record.index > kLastRtmr) return wrong("a domain has 1 to 4, RTMR0 to RTMR3");
  return {};
}

// TCG PC Client Platform Firmware Profile 1.06, 10.4.5.3: a TPM that was started from another locality than 0 begins
// PCR 0 with its number.
void start_locality(const LogRecord& record, Pcrs& pcrs) {
  constexpr std::string_view kSignature("StartupLocality\0", 16);
  if (record.index == 0 && record.data.size() == kSignature.size() + 1 &&
      as_text(record.data).starts_with(kSignature) && !pcrs.contains(0))
    pcrs[0].back() = record.data.back();
}

Digest to_digest(ByteView bytes) {
  Digest out;
  std::ranges::copy(bytes, out.begin());
  return out;
}

// Hexadecimal or base64 text, with white space anywhere.
std::string without_space(ByteView file) {
  std::string out;
  for (const std::uint8_t c : file)
    if (c != ' ' && c != '\n' && c != '\r' && c != '\t') out += static_cast<char>(c);
  return out;
}

}  // namespace

std::string_view to_text(LogKind kind) { return kind == LogKind::ccel ? "CCEL" : "TPM log"; }

Result<GuestLog> read_guest_log(ByteView log) {
  TRY(const EventLog parsed, parse_event_log(log));
  GuestLog out;
  TRY(out.kind, kind_of(parsed));
  for (const LogRecord& record : parsed.records) {
    if (!is_extended(record)) {
      if (out.kind == LogKind::tpm) start_locality(record, out.pcrs);
      continue;
    }
    CHECK(check_index(out.kind, record));
    const ByteView value = record.digest(LogAlgorithm::sha384);
    if (value.size() != Digest().size())
      return fail(Fault::unsupported,
                  "event log: record at " + hex_offset(record.offset) +
                      ": has no SHA-384 digest; only logs with one can be compared with a TDX guest");
    const Digest digest = to_digest(value);
    if (out.kind == LogKind::tpm) extend<Alg::sha384>(out.pcrs[record.index], digest);
    const auto rtmr = rtmr_of(out.kind, record.index);
    if (!rtmr) continue;
    out.events.push_back({*rtmr, record.type, describe_event(record.type, record.data), digest, Provenance::supplied,
                          Json::object({{"offset", record.offset},
                                        {"size", std::uint64_t{record.data.size()}},
                                        {"authenticated", hallmark::digest<Alg::sha384>(record.data) == digest}})});
    if (out.kind == LogKind::tpm) out.events.back().inputs["pcr"] = std::uint64_t{record.index};
  }
  return out;
}

Result<std::vector<Event>> read_ima_log(ByteView log) {
  std::vector<Event> out;
  std::string_view left = as_text(log);
  for (std::size_t number = 1; !left.empty(); number++) {
    const std::size_t end = std::min(left.find('\n'), left.size());
    std::string_view line = left.substr(0, end);
    left.remove_prefix(std::min(end + 1, left.size()));
    const std::string what = "IMA log: line " + std::to_string(number) + ": ";
    if (number > kMaxLines) return fail(Fault::format, what + "is one too many");
    while (line.starts_with(' ')) line.remove_prefix(1);
    // "2 67c7…cc6 ima-ng sha384:cd01…06cb boot_aggregate"
    const std::size_t space = line.find(' ');
    const std::string_view hex =
        space == line.npos ? "" : line.substr(space + 1, line.find(' ', space + 1) - space - 1);
    const auto digest = digest_from_hex<Alg::sha384>(hex);
    if (line.size() < 2 || line[0] < '0' || line[0] > '3' || line[1] != ' ' || !digest)
      return fail(Fault::format,
                  what + "does not begin with a register from 0 to 3 and a SHA-384 digest in hexadecimal");
    out.push_back({static_cast<unsigned>(line[0] - '0'), tcg::kIpl,
                   "IMA: " + one_line(line.substr(space + 2 + hex.size())), *digest, Provenance::supplied,
                   Json::object()});
  }
  return out;
}

Result<Bytes> quote_bytes(ByteView file) {
  if (dcap::is_quote(file)) return Bytes(file.begin(), file.end());
  if (file.size() > 3 * dcap::kMaxQuote)
    return fail(Fault::format, "quote: has " + std::to_string(file.size()) + " bytes, too many for one");
  std::string text = without_space(file);
  if (text.starts_with("0x")) text.erase(0, 2);
  for (auto decoded : {from_hex(text), from_base64(text)})
    if (decoded && dcap::is_quote(*decoded)) return *std::move(decoded);
  return fail(Fault::unsupported, "no quote: neither as it is, nor in hexadecimal or base64");
}

bool holds_quote(ByteView file) { return quote_bytes(file).has_value(); }

Result<Rtmrs> registers_of(const dcap::Quote& quote) {
  if (quote.body_type == dcap::Body::sgx)
    return fail(Fault::unsupported, "the quote of an SGX enclave, which has none of a guest's registers");
  const auto report = quote.td_report();
  return Rtmrs{to_digest(report.get<"rtmr0">()), to_digest(report.get<"rtmr1">()), to_digest(report.get<"rtmr2">()),
               to_digest(report.get<"rtmr3">())};
}

}  // namespace hallmark::tdx
