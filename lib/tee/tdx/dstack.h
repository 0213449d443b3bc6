// Guests of dstack: the JSON in which they report themselves, and how their software extends RTMR3.
//
// The formats have no specification but dstack's sources (cc-eventlog and the verifier's fixtures at 312dc605). A
// report is an object with "quote" (hexadecimal), "event_log" (a list, or its text) and "vm_config" (text); a log is
// the list alone. An entry is {"imr": RTMR, "event_type", "digest", "event", "event_payload" (hexadecimal), "version"}.
//
// A run-time event of RTMR3 is a name and a payload, and its digest is over both, so that payload is more than a label:
//   version 1  H(u32 type || ":" || name || ":" || payload)
//   version 2  H(JCS {"name", "payload" (hexadecimal), "type"})
// with the type 0x08000001.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "lib/tee/tdx/event.h"

namespace hallmark::tdx {

inline constexpr std::uint32_t kDstackRuntimeEvent = 0x08000001;

Digest dstack_digest_v1(std::string_view name, ByteView payload);
Digest dstack_digest_v2(std::string_view name, ByteView payload);

struct DstackReport {
  std::vector<Event> events;
  std::optional<Bytes> quote;
};

// Whether bytes may be such JSON: they begin with "{" or "[".
bool is_dstack_report(ByteView bytes);

// A run-time event is checked: a digest that is neither version's is a mismatch. One without a digest, as "lite" logs
// have it, is computed by the version that it names, or by version 1.
Result<DstackReport> read_dstack_report(ByteView json);

}  // namespace hallmark::tdx
