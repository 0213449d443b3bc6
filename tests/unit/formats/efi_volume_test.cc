#include "lib/formats/efi_volume.h"

#include <gtest/gtest.h>

#include "tests/unit/formats/efi_made.h"

namespace hallmark {
namespace {

using namespace made;

constexpr Guid kOne = guid("11111111-1111-1111-1111-111111111111");
constexpr Guid kTwo = guid("22222222-2222-2222-2222-222222222222");
constexpr Guid kUnknown = guid("33333333-3333-3333-3333-333333333333");

// A section with the name "Inner" and one of type PE32 that has 64 bytes, compressed by Python's lzma module
// (FORMAT_ALONE, dict_size 1 << 16), with their size, 84, put in the header.
Bytes compressed() {
  return *from_hex("5d0000010054000000000000000008002f2bfe4f44f7b221e083dc370d43943f50bcda191e5237fffed1d000");
}

Bytes ui(std::string_view name) { return section(EfiSection::kUserInterface, utf16(name)); }
Bytes driver(const Guid& name, std::string_view text) { return file(name, EfiFile::kDriver, ui(text)); }

std::string why(ByteView image) {
  auto files = EfiFiles::parse(image);
  if (files) return "no error";
  EXPECT_EQ(files.error().fault, Fault::format);
  return files.error().message();
}
void expect_why(ByteView image, std::string_view part) {
  const std::string got = why(image);
  EXPECT_NE(got.find(part), got.npos) << got;
}

TEST(EfiVolume, ListsFilesOfEveryVolumeInOrder) {
  const Bytes image = join({volume(kFfs2, driver(kOne, "One"), 4096), Bytes(4096, 0xff),
                            volume(kFfs3, file(kTwo, EfiFile::kDriver, ui("Two"), 0xf8, true), 8192)});
  const auto files = EfiFiles::parse(image);
  ASSERT_TRUE(files) << files.error().message();
  ASSERT_EQ(files->files().size(), 2u);
  EXPECT_EQ(files->files()[0].name, kOne);
  EXPECT_EQ(files->files()[1].name, kTwo);
  const EfiFile* two = files->find(kTwo);
  ASSERT_NE(two, nullptr);
  EXPECT_EQ(two->type, EfiFile::kDriver);
  ASSERT_EQ(two->sections.size(), 1u);
  EXPECT_EQ(two->sections[0].type, EfiSection::kUserInterface);
  EXPECT_EQ(to_hex(two->sections[0].content), to_hex(utf16("Two")));
  EXPECT_EQ(files->find(kUnknown), nullptr);
  EXPECT_FALSE(files->has_opaque_sections());
}

TEST(EfiVolume, OpensCompressedSectionsAndVolumesInSections) {
  const Bytes inner = volume(kFfs2, driver(kTwo, "Two"), 512);
  const Bytes content = join({guided(kLzma, 1, compressed()), guided(kUnknown, 2, ui("Plain")), section(0x17, inner)});
  const Bytes image = volume(kFfs2, file(kOne, 0x0b, content), 4096);
  const auto files = EfiFiles::parse(image);
  ASSERT_TRUE(files) << files.error().message();
  const EfiFile* one = files->find(kOne);
  ASSERT_NE(one, nullptr);
  ASSERT_EQ(one->sections.size(), 3u);
  EXPECT_EQ(to_hex(one->sections[0].content), to_hex(utf16("Inner")));
  EXPECT_EQ(one->sections[1].type, EfiSection::kPe32);
  EXPECT_EQ(one->sections[1].content.size(), 64u);
  EXPECT_EQ(to_hex(one->sections[2].content), to_hex(utf16("Plain")));
  EXPECT_NE(files->find(kTwo), nullptr);
  EXPECT_FALSE(files->has_opaque_sections());
}

TEST(EfiVolume, SaysWhereItCannotLook) {
  for (const Bytes& closed : {guided(kUnknown, 1, Bytes(8)), section(0x01, Bytes{8, 0, 0, 0, 1, 9, 9, 9})}) {
    const auto files = EfiFiles::parse(volume(kFfs2, file(kOne, 0x0b, closed), 4096));
    ASSERT_TRUE(files) << files.error().message();
    EXPECT_TRUE(files->has_opaque_sections());
  }
}

TEST(EfiVolume, PassesOverDeletedFilesPadsAndLargeFilesOfFfs2) {
  const Bytes deleted = file(kOne, EfiFile::kDriver, ui("Old"), 0xe8);
  const Bytes unfinished = [] {
    Bytes header = file(kOne, EfiFile::kDriver, {}, 0xfe);
    header[16] ^= 0xff;  // whose checksum is not yet right
    return header;
  }();
  const Bytes image = volume(kFfs2,
                             join({deleted, unfinished, file(kUnknown, EfiFile::kPad, Bytes(16, 0xff)),
                                   file(kUnknown, EfiFile::kDriver, ui("Large"), 0xf8, true), driver(kTwo, "Two")}),
                             4096);
  const auto files = EfiFiles::parse(image);
  ASSERT_TRUE(files) << files.error().message();
  ASSERT_EQ(files->files().size(), 2u);
  EXPECT_EQ(files->files()[0].type, EfiFile::kPad);
  EXPECT_EQ(files->files()[1].name, kTwo);
}

TEST(EfiVolume, FindsFilesBehindAnExtendedHeader) {
  Bytes ext(kOne.begin(), kOne.end());
  put<std::uint32_t>(ext, 20);
  pad(ext, 8, 0xff);
  Bytes image = volume(kFfs2, join({ext, driver(kTwo, "Two")}), 4096);
  store_le<std::uint16_t>(std::span(image).subspan(52), kVolumeHeader);
  set_sum(image);
  const auto files = EfiFiles::parse(image);
  ASSERT_TRUE(files) << files.error().message();
  EXPECT_NE(files->find(kTwo), nullptr);

  store_le<std::uint32_t>(std::span(image).subspan(kVolumeHeader + 16), 0xfffffff0);
  expect_why(image, "firmware volume at 0x0: ext_header_size at 0x58: is 4294967280");
  store_le<std::uint16_t>(std::span(image).subspan(52), 0xfff0);
  set_sum(image);
  expect_why(image, "ext_header_offset: 0xfff0 is outside the volume");
}

TEST(EfiVolume, RefusesAVolumeHeaderThatIsWrong) {
  const Bytes good = volume(kFfs2, driver(kOne, "One"), 4096);
  Bytes image = good;
  image[60] ^= 1;
  expect_why(image, "checksum at 0x32");
  image = good;
  store_le<std::uint64_t>(std::span(image).subspan(32), UINT64_MAX);
  expect_why(image, "fv_length at 0x20: is 0xffffffffffffffff, 0x1000 left");
  image = good;
  store_le<std::uint16_t>(std::span(image).subspan(48), 8);
  expect_why(image, "header_length at 0x30: is 8");
  store_le<std::uint64_t>(std::span(image).subspan(32), 0);  // a volume of nothing would be found again and again
  expect_why(image, "header_length at 0x30");
  EXPECT_FALSE(EfiVolume::parse(ByteView(good).first(55)));
  expect_why(ByteView(good).first(4095), "fv_length at 0x20: is 0x1000, 0xfff left");
}

TEST(EfiVolume, RefusesAFileThatIsWrong) {
  Bytes body = join({driver(kOne, "One"), driver(kTwo, "Two")});
  body[20] ^= 0x40;
  expect_why(volume(kFfs2, body, 4096), "FFS file at 0x48: the checksum of its header is wrong");
  body[16] = static_cast<std::uint8_t>(body[16] - 0x40);
  body[20] ^= 0x40;
  Bytes large = file(kOne, EfiFile::kDriver, ui("One"), 0xf8, true);
  for (std::size_t i = 24; i < 32; i++) large[i] = 0xff;  // a size of 2^64 - 1
  std::uint8_t sum = 0;
  large[16] = 0;
  for (std::size_t i = 0; i < 32; i++)
    if (i != 17 && i != 23) sum = static_cast<std::uint8_t>(sum + large[i]);
  large[16] = static_cast<std::uint8_t>(-sum);
  expect_why(volume(kFfs3, large, 4096), "FFS file at 0x48: size is 0xffffffffffffffff, from 0x20 to 0xfb8");
}

TEST(EfiVolume, RefusesASectionThatIsWrong) {
  const auto in_file = [](ByteView content) { return volume(kFfs2, file(kOne, 0x0b, content), 4096); };
  const std::string where = "firmware volume at 0x0: FFS file " + to_text(kOne) + " at 0x48: section at 0x0: ";
  expect_why(in_file(Bytes{3, 0, 0, 0x19}), where + "size is 0x3, from 4 to 0x4");
  expect_why(in_file(Bytes{5, 0, 0, 0x19}), where + "size is 0x5");
  expect_why(in_file(Bytes{0xff, 0xff, 0xff, 0x19}), where + "its header passes the end");
  expect_why(in_file(Bytes{0xff, 0xff, 0xff, 0x19, 7, 0, 0, 0}), where + "size is 0x7, from 8");
  expect_why(in_file(section(0x02, Bytes(19))), where + "a section with a GUID has 23 bytes");
  Bytes wild = guided(kUnknown, 0, Bytes(4));
  wild[20] = 0xff;
  expect_why(in_file(wild), where + "data_offset at 0x14: is 255, from 24 to 28");
}

TEST(EfiVolume, BoundsWhatItDecompresses) {
  const auto in_file = [](const Bytes& stream) {
    return volume(kFfs2, file(kOne, 0x0b, guided(kLzma, 1, stream)), 4096);
  };
  Bytes stream = compressed();
  stream[5] = 83;
  expect_why(in_file(stream), "LZMA");
  store_le<std::uint64_t>(std::span(stream).subspan(5), UINT64_MAX);
  expect_why(in_file(stream), "LZMA: size at 0x5: is 18446744073709551615");
  store_le<std::uint64_t>(std::span(stream).subspan(5), 85);
  expect_why(in_file(stream), "LZMA");
  expect_why(in_file(Bytes(12)), "LZMA: has 12 bytes");
  expect_why(in_file(Bytes(64)), "LZMA");
}

TEST(EfiVolume, BoundsHowDeepItLooks) {
  Bytes deep = ui("Deepest");
  for (unsigned i = 0; i < EfiFiles::kMaxDepth - 1; i++) deep = section(0x03, deep);
  EXPECT_TRUE(EfiFiles::parse(volume(kFfs2, file(kOne, 0x0b, deep), 4096)));
  deep = section(0x03, deep);
  expect_why(volume(kFfs2, file(kOne, 0x0b, deep), 4096), "more than 16 deep");
}

TEST(EfiVolume, BoundsHowManyItLists) {
  Bytes body;
  const Bytes one = file(kOne, EfiFile::kPad, {});
  for (std::size_t i = 0; i < EfiFiles::kMaxFiles + 1; i++) put(body, one);
  expect_why(volume(kFfs2, body, 1 << 20), "one more than the 16384 allowed");
  body.clear();
  for (std::size_t i = 0; i < EfiFiles::kMaxSections + 1; i++) put(body, section(0x19, {}));
  expect_why(volume(kFfs2, file(kOne, 0x0b, body), 1 << 20), "one more than the 65536 allowed");
}

TEST(EfiVolume, ReadsNoFilesOfOtherFileSystems) {
  const auto files = EfiFiles::parse(volume(kNvData, driver(kOne, "One"), 4096));
  ASSERT_TRUE(files);
  EXPECT_TRUE(files->files().empty());
  EXPECT_TRUE(EfiFiles::parse(Bytes(10000, 0xff))->files().empty());
  EXPECT_TRUE(EfiFiles::parse({})->files().empty());
}

}  // namespace
}  // namespace hallmark
