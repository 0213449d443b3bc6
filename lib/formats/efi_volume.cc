#include "lib/formats/efi_volume.h"

#include <algorithm>

#include "lib/formats/archive.h"

namespace hallmark {
namespace {

constexpr std::string_view kVolumeSignature = "_FVH";
constexpr std::size_t kSignatureAt = 40;
constexpr std::size_t kBlockMapEntry = 8;
constexpr std::uint64_t kVolumeAlignment = 4096;

constexpr Guid kFfs2 = guid("8c8ce578-8a3d-4f1c-9935-896185c32dd3");
constexpr Guid kFfs3 = guid("5473c07a-3dcb-4dca-bd6f-1e9689e7349a");
constexpr Guid kLzma = guid("ee4e5898-3914-4259-9d6e-dc7bd79403cf");

constexpr std::uint32_t kErasePolarity = 0x800;  // EFI_FVB2_ERASE_POLARITY: erased bits are ones
constexpr std::size_t kExtHeader = 20;           // EFI_FIRMWARE_VOLUME_EXT_HEADER: GUID, u32 size

// EFI_FFS_FILE_HEADER, and EFI_FFS_FILE_HEADER2 with a size of 64 bits behind it
constexpr std::size_t kFileHeader = 24, kFileHeader2 = 32;
constexpr std::size_t kDataChecksumAt = 17, kStateAt = 23;
constexpr std::uint8_t kLargeFile = 0x01;
// EFI_FFS_FILE_STATE
constexpr std::uint8_t kHeaderConstruction = 0x01, kDataValid = 0x04, kMarkedForUpdate = 0x08, kDeleted = 0x10,
                       kHeaderInvalid = 0x20;

// EFI_SECTION_*
constexpr std::uint8_t kCompression = 0x01, kGuidDefined = 0x02, kDisposable = 0x03, kVolumeImage = 0x17;
constexpr std::size_t kGuidDefinedFields = 20;  // GUID, u16 data offset, u16 attributes
constexpr std::uint16_t kProcessingRequired = 1;

constexpr std::size_t kLzmaHeader = 13;  // u8 properties, u32 dictionary, u64 size

std::uint32_t load_le24(ByteView b) { return b[0] | std::uint32_t{b[1]} << 8 | std::uint32_t{b[2]} << 16; }

std::string volume_at(std::uint64_t offset) { return "firmware volume at " + hex_offset(offset); }

// The highest bit that is set says how far the file's writing, or its deletion, went.
std::uint8_t file_state(std::uint8_t stored, std::uint32_t attributes) {
  const auto bits = static_cast<std::uint8_t>((attributes & kErasePolarity) != 0 ? ~stored : stored);
  return std::bit_floor(bits);
}

// The header's bytes add up to zero, but for the state and the checksum of the content.
bool header_sum_is_right(ByteView header) {
  unsigned sum = 0;
  for (std::size_t i = 0; i < header.size(); i++)
    if (i != kDataChecksumAt && i != kStateAt) sum += header[i];
  return (sum & 0xff) == 0;
}

}  // namespace

bool has_efi_volume(ByteView bytes) {
  return bytes.size() >= kEfiVolumeHeader.size &&
         as_text(bytes.subspan(kSignatureAt, kVolumeSignature.size())) == kVolumeSignature;
}

Result<EfiVolume> EfiVolume::parse(ByteView bytes) {
  if (bytes.size() < kEfiVolumeHeader.size)
    return fail(Fault::format, std::string(kEfiVolumeHeader.name) + ": needs " + std::to_string(kEfiVolumeHeader.size) +
                                   " bytes, " + std::to_string(bytes.size()) + " left");
  TRY(const auto header, Record<kEfiVolumeHeader>::parse(bytes.first(kEfiVolumeHeader.size)));
  const auto wrong = [](std::size_t offset, std::string_view field, const std::string& why) {
    return fail(Fault::format, std::string(kEfiVolumeHeader.name) + ": " + std::string(field) + " at " +
                                   hex_offset(offset) + ": " + why);
  };
  if (as_text(header.get<"signature">()) != kVolumeSignature)
    return wrong(kSignatureAt, "signature", "is " + to_hex(header.get<"signature">()) + ", not \"_FVH\"");
  const std::uint64_t length = header.num<"fv_length">();
  if (length > bytes.size())
    return wrong(32, "fv_length", "is " + hex_offset(length) + ", " + hex_offset(bytes.size()) + " left");
  const std::size_t header_length = header.num<"header_length">();
  if (header_length < kEfiVolumeHeader.size + kBlockMapEntry || header_length > length || header_length % 2 != 0)
    return wrong(48, "header_length",
                 "is " + std::to_string(header_length) + ", an even number from " +
                     std::to_string(kEfiVolumeHeader.size + kBlockMapEntry) + " to " + std::to_string(length) +
                     " wanted");
  std::uint16_t sum = 0;
  for (std::size_t i = 0; i < header_length; i += 2)
    sum = static_cast<std::uint16_t>(sum + load_le<std::uint16_t>(bytes.subspan(i, 2)));
  if (sum != 0) return wrong(50, "checksum", "the header adds up to " + hex_offset(sum) + ", not 0");
  return EfiVolume{.file_system = guid_at(header.get<"file_system_guid">()),
                   .attributes = header.num<"attributes">(),
                   .header_length = header_length,
                   .ext_header_offset = header.num<"ext_header_offset">(),
                   .bytes = bytes.first(static_cast<std::size_t>(length))};
}

Status each_efi_volume(ByteView image, const std::function<Status(const EfiVolume&)>& visit) {
  for (std::uint64_t at = 0; at < image.size();) {
    const ByteView rest = image.subspan(at);
    if (!has_efi_volume(rest)) {
      at += kVolumeAlignment;
      continue;
    }
    const std::string where = volume_at(at);
    TRY(const EfiVolume volume, in(where, EfiVolume::parse(rest)));
    CHECK(in(where, visit(volume)));
    // A volume has a header at least, so this goes on; it fits, as the volume lies in the image.
    at = align_down(at + volume.bytes.size() + kVolumeAlignment - 1, kVolumeAlignment);
  }
  return {};
}

Result<EfiFiles> EfiFiles::parse(ByteView image) {
  EfiFiles out;
  CHECK(each_efi_volume(image, [&](const EfiVolume& volume) { return out.read_volume(volume, 0); }));
  return out;
}

const EfiFile* EfiFiles::find(const Guid& name) const {
  const auto it = std::ranges::find(files_, name, &EfiFile::name);
  return it == files_.end() ? nullptr : &*it;
}

// Files stand at multiples of eight bytes from the volume's start, up to where it is erased.
Status EfiFiles::read_volume(const EfiVolume& volume, unsigned depth) {
  if (volume.file_system != kFfs2 && volume.file_system != kFfs3) return {};
  const ByteView bytes = volume.bytes;
  const auto wrong = [](std::uint64_t offset, const std::string& why) {
    return fail(Fault::format, "FFS file at " + hex_offset(offset) + ": " + why);
  };

  std::uint64_t at = volume.header_length;
  if (volume.ext_header_offset != 0) {
    const std::uint64_t ext = volume.ext_header_offset;
    if (ext + kExtHeader > bytes.size())
      return fail(Fault::format, "ext_header_offset: " + hex_offset(ext) + " is outside the volume");
    const std::uint64_t size = load_le<std::uint32_t>(bytes.subspan(ext + 16, 4));
    if (size < kExtHeader || size > bytes.size() - ext)
      return fail(Fault::format, "ext_header_size at " + hex_offset(ext + 16) + ": is " + std::to_string(size) +
                                     ", from " + std::to_string(kExtHeader) + " to " +
                                     std::to_string(bytes.size() - ext) + " are possible");
    at = ext + size;
  }

  for (at = align_down(at + 7, 8); at + kFileHeader <= bytes.size();) {
    const ByteView fixed = bytes.subspan(at, kFileHeader);
    const bool large = (fixed[19] & kLargeFile) != 0;
    const std::size_t header = large ? kFileHeader2 : kFileHeader;
    const std::uint8_t state = file_state(fixed[kStateAt], volume.attributes);
    // A header that was never finished; the next file follows it.
    if (state == kHeaderConstruction || state == kHeaderInvalid) {
      at += header;
      continue;
    }
    if (state != kDataValid && state != kMarkedForUpdate && state != kDeleted) break;
    if (at + header > bytes.size()) return wrong(at, "its header passes the end of the volume");
    if (!header_sum_is_right(bytes.subspan(at, header))) return wrong(at, "the checksum of its header is wrong");
    const std::uint64_t size = large ? load_le<std::uint64_t>(bytes.subspan(at + 24, 8)) : load_le24(fixed.subspan(20));
    if (size < header || size > bytes.size() - at)
      return wrong(at, "size is " + hex_offset(size) + ", from " + hex_offset(header) + " to " +
                           hex_offset(bytes.size() - at) + " are possible");
    // FFS2 knows no large files: the firmware passes over one.
    if (state != kDeleted && (!large || volume.file_system == kFfs3)) {
      if (files_.size() >= kMaxFiles)
        return wrong(at, "is one more than the " + std::to_string(kMaxFiles) + " allowed");
      EfiFile file{.name = guid_at(fixed), .type = fixed[18], .sections = {}};
      // A volume in this file adds its own files before this one is complete.
      const std::size_t index = files_.size();
      files_.push_back(file);
      const ByteView content = bytes.subspan(at + header, size - header);
      if (file.type != EfiFile::kPad && file.type != EfiFile::kRaw)
        CHECK(in("FFS file " + to_text(file.name) + " at " + hex_offset(at), read_sections(content, depth, file)));
      files_[index].sections = std::move(file.sections);
    }
    at = align_down(at + size + 7, 8);
  }
  return {};
}

// Sections stand at multiples of four bytes.
Status EfiFiles::read_sections(ByteView bytes, unsigned depth, EfiFile& file) {
  if (depth >= kMaxDepth)
    return fail(Fault::format,
                "sections and volumes are more than " + std::to_string(kMaxDepth) + " deep in each other");
  for (std::uint64_t at = 0; at + 4 <= bytes.size();) {
    const ByteView rest = bytes.subspan(at);
    const auto wrong = [&](const std::string& why) {
      return fail(Fault::format, "section at " + hex_offset(at) + ": " + why);
    };
    std::uint64_t size = load_le24(rest);
    std::size_t header = 4;
    if (size == 0xffffff) {  // EFI_COMMON_SECTION_HEADER2
      header = 8;
      if (rest.size() < header) return wrong("its header passes the end");
      size = load_le<std::uint32_t>(rest.subspan(4, 4));
    }
    if (size < header || size > rest.size())
      return wrong("size is " + hex_offset(size) + ", from " + std::to_string(header) + " to " +
                   hex_offset(rest.size()) + " are possible");
    if (++sections_ > kMaxSections) return wrong("is one more than the " + std::to_string(kMaxSections) + " allowed");
    CHECK(in("section at " + hex_offset(at), read_section(rest[3], rest.first(size), header, depth, file)));
    at = align_down(at + size + 3, 4);
  }
  return {};
}

Status EfiFiles::read_section(std::uint8_t type, ByteView bytes, std::size_t header, unsigned depth, EfiFile& file) {
  const ByteView content = bytes.subspan(header);
  switch (type) {
    case kGuidDefined: {
      if (content.size() < kGuidDefinedFields)
        return fail(Fault::format, "a section with a GUID has " + std::to_string(bytes.size()) + " bytes, " +
                                       std::to_string(header + kGuidDefinedFields) + " wanted at least");
      const std::size_t data = load_le<std::uint16_t>(content.subspan(16, 2));  // from the section's start
      const auto attributes = load_le<std::uint16_t>(content.subspan(18, 2));
      if (data < header + kGuidDefinedFields || data > bytes.size())
        return fail(Fault::format, "data_offset at " + hex_offset(header + 16) + ": is " + std::to_string(data) +
                                       ", from " + std::to_string(header + kGuidDefinedFields) + " to " +
                                       std::to_string(bytes.size()) + " are possible");
      if (guid_at(content) == kLzma) {
        TRY(const ByteView inner, in("LZMA", decompress_lzma(bytes.subspan(data))));
        return in("decompressed", read_sections(inner, depth + 1, file));
      }
      if ((attributes & kProcessingRequired) == 0) return read_sections(bytes.subspan(data), depth + 1, file);
      opaque_ = true;
      return {};
    }
    case kDisposable: return read_sections(content, depth + 1, file);
    case kCompression: opaque_ = true; return {};
    case kVolumeImage: {
      TRY(const EfiVolume volume, in("firmware volume", EfiVolume::parse(content)));
      return in("firmware volume", read_volume(volume, depth + 1));
    }
    default: file.sections.push_back({type, content}); return {};
  }
}

Result<ByteView> EfiFiles::decompress_lzma(ByteView stream) {
  if (stream.size() < kLzmaHeader)
    return fail(Fault::format,
                "has " + std::to_string(stream.size()) + " bytes, the header alone has " + std::to_string(kLzmaHeader));
  const auto size = load_le<std::uint64_t>(stream.subspan(5, 8));
  const std::uint64_t allowed = kMaxDecompressed - decompressed_size_;
  if (size > allowed)
    return fail(Fault::format, "size at 0x5: is " + std::to_string(size) + ", " + std::to_string(allowed) +
                                   " left of the " + std::to_string(kMaxDecompressed) + " allowed");
  TRY(Bytes bytes, decompress(stream, size));
  if (bytes.size() != size)
    return fail(Fault::format,
                "size at 0x5: is " + std::to_string(size) + ", but the stream has " + std::to_string(bytes.size()));
  decompressed_size_ += size;
  return ByteView(decompressed_.emplace_back(std::move(bytes)));
}

}  // namespace hallmark
