#include "lib/tee/tdx/firmware_events.h"

#include "lib/formats/acpi_loader.h"
#include "lib/formats/efi_variables.h"
#include "lib/formats/tcg_event.h"
#include "lib/tee/tdx/td_hob.h"

namespace hallmark::tdx {
namespace {

// The volume that holds the firmware's own applications, and two of them (OvmfPkg, MdeModulePkg).
constexpr Guid kDxeVolume = guid("7cb8bdc9-f8eb-4f34-aaea-3ee4af6516a1");
constexpr Guid kUiApp = guid("462caa21-7614-4503-836e-8ab6f4662331");
constexpr Guid kBootManagerMenuApp = guid("eec25bdc-67f2-4d95-b1d5-f81b2039d11d");

// EFI_LOAD_OPTION.Attributes
constexpr std::uint32_t kActive = 1, kHidden = 8, kCategoryApplication = 0x100;

constexpr std::array<std::uint8_t, 4> kSeparatorData{};
constexpr std::size_t kShortest = 64;  // bytes that an event's inputs show

class List {
 public:
  void hash(std::uint32_t type, std::string description, ByteView bytes, Provenance provenance = Provenance::computed) {
    Json inputs = Json::object({{"size", std::uint64_t{bytes.size()}}});
    if (bytes.size() <= kShortest) inputs["hex"] = to_hex(bytes);
    Event event = computed(0, type, std::move(description), bytes, std::move(inputs));
    event.provenance = provenance;
    events_.push_back(std::move(event));
  }
  void supply(std::uint32_t type, std::string description, const Digest& digest) {
    events_.push_back({0, type, std::move(description), digest, Provenance::supplied, Json::object()});
  }
  void miss(std::uint32_t type, std::string description, std::string why) {
    events_.push_back(missing(0, type, std::move(description), std::move(why)));
  }
  void push(Event event) { events_.push_back(std::move(event)); }
  void separator() { hash(tcg::kSeparator, "separator", kSeparatorData); }
  std::vector<Event> take() { return std::move(events_); }

