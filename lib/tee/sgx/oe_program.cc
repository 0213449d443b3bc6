#include "lib/tee/sgx/oe_program.h"

#include <algorithm>

#include "lib/base/files.h"

namespace hallmark::sgx {
namespace {

// R_X86_64_64, GLOB_DAT, JUMP_SLOT, RELATIVE and TPOFF64: the loader takes no others.
constexpr std::uint32_t kAbsolute = 1, kGlobDat = 6, kJumpSlot = 7, kRelative = 8, kTpoff64 = 18;
constexpr std::array kRelocations{kAbsolute, kGlobDat, kJumpSlot, kRelative, kTpoff64};
constexpr std::size_t kRelocationSize = 24, kInfoAt = 8, kAddendAt = 16;  // Elf64_Rela

// Of Elf64_Dyn, the entries whose address the loader makes one in the enclave: DT_PLTGOT, DT_STRTAB, DT_SYMTAB,
// DT_RELA, DT_GNU_HASH and DT_VERSYM.
constexpr std::array<std::uint64_t, 6> kDynamicAddresses{3, 5, 6, 7, 0x6ffffef5, 0x6ffffff0};
constexpr std::size_t kDynSize = 16, kDynValueAt = 8;

constexpr std::uint8_t kWeak = 2;        // STB_WEAK
constexpr std::uint16_t kUndefined = 0;  // SHN_UNDEF

// More than all names of any program together, and few enough to sort.
constexpr std::size_t kMaxNameBytes = std::size_t{1} << 28;

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

// `n` rounded up to a multiple of any unit.
Result<std::uint64_t> multiple(std::uint64_t n, std::uint64_t unit, std::string_view what) {
  const auto sum = unit == 0 ? std::nullopt : checked_add(n, unit - 1);
  if (!sum || n >= kMaxAddress || unit >= kMaxAddress)
    return fail(Fault::format, std::string(what) + ": " + hex_offset(n) + " bytes aligned to " + hex_offset(unit) +
                                   " fit in no enclave");
  return *sum / unit * unit;
}

Result<OeThreadData> read_thread_data(const Elf& elf) {
  OeThreadData out;
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
  return out;
}

// The relocations as the enclave finds them in its memory: those of data, then those of the procedure linkage table,
// and in the thread-local ones what the symbol table says, because the enclave has no way to look it up.
Result<Bytes> read_relocations(const Elf& elf, const std::vector<ElfSymbol>& symbols) {
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

// The named symbols of a program, to look up the first of a name without going through all.
class Names {
 public:
  static Result<Names> of(const OeProgram& program) {
    Names out;
    std::size_t bytes = 0;
    for (std::size_t i = 1; i < program.symbols.size(); i++) {
      const ElfSymbol& s = program.symbols[i];
      if (s.name.empty()) continue;
      bytes += s.name.size();
      if (bytes > kMaxNameBytes)
        return fail(Fault::unsupported,
                    "ELF: the names of its dynamic symbols have more than " + std::to_string(kMaxNameBytes) + " bytes");
      out.sorted_.push_back(&s);
    }
    std::ranges::stable_sort(out.sorted_, {}, &ElfSymbol::name);
    return out;
  }

  // A program that only refers to the symbol has it too, and then the loader does not look for another of that name.
  const ElfSymbol* defined(std::string_view name) const {
    const auto it = std::ranges::lower_bound(sorted_, name, {}, &ElfSymbol::name);
    return it == sorted_.end() || (*it)->name != name || (*it)->section == kUndefined ? nullptr : *it;
  }

 private:
  std::vector<const ElfSymbol*> sorted_;
};

struct Definition {
  const OeProgram* program;
  const Names* names;
};

std::optional<std::int64_t> sum(std::int64_t a, std::int64_t b) {
  std::int64_t out = 0;
  return __builtin_add_overflow(a, b, &out) ? std::nullopt : std::optional(out);
}

// Looks at itself first, then at the others in their order.
Status link_program(OeProgram& program, std::span<const Definition> where) {
  if (program.symbols.empty()) return fail(Fault::format, "ELF: has no dynamic symbols, as a program with others must");
  struct Found {
    bool looked_up = false, defined = false;
    std::int64_t address = 0;
  };
  std::vector<Found> found(program.symbols.size());  // a symbol is looked up once, however often it is needed
  const std::span<std::uint8_t> table = program.relocations;
  for (std::size_t begin = 0; begin < table.size(); begin += kRelocationSize) {
    const std::string what = "ELF relocation " + std::to_string(begin / kRelocationSize);
    const auto fits_not = [&] { return fail(Fault::format, what + ": its address or addend passes 2^63"); };
    const auto place = table.subspan(begin, 8), info = table.subspan(begin + kInfoAt, 8),
               addend = table.subspan(begin + kAddendAt, 8);
    const auto at = checked_add(load_le<std::uint64_t>(place), program.at);
    if (!at) return fits_not();
    store_le(place, *at);
    const auto type = load_le<std::uint32_t>(info), index = load_le<std::uint32_t>(info.subspan(4));
    const auto own = static_cast<std::int64_t>(load_le<std::uint64_t>(addend));
    std::optional<std::int64_t> value;
    if (type == kRelative) {
      value = sum(own, static_cast<std::int64_t>(program.at));
    } else if (type == kTpoff64) {
      continue;
    } else {
      if (index >= program.symbols.size())
        return fail(Fault::format,
                    what + ": symbol " + std::to_string(index) + " of " + std::to_string(program.symbols.size()));
      const ElfSymbol& symbol = program.symbols[index];
      if (symbol.name.empty())
        return fail(Fault::format, what + ": symbol " + std::to_string(index) + " has no name to look it up by");
      Found& f = found[index];
      for (auto it = where.begin(); !f.looked_up && it != where.end(); ++it) {
        const ElfSymbol* definition = it->names->defined(symbol.name);
        if (definition == nullptr) continue;
        const auto address =
            sum(static_cast<std::int64_t>(definition->value), static_cast<std::int64_t>(it->program->at));
        if (!address) return fits_not();
        f.defined = f.looked_up = true;
        f.address = *address;
      }
      f.looked_up = true;
      if (!f.defined && symbol.binding != kWeak)
        return fail(Fault::unsupported, what + ": symbol \"" + printable(symbol.name.substr(0, 255)) +
                                            "\" is in none of the programs that are loaded together");
      store_le(info.first(4), kRelative);  // what was the symbol's index stays
      // A weak symbol that is nowhere stays what it was, which is usually 0.
      value = f.defined ? sum(f.address, type == kAbsolute ? own : 0) : own;
    }
    if (!value) return fits_not();
    store_le(addend, static_cast<std::uint64_t>(*value));
  }
  return {};
}

// As ld.so does, the enclave makes the addresses in a module's dynamic section absolute.
Status add_dynamic_relocations(OeProgram& module) {
  if (module.relocations.empty())
    return fail(Fault::format, "ELF: has no relocations in .rela.dyn, as a program behind another must");
  TRY(const ElfSection* section, only_section(*module.elf, ".dynamic"));
  if (section == nullptr || section->address == 0)
    return fail(Fault::format, "ELF: has no section .dynamic in memory, as a program behind another must");
  const auto begin = checked_add(section->address, module.at);
  if (!begin || *begin >= kMaxAddress)
    return fail(Fault::format,
                "ELF section .dynamic: its address " + hex_offset(section->address) + " is outside any enclave");
  const ByteView bytes = module.elf->content(*section);
  ByteReader r(bytes, "ELF section .dynamic");
  bool any = false;
  for (;;) {
    if (r.left() < kDynSize)
      return fail(Fault::format,
                  "ELF section .dynamic: its " + std::to_string(bytes.size()) + " bytes have no DT_NULL");
    const std::uint64_t at = *begin + (bytes.size() - r.left()) + kDynValueAt;
    const auto tag = r.le<std::uint64_t>("d_tag"), value = r.le<std::uint64_t>("d_un");
    if (tag == 0) break;
    if (std::ranges::find(kDynamicAddresses, tag) == kDynamicAddresses.end()) continue;
    const auto address = checked_add(value, module.at);
    if (!address)
      return fail(Fault::format, "ELF section .dynamic: the address " + hex_offset(value) + " of tag " +
                                     hex_offset(tag) + " passes 2^64");
    std::array<std::uint8_t, kRelocationSize> entry{};
    store_le(std::span(entry), at);
    store_le(std::span(entry).subspan(kInfoAt), kRelative);
    store_le(std::span(entry).subspan(kAddendAt), *address);
    module.relocations.insert(module.relocations.end(), entry.begin(), entry.end());
    any = true;
  }
  if (!any) return fail(Fault::format, "ELF section .dynamic: has no symbol table");
  return {};
}

}  // namespace

Status OeMemory::store(std::uint64_t address, ByteView bytes, std::string_view what) {
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

Status OeMemory::store(std::uint64_t address, std::uint64_t value, std::string_view what) {
  std::array<std::uint8_t, 8> bytes;
  store_le<std::uint64_t>(bytes, value);
  return store(address, bytes, what);
}

OeMemory::Page& OeMemory::page(std::uint64_t first) {
  const auto [it, fresh] = changed_.try_emplace(first);
  if (!fresh) return it->second;
  it->second.fill(0);
  for (const ElfSegment& s : elf_->segments()) {
    if (s.type != Elf::kLoad) continue;
    const std::uint64_t begin = std::max(first, s.vaddr), end = std::min(first + kPage, s.vaddr + s.file_size);
    if (begin >= end) continue;
    const ByteView bytes = elf_->content(s).subspan(begin - s.vaddr, end - begin);
    std::copy(bytes.begin(), bytes.end(), it->second.begin() + static_cast<std::ptrdiff_t>(begin - first));
  }
  return it->second;
}

Result<OeProgram> OeProgram::read(const Elf& elf, ByteView file, std::uint64_t at) {
  TRY(const std::uint64_t size, check_segments(elf));
  TRY(std::vector<ElfSymbol> symbols, elf.dynamic_symbols());
  TRY(const OeThreadData tls, read_thread_data(elf));
  TRY(Bytes relocations, read_relocations(elf, symbols));
  return OeProgram{&elf, file, at, OeMemory(elf, size), std::move(symbols), tls, std::move(relocations)};
}

const ElfSymbol* OeProgram::find(std::string_view name) const {
  const auto it = std::ranges::find(symbols, name, &ElfSymbol::name);
  return it == symbols.end() ? nullptr : &*it;
}

Result<const ElfSection*> only_section(const Elf& elf, std::string_view name) {
  const ElfSection* found = nullptr;
  for (const ElfSection& s : elf.sections()) {
    if (s.name != name) continue;
    if (found) return fail(Fault::format, "ELF: has more than one section " + std::string(name));
    found = &s;
  }
  return found;
}

Result<std::uint64_t> thread_pages(const OeThreadData& tls) {
  std::uint64_t size = 0;
  if (tls.data_size != 0) {
    TRY(size, multiple(tls.data_size, tls.data_align, "ELF section .tdata"));
  }
  if (tls.zero_size != 0) {
    TRY(const std::uint64_t more, multiple(tls.zero_size, tls.zero_align, "ELF section .tbss"));
    size += more;
  }
  return *align_up(size, kPage) / kPage;
}

Result<std::uint64_t> thread_bytes(const OeThreadData& tls) {
  // Here, unlike in an image, a section without alignment is one of single bytes.
  TRY(const std::uint64_t data,
      multiple(tls.data_size, std::max<std::uint64_t>(1, tls.data_align), "ELF section .tdata"));
  TRY(const std::uint64_t zero,
      multiple(tls.zero_size, std::max<std::uint64_t>(1, tls.zero_align), "ELF section .tbss"));
  return data + zero;
}

Status link_programs(OeProgram& image, std::span<OeProgram> modules) {
  TRY(const Names own, Names::of(image));
  std::vector<Names> names;
  names.reserve(modules.size());  // `where` points into it
  for (const OeProgram& module : modules) {
    TRY(Names of_module, Names::of(module));
    names.push_back(std::move(of_module));
  }
  std::vector<Definition> where{{&image, &own}};
  for (std::size_t i = 0; i < modules.size(); i++) where.push_back({&modules[i], &names[i]});
  CHECK(in(kOeBase, link_program(image, where)));
  // A module looks into the image, but not into another module.
  for (std::size_t i = 0; i < modules.size(); i++) {
    const std::array<Definition, 2> here{{{&modules[i], &names[i]}, {&image, &own}}};
    CHECK(link_program(modules[i], here));
    CHECK(add_dynamic_relocations(modules[i]));
  }
  return {};
}

}  // namespace hallmark::sgx
