// The enclave as the Intel SGX SDK builds it: a shared object whose section .note.sgxmeta tells the loader what
// else to put into memory, and in which order. The format has no specification but the SDK's own sources
// (metadata.h and loader.cpp of linux-sgx 2.26); specs/tee/sgx.md states what is read here.
#pragma once

#include <optional>
#include <string>

#include "lib/base/layout.h"
#include "lib/formats/elf.h"
#include "lib/tee/sgx/load.h"
#include "lib/tee/sgx/sigstruct.h"

namespace hallmark::sgx {

inline constexpr std::uint64_t kMetadataMagic = 0x86A80294635D0E4C;

// Every offset in the metadata counts from the first byte of the same copy of it, but for `dst` of a patch.
inline constexpr Layout<21> kMetadata{"SGX metadata",
                                      1904,
                                      {{
                                          {0, 8, "magic"},
                                          {8, 4, "version_minor"},
                                          {12, 4, "version_major"},
                                          {16, 4, "size"},
                                          {20, 4, "tcs_policy"},
                                          {24, 4, "ssa_frame_size"},
                                          {28, 4, "max_save_buffer_size"},
                                          {32, 4, "desired_misc_select"},
                                          {36, 4, "tcs_min_pool"},
                                          {40, 8, "enclave_size"},
                                          {48, 8, "attributes"},
                                          {56, 8, "xfrm"},
                                          {64, 1808, "sigstruct"},
                                          {1872, 4, "patch_offset"},
                                          {1876, 4, "patch_size"},
                                          {1880, 4, "layout_offset"},
                                          {1884, 4, "layout_size"},
                                          {1888, 4, "elrange_offset"},
                                          {1892, 4, "elrange_size"},
                                          {1896, 4, "extend_offset"},
                                          {1900, 4, "extend_size"},
                                      }}};

inline constexpr Layout<4> kPatchEntry{"patch entry",
                                       32,
                                       {{
                                           {0, 8, "dst"},  // an offset in the file
                                           {8, 4, "src"},
                                           {12, 4, "size"},
                                           {16, 16, "unused"},
                                       }}};

inline constexpr Layout<7> kLayoutEntry{"layout entry",
                                        32,
                                        {{
                                            {0, 2, "id"},
                                            {2, 2, "attributes"},
                                            {4, 4, "page_count"},
                                            {8, 8, "rva"},
                                            {16, 4, "content_size"},
                                            {20, 4, "content_offset"},
                                            {24, 8, "si_flags"},
                                        }}};

// A row of the same table whose id has the bit kLayoutGroup.
inline constexpr Layout<5> kLayoutGroupEntry{"layout group",
                                             32,
                                             {{
                                                 {0, 2, "id"},
                                                 {2, 2, "entry_count"},
                                                 {4, 4, "load_times"},
                                                 {8, 8, "load_step"},
                                                 {16, 16, "unused"},
                                             }}};

inline constexpr Layout<3> kElrangeEntry{"elrange entry",
                                         24,
                                         {{
                                             {0, 8, "image_address"},
                                             {8, 8, "start_address"},
                                             {16, 8, "size"},
                                         }}};

inline constexpr Layout<4> kExtendEntry{"extend entry",
                                        16,
                                        {{
                                            {0, 4, "id"},
                                            {4, 4, "size"},
                                            {8, 4, "offset"},
                                            {12, 4, "unused"},
                                        }}};

// What an extend entry with the id kSharedObject points to.
inline constexpr Layout<4> kSharedObjectEntry{"shared object entry",
                                              32,
                                              {{
                                                  {0, 8, "file_offset"},
                                                  {8, 8, "mem_offset"},
                                                  {16, 8, "size"},
                                                  {24, 8, "unused"},
                                              }}};

inline constexpr std::uint16_t kLayoutGroup = 0x1000;
inline constexpr std::uint16_t kAttributeAdd = 1, kAttributeExtend = 2;
inline constexpr std::uint32_t kSharedObject = 0x1002;

struct Elrange {
  std::uint64_t image_address, start_address, size;
};

// One copy of the metadata. A file holds one for each generation of loaders it wants to run under, each with
// its own layout and its own SIGSTRUCT.
struct SdkMetadata {
  Record<kMetadata> header;
  ByteView bytes;  // the whole copy, header and data
  Sigstruct sigstruct;
  std::optional<Elrange> elrange;

  // Bytes of the copy, and a table of `row` bytes an entry. `what` names them in errors.
  Result<ByteView> part(std::uint32_t offset, std::uint32_t size, std::string_view what) const;
  Result<ByteView> table(std::uint32_t offset, std::uint32_t size, std::size_t row, std::string_view what) const;

  std::uint32_t major() const { return header.num<"version_major">(); }
  std::string version() const { return std::to_string(major()) + "." + std::to_string(header.num<"version_minor">()); }
};

// Layout and patches have been in the metadata from the start; extend entries came with 1.5 and 3.2.
bool has_extend_entries(const SdkMetadata& copy);

// The SDK's name for a row of the layout table, "HEAP_MIN"; empty where the number has none. Metadata 1.3 and 1.4
// number their rows otherwise, and nothing says how.
std::string_view layout_name(const SdkMetadata& copy, std::uint16_t id);

class SdkImage {
 public:
  // `file` must outlive the result. A file without signed metadata is an unsupported fault.
  static Result<SdkImage> parse(ByteView file);
  // The same with these copies of the metadata, which must outlive the result too; the file's own are not looked at.
  static Result<SdkImage> parse(ByteView file, ByteView metadata);

  const std::vector<SdkMetadata>& copies() const { return copies_; }
  // Whether the file itself holds metadata, and so is signed.
  bool carries_metadata() const { return carries_metadata_; }
  // What the loader does with the file under that copy of the metadata.
  Result<Load> load(const SdkMetadata& copy) const;

  bool has_text_relocations() const { return text_relocations_; }
  // Built for the SDK's simulator, which gives no protection.
  bool is_simulation() const { return simulation_; }
  // "2.26.100", as the SDK's library in the enclave says.
  const std::optional<std::string>& sdk_version() const { return sdk_version_; }

 private:
  SdkImage(ByteView file, Elf elf) : file_(file), elf_(std::move(elf)) {}
  static Result<SdkImage> parse_with(ByteView file, std::optional<ByteView> metadata);
  Result<ByteView> read_note();
  Status read_copies(ByteView list);
  Status read_symbols();
  Status read_relocations();

  ByteView file_;
  Elf elf_;
  ByteView note_;
  std::vector<SdkMetadata> copies_;
  bool text_relocations_ = false, simulation_ = false, carries_metadata_ = false;
  std::vector<std::uint64_t> relocated_pages_;  // page numbers, sorted
  std::optional<std::string> sdk_version_;
};

}  // namespace hallmark::sgx
