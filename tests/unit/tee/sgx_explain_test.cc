// Oracle: each test changes one thing in a small enclave of tests/vectors, and so knows what differs.
#include "lib/tee/sgx/explain.h"

#include <gmock/gmock.h>

#include "lib/tee/sgx/oe_image.h"
#include "lib/tee/sgx/sdk_metadata.h"

namespace hallmark::sgx {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

const fs::path kVectors = fs::path(HALLMARK_SOURCE_DIR) / "tests/vectors";

class Explain : public testing::Test {
 protected:
  static fs::path made(const std::string& name) { return kVectors / name; }

  // A copy with other bytes.
  fs::path with(const fs::path& file, std::size_t at, ByteView bytes) {
    Bytes content = *read_file(file, 1 << 20);
    std::ranges::copy(bytes, content.begin() + static_cast<std::ptrdiff_t>(at));
    return kept(content);
  }
  fs::path with(const fs::path& file, std::string_view text, std::string_view other) {
    std::string content = *read_text(file, 1 << 20);
    const auto at = content.find(text);
    EXPECT_NE(at, content.npos) << text;
    content.replace(at, text.size(), other);
    return kept(as_bytes(content));
  }
  fs::path kept(ByteView content) {
    const fs::path out = folder_.path() / std::to_string(count_++);
    EXPECT_TRUE(write_file(out, content));
    return out;
  }

  static Explanation of(const MeasureRequest& a, const MeasureRequest& b) {
    auto e = explain(a, b);
    EXPECT_TRUE(e) << e.error().message();
    return e ? *std::move(e) : Explanation{};
  }
  static MeasureRequest configured(const fs::path& config) {
    return {.image = made("sgx_config/unsigned.so"), .companions = {{"config", config}}};
  }
  static MeasureRequest manifest(const fs::path& file) {
    return {
        .image = file, .companions = {{"libpal", made("gramine/libpal.so")}}, .options = {{"gramine-version", "1.9"}}};
  }

