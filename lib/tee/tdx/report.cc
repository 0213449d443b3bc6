#include "lib/tee/tdx/report.h"

#include <algorithm>

#include "lib/tee/tdx/dstack.h"
#include "lib/tee/tdx/log.h"

namespace hallmark::tdx {
namespace {

constexpr std::uint64_t kMaxFile = std::uint64_t{16} << 20;

Status add_events(std::vector<Event> events, GuestReport& out) {
  auto& log = out.log;
  if (!log) log.emplace();
  log->insert(log->end(), events.begin(), events.end());
  return {};
}

Status add_quote(Bytes quote, GuestReport& out) {
  if (out.quote) return fail(Fault::usage, "is a second quote; one guest has one");
  out.quote = std::move(quote);
  return {};
}

Status add(const Bytes& bytes, GuestReport& out) {
  if (is_event_log(bytes)) {
    TRY(GuestLog log, read_guest_log(bytes));
    if (!log.pcrs.empty()) out.pcrs = std::move(log.pcrs);
    return add_events(std::move(log.events), out);
  }
  if (is_dstack_report(bytes)) {
    TRY(DstackReport report, read_dstack_report(bytes));
    if (report.quote) CHECK(add_quote(*std::move(report.quote), out));
    return add_events(std::move(report.events), out);
  }
  if (holds_quote(bytes)) {
    TRY(Bytes quote, quote_bytes(bytes));
    return add_quote(std::move(quote), out);
  }
  auto ima = read_ima_log(bytes);
  if (!ima)
    return fail(
        Fault::unsupported,
        "is no event log (CCEL, a TPM's, dstack's JSON, IMA's in ASCII), and no quote in binary, hexadecimal or "
        "base64");
  return add_events(*std::move(ima), out);
}

}  // namespace

std::optional<unsigned> GuestReport::contradiction() const {
  if (!log || !quoted) return std::nullopt;
  const Rtmrs folded = fold(*log);
  for (unsigned r = 0; r < kRtmrs; r++)
    if (folded[r] != (*quoted)[r]) return r;
  return std::nullopt;
}

Reported GuestReport::reported() const { return {mrtd, quoted ? *quoted : log ? fold(*log) : Rtmrs{}, log}; }

Result<GuestReport> read_report(const std::vector<fs::path>& files) {
  GuestReport out;
  for (const fs::path& file : files) {
    TRY(const Bytes bytes, read_file(file, kMaxFile));
    CHECK(in(file.string(), add(bytes, out)));
  }
  if (!out.quote) return out;
  TRY(const dcap::Quote quote, dcap::parse_quote(*out.quote));
  TRY(out.quoted, registers_of(quote));
  out.mrtd.emplace();
  std::ranges::copy(quote.td_report().get<"mr_td">(), out.mrtd->begin());
  return out;
}

}  // namespace hallmark::tdx
