#include "lib/tee/sgx/oe_image.h"

#include <algorithm>
#include <bit>
#include <map>

#include "lib/tee/sgx/tcs.h"

namespace hallmark::sgx {
namespace {

constexpr std::uint32_t kTypeSgx = 2;                // OE_ENCLAVE_TYPE_SGX
constexpr std::uint64_t kMaxThreads = 1024;          // OE_SGX_MAX_TCS
constexpr std::uint64_t kMode64 = 0x4, kKss = 0x80;  // of ATTRIBUTES
constexpr std::uint64_t kEndMarker = 0xecececececececec;
constexpr std::uint64_t kControlPages = 4, kDataPages = 1;  // TCS, two SSA frames, a guard; the thread's data
constexpr std::uint64_t kGuardPages = 2;                    // before and after a stack
constexpr std::uint32_t kStackFill = 0xcccccccc;

// R_X86_64_64, GLOB_DAT, JUMP_SLOT, RELATIVE and TPOFF64: the loader takes no others.
constexpr std::array<std::uint32_t, 5> kRelocations{1, 6, 7, 8, 18};
constexpr std::uint32_t kTpoff64 = 18;
constexpr std::size_t kRelocationSize = 24, kAddendAt = 16;  // Elf64_Rela

// Elf64_Dyn, with the tags that name other files.
constexpr std::size_t kDynSize = 16;
constexpr std::uint64_t kNeeded = 1, kStringTable = 5, kRpath = 15, kRunpath = 29;

using Page = std::array<std::uint8_t, kPage>;

// The program segments in memory, and the few pages of them that the loader changes before it adds them.
class ImagePages {
 public:
  ImagePages(const Elf& elf, std::uint64_t size) : elf_(elf), size_(size) {}

  Status store(std::uint64_t address, ByteView bytes, std::string_view what) {
    const auto end = checked_add(address, bytes.size());
    if (!end || *end > size_)
      return fail(Fault::format, std::string(what) + ": " + std::to_string(bytes.size()) + " bytes at " +
                                     hex_offset(address) + " are outside the image of " + hex_offset(size_));
    while (!bytes.empty()) {
      const std::uint64_t first = align_down(address, kPage), at = address - first;
      const ByteView here = bytes.first(std::min<std::size_t>(bytes.size(), kPage - at));
      std::copy(here.begin(), here.end(), page(first).begin() + static_cast<std::ptrdiff_t>(at));
      bytes = bytes.subspan(here.size());
      address += here.size();
    }
    return {};
  }
  Status store(std::uint64_t address, std::uint64_t value, std::string_view what) {
    std::array<std::uint8_t, 8> bytes;
    store_le<std::uint64_t>(bytes, value);
    return store(address, bytes, what);
  }

  // By address, with the changes.
  const std::map<std::uint64_t, Page>& changed() const { return changed_; }

 private:
  Page& page(std::uint64_t first) {
    const auto [it, fresh] = changed_.try_emplace(first);
    if (!fresh) return it->second;
    it->second.fill(0);
    for (const ElfSegment& s : elf_.segments()) {
      if (s.type != Elf::kLoad) continue;
      const std::uint64_t begin = std::max(first, s.vaddr), end = std::min(first + kPage, s.vaddr + s.file_size);
      if (begin >= end) continue;
      const ByteView bytes = elf_.content(s).subspan(begin - s.vaddr, end - begin);
      std::copy(bytes.begin(), bytes.end(), it->second.begin() + static_cast<std::ptrdiff_t>(begin - first));
    }
    return it->second;
  }

