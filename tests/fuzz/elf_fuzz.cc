#include "lib/formats/elf.h"

// Whatever is accepted has only contents that lie in the file, and tables that can be read to their end or not at all.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const hallmark::ByteView file{data, size};
  const auto elf = hallmark::Elf::parse(file);
  if (!elf) return 0;
  std::size_t bytes = 0;
  const auto touch = [&](hallmark::ByteView content) {
    if (!content.empty()) bytes += content.front() + content.back();
  };
  for (const auto& segment : elf->segments()) touch(elf->content(segment));
  for (const auto& section : elf->sections()) {
    touch(elf->content(section));
    (void)elf->relocations(section, section.size);
    (void)elf->find_section(section.name);
  }
  (void)elf->dynamic();
  if (const auto symbols = elf->dynamic_symbols())
    for (const auto& symbol : *symbols)
      if (const auto at = elf->file_offset(symbol.value, 8)) touch(file.subspan(*at, 8));
  volatile std::size_t sink = bytes;
  (void)sink;
  return 0;
}
