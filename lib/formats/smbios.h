// SMBIOS structures as QEMU hands them to OVMF, and what of them OVMF measures.
//
// DMTF DSP0134 "System Management BIOS Reference Specification" 3.7, sections 6.1.2 (structure header), 6.1.3 (text
// strings) and 7. The structures come from fw_cfg as etc/smbios/smbios-tables. edk2 OvmfPkg/SmbiosPlatformDxe installs
// them one by one and adds a type 0 of its own where there is none; MdeModulePkg/Universal/SmbiosDxe makes the table;
// SmbiosMeasurementDxe (in OVMF since 202505) takes out what tells one machine of a kind from another, and measures the
// rest as EV_EFI_HANDOFF_TABLES.
#pragma once

#include <string>
#include <vector>

#include "lib/base/bytes.h"

namespace hallmark {

// What OVMF says of itself in type 0: PcdFirmwareVendor, PcdFirmwareVersionString, PcdFirmwareReleaseDateString.
struct SmbiosFirmware {
  std::string vendor;   // "EDK II"
  std::string version;  // "2026.08+ds-2"
  std::string date;     // "09/26/2026"
};

struct SmbiosStructure {
  std::uint8_t type = 0, length = 0;  // of the formatted part, which begins with the header
  std::uint16_t handle = 0;
  ByteView bytes;  // formatted part, strings, and the two zeros at the end
};

inline constexpr std::size_t kMaxSmbiosTable = 0xffff;  // what the 32-bit entry point can say
inline constexpr std::uint8_t kSmbiosEnd = 127;

// All structures, the last of them of type 127; bytes behind that one are a fault.
Result<std::vector<SmbiosStructure>> parse_smbios(ByteView table);

// The table that OVMF makes of QEMU's, for the firmware that says this of itself.
Result<Bytes> install_smbios(ByteView from_qemu, const SmbiosFirmware& firmware);

// What is measured of an installed table: the same structures with serial numbers, asset tags, the UUID and their like
// blanked. The event's digest is the hash of these bytes.
Result<Bytes> measured_smbios(ByteView table);

// What an OVMF image says of itself in type 0. They are constants of its driver SmbiosPlatformDxe, not marked as such:
// unsupported if they cannot be told from its other texts, or if the driver is not found.
Result<SmbiosFirmware> smbios_firmware(ByteView image);
// The same of the driver alone (a PE image).
Result<SmbiosFirmware> find_smbios_firmware(ByteView driver);

}  // namespace hallmark
