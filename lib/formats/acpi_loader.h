// ACPI tables as QEMU hands them to firmware: one blob of tables with the offsets between them not filled in, a root
// pointer, and a script that says how to place and link both.
//
// ACPI specification 6.5, sections 5.2.5 (RSDP), 5.2.6 (System Description Table Header), 5.2.7 (RSDT); QEMU
// hw/acpi/bios-linker-loader.c for the script. fw_cfg has them as etc/acpi/tables, etc/acpi/rsdp and etc/table-loader.
// The latter two follow from the first, for the tables that a q35 machine without a TPM has.
#pragma once

#include <string>
#include <vector>

#include "lib/base/bytes.h"

namespace hallmark {

struct AcpiTable {
  std::string signature;  // "DSDT"
  std::uint64_t offset = 0, size = 0;
};

// The tables of the blob, which begin one behind the other and end in zeros. Tables are not looked into.
Result<std::vector<AcpiTable>> parse_acpi_tables(ByteView blob);

struct AcpiLoader {
  Bytes rsdp, script;  // etc/acpi/rsdp, etc/table-loader
};
// What QEMU supplies along with the blob. A blob with tables that want more than links and checksums, or without one
// that every machine has, is unsupported by name.
Result<AcpiLoader> derive_acpi_loader(ByteView blob);

// The files that a script allocates, in its order: what firmware of edk2 measures besides the script. From QEMU's own
// script, also with tables that derive_acpi_loader() does not know.
Result<std::vector<std::string>> allocated_files(ByteView script);

// How many processors the interrupt controllers' table (MADT) lists as enabled.
Result<std::uint64_t> acpi_processors(ByteView blob);

inline constexpr std::uint64_t kMaxAcpiTables = std::uint64_t{8} << 20;

}  // namespace hallmark
