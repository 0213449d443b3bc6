#include "lib/tee/tdx/image.h"

#include <algorithm>

namespace hallmark::tdx {
namespace {

constexpr std::uint64_t kResetVector = 32;         // behind the list of GUIDed structures, up to the image's end
constexpr std::uint64_t kEntryTrailer = 18;        // u16 length, GUID
constexpr std::uint64_t kDeprecatedOffsetAt = 32;  // before the end: where the descriptor is, from the start
constexpr std::uint32_t kVersion = 1;
constexpr std::uint32_t kMaxSections = 64;
constexpr std::uint64_t kMaxAddress = std::uint64_t{1} << 52;  // MAXPHYADDR
constexpr std::uint32_t kExtend = 1, kAug = 2;
constexpr std::uint32_t kSignature = 0x46564454;  // "TDVF"

std::string range(std::uint64_t offset, std::uint64_t size) {
  return hex_offset(size) + " bytes at " + hex_offset(offset);
}

}  // namespace

std::string_view to_text(Section::Type type) {
  switch (type) {
    case Section::Type::bfv: return "BFV";
    case Section::Type::cfv: return "CFV";
    case Section::Type::td_hob: return "TD_HOB";
    case Section::Type::temp_mem: return "TempMem";
    case Section::Type::perm_mem: return "PermMem";
    case Section::Type::payload: return "Payload";
    case Section::Type::payload_param: return "PayloadParam";
    case Section::Type::td_info: return "TD_INFO";
    case Section::Type::td_params: return "TD_PARAMS";
  }
  return {};
}

Result<Image> Image::parse(ByteView bytes) {
  if (bytes.size() < kResetVector + kEntryTrailer || bytes.size() > kMaxFirmware)
    return fail(Fault::format, "firmware: has " + std::to_string(bytes.size()) + " bytes, from " +
                                   std::to_string(kResetVector + kEntryTrailer) + " to " +
                                   std::to_string(kMaxFirmware) + " are possible");
  Image image(bytes);
  CHECK(image.read_guided_table());
  TRY(image.descriptor_, image.find_descriptor());
  CHECK(image.read_sections());
  CHECK(image.check_sections());
  return image;
}

// Each entry is data, u16 length of the whole entry, GUID, and is read from its end. The last one, whose GUID marks the
// list, has the length of the whole list, and no data.
Status Image::read_guided_table() {
  const std::uint64_t end = bytes_.size() - kResetVector;
  if (guid_at(bytes_.subspan(end - 16, 16)) != kGuidedTableFooter) return {};
  has_list_ = true;
  const std::uint64_t length = load_le<std::uint16_t>(bytes_.subspan(end - kEntryTrailer, 2));
  if (length < kEntryTrailer || length > end)
    return fail(Fault::format, "GUIDed table: length at " + hex_offset(end - kEntryTrailer) + ": is " +
                                   std::to_string(length) + ", from " + std::to_string(kEntryTrailer) + " to " +
                                   std::to_string(end) + " are possible");
  const std::uint64_t start = end - length;
  for (std::uint64_t at = end - kEntryTrailer; at > start;) {
    if (at - start < kEntryTrailer)
      return fail(Fault::format, "GUIDed table: entry that ends at " + hex_offset(at) + ": begins before the table");
    const std::uint64_t size = load_le<std::uint16_t>(bytes_.subspan(at - kEntryTrailer, 2));
    if (size < kEntryTrailer || size > at - start)
      return fail(Fault::format, "GUIDed table: entry length at " + hex_offset(at - kEntryTrailer) + ": is " +
                                     std::to_string(size) + ", from " + std::to_string(kEntryTrailer) + " to " +
                                     std::to_string(at - start) + " are possible");
    const Guid id = guid_at(bytes_.subspan(at - 16, 16));
    if (std::ranges::find(guided_, id, &GuidedEntry::guid) != guided_.end())
      return fail(Fault::format, "GUIDed table: has " + hallmark::to_text(id) + " twice");
    guided_.push_back({id, at - size, size - kEntryTrailer});
    at -= size;
  }
  return {};
}

Result<std::uint64_t> Image::find_descriptor() const {
  const auto entry = std::ranges::find(guided_, kTdxMetadataOffset, &GuidedEntry::guid);
  if (entry != guided_.end()) {
    if (entry->size < 4)
      return fail(Fault::format, "GUIDed table: TDX metadata offset at " + hex_offset(entry->offset) + ": has " +
                                     std::to_string(entry->size) + " bytes, 4 wanted");
    const std::uint64_t back = load_le<std::uint32_t>(bytes_.subspan(entry->offset, 4));
    if (back > bytes_.size() || back < kTdvfDescriptor.size || bytes_.size() - back < kTdxMetadata.size())
      return fail(Fault::format, "GUIDed table: TDX metadata offset at " + hex_offset(entry->offset) + ": " +
                                     hex_offset(back) + " before the end is outside the image of " +
                                     hex_offset(bytes_.size()));
    const std::uint64_t at = bytes_.size() - back;
    if (guid_at(bytes_.subspan(at - 16, 16)) != kTdxMetadata)
      return fail(Fault::format, "TDVF descriptor at " + hex_offset(at) + ": the GUID " +
                                     hallmark::to_text(kTdxMetadata) + " does not stand before it");
    return at;
  }
  if (!has_list_) {
    const std::uint64_t at = load_le<std::uint32_t>(bytes_.subspan(bytes_.size() - kDeprecatedOffsetAt, 4));
    if (at <= bytes_.size() - kTdvfDescriptor.size && load_le<std::uint32_t>(bytes_.subspan(at, 4)) == kSignature)
      return at;
    return fail(Fault::unsupported,
                "firmware: has no list of GUIDed structures before its last 32 bytes: no TDVF; the variables alone "
                "(OVMF_VARS.fd) have none, give the image that has the code");
  }
  const bool sev = std::ranges::any_of(guided_, [](const GuidedEntry& e) {
    return e.guid == kSevMetadataOffset || e.guid == kSevHashTable || e.guid == kSevEsResetBlock;
  });
  return fail(Fault::unsupported,
              std::string("firmware: has no TDX metadata (") + hallmark::to_text(kTdxMetadataOffset) + ")" +
                  (sev ? ", but that of AMD SEV: it was built for SEV alone" : "") +
                  "; take a TDVF, such as OVMF.fd of a package that supports TDX or OVMF.inteltdx.fd");
}

Status Image::read_sections() {
  ByteReader r(bytes_.subspan(descriptor_), "TDVF descriptor at " + hex_offset(descriptor_));
  r.literal("TDVF", "signature");
  const auto length = r.le<std::uint32_t>("length");
  if (r.le<std::uint32_t>("version") != kVersion) r.reject("version", "is not " + std::to_string(kVersion));
  const auto count = r.le_at_most<std::uint32_t>(kMaxSections, "number_of_section_entries");
  if (r.ok() && length != kTdvfDescriptor.size + count * kTdvfSection.size)
    r.reject("length", "is " + std::to_string(length) + ", " +
                           std::to_string(kTdvfDescriptor.size + count * kTdvfSection.size) + " wanted for " +
                           std::to_string(count) + " sections");
  const ByteView table = r.view(std::uint64_t{count} * kTdvfSection.size, "sections");
  CHECK(r.finish(0));
  for (std::size_t i = 0; i < count; i++) {
    TRY(const auto row, Record<kTdvfSection>::parse(table.subspan(i * kTdvfSection.size, kTdvfSection.size)));
    const std::string what = "TDVF section " + std::to_string(i) + " at " +
                             hex_offset(descriptor_ + kTdvfDescriptor.size + i * kTdvfSection.size) + ": ";
    if (row.num<"type">() > static_cast<std::uint32_t>(Section::Type::td_params))
      return fail(Fault::unsupported, what + "type is " + std::to_string(row.num<"type">()) + ", at most " +
                                          std::to_string(static_cast<std::uint32_t>(Section::Type::td_params)) +
                                          " is known");
    if ((row.num<"attributes">() & ~(kExtend | kAug)) != 0)
      return fail(Fault::unsupported,
                  what + "attributes are " + hex_offset(row.num<"attributes">()) + ", only bits 0 and 1 are known");
    sections_.push_back({.type = static_cast<Section::Type>(row.num<"type">()),
                         .data_offset = row.num<"data_offset">(),
                         .raw_data_size = row.num<"raw_data_size">(),
                         .memory_address = row.num<"memory_address">(),
                         .memory_data_size = row.num<"memory_data_size">(),
                         .extend = (row.num<"attributes">() & kExtend) != 0,
                         .aug = (row.num<"attributes">() & kAug) != 0});
  }
  return {};
}

Status Image::check_sections() const {
  std::uint64_t added = 0;
  std::size_t hobs = 0, volumes = 0;
  for (std::size_t i = 0; i < sections_.size(); i++) {
    const Section& s = sections_[i];
    const std::string what = "TDVF section " + std::to_string(i) + " (" + std::string(to_text(s.type)) + "): ";
    if (s.data_offset + s.raw_data_size > bytes_.size())
      return fail(
          Fault::format,
          what + range(s.data_offset, s.raw_data_size) + " are outside the image of " + hex_offset(bytes_.size()) +
              (s.type == Section::Type::bfv ? "; if this is OVMF_CODE.fd, whose table counts from the start of "
                                              "OVMF_VARS.fd, give that too (vars), or take the image in one file"
                                            : ""));
    if (s.memory_address % kPageSize != 0 || s.memory_data_size % kPageSize != 0)
      return fail(Fault::format, what + range(s.memory_address, s.memory_data_size) + " of memory are not whole pages");
    if (s.memory_address >= kMaxAddress || s.memory_data_size > kMaxAddress - s.memory_address)
      return fail(Fault::format, what + range(s.memory_address, s.memory_data_size) + " of memory are beyond 2^52");
    if (s.raw_data_size > s.memory_data_size && s.type != Section::Type::td_info)
      return fail(Fault::format, what + hex_offset(s.raw_data_size) + " bytes of data do not fit in " +
                                     hex_offset(s.memory_data_size) + " of memory");
    if (!s.aug) added += s.memory_data_size;
    if (added > kMaxMeasured)
      return fail(Fault::format,
                  what + "with it, more than " + hex_offset(kMaxMeasured) + " bytes of memory are added");
    if (s.aug && s.extend) return fail(Fault::format, what + "has both MR.EXTEND and PAGE.AUG");
    for (std::size_t j = 0; j < i; j++) {
      const Section& other = sections_[j];
      if (s.memory_address < other.memory_end() && other.memory_address < s.memory_end())
        return fail(Fault::format, what + "overlaps section " + std::to_string(j) + " in memory, at " +
                                       hex_offset(std::max(s.memory_address, other.memory_address)));
    }
    if (s.type == Section::Type::td_hob) hobs++;
    if (s.type == Section::Type::bfv) {
      volumes++;
      if (!s.extend) return fail(Fault::format, what + "is not measured (MR.EXTEND)");
    }
  }
  if (hobs != 1) return fail(Fault::format, "TDVF sections: " + std::to_string(hobs) + " are TD_HOB, not one");
  if (volumes == 0) return fail(Fault::format, "TDVF sections: none is a BFV");
  return {};
}

const Section* Image::find(Section::Type type) const {
  const auto it = std::ranges::find(sections_, type, &Section::type);
  return it == sections_.end() ? nullptr : &*it;
}

ByteView Image::data(const Section& section) const {
  return bytes_.subspan(section.data_offset, section.raw_data_size);
}

Bytes join_firmware(ByteView vars, ByteView code) {
  Bytes out(vars.begin(), vars.end());
  out.insert(out.end(), code.begin(), code.end());
  return out;
}

}  // namespace hallmark::tdx
