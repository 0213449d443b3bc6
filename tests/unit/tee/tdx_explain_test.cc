// Two guests against each other: each test changes one thing, and the answer has to name where and that.
#include "lib/tee/tdx/explain.h"

#include <gtest/gtest.h>

#include "lib/tee/tdx/mrtd_records.h"
#include "tests/unit/formats/made_pe.h"
#include "tests/unit/tee/made_firmware.h"

namespace hallmark::tdx {
namespace {

class TdxExplain : public testing::Test {
 protected:
  fs::path write(const std::string& name, const Bytes& bytes) {
    EXPECT_TRUE(write_file(folder_.path() / name, as_text(bytes)));
    return folder_.path() / name;
  }
  MeasureRequest guest() {
    const std::string digest(96, 'a');
    return {.image = write("fw", MadeFirmware().bytes()),
            .companions = {{"kernel", write("kernel", made_kernel("6.12.0"))}},
            .options = {{"profile", "qemu-10/edk2-202502"},
                        {"memory", "2G"},
                        {"cmdline", "quiet"},
                        {"acpi-digests", digest + "," + digest + "," + digest}}};
  }
  Explanation explained(const MeasureRequest& a, const MeasureRequest& b) {
    auto out = explain(a, b);
    EXPECT_TRUE(out) << out.error().message();
    return out ? *std::move(out) : Explanation();
  }
  TemporaryFolder folder_ = *TemporaryFolder::make("hallmark-test-");
};

using Lines = std::vector<std::string>;
Lines wheres(const Explanation& e) {
  Lines out;
  for (const Parting& p : e.partings) out.push_back(p.where);
  return out;
}

TEST_F(TdxExplain, EqualGuestsPartNowhere) {
  const Explanation e = explained(guest(), guest());
  EXPECT_TRUE(e.same);
  EXPECT_TRUE(e.partings.empty() && e.causes.empty() && e.not_compared.empty());
  EXPECT_EQ(e.registers_a, e.registers_b);
  EXPECT_EQ(e.registers_a.size(), 5u);
}

TEST_F(TdxExplain, NamesTheEventTheInputsAndTheCause) {
  MeasureRequest other = guest();
  other.options["cmdline"] = "loud";
  const Explanation e = explained(guest(), other);
  EXPECT_FALSE(e.same);
  EXPECT_EQ(wheres(e), (Lines{"rtmr2: event 1"}));
  EXPECT_NE(e.partings[0].a.record.find("EV_EVENT_TAG LOADED_IMAGE::LoadOptions"), std::string::npos);
  EXPECT_EQ(e.partings[0].b.position, "computed, text loud");
  EXPECT_EQ(e.causes, (Lines{R"(the command line: "quiet" in A, "loud" in B)"}));
}

TEST_F(TdxExplain, OfMemoryAndItsPatchInTheKernel) {
  MeasureRequest a = guest(), b = guest();
  a.companions["initrd"] = b.companions["initrd"] = write("initrd", Bytes(5000));
  a.options["profile"] = b.options["profile"] =
      "qemu-9/edk2-202411";  // which writes the initrd's place into the kernel
  b.options["memory"] = "512M";
  const Explanation e = explained(a, b);
  EXPECT_EQ(wheres(e), (Lines{"rtmr0: event 1", "rtmr1: event 1"}));
  ASSERT_EQ(e.causes.size(), 2u);
  EXPECT_EQ(e.causes[0], "memory: 2147483648 bytes (2048 MiB) in A, 536870912 bytes (512 MiB) in B");
  EXPECT_NE(e.causes[1].find("the kernel is the same file"), std::string::npos);
}

TEST_F(TdxExplain, OfAnotherKernelAndAnInitrdMore) {
  MeasureRequest other = guest();
  other.companions["kernel"] = write("other", made_kernel("6.13.1"));
  other.companions["initrd"] = write("initrd", Bytes(5000));
  other.options["cmdline"] = "quiet";
  const Explanation e = explained(guest(), other);
  EXPECT_EQ(wheres(e), (Lines{"rtmr1: event 1", "rtmr2: event 1"}));
  EXPECT_EQ(e.causes, (Lines{R"(the kernel: "6.12.0" in A, "6.13.1" in B)",
                             R"(the command line: "quiet" in A, "quiet initrd=initrd" in B)",
                             R"(rtmr2: an event more in B: EV_EVENT_TAG "Linux initrd")"}));
}

TEST_F(TdxExplain, OfTheFirmwareByRecordPageAndByte) {
  MeasureRequest other = guest();
  Bytes firmware = MadeFirmware().bytes();
  firmware[0x2000 + 0x100 + 7] ^= 1;  // the second page of the BFV, its second chunk
  other.image = write("other", firmware);
  const Explanation e = explained(guest(), other);
  // A page has 17 records, and of the second its own and the first chunk are equal.
  EXPECT_EQ(wheres(e), (Lines{"mrtd: record 20: section 0 (BFV), page at 0xffffe000"}));
  EXPECT_EQ(e.partings[0].a.position, "section 0 (BFV), 0x2107 of the image");
  EXPECT_EQ(e.partings[0].a.bytes.substr(2), e.partings[0].b.bytes.substr(2));
  EXPECT_NE(e.partings[0].a.bytes, e.partings[0].b.bytes);
  EXPECT_EQ(e.causes,
            (Lines{"the firmware: other bytes in 1 page of section 0 (BFV), the first at 0x2107 of the image"}));
}

TEST_F(TdxExplain, OfTheConfigurationVolumeInRtmr0Alone) {
  MeasureRequest other = guest();
  Bytes firmware = MadeFirmware().bytes();
  firmware[0] ^= 1;
  other.image = write("other", firmware);
  const Explanation e = explained(guest(), other);
  EXPECT_EQ(wheres(e), (Lines{"rtmr0: event 2"}));
  ASSERT_EQ(e.causes.size(), 1u);
  EXPECT_NE(e.causes[0].find("the variables that the firmware image holds"), std::string::npos);
}

TEST_F(TdxExplain, OfSectionsThatLieElsewhere) {
  MeasureRequest other = guest();
  MadeFirmware made;
  made.sections[3].memory_data_size = 0x2000;
  other.image = write("other", made.bytes());
  const Explanation e = explained(guest(), other);
  ASSERT_EQ(e.partings.size(), 2u);  // the descriptor is measured, and the hand-off list has the section
  EXPECT_EQ(
      e.causes[0],
      "section 3 of the firmware: TempMem of 0x1000 bytes at 0x810000, not measured in A, TempMem of 0x2000 bytes "
      "at 0x810000, not measured in B");
}

TEST_F(TdxExplain, OfTheMonitorAndTheRelease) {
  MeasureRequest other = guest();
  other.options["profile"] = "qemu-8/edk2-202302";
  const Explanation e = explained(guest(), other);
  EXPECT_EQ(wheres(e).front(), "mrtd: record 2: section 0 (BFV), page at 0xffffd000");
  EXPECT_EQ(e.causes[0], "the firmware's release: edk2-202502 in A, edk2-202302 in B");
  EXPECT_EQ(e.causes[1], "the monitor: qemu-10 in A, qemu-8 in B");
  EXPECT_EQ(e.causes[2], "the order in which the monitor adds and extends pages: single-pass in A, two-pass in B");
}

// What nobody gave is no difference, and what is known behind it is compared.
TEST_F(TdxExplain, LeavesOpenWhatIsNotKnown) {
  MeasureRequest open = guest();
  open.options.erase("acpi-digests");
  Explanation e = explained(guest(), open);
  EXPECT_TRUE(e.same);
  ASSERT_FALSE(e.not_compared.empty());
  EXPECT_TRUE(e.not_compared[0].starts_with(
      "rtmr0: EV_PLATFORM_CONFIG_FLAGS \"ACPI DATA: etc/table-loader\" is not known of B"));
  e = explained(open, open);
  EXPECT_TRUE(e.same);
  EXPECT_NE(e.not_compared[0].find("is not known of either"), std::string::npos);
  MeasureRequest nothing = guest();
  nothing.companions.clear();
  nothing.options.erase("cmdline");
  e = explained(guest(), nothing);
  EXPECT_TRUE(e.same);
  EXPECT_EQ(e.not_compared.size(), 3u);  // what is booted: RTMR1, RTMR2, RTMR3
  open.options["memory"] = "4G";
  EXPECT_EQ(wheres(explained(guest(), open)), (Lines{"rtmr0: event 1"}));
}

TEST_F(TdxExplain, RefusesWhatCannotBeMeasured) {
  MeasureRequest bad = guest();
  bad.options["memory"] = "2";
  EXPECT_EQ(explain(guest(), bad).error().fault, Fault::usage);
  bad = guest();
  bad.image = write("bad", Bytes(100));
  EXPECT_NE(explain(bad, guest()).error().message().find("/bad: "), std::string::npos);
}

// The records are those that mrtd.h hashes, in either order.
TEST(MrtdRecords, AreThoseThatAreHashed) {
  MadeFirmware made;
  made.sections[0].raw_data_size = 0x2f80;  // ends within a chunk
  made.sections[3].attributes = 1;
  made.sections.push_back({0, 0, 0x900000, 0x3000, 4, 2});
  const Bytes bytes = made.bytes();
  const Image image = *Image::parse(bytes);
  for (const PageOrder order : {PageOrder::single_pass, PageOrder::two_pass}) {
    MrtdRecords records(image, order);
    const Trace none;
    Mrtd mrtd(none);
    std::vector<std::string> lines, traced;
    while (const auto record = records.next()) {
      lines.push_back(to_text(*record));
      if (record->extend)
        mrtd.mr_extend(record->address, record->chunk);
      else
        mrtd.mem_page_add(record->address);
    }
    EXPECT_EQ(mrtd.finish(),
              measure_mrtd(image, order, [&](const Step& s) { traced.push_back(s.op + " " + s.detail); }));
    EXPECT_EQ(lines, traced);
    EXPECT_FALSE(records.next());
  }
}

}  // namespace
}  // namespace hallmark::tdx
