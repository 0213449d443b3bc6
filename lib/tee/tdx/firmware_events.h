// The events by which the firmware extends RTMR0: what machine it found itself in.
//
// In the order of edk2's OvmfPkg: SEC measures what the monitor handed over (TD HOB, configuration volume); TdTcg2Dxe
// the fw_cfg items and the variables of secure boot; AcpiPlatformDxe the tables; at the boot, SmbiosMeasurementDxe and
// TdTcg2Dxe the SMBIOS tables and the boot options. Which of these a release does is in its Profile.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <variant>

#include "lib/tee/tdx/event.h"
#include "lib/tee/tdx/image.h"
#include "lib/tee/tdx/profile.h"

namespace hallmark::tdx {

struct AcpiDigests {  // of etc/table-loader, etc/acpi/rsdp and etc/acpi/tables
  Digest script{}, rsdp{}, tables{};
};

// What a QEMU hands to the firmware that was started with the guest's own description of its machine, but not as its
// monitor: emulated, and maybe elsewhere.
struct FwCfg {
  std::string qemu;                    // its version: "10.0.13"
  std::map<std::string, Bytes> files;  // "etc/acpi/tables", "bootorder"
  Bytes boot_menu;                     // item 0x0e, which is no file
  std::string doubt;                   // why the ACPI tables can be others than the guest's; empty if nothing says so

  // Null if the machine has no such file.
  const Bytes* find(const std::string& name) const;
  bool has_tpm() const { return files.contains("etc/tpm/log"); }
};

// What the monitor was told of the machine, as far as RTMR0 depends on it.
struct Machine {
  std::optional<std::uint64_t> memory;                       // in bytes
  std::variant<std::monostate, ByteView, AcpiDigests> acpi;  // the blob etc/acpi/tables, or digests
  std::optional<Digest> smbios;                              // of the filtered tables
  const FwCfg* fw_cfg = nullptr;                             // in place of `acpi`
  std::optional<Bytes> emulated_smbios;  // filtered, of the emulated machine; where `smbios` is none
};

// What the image says besides its sections.
struct Variables {
  std::map<std::string, Bytes> secure_boot;   // "PK", "KEK", "db", "dbx", "dbt": those that its variable store has
  std::optional<bool> built_for_secure_boot;  // nothing: cannot be told
};

// For a guest that is given a kernel. Every event of RTMR0 is listed, `missing` where the machine does not tell it.
Result<std::vector<Event>> firmware_events(const Profile& profile, const Image& image, const Machine& machine,
                                           const Variables& variables);

// The events that firmware has from its first phase, which measures whether or not anything later does: the driver for
// the others (TdTcg2Dxe) is built in or not, SEC always extends what the monitor handed over (OvmfPkg/Sec/SecMain.c).
Result<std::vector<Event>> sec_events(const Profile& profile, const Image& image, const Machine& machine);

// The first event alone, for a guest with that much memory.
Result<Event> td_hob_event(const Profile& profile, const Image& image, std::uint64_t memory);

// UEFI_VARIABLE_DATA (TCG PC Client Platform Firmware Profile 1.06, section 10.2.6); the name is ASCII.
Bytes uefi_variable_data(const Guid& vendor, std::string_view name, ByteView data);

}  // namespace hallmark::tdx
