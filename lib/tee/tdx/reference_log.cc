#include "lib/tee/tdx/reference_log.h"

#include <algorithm>
#include <array>

#include "lib/formats/tcg_event.h"
#include "lib/tee/tdx/dstack.h"
#include "lib/tee/tdx/log.h"
#include "lib/tee/tdx/report.h"

namespace hallmark::tdx {
namespace {

// TdTcg2Dxe, OnExitBootServices: when the system has taken over.
constexpr std::string_view kBootEnd = "Exit Boot Services Returned with Success";
constexpr unsigned kFirmwareRtmr = 0, kLoaderRtmr = 1, kKernelRtmr = 2, kRuntimeRtmr = 3;
constexpr std::string_view kAcpi = "ACPI DATA", kFwCfg = "QEMU FW CFG", kVariable = "variable ";

Result<std::vector<Event>> dstack_events(ByteView file) {
  TRY(DstackReport dstack, read_dstack_report(file));
  if (!dstack.quote) return std::move(dstack.events);
  GuestReport report{.log = std::move(dstack.events)};
  TRY(const dcap::Quote quote, in("dstack report", dcap::parse_quote(*dstack.quote)));
  TRY(report.quoted, in("dstack report", registers_of(quote)));
  if (const auto r = report.contradiction())
    return fail(Fault::mismatch, "dstack report: its log does not add up to the rtmr" + std::to_string(*r) +
                                     " that its quote has (hallmark replay shows both)");
  return *std::move(report.log);
}

// What an event of the firmware is of, in the words of firmware_events.h and of a log alike. Empty for events of RTMR0
// that are the boot's own, whoever measures them: boot options, shim's variables, keys that verified an image.
std::string subject_of(const Event& event) {
  switch (event.type) {
    case tcg::kEfiHandoffTables2: return "TD HOB";
    case tcg::kEfiPlatformFirmwareBlob2: return "configuration volume";
    case tcg::kEfiHandoffTables: return "SMBIOS tables";
    case tcg::kSeparator: return "separator";
    case tcg::kEfiVariableDriverConfig: return event.description;
    case tcg::kPlatformConfigFlags:
      // A log calls all blobs alike.
      if (event.description.starts_with(kAcpi)) return std::string(kAcpi);
      return event.description.starts_with(kFwCfg) ? event.description : "";
    default: return {};
  }
}

bool is_given(const Event& event) {
  return event.provenance == Provenance::computed || event.provenance == Provenance::supplied;
}

// Of these the machine decides how many there are. A log may have more of them than the profile predicts, unless all
// are known because one of them is.
bool may_be_one_more(const std::string& subject, std::span<const Event> firmware) {
  for (const std::string_view list : {kAcpi, kFwCfg, kVariable}) {
    if (!subject.starts_with(list)) continue;
    const auto in_list = [&](const Event& e) { return subject_of(e).starts_with(list); };
    return std::ranges::any_of(firmware, in_list) &&
           std::ranges::none_of(firmware, [&](const Event& e) { return in_list(e) && is_given(e); });
  }
  return false;
}

Failure other_firmware(const Profile& profile, const std::string& what, const std::string& subject) {
  return fail(Fault::usage, what + " \"" + subject + "\" with firmware of " + std::string(profile.firmware.name) +
                                " and what was given: the log is of other firmware, or the guest's profile is another");
}

}  // namespace

Result<BootLog> parse_boot_log(ByteView file) {
  std::vector<Event> events;
  if (is_dstack_report(file)) {
    TRY(events, dstack_events(file));
  } else {
    TRY(GuestLog log, read_guest_log(file));
    if (log.kind != LogKind::ccel)
      return fail(
          Fault::unsupported,
          "is the log of a machine with a TPM, whose firmware extends other events than in a trust domain, such "
          "as a separator for each PCR: give the CCEL of a TDX guest");
    events = std::move(log.events);
  }
  BootLog out;
  for (Event& event : events) {
    if (event.rtmr == kRuntimeRtmr) {
      out.runtime_events++;
      continue;
    }
    event.inputs["from"] = kBootLog;
    out.events.push_back(std::move(event));
  }
  return out;
}

Result<std::vector<Event>> with_boot_log(const Profile& profile, std::span<const Event> firmware, const BootLog& log) {
  std::vector<Event> out;
  std::vector<bool> found(firmware.size());
  std::size_t number = 0;  // among the events of RTMR0, from 1
  for (const Event& logged : log.events) {
    out.push_back(logged);
    if (logged.rtmr != kFirmwareRtmr) continue;
    number++;
    const std::string subject = subject_of(logged);
    if (subject.empty()) continue;
    std::size_t i = 0;
    while (i < firmware.size() && (found[i] || subject_of(firmware[i]) != subject)) i++;
    if (i == firmware.size()) {
      if (may_be_one_more(subject, firmware)) continue;
      return other_firmware(profile, "boot log: event " + std::to_string(number) + " of RTMR0 is one more", subject);
    }
    found[i] = true;
    if (!is_given(firmware[i])) continue;
    out.back() = firmware[i];
    if (firmware[i].digest != logged.digest) out.back().inputs[kLoggedDigest] = to_hex(*logged.digest);
  }
  for (std::size_t i = 0; i < firmware.size(); i++) {
    const std::string subject = subject_of(firmware[i]);
    // Which items of fw_cfg there are is assumed, as their digests are.
    if (!found[i] && !subject.empty() && !subject.starts_with(kFwCfg))
      return other_firmware(profile, "boot log: RTMR0 lacks an event", subject);
  }
  const Digest end = digest<Alg::sha384>(as_bytes(kBootEnd));
  if (std::ranges::none_of(log.events, [&](const Event& e) { return e.rtmr == kLoaderRtmr && e.digest == end; }))
    return fail(Fault::usage, "boot log: RTMR1 lacks the event \"" + std::string(kBootEnd) +
                                  "\", with which the firmware ends every boot: the log was cut, or is of a boot that "
                                  "did not come to an end");
  return out;
}

Result<std::vector<Event>> parse_runtime_log(ByteView file) {
  std::vector<Event> out;
  if (is_event_log(file) || is_dstack_report(file)) {
    std::vector<Event> events;
    if (is_dstack_report(file)) {
      TRY(events, dstack_events(file));
    } else {
      TRY(GuestLog log, read_guest_log(file));
      events = std::move(log.events);
    }
    std::ranges::copy_if(events, std::back_inserter(out), [](const Event& e) { return e.rtmr == kRuntimeRtmr; });
  } else {
    TRY(out, read_ima_log(file));
    for (std::size_t i = 0; i < out.size(); i++)
      if (out[i].rtmr < kKernelRtmr)
        return fail(Fault::usage, "line " + std::to_string(i + 1) + " is of RTMR" + std::to_string(out[i].rtmr) +
                                      ", which nothing extends after the boot");
  }
  if (out.empty()) return fail(Fault::usage, "has no event of RTMR3, and no line of RTMR2");
  for (Event& event : out) event.inputs["from"] = kRuntimeLog;
  return out;
}

}  // namespace hallmark::tdx
