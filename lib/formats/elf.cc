#include "lib/formats/elf.h"

namespace hallmark {
namespace {

constexpr std::size_t kMaxSymbols = std::size_t{1} << 22;
constexpr std::string_view kMagic = "\177ELF";

constexpr std::size_t kSegmentSize = 56, kSectionSize = 64, kDynSize = 16, kRelocationSize = 24, kSymbolSize = 24;

Result<ByteView> slice(ByteView file, std::uint64_t offset, std::uint64_t size, const std::string& what) {
  auto end = checked_add(offset, size);
  if (!end || *end > file.size())
    return fail(Fault::format, what + ": " + std::to_string(size) + " bytes at " + hex_offset(offset) +
                                   " reach beyond the file's " + std::to_string(file.size()));
  return file.subspan(static_cast<std::size_t>(offset), static_cast<std::size_t>(size));
}

struct TableHeader {
  std::uint64_t offset = 0;
  std::uint16_t entry_size = 0, count = 0;
};

// An empty table's other fields mean nothing.
Result<ByteView> table(ByteView file, const TableHeader& h, std::size_t entry_size, const std::string& what) {
  if (h.count == 0) return ByteView{};
  if (h.entry_size != entry_size)
    return fail(Fault::format,
                what + ": entries of " + std::to_string(h.entry_size) + " bytes, not " + std::to_string(entry_size));
  return slice(file, h.offset, std::uint64_t{h.count} * entry_size, what);
}

}  // namespace

bool is_elf(ByteView first_bytes) { return as_text(first_bytes).starts_with(kMagic); }

Result<Elf> Elf::parse(ByteView file) {
  Elf elf(file);
  TableHeader segments, sections;

  ByteReader r(file, "ELF header");
  r.at(0).literal(kMagic, "magic");
  const auto ident_class = r.at(4).le<std::uint8_t>("class");
  const auto ident_data = r.at(5).le<std::uint8_t>("data");
  r.at(6).literal("\1", "version");
  r.at(7).skip(9, "abi and padding");
  elf.type_ = r.at(16).le<std::uint16_t>("e_type");
  elf.machine_ = r.at(18).le<std::uint16_t>("e_machine");
  r.at(20).skip(4, "e_version");
  elf.entry_ = r.at(24).le<std::uint64_t>("e_entry");
  segments.offset = r.at(32).le<std::uint64_t>("e_phoff");
  sections.offset = r.at(40).le<std::uint64_t>("e_shoff");
  r.at(48).skip(4, "e_flags");
  r.at(52).skip(2, "e_ehsize");
  segments.entry_size = r.at(54).le<std::uint16_t>("e_phentsize");
  segments.count = r.at(56).le<std::uint16_t>("e_phnum");
  sections.entry_size = r.at(58).le<std::uint16_t>("e_shentsize");
  sections.count = r.at(60).le<std::uint16_t>("e_shnum");
  const auto names_index = r.at(62).le<std::uint16_t>("e_shstrndx");
  CHECK(r.finish(0));
  if (ident_class != 2)
    return fail(Fault::unsupported, "ELF header: class at 0x4: is " + std::to_string(ident_class) + ", not 2 (64-bit)");
  if (ident_data != 1)
    return fail(Fault::unsupported,
                "ELF header: data at 0x5: is " + std::to_string(ident_data) + ", not 1 (little-endian)");
  // Beyond 65279 entries ELF moves these counts elsewhere; no image that is measured comes near.
  if (segments.count == 0xffff || (sections.count == 0 && sections.offset != 0))
    return fail(Fault::unsupported, "ELF header: extended numbering of segments or sections");

  TRY(ByteView phdrs, table(file, segments, kSegmentSize, "ELF program headers"));
  ByteReader p(phdrs, "ELF program headers");
  for (std::size_t i = 0; i < segments.count; i++) {
    ElfSegment s;
    s.type = p.le<std::uint32_t>("p_type");
    s.flags = p.le<std::uint32_t>("p_flags");
    s.offset = p.le<std::uint64_t>("p_offset");
    s.vaddr = p.le<std::uint64_t>("p_vaddr");
    p.skip(8, "p_paddr");
    s.file_size = p.le<std::uint64_t>("p_filesz");
    s.memory_size = p.le<std::uint64_t>("p_memsz");
    s.align = p.le<std::uint64_t>("p_align");
    const std::string what = "ELF segment " + std::to_string(i);
    CHECK(slice(file, s.offset, s.file_size, what));
    if (!checked_add(s.vaddr, s.memory_size)) return fail(Fault::format, what + ": p_vaddr + p_memsz passes 2^64");
    if (s.type == kLoad && s.file_size > s.memory_size)
      return fail(Fault::format, what + ": p_filesz " + hex_offset(s.file_size) + " is more than p_memsz " +
                                     hex_offset(s.memory_size));
    elf.segments_.push_back(s);
  }

  TRY(ByteView shdrs, table(file, sections, kSectionSize, "ELF section headers"));
  ByteReader h(shdrs, "ELF section headers");
  std::vector<std::uint32_t> names;
  for (std::size_t i = 0; i < sections.count; i++) {
    ElfSection s;
    names.push_back(h.le<std::uint32_t>("sh_name"));
    s.type = h.le<std::uint32_t>("sh_type");
    h.skip(8, "sh_flags");
    s.address = h.le<std::uint64_t>("sh_addr");
    s.offset = h.le<std::uint64_t>("sh_offset");
    s.size = h.le<std::uint64_t>("sh_size");
    s.link = h.le<std::uint32_t>("sh_link");
    h.skip(4, "sh_info");
    s.align = h.le<std::uint64_t>("sh_addralign");
    h.skip(8, "sh_entsize");
    if (s.type != kNoBits) CHECK(slice(file, s.offset, s.size, "ELF section " + std::to_string(i)));
    elf.sections_.push_back(s);
  }
  if (sections.count == 0) return elf;
  if (names_index >= sections.count)
    return fail(Fault::format, "ELF header: e_shstrndx at 0x3e: is " + std::to_string(names_index) + " of " +
                                   std::to_string(sections.count) + " sections");
  for (std::size_t i = 0; i < sections.count; i++) {
    TRY(elf.sections_[i].name, elf.string_at(elf.sections_[names_index], names[i], "ELF section " + std::to_string(i)));
  }
  return elf;
}

const ElfSection* Elf::find_section(std::string_view name) const {
  auto it = std::find_if(sections_.begin(), sections_.end(), [&](const ElfSection& s) { return s.name == name; });
  return it == sections_.end() ? nullptr : &*it;
}

const ElfSection* Elf::section_at(std::uint64_t address) const {
  auto it = std::find_if(sections_.begin(), sections_.end(), [&](const ElfSection& s) { return s.address == address; });
  return it == sections_.end() ? nullptr : &*it;
}

ByteView Elf::content(const ElfSection& s) const {
  if (s.type == kNoBits) return {};
  return file_.subspan(static_cast<std::size_t>(s.offset), static_cast<std::size_t>(s.size));
}

ByteView Elf::content(const ElfSegment& s) const {
  return file_.subspan(static_cast<std::size_t>(s.offset), static_cast<std::size_t>(s.file_size));
}

std::optional<std::uint64_t> Elf::file_offset(std::uint64_t address, std::uint64_t size) const {
  for (const ElfSegment& s : segments_)
    if (s.type == kLoad && address >= s.vaddr && address - s.vaddr <= s.file_size &&
        size <= s.file_size - (address - s.vaddr))
      return s.offset + (address - s.vaddr);
  return std::nullopt;
}

Result<ElfDynamic> Elf::dynamic() const {
  ElfDynamic out;
  auto it = std::find_if(segments_.begin(), segments_.end(), [](const ElfSegment& s) { return s.type == kDynamic; });
  if (it == segments_.end()) return out;
  ByteReader r(content(*it), "ELF dynamic section");
  while (r.left() >= kDynSize) {
    const auto tag = r.le<std::uint64_t>("d_tag");
    const auto value = r.le<std::uint64_t>("d_un");
    if (tag == 0) return out;  // DT_NULL marks the end
    out[tag] = value;
  }
  return fail(Fault::format, "ELF dynamic section: has no DT_NULL");
}

Result<std::vector<ElfRelocation>> Elf::relocations(const ElfSection& section, std::uint64_t size) const {
  ByteView bytes = content(section);
  if (size > bytes.size() || size % kRelocationSize != 0)
    return fail(Fault::format, "ELF relocations in section \"" + std::string(section.name) + "\": a table of " +
                                   std::to_string(size) + " bytes in a section of " + std::to_string(bytes.size()));
  ByteReader r(bytes.first(static_cast<std::size_t>(size)), "ELF relocations");
  std::vector<ElfRelocation> out;
  while (r.left() != 0) {
    ElfRelocation entry;
    entry.offset = r.le<std::uint64_t>("r_offset");
    entry.type = r.le<std::uint32_t>("r_info, type");
    entry.symbol = r.le<std::uint32_t>("r_info, symbol");
    entry.addend = static_cast<std::int64_t>(r.le<std::uint64_t>("r_addend"));
    out.push_back(entry);
  }
  return out;
}

Result<std::vector<ElfSymbol>> Elf::symbols(std::uint32_t type) const {
  std::vector<ElfSymbol> out;
  const auto it = std::ranges::find(sections_, type, &ElfSection::type);
  if (it == sections_.end()) return out;
  if (it->link >= sections_.size())
    return fail(Fault::format, "ELF symbols: sh_link " + std::to_string(it->link) + " names no section");
  const ByteView table = content(*it);
  if (table.size() / kSymbolSize > kMaxSymbols)
    return fail(Fault::unsupported, "ELF symbols: " + std::to_string(table.size() / kSymbolSize) +
                                        " entries, more than the " + std::to_string(kMaxSymbols) + " that are read");
  ByteReader r(table, "ELF symbols");
  while (r.left() >= kSymbolSize) {
    ElfSymbol s;
    const auto name = r.le<std::uint32_t>("st_name");
    const auto info = r.le<std::uint8_t>("st_info");
    s.type = info & 0xf;
    s.binding = info >> 4;
    r.skip(1, "st_other");
    s.section = r.le<std::uint16_t>("st_shndx");
    s.value = r.le<std::uint64_t>("st_value");
    s.size = r.le<std::uint64_t>("st_size");
    TRY(s.name, string_at(sections_[it->link], name, "ELF symbol " + std::to_string(out.size())));
    out.push_back(s);
  }
  return out;
}

Result<std::string_view> Elf::string_at(const ElfSection& strings, std::uint32_t at, std::string_view what) const {
  const std::string_view text = as_text(content(strings));
  const std::size_t end = at < text.size() ? text.find('\0', at) : text.npos;
  if (end == text.npos)
    return fail(Fault::format, std::string(what) + ": its name at " + hex_offset(at) +
                                   " is outside the string table of " + std::to_string(text.size()) + " bytes");
  return text.substr(at, end - at);
}

}  // namespace hallmark
