#include "lib/formats/acpi_loader.h"

#include <algorithm>
#include <set>

namespace hallmark {
namespace {

constexpr std::size_t kHeader = 36, kFacsHeader = 8;  // of a table; FACS has no more than signature and length
constexpr std::size_t kMaxTables = 64;
constexpr std::size_t kChecksumAt = 9, kRsdtEntriesAt = 36;
constexpr std::string_view kRsdpFile = "etc/acpi/rsdp", kTablesFile = "etc/acpi/tables";

// BIOS_LINKER_LOADER_COMMAND_*; a command has 128 bytes, and the script is padded to a page.
constexpr std::size_t kCommand = 128, kFileName = 56, kScriptUnit = 4096;
constexpr std::uint32_t kAllocate = 1, kAddPointer = 2, kAddChecksum = 3;
constexpr std::uint8_t kZoneHigh = 1, kZoneFseg = 2;

// The tables whose loading is exactly what derive_acpi_loader() writes.
const std::set<std::string, std::less<>> kPlain{"APIC", "HPET", "MCFG", "WAET", "SRAT", "SLIT", "HMAT", "DMAR", "SSDT"};

class Script {
 public:
  void allocate(std::string_view file, std::uint32_t alignment, std::uint8_t zone) {
    begin(kAllocate);
    name(file);
    number(alignment, 4);
    number(zone, 1);
  }
  void add_pointer(std::string_view in, std::string_view to, std::uint64_t offset, std::uint8_t size) {
    begin(kAddPointer);
    name(in);
    name(to);
    number(offset, 4);
    number(size, 1);
  }
  void add_checksum(std::string_view file, std::uint64_t result, std::uint64_t start, std::uint64_t length) {
    begin(kAddChecksum);
    name(file);
    number(result, 4);
    number(start, 4);
    number(length, 4);
  }
  Bytes take() {
    bytes_.resize(static_cast<std::size_t>(*align_up(std::max<std::size_t>(end_, 1), kScriptUnit)));
    return std::move(bytes_);
  }

 private:
  void begin(std::uint32_t command) {
    bytes_.resize(end_ + kCommand);
    at_ = end_;
    end_ += kCommand;
    number(command, 4);
  }
  void name(std::string_view text) {
    std::ranges::copy(text, bytes_.begin() + static_cast<std::ptrdiff_t>(at_));
    at_ += kFileName;
  }
  void number(std::uint64_t value, std::size_t size) {
    for (std::size_t i = 0; i < size; i++) bytes_[at_++] = static_cast<std::uint8_t>(value >> (8 * i));
  }

  Bytes bytes_;
  std::size_t at_ = 0, end_ = 0;
};

Result<const AcpiTable*> only(const std::vector<AcpiTable>& tables, std::string_view signature, std::uint64_t size) {
  const AcpiTable* found = nullptr;
  for (const AcpiTable& t : tables) {
    if (t.signature != signature) continue;
    if (found != nullptr) return fail(Fault::unsupported, "ACPI tables: has two of " + std::string(signature));
    found = &t;
  }
  if (found == nullptr) return fail(Fault::unsupported, "ACPI tables: has no " + std::string(signature));
  if (found->size < size)
    return fail(Fault::format, "ACPI table " + std::string(signature) + " at " + hex_offset(found->offset) + ": has " +
                                   std::to_string(found->size) + " bytes, at least " + std::to_string(size) +
                                   " wanted");
  return found;
}

}  // namespace

Result<std::vector<AcpiTable>> parse_acpi_tables(ByteView blob) {
  if (blob.size() > kMaxAcpiTables)
    return fail(Fault::format, "ACPI tables: has " + std::to_string(blob.size()) + " bytes, at most " +
                                   std::to_string(kMaxAcpiTables) + " allowed");
  std::vector<AcpiTable> out;
  std::uint64_t at = 0;
  while (blob.size() - at >= kFacsHeader && load_le<std::uint32_t>(blob.subspan(at)) != 0) {
    const std::string_view signature = as_text(blob.subspan(at, 4));
    const std::uint64_t size = load_le<std::uint32_t>(blob.subspan(at + 4));
    const std::string what = "ACPI table at " + hex_offset(at) + ": ";
    if (!std::ranges::all_of(signature, [](char c) { return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); }))
      return fail(Fault::format, what + "signature is no four letters");
    const std::uint64_t least = signature == "FACS" ? kFacsHeader : kHeader;
    if (size < least || size > blob.size() - at)
      return fail(Fault::format, what + "length is " + std::to_string(size) + ", from " + std::to_string(least) +
                                     " to " + std::to_string(blob.size() - at) + " are possible");
    if (out.size() == kMaxTables)
      return fail(Fault::format, what + "is one more than " + std::to_string(kMaxTables) + " tables");
    out.push_back({std::string(signature), at, size});
    at += size;
  }
  if (out.empty()) return fail(Fault::format, "ACPI tables: begins with no table");
  if (std::ranges::any_of(blob.subspan(at), [](auto c) { return c != 0; }))
    return fail(Fault::format,
                "ACPI tables: bytes that are no table stand behind the last one, from " + hex_offset(at));
  return out;
}

