#include "lib/formats/elf.h"

#include <gmock/gmock.h>

#include "lib/base/files.h"

namespace hallmark {
namespace {

using testing::HasSubstr;

// Made by tests/vectors/sgx/make_enclaves.py: two PT_LOAD and a PT_DYNAMIC segment, six sections, three relocations.
Bytes made() { return *read_file(fs::path(HALLMARK_SOURCE_DIR) / "tests/vectors/sgx/textrel.so", 1 << 20); }

TEST(Elf, ReadsSegmentsSectionsAndTables) {
  const Bytes file = made();
  auto elf = Elf::parse(file);
  ASSERT_TRUE(elf) << elf.error().message();
  EXPECT_EQ(elf->type(), Elf::kSharedObject);
  EXPECT_EQ(elf->machine(), Elf::kX86_64);
  ASSERT_EQ(elf->segments().size(), 3u);
  EXPECT_EQ(elf->segments()[1].vaddr, 0x4000u);
  EXPECT_EQ(elf->segments()[1].flags, Elf::kRead | Elf::kWrite);
  EXPECT_EQ(elf->content(elf->segments()[1]).size(), 200u);
  ASSERT_EQ(elf->sections().size(), 6u);
  EXPECT_EQ(elf->find_section(".none"), nullptr);
  ASSERT_NE(elf->find_section(".rela.dyn"), nullptr);
  EXPECT_EQ(elf->section_at(0x7200), elf->find_section(".rela.dyn"));
  EXPECT_EQ(elf->section_at(0x7201), nullptr);

  auto dynamic = elf->dynamic();
  ASSERT_TRUE(dynamic);
  EXPECT_TRUE(dynamic->contains(Elf::kTextRel));
  auto relocations = elf->relocations(*elf->section_at(dynamic->at(Elf::kRela)), dynamic->at(Elf::kRelaSize));
  ASSERT_TRUE(relocations);
  ASSERT_EQ(relocations->size(), 3u);
  EXPECT_EQ(relocations->at(0).offset, 0xffcu);
  EXPECT_EQ(relocations->at(0).type, 8u);
  EXPECT_EQ(relocations->at(1).type, Elf::kRelocNone);

  auto symbols = elf->dynamic_symbols();
  ASSERT_TRUE(symbols);
  ASSERT_EQ(symbols->size(), 2u);
  EXPECT_EQ(symbols->at(1).name, "g_global_data");
  EXPECT_EQ(symbols->at(1).value, 0x4000u);
}

TEST(Elf, FindsWhereAnAddressStandsInTheFile) {
  const Bytes file = made();
  const Elf elf = *Elf::parse(file);
  const std::uint64_t data = elf.segments()[1].offset;
  EXPECT_EQ(elf.file_offset(0x4000, 200), data);
  EXPECT_EQ(elf.file_offset(0x4010, 8), data + 0x10);
  EXPECT_EQ(elf.file_offset(0x4000, 201), std::nullopt);
  EXPECT_EQ(elf.file_offset(0x40c8, 1), std::nullopt);
  EXPECT_EQ(elf.file_offset(UINT64_MAX, 8), std::nullopt);
}

struct Wrong {
  std::size_t at;
  std::size_t width;
  std::uint64_t value;
  Fault fault;
  std::string why;
};
void PrintTo(const Wrong& w, std::ostream* out) { *out << w.why; }

class ElfWrong : public testing::TestWithParam<Wrong> {};

TEST_P(ElfWrong, IsRefusedWithItsPlace) {
  Bytes file = made();
  const Wrong& w = GetParam();
  for (std::size_t i = 0; i < w.width; i++) file[w.at + i] = static_cast<std::uint8_t>(w.value >> (8 * i));
  auto elf = Elf::parse(file);
  ASSERT_FALSE(elf);
  EXPECT_EQ(elf.error().fault, w.fault);
  EXPECT_THAT(elf.error().message(), HasSubstr(w.why));
}

constexpr auto kFormat = Fault::format;
INSTANTIATE_TEST_SUITE_P(
    Fields, ElfWrong,
    testing::Values(
        Wrong{0, 1, 'E', kFormat, "ELF header: magic at 0x0"},
        Wrong{4, 1, 1, Fault::unsupported, "ELF header: class at 0x4: is 1, not 2 (64-bit)"},
        Wrong{5, 1, 2, Fault::unsupported, "ELF header: data at 0x5: is 2, not 1 (little-endian)"},
        Wrong{32, 8, UINT64_MAX, kFormat, "ELF program headers: 168 bytes at 0xffffffffffffffff reach beyond"},
        Wrong{54, 2, 32, kFormat, "ELF program headers: entries of 32 bytes, not 56"},
        Wrong{56, 2, 0xfffe, kFormat, "ELF program headers: 3669904 bytes at 0x40 reach beyond"},
        Wrong{56, 2, 0xffff, Fault::unsupported, "extended numbering"},
        Wrong{40, 8, 1 << 20, kFormat, "ELF section headers: 384 bytes at 0x100000 reach beyond"},
        Wrong{60, 2, 0, Fault::unsupported, "extended numbering"},
        Wrong{62, 2, 6, kFormat, "e_shstrndx at 0x3e: is 6 of 6 sections"},
        Wrong{64 + 8, 8, UINT64_MAX - 10, kFormat, "ELF segment 0: 8704 bytes at 0xfffffffffffffff5 reach beyond"},
        Wrong{64 + 16, 8, UINT64_MAX, kFormat, "ELF segment 0: p_vaddr + p_memsz passes 2^64"},
        Wrong{64 + 40, 8, 16, kFormat, "ELF segment 0: p_filesz 0x2200 is more than p_memsz 0x10"}));

TEST(Elf, ADynamicSectionEndsWithNull) {
  Bytes file = made();
  const std::size_t size_at = 64 + 2 * 56 + 32;  // p_filesz of PT_DYNAMIC
  file[size_at] = 32;
  const Elf elf = *Elf::parse(file);
  EXPECT_EQ(elf.dynamic().error().message(), "ELF dynamic section: has no DT_NULL");
}

TEST(Elf, ARelocationTableLiesInItsSection) {
  const Bytes file = made();
  const Elf elf = *Elf::parse(file);
  const ElfSection& table = *elf.find_section(".rela.dyn");
  EXPECT_FALSE(elf.relocations(table, 96));
  // No whole number of entries.
  for (std::uint64_t size : {8, 16, 25, 32, 48 + 8}) EXPECT_FALSE(elf.relocations(table, size)) << size;
  EXPECT_EQ(elf.relocations(table, 24)->size(), 1u);
}

}  // namespace
}  // namespace hallmark
