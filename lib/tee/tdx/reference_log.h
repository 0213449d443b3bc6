// Logs of an earlier guest, for what cannot be computed: what shim and GRUB read and ran, how a disk was found, what
// software in the guest extended.
//
// Such a log proves nothing. It says what one guest did, and whoever gives it says that the next one will do the same:
// its digests are `supplied`, as good as who supplied them. Of its text nothing is believed. Labels only decide which
// event of the firmware a record stands for, so that those that can be computed are; a label that lies leads to a log
// that is refused, or to registers that no guest has. Whether a log belongs to a guest at all is seen by holding it
// against that guest's quote (`hallmark replay --against`).
#pragma once

#include <span>
#include <string>
#include <vector>

#include "lib/base/bytes.h"
#include "lib/tee/tdx/event.h"
#include "lib/tee/tdx/profile.h"

namespace hallmark::tdx {

// Event::inputs of an event that is from such a log has "from", with one of these names.
inline constexpr std::string_view kBootLog = "boot-log", kRuntimeLog = "runtime-log";
// Of a computed event to which the boot log has another digest, inputs has that digest under this name.
inline constexpr std::string_view kLoggedDigest = "boot_log_digest";

struct BootLog {
  std::vector<Event> events;       // of RTMR0 to RTMR2, in the order of the log
  std::size_t runtime_events = 0;  // of RTMR3, which are no part of a boot and are left out
};

// A CCEL, or dstack's JSON; where that has a quote, the two must agree (mismatch). The log of a TPM is unsupported: the
// same boot extends other events there, such as a separator for each PCR.
Result<BootLog> parse_boot_log(ByteView file);

// The events of a guest that boots as the log's did. `firmware` are those of RTMR0 that the profile predicts; the log
// says in which order they stand, and has the digests of those that were not computed or supplied. It has to be of such
// firmware: an event that it lacks, or has once too often, is a usage fault, and so is a log in which the boot does not
// end.
Result<std::vector<Event>> with_boot_log(const Profile& profile, std::span<const Event> firmware, const BootLog& log);

// What software extends once the guest has booted. Of a CCEL and dstack's JSON the events of RTMR3; of text, in which
// Linux's IMA writes its log (log.h, read_ima_log), every line, of RTMR2 or RTMR3. None at all is a usage fault.
Result<std::vector<Event>> parse_runtime_log(ByteView file);

}  // namespace hallmark::tdx
