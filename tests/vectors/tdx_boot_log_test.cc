// Guests that boot by shim and GRUB, measured by the log of such a boot.
// Oracle: the registers of the quotes that belong to the logs, which TDX modules filled (vectors.json). The firmware of
// these guests is not public, so what stands for it is put together from images that are, with the same variable store
// or the same memory layout; where it differs, the test says in which event.
#include "lib/tee/tdx/image.h"
#include "lib/tee/tdx/log.h"
#include "lib/tee/tdx/measure.h"
#include "lib/tee/tdx/reference_log.h"
#include "tests/vectors/vectors.h"

namespace hallmark::tdx {
namespace {

constexpr std::size_t kVariableStore = 0x84000;  // of a Debian image of 4 MiB

class TdxBootLogVectors : public VectorsTest {
 protected:
  TdxBootLogVectors() : VectorsTest("tdx") {}

  // Debian's image without its drivers, and with the memory layout of the releases before it (vectors.json: that of
  // Debian 12): the variable store, the metadata, and no word on how the firmware was built.
  fs::path without_drivers() {
    Bytes image = read("debian13_ovmf_2025.02_OVMF.fd");
    const auto parsed = Image::parse(image);
    EXPECT_TRUE(parsed);
    const std::size_t metadata = parsed->descriptor_offset() - 16;
    std::fill(image.begin() + kVariableStore, image.begin() + static_cast<std::ptrdiff_t>(metadata), std::uint8_t{0});
    const std::size_t temp_mem = parsed->descriptor_offset() + kTdvfDescriptor.size + 2 * kTdvfSection.size;
    RecordBuilder<kTdvfSection> section;
    section.set<"memory_address">(0x810000).set<"memory_data_size">(0x10000).set<"type">(3);
    std::ranges::copy(section.bytes(), image.begin() + static_cast<std::ptrdiff_t>(temp_mem));
    const fs::path file = made_->path() / "OVMF.fd";
    EXPECT_TRUE(write_file(file, image));
    return file;
  }

  MeasureRequest guest(const fs::path& firmware, const std::string& profile, const std::string& memory,
                       const std::string& log) const {
    return {.image = firmware,
            .companions = {{"boot-log", folder_ / log}},
            .options = {{"profile", profile}, {"memory", memory}}};
  }

  std::string quoted(const std::string& quote, unsigned rtmr) const {
    return expected(quote).find("rtmr" + std::to_string(rtmr))->string();
  }

