// What extends a run-time measurement register of a trust domain.
//
// RTMR' = SHA-384(RTMR || digest), starting from 48 zero bytes (Intel TDX Module Base Architecture Specification,
// "Run-Time Extendable Measurement Registers"). The firmware extends RTMR0 and RTMR1, the boot loader and the kernel
// RTMR1 and RTMR2, the applications RTMR3. A register says only what the fold of its events is, so a measurement is
// a list of events first: whoever gets another register wants to know which of them differs.
#pragma once

#include <array>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "lib/base/json.h"
#include "lib/crypto/digest.h"
#include "lib/crypto/trace.h"

namespace hallmark::tdx {

using Digest = DigestOf<Alg::sha384>;

inline constexpr unsigned kRtmrs = 4;

// Where a digest comes from.
enum class Provenance {
  computed,  // from bytes that we were given, by the rule that the firmware follows
  supplied,  // given as a digest or as what it is of, or read from a reference log: as good as who supplied it
  assumed,   // a value that nothing given to us confirms; the event's input "assumed" says what it rests on
  missing,   // the event happens, and what was given does not tell its digest; the register cannot be folded
};
std::string_view to_text(Provenance);

struct Event {
  unsigned rtmr = 0;             // 0 to 3
  std::uint32_t type = 0;        // tcg::kSeparator …
  std::string description;       // for people, and equal for the same event of any guest: "ACPI DATA: etc/acpi/tables"
  std::optional<Digest> digest;  // nothing only if missing
  Provenance provenance = Provenance::computed;
  Json inputs = Json::object();  // what was hashed: sizes, names, short bytes as hexadecimal; why it is missing
};
Json to_json(const Event&);

// The hash of bytes that were at hand.
Event computed(unsigned rtmr, std::uint32_t type, std::string description, ByteView hashed, Json inputs);
// The same event, resting on an assumption. What was supplied or is missing stays so, and so does an earlier reason.
Event assumed(Event event, std::string_view why);
// An event whose digest nobody gave: `why` says what to give.
Event missing(unsigned rtmr, std::uint32_t type, std::string description, std::string why);

// The four registers. One that a missing event extends is nothing; one that no event extends is zeros.
using Rtmrs = std::array<std::optional<Digest>, kRtmrs>;
Rtmrs fold(std::span<const Event> events, const Trace& trace = {});

}  // namespace hallmark::tdx
