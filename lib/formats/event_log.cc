#include "lib/formats/event_log.h"

#include <algorithm>
#include <map>

#include "lib/base/files.h"
#include "lib/formats/tcg_event.h"

namespace hallmark {
namespace {

// TCG_EfiSpecIdEvent in a TCG_PCClientPCREvent.
constexpr std::string_view kSpecId("Spec ID Event03\0", 16);
constexpr std::size_t kOldHeader = 4 + 4 + 20 + 4;  // pcrIndex, eventType, SHA-1 digest, eventDataSize
constexpr std::uint32_t kMaxAlgorithms = 16, kMaxSpecId = 4096;
constexpr std::uint16_t kMaxDigest = 64;
constexpr std::uint32_t kMaxData = 16 << 20;
constexpr std::size_t kMaxRecords = 100'000;
constexpr std::size_t kLongestText = 120;

using Sizes = std::map<std::uint16_t, std::uint16_t>;

struct SpecId {
  std::uint32_t index = 0;
  Sizes sizes;
};

Result<SpecId> read_spec_id(ByteReader& r) {
  Sizes sizes;
  const auto index = r.le<std::uint32_t>("pcrIndex");
  if (r.le<std::uint32_t>("eventType") != tcg::kNoAction)
    r.reject("eventType", "of the first record is not EV_NO_ACTION");
  r.skip(20, "digest");
  const auto size = r.le_at_most<std::uint32_t>(kMaxSpecId, "eventDataSize");
  const std::size_t start = r.offset();
  r.literal(kSpecId, "signature");
  r.skip(4 + 1 + 1 + 1 + 1, "platformClass, specVersion, uintnSize");
  const auto count = r.le_at_most<std::uint32_t>(kMaxAlgorithms, "numberOfAlgorithms");
  for (std::uint32_t i = 0; i < count; i++) {
    const auto algorithm = r.le<std::uint16_t>("algorithmId");
    const auto digest = r.le_at_most<std::uint16_t>(kMaxDigest, "digestSize");
    if (r.ok() && digest == 0) r.reject("digestSize", "is 0");
    if (r.ok() && !sizes.emplace(algorithm, digest).second)
      r.reject("algorithmId", hex_offset(algorithm) + " is listed twice");
  }
  const auto vendor = r.le<std::uint8_t>("vendorInfoSize");
  r.skip(vendor, "vendorInfo");
  if (r.ok() && r.offset() - start != size)
    r.reject("eventDataSize", "is " + std::to_string(size) + ", the event has " + std::to_string(r.offset() - start));
  if (r.ok() && sizes.empty()) r.reject("numberOfAlgorithms", "is 0");
  return r.finish(SpecId{index, std::move(sizes)});
}

// Where the padding begins, if there is any: from there on all bytes are 0xff or all are 0x00. A record may end in such
// bytes too, so it may end behind this place.
std::size_t begin_of_padding(ByteView log) {
  std::size_t end = log.size();
  if (log.empty() || (log.back() != 0 && log.back() != 0xff)) return end;
  while (end != 0 && log[end - 1] == log.back()) end--;
  return end;
}

std::string utf16(ByteView bytes) {
  std::string out;
  for (std::size_t i = 0; i + 1 < bytes.size() && out.size() < kLongestText; i += 2) {
    const auto unit = load_le<std::uint16_t>(bytes.subspan(i, 2));
    if (unit == 0) break;
    out += unit >= 0x20 && unit < 0x7f ? static_cast<char>(unit) : '?';
  }
  return out;
}

std::string ascii(ByteView bytes) {
  const std::string_view text = as_text(bytes).substr(0, kLongestText);
  return one_line(text.substr(0, text.find('\0')));
}

// UEFI_VARIABLE_DATA: GUID, u64 characters, u64 bytes of data, name, data.
std::string variable_name(ByteView data) {
  constexpr std::size_t kHeader = 16 + 8 + 8;
  if (data.size() < kHeader) return {};
  const auto length = load_le<std::uint64_t>(data.subspan(16, 8));
  if (length > (data.size() - kHeader) / 2) return {};
  return "variable " + utf16(data.subspan(kHeader, static_cast<std::size_t>(length) * 2));
}

// FW_CFG_EVENT of edk2 (OvmfPkg/Library/QemuFwCfgLib): "QEMU FW CFG", a NUL, and the item's name in 56 bytes. Other
// data is text.
std::string config_flags(ByteView data) {
  constexpr std::string_view kFwCfg("QEMU FW CFG\0", 12);
  if (!as_text(data).starts_with(kFwCfg)) return ascii(data);
  return "QEMU FW CFG: " + ascii(data.subspan(kFwCfg.size()));
}

}  // namespace

ByteView LogRecord::digest(LogAlgorithm algorithm) const {
  const auto it = std::ranges::find(digests, static_cast<std::uint16_t>(algorithm), &LogDigest::algorithm);
  return it == digests.end() ? ByteView() : it->value;
}

bool is_event_log(ByteView bytes) {
  return bytes.size() >= kOldHeader + kSpecId.size() && as_text(bytes.subspan(kOldHeader, kSpecId.size())) == kSpecId;
}

Result<EventLog> parse_event_log(ByteView log) {
  if (log.size() > kMaxEventLog)
    return fail(Fault::format, "event log: has " + std::to_string(log.size()) + " bytes, at most " +
                                   std::to_string(kMaxEventLog) + " allowed");
  if (!is_event_log(log))
    return fail(Fault::unsupported,
                "event log: does not begin with \"Spec ID Event03\": a log of the older format, which has SHA-1 "
                "alone, or none");
  ByteReader r(log, "event log");
  TRY(const SpecId first, read_spec_id(r));
  const Sizes& sizes = first.sizes;
  EventLog out{.first_index = first.index};
  for (const auto& [algorithm, size] : sizes) out.algorithms.push_back(algorithm);
  const std::size_t end = begin_of_padding(log);
  while (r.offset() < end) {
    if (out.records.size() == kMaxRecords) {
      r.reject("record", "is one more than " + std::to_string(kMaxRecords));
      break;
    }
    LogRecord record{.offset = r.offset()};
    record.index = r.le<std::uint32_t>("pcrIndex");
    record.type = r.le<std::uint32_t>("eventType");
    const auto count = r.le_at_most<std::uint32_t>(kMaxAlgorithms, "digests.count");
    for (std::uint32_t i = 0; i < count && r.ok(); i++) {
      LogDigest digest{.algorithm = r.le<std::uint16_t>("digests.hashAlg")};
      const auto size = sizes.find(digest.algorithm);
      if (r.ok() && size == sizes.end())
        r.reject("digests.hashAlg", hex_offset(digest.algorithm) + " is none that the first record lists");
      else if (r.ok() && !record.digest(static_cast<LogAlgorithm>(digest.algorithm)).empty())
        r.reject("digests.hashAlg", hex_offset(digest.algorithm) + " stands twice in one record");
      else if (r.ok())
        digest.value = r.view(size->second, "digests.digest");
      record.digests.push_back(digest);
    }
    const auto size = r.le_at_most<std::uint32_t>(kMaxData, "eventSize");
    record.data = r.view(size, "event");
    if (!r.ok()) break;
    out.records.push_back(std::move(record));
  }
  const std::string where = "record " + std::to_string(out.records.size() + 1);
  return in(where, r.finish(std::move(out)));
}

// Whoever writes a log must not write lines of ours.
std::string one_line(std::string_view text) {
  std::string out(text);
  std::ranges::replace_if(
      out, [](char c) { return c == '\n' || c == '\t'; }, ' ');
  return printable(out);
}

std::string describe_event(std::uint32_t type, ByteView data) {
  switch (type) {
    case tcg::kEfiVariableDriverConfig:
    case tcg::kEfiVariableBoot:
    case tcg::kEfiVariableBoot2:
    case tcg::kEfiVariableAuthority: return variable_name(data);
    case tcg::kSeparator: return "separator";
    case tcg::kEfiAction:
    case tcg::kAction: return "action: " + ascii(data);
    // TCG_PCClientTaggedEvent: u32 id, u32 size, data.
    case tcg::kEventTag: return data.size() < 8 ? "" : ascii(data.subspan(8));
    case tcg::kEfiHandoffTables2:
    case tcg::kEfiPlatformFirmwareBlob2:
      // UEFI_PLATFORM_FIRMWARE_BLOB2 and UEFI_HANDOFF_TABLE_POINTERS2: u8 size, then a description.
      return data.empty() ? "" : ascii(data.subspan(1, std::min<std::size_t>(data[0], data.size() - 1)));
    case tcg::kIpl: return data.size() > 1 && data[1] == 0 ? utf16(data) : ascii(data);
    case tcg::kPlatformConfigFlags: return config_flags(data);
    default: return {};
  }
}

}  // namespace hallmark
