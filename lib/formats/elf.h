// ELF object files, 64-bit little-endian: System V ABI, chapters 4 and 5, with the x86-64 psABI's relocation types.
//
// A reader only, and without policy: it says what the file contains. Every offset and
// size is checked against the file when it is read, so a view it hands out lies inside the file.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/bytes.h"

namespace hallmark {

struct ElfSegment {  // Elf64_Phdr
  std::uint32_t type = 0, flags = 0;
  std::uint64_t offset = 0, vaddr = 0, file_size = 0, memory_size = 0, align = 0;
};

struct ElfSection {  // Elf64_Shdr
  std::string_view name;
  std::uint32_t type = 0;
  std::uint64_t address = 0, offset = 0, size = 0;
  std::uint32_t link = 0;
  std::uint64_t align = 0;
};

struct ElfSymbol {  // Elf64_Sym
  std::string_view name;
  std::uint8_t type = 0;     // of st_info: 1 is data, 2 a function, 3 a section, 4 a source file
  std::uint8_t binding = 0;  // of st_info: 0 is local, 1 global, 2 weak
  std::uint16_t section = 0;
  std::uint64_t value = 0, size = 0;
};

struct ElfRelocation {  // Elf64_Rela
  std::uint64_t offset = 0;
  std::uint32_t type = 0, symbol = 0;  // the halves of r_info; `symbol` is an index
  std::int64_t addend = 0;
};

// Elf64_Dyn by tag; the last one counts where a tag is repeated.
using ElfDynamic = std::map<std::uint64_t, std::uint64_t>;

// Whether these bytes begin as every ELF file does.
bool is_elf(ByteView first_bytes);

class Elf {
 public:
  static constexpr std::uint16_t kSharedObject = 3;                                // e_type ET_DYN
  static constexpr std::uint16_t kX86_64 = 62;                                     // e_machine EM_X86_64
  static constexpr std::uint32_t kLoad = 1, kDynamic = 2, kTls = 7;                // p_type
  static constexpr std::uint32_t kExecute = 1, kWrite = 2, kRead = 4;              // p_flags
  static constexpr std::uint32_t kSymbols = 2, kNoBits = 8, kDynamicSymbols = 11;  // sh_type
  static constexpr std::uint64_t kPltRelSize = 2, kRela = 7, kRelaSize = 8, kTextRel = 22, kJmpRel = 23;  // d_tag
  static constexpr std::uint32_t kRelocNone = 0;  // R_X86_64_NONE

  // `file` must outlive the result.
  static Result<Elf> parse(ByteView file);

  std::uint16_t type() const { return type_; }
  std::uint16_t machine() const { return machine_; }
  std::uint64_t entry() const { return entry_; }
  const std::vector<ElfSegment>& segments() const { return segments_; }
  const std::vector<ElfSection>& sections() const { return sections_; }

  // The first section of that name, or at that address; null if there is none.
  const ElfSection* find_section(std::string_view name) const;
  const ElfSection* section_at(std::uint64_t address) const;

  // The bytes in the file: none for a section that has no bits there.
  ByteView content(const ElfSection& section) const;
  ByteView content(const ElfSegment& segment) const;

  // The file offset that holds this address in memory, if a PT_LOAD segment puts `size` bytes of the file there.
  std::optional<std::uint64_t> file_offset(std::uint64_t address, std::uint64_t size) const;

  // What PT_DYNAMIC says; empty if there is no such segment.
  Result<ElfDynamic> dynamic() const;
  // The first `size` bytes of `table` as Elf64_Rela entries.
  Result<std::vector<ElfRelocation>> relocations(const ElfSection& table, std::uint64_t size) const;
  // Every entry of the first section of that type, kSymbols or kDynamicSymbols; empty if there is none.
  Result<std::vector<ElfSymbol>> symbols(std::uint32_t type) const;
  Result<std::vector<ElfSymbol>> dynamic_symbols() const { return symbols(kDynamicSymbols); }

 private:
  explicit Elf(ByteView file) : file_(file) {}
  Result<std::string_view> string_at(const ElfSection& strings, std::uint32_t at, std::string_view what) const;

  ByteView file_;
  std::uint16_t type_ = 0, machine_ = 0;
  std::uint64_t entry_ = 0;
  std::vector<ElfSegment> segments_;
  std::vector<ElfSection> sections_;
};

}  // namespace hallmark