 private:
  std::vector<Event> events_;
};

// A device path of two nodes, MEDIA_PIWG_FW_VOL_DP and MEDIA_PIWG_FW_FILE_DP, and its end (UEFI 2.10, 10.3.5).
constexpr std::size_t kPathSize = 20 + 20 + 4;
Bytes load_option(std::uint32_t attributes, std::string_view description, const Guid& file) {
  Bytes out(4 + 2);
  store_le<std::uint32_t>(out, attributes);
  store_le<std::uint16_t>(std::span(out).subspan(4), kPathSize);
  for (const char c : description) out.insert(out.end(), {static_cast<std::uint8_t>(c), 0});
  out.insert(out.end(), {0, 0});
  const auto node = [&](std::uint8_t subtype, const Guid& id) {
    out.insert(out.end(), {4, subtype, 20, 0});
    out.insert(out.end(), id.begin(), id.end());
  };
  node(7, kDxeVolume);
  node(6, file);
  out.insert(out.end(), {0x7f, 0xff, 4, 0});
  return out;
}

// OvmfPkg/Library/QemuFwCfgLib, QemuFwCfgCacheInit.c: these items, each if the monitor has it. With -kernel, QEMU has
// the first of those below always and the second because it adds an option ROM that boots the kernel; it has
// the others only for a machine that was asked for them.
void fw_cfg_items(List& list) {
  constexpr std::array<std::uint8_t, 2> kNoMenu{};
  constexpr std::string_view kOrder("/rom@genroms/linuxboot_dma.bin\0", 31);
  list.hash(tcg::kPlatformConfigFlags, "QEMU FW CFG: BootMenu", kNoMenu, Provenance::assumed);
  list.hash(tcg::kPlatformConfigFlags, "QEMU FW CFG: bootorder", as_bytes(kOrder), Provenance::assumed);
}

// SecurityPkg/Library/DxeTcg2PhysicalPresence … TdTcg2Dxe, MeasureAllSecureVariables.
void secure_boot(const Variables& variables, List& list) {
  const auto data = [&](const std::string& name) -> ByteView {
    const auto it = variables.secure_boot.find(name);
    return it == variables.secure_boot.end() ? ByteView() : ByteView(it->second);
  };
  const auto measure = [&](const Guid& vendor, const std::string& name, ByteView value, Provenance provenance) {
    Event event =
        computed(0, tcg::kEfiVariableDriverConfig, "variable " + name, uefi_variable_data(vendor, name, value),
                 Json::object({{"size", std::uint64_t{value.size()}}}));
    event.provenance = provenance;
    list.push(std::move(event));
  };
  // The variable is made by firmware that was built for secure boot: 1 in user mode, which an enrolled PK means.
  const bool enrolled = !data("PK").empty();
  const Bytes secure_boot = enrolled || variables.built_for_secure_boot.value_or(false)
                                ? Bytes{static_cast<std::uint8_t>(enrolled ? 1 : 0)}
                                : Bytes();
  measure(kEfiGlobalVariable, "SecureBoot", secure_boot,
          enrolled || variables.built_for_secure_boot ? Provenance::computed : Provenance::assumed);
  for (const char* name : {"PK", "KEK"}) measure(kEfiGlobalVariable, name, data(name), Provenance::computed);
  for (const char* name : {"db", "dbx"}) measure(kEfiImageSecurityDatabase, name, data(name), Provenance::computed);
  if (!data("dbt").empty()) measure(kEfiImageSecurityDatabase, "dbt", data("dbt"), Provenance::computed);
}

// OvmfPkg/AcpiPlatformDxe, QemuFwCfgAcpi.c: the script, then each file that it allocates, as the monitor has them.
Status acpi(const Machine& machine, List& list) {
  const std::string prefix = "ACPI DATA: ", script = prefix + "etc/table-loader", rsdp = prefix + "etc/acpi/rsdp",
                    tables = prefix + "etc/acpi/tables";
  if (const auto* blob = std::get_if<ByteView>(&machine.acpi)) {
    TRY(const AcpiLoader loader, derive_acpi_loader(*blob));
    list.hash(tcg::kPlatformConfigFlags, script, loader.script);
    list.hash(tcg::kPlatformConfigFlags, rsdp, loader.rsdp);
    list.hash(tcg::kPlatformConfigFlags, tables, *blob);
  } else if (const auto* digests = std::get_if<AcpiDigests>(&machine.acpi)) {
    list.supply(tcg::kPlatformConfigFlags, script, digests->script);
    list.supply(tcg::kPlatformConfigFlags, rsdp, digests->rsdp);
    list.supply(tcg::kPlatformConfigFlags, tables, digests->tables);
  } else {
    for (const std::string& description : {script, rsdp, tables})
      list.miss(tcg::kPlatformConfigFlags, description, "give the ACPI tables (acpi-tables) or their digests");
  }
  return {};
}

// MdeModulePkg/Library/UefiBootManagerLib and OvmfPkg/Library/PlatformBootManagerLib: what is enumerated where nothing
// but the firmware itself can be booted.
void boot_options(const Firmware& firmware, List& list) {
  const auto measure = [&](const std::string& name, ByteView data) {
    list.hash(tcg::kEfiVariableBoot, "variable " + name, data, Provenance::assumed);
  };
  if (firmware.boot_manager_menu) {
    measure("BootOrder", Bytes{0, 0, 1, 0});
    measure("Boot0000",
            load_option(kActive | kHidden | kCategoryApplication, "BootManagerMenuApp", kBootManagerMenuApp));
    measure("Boot0001", load_option(kActive | kCategoryApplication, "EFI Firmware Setup", kUiApp));
  } else {
    measure("BootOrder", Bytes{0, 0});
    measure("Boot0000", load_option(kActive | kHidden | kCategoryApplication, "UiApp", kUiApp));
  }
}

}  // namespace

Bytes uefi_variable_data(const Guid& vendor, std::string_view name, ByteView data) {
  Bytes out(vendor.begin(), vendor.end());
  out.resize(out.size() + 16);
  store_le<std::uint64_t>(std::span(out).subspan(16), name.size());
  store_le<std::uint64_t>(std::span(out).subspan(24), data.size());
  for (const char c : name) out.insert(out.end(), {static_cast<std::uint8_t>(c), 0});
  out.insert(out.end(), data.begin(), data.end());
  return out;
}

Result<Event> td_hob_event(const Profile& profile, const Image& image, std::uint64_t memory) {
  TRY(const Bytes hob, td_hob(image, profile.vmm.hob, memory));
  return computed(0, tcg::kEfiHandoffTables2, "TD HOB", hob,
                  Json::object({{"size", std::uint64_t{hob.size()}}, {"memory", memory}}));
}

Result<std::vector<Event>> firmware_events(const Profile& profile, const Image& image, const Machine& machine,
                                           const Variables& variables) {
  const Firmware& firmware = profile.firmware;
  List list;
  if (firmware.measures_hob) {
    if (machine.memory) {
      TRY(Event hob, td_hob_event(profile, image, *machine.memory));
      list.push(std::move(hob));
    } else {
      list.miss(tcg::kEfiHandoffTables2, "TD HOB", "give the size of the guest's memory (memory)");
    }
    if (const Section* cfv = image.find(Section::Type::cfv))
      list.hash(tcg::kEfiPlatformFirmwareBlob2, "configuration volume", image.data(*cfv));
  }
  if (firmware.measures_fw_cfg) fw_cfg_items(list);
  secure_boot(variables, list);
  list.separator();
  if (firmware.measures_acpi) CHECK(acpi(machine, list));
  if (firmware.measures_smbios) {
    if (machine.smbios)
      list.supply(tcg::kEfiHandoffTables, "SMBIOS tables", *machine.smbios);
    else
      list.miss(tcg::kEfiHandoffTables, "SMBIOS tables",
                "give the digest that a log of such a guest has (smbios-digest)");
  }
  boot_options(firmware, list);
  if (!firmware.separator_in_rtmr1) list.separator();
  return list.take();
}

}  // namespace hallmark::tdx
