#include "lib/tee/sgx/sdk_metadata.h"

#include <gmock/gmock.h>

#include <chrono>

#include "lib/base/files.h"
#include "lib/tee/sgx/sdk_image.h"

namespace hallmark::sgx {
namespace {

using testing::HasSubstr;

const fs::path kFolder = fs::path(HALLMARK_SOURCE_DIR) / "tests/vectors/sgx_config";

// What it measures to is held against its maker in tests/vectors; here is what is refused.
class SdkMetadataOf : public testing::Test {
 protected:
  // Where the dynamic symbols stand: the null entry, g_global_data, enclave_entry.
  std::size_t symbol(std::size_t index) const {
    const Elf elf = *Elf::parse(file_);
    return static_cast<std::size_t>(elf.find_section(".dynsym")->offset) + 24 * index;
  }
  template <std::unsigned_integral T>
  void store(std::size_t at, T value) {
    for (std::size_t i = 0; i < sizeof(T); i++) file_.at(at + i) = static_cast<std::uint8_t>(value >> (8 * i));
  }

  // All that is done before the first page is hashed.
  Status prepare(const SdkConfig& config) const {
    TRY(const Bytes metadata, build_sdk_metadata(file_, config));
    TRY(const SdkImage image, SdkImage::parse(file_, metadata));
    for (const SdkMetadata& copy : image.copies()) CHECK(image.load(copy));
    return {};
  }
  std::string error(Fault fault, const SdkConfig& config = {}) const {
    const auto begin = std::chrono::steady_clock::now();
    const Status s = prepare(config);
    EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(5));
    if (s) return "was measured";
    EXPECT_EQ(s.error().fault, fault) << s.error().message();
    return s.error().message();
  }

