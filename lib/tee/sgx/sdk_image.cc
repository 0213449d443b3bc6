#include "lib/tee/sgx/sdk_image.h"

#include <algorithm>
#include <bit>

namespace hallmark::sgx {
namespace {

constexpr std::size_t kMaxCopies = 8;

// LAYOUT_ID_* in metadata.h of linux-sgx 2.26, without the bit of a group, by number.
struct LayoutId {
  std::string_view name;
  Use use;
};
constexpr std::array<LayoutId, 24> kLayoutIds{{
    {"", Use::other},
    {"HEAP_MIN", Use::heap},
    {"HEAP_INIT", Use::heap},
    {"HEAP_MAX", Use::heap},
    {"TCS", Use::tcs},
    {"TD", Use::thread_data},
    {"SSA", Use::ssa},
    {"STACK_MAX", Use::stack},
    {"STACK_MIN", Use::stack},
    {"THREAD_GROUP", Use::other},
    {"GUARD", Use::other},
    {"HEAP_DYN_MIN", Use::heap},
    {"HEAP_DYN_INIT", Use::heap},
    {"HEAP_DYN_MAX", Use::heap},
    {"TCS_DYN", Use::tcs},
    {"TD_DYN", Use::thread_data},
    {"SSA_DYN", Use::ssa},
    {"STACK_DYN_MAX", Use::stack},
    {"STACK_DYN_MIN", Use::stack},
    {"THREAD_GROUP_DYN", Use::other},
    {"RSRV_MIN", Use::reserved},
    {"RSRV_INIT", Use::reserved},
    {"RSRV_MAX", Use::reserved},
    {"USER_REGION", Use::other},
}};

LayoutId layout_id(const SdkMetadata& copy, std::uint16_t id) {
  const bool known = copy.major() != 1 || copy.header.num<"version_minor">() >= 5;
  const std::size_t index = id & ~std::size_t{kLayoutGroup};
  return known && index < kLayoutIds.size() ? kLayoutIds[index] : kLayoutIds[0];
}

// Metadata with a major version above this holds an ELRANGE entry; the generation is what is left modulo this.
constexpr std::uint32_t kElrangeMajor = 10;

template <const auto& L>
Result<std::vector<Record<L>>> rows(const SdkMetadata& copy, std::uint32_t offset, std::uint32_t size,
                                    std::string_view what) {
  TRY(ByteView table, copy.table(offset, size, L.size, what));
  std::vector<Record<L>> out;
  for (std::size_t at = 0; at < size; at += L.size) {
    TRY(auto row, Record<L>::parse(table.subspan(at, L.size)));
    out.push_back(row);
  }
  return out;
}

Result<std::optional<Elrange>> read_elrange(const SdkMetadata& copy) {
  if (copy.major() <= kElrangeMajor) return std::optional<Elrange>{};
  const std::uint32_t offset = copy.header.num<"elrange_offset">(), size = copy.header.num<"elrange_size">();
  TRY(auto entries, rows<kElrangeEntry>(copy, offset, size, "elrange table"));
  if (offset == 0 || entries.size() != 1)
    return fail(Fault::format, "elrange table: has " + std::to_string(entries.size()) + " entries, not 1");
  const Elrange e{entries[0].num<"image_address">(), entries[0].num<"start_address">(), entries[0].num<"size">()};
  const std::uint64_t enclave_size = copy.header.num<"enclave_size">();
  // The checks of the loader. Addresses are bounded first, so the sums cannot wrap.
  const bool bounded = e.image_address < kMaxAddress && e.start_address < kMaxAddress && e.size <= kMaxAddress;
  if (!bounded || !std::has_single_bit(e.size) || e.size < kPage || !is_page_aligned(e.image_address) ||
      e.start_address % e.size != 0 || e.start_address > e.image_address ||
      e.image_address + enclave_size > e.start_address + e.size)
    return fail(Fault::format, "elrange entry: an image at " + hex_offset(e.image_address) + " of " +
                                   hex_offset(enclave_size) + " bytes does not fit an aligned range of " +
                                   hex_offset(e.size) + " at " + hex_offset(e.start_address));
  return std::optional<Elrange>(e);
}

struct Loadable {
  ElfSegment segment;
  ByteView bytes;
  std::uint64_t address, flags;
};

std::uint64_t round_up(std::uint64_t n) { return align_up(n, kPage).value_or(UINT64_MAX); }

Result<std::vector<Loadable>> loadables(const Elf& elf, std::uint64_t base, std::string_view what) {
  std::vector<Loadable> out;
  for (const ElfSegment& s : elf.segments()) {
    if (s.type != Elf::kLoad) continue;
    const std::uint64_t flags = page_flags(s);
    const auto address = checked_add(base, s.vaddr);
    if (flags == kRegular || !address || *address >= kMaxAddress || s.memory_size >= kMaxAddress)
      return fail(Fault::format, std::string(what) + ": the segment at " + hex_offset(s.vaddr) +
                                     " has no permissions, or lies outside any enclave");
    out.push_back({s, elf.content(s), *address, flags});
  }
  return out;
}

// A second shared object, appended to the file, that is loaded after the first (OpenSSL's FIPS provider).
Result<std::vector<Loadable>> appended_object(const SdkMetadata& copy, ByteView file) {
  std::vector<Loadable> none;
  if (!has_extend_entries(copy)) return none;
  TRY(auto entries,
      rows<kExtendEntry>(copy, copy.header.num<"extend_offset">(), copy.header.num<"extend_size">(), "extend table"));
  auto it = std::find_if(entries.begin(), entries.end(), [](const auto& e) {
    return e.template num<"id">() == kSharedObject && e.template num<"offset">() != 0 && e.template num<"size">() != 0;
  });
  if (it == entries.end()) return none;
  TRY(ByteView bytes, copy.part(it->num<"offset">(), kSharedObjectEntry.size, "shared object entry"));
  TRY(auto entry, Record<kSharedObjectEntry>::parse(bytes));
  const auto end = checked_add(entry.num<"file_offset">(), entry.num<"size">());
  if (!end || *end > file.size())
    return fail(Fault::format, "shared object entry: " + hex_offset(entry.num<"size">()) + " bytes at " +
                                   hex_offset(entry.num<"file_offset">()) + " reach beyond the file");
  TRY(Elf object,
      in("appended shared object", Elf::parse(file.subspan(entry.num<"file_offset">(), entry.num<"size">()))));
  const auto& segments = object.segments();
  if (std::any_of(segments.begin(), segments.end(), [](const ElfSegment& s) { return s.type == Elf::kTls; }))
    return fail(Fault::unsupported, "appended shared object: has thread-local storage");
  return loadables(object, entry.num<"mem_offset">(), "appended shared object");
}

// Loaders for metadata 1.3 counted the pages of the section with the highest address from its aligned size, and so
// could add one page of zeros behind it.
std::optional<Region> page_behind(const Loadable* last) {
  if (last == nullptr) return std::nullopt;
  const std::uint64_t end = round_up(last->address + last->segment.memory_size);
  if (end >= round_up(round_up(last->segment.memory_size) + last->address)) return std::nullopt;
  return Region{.offset = end, .pages = 1, .flags = last->flags, .extended = true, .use = Use::segment};
}

Status add_segments(const SdkMetadata& copy, const std::vector<Loadable>& segments,
                    std::span<const std::uint64_t> relocated, LoadBuilder& out) {
  const bool adds_page_behind = copy.version() == "1.3";
  const Loadable* last = nullptr;
  for (const Loadable& s : segments) {
    if (adds_page_behind)
      if (auto page = page_behind(last); page && page->offset < align_down(s.address, kPage))
        CHECK(out.add(*page, "page behind a segment"));
    // A segment at address 0 does not count.
    if (s.address > (last == nullptr ? 0 : last->address)) last = &s;
    CHECK(out.add_memory(s.address, s.bytes, s.segment.memory_size, s.flags, relocated, Use::segment,
                         "segment at " + hex_offset(s.address)));
  }
  if (adds_page_behind)
    if (auto page = page_behind(last)) CHECK(out.add(*page, "page behind a segment"));
  return {};
}

Status add_entry(const SdkMetadata& copy, const Record<kLayoutEntry>& e, std::uint64_t step, LoadBuilder& out) {
  if ((e.num<"attributes">() & kAttributeAdd) == 0) return {};
  const std::uint32_t content_offset = e.num<"content_offset">(), content_size = e.num<"content_size">();
  const std::uint64_t flags = e.num<"si_flags">(), pages = e.num<"page_count">();
  const auto address = checked_add(e.num<"rva">(), step);
  const std::string_view name = layout_name(copy, e.num<"id">());
  const std::string what = "layout entry " + std::to_string(e.num<"id">()) +
                           (name.empty() ? "" : " (" + std::string(name) + ")") + " at " + hex_offset(e.num<"rva">());
  if (!address || !is_page_aligned(*address)) return fail(Fault::format, what + ": is no address of a page");
  const bool extended = (e.num<"attributes">() & kAttributeExtend) != 0;
  const Use use = flags == kTcs ? Use::tcs : layout_id(copy, e.num<"id">()).use;

  if (content_offset == 0) {
    if (flags == 0) return {};
    return out.add(
        {.offset = *address, .pages = pages, .flags = flags, .extended = extended, .fill = content_size, .use = use},
        what);
  }
  TRY(ByteView bytes, copy.part(content_offset, content_size, what));
  if (flags != kTcs) return out.add_memory(*address, bytes, pages * kPage, flags, {}, use, what);
  if (bytes.size() > kPage) return fail(Fault::format, what + ": a TCS of " + std::to_string(bytes.size()) + " bytes");
  return out.add({.offset = *address,
                  .pages = pages,
                  .flags = flags,
                  .extended = extended,
                  .bytes = bytes,
                  .tcs_address = *address,
                  .use = use},
                 what);
}

Status add_layout(const SdkMetadata& copy, LoadBuilder& out) {
  const std::uint32_t offset = copy.header.num<"layout_offset">(), size = copy.header.num<"layout_size">();
  TRY(auto entries, rows<kLayoutEntry>(copy, offset, size, "layout table"));
  const auto is_group = [](const auto& row) { return (row.template num<"id">() & kLayoutGroup) != 0; };
  for (std::size_t i = 0; i < entries.size(); i++) {
    if (!is_group(entries[i])) {
      CHECK(add_entry(copy, entries[i], 0, out));
      continue;
    }
    // A group repeats the `entry_count` entries above it `load_times` times, each time `load_step` further on.
    TRY(auto group, Record<kLayoutGroupEntry>::parse(entries[i].bytes()));
    const std::size_t count = group.num<"entry_count">();
    const std::uint64_t step = group.num<"load_step">(), times = group.num<"load_times">();
    const std::string what = "layout group in row " + std::to_string(i);
    if (count > i) return fail(Fault::format, what + ": repeats " + std::to_string(count) + " rows above it");
    const auto repeated = std::span(entries).subspan(i - count, count);
    if (std::any_of(repeated.begin(), repeated.end(), is_group))
      return fail(Fault::format, what + ": repeats another group");
    // From here on the repetitions lie inside the enclave, a page or more apart.
    const auto span = checked_mul(step, times);
    if (times != 0 && (step == 0 || !is_page_aligned(step) || !span || *span > copy.header.num<"enclave_size">()))
      return fail(Fault::format,
                  what + ": " + std::to_string(times) + " steps of " + hex_offset(step) + " leave the enclave");
    const bool adds = std::any_of(repeated.begin(), repeated.end(),
                                  [](const auto& e) { return (e.template num<"attributes">() & kAttributeAdd) != 0; });
    if (!adds) continue;
    if (times > LoadBuilder::kMaxRegions / count)
      return fail(Fault::unsupported,
                  what + ": repeats " + std::to_string(count) + " rows " + std::to_string(times) + " times");
    for (std::uint64_t t = 1; t <= times; t++)
      for (const auto& e : repeated) CHECK(add_entry(copy, e, t * step, out));
  }
  return {};
}

// "dst" is an offset in the file. Metadata that patched itself would be read differently by different loaders.
Status apply_patches(const SdkMetadata& copy, std::uint64_t note_begin, std::uint64_t note_end, Bytes& file) {
  TRY(auto patches,
      rows<kPatchEntry>(copy, copy.header.num<"patch_offset">(), copy.header.num<"patch_size">(), "patch table"));
  for (const auto& p : patches) {
    TRY(ByteView bytes, copy.part(p.num<"src">(), p.num<"size">(), "patch"));
    const std::uint64_t dst = p.num<"dst">();
    const auto end = checked_add(dst, bytes.size());
    if (!end || *end > file.size())
      return fail(Fault::format, "patch: " + std::to_string(bytes.size()) + " bytes to " + hex_offset(dst) +
                                     " reach beyond the file's " + std::to_string(file.size()));
    if (note_begin < *end && dst < note_end)
      return fail(Fault::format, "patch: changes the metadata at " + hex_offset(dst));
    std::copy(bytes.begin(), bytes.end(), file.begin() + static_cast<std::ptrdiff_t>(dst));
  }
  return {};
}

// Right behind the note's name.
constexpr std::size_t kMetadataInNote = 25;

bool begins_copy(ByteView list) {
  return list.size() >= kMetadata.size && load_le<std::uint64_t>(list) == kMetadataMagic;
}

}  // namespace

Result<ByteView> SdkMetadata::part(std::uint32_t offset, std::uint32_t size, std::string_view what) const {
  if (std::uint64_t{offset} + size > bytes.size())
    return fail(Fault::format, std::string(what) + ": " + std::to_string(size) + " bytes at " + hex_offset(offset) +
                                   " reach beyond the metadata's " + std::to_string(bytes.size()));
  return bytes.subspan(offset, size);
}

Result<ByteView> SdkMetadata::table(std::uint32_t offset, std::uint32_t size, std::size_t row,
                                    std::string_view what) const {
  TRY(const ByteView out, part(offset, size, what));
  if (size % row != 0)
    return fail(Fault::format, std::string(what) + ": " + std::to_string(size) +
                                   " bytes are no whole number of entries of " + std::to_string(row));
  return out;
}

std::string_view layout_name(const SdkMetadata& copy, std::uint16_t id) { return layout_id(copy, id).name; }

bool has_extend_entries(const SdkMetadata& copy) {
  const std::uint32_t generation = copy.major() % kElrangeMajor, minor = copy.header.num<"version_minor">();
  return (generation == 1 && minor >= 5) || (generation == 3 && minor >= 2);
}

Result<SdkImage> SdkImage::parse(ByteView file) { return parse_with(file, std::nullopt); }
Result<SdkImage> SdkImage::parse(ByteView file, ByteView metadata) { return parse_with(file, metadata); }

Result<SdkImage> SdkImage::parse_with(ByteView file, std::optional<ByteView> metadata) {
  TRY(Elf elf, Elf::parse(file));
  CHECK(check_shared_object(elf));
  SdkImage image(file, std::move(elf));
  TRY(const ByteView own, image.read_note());
  image.carries_metadata_ = begins_copy(own);
  CHECK(image.read_copies(metadata.value_or(own)));
  CHECK(image.read_relocations());
  CHECK(image.read_symbols());
  return image;
}

// An ELF note, but for its alignment: three 32-bit words, the name "sgx_metadata", and right after it the metadata.
Result<ByteView> SdkImage::read_note() {
  using std::string_view_literals::operator""sv;
  const ElfSection* section = elf_.find_section(".note.sgxmeta");
  if (section == nullptr) return fail(Fault::unsupported, "ELF: has no section .note.sgxmeta");
  note_ = elf_.content(*section);
  ByteReader r(note_, ".note.sgxmeta");
  const auto name_size = r.at(0).le<std::uint32_t>("namesz");
  const auto size = r.at(4).le<std::uint32_t>("descsz");
  r.at(8).skip(4, "type");
  r.at(12).literal("sgx_metadata\0"sv, "name");
  ByteView list = r.at(kMetadataInNote).view(size, "metadata");
  CHECK(r.finish(0));
  if (name_size != 13)
    return fail(Fault::format, ".note.sgxmeta: namesz at 0x0: is " + std::to_string(name_size) + ", not 13");
  return list;
}

Status SdkImage::read_copies(ByteView list) {
  // The copies follow each other; the first place that does not begin like one ends the list.
  std::size_t at = kMetadataInNote;
  for (; begins_copy(list); at += copies_.back().bytes.size()) {
    const std::string where = "metadata at " + hex_offset(at);
    if (copies_.size() == kMaxCopies)
      return fail(Fault::format, where + ": more than " + std::to_string(kMaxCopies) + " copies");
    TRY(auto header, Record<kMetadata>::parse(list.first(kMetadata.size)));
    const std::uint32_t length = header.num<"size">();
    if (length < kMetadata.size || length > list.size())
      return fail(Fault::format, where + ": size is " + std::to_string(length) + ", not between " +
                                     std::to_string(kMetadata.size) + " and " + std::to_string(list.size()));
    const std::uint32_t generation = header.num<"version_major">() % kElrangeMajor;
    if (header.num<"version_major">() >= 2 * kElrangeMajor || generation < 1 || generation > 3)
      return fail(Fault::unsupported, where + ": version " + std::to_string(header.num<"version_major">()) + "." +
                                          std::to_string(header.num<"version_minor">()));
    const std::uint64_t enclave_size = header.num<"enclave_size">();
    if (!std::has_single_bit(enclave_size) || enclave_size < kPage || enclave_size > kMaxAddress)
      return fail(Fault::format, where + ": enclave_size is " + hex_offset(enclave_size) +
                                     ", not a power of two from 0x1000 to " + hex_offset(kMaxAddress));
    TRY(Sigstruct sigstruct, in(where, parse_sigstruct(header.get<"sigstruct">())));
    SdkMetadata copy{header, list.first(length), sigstruct, std::nullopt};
    TRY(copy.elrange, in(where, read_elrange(copy)));
    copies_.push_back(copy);
    list = list.subspan(length);
  }
  if (copies_.empty())
    return fail(Fault::unsupported,
                ".note.sgxmeta: holds no metadata yet; this enclave is not signed, and is measured along with its "
                "configuration (--config)");
  return {};
}

// Pages that relocations of a DT_TEXTREL image change become writable. The tables are found as the loader finds
// them: by the section at the address that the dynamic section names.
Status SdkImage::read_relocations() {
  TRY(ElfDynamic dynamic, elf_.dynamic());
  text_relocations_ = dynamic.contains(Elf::kTextRel);
  if (!text_relocations_) return {};
  for (auto [table, size] : {std::pair{Elf::kRela, Elf::kRelaSize}, std::pair{Elf::kJmpRel, Elf::kPltRelSize}}) {
    if (!dynamic.contains(table)) continue;
    const ElfSection* section = elf_.section_at(dynamic[table]);
    if (section == nullptr)
      return fail(Fault::format,
                  "ELF dynamic section: no section at the relocation table's address " + hex_offset(dynamic[table]));
    TRY(auto entries, elf_.relocations(*section, dynamic[size]));
    for (const ElfRelocation& e : entries) {
      if (e.type == Elf::kRelocNone) continue;
      relocated_pages_.push_back(e.offset / kPage);
      if (e.offset % kPage > kPage - 8) relocated_pages_.push_back(e.offset / kPage + 1);
    }
  }
  std::sort(relocated_pages_.begin(), relocated_pages_.end());
  return {};
}

Status SdkImage::read_symbols() {
  TRY(auto symbols, elf_.dynamic_symbols());
  for (const ElfSymbol& s : symbols) {
    simulation_ |= s.name == "g_global_data_sim";
    if (s.name != "g_global_data") continue;
    // Its first field: major << 32 | minor << 16 | revision.
    const auto at = elf_.file_offset(s.value, 8);
    if (!at) continue;
    const auto version = load_le<std::uint64_t>(file_.subspan(static_cast<std::size_t>(*at), 8));
    sdk_version_ = std::to_string(version >> 32) + "." + std::to_string(version >> 16 & 0xffff) + "." +
                   std::to_string(version & 0xffff);
  }
  return {};
}

Result<Load> SdkImage::load(const SdkMetadata& copy) const {
  const std::uint64_t enclave_size = copy.header.num<"enclave_size">();
  Load out;
  out.ssa_frame_size = copy.header.num<"ssa_frame_size">();
  out.size = copy.elrange ? copy.elrange->size : enclave_size;
  const std::uint64_t delta = copy.elrange ? copy.elrange->image_address - copy.elrange->start_address : 0;
  LoadBuilder builder(out, enclave_size, delta);
  out.objects.push_back({file_, delta});
  out.content.assign(file_.begin(), file_.end());
  const auto note_begin = static_cast<std::uint64_t>(note_.data() - file_.data());
  CHECK(apply_patches(copy, note_begin, note_begin + note_.size(), out.content));

  // The headers are read before the patches, which usually clear part of them; the contents after.
  TRY(auto segments, loadables(elf_, 0, "ELF"));
  for (Loadable& s : segments)
    s.bytes = ByteView(out.content).subspan(static_cast<std::size_t>(s.segment.offset), s.bytes.size());
  TRY(auto appended, appended_object(copy, out.content));
  segments.insert(segments.end(), appended.begin(), appended.end());

  CHECK(add_segments(copy, segments, relocated_pages_, builder));
  CHECK(add_layout(copy, builder));
  CHECK(builder.check_no_overlap());
  return out;
}

}  // namespace hallmark::sgx