  TemporaryFolder folder_ = *TemporaryFolder::make("hallmark-test-");
  int count_ = 0;
};

TEST_F(Explain, TheSameEnclaveIsTheSame) {
  for (const char* name : {"sgx/plain.so", "sgx/stream.sgxs", "open_enclave/plain"}) {
    const Explanation e = of({.image = made(name)}, {.image = made(name)});
    EXPECT_TRUE(e.same);
    EXPECT_EQ(e.registers_a, e.registers_b);
    EXPECT_THAT(e.partings, IsEmpty());
    EXPECT_THAT(e.causes, IsEmpty());
  }
}

TEST_F(Explain, AFlippedByteIsFoundAtItsAddress) {
  const fs::path plain = made("open_enclave/plain");
  const Bytes file = *read_file(plain, 1 << 20);
  const Elf elf = *Elf::parse(file);
  const auto code = std::ranges::find_if(
      elf.segments(), [](const ElfSegment& s) { return s.type == Elf::kLoad && (s.flags & Elf::kExecute) != 0; });
  ASSERT_NE(code, elf.segments().end());
  const std::uint64_t at = code->file_size - 3, address = code->vaddr + at;
  const Bytes other{static_cast<std::uint8_t>(file[code->offset + at] ^ 1)};
  const Explanation e = of({.image = plain}, {.image = with(plain, code->offset + at, other)});
  EXPECT_FALSE(e.same);
  ASSERT_THAT(e.partings, SizeIs(1));
  const std::uint64_t page = align_down(address, kPage);
  EXPECT_THAT(e.partings[0].where, HasSubstr("at " + hex_offset(page)));
  EXPECT_EQ(e.partings[0].a.record, "EEXTEND offset=" + hex_offset(align_down(address, kChunk)));
  EXPECT_THAT(e.partings[0].a.position, testing::StartsWith(hex_offset(address) + " in segment at "));
  EXPECT_EQ(e.partings[0].a.bytes.substr(0, 2), to_hex(ByteView(file).subspan(code->offset + at, 1)));
  EXPECT_EQ(e.partings[0].b.bytes.substr(0, 2), to_hex(other));
  EXPECT_EQ(e.partings[0].a.bytes.substr(2), e.partings[0].b.bytes.substr(2));
  EXPECT_EQ(*e.details.find("pages")->find("changed"), Json(1));
  EXPECT_EQ(e.equal.front(), "ECREATE");
}

TEST_F(Explain, AnOpenEnclavePropertyIsNamed) {
  const fs::path plain = made("open_enclave/plain");
  const Bytes file = *read_file(plain, 1 << 20);
  const std::size_t oeinfo = Elf::parse(file)->find_section(".oeinfo")->offset;
  const Explanation e =
      of({.image = plain},
         {.image = with(plain, oeinfo + field_of<kOeProperties, "security_version">().offset, Bytes{9})});
  ASSERT_THAT(e.partings, SizeIs(1));
  EXPECT_THAT(e.partings[0].a.position, HasSubstr(".oeinfo.security_version"));
  EXPECT_THAT(e.causes, ElementsAre(HasSubstr("other bytes in 1 page")));
}

TEST_F(Explain, AnotherHeapIsSaidInBytes) {
  const fs::path config = made("sgx_config/static.xml");
  std::string more = *read_text(config, 1 << 20);
  for (std::size_t at = more.find("0x3000"); at != more.npos; at = more.find("0x3000", at))
    more.replace(at, 6, "0x4000");
  const Explanation e = of(configured(config), configured(kept(as_bytes(more))));
  EXPECT_THAT(e.causes, Contains("heap: 0x3000 bytes in A, 0x4000 bytes in B"));
  EXPECT_THAT(e.causes, Contains(HasSubstr("g_global_data.heap_size")));
  EXPECT_THAT(e.causes, testing::Not(Contains(HasSubstr("threads:"))));
}

TEST_F(Explain, AnotherNumberOfThreadsIsSaid) {
  const fs::path config = made("sgx_config/static.xml");
  const fs::path more = with(config, "</EnclaveConfiguration>", "<TCSNum>3</TCSNum></EnclaveConfiguration>");
  const Explanation e = of(configured(config), configured(more));
  EXPECT_THAT(e.causes, Contains("threads: 1 in A, 3 in B"));
  EXPECT_THAT(e.causes, Contains(HasSubstr("g_global_data.tcs_num")));
  // Each thread has what it had.
  EXPECT_THAT(e.causes, testing::Not(Contains(HasSubstr("stack:"))));
  EXPECT_THAT(e.causes, testing::Not(Contains(HasSubstr("SSA:"))));
}

TEST_F(Explain, AMovedImageIsComparedWhereItIs) {
  const fs::path config = made("sgx_config/static.xml");
  const fs::path moved =
      with(config, "</EnclaveConfiguration>",
           "<EnclaveImageAddress>0x40000</EnclaveImageAddress><ELRangeStartAddress>0</ELRangeStartAddress>"
           "<ELRangeSize>0x80000</ELRangeSize></EnclaveConfiguration>");
  const Explanation e = of(configured(config), configured(moved));
  ASSERT_THAT(e.partings, SizeIs(2));
  EXPECT_THAT(e.partings[0].a.record, HasSubstr("ECREATE"));
  EXPECT_EQ(e.partings[1].b.record, "EADD offset=0x40000 flags=0x205");
  EXPECT_THAT(e.causes, Contains("the program is loaded at 0x0 in A, 0x40000 in B, and so is all that lies around it"));
  EXPECT_EQ(*e.details.find("pages")->find("only_a"), Json(0));
  EXPECT_EQ(*e.details.find("pages")->find("only_b"), Json(0));
  EXPECT_THAT(e.equal, IsEmpty());
}

TEST_F(Explain, AManifestIsComparedByItsLines) {
  const fs::path plain = made("gramine/plain.manifest.sgx");
  const fs::path other = with(plain, "0123456789abcdef", "0123456789abcdee");
  const Explanation e = of(manifest(plain), manifest(other));
  ASSERT_THAT(e.partings, SizeIs(1));
  EXPECT_THAT(e.partings[0].where, HasSubstr("record 3"));
  EXPECT_THAT(e.partings[0].a.position, HasSubstr("manifest, line 5: trusted_files = "));
  const Explanation threads = of(manifest(plain), manifest(with(plain, "max_threads = 2", "max_threads = 1")));
  EXPECT_THAT(threads.causes, Contains("threads: 2 in A, 1 in B"));
  EXPECT_THAT(threads.causes, Contains("the manifest has in A line 3: max_threads = 2; in B line 3: max_threads = 1"));
}

TEST_F(Explain, StreamsAreComparedRecordByRecord) {
  const fs::path stream = made("sgx/stream.sgxs");
  // ECREATE, EADD, EEXTEND, and the first byte of the first chunk.
  const Bytes content = *read_file(stream, 1 << 20);
  const Bytes other{static_cast<std::uint8_t>(content[3 * 64] ^ 0x80)};
  const Explanation e = of({.image = stream}, {.image = with(stream, 3 * 64, other)});
  ASSERT_THAT(e.partings, SizeIs(1));
  EXPECT_THAT(e.partings[0].where, HasSubstr("record 3: page 1, at 0x0"));
  EXPECT_EQ(e.equal_records, 2u);

  // One that ends early.
  Bytes first_page(content.begin(), content.begin() + 64 + 64 + 16 * (64 + 256));
  const Explanation shorter = of({.image = stream}, {.image = kept(first_page)});
  EXPECT_EQ(shorter.partings.at(0).b.record, "the end");
  EXPECT_THAT(shorter.partings.at(0).a.record, HasSubstr("EADD"));
  EXPECT_THAT(shorter.causes, Contains(HasSubstr("that only A loads")));
}

TEST_F(Explain, FrameworksAreToldApart) {
  const Explanation e = of({.image = made("sgx/stream.sgxs")}, {.image = made("open_enclave/plain")});
  EXPECT_THAT(e.causes, Contains(HasSubstr("A is an enclave of the format sgxs, B of open-enclave")));
}

TEST_F(Explain, WhatCannotBeMeasuredIsNotExplained) {
  const auto e = explain({.image = made("sgx/plain.so")}, {.image = made("gramine/plain.manifest.sgx")});
  ASSERT_FALSE(e);
  EXPECT_THAT(e.error().message(), HasSubstr("libpal"));
  EXPECT_FALSE(explain({.image = made("open_enclave/ego")}, {.image = made("open_enclave/plain")}));
}

}  // namespace
}  // namespace hallmark::sgx
