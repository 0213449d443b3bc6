#include <gmock/gmock.h>

#include <chrono>
#include <functional>

#include "lib/base/files.h"
#include "lib/tee/sgx/explain.h"
#include "lib/tee/sgx/oe_image.h"
#include "tests/unit/tee/small_load.h"

namespace hallmark::sgx {
namespace {

using testing::Contains;
using testing::HasSubstr;

fs::path made(const char* name) { return fs::path(HALLMARK_SOURCE_DIR) / "tests/vectors/ego" / name; }

Status measure_both(ByteView base, ByteView payload, std::optional<ByteView> module = {}) {
  TRY(const OeImage image, OeImage::parse(payload));
  TRY(const Load load, image.load_behind(base, module));
  return replay_if_small(load);
}

// A pair with a few bytes of one of them changed. Whatever they claim, the answer comes at once.
class EgoFields : public testing::Test {
 protected:
  struct File {
    Bytes bytes;

    template <std::unsigned_integral T>
    void store(std::size_t at, T value) {
      store_le(std::span(bytes).subspan(at), value);
    }
    std::size_t section(std::string_view name) const { return Elf::parse(bytes)->find_section(name)->offset; }
    // Of a section's header, by the name's place in the file's own order.
    std::size_t header(std::string_view name) const {
      const Elf elf = *Elf::parse(bytes);
      const auto index = static_cast<std::size_t>(elf.find_section(name) - elf.sections().data());
      return load_le<std::uint64_t>(ByteView(bytes).subspan(40)) + index * 64;
    }
    std::size_t symbol(std::string_view name, std::size_t which = 0) const {
      const Elf elf = *Elf::parse(bytes);
      const std::vector<ElfSymbol> symbols = *elf.dynamic_symbols();
      for (std::size_t i = 0; i < symbols.size(); i++)
        if (symbols[i].name == name && which-- == 0) return section(".dynsym") + i * 24;
      ADD_FAILURE() << name;
      return 0;
    }
    // The number of a dynamic entry's value.
    std::size_t dynamic(std::uint64_t tag) const {
      std::size_t at = section(".dynamic");
      while (load_le<std::uint64_t>(ByteView(bytes).subspan(at)) != tag) at += 16;
      return at;
    }
  };

  void SetUp() override { ASSERT_TRUE(measure_both(base_.bytes, payload_.bytes)); }

  std::string error(Fault fault = Fault::format) {
    const auto begin = std::chrono::steady_clock::now();
    const Status s = measure_both(base_.bytes, payload_.bytes);
    EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(1));
    base_ = good_base_;
    payload_ = good_payload_;
    EXPECT_FALSE(s);
    if (s) return {};
    EXPECT_EQ(s.error().fault, fault) << s.error().message();
    return s.error().message();
  }

