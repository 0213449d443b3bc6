#include "lib/tee/tdx/firmware_version.h"

#include <gtest/gtest.h>

#include "lib/formats/efi_volume.h"
#include "tests/unit/formats/efi_made.h"

namespace hallmark::tdx {
namespace {

using namespace made;

constexpr Guid kSmbiosPlatformDxe = guid("4110465d-5ff3-4f4b-b580-24ed0d06747a");
constexpr Guid kUiApp = guid("462caa21-7614-4503-836e-8ab6f4662331");
constexpr Guid kSecureBootConfigDxe = guid("f0e6a44f-7195-41c3-ac64-54f202cd0a21");
constexpr Guid kTdTcg2Dxe = guid("f062221e-c607-44c2-b0b4-c3886331d351");

Bytes program(const Guid& name, std::initializer_list<Bytes> texts) {
  return file(name, EfiFile::kDriver, section(EfiSection::kPe32, join(texts)));
}

TEST(FirmwareVersion, NamesTheReleaseOfAVersion) {
  EXPECT_EQ(edk2_release("2025.02-8+deb13u1"), 202502u);
  EXPECT_EQ(edk2_release("2024.02-3ubuntu0.1+tdx1.0"), 202402u);
  EXPECT_EQ(edk2_release("edk2-stable202408.01"), 202408u);
  EXPECT_EQ(edk2_release("edk2-20241117-5.el9"), 202411u);
  EXPECT_EQ(edk2_release("1.0 of 202505"), 202505u);
  for (const char* none : {"", "0.0.0", "02/02/2022", "11/08/2025", "2025", "2025.", "2025.2", "2025.021", "2025.13-1",
                           "202500", "20250200", "20250232", "1999.05", "12025.02", "2025022", "unknown"})
    EXPECT_EQ(edk2_release(none), std::nullopt) << none;
}

TEST(FirmwareVersion, FindsTheTextInTheProgramsThatShowIt) {
  const Bytes image =
      volume(kFfs2,
             join({program(kSmbiosPlatformDxe, {utf16("02/02/2022"), Bytes{'@', 0}, utf16("2025.02-8+deb13u1")}),
                   program(kUiApp, {Bytes{1, 2, 3, 4}, utf16("2025.02-8+deb13u1"), utf16("2026.05")}),
                   program(kTdTcg2Dxe, {utf16("2024.05")})}),
             4096);
  const auto facts = firmware_facts(image);
  ASSERT_TRUE(facts) << facts.error().message();
  EXPECT_EQ(facts->version_text, "2025.02-8+deb13u1");
  EXPECT_EQ(facts->release, 202502u);
  EXPECT_EQ(facts->secure_boot_built, false);
  EXPECT_EQ(facts->measures, true);
  EXPECT_EQ(facts->measures_smbios, false);
  EXPECT_EQ(facts->boot_manager_menu, false);
}

TEST(FirmwareVersion, TakesNoTextWithoutItsEnd) {
  Bytes endless = utf16("2025.02-" + std::string(200, 'x'));
  Bytes cut = utf16("2025.02");
  cut.resize(cut.size() - 2);
  for (const Bytes& text : {endless, cut}) {
    const auto facts = firmware_facts(volume(kFfs2, program(kSmbiosPlatformDxe, {text}), 4096));
    ASSERT_TRUE(facts);
    EXPECT_EQ(facts->version_text, "");
    EXPECT_EQ(facts->release, std::nullopt);
  }
}

TEST(FirmwareVersion, TellsTheSideOf202505ByItsDrivers) {
  EXPECT_EQ(since_202505({.measures_smbios = true, .boot_manager_menu = true}), true);
  EXPECT_EQ(since_202505({.measures_smbios = false, .boot_manager_menu = false}), false);
  EXPECT_EQ(since_202505({.measures_smbios = true, .boot_manager_menu = false}), std::nullopt);
  EXPECT_EQ(since_202505({.measures_smbios = true, .boot_manager_menu = std::nullopt}), std::nullopt);
  EXPECT_EQ(since_202505({}), std::nullopt);
}

// What is not seen in an image that cannot be read to its end may still be there.
TEST(FirmwareVersion, DoesNotSayNoOfWhatItCannotRead) {
  const Bytes closed = file(kUiApp, 0x0b, guided(kUiApp, 1, Bytes(8)));
  const auto facts = firmware_facts(volume(kFfs2, join({closed, program(kSecureBootConfigDxe, {})}), 4096));
  ASSERT_TRUE(facts);
  EXPECT_EQ(facts->secure_boot_built, true);
  EXPECT_EQ(facts->measures, std::nullopt);

  const auto none = firmware_facts(Bytes(8192, 0xff));
  ASSERT_TRUE(none);
  EXPECT_EQ(none->secure_boot_built, std::nullopt);
  EXPECT_EQ(none->version_text, "");
}

TEST(FirmwareVersion, RefusesDamagedVolumes) {
  Bytes image = volume(kFfs2, program(kUiApp, {}), 4096);
  image[50] ^= 1;
  const auto facts = firmware_facts(image);
  ASSERT_FALSE(facts);
  EXPECT_NE(facts.error().message().find("firmware volume at 0x0: EFI_FIRMWARE_VOLUME_HEADER: checksum at 0x32"),
            std::string::npos)
      << facts.error().message();
}

}  // namespace
}  // namespace hallmark::tdx
