#include "lib/formats/smbios.h"

#include <gtest/gtest.h>

#include "lib/crypto/digest.h"

namespace hallmark {
namespace {

// etc/smbios/smbios-tables of QEMU 11.1.3: q35,smm=off,hpet=off -m 256M -smp 2 -nodefaults.
const std::string kFromQemu =
    "011b0001010203000000000000000000000000000000000006000051454d5500"
    "5374616e646172642050432028513335202b20494348392c2032303039290070"
    "632d7133352d31312e3100000316000301010200000303030200000000000000"
    "000051454d550070632d7133352d31312e310000042a00040103fe02b10f0600"
    "fdfb8b1703000000d007d0074101ffffffffffff000000020202020001004350"
    "5520300051454d550070632d7133352d31312e31000010170010010306000004"
    "00feff010000000000000000000000112800110010feffffffffff0001090001"
    "000702000000020000000000000000000000000000000044494d4d2030005145"
    "4d550000131f001300000000ffff030000100100000000000000000000000000"
    "0000000000200b00200000000000000000007f04007f0000";

// What Debian's OVMF 2026.08+ds-2 says in type 0.
const SmbiosFirmware kFirmware{"Debian distribution of EDK II", "2026.08+ds-2", "09/26/2026"};

Bytes hex(const std::string& text) { return *from_hex(text); }
Bytes structure(std::uint8_t type, std::uint16_t handle, Bytes fields, const std::string& strings) {
  Bytes out{type, static_cast<std::uint8_t>(4 + fields.size()), static_cast<std::uint8_t>(handle),
            static_cast<std::uint8_t>(handle >> 8)};
  out.insert(out.end(), fields.begin(), fields.end());
  out.insert(out.end(), strings.begin(), strings.end());
  if (strings.empty()) out.push_back(0);
  out.push_back(0);
  return out;
}
Bytes with_end(Bytes table) {
  for (const std::uint8_t byte : Bytes{127, 4, 0, 0x7f, 0, 0}) table.push_back(byte);
  return table;
}

// The oracle is that firmware itself, run in that QEMU with a TPM (swtpm): the digest is that of its event
// EV_EFI_HANDOFF_TABLES, and the table is the one that it left in the guest's memory.
TEST(Smbios, IsMeasuredAsOvmfDoes) {
  const auto installed = install_smbios(hex(kFromQemu), kFirmware);
  ASSERT_TRUE(installed) << installed.error().message();
  EXPECT_EQ(installed->size(), 393u);
  const auto measured = measured_smbios(*installed);
  ASSERT_TRUE(measured) << measured.error().message();
  EXPECT_EQ(to_hex(digest<Alg::sha384>(*measured)),
            "039711760da7e4301cda00e4257405ec99ca5efd25c81f6316f1620db4e3ce652e498aa468eacad4eb04ee318e9bf912");
}

TEST(Smbios, HasNoTextOfAMachinesOwn) {
  // Type 1: manufacturer 1, product 0, version 0, serial number 2, UUID, wake-up type 6, SKU 0, family 3.
  Bytes fields{1, 0, 0, 2};
  fields.insert(fields.end(), 16, 0xaa);
  fields.insert(fields.end(), {6, 0, 3});
  using namespace std::string_literals;
  const Bytes table = with_end(structure(1, 0x100, fields, "QEMU\0S1\0f\0"s));
  const auto measured = measured_smbios(table);
  ASSERT_TRUE(measured) << measured.error().message();
  Bytes blanked{1, 0, 0, 0};
  blanked.insert(blanked.end(), 16, 0);
  blanked.insert(blanked.end(), {0, 0, 3});
  EXPECT_EQ(*measured, with_end(structure(1, 0x100, blanked, "QEMU\0  \0f\0"s)));
  // OEM strings and OEM types: all but the header.
  for (const std::uint8_t type : Bytes{11, 128, 255}) {
    const auto none = measured_smbios(with_end(structure(type, 1, {1}, "x\0"s)));
    ASSERT_TRUE(none);
    Bytes wanted{type, 5, 1, 0, 0, 0, 0, 0};
    EXPECT_EQ(*none, with_end(wanted));
  }
}

TEST(Smbios, InstallsTheGuestsOwnType0) {
  using namespace std::string_literals;
  const Bytes own = structure(0, 7, Bytes(20), "v\0"s);
  const auto installed = install_smbios(with_end(own), kFirmware);
  ASSERT_TRUE(installed);
  Bytes wanted = own;
  for (const std::uint8_t byte : Bytes{127, 4, 0xff, 0xfe, 0, 0}) wanted.push_back(byte);
  EXPECT_EQ(*installed, wanted);
  // The lowest free handle, and words for what a build has not set.
  const auto added = install_smbios(with_end(structure(16, 0, {}, "")), {"", "ab", ""});
  ASSERT_TRUE(added);
  const std::string text(added->begin(), added->end());
  const std::string words(
      "unknown\0unknown\0"
      "02/02/2022\0\0",
      28);
  EXPECT_NE(text.find(words), std::string::npos);
  EXPECT_EQ((*parse_smbios(*added))[1].handle, 1);
}

TEST(Smbios, IsReadWithinBounds) {
  const Bytes good = hex(kFromQemu);
  ASSERT_TRUE(parse_smbios(good));
  for (std::size_t size = 0; size < good.size(); size++) EXPECT_FALSE(parse_smbios(ByteView(good).first(size))) << size;
  Bytes longer = good;
  longer.push_back(0);
  EXPECT_EQ(parse_smbios(longer).error().message(), "SMBIOS: end at 0x138: 1 trailing bytes");
  EXPECT_EQ(parse_smbios(Bytes{1, 3, 0, 0, 0, 0}).error().message(),
            "SMBIOS: length at 0x2: is 3, less than the header");
  EXPECT_FALSE(parse_smbios(Bytes{1, 255, 0, 0, 0, 0}));
  EXPECT_FALSE(parse_smbios(Bytes(0x10000)));
  using namespace std::string_literals;
  // A string number that no string has.
  EXPECT_FALSE(measured_smbios(with_end(structure(3, 1, {0, 0, 0, 9, 0}, "x\0"s))));
  EXPECT_FALSE(measured_smbios(with_end(structure(3, 1, {0, 0, 0, 1, 0}, ""))));
  // One handle for two.
  Bytes twice = structure(16, 1, {}, ""), again = twice;
  twice.insert(twice.end(), again.begin(), again.end());
  EXPECT_EQ(install_smbios(with_end(twice), kFirmware).error().fault, Fault::unsupported);
}

TEST(Smbios, FindsWhatTheFirmwareSaysOfItself) {
  Bytes driver(64, 0x90);
  const auto put = [&](const std::string& text) {
    for (const char c : text + std::string(1, 0)) driver.push_back(static_cast<std::uint8_t>(c)), driver.push_back(0);
  };
  for (const char* text : {"unknown", "02/02/2022", "09/26/2026", "2026.08+ds-2", "Debian distribution of EDK II"})
    put(text);
  const auto found = find_smbios_firmware(driver);
  ASSERT_TRUE(found) << found.error().message();
  EXPECT_EQ(found->vendor, kFirmware.vendor);
  EXPECT_EQ(found->version, kFirmware.version);
  EXPECT_EQ(found->date, kFirmware.date);
  put("another");
  EXPECT_FALSE(find_smbios_firmware(driver));
  EXPECT_FALSE(find_smbios_firmware({}));
}

}  // namespace
}  // namespace hallmark
