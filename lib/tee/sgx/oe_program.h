// A program as Open Enclave's loader sees it: an ELF file's segments in memory, its thread-local data and its
// relocations, before any of it is added to an enclave. An image may have others loaded behind it; then each finds its
// undefined symbols in the other, and there is one table of relocations for all. The reference is loadelf.c and elf.c
// of openenclave 0.19; specs/tee/sgx.md states what is done here.
#pragma once

#include <array>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "lib/tee/sgx/load.h"

namespace hallmark::sgx {

// How errors call the image that others are loaded behind.
inline constexpr std::string_view kOeBase = "the base enclave";

// Sections .tdata and .tbss.
struct OeThreadData {
  std::uint64_t data_address = 0, data_size = 0, data_align = 0, zero_size = 0, zero_align = 0;
};

// The program segments in memory, and the few pages of them that the loader changes before it adds them.
class OeMemory {
 public:
  using Page = std::array<std::uint8_t, kPage>;

  OeMemory(const Elf& elf, std::uint64_t size) : elf_(&elf), size_(size) {}

  std::uint64_t size() const { return size_; }
  // `what` is what an address outside is said to be of.
  Status store(std::uint64_t address, ByteView bytes, std::string_view what);
  Status store(std::uint64_t address, std::uint64_t value, std::string_view what);

  // By address, with the changes.
  const std::map<std::uint64_t, Page>& changed() const { return changed_; }

 private:
  Page& page(std::uint64_t first);

  const Elf* elf_;
  std::uint64_t size_;
  std::map<std::uint64_t, Page> changed_;
};

struct OeProgram {
  // Both must outlive the result. `at` is where the program comes to lie in the enclave; its own addresses begin at 0.
  static Result<OeProgram> read(const Elf& elf, ByteView file, std::uint64_t at);

  // The first dynamic symbol of that name, which is the one that counts; null if there is none.
  const ElfSymbol* find(std::string_view name) const;

  const Elf* elf;
  ByteView file;
  std::uint64_t at;
  OeMemory memory;
  std::vector<ElfSymbol> symbols;
  OeThreadData tls;
  Bytes relocations;  // Elf64_Rela
};

// The one section of that name; null if there is none. Of two, loaders and tools could each take another.
Result<const ElfSection*> only_section(const Elf& elf, std::string_view name);

// The pages that a thread needs for the thread-local data of an image.
Result<std::uint64_t> thread_pages(const OeThreadData& tls);
// The bytes that a module needs of what the image has reserved for it.
Result<std::uint64_t> thread_bytes(const OeThreadData& tls);

// Rewrites the relocations of an image and of the modules behind it: none needs a symbol any more, and addresses count
// from the enclave's base. A module gets more of them, for the addresses in its dynamic section.
Status link_programs(OeProgram& image, std::span<OeProgram> modules);

}  // namespace hallmark::sgx
