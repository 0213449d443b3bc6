#include "lib/tee/sgx/oe_image.h"

#include <gmock/gmock.h>

#include <chrono>

#include "lib/base/files.h"
#include "tests/unit/tee/small_load.h"

namespace hallmark::sgx {
namespace {

using testing::HasSubstr;

Bytes made(const char* name) {
  return *read_file(fs::path(HALLMARK_SOURCE_DIR) / "tests/vectors/open_enclave" / name, 1 << 20);
}

Status measure_all(ByteView file) {
  TRY(const OeImage image, OeImage::parse(file));
  TRY(const Load load, image.load());
  return replay_if_small(load);
}

// plain with one field of its properties, or of the ELF tables, changed. The image is 11 KB; whatever it claims, the
// answer comes at once.
class OeImageFields : public testing::Test {
 protected:
  void SetUp() override {
    const Elf elf = *Elf::parse(file_);
    oeinfo_ = elf.find_section(".oeinfo")->offset;
    dynsym_ = elf.find_section(".dynsym")->offset;
    rela_ = elf.find_section(".rela.dyn")->offset;
    sections_ = load_le<std::uint64_t>(ByteView(file_).subspan(40));
    ASSERT_TRUE(measure_all(file_));
  }

  template <std::unsigned_integral T>
  void store(std::size_t at, T value) {
    store_le(std::span(file_).subspan(at), value);
  }

  std::string error(Fault fault = Fault::format) {
    const auto begin = std::chrono::steady_clock::now();
    const Status s = measure_all(file_);
    EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(1));
    EXPECT_FALSE(s);
    if (s) return {};
    EXPECT_EQ(s.error().fault, fault) << s.error().message();
    return s.error().message();
  }