  const Elf& elf_;
  std::uint64_t size_;
  std::map<std::uint64_t, Page> changed_;
};

// The one section of that name; null if there is none. Of two, loaders and tools could each take another.
Result<const ElfSection*> only_section(const Elf& elf, std::string_view name) {
  const ElfSection* found = nullptr;
  for (const ElfSection& s : elf.sections()) {
    if (s.name != name) continue;
    if (found) return fail(Fault::format, "ELF: has more than one section " + std::string(name));
    found = &s;
  }
  return found;
}

// The size of the image in memory, from address 0. From here on the segments have permissions, ascend, share no page
// and lie below kMaxAddress.
Result<std::uint64_t> check_segments(const Elf& elf) {
  std::optional<std::uint64_t> end;
  for (const ElfSegment& s : elf.segments()) {
    if (s.type != Elf::kLoad) continue;
    const std::string what = "ELF segment at " + hex_offset(s.vaddr);
    CHECK(in(what, check_bounds(s)));
    if (page_flags(s) == kRegular) return fail(Fault::format, what + ": has no permissions");
    if (!end && s.vaddr != 0) return fail(Fault::format, what + ": an image begins at address 0");
    if (end && align_down(s.vaddr, kPage) < *end)
      return fail(Fault::format, what + ": begins in a page of the one before, which ends at " + hex_offset(*end));
    end = s.vaddr + s.memory_size;
  }
  if (!end) return fail(Fault::format, "ELF: has no loadable segment");
  return *align_up(*end, kPage);
}

// A program that is loaded along with others is measured along with them, and they are other files.
Status check_stands_alone(const Elf& elf, ByteView file) {
  TRY(const ElfSection* section, only_section(elf, ".dynamic"));
  if (section == nullptr) return {};
  ByteReader r(elf.content(*section), "ELF section .dynamic");
  std::optional<std::uint64_t> needed, strings;
  while (r.left() >= kDynSize) {
    const auto tag = r.le<std::uint64_t>("d_tag"), value = r.le<std::uint64_t>("d_un");
    if (tag == kRpath || tag == kRunpath)
      return fail(Fault::unsupported,
                  "ELF section .dynamic: has DT_RPATH or DT_RUNPATH, which no loader of Open Enclave takes");
    if (tag == kNeeded) needed = value;
    if (tag == kStringTable) strings = value;
  }
  if (!needed) return {};
  std::string name = "a module";
  constexpr std::size_t kLongestName = 255;
  const auto address = checked_add(strings.value_or(0), *needed);
  if (const auto at = address ? elf.file_offset(*address, 1) : std::nullopt) {
    const std::string_view text = as_text(file).substr(static_cast<std::size_t>(*at), kLongestName);
    name = "the module \"" + std::string(text.substr(0, text.find('\0'))) + "\"";
  }
  return fail(Fault::unsupported, "needs " + name +
                                      " (DT_NEEDED), which is loaded behind the image and measured with it; "
                                      "images with modules are not measured");
}

struct Tls {
  std::uint64_t data_address = 0, data_size = 0, data_align = 0, zero_size = 0, zero_align = 0;
  std::uint64_t pages = 0;
};

// `n` rounded up to a multiple of any unit.
Result<std::uint64_t> multiple(std::uint64_t n, std::uint64_t unit, std::string_view what) {
  const auto sum = unit == 0 ? std::nullopt : checked_add(n, unit - 1);
  if (!sum || n >= kMaxAddress || unit >= kMaxAddress)
    return fail(Fault::format, std::string(what) + ": " + hex_offset(n) + " bytes aligned to " + hex_offset(unit) +
                                   " fit in no enclave");
  return *sum / unit * unit;
}

Result<Tls> read_tls(const Elf& elf) {
  Tls out;
  TRY(const ElfSection* data, only_section(elf, ".tdata"));
  TRY(const ElfSection* zero, only_section(elf, ".tbss"));
  if (data) out.data_address = data->address, out.data_size = data->size, out.data_align = data->align;
  if (zero) out.zero_size = zero->size, out.zero_align = zero->align;
  for (const ElfSegment& s : elf.segments()) {
    if (s.type != Elf::kTls) continue;
    if (s.vaddr == out.data_address) out.data_align = s.align;
    if ((s.vaddr != out.data_address && out.data_address != 0) || s.file_size != out.data_size)
      return fail(Fault::format, "ELF: PT_TLS has " + hex_offset(s.file_size) + " bytes at " + hex_offset(s.vaddr) +
                                     ", section .tdata " + hex_offset(out.data_size) + " at " +
                                     hex_offset(out.data_address));
  }
  std::uint64_t size = 0;
  if (out.data_size != 0) {
    TRY(size, multiple(out.data_size, out.data_align, "ELF section .tdata"));
  }
  if (out.zero_size != 0) {
    TRY(const std::uint64_t more, multiple(out.zero_size, out.zero_align, "ELF section .tbss"));
    size += more;
  }
  out.pages = *align_up(size, kPage) / kPage;
  return out;
}

// The relocations as the enclave finds them in its memory: those of data, then those of the procedure linkage table,
// and in the thread-local ones what the symbol table says, because the enclave has no way to look it up.
Result<Bytes> relocations(const Elf& elf, const std::vector<ElfSymbol>& symbols) {
  Bytes out;
  TRY(const ElfSection* data, only_section(elf, ".rela.dyn"));
  TRY(const ElfSection* plt, only_section(elf, ".rela.plt"));
  if (data == nullptr) return out;  // without it the loader does not look at the other one
  for (const ElfSection* section : {data, plt}) {
    if (section == nullptr) continue;
    TRY(const std::vector<ElfRelocation> entries, elf.relocations(*section, section->size));
    const std::size_t begin = out.size();
    const ByteView bytes = elf.content(*section);
    out.insert(out.end(), bytes.begin(), bytes.end());
    for (std::size_t i = 0; i < entries.size(); i++) {
      const ElfRelocation& e = entries[i];
      const std::string what = "ELF section " + std::string(section->name) + ": relocation " + std::to_string(i);
      if (std::ranges::find(kRelocations, e.type) == kRelocations.end())
        return fail(Fault::unsupported, what + ": is of type " + std::to_string(e.type) + ", which the loader refuses");
      if (e.type != kTpoff64) continue;
      if (e.symbol >= symbols.size())
        return fail(Fault::format,
                    what + ": symbol " + std::to_string(e.symbol) + " of " + std::to_string(symbols.size()));
      store_le(std::span(out).subspan(begin + i * kRelocationSize + kAddendAt), symbols[e.symbol].value);
    }
  }
  return out;
}

// Where everything comes to lie, in bytes from the image's address 0 but for counts of pages.
struct Places {
  std::uint64_t image = 0, relocations = 0, heap = 0;  // sizes; each begins where the one before it ends
  std::uint64_t stack_pages = 0, threads = 0;
  std::uint64_t end = 0;
  std::uint64_t start = 0;  // of all of it, from the enclave's base
  std::uint64_t enclave_size() const { return std::bit_ceil(end); }
};

Result<Places> arrange(const OeProperties& p, std::uint64_t image, std::uint64_t relocations, const Tls& tls) {
  Places out{.image = image,
             .relocations = *align_up(relocations, kPage),
             .stack_pages = p.num<"num_stack_pages">(),
             .threads = p.num<"num_tcs">()};
  const std::uint64_t heap_pages = p.num<"num_heap_pages">();
  constexpr std::uint64_t kMaxPages = kMaxAddress / kPage;
  const auto thread = checked_mul(
      kGuardPages + std::min(out.stack_pages, kMaxPages) + tls.pages + kControlPages + kDataPages, out.threads);
  if (heap_pages > kMaxPages || out.stack_pages > kMaxPages || !thread || *thread > kMaxPages)
    return fail(Fault::format, ".oeinfo: " + std::to_string(heap_pages) + " heap pages (at 0x8) and " +
                                   std::to_string(out.threads) + " threads with stacks of " +
                                   std::to_string(out.stack_pages) + " pages (at 0x10) fit in no enclave");
  out.heap = heap_pages * kPage;
  out.end = out.image + out.relocations + out.heap + *thread * kPage;
  if (p.num<"flags">() & kOeZeroBase) {
    out.start = p.num<"start_address">();
    if (out.start == 0 || !is_page_aligned(out.start) || out.start >= kMaxAddress)
      return fail(Fault::format,
                  ".oeinfo: start_address at 0x58: " + hex_offset(out.start) + " is no address of an image");
  }
  if (out.end + out.start > kMaxAddress)
    return fail(Fault::format, ".oeinfo: the enclave would end at " + hex_offset(out.end + out.start) + ", beyond " +
                                   hex_offset(kMaxAddress));
  return out;
}

// What the loader writes into the image before it is added, in its order.
Status patch(const std::vector<ElfSymbol>& symbols, std::uint64_t oeinfo, const Places& places, const Tls& tls,
             ImagePages& image) {
  const auto field = [&](std::size_t at, std::uint64_t value) { return image.store(oeinfo + at, value, ".oeinfo"); };
  const auto find = [&](std::string_view name) { return std::ranges::find(symbols, name, &ElfSymbol::name); };
  const auto symbol = [&](std::string_view name, std::uint64_t value) -> Status {
    const auto it = find(name);
    return it == symbols.end() ? Status{} : image.store(it->value, value, "symbol " + std::string(name));
  };
  const auto own_address = find("_enclave_rva");
  for (std::string_view name : {"_enclave_rva", "_reloc_rva", "_reloc_size"})
    if (find(name) == symbols.end())
      return fail(Fault::unsupported,
                  "has no dynamic symbol " + std::string(name) +
                      ": of an Open Enclave SDK before 0.11, whose images are loaded in another way");

  const std::uint64_t reloc_rva = places.image;
  CHECK(field(field_of<kOeProperties, "enclave_size">().offset, places.enclave_size()));
  CHECK(field(field_of<kOeProperties, "oeinfo_rva">().offset, oeinfo));
  CHECK(field(field_of<kOeProperties, "oeinfo_size">().offset, kOeProperties.size));
  CHECK(symbol("_enclave_rva", own_address->value));
  CHECK(field(field_of<kOeProperties, "reloc_rva">().offset, reloc_rva));
  CHECK(field(field_of<kOeProperties, "reloc_size">().offset, places.relocations));
  CHECK(symbol("_reloc_rva", reloc_rva));
  CHECK(symbol("_reloc_size", places.relocations));
  CHECK(field(field_of<kOeProperties, "heap_rva">().offset, reloc_rva + places.relocations));
  if (tls.data_size != 0) {
    CHECK(symbol("_tdata_rva", tls.data_address));
    CHECK(symbol("_tdata_size", tls.data_size));
    CHECK(symbol("_tdata_align", tls.data_align));
  }
  if (tls.zero_size != 0) {
    CHECK(symbol("_tbss_size", tls.zero_size));
    CHECK(symbol("_tbss_align", tls.zero_align));
  }
  CHECK(symbol("_td_from_tcs_offset", (tls.pages + kControlPages) * kPage));
  const std::array<std::uint8_t, kSigstruct.size> unsigned_yet{};
  return image.store(oeinfo + field_of<kOeProperties, "sigstruct">().offset, unsigned_yet, ".oeinfo");
}

// The pages of a segment: from the file where the loader left them alone, and from `changed`, which lie one after the
// other in `content`, where it did not.
Status add_segment(const Elf& elf, const ElfSegment& s, const std::map<std::uint64_t, Page>& changed, ByteView content,
                   LoadBuilder& out) {
  const std::uint64_t flags = page_flags(s);
  const std::string what = "segment at " + hex_offset(s.vaddr);
  const ByteView file = elf.content(s);
  const std::uint64_t end = s.vaddr + s.memory_size;
  const auto as_it_is = [&](std::uint64_t from, std::uint64_t to) -> Status {
    if (from >= to) return {};
    const std::size_t at = std::min<std::uint64_t>(from - s.vaddr, file.size());
    const ByteView bytes = file.subspan(at, std::min<std::uint64_t>(to - from, file.size() - at));
    return out.add_memory(from, bytes, to - from, flags, {}, Use::segment, what);
  };
  std::uint64_t from = s.vaddr;
  auto it = changed.lower_bound(align_down(s.vaddr, kPage));
  auto index = static_cast<std::size_t>(std::distance(changed.begin(), it));
  for (; it != changed.end() && it->first < end; ++it, ++index) {
    CHECK(as_it_is(from, it->first));
    CHECK(out.add({.offset = it->first,
                   .pages = 1,
                   .flags = flags,
                   .extended = true,
                   .bytes = content.subspan(index * kPage, kPage),
                   .use = Use::segment},
                  what));
    from = it->first + kPage;
  }
  return as_it_is(from, end);
}

Status add_thread(std::uint64_t at, const Places& places, const Tls& tls, ByteView tcs, LoadBuilder& out) {
  constexpr std::uint64_t kData = kRegular | kRead | kWrite;
  const auto zeros = [&](std::uint64_t pages, Use use) -> Status {
    CHECK(out.add({.offset = at, .pages = pages, .flags = kData, .extended = true, .use = use}, to_text(use)));
    at += pages * kPage;
    return {};
  };
  at += kPage;  // guard
  CHECK(out.add({.offset = at,
                 .pages = places.stack_pages,
                 .flags = kData,
                 .extended = true,
                 .fill = kStackFill,
                 .use = Use::stack},
                "stack"));
  at += (places.stack_pages + 1) * kPage;  // and a guard
  CHECK(out.add({.offset = at,
                 .pages = 1,
                 .flags = kTcs,
                 .extended = true,
                 .bytes = tcs,
                 .tcs_address = places.start + at,
                 .use = Use::tcs},
                "TCS"));
  at += kPage;
  CHECK(zeros(2, Use::ssa));
  at += kPage;  // guard
  return zeros(tls.pages + kDataPages, Use::thread_data);
}

}  // namespace

Result<OeImage> OeImage::parse(ByteView file) {
  TRY(Elf elf, Elf::parse(file));
  CHECK(check_shared_object(elf));
  OeImage image(file, std::move(elf));
  CHECK(image.read_properties());
  return image;
}

// Beyond what parsing asks for, these are the checks of the loader.
Status OeImage::read_properties() {
  TRY(const ElfSection* section, only_section(elf_, ".oeinfo"));
  if (section == nullptr) return fail(Fault::unsupported, "ELF: has no section .oeinfo");
  const ByteView bytes = elf_.content(*section);
  if (bytes.size() >= 4 && load_le<std::uint32_t>(bytes) != kOeProperties.size)
    return fail(Fault::unsupported, ".oeinfo: size at 0x0: is " + std::to_string(load_le<std::uint32_t>(bytes)) +
                                        ", not " + std::to_string(kOeProperties.size) +
                                        " as in images of the Open Enclave SDK since 0.18");
  if (bytes.size() < kOeProperties.size)
    return fail(Fault::format,
                ".oeinfo: has " + std::to_string(bytes.size()) + " bytes, not " + std::to_string(kOeProperties.size));
  TRY(properties_, OeProperties::parse(bytes.first(kOeProperties.size)));
  const OeProperties& p = *properties_;
  const auto wrong = [&](std::size_t at, std::string_view field, std::uint64_t value, Fault fault = Fault::format) {
    return fail(fault, ".oeinfo: " + std::string(field) + " at " + hex_offset(at) + ": " + hex_offset(value) +
                           " is not what a loader takes");
  };
  oeinfo_address_ = section->address;
  if (elf_.file_offset(section->address, kOeProperties.size) != section->offset)
    return fail(Fault::format, ".oeinfo: its segment does not put it at " + hex_offset(section->address));
  if (p.num<"enclave_type">() != kTypeSgx) return wrong(4, "enclave_type", p.num<"enclave_type">(), Fault::unsupported);
  if (p.num<"end_marker">() != kEndMarker) return wrong(1952, "end_marker", p.num<"end_marker">());
  if (p.num<"num_tcs">() > kMaxThreads) return wrong(24, "num_tcs", p.num<"num_tcs">());
  const std::uint64_t attributes = p.num<"attributes">();
  if ((attributes & ~(kAttributeDebug | kMode64 | kKss)) != 0 || (attributes & kMode64) == 0)
    return wrong(72, "attributes", attributes);

  // An image that is not signed has zeros there.
  const auto sigstruct = p.get<"sigstruct">();
  if (std::ranges::any_of(sigstruct, [](auto c) { return c != 0; })) {
    TRY(sigstruct_, in(".oeinfo", parse_sigstruct(sigstruct)));
  }
  if (bytes.size() >= kEgoPayloadAt + kEgoPayload.size) {
    TRY(ego_payload_, Record<kEgoPayload>::parse(bytes.subspan(kEgoPayloadAt, kEgoPayload.size)));
  } else if ((p.num<"flags">() & ~(kOeCapturesFaults | kOeZeroBase)) != 0) {
    return wrong(36, "flags", p.num<"flags">(), Fault::unsupported);
  }
  return {};
}

Result<Load> OeImage::load() const {
  if (ego_payload_) return fail(Fault::unsupported, "a payload for EGo, which is loaded with a base enclave of EGo");
  CHECK(check_stands_alone(elf_, file_));
  TRY(const std::uint64_t image_size, check_segments(elf_));
  if (elf_.entry() == 0 || elf_.entry() >= image_size)
    return fail(Fault::format, "ELF header: e_entry at 0x18: " + hex_offset(elf_.entry()) + " is not in the image");
  TRY(const std::vector<ElfSymbol> symbols, elf_.dynamic_symbols());
  TRY(const Tls tls, read_tls(elf_));
  TRY(const Bytes relocs, relocations(elf_, symbols));
  TRY(const Places places, arrange(properties(), image_size, relocs.size(), tls));

  ImagePages image(elf_, image_size);
  CHECK(patch(symbols, oeinfo_address_, places, tls, image));

  Load out;
  out.ssa_frame_size = 1;
  out.size = std::bit_ceil(places.end + places.start);
  LoadBuilder builder(out, places.end, places.start);

  // The changed pages, the relocations and a TCS, one after the other; the rest of the image stays in the file.
  const std::size_t relocs_at = image.changed().size() * kPage, tcs_at = relocs_at + relocs.size();
  out.content.reserve(tcs_at + kTcsLayout.size);
  const auto append = [&](ByteView bytes) { out.content.insert(out.content.end(), bytes.begin(), bytes.end()); };
  for (const auto& [address, page] : image.changed()) append(page);
  append(relocs);
  const std::uint64_t segment_base = (tls.pages + kControlPages) * kPage;
  RecordBuilder<kTcsLayout> tcs;
  tcs.set<"ossa">(kPage).set<"nssa">(2).set<"oentry">(places.start + elf_.entry());
  tcs.set<"ofsbase">(segment_base).set<"ogsbase">(segment_base);
  tcs.set<"ofslimit">(0xffffffff).set<"ogslimit">(0xffffffff);
  append(tcs.bytes());
  const ByteView content = out.content;

  for (const ElfSegment& s : elf_.segments())
    if (s.type == Elf::kLoad) CHECK(add_segment(elf_, s, image.changed(), content, builder));
  CHECK(builder.add_memory(places.image, content.subspan(relocs_at, relocs.size()), places.relocations,
                           kRegular | kRead, {}, Use::relocations, "relocations"));
  const std::uint64_t heap = places.image + places.relocations;
  CHECK(builder.add(
      {.offset = heap, .pages = places.heap / kPage, .flags = kRegular | kRead | kWrite, .use = Use::heap}, "heap"));
  const std::uint64_t threads = heap + places.heap;
  const std::uint64_t step = places.threads == 0 ? 0 : (places.end - threads) / places.threads;
  for (std::uint64_t i = 0; i < places.threads; i++)
    CHECK(add_thread(threads + i * step, places, tls, content.subspan(tcs_at), builder));
  out.objects.push_back({file_, places.start});
  CHECK(builder.check_no_overlap());
  return out;
}

}  // namespace hallmark::sgx
