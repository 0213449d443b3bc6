// The firmware volumes of an UEFI image, and the files in them.
//
// UEFI Platform Initialization Specification 1.8, volume 3, chapters 2 and 3: an image is volumes one behind the other,
// a volume holds files (FFS2 and FFS3), a file is sections, and a section may hold further sections or a volume, plain
// or compressed. OVMF keeps nearly all its drivers in one LZMA section (edk2 MdeModulePkg,
// LzmaCustomDecompressLib: a stream of the program lzma).
#pragma once

#include <deque>
#include <functional>
#include <span>
#include <vector>

#include "lib/base/layout.h"
#include "lib/formats/guid.h"

namespace hallmark {

// EFI_FIRMWARE_VOLUME_HEADER, up to its block map, which is not fixed in size.
inline constexpr Layout<10> kEfiVolumeHeader{"EFI_FIRMWARE_VOLUME_HEADER",
                                             56,
                                             {{
                                                 {0, 16, "zero_vector"},
                                                 {16, 16, "file_system_guid"},
                                                 {32, 8, "fv_length"},
                                                 {40, 4, "signature"},
                                                 {44, 4, "attributes"},
                                                 {48, 2, "header_length"},
                                                 {50, 2, "checksum"},
                                                 {52, 2, "ext_header_offset"},
                                                 {54, 1, "reserved", Is::reserved},
                                                 {55, 1, "revision"},
                                             }}};

struct EfiVolume {
  Guid file_system{};
  std::uint32_t attributes = 0;
  std::size_t header_length = 0;
  std::size_t ext_header_offset = 0;  // 0: there is none
  ByteView bytes;                     // fv_length of them, with the header

  // The volume that begins at the first byte of `bytes`, which may go on behind it. From here on the header's checksum
  // is right and the header lies in the volume.
  static Result<EfiVolume> parse(ByteView bytes);
};

// What of an image volumes cover, in its order: a volume begins at a multiple of 4 KiB, and what is not one is skipped.
bool has_efi_volume(ByteView bytes);  // whether the first bytes are those of a volume
Status each_efi_volume(ByteView image, const std::function<Status(const EfiVolume&)>& visit);

// A section that holds no others.
struct EfiSection {
  static constexpr std::uint8_t kPe32 = 0x10, kTe = 0x12, kUserInterface = 0x15, kRaw = 0x19;
  std::uint8_t type = 0;
  ByteView content;
};

struct EfiFile {
  static constexpr std::uint8_t kRaw = 0x01, kDriver = 0x07, kPad = 0xf0;
  Guid name{};
  std::uint8_t type = 0;
  std::vector<EfiSection> sections;
};

// Every file of every volume of an image, however deep. The image must outlive the result.
class EfiFiles {
 public:
  static constexpr unsigned kMaxDepth = 16;  // of sections and volumes in each other
  static constexpr std::size_t kMaxFiles = 1 << 14, kMaxSections = 1 << 16;
  static constexpr std::uint64_t kMaxDecompressed = std::uint64_t{128} << 20;  // all together

  static Result<EfiFiles> parse(ByteView image);

  std::span<const EfiFile> files() const { return files_; }
  // The first file of that name; null if there is none.
  const EfiFile* find(const Guid& name) const;
  // Whether some section could not be opened, because it is compressed or encoded in a way that is not known here: then
  // a file that is not listed may still be there.
  bool has_opaque_sections() const { return opaque_; }

 private:
  EfiFiles() = default;
  Status read_volume(const EfiVolume& volume, unsigned depth);
  Status read_sections(ByteView bytes, unsigned depth, EfiFile& file);
  Status read_section(std::uint8_t type, ByteView bytes, std::size_t header, unsigned depth, EfiFile& file);
  Result<ByteView> decompress_lzma(ByteView stream);

  std::vector<EfiFile> files_;
  std::deque<Bytes> decompressed_;  // what sections in there refer to; a deque does not move them
  std::uint64_t decompressed_size_ = 0;
  std::size_t sections_ = 0;
  bool opaque_ = false;
};

}  // namespace hallmark