  Bytes file_ = made("plain");
  std::size_t oeinfo_ = 0, dynsym_ = 0, rela_ = 0, sections_ = 0;
};

TEST_F(OeImageFields, PropertiesThatNoLoaderTakes) {
  const Bytes good = file_;
  struct Wrong {
    std::size_t at;
    std::uint32_t value;
    Fault fault;
    const char* why;
  };
  for (const Wrong& w : {Wrong{0, 1920, Fault::unsupported, "size at 0x0: is 1920, not 1960"},
                         {4, 3, Fault::unsupported, "enclave_type at 0x4: 0x3"},
                         {24, 1025, Fault::format, "num_tcs at 0x18: 0x401"},
                         {36, 4, Fault::unsupported, "flags at 0x24: 0x4"},
                         {72, 0x14, Fault::format, "attributes at 0x48: 0x14"},
                         {72, 0x2, Fault::format, "attributes at 0x48: 0x2"},
                         {36, 2, Fault::format, "start_address at 0x58: 0x0 is no address"},
                         {144, 7, Fault::format, "SIGSTRUCT: header at 0x0"},
                         {1952, 0, Fault::format, "end_marker at 0x7a0"}}) {
    file_ = good;
    store(oeinfo_ + w.at, w.value);
    EXPECT_THAT(error(w.fault), HasSubstr(w.why));
  }
}

TEST_F(OeImageFields, MorePagesThanFit) {
  for (std::size_t at : {8u, 16u}) {
    const Bytes good = file_;
    for (std::uint64_t pages : {std::uint64_t{1} << 40, UINT64_MAX, UINT64_MAX / 4096}) {
      store(oeinfo_ + at, pages);
      EXPECT_THAT(error(), HasSubstr("fit in no enclave"));
    }
    store(oeinfo_ + at, std::uint64_t{1} << 33);
    EXPECT_THAT(error(Fault::unsupported), HasSubstr("more pages than any processor can hold"));
    file_ = good;
  }
}

// What a server with a terabyte of enclave memory loads: 31 million pages of heap are one region.
TEST_F(OeImageFields, AHugeHeapCostsNoMemory) {
  store(oeinfo_ + 8, std::uint64_t{31'324'288});
  const OeImage image = *OeImage::parse(file_);
  const auto load = image.load();
  ASSERT_TRUE(load) << load.error().message();
  EXPECT_LT(load->regions.size(), 40u);
  EXPECT_LT(load->content.size(), std::size_t{64} << 10);
  EXPECT_EQ(load->pages_added - load->pages_extended, 31'324'288u);
  EXPECT_EQ(load->size, std::uint64_t{1} << 37);
}

TEST_F(OeImageFields, AZeroBaseImageBeyondTheAddressSpace) {
  store(oeinfo_ + 36, std::uint32_t{2});
  store(oeinfo_ + 88, kMaxAddress - kPage);
  EXPECT_THAT(error(), HasSubstr("the enclave would end at 0x8000000"));
  store(oeinfo_ + 88, std::uint64_t{0x1800});
  EXPECT_THAT(error(), HasSubstr("start_address at 0x58: 0x1800"));
}

TEST_F(OeImageFields, ASymbolOutsideTheImage) {
  store(dynsym_ + 24 + 8, std::uint64_t{0x7ffc});
  EXPECT_THAT(error(), HasSubstr("symbol _enclave_rva: 8 bytes at 0x7ffc are outside the image of 0x8000"));
  store(dynsym_ + 24 + 8, UINT64_MAX);
  EXPECT_THAT(error(), HasSubstr("are outside the image"));
}

TEST_F(OeImageFields, AnImageOfTheTimeBeforeDynamicSymbols) {
  const Elf elf = *Elf::parse(file_);
  store(elf.find_section(".dynstr")->offset + 2, std::uint8_t{'X'});
  EXPECT_THAT(error(Fault::unsupported), HasSubstr("has no dynamic symbol _enclave_rva"));
}

TEST_F(OeImageFields, RelocationsThatTheLoaderRefuses) {
  store(rela_ + 8, std::uint32_t{37});
  EXPECT_THAT(error(Fault::unsupported), HasSubstr("section .rela.dyn: relocation 0: is of type 37"));
  store(rela_ + 8, std::uint32_t{18});
  store(rela_ + 12, std::uint32_t{12});
  EXPECT_THAT(error(), HasSubstr("relocation 0: symbol 12 of 12"));
}

TEST_F(OeImageFields, SegmentsThatTheLoaderRefuses) {
  const Bytes good = file_;
  store(64 + 16, std::uint64_t{0x10});
  EXPECT_THAT(error(), HasSubstr("an image begins at address 0"));
  file_ = good;
  store(64 + 2 * 56 + 16, std::uint64_t{0x2700});
  EXPECT_THAT(error(), HasSubstr("begins in a page of the one before"));
  file_ = good;
  store(64 + 2 * 56 + 4, std::uint32_t{0});
  EXPECT_THAT(error(), HasSubstr("has no permissions"));
  file_ = good;
  store(64 + 2 * 56 + 40, std::uint64_t{1} << 44);
  EXPECT_THAT(error(Fault::unsupported), HasSubstr("more pages than any processor can hold"));
  file_ = good;
  store(24, std::uint64_t{0});
  EXPECT_THAT(error(), HasSubstr("e_entry at 0x18: 0x0"));
}

TEST_F(OeImageFields, ThreadDataThatDoesNotAddUp) {
  const Bytes good = file_;
  store(64 + 3 * 56 + 32, std::uint64_t{25});  // p_filesz of PT_TLS
  EXPECT_THAT(error(), HasSubstr("PT_TLS has 0x19 bytes at 0x4f80, section .tdata 0x18"));
  file_ = good;
  store(64 + 3 * 56 + 48, std::uint64_t{0});  // p_align
  EXPECT_THAT(error(), HasSubstr(".tdata: 0x18 bytes aligned to 0x0"));
  file_ = good;
  store(sections_ + 4 * 64 + 32, UINT64_MAX);  // the size of .tbss
  EXPECT_THAT(error(), HasSubstr(".tbss: 0xffffffffffffffff bytes"));
  file_ = good;
  store(sections_ + 4 * 64 + 32, std::uint64_t{1} << 46);
  EXPECT_THAT(error(), HasSubstr("fit in no enclave"));
}

TEST(OeImage, AModuleIsNamed) {
  const Bytes file = made("needs-module");
  const Status s = measure_all(file);
  ASSERT_FALSE(s);
  EXPECT_EQ(s.error().fault, Fault::unsupported);
  EXPECT_THAT(s.error().message(), HasSubstr("needs the module \"libmodule.so\" (DT_NEEDED)"));
}

TEST(OeImage, APayloadOfEgoHasNoLoad) {
  const Bytes file = made("ego");
  const OeImage image = *OeImage::parse(file);
  ASSERT_TRUE(image.ego_payload());
  EXPECT_EQ(image.ego_payload()->num<"size">(), 14u);
  EXPECT_EQ(image.load().error().fault, Fault::unsupported);
}

TEST(OeImage, EveryTruncationIsAnError) {
  const Bytes file = made("plain");
  for (std::size_t size = 0; size < file.size(); size += size < 512 ? 1 : 7) {
    // A copy of its own, so that the sanitizer sees a read beyond its end.
    const Bytes part(file.begin(), file.begin() + static_cast<std::ptrdiff_t>(size));
    ASSERT_FALSE(measure_all(part)) << size;
  }
}

TEST(OeImage, NoFlippedByteHarms) {
  for (auto [name, step] : {std::pair{"plain", 3u}, {"zero-base", 7u}, {"ego", 7u}}) {
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
