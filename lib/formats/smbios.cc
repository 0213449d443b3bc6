#include "lib/formats/smbios.h"

#include <algorithm>
#include <array>
#include <set>

#include "lib/formats/efi_volume.h"

namespace hallmark {
namespace {

constexpr std::size_t kHeader = 4;
constexpr std::uint8_t kOemBegin = 128;

enum class What : std::uint8_t { text, number };
struct Filtered {
  std::uint8_t type, offset, size;
  What what;
};

// SmbiosMeasurementDxe.c, mSmbiosFilterStandardTableBlackList: fields by their offsets in DSP0134 section 7.
constexpr std::array kFilteredFields{
    Filtered{1, 0x07, 1, What::text},     // serial number
    Filtered{1, 0x08, 16, What::number},  // UUID
    Filtered{1, 0x18, 1, What::number},   // wake-up type
    Filtered{2, 0x07, 1, What::text},     // serial number
    Filtered{2, 0x0a, 1, What::text},     // location in chassis
    Filtered{3, 0x07, 1, What::text},     // serial number
    Filtered{3, 0x08, 1, What::text},     // asset tag
    Filtered{4, 0x20, 1, What::text},     // serial number
    Filtered{4, 0x21, 1, What::text},     // asset tag
    Filtered{4, 0x22, 1, What::text},     // part number
    Filtered{4, 0x23, 1, What::number},   // core count
    Filtered{4, 0x24, 1, What::number},   // core enabled
    Filtered{4, 0x25, 1, What::number},   // thread count
    Filtered{4, 0x2a, 2, What::number},   // core count 2
    Filtered{4, 0x2c, 2, What::number},   // core enabled 2
    Filtered{4, 0x2e, 2, What::number},   // thread count 2
    Filtered{4, 0x11, 1, What::number},   // voltage
    Filtered{4, 0x16, 2, What::number},   // current speed
    Filtered{17, 0x18, 1, What::text},    // serial number
    Filtered{17, 0x19, 1, What::text},    // asset tag
    Filtered{17, 0x1a, 1, What::text},    // part number
    Filtered{22, 0x07, 1, What::text},    // serial number
    Filtered{22, 0x10, 2, What::number},  // SBDS serial number
    Filtered{22, 0x12, 2, What::number},  // SBDS manufacture date
    Filtered{23, 0x05, 2, What::number},  // reset count
    Filtered{27, 0x0c, 2, What::number},  // nominal speed
    Filtered{39, 0x08, 1, What::text},    // serial number
    Filtered{39, 0x09, 1, What::text},    // asset tag
    Filtered{39, 0x0a, 1, What::text},    // model part number
};
// OEM strings, system event log, 32-bit memory error, boot integrity services, 64-bit memory error: all but the header.
constexpr std::array<std::uint8_t, 5> kFilteredTypes{11, 15, 18, 31, 33};

// The string of that number, counted from 1, within the structure's bytes. Numbers that no string has are a fault: edk2
// then blanks the last string, or writes through a null pointer.
Result<std::span<std::uint8_t>> text_of(std::span<std::uint8_t> structure, std::uint8_t length, unsigned number) {
  std::size_t at = length;
  for (unsigned n = 1; at < structure.size() && structure[at] != 0; n++) {
    const auto end = std::find(structure.begin() + static_cast<std::ptrdiff_t>(at), structure.end(), 0);
    const auto size = static_cast<std::size_t>(end - structure.begin()) - at;
    if (n == number) return structure.subspan(at, size);
    at += size + 1;
  }
  return fail(Fault::format, "SMBIOS: structure of type " + std::to_string(structure[0]) + " refers to string " +
                                 std::to_string(number) + ", which it does not have");
}

Status blank(std::span<std::uint8_t> structure) {
  const std::uint8_t type = structure[0], length = structure[1];
  if (type >= kOemBegin || std::ranges::find(kFilteredTypes, type) != kFilteredTypes.end()) {
    std::ranges::fill(structure.subspan(kHeader), 0);
    return {};
  }
  for (const Filtered& field : kFilteredFields) {
    // A field behind the end of the formatted part is of a later version of the specification.
    if (field.type != type || length < field.offset + field.size) continue;
    const auto bytes = structure.subspan(field.offset, field.size);
    if (field.what == What::text && bytes[0] != 0) {
      TRY(const auto text, text_of(structure, length, bytes[0]));
      std::ranges::fill(text, ' ');
    }
    std::ranges::fill(bytes, 0);
  }
  return {};
}

bool is_date(std::string_view text) {
  if (text.size() != 10 || text[2] != '/' || text[5] != '/') return false;
  return std::ranges::all_of(std::array{0, 1, 3, 4, 6, 7, 8, 9}, [&](int i) {
    return text[static_cast<std::size_t>(i)] >= '0' && text[static_cast<std::size_t>(i)] <= '9';
  });
}

}  // namespace

Result<std::vector<SmbiosStructure>> parse_smbios(ByteView table) {
  if (table.size() > kMaxSmbiosTable)
    return fail(Fault::format, "SMBIOS: has " + std::to_string(table.size()) + " bytes, at most " +
                                   std::to_string(kMaxSmbiosTable) + " allowed");
  std::vector<SmbiosStructure> out;
  ByteReader reader(table, "SMBIOS");
  do {
    const std::size_t start = reader.offset();
    SmbiosStructure structure;
    structure.type = reader.le<std::uint8_t>("type");
    structure.length = reader.le<std::uint8_t>("length");
    if (reader.ok() && structure.length < kHeader)
      reader.reject("length", "is " + std::to_string(structure.length) + ", less than the header");
    structure.handle = reader.le<std::uint16_t>("handle");
    if (!reader.ok()) break;
    reader.skip(structure.length - kHeader, "formatted part");
    // "each structure shall be terminated by a double-null": strings end in one each, and the set in another.
    std::size_t end = reader.offset();
    while (end + 2 <= table.size() && (table[end] != 0 || table[end + 1] != 0)) end++;
    if (end + 2 > table.size()) reader.reject("strings", "do not end");
    if (!reader.ok()) break;
    reader.skip(end + 2 - reader.offset(), "strings");
    structure.bytes = table.subspan(start, end + 2 - start);
    out.push_back(structure);
  } while (out.back().type != kSmbiosEnd);
  return reader.finish_exactly(std::move(out));
}

Result<Bytes> install_smbios(ByteView from_qemu, const SmbiosFirmware& firmware) {
  // GetMaxSmbiosHandle(): what a handle may be, and the end's. QEMU's tables are of version 2.8 or 3.0.
  constexpr std::uint16_t kMaxHandle = 0xfeff;
  TRY(const std::vector<SmbiosStructure> structures, parse_smbios(from_qemu));
  Bytes out;
  std::set<std::uint16_t> handles;
  bool has_type0 = false;
  for (const SmbiosStructure& structure : structures) {
    if (structure.type == kSmbiosEnd) break;
    if (structure.handle > kMaxHandle || !handles.insert(structure.handle).second)
      return fail(Fault::unsupported, "SMBIOS: handle " + hex_offset(structure.handle) +
                                          " is used twice or too high: the firmware leaves such a structure out");
    has_type0 |= structure.type == 0;
    out.insert(out.end(), structure.bytes.begin(), structure.bytes.end());
  }
  if (!has_type0) {
    std::uint16_t handle = 0;  // the lowest that is free
    for (const std::uint16_t used : handles)
      if (used == handle) handle++;
    // mOvmfDefaultType0: vendor, version and date are strings 1, 2 and 3; segment 0xe800; no characteristics, of a
    // virtual machine with UEFI; no release numbers.
    const Bytes type0{0,
                      0x1a,
                      static_cast<std::uint8_t>(handle),
                      static_cast<std::uint8_t>(handle >> 8),
                      1,
                      2,
                      0x00,
                      0xe8,
                      3,
                      0,
                      8,
                      0,
                      0,
                      0,
                      0,
                      0,
                      0,
                      0,
                      0,
                      0x1c,
                      0,
                      0,
                      0xff,
                      0xff,
                      0,
                      0};
    out.insert(out.end(), type0.begin(), type0.end());
    for (const auto& [text, otherwise] : {std::pair{std::string_view(firmware.vendor), "unknown"},
                                          std::pair{std::string_view(firmware.version), "unknown"},
                                          std::pair{std::string_view(firmware.date), "02/02/2022"}}) {
      // A text of less than 3 characters counts as none.
      const std::string_view said = text.size() < 3 ? std::string_view(otherwise) : text;
      if (said.find('\0') != std::string_view::npos) return fail(Fault::format, "SMBIOS: a string has a zero in it");
      out.insert(out.end(), said.begin(), said.end());
      out.push_back(0);
    }
    out.push_back(0);
  }
  out.insert(out.end(), {kSmbiosEnd, kHeader, kMaxHandle & 0xff, kMaxHandle >> 8, 0, 0});
  if (out.size() > kMaxSmbiosTable) return fail(Fault::unsupported, "SMBIOS: the table is longer than 65535 bytes");
  return out;
}

Result<Bytes> measured_smbios(ByteView table) {
  TRY(const std::vector<SmbiosStructure> structures, parse_smbios(table));
  Bytes out(table.begin(), table.end());
  std::size_t at = 0;
  for (const SmbiosStructure& structure : structures) {
    CHECK(blank(std::span(out).subspan(at, structure.bytes.size())));
    at += structure.bytes.size();
  }
  return out;
}

Result<SmbiosFirmware> smbios_firmware(ByteView image) {
  constexpr Guid kSmbiosPlatformDxe = guid("4110465d-5ff3-4f4b-b580-24ed0d06747a");  // its FILE_GUID
  TRY(const EfiFiles files, EfiFiles::parse(image));
  if (const EfiFile* driver = files.find(kSmbiosPlatformDxe))
    for (const EfiSection& section : driver->sections)
      if (section.type == EfiSection::kPe32) return find_smbios_firmware(section.content);
  return fail(Fault::unsupported, "the firmware has no driver SmbiosPlatformDxe that can be read");
}

Result<SmbiosFirmware> find_smbios_firmware(ByteView driver) {
  constexpr std::size_t kLongest = 128;
  std::set<std::string> dates, versions, vendors;
  std::string text;
  for (std::size_t i = 0; i + 2 <= driver.size(); i += 2) {
    const auto c = load_le<std::uint16_t>(driver.subspan(i, 2));
    if (c >= 0x20 && c < 0x7f) {
      if (text.size() <= kLongest) text += static_cast<char>(c);
      continue;
    }
    if (c == 0 && text.size() >= 3 && text.size() <= kLongest) {
      const bool digit = std::ranges::any_of(text, [](char d) { return d >= '0' && d <= '9'; });
      const bool letter =
          std::ranges::any_of(text, [](char d) { return (d >= 'A' && d <= 'Z') || (d >= 'a' && d <= 'z'); });
      (is_date(text) ? dates : digit ? versions : vendors).insert(letter || digit ? text : std::string());
    }
    text.clear();
  }
  // What the driver says where a build has set nothing.
  if (dates.size() > 1) dates.erase("02/02/2022");
  vendors.erase("unknown"), vendors.erase("");
  if (dates.size() != 1 || versions.size() != 1 || vendors.size() != 1)
    return fail(Fault::unsupported, "the firmware's vendor, version and date cannot be told from its other texts (" +
                                        std::to_string(vendors.size()) + ", " + std::to_string(versions.size()) +
                                        " and " + std::to_string(dates.size()) + " candidates)");
  return SmbiosFirmware{*vendors.begin(), *versions.begin(), *dates.begin()};
}

}  // namespace hallmark
