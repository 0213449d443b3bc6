#include <algorithm>

#include "lib/crypto/digest.h"
#include "lib/formats/smbios.h"
#include "tests/vectors/vectors.h"

namespace hallmark {
namespace {

class TdxSmbiosVectors : public VectorsTest {
 protected:
  TdxSmbiosVectors() : VectorsTest("tdx") {}
};

// etc/smbios/smbios-tables of QEMU 11.1.3: q35,smm=off,hpet=off -cpu Skylake-Server -m 2G -smp 2.
const std::string kFromQemu =
    "011b0001010203000000000000000000000000000000000006000051454d5500"
    "5374616e646172642050432028513335202b20494348392c2032303039290070"
    "632d7133352d31312e3100000316000301010200000303030200000000000000"
    "000051454d550070632d7133352d31312e310000042a00040103fe0254060500"
    "fdfb8b1703000000d007d0074101ffffffffffff000000020202020001004350"
    "5520300051454d550070632d7133352d31312e31000010170010010306000020"
    "00feff010000000000000000000000112800110010feffffffffff0008090001"
    "000702000000020000000000000000000000000000000044494d4d2030005145"
    "4d550000131f001300000000ffff1f0000100100000000000000000000000000"
    "0000000000200b00200000000000000000007f04007f0000";

// The oracle is the log of OVMF 2026.08 in that machine.
TEST_F(TdxSmbiosVectors, AreMeasuredAsTheFirmwareDoes) {
  const auto firmware = smbios_firmware(read("debiansid_ovmf-inteltdx_2026.08_OVMF.inteltdx.ms.fd"));
  ASSERT_TRUE(firmware) << firmware.error().message();
  EXPECT_EQ(firmware->vendor, "Debian distribution of EDK II");
  EXPECT_EQ(firmware->version, "2026.08+ds-2");
  const auto installed = install_smbios(*from_hex(kFromQemu), *firmware);
  ASSERT_TRUE(installed) << installed.error().message();
  const auto measured = measured_smbios(*installed);
  ASSERT_TRUE(measured) << measured.error().message();
  const Json::Array& events = expected("tpmlog_a111_2608.bin").find("events")->items();
  const auto event =
      std::ranges::find_if(events, [](const Json& e) { return e.find("type")->string() == "EV_EFI_HANDOFF_TABLES"; });
  ASSERT_NE(event, events.end());
  EXPECT_EQ(to_hex(digest<Alg::sha384>(*measured)), event->find("digest")->string());
}

TEST_F(TdxSmbiosVectors, FirmwareSaysWhatItIs) {
  const auto firmware = smbios_firmware(read("debian13_ovmf_2025.02_OVMF.fd"));
  ASSERT_TRUE(firmware) << firmware.error().message();
  EXPECT_EQ(firmware->version, "2025.02-8+deb13u1");
  // One of before it said anything of itself.
  EXPECT_EQ(smbios_firmware(read("debian12_ovmf_2022.11_OVMF.fd")).error().fault, Fault::unsupported);
}

}  // namespace
}  // namespace hallmark
