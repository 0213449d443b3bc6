#include "lib/tee/sgx/sdk_image.h"

#include <gmock/gmock.h>

#include "lib/base/files.h"
#include "tests/unit/tee/small_load.h"

namespace hallmark::sgx {
namespace {

using testing::HasSubstr;

Bytes made(const char* name) { return *read_file(fs::path(HALLMARK_SOURCE_DIR) / "tests/vectors/sgx" / name, 1 << 20); }

template <std::unsigned_integral T>
void store(Bytes& file, std::size_t at, T value) {
  for (std::size_t i = 0; i < sizeof(T); i++) file.at(at + i) = static_cast<std::uint8_t>(value >> (8 * i));
}

// Where the first copy of the metadata begins.
std::size_t find_metadata(const Bytes& file) {
  const std::array<std::uint8_t, 8> magic{0x4c, 0x0e, 0x5d, 0x63, 0x94, 0x02, 0xa8, 0x86};
  return static_cast<std::size_t>(std::search(file.begin(), file.end(), magic.begin(), magic.end()) - file.begin());
}

// Where the table stands in the file whose offset is in this field of the metadata.
std::size_t find_table(const Bytes& file, std::size_t field) {
  const std::size_t metadata = find_metadata(file);
  return metadata + load_le<std::uint32_t>(ByteView(file).subspan(metadata + field, 4));
}

// Everything that measuring does with a file, for as long as it is small.
Status measure_all(ByteView file) {
  TRY(const SdkImage image, SdkImage::parse(file));
  for (const SdkMetadata& copy : image.copies()) {
    TRY(const Load load, image.load(copy));
    CHECK(replay_if_small(load));
  }
  return {};
}

// small.so with one field of its metadata, or of a table in it, changed.
class SdkImageFields : public testing::Test {
 protected:
  void SetUp() override {
    metadata_ = find_metadata(file_);
    layout_ = find_table(file_, 1880);
    patches_ = find_table(file_, 1872);
    ASSERT_TRUE(measure_all(file_));
  }

  std::string error(Fault fault = Fault::format) {
    const Status s = measure_all(file_);
    EXPECT_FALSE(s);
    if (s) return {};
    EXPECT_EQ(s.error().fault, fault);
    return s.error().message();
  }

