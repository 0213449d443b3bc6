#include "lib/tee/sgx/gramine.h"

#include <gmock/gmock.h>

#include "lib/base/files.h"
#include "tests/unit/tee/small_load.h"

namespace hallmark::sgx {
namespace {

using testing::HasSubstr;

Bytes made(const char* name) {
  return *read_file(fs::path(HALLMARK_SOURCE_DIR) / "tests/vectors/gramine" / name, 1 << 20);
}

Result<GramineManifest> parse(const std::string& text) { return parse_gramine_manifest(as_bytes(text)); }

std::string manifest(std::string_view size = "\"4M\"", std::string_view threads = "1", std::string_view more = "") {
  return "[sgx]\nenclave_size = " + std::string(size) + "\nmax_threads = " + std::string(threads) + "\n" +
         std::string(more);
}

Status measure_all(ByteView text, ByteView libpal) {
  TRY(const GramineManifest read, parse_gramine_manifest(text));
  TRY(const Load load, load_gramine(text, read, libpal, gramine_releases().back()));
  return replay_if_small(load);
}

TEST(GramineManifest, SizesAreThoseOfTheSigningTool) {
  for (auto [text, size] : {std::pair{"4096", 4096ull},
                            {"8K", 8192ull},
                            {"256M", 256ull << 20},
                            {"1024G", 1ull << 40},
                            {"0x100000", 1ull << 20},
                            {"0x10M", 16ull << 20}}) {
    const auto m = parse(manifest("\"" + std::string(text) + "\""));
    ASSERT_TRUE(m) << text;
    EXPECT_EQ(m->enclave_size, size);
  }
}

TEST(GramineManifest, WhatNoSigningToolTakesIsNamed) {
  struct Wrong {
    std::string text;
    const char* why;
  };
  for (const Wrong& w : {Wrong{manifest("\"\""), "sgx.enclave_size: is no size"},
                         {manifest("\"M\""), "is no size"},
                         {manifest("\"-4M\""), "is no size"},
                         {manifest("\" 4M\""), "is no size"},
                         {manifest("\"010M\""), "is no size"},
                         {manifest("\"4T\""), "is no size"},
                         {manifest("\"0x\""), "is no size"},
                         {manifest("\"99999999999999999999\""), "is no size"},
                         {manifest("\"99999999999999999G\""), "is no size"},
                         {manifest("4096"), "is no size"},
                         {"[\x0fsgx]\n", "manifest: "},
                         {"[=sgx]\n", "manifest: "},
                         {"[sgx]\nmax_threads = 1\xef\xba\xbfx\n", "manifest: line 2: "},
                         {"[sgx]\nenclave_size\xc2\xa0= \"4M\"\n", "manifest: line 2: "},
                         {manifest("\"3M\""), "0x300000 is not a power of two"},
                         {manifest("\"0\""), "0x0 is not a power of two"},
                         {manifest("\"1048576G\""), "is not a power of two"},
                         {manifest("\"4M\"", "0"), "sgx.max_threads: is no number from 1 to 4096"},
                         {manifest("\"4M\"", "4097"), "sgx.max_threads"},
                         {manifest("\"4M\"", "-1"), "sgx.max_threads"},
                         {manifest("\"4M\"", "\"4\""), "sgx.max_threads"},
                         {manifest("\"4M\"", "1", "edmm_enable = 1\n"), "sgx.edmm_enable: is neither"},
                         {manifest("\"4M\"", "1", "trusted_files = 3\n"), "sgx.trusted_files: is no array"},
                         {manifest("\"4M\"", "1", "max_threads = 2\n"), "line 4"},
                         {"x = \"\xff\"\n", "manifest: is not UTF-8"},
                         {"[sgx\n", "line 1"},
                         {"sgx = 4\n", "has no table sgx"},
                         {"", "has no table sgx"}}) {
    const auto m = parse(w.text);
    ASSERT_FALSE(m) << w.text;
    EXPECT_EQ(m.error().fault, Fault::format);
    EXPECT_THAT(m.error().message(), HasSubstr(w.why));
  }
}

TEST(GramineManifest, StringsAndCommentsMayHoldAnyCharacter) {
  const auto m = parse("# größer\n" + manifest("\"4M\"", "1", "x = \"\xef\xba\xbf \xe2\x80\xa8\"\n"));
  ASSERT_TRUE(m) << m.error().message();
  EXPECT_EQ(m->enclave_size, 4u << 20);
}

TEST(GramineManifest, OneWithoutHashesIsNotTheOneThatIsMeasured) {
  for (const char* files : {"trusted_files = [\"file:app\"]\n", "trusted_files = [{uri = \"file:app\"}]\n"}) {
    const auto m = parse(manifest("\"4M\"", "1", files));
    ASSERT_FALSE(m);
    EXPECT_EQ(m.error().fault, Fault::unsupported);
    EXPECT_THAT(m.error().message(), HasSubstr("file 0 has no sha256 yet"));
  }
}

TEST(GramineManifest, DepthIsBounded) {
  std::string deep = "x = " + std::string(100'000, '[');
  EXPECT_FALSE(parse(deep));
}

TEST(Gramine, ReleasesAreKnownByName) {
  EXPECT_EQ(find_gramine_release(std::nullopt)->name, "1.9");
  EXPECT_EQ(find_gramine_release("1.6.2")->name, "1.6.2");
  const auto none = find_gramine_release("1.4");
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().fault, Fault::unsupported);
  EXPECT_THAT(none.error().message(), HasSubstr("\"1.4\": not one of 1.5, 1.6, 1.6.1, 1.6.2, 1.7, 1.8, 1.9"));
}

TEST(Gramine, AnEnclaveThatIsTooSmall) {
  const std::string text = manifest("\"256K\"", "1");
  const Status s = measure_all(as_bytes(text), made("libpal.so"));
  ASSERT_FALSE(s);
  EXPECT_THAT(s.error().message(), HasSubstr("sgx.enclave_size: 0x40000 has no room for"));
  const std::string many = manifest("\"256M\"", "4096");
  EXPECT_FALSE(measure_all(as_bytes(many), made("libpal.so")));
}

// With EDMM the heap is no page at all; without, 2^40 bytes of it are one region, and 2^47 too many pages.
TEST(Gramine, AHugeEnclaveCostsNoMemory) {
  const Bytes libpal = made("libpal.so");
  for (auto [size, edmm, possible] :
       {std::tuple{"131072G", true, true}, {"1024G", false, true}, {"131072G", false, false}}) {
    const std::string text = manifest("\"" + std::string(size) + "\"", "1", edmm ? "edmm_enable = true\n" : "");
    const GramineManifest read = *parse(text);
    const auto load = load_gramine(as_bytes(text), read, libpal, gramine_releases().back());
    ASSERT_EQ(load.has_value(), possible) << size;
    if (!possible) {
      EXPECT_EQ(load.error().fault, Fault::unsupported);
      EXPECT_THAT(load.error().message(), HasSubstr("more pages than any processor can hold"));
      continue;
    }
    EXPECT_LT(load->regions.size(), 20u);
    EXPECT_LT(load->content.size(), 4096u);
  }
}

class LibpalFields : public testing::Test {
 protected:
  std::string error(Fault fault = Fault::format) {
    const std::string text = manifest();
    const Status s = measure_all(as_bytes(text), libpal_);
    EXPECT_FALSE(s);
    if (s) return {};
    EXPECT_EQ(s.error().fault, fault);
    return s.error().message();
  }
  void store(std::size_t at, std::uint64_t value) { store_le(std::span(libpal_).subspan(at), value); }

  const Bytes good_ = made("libpal.so");
  Bytes libpal_ = good_;
};

TEST_F(LibpalFields, WhatNoLoaderMaps) {
  constexpr std::size_t kThird = 64 + 2 * 56;
  store(kThird + 16, 0x3000);  // p_vaddr
  EXPECT_THAT(error(), HasSubstr("segment at 0x3000: stands at 0x1f80 in the file"));
  store(kThird + 16, 0x1f80);
  EXPECT_THAT(error(), HasSubstr("is added twice"));
  libpal_ = good_;
  store(kThird + 40, std::uint64_t{1} << 40);  // p_memsz
  EXPECT_THAT(error(), HasSubstr("has no room for"));
  store(kThird + 40, UINT64_MAX - 0x3f80);
  EXPECT_THAT(error(), HasSubstr("lie outside any enclave"));
  libpal_ = good_;
  store(64 + 16, 0x400000);
  store(64 + 56 + 16, 0x401010);
  EXPECT_THAT(error(Fault::unsupported), HasSubstr("no loadable segment at address 0"));
  libpal_ = good_;
  store(24, 0x10000);
  EXPECT_THAT(error(), HasSubstr("libpal: ELF header: e_entry at 0x18: 0x10000"));
  libpal_.clear();
  EXPECT_THAT(error(), HasSubstr("libpal"));
}

TEST(Gramine, EveryTruncationOfLibpalIsAnErrorAndNoFlippedByteHarms) {
  const Bytes text = made("plain.manifest.sgx"), libpal = made("libpal.so");
  for (std::size_t size = 0; size < libpal.size(); size += size < 512 ? 1 : 61) {
    const Bytes part(libpal.begin(), libpal.begin() + static_cast<std::ptrdiff_t>(size));
    ASSERT_FALSE(measure_all(text, part)) << size;
  }
  for (std::size_t at = 0; at < 512; at += 3) {
    Bytes changed = libpal;
    changed[at] ^= static_cast<std::uint8_t>(1u << (at % 8));
    (void)measure_all(text, changed);
  }
  for (std::size_t at = 0; at < text.size(); at++) {
    Bytes changed = text;
    changed[at] ^= static_cast<std::uint8_t>(1u << (at % 8));
    (void)measure_all(changed, libpal);
  }
}

}  // namespace
}  // namespace hallmark::sgx
