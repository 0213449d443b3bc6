// Event logs of measured boot: what was extended into which register, in order.
//
// The crypto-agile format of the TCG PC Client Platform Firmware Profile 1.06, section 10.2: a first record in the old
// format names the digest algorithms ("Spec ID Event03"), and each further record has a digest for each of them. Guests
// of TDX have it in the memory that the ACPI table CCEL points to, with registers instead of PCRs (UEFI 2.10, section
// 38.4); machines with a TPM in binary_bios_measurements.
//
// A log is somebody's word. What is known of it is that its digests, extended in order, give a register that hardware
// vouches for. The data of an event is more than a label only where its digest is that of the data.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "lib/base/layout.h"

namespace hallmark {

// TPM_ALG_ID
enum class LogAlgorithm : std::uint16_t { sha1 = 0x4, sha256 = 0xb, sha384 = 0xc, sha512 = 0xd, sm3_256 = 0x12 };

struct LogDigest {
  std::uint16_t algorithm = 0;  // a LogAlgorithm, or another one that the log's first record gives a size for
  ByteView value;
};

struct LogRecord {
  std::uint32_t index = 0;  // of a PCR; in a CCEL 0 is MRTD and 1 to 4 are RTMR0 to RTMR3
  std::uint32_t type = 0;   // tcg::kSeparator …
  std::vector<LogDigest> digests;
  ByteView data;
  std::uint64_t offset = 0;  // of the record in the log

  // Its digest by that algorithm; empty if it has none.
  ByteView digest(LogAlgorithm) const;
};

struct EventLog {
  std::vector<LogRecord> records;  // without the first one, which is not extended
  std::vector<std::uint16_t> algorithms;
  std::uint32_t first_index = 0;  // pcrIndex of the first record
};

inline constexpr std::uint64_t kMaxEventLog = std::uint64_t{16} << 20;

// Whether bytes begin with the record that names the algorithms.
bool is_event_log(ByteView bytes);

// `log` must outlive the result. A log ends with its bytes, or where only 0xff or only 0x00 follow, as memory that was
// set aside for it does.
Result<EventLog> parse_event_log(ByteView log);

// Text of a log made fit for one line of ours: printable(), without line breaks and tabs.
std::string one_line(std::string_view text);

// What the data of an event says, in a few words for people: the name of a variable, an action, a tag. Nobody vouches
// for it. Empty where there is nothing to say.
std::string describe_event(std::uint32_t type, ByteView data);

}  // namespace hallmark
