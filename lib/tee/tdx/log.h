// What a guest reports of itself: a log, a quote, or both.
//
// Registers are named as a TDX guest has them whatever the source: a CCEL has them (1 to 4 are RTMR0 to RTMR3), a log
// of a machine with a TPM has PCRs, which edk2 maps (OvmfPkg/Tcg/TdTcg2Dxe, TdxMeasurementMapPcrToMrIndex), and
// dstack's JSON counts from 0.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "lib/base/files.h"
#include "lib/formats/event_log.h"
#include "lib/tee/dcap/quote.h"
#include "lib/tee/tdx/event.h"

namespace hallmark::tdx {

enum class LogKind { ccel, tpm };
std::string_view to_text(LogKind);

// Platform configuration registers by number.
using Pcrs = std::map<std::uint32_t, Digest>;

struct GuestLog {
  LogKind kind = LogKind::ccel;
  Pcrs pcrs;  // of a TPM's log: what its SHA-384 bank has after it
  // Of the registers alone, `supplied`; "authenticated" in the inputs says that the digest is that of the event's data.
  std::vector<Event> events;
};

// The first record tells a CCEL of edk2 from the log of a TPM; where it does not, what the others extend does. A record
// that extends what cannot be extended, MRTD or a register that the log's machine does not have, is a format fault.
// Events of PCRs that edk2 maps to no register, and those that are not extended, are left out.
Result<GuestLog> read_guest_log(ByteView log);

// What Linux IMA extended: each line of its ascii_runtime_measurements begins with the register's number and the
// SHA-384 of the entry. Intel's guest kernels extend RTMR2, and keep this log apart from the firmware's.
Result<std::vector<Event>> read_ima_log(ByteView log);

// A file that holds a quote: as it is, in hexadecimal or in base64.
Result<Bytes> quote_bytes(ByteView file);
// Whether it may be one.
bool holds_quote(ByteView file);

// The registers of a TD's quote; the quote of an enclave is unsupported.
Result<Rtmrs> registers_of(const dcap::Quote& quote);

}  // namespace hallmark::tdx
