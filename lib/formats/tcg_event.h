// Event types of the TCG PC Client Platform Firmware Profile, revision 1.06, section 10.4.1, by the names that it
// gives them. TDX logs use the same ones (UEFI specification 2.10, section 38, "Confidential Computing").
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace hallmark::tcg {

inline constexpr std::uint32_t kPrebootCert = 0x0, kPostCode = 0x1, kNoAction = 0x3, kSeparator = 0x4, kAction = 0x5,
                               kEventTag = 0x6, kSCrtmContents = 0x7, kSCrtmVersion = 0x8, kCpuMicrocode = 0x9,
                               kPlatformConfigFlags = 0xa, kTableOfDevices = 0xb, kCompactHash = 0xc, kIpl = 0xd,
                               kIplPartitionData = 0xe, kNonhostCode = 0xf, kNonhostConfig = 0x10, kNonhostInfo = 0x11,
                               kOmitBootDeviceEvents = 0x12, kEfiVariableDriverConfig = 0x80000001,
                               kEfiVariableBoot = 0x80000002, kEfiBootServicesApplication = 0x80000003,
                               kEfiBootServicesDriver = 0x80000004, kEfiRuntimeServicesDriver = 0x80000005,
                               kEfiGptEvent = 0x80000006, kEfiAction = 0x80000007,
                               kEfiPlatformFirmwareBlob = 0x80000008, kEfiHandoffTables = 0x80000009,
                               kEfiPlatformFirmwareBlob2 = 0x8000000a, kEfiHandoffTables2 = 0x8000000b,
                               kEfiVariableBoot2 = 0x8000000c, kEfiHcrtmEvent = 0x80000010,
                               kEfiVariableAuthority = 0x800000e0, kEfiSpdmFirmwareBlob = 0x800000e1,
                               kEfiSpdmFirmwareConfig = 0x800000e2;

struct TypeName {
  std::uint32_t type;
  std::string_view name;
};
inline constexpr std::array kTypeNames{
    TypeName{kPrebootCert, "EV_PREBOOT_CERT"},
    TypeName{kPostCode, "EV_POST_CODE"},
    TypeName{kNoAction, "EV_NO_ACTION"},
    TypeName{kSeparator, "EV_SEPARATOR"},
    TypeName{kAction, "EV_ACTION"},
    TypeName{kEventTag, "EV_EVENT_TAG"},
    TypeName{kSCrtmContents, "EV_S_CRTM_CONTENTS"},
    TypeName{kSCrtmVersion, "EV_S_CRTM_VERSION"},
    TypeName{kCpuMicrocode, "EV_CPU_MICROCODE"},
    TypeName{kPlatformConfigFlags, "EV_PLATFORM_CONFIG_FLAGS"},
    TypeName{kTableOfDevices, "EV_TABLE_OF_DEVICES"},
    TypeName{kCompactHash, "EV_COMPACT_HASH"},
    TypeName{kIpl, "EV_IPL"},
    TypeName{kIplPartitionData, "EV_IPL_PARTITION_DATA"},
    TypeName{kNonhostCode, "EV_NONHOST_CODE"},
    TypeName{kNonhostConfig, "EV_NONHOST_CONFIG"},
    TypeName{kNonhostInfo, "EV_NONHOST_INFO"},
    TypeName{kOmitBootDeviceEvents, "EV_OMIT_BOOT_DEVICE_EVENTS"},
    TypeName{kEfiVariableDriverConfig, "EV_EFI_VARIABLE_DRIVER_CONFIG"},
    TypeName{kEfiVariableBoot, "EV_EFI_VARIABLE_BOOT"},
    TypeName{kEfiBootServicesApplication, "EV_EFI_BOOT_SERVICES_APPLICATION"},
    TypeName{kEfiBootServicesDriver, "EV_EFI_BOOT_SERVICES_DRIVER"},
    TypeName{kEfiRuntimeServicesDriver, "EV_EFI_RUNTIME_SERVICES_DRIVER"},
    TypeName{kEfiGptEvent, "EV_EFI_GPT_EVENT"},
    TypeName{kEfiAction, "EV_EFI_ACTION"},
    TypeName{kEfiPlatformFirmwareBlob, "EV_EFI_PLATFORM_FIRMWARE_BLOB"},
    TypeName{kEfiHandoffTables, "EV_EFI_HANDOFF_TABLES"},
    TypeName{kEfiPlatformFirmwareBlob2, "EV_EFI_PLATFORM_FIRMWARE_BLOB2"},
    TypeName{kEfiHandoffTables2, "EV_EFI_HANDOFF_TABLES2"},
    TypeName{kEfiVariableBoot2, "EV_EFI_VARIABLE_BOOT2"},
    TypeName{kEfiHcrtmEvent, "EV_EFI_HCRTM_EVENT"},
    TypeName{kEfiVariableAuthority, "EV_EFI_VARIABLE_AUTHORITY"},
    TypeName{kEfiSpdmFirmwareBlob, "EV_EFI_SPDM_FIRMWARE_BLOB"},
    TypeName{kEfiSpdmFirmwareConfig, "EV_EFI_SPDM_FIRMWARE_CONFIG"},
};

// The specification's name, or the number in hexadecimal for a type that it does not list.
std::string type_name(std::uint32_t type);

}  // namespace hallmark::tcg
