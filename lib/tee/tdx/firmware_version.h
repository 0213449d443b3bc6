// Which firmware an image holds, and what it was built to do, as far as its own files tell.
//
// edk2 has no field for its release. What it has is the text that its distributor set (PcdFirmwareVersionString), a
// constant inside the drivers that show it or measure it; and a feature that was built in has a driver, whose name is a
// GUID. Neither is a promise: a distributor may set any text, and patch. But both are in what MRTD measures.
#pragma once

#include <optional>
#include <string>

#include "lib/base/bytes.h"

namespace hallmark::tdx {

struct FirmwareFacts {
  std::string version_text;         // "2025.02-8+deb13u1"; empty if there is none that names a release
  std::optional<unsigned> release;  // what edk2_release() makes of it

  // Whether the driver for it is in the image. Nothing: it is not seen, but not all of the image could be read.
  std::optional<bool> secure_boot_built;  // SecureBootConfigDxe (SECURE_BOOT_ENABLE)
  std::optional<bool> measures;           // TdTcg2Dxe (CC_MEASUREMENT_ENABLE): without it no event reaches an RTMR
  std::optional<bool> measures_smbios;    // SmbiosMeasurementDxe, since 202505
  std::optional<bool> boot_manager_menu;  // BootManagerMenuApp, since 202505
};

// What the drivers that came with 202505 say of an image whose text names no release: it is of that one or a later one,
// or of an earlier one. Nothing where they were not seen, or contradict each other.
std::optional<bool> since_202505(const FirmwareFacts& facts);

// An image without any volume has no facts; one whose volumes are damaged is a format fault.
Result<FirmwareFacts> firmware_facts(ByteView image);

// The stable release that a version names: 202502 of "2025.02-8+deb13u1" and "edk2-stable202502", and of a date as
// Fedora writes it, "edk2-20250221-6", its month. Nothing if it names none.
std::optional<unsigned> edk2_release(std::string_view version_text);

}  // namespace hallmark::tdx
