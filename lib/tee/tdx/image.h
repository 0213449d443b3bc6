// The firmware of a TDX guest, a TDVF, as an image file.
//
// Intel TDX Virtual Firmware Design Guide, "TDVF Metadata": a table of sections says what of the image (and what zeroed
// memory besides) is put where in the guest's memory, and what of that is measured into MRTD. The table is found from
// the end of the image, through a list of entries that each end in a GUID (edk2 OvmfPkg/ResetVector, "GUIDed
// structures"), or, in older images, at an offset that stands 32 bytes before the end.
//
// The image is mapped so that it ends at the guest-physical address 4 GiB.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "lib/base/layout.h"
#include "lib/formats/guid.h"

namespace hallmark::tdx {

inline constexpr Layout<4> kTdvfDescriptor{"TDVF descriptor",
                                           16,
                                           {{
                                               {0, 4, "signature"},
                                               {4, 4, "length"},
                                               {8, 4, "version"},
                                               {12, 4, "number_of_section_entries"},
                                           }}};

inline constexpr Layout<6> kTdvfSection{"TDVF section",
                                        32,
                                        {{
                                            {0, 4, "data_offset"},
                                            {4, 4, "raw_data_size"},
                                            {8, 8, "memory_address"},
                                            {16, 8, "memory_data_size"},
                                            {24, 4, "type"},
                                            {28, 4, "attributes"},
                                        }}};

struct Section {
  // TDVF_SECTION_TYPE_*
  enum class Type : std::uint32_t { bfv, cfv, td_hob, temp_mem, perm_mem, payload, payload_param, td_info, td_params };
  Type type = Type::bfv;
  std::uint64_t data_offset = 0, raw_data_size = 0;  // in the image
  std::uint64_t memory_address = 0, memory_data_size = 0;
  bool extend = false;  // MR.EXTEND: its content is measured
  bool aug = false;     // PAGE.AUG: its pages are not added before the guest runs

  std::uint64_t memory_end() const { return memory_address + memory_data_size; }
};
std::string_view to_text(Section::Type);

struct GuidedEntry {
  Guid guid{};
  std::uint64_t offset = 0, size = 0;  // of its data in the image
};

// What marks the list of GUIDed structures, and whose they are.
inline constexpr Guid kGuidedTableFooter = guid("96b582de-1fb2-45f7-baea-a366c55a082d");
inline constexpr Guid kTdxMetadataOffset = guid("e47a6535-984a-4798-865e-4685a7bf8ec2");
inline constexpr Guid kTdxMetadata = guid("e9eaf9f3-168e-44d5-a8eb-7f4d8738f6ae");
inline constexpr Guid kSevMetadataOffset = guid("dc886566-984a-4798-a75e-5585a7bf67cc");
inline constexpr Guid kSevHashTable = guid("7255371f-3a3b-4b04-927b-1da6efa8d454");
inline constexpr Guid kSevSecretBlock = guid("4c2eb361-7d9b-4cc3-8081-127c90d3d294");
inline constexpr Guid kSevEsResetBlock = guid("00f771de-1a7e-4fcb-890e-68c77e2fb44e");

inline constexpr std::uint64_t kPageSize = 4096;
inline constexpr std::uint64_t kMaxFirmware = std::uint64_t{64} << 20;

class Image {
 public:
  // `bytes` must outlive the result. From here on the sections lie in the image, cover whole pages below 2^52, do not
  // overlap and have no more than kMaxMeasured bytes of memory together; one is a TD_HOB and one a measured BFV.
  static Result<Image> parse(ByteView bytes);

  ByteView bytes() const { return bytes_; }
  const std::vector<Section>& sections() const { return sections_; }  // in the order of the table
  // The only section of that type; null if there is none.
  const Section* find(Section::Type) const;
  // The raw data of a section, without the zeros that may follow in memory.
  ByteView data(const Section& section) const;
  std::uint64_t descriptor_offset() const { return descriptor_; }
  // What the list of GUIDed structures has, from its end; empty in an image without one.
  const std::vector<GuidedEntry>& guided() const { return guided_; }

  static constexpr std::uint64_t kMaxMeasured = std::uint64_t{1} << 30;

 private:
  explicit Image(ByteView bytes) : bytes_(bytes) {}
  Status read_guided_table();
  Result<std::uint64_t> find_descriptor() const;
  Status read_sections();
  Status check_sections() const;

  ByteView bytes_;
  bool has_list_ = false;  // of GUIDed structures
  std::vector<GuidedEntry> guided_;
  std::uint64_t descriptor_ = 0;
  std::vector<Section> sections_;
};

// Firmware that comes in two files (OVMF_VARS.fd and OVMF_CODE.fd) is one image with the variables first.
Bytes join_firmware(ByteView vars, ByteView code);

}  // namespace hallmark::tdx