  const File good_base_{*read_file(made("base"), 1 << 20)}, good_payload_{*read_file(made("plain"), 1 << 20)};
  File base_ = good_base_, payload_ = good_payload_;
};

TEST_F(EgoFields, AConfigurationOutsideTheFile) {
  const std::size_t oeinfo = payload_.section(".oeinfo");
  payload_.store(oeinfo + 0x808, std::uint64_t{86});
  EXPECT_THAT(error(), HasSubstr("the configuration of 86 bytes (at 0x808) at 0x57e0 (at 0x800) reaches beyond"));
  payload_.store(oeinfo + 0x800, UINT64_MAX);
  EXPECT_THAT(error(), HasSubstr("(at 0x800) reaches beyond the file's 22580"));
  payload_.store(oeinfo + 0x800, std::uint64_t{0});
  EXPECT_THAT(error(Fault::unsupported), HasSubstr("the loader would leave room for it and not load it"));
}

TEST_F(EgoFields, FlagsThatNoBaseEnclaveIsLoadedWith) {
  const std::size_t flags = payload_.section(".oeinfo") + 36;
  payload_.store(flags, std::uint32_t{2});
  payload_.store(flags + 52, std::uint64_t{0x10000});
  EXPECT_THAT(error(Fault::unsupported), HasSubstr("flags at 0x24: 0x2: of a zero-base enclave"));
  payload_.store(flags, std::uint32_t{8});
  EXPECT_THAT(error(Fault::unsupported), HasSubstr("flags at 0x24: 0x8"));
}

TEST_F(EgoFields, FilesThatAreNoBaseEnclave) {
  base_.bytes = payload_.bytes;
  EXPECT_THAT(error(Fault::unsupported), HasSubstr("the base enclave: is itself a payload"));
  base_.bytes.resize(100);
  EXPECT_THAT(error(), HasSubstr("the base enclave: ELF"));
  base_.store(base_.section(".oeinfo"), std::uint32_t{1920});
  EXPECT_THAT(error(Fault::unsupported), HasSubstr("the base enclave: .oeinfo: size at 0x0: is not 1960"));
  base_.store(base_.symbol("_module_info"), std::uint32_t{1});
  EXPECT_THAT(error(Fault::unsupported), HasSubstr("has no dynamic symbol _module_info"));
  base_.store(base_.dynamic(12), std::uint64_t{1});  // DT_NEEDED, as in ego-enclave-fips140
  EXPECT_THAT(error(Fault::unsupported), HasSubstr("the base enclave: needs the module"));
  base_.store(base_.dynamic(12), std::uint64_t{29});
  EXPECT_THAT(error(Fault::unsupported),
              HasSubstr("the base enclave: ELF section .dynamic: has DT_RPATH or DT_RUNPATH"));
}

TEST_F(EgoFields, ModulesThatAreNotNeededOrNotOne) {
  const Bytes module = *read_file(made("libmodule.so"), 1 << 20), needing = *read_file(made("needing-base"), 1 << 20);
  EXPECT_TRUE(measure_both(needing, payload_.bytes, module));
  Status s = measure_both(base_.bytes, payload_.bytes, module);
  EXPECT_EQ(s.error().fault, Fault::usage);
  EXPECT_THAT(s.error().message(), HasSubstr("the base enclave: needs no module"));
  s = measure_both(needing, payload_.bytes, ByteView(module).first(100));
  EXPECT_THAT(s.error().message(), HasSubstr("the module: ELF"));
  base_.bytes = needing;
  const std::size_t soname = base_.dynamic(12);
  base_.store(soname, std::uint64_t{1});
  EXPECT_THAT(measure_both(base_.bytes, payload_.bytes, module).error().message(), HasSubstr("has DT_NEEDED twice"));
}

// Where Open Enclave's own loader and that of Edgeless RT would differ, nothing is measured.
TEST_F(EgoFields, AnImageHasNoRoomForAModulesThreadData) {
  const Bytes file = *read_file(made("image-with-module"), 1 << 20);
  const OeImage image = *OeImage::parse(file);
  File module{*read_file(made("libmodule.so"), 1 << 20)};
  const auto load = image.load(module.bytes);
  ASSERT_TRUE(load) << load.error().message();
  EXPECT_TRUE(replay_if_small(*load));
  // The array of initialisers under another name, and as long.
  const std::size_t header = module.header(".init_array");
  const std::string_view names = as_text(module.bytes);
  const std::size_t strings = module.section(".strings");
  module.store(header, static_cast<std::uint32_t>(names.find(".tdata", strings) - strings));
  EXPECT_THAT(image.load(module.bytes).error().message(), HasSubstr("the module has thread-local data"));
  EXPECT_THAT(image.load().error().message(), HasSubstr("needs the module \"libmodule.so\""));
}

TEST_F(EgoFields, AnImageOfItsOwnIsLoadedBehindNothing) {
  const Bytes plain = *read_file(made("../open_enclave/plain"), 1 << 20);
  EXPECT_EQ(OeImage::parse(plain)->load_behind(base_.bytes).error().fault, Fault::unsupported);
}

TEST_F(EgoFields, ModuleInfoOutsideTheImage) {
  const std::size_t value = base_.symbol("_module_info") + 8;
  base_.store(value, std::uint64_t{0x6ff0});
  EXPECT_THAT(error(), HasSubstr("symbol _module_info: 8 bytes at 0x7000 are outside the image of 0x7000"));
  base_.store(value, UINT64_MAX - 7);
  EXPECT_THAT(error(), HasSubstr("symbol _module_info: 8 bytes at"));
}

TEST_F(EgoFields, MoreThreadDataThanIsReserved) {
  base_.store(base_.symbol("ert_reserved_tls") + 16, std::uint64_t{95});
  EXPECT_THAT(error(Fault::unsupported), HasSubstr("ert_reserved_tls: reserves 95 bytes for thread-local data of 96"));
  base_.store(base_.symbol("ert_reserved_tls"), std::uint32_t{1});
  EXPECT_THAT(error(Fault::unsupported), HasSubstr("ert_reserved_tls: reserves 0 bytes"));
  payload_.store(payload_.header(".tbss") + 32, UINT64_MAX);
  EXPECT_THAT(error(), HasSubstr("ELF section .tbss: 0xffffffffffffffff bytes"));
}

TEST_F(EgoFields, SymbolsThatAreNowhere) {
  const std::uint8_t global = 0x10;
  payload_.store(payload_.symbol("nowhere") + 4, global);
  EXPECT_THAT(error(Fault::unsupported), HasSubstr("ELF relocation 4: symbol \"nowhere\" is in none of the programs"));
  base_.store(base_.symbol("nowhere") + 4, global);
  EXPECT_THAT(error(Fault::unsupported),
              HasSubstr("the base enclave: ELF relocation 4: symbol \"nowhere\" is in none"));
  // One that is only referred to there is none.
  payload_.store(payload_.symbol("main") + 6, std::uint16_t{0});
  EXPECT_THAT(error(Fault::unsupported), HasSubstr("the base enclave: ELF relocation 2: symbol \"main\""));
  // The first of a name is the one that counts, even if only the second is a definition.
  payload_.store(payload_.symbol("twice") + 6, std::uint16_t{0});
  EXPECT_THAT(error(Fault::unsupported), HasSubstr("the base enclave: ELF relocation 6: symbol \"twice\""));
  payload_.store(payload_.symbol("own"), std::uint32_t{0});
  EXPECT_THAT(error(), HasSubstr("ELF relocation 1: symbol 4 has no name"));
}

TEST_F(EgoFields, RelocationsThatDoNotAddUp) {
  const std::size_t own = payload_.section(".rela.dyn"), of_base = base_.section(".rela.dyn");
  payload_.store(own + 24 + 12, std::uint32_t{10});
  EXPECT_THAT(error(), HasSubstr("ELF relocation 1: symbol 10 of 10"));
  payload_.store(own, UINT64_MAX - 8);
  EXPECT_THAT(error(), HasSubstr("ELF relocation 0: its address or addend passes"));
  payload_.store(own + 16, std::uint64_t{INT64_MAX});
  EXPECT_THAT(error(), HasSubstr("ELF relocation 0: its address or addend passes"));
  payload_.store(payload_.symbol("main") + 8, std::uint64_t{INT64_MAX});
  EXPECT_THAT(error(), HasSubstr("the base enclave: ELF relocation 2: its address or addend passes"));
  base_.store(of_base + 24 + 16, std::uint64_t{INT64_MAX});
  EXPECT_THAT(error(), HasSubstr("the base enclave: ELF relocation 1: its address or addend passes"));
  payload_.store(payload_.header(".rela.dyn"), std::uint32_t{0});  // by another name
  EXPECT_THAT(error(), HasSubstr("has no relocations in .rela.dyn"));
  base_.store(base_.header(".dynsym") + 4, std::uint32_t{1});
  base_.store(of_base + 5 * 24 + 8, std::uint32_t{8});  // the thread-local one, which would ask for its symbol before
  EXPECT_THAT(error(), HasSubstr("the base enclave: ELF: has no dynamic symbols"));
}

TEST_F(EgoFields, ADynamicSectionWithoutEnd) {
  payload_.store(payload_.dynamic(0), std::uint64_t{10});
  EXPECT_THAT(error(), HasSubstr("ELF section .dynamic: its 304 bytes have no DT_NULL"));
  payload_.store(payload_.section(".dynamic"), std::uint64_t{0});
  EXPECT_THAT(error(), HasSubstr("ELF section .dynamic: has no symbol table"));
  payload_.store(payload_.dynamic(3) + 8, UINT64_MAX);
  EXPECT_THAT(error(), HasSubstr("the address 0xffffffffffffffff of tag 0x3 passes 2^64"));
  payload_.store(payload_.header(".dynamic") + 16, std::uint64_t{1} << 47);
  EXPECT_THAT(error(), HasSubstr("ELF section .dynamic: its address 0x800000000000 is outside"));
  payload_.store(payload_.header(".dynamic"), std::uint32_t{0});
  EXPECT_THAT(error(), HasSubstr("ELF: has no section .dynamic in memory"));
}

TEST_F(EgoFields, ProgramsBeyondTheAddressSpace) {
  const std::size_t memory_size = 64 + 2 * 56 + 40;
  base_.store(memory_size, (std::uint64_t{1} << 47) - 0x5000);
  EXPECT_THAT(error(), HasSubstr("ELF section .dynamic: its address 0x4fc0 is outside any enclave"));
  payload_.store(memory_size, (std::uint64_t{1} << 47) - 0x5000);
  EXPECT_THAT(error(), HasSubstr("the enclave would end at 0x8000"));
  for (File* file : {&base_, &payload_}) {
    file->store(memory_size, std::uint64_t{1} << 44);
    EXPECT_THAT(error(Fault::unsupported), HasSubstr("more pages than any processor can hold"));
  }
}

TEST_F(EgoFields, EveryTruncationIsAnError) {
  for (std::size_t size = 0; size < base_.bytes.size(); size += size < 512 ? 1 : 61) {
    // A copy of its own, so that the sanitizer sees a read beyond its end.
    const Bytes part(base_.bytes.begin(), base_.bytes.begin() + static_cast<std::ptrdiff_t>(size));
    ASSERT_FALSE(measure_both(part, payload_.bytes)) << size;
  }
}

TEST_F(EgoFields, NoFlippedByteHarms) {
  for (File* file : {&base_, &payload_})
    for (std::size_t at = 0; at < file->bytes.size(); at += 97) {
      file->bytes[at] ^= static_cast<std::uint8_t>(1u << (at % 8));
      (void)measure_both(base_.bytes, payload_.bytes);
      file->bytes[at] ^= static_cast<std::uint8_t>(1u << (at % 8));
    }
}

TEST(Ego, OfOtherConfigurationsIsExplained) {
  const std::map<std::string, fs::path> with{{"ego-enclave", made("base")}};
  const auto e = explain({.image = made("unsigned"), .companions = with}, {.image = made("bare"), .companions = with});
  ASSERT_TRUE(e) << e.error().message();
  EXPECT_FALSE(e->same);
  EXPECT_THAT(e->causes, Contains("configuration: 0x1000 bytes in A, 0x0 bytes in B"));
  const auto code =
      explain({.image = made("plain"), .companions = with}, {.image = made("code-changed"), .companions = with});
  ASSERT_TRUE(code) << code.error().message();
  EXPECT_THAT(
      code->causes,
      Contains("payload segment at 0x0: other bytes in 1 page, the first at 0x7210: section .text, symbol main"));
  EXPECT_EQ(explain({.image = made("plain")}, {.image = made("plain")}).error().fault, Fault::usage);
}

}  // namespace
}  // namespace hallmark::sgx
