// What the firmware images of Debian say of themselves.
// Oracles: the version is that of the package that the image is from; whether it was built for secure boot, the event
// for the variable SecureBoot in the log of a guest that ran that release; the variables, what virt-fw-vars of
// virt-firmware 26.10 writes of them (--output-json), hashed by Python.
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
  struct Want {
    Guid vendor;
    std::string_view name, data_sha384;
  };
  const std::array wants{
      Want{kEfiGlobalVariable, "KEK",
           "2ae8a0525419484c1cdf73cf03f7d23c386e087ea146ebd14db49686cae320b792f18aba1b5c1dbd04d1eadc77baa0a9"},
      Want{kEfiGlobalVariable, "PK",
           "4331ea1715ad0ee9bdc0f140c632fa075ae538e56def4abfdf04e34f8b82b8d4eb15195276c9096c2533700c74ec3688"},
      Want{kEfiImageSecurityDatabase, "db",
           "03a7fd8d5109db78d9f26d918b4696a955f1a4f17f81159260a7dd61a35157f1ab2f9cc4e08b7f160e421946251e29ee"},
      Want{kEfiImageSecurityDatabase, "dbx",
           "91a61a63ef1522895048b9a0791e2202951a821b88d296234d7efd10245e0294423c5903f66403818cb60d109de57d8d"},
  };
  const std::vector<EfiVariable> got = variables(kSid);
  EXPECT_EQ(got.size(), wants.size());
  for (const Want& want : wants) {
    const EfiVariable* variable = find_variable(got, want.vendor, want.name);
    ASSERT_NE(variable, nullptr) << want.name;
    EXPECT_EQ(to_hex(digest<Alg::sha384>(variable->data)), want.data_sha384) << want.name;
    EXPECT_EQ(variable->attributes, 0x27u) << want.name;
  }
}

}  // namespace
}  // namespace hallmark::tdx
