#include <cstdlib>

#include "lib/formats/tcg_event.h"
#include "lib/tee/tdx/dstack.h"
#include "lib/tee/tdx/log.h"
#include "lib/tee/tdx/reference_log.h"

namespace {

using namespace hallmark;

// Events of a report that is accepted extend registers that there are, each with a digest, so they fold.
void check(const std::vector<tdx::Event>& events) {
  for (const tdx::Event& event : events)
    if (event.rtmr >= tdx::kRtmrs || !event.digest || printable(event.description) != event.description) std::abort();
  for (const auto& rtmr : tdx::fold(events))
    if (!rtmr) std::abort();
}

// Of a boot log every event is one of the merged ones, in its place, whatever was predicted.
void merge(const tdx::BootLog& log) {
  namespace tcg = hallmark::tcg;
  static const tdx::Profile profile = *tdx::find_profile("qemu-10/edk2-202502");
  static const std::vector<tdx::Event> firmware{
      tdx::missing(0, tcg::kEfiHandoffTables2, "TD HOB", ""),
      tdx::computed(0, tcg::kEfiVariableDriverConfig, "variable PK", {}, Json::object()),
      tdx::computed(0, tcg::kSeparator, "separator", {}, Json::object()),
      tdx::missing(0, tcg::kPlatformConfigFlags, "ACPI DATA: etc/acpi/tables", "")};
  const auto merged = tdx::with_boot_log(profile, firmware, log);
  if (!merged) return;
  if (merged->size() != log.events.size()) std::abort();
  for (std::size_t i = 0; i < merged->size(); i++)
    if ((*merged)[i].rtmr != log.events[i].rtmr || (*merged)[i].rtmr > 2) std::abort();
  check(*merged);
}

}  // namespace

// The same bytes as each of the reports that a guest may give.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView bytes{data, size};
  if (const auto log = tdx::read_guest_log(bytes)) check(log->events);
  if (const auto ima = tdx::read_ima_log(bytes)) check(*ima);
  if (tdx::is_dstack_report(bytes))
    if (const auto report = tdx::read_dstack_report(bytes)) check(report->events);
  if (const auto log = tdx::parse_boot_log(bytes)) merge(*log);
  if (const auto log = tdx::parse_runtime_log(bytes)) {
    if (log->empty()) std::abort();
    check(*log);
  }
  const auto quote = tdx::quote_bytes(bytes);
  if (quote.has_value() != tdx::holds_quote(bytes)) std::abort();
  if (!quote) return 0;
  if (!dcap::is_quote(*quote)) std::abort();
  const auto parsed = dcap::parse_quote(*quote);
  if (parsed && tdx::registers_of(*parsed).has_value() == (parsed->body_type == dcap::Body::sgx)) std::abort();
  return 0;
}
