// The releases of the Intel SGX SDK, as far as their signing tools make something else of an enclave and its
// configuration. The sources at the tags of linux-sgx are the specification (global_data.h, metadata.h, sign_tool.cpp
// and manage_metadata.cpp); specs/tee/sgx.md states what differs.
#pragma once

#include <span>
#include <string_view>

#include "lib/formats/elf.h"

namespace hallmark::sgx {

// Each is the first release that signs in its way, and they are in the order of their dates.
enum class Sdk {
  v1_6,
  v1_9,
  v2_0,
  v2_1,
  v2_1_3,
  v2_3,
  v2_4,
  v2_5,
  v2_6,
  v2_8,
  v2_9_1,
  v2_10,
  v2_14,
  v2_16,
  v2_17,
  v2_18,
  v2_18_1,
  v2_19,
  v2_20,
  v2_22,
  v2_24,
  v2_25,
  v2_26,
};
inline constexpr Sdk kNewestSdk = Sdk::v2_26;

struct SdkRelease {
  Sdk sdk;
  std::string_view name;  // "2.4"
  std::uint64_t size;     // of g_global_data
  // Which versions sign so, `until` excluded: major << 32 | minor << 16 | revision.
  std::uint64_t from, until;
  // Of the metadata for loaders of the release's own generation, 0 where that is generation 1; and for generation 1.
  std::uint32_t major, minor, minor_one;
};
std::span<const SdkRelease> sdk_releases();
const SdkRelease& release_of(Sdk sdk);

// Where the file has g_global_data, and who will sign it. The symbol's size tells the SDK that an enclave was linked
// with. Where several releases have it, a version decides that the enclave has in its data.
struct SdkGlobalData {
  std::uint64_t offset;  // in the file
  Sdk sdk;
};
Result<SdkGlobalData> find_global_data(const Elf& elf, ByteView file);
// The same for a whole file.
Result<Sdk> sdk_of(ByteView file);

// The symbol of that name; its own name is empty where there is none. Two are an error.
Result<ElfSymbol> only_symbol(const std::vector<ElfSymbol>& symbols, std::string_view name);

}  // namespace hallmark::sgx
