// What the firmware images of Debian say of themselves.
// Oracles: the version is that of the package that the image is from; whether it was built for secure boot, the event
// for the variable SecureBoot in the log of a guest that ran that release; the variables, sizes that a
// program of another author read, and the structure that such data has to have.
#include "lib/tee/tdx/firmware_version.h"

#include "lib/formats/efi_variables.h"
#include "lib/tee/tdx/firmware_events.h"
#include "tests/vectors/vectors.h"

namespace hallmark::tdx {
namespace {

constexpr const char* kBookworm = "debian12_ovmf_2022.11_OVMF.fd";
constexpr const char* kTrixie = "debian13_ovmf_2025.02_OVMF.fd";
constexpr const char* kSid = "debiansid_ovmf-inteltdx_2026.08_OVMF.inteltdx.ms.fd";

class TdxFirmwareVersionVectors : public VectorsTest {
 protected:
  TdxFirmwareVersionVectors() : VectorsTest("tdx") {}

  FirmwareFacts facts(const std::string& file) const {
    auto out = firmware_facts(read(file));
    if (!out) throw std::runtime_error(out.error().message());
    return *out;
  }
  std::vector<EfiVariable> variables(const std::string& file) const {
    const Bytes bytes = read(file);
    const auto image = Image::parse(bytes);
    if (!image) throw std::runtime_error(image.error().message());
    auto out = efi_variables(image->data(*image->find(Section::Type::cfv)));
    if (!out) throw std::runtime_error(out.error().message());
    return *std::move(out);
  }
  std::string source(const std::string& file) const {
    for (const Json& entry : entries_)
      if (entry.find("file")->string() == file) return entry.find("source")->string();
    throw std::runtime_error("no vector " + file);
  }
  // The first event of that type in PCR 7.
  std::string secure_boot_event(const std::string& log) const {
    for (const Json& event : expected(log).find("events")->items())
      if (event.find("type")->string() == "EV_EFI_VARIABLE_DRIVER_CONFIG") return event.find("digest")->string();
    throw std::runtime_error("no variable in " + log);
  }
};

TEST_F(TdxFirmwareVersionVectors, VersionIsThatOfThePackage) {
  for (const auto& [file, release] : {std::pair{kTrixie, 202502u}, {kSid, 202608u}}) {
    const FirmwareFacts got = facts(file);
    EXPECT_EQ(got.release, release);
    ASSERT_FALSE(got.version_text.empty());
    EXPECT_NE(source(file).find(" " + got.version_text + " "), std::string::npos)
        << got.version_text << " of " << source(file);
  }
  // This one has none: the event EV_S_CRTM_VERSION of its log is the hash of an empty text.
  EXPECT_EQ(facts(kBookworm).version_text, "");
  EXPECT_EQ(expected("tpmlog_a72_2211.bin").find("events")->items().at(0).find("digest")->string(),
            to_hex(digest<Alg::sha384>(Bytes(2))));
}

TEST_F(TdxFirmwareVersionVectors, SecureBootIsBuiltInWhereTheLogSaysSo) {
  const auto event = [](ByteView data) {
    return to_hex(digest<Alg::sha384>(uefi_variable_data(kEfiGlobalVariable, "SecureBoot", data)));
  };
  EXPECT_EQ(facts(kBookworm).secure_boot_built, true);
  EXPECT_EQ(secure_boot_event("tpmlog_a72_2211.bin"), event(Bytes{0}));
  EXPECT_EQ(facts(kTrixie).secure_boot_built, false);
  EXPECT_EQ(secure_boot_event("tpmlog_a72_2502.bin"), event({}));
  EXPECT_EQ(facts(kSid).secure_boot_built, true);
}

TEST_F(TdxFirmwareVersionVectors, DriversAreThoseOfTheRelease) {
  EXPECT_EQ(facts(kBookworm).measures, false);
  EXPECT_EQ(facts(kTrixie).measures, true);
  EXPECT_EQ(facts(kTrixie).measures_smbios, false);
  EXPECT_EQ(facts(kTrixie).boot_manager_menu, false);
  EXPECT_EQ(facts(kSid).measures, true);
  EXPECT_EQ(facts(kSid).measures_smbios, true);
  EXPECT_EQ(facts(kSid).boot_manager_menu, true);
}

TEST_F(TdxFirmwareVersionVectors, AnImageOfPaddingHasNoFacts) {
  const FirmwareFacts got = facts("gce_fake_2MiB.fd");
  EXPECT_EQ(got.version_text, "");
  EXPECT_EQ(got.secure_boot_built, std::nullopt);
}

TEST_F(TdxFirmwareVersionVectors, EnrolledKeys) {
  EXPECT_TRUE(variables(kBookworm).empty());
  EXPECT_TRUE(variables(kTrixie).empty());
  const std::vector<EfiVariable> got = variables(kSid);
  const auto size = [&](const Guid& vendor, std::string_view name) {
    const EfiVariable* variable = find_variable(got, vendor, name);
    return variable == nullptr ? 0 : variable->data.size();
  };
  EXPECT_EQ(size(kEfiGlobalVariable, "PK"), 1005u);
  EXPECT_EQ(size(kEfiGlobalVariable, "KEK"), 4071u);
  EXPECT_EQ(size(kEfiImageSecurityDatabase, "db"), 7636u);
  EXPECT_EQ(size(kEfiImageSecurityDatabase, "dbx"), 21292u);
  // EFI_SIGNATURE_LIST (UEFI 2.10, 32.4.1): GUID, u32 size of the list, u32, u32; one behind the other, to the end.
  for (const EfiVariable& variable : got) {
    if (variable.vendor != kEfiImageSecurityDatabase && variable.name != "PK" && variable.name != "KEK") continue;
    ByteView rest = variable.data;
    while (rest.size() >= 28) {
      const auto list = load_le<std::uint32_t>(rest.subspan(16, 4));
      ASSERT_TRUE(list >= 28 && list <= rest.size()) << variable.name;
      rest = rest.subspan(list);
    }
    EXPECT_TRUE(rest.empty()) << variable.name;
  }
}

}  // namespace
}  // namespace hallmark::tdx
