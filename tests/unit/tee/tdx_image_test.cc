// Firmware images that are wrong in one place: each is refused, and the message says where and what to do.
#include "lib/tee/tdx/image.h"

#include <gtest/gtest.h>

#include "lib/tee/tdx/firmware_events.h"
#include "lib/tee/tdx/mrtd.h"
#include "lib/tee/tdx/td_hob.h"
#include "tests/unit/tee/made_firmware.h"
#include "tests/unit/tee/spec_tables.h"

namespace hallmark::tdx {
namespace {

Error refusal(const Bytes& bytes) {
  const auto image = Image::parse(bytes);
  EXPECT_FALSE(image);
  return image ? Error{} : image.error();
}
Error refusal(const MadeFirmware& made) { return refusal(made.bytes()); }
bool says(const Error& error, std::string_view text) { return error.what.find(text) != std::string::npos; }

TEST(TdxImage, IsReadWhole) {
  const Bytes bytes = MadeFirmware{.others = {kSevHashTable}}.bytes();
  const auto image = Image::parse(bytes);
  ASSERT_TRUE(image) << image.error().message();
  EXPECT_EQ(image->sections().size(), 4u);
  EXPECT_EQ(image->guided().size(), 2u);
  EXPECT_EQ(image->guided()[1].guid, kSevHashTable);
  EXPECT_EQ(to_hex(image->bytes().subspan(image->guided()[1].offset, image->guided()[1].size)), "cdab");
  EXPECT_EQ(image->data(image->sections()[0]).size(), 0x3000u);
}

TEST(TdxImage, ThatIsTruncatedHasNoList) {
  Bytes bytes = MadeFirmware().bytes();
  bytes.pop_back();
  EXPECT_EQ(refusal(bytes).fault, Fault::unsupported);
  EXPECT_EQ(refusal(Bytes(10)).fault, Fault::format);
  EXPECT_EQ(refusal(Bytes()).fault, Fault::format);
}

TEST(TdxImage, SaysWhatToDoWithoutMetadata) {
  EXPECT_TRUE(says(refusal(MadeFirmware{.has_entry = false}), "has no TDX metadata"));
  const Error sev = refusal(MadeFirmware{.others = {kSevMetadataOffset}, .has_entry = false});
  EXPECT_EQ(sev.fault, Fault::unsupported);
  EXPECT_TRUE(says(sev, "built for SEV alone"));
}

TEST(TdxImage, InTwoFilesIsNamedAndJoined) {
  const Bytes whole = MadeFirmware().bytes();
  const ByteView vars = ByteView(whole).first(0x1000), code = ByteView(whole).subspan(0x1000);
  EXPECT_TRUE(says(refusal(Bytes(code.begin(), code.end())), "give that too (vars)"));
  EXPECT_EQ(join_firmware(vars, code), whole);
}

TEST(TdxImage, HasAListThatEnds) {
  EXPECT_TRUE(says(refusal(MadeFirmware{.list_length = 17}), "GUIDed table: length"));
  EXPECT_TRUE(says(refusal(MadeFirmware{.list_length = 0xffff}), "GUIDed table: length"));
  EXPECT_TRUE(says(refusal(MadeFirmware{.entry_length = 0}), "GUIDed table: entry length"));
  EXPECT_TRUE(says(refusal(MadeFirmware{.entry_length = 17}), "GUIDed table: entry length"));
  EXPECT_TRUE(says(refusal(MadeFirmware{.entry_length = 0xffff}), "GUIDed table: entry length"));
  EXPECT_TRUE(says(refusal(MadeFirmware{.others = {kTdxMetadataOffset}}), "twice"));
}

TEST(TdxImage, HasSectionsThatFit) {
  const auto with = [](std::size_t section, auto change) {
    MadeFirmware made;
    change(made.sections[section]);
    return refusal(made);
  };
  EXPECT_TRUE(says(with(0, [](auto& s) { s.data_offset = 0xfffff000; }), "outside the image"));
  EXPECT_TRUE(says(with(0, [](auto& s) { s.raw_data_size = 0xffffffff; }), "outside the image"));
  EXPECT_TRUE(says(with(0, [](auto& s) { s.memory_data_size = 0x1000; }), "do not fit"));
  EXPECT_TRUE(says(with(0, [](auto& s) { s.attributes = 0; }), "is not measured"));
  EXPECT_TRUE(says(with(0, [](auto& s) { s.attributes = 3; }), "both MR.EXTEND and PAGE.AUG"));
  EXPECT_TRUE(says(with(0, [](auto& s) { s.attributes = 4; }), "only bits 0 and 1"));
  EXPECT_TRUE(says(with(2, [](auto& s) { s.memory_address++; }), "not whole pages"));
  EXPECT_TRUE(says(with(2, [](auto& s) { s.memory_address = 0xfffffffffffff000; }), "beyond 2^52"));
  EXPECT_TRUE(says(with(2, [](auto& s) { s.memory_data_size = 0xfffffffffffff000; }), "beyond 2^52"));
  EXPECT_TRUE(says(with(3, [](auto& s) { s.memory_data_size = std::uint64_t{1} << 51; }), "of memory are added"));
  EXPECT_TRUE(says(with(3, [](auto& s) { s.memory_address = 0x80a000; }), "overlaps section 2"));
  EXPECT_TRUE(says(with(3, [](auto& s) { s.type = 2; }), "2 are TD_HOB"));
  EXPECT_TRUE(says(with(2, [](auto& s) { s.type = 3; }), "0 are TD_HOB"));
  EXPECT_TRUE(says(with(0, [](auto& s) { s.type = 1; }), "none is a BFV"));
  EXPECT_EQ(with(3, [](auto& s) { s.type = 99; }).fault, Fault::unsupported);
  EXPECT_TRUE(says(refusal(MadeFirmware{.version = 2}), "version"));
  MadeFirmware many;
  many.sections.resize(65);
  EXPECT_TRUE(says(refusal(many), "number_of_section_entries"));
}

// One page that is added, and one that is extended too: SHA-384 of the records, by Python's hashlib.
TEST(TdxMrtd, IsTheHashOfItsRecords) {
  const Trace none;
  Mrtd mrtd(none);
  mrtd.mem_page_add(0x809000);
  mrtd.mem_page_add(0xffffd000);
  mrtd.mr_extend(0xffffd000, Bytes(256, 0xaa));
  EXPECT_EQ(to_hex(mrtd.finish()),
            "5d9d2444fbfb9356cbe30a91460cd5a0d93fe81ec654368675f58c720af084227cd3f28ca80ec1b6629d049657ac4f04");
}

TEST(TdxMrtd, TracesWhatItHashes) {
  const Bytes bytes = MadeFirmware().bytes();
  const auto image = Image::parse(bytes);
  std::vector<std::string> steps;
  measure_mrtd(*image, PageOrder::two_pass, [&](const Step& s) { steps.push_back(s.op); });
  EXPECT_EQ(std::ranges::count(steps, "MEM.PAGE.ADD"), 3 + 1 + 2 + 1);
  EXPECT_EQ(std::ranges::count(steps, "MR.EXTEND"), 3 * 16);
  EXPECT_EQ(steps[2], "MEM.PAGE.ADD");
  EXPECT_EQ(steps[3], "MR.EXTEND");
}

// The banks are those that google/gce-tcb-verifier wants of a c3-standard-176 (tdx/tdx_test.go, TestNumaBanks).
TEST(TdHob, OfGceHasABankForEachNode) {
  const Bytes bytes = MadeFirmware().bytes();
  const auto hob = td_hob(*Image::parse(bytes), HobLayout::gce_late_accept, std::uint64_t{704} << 30);
  ASSERT_TRUE(hob);
  std::vector<std::pair<std::uint64_t, std::uint64_t>> high;
  for (std::size_t at = 56; at < hob->size(); at += 48) {
    const ByteView resource = ByteView(*hob).subspan(at, 48);
    const auto start = load_le<std::uint64_t>(resource.subspan(32, 8));
    if (start < std::uint64_t{1} << 32) continue;
    EXPECT_EQ(load_le<std::uint32_t>(resource.subspan(28, 4)), 7u);
    high.emplace_back(start, load_le<std::uint64_t>(resource.subspan(40, 8)));
  }
  EXPECT_EQ(high, (std::vector<std::pair<std::uint64_t, std::uint64_t>>{{0x100000000, 0x2b40000000},
                                                                        {0x2c40000000, 0x2c00000000},
                                                                        {0x5840000000, 0x2c00000000},
                                                                        {0x8440000000, 0x2c00000000}}));
}

TEST(TdHob, WantsMemoryThatAGuestCanHave) {
  const Bytes bytes = MadeFirmware().bytes();
  const auto image = Image::parse(bytes);
  for (const std::uint64_t memory :
       {std::uint64_t{0}, std::uint64_t{4095}, kMaxMemory + kPageSize, std::uint64_t{0x800000}})
    EXPECT_EQ(td_hob(*image, HobLayout::qemu, memory).error().fault, Fault::usage) << memory;
  const auto hob = td_hob(*image, HobLayout::qemu, std::uint64_t{4} << 30);
  ASSERT_TRUE(hob);
  EXPECT_EQ(hob->size() % 48, 56u % 48);
}

TEST(TdxFirmwareEvents, SayWhatIsMissing) {
  const Bytes bytes = MadeFirmware().bytes();
  const auto image = Image::parse(bytes);
  const auto events = firmware_events(*find_profile("qemu-10/edk2-202505"), *image, {}, {});
  ASSERT_TRUE(events);
  std::size_t open = 0;
  for (const Event& e : *events)
    if (e.provenance == Provenance::missing) open++;
  EXPECT_EQ(open, 5u);  // HOB, three of ACPI, SMBIOS
  EXPECT_FALSE(fold(*events)[0]);
}

TEST(TdxSpec, HasTheLayoutsOfTheCode) { expect_table<kTdvfSection>(spec_page("tee/tdx.md")); }

}  // namespace
}  // namespace hallmark::tdx
