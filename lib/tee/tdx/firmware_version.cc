#include "lib/tee/tdx/firmware_version.h"

#include <algorithm>

#include "lib/formats/efi_volume.h"

namespace hallmark::tdx {
namespace {

// FILE_GUID of the modules.
constexpr Guid kSmbiosPlatformDxe = guid("4110465d-5ff3-4f4b-b580-24ed0d06747a");
constexpr Guid kTcg2Pei = guid("a0c98b77-cba5-4bb8-993b-4af6ce33ece4");
constexpr Guid kUiApp = guid("462caa21-7614-4503-836e-8ab6f4662331");
constexpr Guid kSecureBootConfigDxe = guid("f0e6a44f-7195-41c3-ac64-54f202cd0a21");
constexpr Guid kTdTcg2Dxe = guid("f062221e-c607-44c2-b0b4-c3886331d351");
constexpr Guid kSmbiosMeasurementDxe = guid("d27fed59-abb4-4fed-bead-2a878c7e4a7e");
constexpr Guid kBootManagerMenuApp = guid("eec25bdc-67f2-4d95-b1d5-f81b2039d11d");

// Those that have PcdFirmwareVersionString as a constant, the one with the fewest other texts first.
constexpr std::array kShowVersion{kSmbiosPlatformDxe, kTcg2Pei, kUiApp};
constexpr std::size_t kLongestVersion = 128;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// The first UTF-16 text of a program that names a release. What stands before it in the program may look like more of
// its beginning.
std::string version_in(ByteView program) {
  std::string text;
  for (std::size_t i = 0; i + 2 <= program.size(); i += 2) {
    const auto c = load_le<std::uint16_t>(program.subspan(i, 2));
    if (c >= 0x20 && c < 0x7f) {
      if (text.size() <= kLongestVersion) text += static_cast<char>(c);
      continue;
    }
    if (c == 0 && text.size() <= kLongestVersion && edk2_release(text)) return text;
    text.clear();
  }
  return {};
}

std::string version_of(const EfiFiles& files) {
  std::string out;
  for (const Guid& name : kShowVersion) {
    const EfiFile* file = files.find(name);
    if (file == nullptr) continue;
    for (const EfiSection& section : file->sections) {
      if (section.type != EfiSection::kPe32 && section.type != EfiSection::kTe) continue;
      const std::string text = version_in(section.content);
      // The same text in another program shows where it begins.
      if (!text.empty() && (out.empty() || (out.ends_with(text) && edk2_release(out) == edk2_release(text))))
        out = text;
    }
  }
  return out;
}

}  // namespace

std::optional<unsigned> edk2_release(std::string_view text) {
  const auto number = [&](std::size_t at, std::size_t digits) {
    unsigned n = 0;
    for (const char c : text.substr(at, digits)) n = n * 10 + static_cast<unsigned>(c - '0');
    return n;
  };
  const auto digits_at = [&](std::size_t at) {
    std::size_t end = at;
    while (end < text.size() && is_digit(text[end])) end++;
    return end - at;
  };
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t digits = digits_at(at);
    if (digits == 0) {
      at++;
      continue;
    }
    const std::size_t end = at + digits;
    const bool dotted = digits == 4 && end < text.size() && text[end] == '.' && digits_at(end + 1) == 2;
    if (dotted || digits == 6 || digits == 8) {
      const unsigned year = number(at, 4), month = number(dotted ? end + 1 : at + 4, 2);
      const unsigned day = digits == 8 ? number(at + 6, 2) : 1;
      if (year >= 2017 && year < 2100 && month >= 1 && month <= 12 && day >= 1 && day <= 31) return year * 100 + month;
    }
    at = end;
  }
  return std::nullopt;
}

// cd76265f1a and 9d9e3a2ba8 of edk2, both first in edk2-stable202505.
std::optional<bool> since_202505(const FirmwareFacts& facts) {
  return facts.measures_smbios == facts.boot_manager_menu ? facts.measures_smbios : std::nullopt;
}

Result<FirmwareFacts> firmware_facts(ByteView image) {
  TRY(const EfiFiles files, EfiFiles::parse(image));
  const bool readable = !files.has_opaque_sections() &&
                        std::ranges::find(files.files(), EfiFile::kDriver, &EfiFile::type) != files.files().end();
  const auto has = [&](const Guid& driver) -> std::optional<bool> {
    if (files.find(driver) != nullptr) return true;
    if (readable) return false;
    return std::nullopt;
  };
  FirmwareFacts out;
  out.version_text = version_of(files);
  out.release = edk2_release(out.version_text);
  out.secure_boot_built = has(kSecureBootConfigDxe);
  out.measures = has(kTdTcg2Dxe);
  out.measures_smbios = has(kSmbiosMeasurementDxe);
  out.boot_manager_menu = has(kBootManagerMenuApp);
  return out;
}

}  // namespace hallmark::tdx