  Result<TemporaryFolder> made_ = TemporaryFolder::make("hallmark-boot-log");
};

std::string reg(const Measurement& m, unsigned rtmr) {
  for (const Register& r : m.registers)
    if (r.name == "rtmr" + std::to_string(rtmr)) return to_hex(r.digest);
  return "none";
}

// The events of RTMR0: description, provenance, digest.
struct Line {
  std::string description, provenance, digest;
};
std::vector<Line> rtmr0(const Measurement& m) {
  std::vector<Line> out;
  for (const Json& e : m.details.find("events")->items())
    if (e.find("register")->string() == "rtmr0")
      out.push_back({e.find("description")->string(), e.find("provenance")->string(), e.find("digest")->string()});
  return out;
}
// The descriptions of those of one provenance, or of all, with commas.
std::string of(const std::vector<Line>& lines, std::string_view provenance) {
  std::string out;
  for (const Line& line : lines)
    if (provenance.empty() || line.provenance == provenance) out += (out.empty() ? "" : ", ") + line.description;
  return out;
}

// The events of a log's RTMR0 whose digests the measurement does not have, by number from 1.
std::vector<std::size_t> differing(const std::vector<Line>& lines, ByteView log) {
  const auto logged = read_guest_log(log);
  std::vector<std::size_t> out;
  std::size_t number = 0;
  for (const Event& e : logged->events) {
    if (e.rtmr != 0) continue;
    if (number >= lines.size() || lines[number].digest != to_hex(*e.digest)) out.push_back(number + 1);
    number++;
  }
  EXPECT_EQ(lines.size(), number);
  return out;
}

// Ubuntu under the TDX fork of QEMU 8.2 with 2 GiB: fallback, shim and GRUB, in this order twice; firmware that puts
// the second separator into RTMR0. shim's SbatLevel stands behind that separator, once for each of its runs.
TEST_F(TdxBootLogVectors, GrubOfUbuntuGivesItsQuoteWithTheLogOfIma) {
  MeasureRequest request = guest(without_drivers(), "qemu-8/edk2-202302", "2G", "cctrusted_ccel.bin");
  const auto alone = measure(request, {});
  ASSERT_TRUE(alone) << alone.error().message();
  const Json::Array replayed = expected("cctrusted_ccel.bin").find("rtmr")->items();
  for (unsigned r = 0; r < 4; r++) EXPECT_EQ(reg(*alone, r), replayed[r].string()) << r;
  // What the kernel's IMA extends behind the boot is in a log of its own.
  EXPECT_NE(reg(*alone, 2), quoted("cctrusted_quote.bin", 2));
  request.companions["runtime-log"] = folder_ / "cctrusted_ima.log";
  const auto whole = measure(request, {});
  ASSERT_TRUE(whole) << whole.error().message();
  for (unsigned r = 0; r < 4; r++) EXPECT_EQ(reg(*whole, r), quoted("cctrusted_quote.bin", r)) << r;

  const auto lines = rtmr0(*whole);
  EXPECT_EQ(of(lines, ""),
            "TD HOB, configuration volume, variable SecureBoot, variable PK, variable KEK, variable db, variable dbx, "
            "separator, ACPI DATA, ACPI DATA, ACPI DATA, variable BootOrder, variable Boot0000, variable Boot0001, "
            "separator, variable SbatLevel, variable SbatLevel");
  EXPECT_EQ(of(lines, "supplied"),
            "variable SecureBoot, ACPI DATA, ACPI DATA, ACPI DATA, variable BootOrder, variable Boot0000, variable "
            "Boot0001, variable SbatLevel, variable SbatLevel");
  EXPECT_EQ(whole->inputs.find("from_log")->canonical(), R"(["rtmr0","rtmr1","rtmr2"])");

  const auto held = difference(
      request, {}, {folder_ / "cctrusted_ccel.bin", folder_ / "cctrusted_ima.log", folder_ / "cctrusted_quote.bin"});
  ASSERT_TRUE(held) << held.error().message();
  EXPECT_FALSE(held->first);
  for (const RegisterRow& row : held->registers)
    EXPECT_EQ(row.is, row.name == "mrtd" ? RegisterRow::Is::differs : RegisterRow::Is::same) << row.name;
}

// Debian's own image has the same variable store, but other temporary memory, and was not built for secure boot: the TD
// HOB and the variable SecureBoot are others. What is computed counts, and the answer names the events.
TEST_F(TdxBootLogVectors, WhatIsComputedCountsWhereTheLogHasAnotherDigest) {
  const auto m =
      measure(guest(folder_ / "debian13_ovmf_2025.02_OVMF.fd", "qemu-8/edk2-202302", "2G", "cctrusted_ccel.bin"), {});
  ASSERT_TRUE(m) << m.error().message();
  const auto lines = rtmr0(*m);
  EXPECT_EQ(differing(lines, read("cctrusted_ccel.bin")), (std::vector<std::size_t>{1, 3}));
  EXPECT_EQ(lines[2].description, "variable SecureBoot");
  EXPECT_EQ(lines[2].provenance, "computed");
  const auto said = [&](std::string_view text) {
    return std::ranges::any_of(m->warnings, [&](const std::string& w) { return w.find(text) != w.npos; });
  };
  EXPECT_TRUE(said("and they were not used: TD HOB, variable SecureBoot"));
  EXPECT_TRUE(said("taken from a log, and as good as who supplied it: rtmr0 (8 of 17 events), rtmr1, rtmr2"));
}

// A c3-standard-4 of Google's with Container-Optimized OS. Google has the variables of secure boot, and the image that
// stands for its firmware has another configuration volume.
TEST_F(TdxBootLogVectors, GrubOfGoogleGivesItsQuote) {
  const auto m = measure(guest(folder_ / "gce_fake_2MiB.fd", "gce/edk2-202411", "16G", "gce_cos113_ccel.dat"), {});
  ASSERT_TRUE(m) << m.error().message();
  for (unsigned r = 1; r < 4; r++) EXPECT_EQ(reg(*m, r), quoted("gce_cos113_quote.dat", r)) << r;
  const auto lines = rtmr0(*m);
  EXPECT_EQ(of(lines, "computed"), "TD HOB, configuration volume, separator");
  EXPECT_EQ(
      of(lines, "supplied"),
      "variable SecureBoot, variable PK, variable KEK, variable db, variable dbx, ACPI DATA, ACPI DATA, ACPI DATA, "
      "variable BootOrder, variable Boot0001, variable Boot0000, variable SbatLevel, variable MokListTrusted");
  EXPECT_EQ(differing(lines, read("gce_cos113_ccel.dat")), std::vector<std::size_t>{2});
  EXPECT_EQ(m->inputs.find("secure_boot"), nullptr);
}

// A guest of dstack with 64 GiB, whose firmware has the variable store of Debian's and no secure boot. Its JSON has the
// log, and the quote that it adds up to.
TEST_F(TdxBootLogVectors, OfDstackGivesItsQuote) {
  MeasureRequest request = guest(without_drivers(), "qemu-9/edk2-202411", "64G", "dstack_quote-report.json");
  request.companions["runtime-log"] = folder_ / "dstack_quote-report.json";
  const auto m = measure(request, {});
  ASSERT_TRUE(m) << m.error().message();
  for (unsigned r = 0; r < 4; r++) EXPECT_EQ(reg(*m, r), quoted("dstack_quote-report.json", r)) << r;
  EXPECT_EQ(of(rtmr0(*m), "supplied"),
            "variable SecureBoot, ACPI DATA, ACPI DATA, ACPI DATA, variable BootOrder, variable Boot0000");
}

TEST_F(TdxBootLogVectors, OfOtherFirmwareIsRefused) {
  const fs::path firmware = without_drivers();
  for (const auto& [profile, memory, log, problem] :
       {std::tuple{"qemu-8/edk2-202211", "2G", "cctrusted_ccel.bin", "event 1 of RTMR0 is one more \"TD HOB\""},
        {"qemu-8/edk2-202411", "2G", "cctrusted_ccel.bin", "event 15 of RTMR0 is one more \"separator\""},
        {"gce/edk2-202302", "16G", "gce_cos113_ccel.dat", "RTMR0 lacks an event \"separator\""},
        {"gce/edk2-202505", "16G", "gce_cos113_ccel.dat", "RTMR0 lacks an event \"SMBIOS tables\""}}) {
    const auto m = measure(guest(firmware, profile, memory, log), {});
    ASSERT_FALSE(m) << profile;
    EXPECT_EQ(m.error().fault, Fault::usage);
    EXPECT_NE(m.error().message().find(problem), std::string::npos) << m.error().message();
  }
}

// The same boot extends other events where there is a TPM.
TEST_F(TdxBootLogVectors, OfATpmIsRefused) {
  std::size_t logs = 0;
  for (const Json& entry : entries_) {
    if (entry.find("expected")->find("pcr_sha384") == nullptr) continue;
    logs++;
    const auto log = parse_boot_log(read(entry.find("file")->string()));
    ASSERT_FALSE(log);
    EXPECT_EQ(log.error().fault, Fault::unsupported) << log.error().message();
  }
  EXPECT_EQ(logs, 6u);
}

}  // namespace
}  // namespace hallmark::tdx
