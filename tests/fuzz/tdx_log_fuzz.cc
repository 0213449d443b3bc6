#include <cstdlib>

#include "lib/tee/tdx/dstack.h"
#include "lib/tee/tdx/log.h"

namespace {

using namespace hallmark;

// Events of a report that is accepted extend registers that there are, each with a digest, so they fold.
void check(const std::vector<tdx::Event>& events) {
  for (const tdx::Event& event : events)
    if (event.rtmr >= tdx::kRtmrs || !event.digest || printable(event.description) != event.description) std::abort();
  for (const auto& rtmr : tdx::fold(events))
    if (!rtmr) std::abort();
}

}  // namespace

// The same bytes as each of the reports that a guest may give.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView bytes{data, size};
  if (const auto log = tdx::read_guest_log(bytes)) check(log->events);
  if (const auto ima = tdx::read_ima_log(bytes)) check(*ima);
  if (tdx::is_dstack_report(bytes))
    if (const auto report = tdx::read_dstack_report(bytes)) check(report->events);
  const auto quote = tdx::quote_bytes(bytes);
  if (quote.has_value() != tdx::holds_quote(bytes)) std::abort();
  if (!quote) return 0;
  if (!dcap::is_quote(*quote)) std::abort();
  const auto parsed = dcap::parse_quote(*quote);
  if (parsed && tdx::registers_of(*parsed).has_value() == (parsed->body_type == dcap::Body::sgx)) std::abort();
  return 0;
}
