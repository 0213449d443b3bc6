// What firmware images and the machines that they run on measure to.
// Oracles: MRTD by up to four independent programs each, and the value that Google publishes for its example; RTMR0 as
// published with tables captured from a running trust domain; digests in logs whose replay equals a quote or the PCRs
// that the guest read. vectors.json says which.
#include "lib/tee/tdx/firmware_events.h"

#include "lib/formats/acpi_loader.h"
#include "lib/formats/tcg_event.h"
#include "lib/tee/tdx/mrtd.h"
#include "lib/tee/tdx/td_hob.h"
#include "tests/vectors/vectors.h"

namespace hallmark::tdx {
namespace {

constexpr std::uint64_t kGiB = std::uint64_t{1} << 30;

class TdxFirmwareVectors : public VectorsTest {
 protected:
  TdxFirmwareVectors() : VectorsTest("tdx") {}
};

// "BFV      data=0x20000+0x1e0000 mem=0xffe20000+0x1e0000 attr=0x1", as vectors.json has it.
std::string line(const Section& s) {
  std::string name(to_text(s.type));
  name.resize(8, ' ');
  return name + " data=" + hex_offset(s.data_offset) + "+" + hex_offset(s.raw_data_size) +
         " mem=" + hex_offset(s.memory_address) + "+" + hex_offset(s.memory_data_size) +
         " attr=" + hex_offset((s.extend ? 1u : 0u) | (s.aug ? 2u : 0u));
}

TEST_F(TdxFirmwareVectors, MrtdAndSectionsOfEachImage) {
  std::size_t images = 0;
  for (const Json& entry : entries_) {
    const Json& want = *entry.find("expected");
    const Json* single = want.find("mrtd_single_pass");
    if (single == nullptr) continue;
    SCOPED_TRACE(entry.find("file")->string());
    images++;
    const Bytes bytes = read(entry.find("file")->string());
    const auto image = Image::parse(bytes);
    ASSERT_TRUE(image) << image.error().message();
    EXPECT_EQ(to_hex(measure_mrtd(*image, PageOrder::single_pass)), single->string());
    if (const Json* two = want.find("mrtd_two_pass")) {
      EXPECT_EQ(to_hex(measure_mrtd(*image, PageOrder::two_pass)), two->string());
    }
    if (const Json* offset = want.find("tdvf_offset")) {
      EXPECT_EQ(hex_offset(image->descriptor_offset()), offset->string());
      Json sections = Json::array();
      for (const Section& s : image->sections()) sections.push_back(line(s));
      EXPECT_EQ(sections, *want.find("sections"));
      EXPECT_EQ(to_hex(digest<Alg::sha384>(image->data(*image->find(Section::Type::cfv)))),
                want.find("cfv_sha384")->string());
    }
  }
  EXPECT_GE(images, 4u);
}

// Tables of a live trust domain and of a QEMU that was configured alike, with the RTMR0 that they led to.
TEST_F(TdxFirmwareVectors, PublishedRtmr0) {
  const Bytes firmware = read("debian13_ovmf_2025.02_OVMF.fd");
  const auto image = Image::parse(firmware);
  ASSERT_TRUE(image);
  for (const auto& [file, memory] :
       {std::pair{"acpi_runtime-capture.bin", 16 * kGiB}, {"acpi_q35-with-hpet.bin", 4 * kGiB}}) {
    SCOPED_TRACE(file);
    const Bytes tables = read(file);
    const auto events = firmware_events(*find_profile("qemu-10/edk2-202502"), *image,
                                        {.memory = memory, .acpi = ByteView(tables)}, {.built_for_secure_boot = false});
    ASSERT_TRUE(events) << events.error().message();
    EXPECT_EQ(to_hex(*fold(*events)[0]), expected(file).find("rtmr0")->string());
    EXPECT_EQ(*acpi_processors(tables), 8u);
  }
}

// QEMU 10.0.13's own root pointer and script beside its tables.
TEST_F(TdxFirmwareVectors, RootPointerAndScriptFollowFromTheTables) {
  std::size_t folders = 0;
  for (const auto& folder : fs::directory_iterator(folder_ / "acpi_trixie_qemu10.0.13")) {
    SCOPED_TRACE(folder.path().string());
    folders++;
    const Bytes tables = *read_file(folder.path() / "etc_acpi_tables", kMaxAcpiTables);
    const auto loader = derive_acpi_loader(tables);
    ASSERT_TRUE(loader) << loader.error().message();
    EXPECT_EQ(to_hex(loader->rsdp), to_hex(*read_file(folder.path() / "etc_acpi_rsdp", 4096)));
    EXPECT_EQ(to_hex(loader->script), to_hex(*read_file(folder.path() / "etc_table-loader", 65536)));
  }
  EXPECT_EQ(folders, 3u);
}

// The first event of a c3-standard-4 of 16 GiB.
TEST_F(TdxFirmwareVectors, HobOfGce) {
  const Bytes firmware = read("gce_fake_2MiB.fd");
  const auto image = Image::parse(firmware);
  ASSERT_TRUE(image);
  std::string sections;
  for (const Section& s : image->sections()) sections += line(s) + "\n";
  const auto hob = td_hob(*image, HobLayout::gce, 16 * kGiB);
  ASSERT_TRUE(hob);
  EXPECT_EQ(to_hex(digest<Alg::sha384>(*hob)).substr(0, 16), "458994daa60deac8") << sections;
}

// "a 2MiB c3-standard-4 measurement of the CleanExample", from when the monitor extended every section
// (google/gce-tcb-verifier at ffad9d6c47, verify/verifytest/verifytest.go, CleanTdxExampleMeasurement).
TEST_F(TdxFirmwareVectors, MrtdOfGceUntilOctober2024) {
  const Bytes firmware = read("gce_fake_2MiB.fd");
  const auto image = Image::parse(firmware);
  ASSERT_TRUE(image);
  const auto hob = td_hob(*image, HobLayout::gce_late_accept, 16 * kGiB);
  ASSERT_TRUE(hob);
  EXPECT_EQ(to_hex(measure_mrtd_of_all(*image, *hob)),
            "0d126d4468fba7200f214da27e6a729846cb2fe6ab084a2c15bb39ac85d193ed7f050525a1cd96052d0597362356c9ac");
}

// What a machine with a TPM logs to PCR 7 and of the boot options to PCR 1, in this order.
TEST_F(TdxFirmwareVectors, VariablesAsLogged) {
  struct Guest {
    const char *log, *profile;
    bool built_for_secure_boot;
  };
  const Bytes firmware = read("debian13_ovmf_2025.02_OVMF.fd");
  const auto image = Image::parse(firmware);
  ASSERT_TRUE(image);
  for (const Guest& guest : {Guest{"tpmlog_a72_2211.bin", "qemu-9/edk2-202211", true},
                             Guest{"tpmlog_a72_2502.bin", "qemu-9/edk2-202502", false},
                             Guest{"tpmlog_a111_2502.bin", "qemu-10/edk2-202502", false},
                             Guest{"tpmlog_a111_2608.bin", "qemu-10/edk2-202508", false}}) {
    SCOPED_TRACE(guest.log);
    const auto events = firmware_events(*find_profile(guest.profile), *image, {},
                                        {.built_for_secure_boot = guest.built_for_secure_boot});
    ASSERT_TRUE(events) << events.error().message();
    std::vector<std::string> ours, theirs;
    for (const Event& e : *events)
      if (e.type == tcg::kEfiVariableDriverConfig || e.type == tcg::kEfiVariableBoot) ours.push_back(to_hex(*e.digest));
    for (const Json& e : expected(guest.log).find("events")->items())
      if (const std::string& type = e.find("type")->string();
          type == "EV_EFI_VARIABLE_DRIVER_CONFIG" || type == "EV_EFI_VARIABLE_BOOT")
        theirs.push_back(e.find("digest")->string());
    EXPECT_EQ(ours, theirs);
  }
}

}  // namespace
}  // namespace hallmark::tdx
