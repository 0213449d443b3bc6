#include "lib/tee/sgx/sdk_release.h"

#include <algorithm>
#include <array>
#include <optional>

namespace hallmark::sgx {
namespace {

constexpr std::uint64_t version(std::uint64_t major, std::uint64_t minor, std::uint64_t revision = 0) {
  return major << 32 | minor << 16 | revision;
}

// The size is sizeof(global_data_t) at the tag, but for 2.18.1: files of that version have 43 rows in it, which the
// sources have from 2.19 on. The first row that fits counts: 2.1, 2.1.1 and 2.1.2 call themselves 2.1.42002, 2.1.101
// and 2.1.102, which is above 2.1.3.
constexpr std::array kReleases{
    SdkRelease{Sdk::v1_6, "1.6 to 1.8", 184, version(1, 6), version(1, 9), 0, 0, 3},
    SdkRelease{Sdk::v1_9, "1.9", 184, version(1, 9), version(2, 0), 0, 0, 4},
    SdkRelease{Sdk::v2_0, "2.0", 1488, version(2, 0), version(2, 1), 2, 1, 4},
    SdkRelease{Sdk::v2_1, "2.1 to 2.1.2", 1488, version(2, 1, 4), version(2, 2), 2, 2, 4},
    SdkRelease{Sdk::v2_1_3, "2.1.3 and 2.2", 1488, version(2, 1, 3), version(2, 3), 2, 3, 4},
    SdkRelease{Sdk::v2_3, "2.3", 1488, version(2, 3), version(2, 4), 2, 3, 4},
    SdkRelease{Sdk::v2_4, "2.4", 1488, version(2, 4), version(2, 5), 2, 4, 4},
    SdkRelease{Sdk::v2_5, "2.5", 1488, version(2, 5), version(2, 6), 2, 4, 4},
    SdkRelease{Sdk::v2_6, "2.6 and 2.7", 1632, version(2, 6), version(2, 8), 2, 4, 4},
    SdkRelease{Sdk::v2_8, "2.8 and 2.9", 1648, version(2, 8), version(2, 9, 101), 2, 4, 4},
    SdkRelease{Sdk::v2_9_1, "2.9.1", 1656, version(2, 9, 101), version(2, 10), 2, 4, 4},
    SdkRelease{Sdk::v2_10, "2.10 to 2.13", 1656, version(2, 10), version(2, 14), 2, 4, 4},
    SdkRelease{Sdk::v2_14, "2.14 and 2.15", 1680, version(2, 14), version(2, 16), 2, 4, 4},
    SdkRelease{Sdk::v2_16, "2.16", 1680, version(2, 16), version(2, 17), 2, 4, 4},
    SdkRelease{Sdk::v2_17, "2.17", 1688, version(2, 17), version(2, 18), 2, 4, 4},
    SdkRelease{Sdk::v2_18, "2.18", 1688, version(2, 18), version(2, 19), 3, 0, 4},
    SdkRelease{Sdk::v2_18_1, "2.18.1", 1720, version(2, 18), version(2, 19, 100), 3, 0, 4},
    SdkRelease{Sdk::v2_19, "2.19", 1720, version(2, 19, 100), version(2, 20), 3, 0, 4},
    SdkRelease{Sdk::v2_20, "2.20 and 2.21", 1760, version(2, 20), version(2, 22), 3, 0, 4},
    SdkRelease{Sdk::v2_22, "2.22 and 2.23", 1760, version(2, 22), version(2, 24), 3, 1, 4},
    SdkRelease{Sdk::v2_24, "2.24", 1760, version(2, 24), version(2, 25), 3, 2, 5},
    SdkRelease{Sdk::v2_25, "2.25", 1768, version(2, 25), version(2, 26), 3, 2, 5},
    SdkRelease{Sdk::v2_26, "2.26 and later", 1768, version(2, 26), UINT64_MAX, 3, 3, 5},
};

// Smaller ones do not begin with the version. The SDK's library has it as text too, in every release.
constexpr std::uint64_t kSizeWithVersion = 1656;
constexpr std::string_view kVersionText = "SGX_TRTS_VERSION_";

std::string to_text(std::uint64_t v) {
  return std::to_string(v >> 32) + "." + std::to_string(v >> 16 & 0xffff) + "." + std::to_string(v & 0xffff);
}

// "2.4.100.48163", of which three numbers count.
std::optional<std::uint64_t> read_version(std::string_view text) {
  std::uint64_t out = 0;
  for (int i = 0; i < 3; i++) {
    std::uint64_t number = 0;
    std::size_t digits = 0;
    for (; digits < text.size() && text[digits] >= '0' && text[digits] <= '9' && number <= 0xffff; digits++)
      number = 10 * number + static_cast<std::uint64_t>(text[digits] - '0');
    if (digits == 0 || number > 0xffff || (i < 2 && (digits == text.size() || text[digits] != '.')))
      return std::nullopt;
    out = out << 16 | number;
    text.remove_prefix(std::min(digits + 1, text.size()));
  }
  return out;
}

Result<std::optional<std::uint64_t>> version_in_text(ByteView file) {
  constexpr std::size_t kLongest = 18;  // three numbers of five digits, and dots
  const std::string_view text = as_text(file);
  std::optional<std::uint64_t> out;
  for (std::size_t at = text.find(kVersionText); at != text.npos; at = text.find(kVersionText, at + 1)) {
    const auto here = read_version(text.substr(at + kVersionText.size(), kLongest));
    if (here && out && *here != *out)
      return fail(Fault::format, std::string(kVersionText) + " at " + hex_offset(at) + ": names SDK " + to_text(*here) +
                                     ", another one " + to_text(*out));
    if (here) out = here;
  }
  return out;
}

// "184 (1.6 to 1.8, 1.9), 1488 (2.0, ...".
std::string sizes_and_names() {
  std::string out;
  std::uint64_t last = 0;
  for (const SdkRelease& r : kReleases) {
    if (r.size == last)
      out += ", " + std::string(r.name);
    else
      out += (last == 0 ? "" : "), ") + std::to_string(r.size) + " (" + std::string(r.name);
    last = r.size;
  }
  return out + ")";
}

std::string names_of(std::uint64_t size) {
  std::string out;
  for (const SdkRelease& r : kReleases)
    if (r.size == size) out += (out.empty() ? "" : ", ") + std::string(r.name);
  return out;
}

Result<Sdk> find_release(std::uint64_t size, std::uint64_t offset, ByteView file) {
  std::optional<std::uint64_t> own;
  if (size >= kSizeWithVersion) {
    own = load_le<std::uint64_t>(file.subspan(static_cast<std::size_t>(offset), 8));
  } else {
    TRY(own, version_in_text(file));
  }
  const std::string what = "g_global_data has " + std::to_string(size) + " bytes, which is that of ";
  const std::string says = own ? "; the enclave says that it is of SDK " + to_text(*own) : "";
  const auto count = std::ranges::count(kReleases, size, &SdkRelease::size);
  if (count == 0) return fail(Fault::unsupported, what + "no SDK known here, " + sizes_and_names() + says);
  const std::string known = what + "SDK " + names_of(size);
  if (!own && count > 1)
    return fail(Fault::unsupported, known + "; they sign differently, and no " + std::string(kVersionText) +
                                        " in the file says which of them it is");
  const auto it = std::ranges::find_if(
      kReleases, [&](const SdkRelease& r) { return r.size == size && (!own || (r.from <= *own && *own < r.until)); });
  if (it == kReleases.end()) return fail(Fault::unsupported, known + says);
  return it->sdk;
}

}  // namespace

std::span<const SdkRelease> sdk_releases() { return kReleases; }

const SdkRelease& release_of(Sdk sdk) { return *std::ranges::find(kReleases, sdk, &SdkRelease::sdk); }

Result<ElfSymbol> only_symbol(const std::vector<ElfSymbol>& symbols, std::string_view name) {
  ElfSymbol out;
  for (const ElfSymbol& s : symbols) {
    if (s.name != name) continue;
    if (!out.name.empty())
      return fail(Fault::format, "ELF dynamic symbols: more than one is named " + std::string(name));
    out = s;
  }
  return out;
}

Result<SdkGlobalData> find_global_data(const Elf& elf, ByteView file) {
  TRY(const auto symbols, elf.dynamic_symbols());
  TRY(const ElfSymbol data, only_symbol(symbols, "g_global_data"));
  if (data.name.empty() || data.value == 0)
    return fail(Fault::unsupported, "ELF dynamic symbols: g_global_data, which the SDK's library defines, is missing");
  const auto offset = elf.file_offset(data.value, data.size);
  if (!offset) return fail(Fault::format, "ELF: no segment puts all of g_global_data at " + hex_offset(data.value));
  TRY(const Sdk sdk, find_release(data.size, *offset, file));
  return SdkGlobalData{*offset, sdk};
}

Result<Sdk> sdk_of(ByteView file) {
  TRY(const Elf elf, Elf::parse(file));
  TRY(const SdkGlobalData data, find_global_data(elf, file));
  return data.sdk;
}

}  // namespace hallmark::sgx