// hw/i386/acpi-build.c, acpi_build(): each table links what it points to and then its checksum, in the order in which
// the tables are made, which is that of the blob.
Result<AcpiLoader> derive_acpi_loader(ByteView blob) {
  TRY(const std::vector<AcpiTable> tables, parse_acpi_tables(blob));
  TRY(const AcpiTable* dsdt, only(tables, "DSDT", kHeader));
  TRY(const AcpiTable* facp, only(tables, "FACP", 148));
  TRY(const AcpiTable* rsdt, only(tables, "RSDT", kHeader));
  TRY(const AcpiTable* facs, only(tables, "FACS", kFacsHeader));
  if (facs->offset != 0 || rsdt != &tables.back() || (rsdt->size - kRsdtEntriesAt) % 4 != 0)
    return fail(Fault::unsupported,
                "ACPI tables: are not in the order in which QEMU makes them: FACS first, RSDT last");

  Script script;
  script.allocate(kRsdpFile, 16, kZoneFseg);
  script.allocate(kTablesFile, 64, kZoneHigh);
  const auto checksum = [&](const AcpiTable& t) {
    script.add_checksum(kTablesFile, t.offset + kChecksumAt, t.offset, t.size);
  };
  const auto pointer = [&](std::uint64_t at, std::uint8_t size) {
    script.add_pointer(kTablesFile, kTablesFile, at, size);
  };
  checksum(*dsdt);
  pointer(facp->offset + 36, 4);   // FIRMWARE_CTRL
  pointer(facp->offset + 40, 4);   // DSDT
  pointer(facp->offset + 140, 8);  // X_DSDT
  checksum(*facp);
  for (const AcpiTable& t : tables) {
    if (&t == facs || &t == dsdt || &t == facp || &t == rsdt) continue;
    if (!kPlain.contains(t.signature))
      return fail(Fault::unsupported, "ACPI table " + t.signature + " at " + hex_offset(t.offset) +
                                          ": how QEMU links it is not known here; give the digests of table-loader, "
                                          "rsdp and tables instead");
    checksum(t);
  }
  for (std::uint64_t at = rsdt->offset + kRsdtEntriesAt; at < rsdt->offset + rsdt->size; at += 4) pointer(at, 4);
  checksum(*rsdt);

  AcpiLoader out;
  out.rsdp.resize(20);
  std::ranges::copy(std::string_view("RSD PTR \0BOCHS ", 15), out.rsdp.begin());
  store_le<std::uint32_t>(std::span(out.rsdp).subspan(16), static_cast<std::uint32_t>(rsdt->offset));
  script.add_pointer(kRsdpFile, kTablesFile, 16, 4);
  script.add_checksum(kRsdpFile, 8, 0, 20);
  out.script = script.take();
  return out;
}

Result<std::vector<std::string>> allocated_files(ByteView script) {
  if (script.size() % kCommand != 0 || script.size() > kMaxAcpiTables)
    return fail(Fault::format, "ACPI loader script: has " + std::to_string(script.size()) + " bytes, not commands of " +
                                   std::to_string(kCommand));
  std::vector<std::string> out;
  for (std::size_t at = 0; at < script.size(); at += kCommand) {
    if (load_le<std::uint32_t>(script.subspan(at, 4)) != kAllocate) continue;
    const std::string_view name = as_text(script.subspan(at + 4, kFileName));
    if (name.find('\0') == name.npos)
      return fail(Fault::format, "ACPI loader script: command at " + hex_offset(at) + ": file name has no end");
    out.emplace_back(name.substr(0, name.find('\0')));
  }
  return out;
}

// ACPI 6.5, 5.2.12: entries of type 0 (Processor Local APIC) and 9 (Processor Local x2APIC) with the flag Enabled.
Result<std::uint64_t> acpi_processors(ByteView blob) {
  TRY(const std::vector<AcpiTable> tables, parse_acpi_tables(blob));
  TRY(const AcpiTable* madt, only(tables, "APIC", 44));
  const ByteView entries = blob.subspan(madt->offset + 44, madt->size - 44);
  std::uint64_t count = 0;
  for (std::size_t at = 0; at < entries.size();) {
    const std::size_t left = entries.size() - at, size = left < 2 ? 0 : entries[at + 1];
    if (size < 2 || size > left)
      return fail(Fault::format, "ACPI table APIC: entry at " + hex_offset(madt->offset + 44 + at) + ": length is " +
                                     std::to_string(size) + ", from 2 to " + std::to_string(left) + " are possible");
    if (entries[at] == 0 && size >= 8 && (entries[at + 4] & 1) != 0) count++;
    if (entries[at] == 9 && size >= 16 && (entries[at + 8] & 1) != 0) count++;
    at += size;
  }
  return count;
}

}  // namespace hallmark