  Bytes file_ = made("small.so");
  std::size_t metadata_ = 0, layout_ = 0, patches_ = 0;
};

TEST_F(SdkImageFields, AnEnclaveOfAnImpossibleSize) {
  for (std::uint64_t size : {std::uint64_t{0}, std::uint64_t{0x1800}, std::uint64_t{0x800}, std::uint64_t{1} << 48}) {
    store(file_, metadata_ + 40, size);
    EXPECT_THAT(error(), HasSubstr("enclave_size is " + hex_offset(size)));
  }
}

// 2^31 pages of one entry: refused before a page is hashed.
TEST_F(SdkImageFields, MorePagesThanTheEnclaveHas) {
  store(file_, layout_ + 4, std::uint32_t{0x80000000});
  EXPECT_THAT(error(), HasSubstr("2147483648 pages at 0x5000 are not pages of an enclave of 0x10000 bytes"));
}

TEST_F(SdkImageFields, MorePagesThanAProcessorCanHold) {
  store(file_, metadata_ + 40, std::uint64_t{1} << 47);
  store(file_, layout_ + 4, std::uint32_t{0x80000000});
  EXPECT_THAT(error(Fault::unsupported), HasSubstr("2147483652 added"));
}

TEST_F(SdkImageFields, APageAddedTwice) {
  store(file_, layout_ + 8, std::uint64_t{0x6000});
  EXPECT_THAT(error(), HasSubstr("the page at 0x6000 is added twice"));
  store(file_, layout_ + 8, std::uint64_t{0x2000});  // in the second segment
  EXPECT_THAT(error(), HasSubstr("the page at 0x2000 is added twice"));
}

TEST_F(SdkImageFields, APlaceThatIsNoPage) {
  store(file_, layout_ + 8, std::uint64_t{0x5800});
  EXPECT_THAT(error(), HasSubstr("is no address of a page"));
  store(file_, layout_ + 8, UINT64_MAX - 0xfff);
  EXPECT_THAT(error(), HasSubstr("are not pages of an enclave"));
}

TEST_F(SdkImageFields, FlagsThatNoPageHas) {
  store(file_, layout_ + 24, std::uint64_t{0x101});
  EXPECT_THAT(error(), HasSubstr("page flags 0x101"));
  store(file_, layout_ + 24, std::uint64_t{0x203} | std::uint64_t{1} << 40);
  EXPECT_THAT(error(), HasSubstr("page flags 0x10000000203"));
}

TEST_F(SdkImageFields, AGroupThatNeverEnds) {
  store(file_, layout_ + 32, std::uint16_t{0x1009});      // the second row becomes a group
  store(file_, layout_ + 34, std::uint16_t{1});           // of the first
  store(file_, layout_ + 36, std::uint32_t{0xffffffff});  // many times
  store(file_, layout_ + 40, std::uint64_t{0});           // in the same place
  EXPECT_THAT(error(), HasSubstr("4294967295 steps of 0x0 leave the enclave"));
  store(file_, layout_ + 40, std::uint64_t{0x1000});
  EXPECT_THAT(error(), HasSubstr("steps of 0x1000 leave the enclave"));
  // A huge enclave, and an entry without pages.
  store(file_, metadata_ + 40, std::uint64_t{1} << 47);
  store(file_, layout_ + 4, std::uint32_t{0});
  EXPECT_THAT(error(Fault::unsupported), HasSubstr("repeats 1 rows 4294967295 times"));
  store(file_, layout_ + 34, std::uint16_t{2});
  EXPECT_THAT(error(), HasSubstr("repeats 2 rows above it"));
}

TEST_F(SdkImageFields, TablesOutsideTheMetadata) {
  store(file_, metadata_ + 1884, std::uint32_t{0xffffffe0});
  EXPECT_THAT(error(), HasSubstr("layout table: 4294967264 bytes at"));
  store(file_, metadata_ + 1884, std::uint32_t{33});
  EXPECT_THAT(error(), HasSubstr("no whole number of entries"));
}

TEST_F(SdkImageFields, APatchOutsideTheFileOrOfTheMetadataItself) {
  store(file_, patches_, UINT64_MAX);
  EXPECT_THAT(error(), HasSubstr("reach beyond the file"));
  store(file_, patches_, std::uint64_t{metadata_ + 40});
  EXPECT_THAT(error(), HasSubstr("changes the metadata"));
}

TEST_F(SdkImageFields, AVersionThatNobodyWrote) {
  store(file_, metadata_ + 12, std::uint32_t{4});
  EXPECT_THAT(error(Fault::unsupported), HasSubstr("version 4.0"));
  store(file_, metadata_ + 12, std::uint32_t{23});
  EXPECT_THAT(error(Fault::unsupported), HasSubstr("version 23.0"));
}

TEST_F(SdkImageFields, AnUnsignedEnclave) {
  store(file_, metadata_, std::uint64_t{0});
  EXPECT_THAT(error(Fault::unsupported), HasSubstr("this enclave is not signed"));
}

TEST_F(SdkImageFields, ACopyLargerThanTheSection) {
  store(file_, metadata_ + 16, std::uint32_t{0x100000});
  EXPECT_THAT(error(), HasSubstr("size is 1048576, not between 1904 and"));
}

TEST(SdkImage, AnElrangeThatDoesNotFit) {
  Bytes file = made("elrange.so");
  store(file, find_table(file, 1888), std::uint64_t{0x3ff0000});  // image_address
  const Status s = measure_all(file);
  ASSERT_FALSE(s);
  EXPECT_THAT(s.error().message(), HasSubstr("an image at 0x3ff0000 of 0x40000 bytes does not fit"));
}

TEST(SdkImage, EveryTruncationIsAnError) {
  for (const char* name : {"small.so", "textrel.so"}) {
    const Bytes file = made(name);
    for (std::size_t size = 0; size < file.size(); size += size < 512 ? 1 : 7) {
      // A copy of its own, so that the sanitizer sees a read beyond its end.
      const Bytes part(file.begin(), file.begin() + static_cast<std::ptrdiff_t>(size));
      ASSERT_FALSE(measure_all(part)) << name << " " << size;
    }
  }
}

TEST(SdkImage, NoFlippedByteHarms) {
  for (auto [name, step] : {std::pair{"small.so", 1u}, {"plain.so", 7u}}) {
    const Bytes file = made(name);
    for (std::size_t at = 0; at < file.size(); at += step) {
      Bytes changed = file;
      changed[at] ^= static_cast<std::uint8_t>(1u << (at % 8));
      (void)measure_all(changed);
    }
  }
}

}  // namespace
}  // namespace hallmark::sgx
