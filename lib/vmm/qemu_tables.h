// The tables that QEMU hands to a guest's firmware, from an unmodified QEMU and the user's own arguments, without KVM
// and TDX.
//
// QEMU writes the final ACPI tables at the moment when the firmware selects them in fw_cfg, after the firmware has
// placed the devices' BARs: hw/i386/acpi-build.c acpi_build_update(). So the machine is started, emulated, with the
// firmware itself, stopped at the moment when it has selected etc/acpi/tables (QEMU's own trace says so), and then
// every item is read through the device, as the firmware reads it. Nothing of the guest's own runs.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "lib/base/files.h"
#include "lib/base/json.h"
#include "lib/base/progress.h"
#include "lib/vmm/qemu_arguments.h"

namespace hallmark {

struct QemuRequest {
  fs::path firmware;                   // all of it in one file, as for -bios
  std::vector<std::string> arguments;  // as split_arguments() gives them; a program may stand first
  std::string program;                 // a path, or a name in the usual folders; else the arguments' own, else QEMU's
  std::string tpm = "swtpm";           // the emulator of a machine that has a TPM, a path or a name
  std::string cpu{kTdxCpu};            // in place of "-cpu host"
  std::chrono::seconds timeout{300};
  // Where answers are kept, or empty to keep none. See qemu_cache().
  fs::path cache;
};

struct QemuTables {
  // The items of fw_cfg that firmware measures or takes tables from, as they are handed over: "etc/acpi/tables",
  // "etc/acpi/rsdp", "etc/table-loader", "etc/smbios/smbios-tables", "bootorder", … Boot images and ROMs are not kept.
  std::map<std::string, Bytes> files;
  Bytes boot_menu;  // item 0x0e, "BootMenu": 2 bytes
  std::string version;
  std::vector<std::string> arguments;  // as QEMU was given them, without hallmark's own
  std::vector<ReplacedArgument> replaced;
  bool cached = false;

  // Null if the machine has no such item.
  const Bytes* find(const std::string& name) const;
  // {"qemu", "arguments", "replaced": [{"was", "is", "why"}]}
  Json description() const;
};

// The answer is kept under the digests of program, firmware, arguments and every file that the arguments name, and
// checked against its own digest when it is used again.
Result<QemuTables> qemu_tables(const QemuRequest& request, Progress& progress);

// $XDG_CACHE_HOME/hallmark/qemu-tables, else ~/.cache/hallmark/qemu-tables; empty if the environment has neither.
fs::path qemu_cache();

// How an answer is kept: `key` says what it answers. Reading gives nothing where the entry is damaged or answers
// another key.
std::string encode_qemu_tables(const QemuTables& tables, std::string_view key);
std::optional<QemuTables> parse_qemu_tables(std::string_view text, std::string_view key);

}  // namespace hallmark