  Bytes file_ = *read_file(kFolder / "unsigned.so", 1 << 20);
};

TEST_F(SdkMetadataOf, ADefaultConfiguration) { EXPECT_TRUE(prepare({})); }

TEST_F(SdkMetadataOf, AnUnknownSdk) {
  store(symbol(1) + 16, std::uint64_t{1700});
  EXPECT_THAT(error(Fault::unsupported),
              AllOf(HasSubstr("g_global_data has 1700 bytes, which is that of no SDK known here: 184 (1.6 to 1.9), "),
                    HasSubstr("1768 (2.25 and later)")));
  for (const SdkGeneration& g : sdk_generations()) {
    if (g.known) continue;
    store(symbol(1) + 16, g.size);
    EXPECT_THAT(error(Fault::unsupported), HasSubstr("which is that of SDK " + std::string(g.sdk) + "; only"));
  }
}

TEST_F(SdkMetadataOf, AFileThatIsNoEnclave) {
  store(symbol(1), std::uint32_t{0});
  EXPECT_THAT(error(Fault::unsupported), HasSubstr("g_global_data, which the SDK's library defines, is missing"));
  store(symbol(1), std::uint32_t{15});
  EXPECT_THAT(error(Fault::unsupported), HasSubstr("g_global_data, which"));
  store(symbol(2), std::uint32_t{1});
  store(symbol(1), std::uint32_t{1});
  EXPECT_THAT(error(Fault::format), HasSubstr("more than one is named g_global_data"));
}

TEST_F(SdkMetadataOf, AnEntryPointThatIsNone) {
  store(symbol(2) + 8, std::uint64_t{0});
  EXPECT_THAT(error(Fault::format), HasSubstr("enclave_entry at 0x0 is no entry point"));
  store(symbol(2), std::uint32_t{0});  // then it is that of the header
  EXPECT_TRUE(prepare({}));
}

TEST_F(SdkMetadataOf, GlobalDataThatIsNotLoaded) {
  store(symbol(1) + 8, std::uint64_t{0x4000});
  EXPECT_THAT(error(Fault::format), HasSubstr("no segment puts all of g_global_data at 0x4000"));
}

TEST_F(SdkMetadataOf, SegmentsThatCannotBe) {
  const std::size_t tls = 64 + 2 * 56;
  const Bytes before = file_;
  store(tls + 48, std::uint64_t{3});
  EXPECT_THAT(error(Fault::format), HasSubstr("has the alignment 0x3"));
  file_ = before;
  store(tls + 40, UINT64_MAX - 0x5000);
  EXPECT_THAT(error(Fault::format), HasSubstr("lies outside any enclave"));
  file_ = before;
  store(tls + 40, std::uint64_t{1} << 46);  // 2^34 pages of thread-local storage
  EXPECT_THAT(error(Fault::unsupported), HasSubstr("more pages than any processor can hold"));
  file_ = before;
  store(64 + 56 + 32, std::uint64_t{file_.size() - 0x1400});  // the second segment takes in all that follows
  store(64 + 56 + 40, std::uint64_t{file_.size() - 0x1400});
  EXPECT_THAT(error(Fault::format), HasSubstr("loads .note.sgxmeta"));
}

TEST_F(SdkMetadataOf, AnEnclaveThatNoProcessorHolds) {
  for (auto size : {&SdkConfig::heap_max_size, &SdkConfig::stack_max_size, &SdkConfig::reserved_max_size,
                    &SdkConfig::user_region_size}) {
    SdkConfig c;
    c.misc_select = 1;
    for (int bits : {52, 62}) {  // 2^40 pages and more
      c.*size = std::uint64_t{1} << bits;
      EXPECT_THAT(error(Fault::unsupported, c), HasSubstr("is more pages than any processor can hold"));
    }
    c.*size = std::uint64_t{1} << 43;
    EXPECT_NE(error(Fault::unsupported, c), "");
  }
  SdkConfig c;
  c.tcs_num = c.tcs_max_num = UINT32_MAX;
  EXPECT_THAT(error(Fault::unsupported, c), HasSubstr("which no processor can hold"));
  c.tcs_num = c.tcs_max_num = 1 << 24;
  EXPECT_THAT(error(Fault::unsupported, c), HasSubstr("repeats 8 rows"));
  c.tcs_num = c.tcs_max_num = 1 << 16;
  c.stack_max_size = 1 << 24;
  EXPECT_THAT(error(Fault::unsupported, c), HasSubstr("more pages than any processor can hold"));
}

TEST_F(SdkMetadataOf, ARangeThatHasNoRoom) {
  SdkConfig c;
  c.image_address = 0x1000000;
  c.elrange_size = 0x1000000;
  c.elrange_start = 0x1000000;
  EXPECT_THAT(error(Fault::format, c), HasSubstr("does not fit an aligned range"));
}

TEST_F(SdkMetadataOf, ASecondObjectThatIsNotThere) {
  SdkConfig c;
  c.enable_ossl_fips = 1;
  EXPECT_THAT(error(Fault::unsupported, c), HasSubstr("EnableOSSLFIPS"));
}

// Oracle: MINOR_VERSION in metadata.h at the tags sgx_2.25 and sgx_2.26.
TEST_F(SdkMetadataOf, VersionsAreThoseOfTheSdk) {
  SdkConfig c;
  c.misc_select = 1;
  for (auto [sdk, version] : {std::pair{25u, "3.2"}, std::pair{26u, "3.3"}}) {
    store(static_cast<std::size_t>(*Elf::parse(file_)->file_offset(0x3040, 8)), std::uint64_t{2} << 32 | sdk << 16);
    const Bytes metadata = *build_sdk_metadata(file_, c);
    EXPECT_EQ(SdkImage::parse(file_, metadata)->copies().at(0).version(), version);
  }
}

TEST_F(SdkMetadataOf, NoCutFileIsTooMuch) {
  const Bytes whole = file_;
  for (std::size_t size = 0; size < whole.size(); size += 13) {
    file_.assign(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
    EXPECT_FALSE(prepare({})) << size;
  }
}

}  // namespace
}  // namespace hallmark::sgx
