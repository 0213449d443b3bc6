// Profiles, events and the attested policy of TDX guests.
#include "lib/tee/tdx/profile.h"

#include <gtest/gtest.h>

#include "lib/base/files.h"
#include "lib/formats/tcg_event.h"
#include "lib/tee/tdx/policy.h"

namespace hallmark::tdx {
namespace {

TEST(TdxProfile, IsFoundByItsName) {
  for (const Vmm& vmm : vmms())
    for (const Firmware& firmware : firmwares()) {
      const std::string name = Profile{vmm, firmware}.name();
      const auto found = find_profile(name);
      ASSERT_TRUE(found) << name;
      EXPECT_EQ(found->name(), name);
    }
  for (const char* name : {"", "/", "qemu-10", "qemu-10/", "edk2-202502", "qemu-10/edk2-202502/x", "x/edk2-202502"})
    EXPECT_EQ(find_profile(name).error().fault, Fault::usage) << name;
}

TEST(TdxProfile, OfAReleaseIsTheNewestThatIsNotNewer) {
  EXPECT_EQ(firmware_of_release(202208), nullptr);
  EXPECT_EQ(firmware_of_release(202211)->name, "edk2-202211");
  EXPECT_EQ(firmware_of_release(202408)->name, "edk2-202302");
  EXPECT_EQ(firmware_of_release(202502)->name, "edk2-202502");
  EXPECT_EQ(firmware_of_release(209912)->name, firmwares().back().name);
}

TEST(TdxProfile, OfAQemuIsTheOneOfItsVersion) {
  for (const auto& [version, name] : {std::pair{"8.2.2", "qemu-8"},
                                      {"9.0.0", "qemu-9"},
                                      {"10.0.13 (Debian 1:10.0.13)", "qemu-10"},
                                      {"10.1", "qemu-10"},
                                      {"10.2.0", "qemu-10.2"},
                                      {"11.1.3", "qemu-10.2"},
                                      {"12", "qemu-10.2"}}) {
    ASSERT_NE(vmm_of_qemu(version), nullptr) << version;
    EXPECT_EQ(vmm_of_qemu(version)->name, name) << version;
  }
  for (const char* version : {"7.2.22", "", "x", "-1", "99999999999999999999"})
    EXPECT_EQ(vmm_of_qemu(version), nullptr) << version;
}

// The four combinations that ran (QEMU 7.2 and 11.1, firmware 2022.11, 2025.02 and 2026.08), and the one that did not.
TEST(TdxProfile, PatchesTheKernelUnlessBothKnowNamedBlobs) {
  EXPECT_TRUE(find_profile("qemu-9/edk2-202211")->patches_kernel());
  EXPECT_TRUE(find_profile("qemu-9/edk2-202502")->patches_kernel());
  EXPECT_TRUE(find_profile("qemu-10/edk2-202411")->patches_kernel());
  EXPECT_FALSE(find_profile("qemu-10/edk2-202502")->patches_kernel());
  EXPECT_FALSE(find_profile("qemu-10/edk2-202508")->patches_kernel());
}

// H(48 zeros || H("")), from Python's hashlib.
TEST(TdxEvents, ExtendTheirRegister) {
  const Rtmrs registers = fold(std::vector{computed(1, tcg::kSeparator, "nothing", {}, Json::object())});
  EXPECT_EQ(to_hex(*registers[0]), std::string(96, '0'));
  EXPECT_EQ(to_hex(*registers[1]),
            "21b9efbc184807662e966d34f390821309eeac6802309798826296bf3e8bec7c10edb30948c90ba67310f7b964fc500a");
}

TEST(TdxEvents, OneThatIsMissingLeavesItsRegisterOpen) {
  std::vector events{missing(0, tcg::kPlatformConfigFlags, "ACPI DATA", "give tables"),
                     computed(0, tcg::kSeparator, "separator", as_bytes("x"), Json::object())};
  EXPECT_FALSE(fold(events)[0]);
  EXPECT_TRUE(fold(events)[1]);
  std::swap(events[0], events[1]);
  EXPECT_FALSE(fold(events)[0]);
}

TEST(TdxPolicy, IsStrictWhereNothingIsSaid) {
  const Json policy = to_json(*read_policy({}));
  EXPECT_EQ(policy.find("tdattributes")->string(), "0000001000000000");
  EXPECT_EQ(policy.find("mrconfigid")->string(), std::string(96, '0'));
  EXPECT_FALSE(policy.find("debug_allowed")->boolean());
}

TEST(TdxPolicy, ReadsNumbersAndTheBytesOfAQuote) {
  EXPECT_EQ(read_policy({{"tdattributes", "0x10000000"}})->tdattributes, kSeptVeDisable);
  EXPECT_EQ(read_policy({{"tdattributes", "0000001000000000"}})->tdattributes, kSeptVeDisable);
  EXPECT_EQ(read_policy({{"xfam", "e702060000000000"}})->xfam, 0x602e7u);
  EXPECT_EQ(to_hex(read_policy({{"mrconfigid", "01ab"}})->mrconfigid), "01ab" + std::string(92, '0'));
  EXPECT_EQ(read_policy({{"mrseam", std::string(96, 'a') + "," + std::string(96, 'b')}})->mrseam.size(), 2u);
}

TEST(TdxPolicy, RefusesDebugAndWhatHasNoValue) {
  EXPECT_NE(read_policy({{"tdattributes", "0100001000000000"}}).error().what.find("DEBUG"), std::string::npos);
  EXPECT_TRUE(read_policy({{"tdattributes", "0x1"}, {"allow-debug", "yes"}}));
  EXPECT_FALSE(read_policy({{"tdattributes", "0x10"}}));
  for (const auto& [name, value] : {std::pair{"tdattributes", "10"},
                                    {"tdattributes", "0x"},
                                    {"xfam", "zz"},
                                    {"mrowner", ""},
                                    {"mrseam", "00"},
                                    {"allow-debug", "no"}})
    EXPECT_EQ(read_policy({{name, value}}).error().fault, Fault::usage) << name << " " << value;
  EXPECT_FALSE(read_policy({{"mrconfigid", std::string(98, '0')}}));
}

}  // namespace
}  // namespace hallmark::tdx
