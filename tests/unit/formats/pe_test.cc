#include "lib/formats/pe.h"

#include <gtest/gtest.h>

#include "tests/unit/formats/made_pe.h"

namespace hallmark {
namespace {

MadePe made() {
  return {.sections = {{".text", Bytes(700, 1)}, {".empty", {}, 64}, {".data", Bytes(10, 2), 0x2000}},
          .certificates = Bytes(24, 3),
          .trailing = Bytes(5, 4)};
}

Result<Pe> parse(const Bytes& bytes) { return Pe::parse(Content(bytes)); }

TEST(Pe, ReadsHeadersAndSections) {
  const Bytes file = made().bytes();
  const auto pe = parse(file);
  ASSERT_TRUE(pe) << pe.error().message();
  EXPECT_EQ(pe->machine(), Pe::kX86_64);
  EXPECT_EQ(pe->subsystem(), Pe::kApplication);
  EXPECT_EQ(pe->major_image_version(), 1);
  EXPECT_EQ(pe->size_of_headers(), MadePe::kHeaders);
  ASSERT_EQ(pe->sections().size(), 3u);
  EXPECT_EQ(pe->sections()[0].name, ".text");
  EXPECT_EQ(pe->sections()[0].virtual_size, 700u);
  EXPECT_EQ(pe->sections()[0].size_of_raw_data, 1024u);
  EXPECT_EQ(pe->sections()[2].virtual_size, 0x2000u);
  EXPECT_EQ(pe->certificates()->size, 24u);
  EXPECT_EQ(pe->certificates()->offset, file.size() - 24);
}

// The ranges that the specification of the hash names, by hand.
TEST(Pe, HashesAllButChecksumCertificateRowAndCertificates) {
  const MadePe m = made();
  const Bytes file = m.bytes();
  const Pe pe = *parse(file);
  const std::uint64_t sum = m.checksum(), row = m.certificate_row();
  const std::vector<PeRange> want{{0, sum},       {sum + 4, row - sum - 4}, {row + 8, MadePe::kHeaders - row - 8},
                                  {0x800, 0x400}, {0xc00, 0x200},           {0xe00, 5}};
  EXPECT_EQ(pe.authenticode_ranges(), want);

  Hasher<Alg::sha384> hash;
  for (const PeRange& r : want) hash.add(ByteView(file).subspan(r.offset, r.size));
  EXPECT_EQ(*authenticode<Alg::sha384>(pe, Content(file)), hash.finish());

  // Only what is hashed moves the digest.
  for (const std::size_t at : {m.checksum(), m.certificate_row(), file.size() - 1}) {
    Bytes other = file;
    other[at] ^= 1;
    EXPECT_EQ(*authenticode<Alg::sha384>(pe, Content(other)), *authenticode<Alg::sha384>(pe, Content(file))) << at;
  }
  for (const std::size_t at : {std::size_t{2}, std::size_t{0x800 + 700}, file.size() - 25}) {
    Bytes other = file;
    other[at] ^= 1;
    EXPECT_NE(*authenticode<Alg::sha384>(pe, Content(other)), *authenticode<Alg::sha384>(pe, Content(file))) << at;
  }
}

TEST(Pe, HashesAnImageWithoutARowForCertificatesUpToTheEndOfTheHeaders) {
  MadePe m = made();
  m.directories = 4;
  m.certificates.clear();
  const Bytes file = m.bytes();
  const Pe pe = *parse(file);
  EXPECT_FALSE(pe.certificates());
  const auto ranges = pe.authenticode_ranges();
  EXPECT_EQ(ranges[1], (PeRange{m.checksum() + 4, MadePe::kHeaders - m.checksum() - 4}));
}

// A size that is no multiple of 8 is hashed as it is, as edk2 does.
TEST(Pe, PadsNothing) {
  MadePe m = made();
  m.certificates.clear();
  const Bytes file = m.bytes();
  ASSERT_NE(file.size() % 8, 0u);
  EXPECT_EQ(parse(file)->authenticode_ranges().back(), (PeRange{0xe00, 5}));
}

TEST(Pe, TheBeginningCanBeAnother) {
  Bytes file = made().bytes();
  const Pe pe = *parse(file);
  Bytes first(file.begin(), file.begin() + 0x100);
  first[0x20] = 0x3f;
  const auto patched = authenticode<Alg::sha384>(pe, Content(file).beginning_with(first));
  file[0x20] = 0x3f;
  EXPECT_EQ(*patched, *authenticode<Alg::sha384>(pe, Content(file)));
}

TEST(Pe, ASectionInMemoryEndsWithZerosOrBeforeItsBytesInTheFile) {
  const Bytes file = made().bytes();
  const Pe pe = *parse(file);
  const Content data = section_in_memory(pe.sections()[2], Content(file));
  ASSERT_EQ(data.size(), 0x2000u);
  Bytes want(0x2000);
  std::fill_n(want.begin(), 10, 2);
  EXPECT_EQ(*data.read(0, 0x2000), want);
  EXPECT_EQ(*digest<Alg::sha384>(data), digest<Alg::sha384>(want));
  EXPECT_EQ(*section_in_memory(pe.sections()[0], Content(file)).read(0, 700), Bytes(700, 1));
  EXPECT_EQ(*section_in_memory(pe.sections()[1], Content(file)).read(0, 64), Bytes(64, 0));
}

struct Wrong {
  std::size_t at;
  std::size_t width;
  std::uint64_t value;
  Fault fault;
  const char* why;
};
void PrintTo(const Wrong& w, std::ostream* out) { *out << w.why; }

class PeWrong : public testing::TestWithParam<Wrong> {};

TEST_P(PeWrong, IsRefusedWithItsPlace) {
  Bytes file = made().bytes();
  const Wrong& w = GetParam();
  for (std::size_t i = 0; i < w.width; i++) file[w.at + i] = static_cast<std::uint8_t>(w.value >> (8 * i));
  const auto pe = parse(file);
  ASSERT_FALSE(pe);
  EXPECT_EQ(pe.error().fault, w.fault);
  EXPECT_NE(pe.error().message().find(w.why), std::string::npos) << pe.error().message();
}

constexpr std::size_t kPe = MadePe::kPe, kOpt = MadePe::kOptional;
const std::size_t kRow = made().row(0), kThird = made().row(2);
constexpr auto kFormat = Fault::format;
INSTANTIATE_TEST_SUITE_P(
    Fields, PeWrong,
    testing::Values(
        Wrong{0, 1, 'N', kFormat, "e_magic at 0x0: is 4e5a"},
        Wrong{0x3c, 4, 0xffffffff, kFormat, "e_lfanew at 0x3c: is 0xffffffff, outside"},
        Wrong{0x3c, 4, 8, kFormat, "e_lfanew at 0x3c: is 0x8"}, Wrong{kPe, 1, 'Q', kFormat, "Signature at 0x280"},
        Wrong{kPe + 6, 2, 60000, kFormat, "SizeOfHeaders at 0x2d4: is 0x800, before the end of the table"},
        Wrong{kPe + 20, 2, 0, kFormat, "SizeOfOptionalHeader at 0x294: is 0, not that of 16"},
        Wrong{kOpt, 2, 0x107, kFormat, "Magic at 0x298: is 0x107"},
        Wrong{kOpt + 56, 4, 0x800, kFormat, "SizeOfImage at 0x2d0: is 0x800"},
        Wrong{kOpt + 60, 4, 0x10000000, kFormat, "SizeOfHeaders at 0x2d4: is 0x10000000, the file ends"},
        Wrong{kOpt + 108, 4, 17, kFormat, "NumberOfRvaAndSizes at 0x304: is 17, at most 16"},
        Wrong{kOpt + 112 + 36, 4, 1 << 20, kFormat, "certificate table at 0x328: 1048576 bytes at"},
        Wrong{kOpt + 112 + 32, 8, 0x1000000000000810, kFormat, "certificate table at 0x328: 268435456"},
        Wrong{kOpt + 112 + 32, 8, (std::uint64_t{0x500} << 32) | 0x800, kFormat, "do not fit behind"},
        Wrong{kRow + 8, 4, 0xffffffff, kFormat, "section \".text\": 0xffffffff bytes at 0x1000 pass SizeOf"},
        Wrong{kRow + 12, 4, 0x10, kFormat, "VirtualAddress at 0x394: section \".text\": is 0x10, inside"},
        Wrong{kRow + 16, 4, 0xfffffe00, kFormat, "SizeOfRawData at 0x398: section \".text\": 0xfffffe00"},
        Wrong{kRow + 20, 4, 0xfffffe00, kFormat, "pass the file's end"},
        Wrong{kRow + 20, 4, 0x200, kFormat, "PointerToRawData at 0x39c: section \".text\": is 0x200, inside"},
        Wrong{kThird + 20, 4, 0xa00, kFormat,
              "PointerToRawData at 0x3ec: section \".data\" begins at 0xa00, inside section \".text\""}));

TEST(Pe, MayBeCutAnywhere) {
  const Bytes file = made().bytes();
  for (std::size_t n = 0; n < file.size(); n += 7) {
    const Bytes cut(file.begin(), file.begin() + static_cast<std::ptrdiff_t>(n));
    const auto pe = parse(cut);
    ASSERT_FALSE(pe) << n;
    EXPECT_EQ(pe.error().fault, Fault::format);
  }
}

TEST(Content, IsReadAndHashedAlikeInEveryPart) {
  Bytes stored(100);
  for (std::size_t i = 0; i < stored.size(); i++) stored[i] = static_cast<std::uint8_t>(i + 1);
  const Content whole = Content(stored).resized(150).beginning_with(Bytes(20, 0xff));
  Bytes want = stored;
  want.resize(150);
  std::fill_n(want.begin(), 20, 0xff);
  for (const auto& [offset, size] : {std::pair{0u, 150u},
                                     {0u, 10u},
                                     {5u, 40u},
                                     {19u, 1u},
                                     {20u, 80u},
                                     {30u, 100u},
                                     {99u, 51u},
                                     {100u, 50u},
                                     {120u, 10u},
                                     {150u, 0u}}) {
    const ByteView expected = ByteView(want).subspan(offset, size);
    EXPECT_TRUE(std::ranges::equal(*whole.read(offset, size), expected)) << offset;
    const Content part = whole.part(offset, size);
    EXPECT_TRUE(std::ranges::equal(*part.read(0, size), expected)) << offset;
    EXPECT_EQ(*digest<Alg::sha384>(part), digest<Alg::sha384>(expected)) << offset;
    Hasher<Alg::sha384> hash;
    ASSERT_TRUE(whole.add_range(hash, offset, size));
    EXPECT_EQ(hash.finish(), digest<Alg::sha384>(expected)) << offset;
  }
}

}  // namespace
}  // namespace hallmark
