#include "lib/tee/tdx/firmware_events.h"

#include "lib/base/files.h"
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
  // `why` is what it rests on that they are these bytes; empty if they were given.
  Event& hash(std::uint32_t type, std::string description, ByteView bytes, std::string_view why = {}) {
    Json inputs = Json::object({{"size", std::uint64_t{bytes.size()}}});
    if (bytes.size() <= kShortest) inputs["hex"] = to_hex(bytes);
    Event event = computed(0, type, std::move(description), bytes, std::move(inputs));
    return events_.emplace_back(why.empty() ? std::move(event) : assumed(std::move(event), why));
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

// OvmfPkg/Library/QemuFwCfgLib, QemuFwCfgCacheInit.c, mCacheFwCfgList: each item that the monitor has in that size, or,
// where it can have any, with at least one byte.
struct FwCfgItem {
  std::string_view name;
  std::size_t size;  // 0 for any
};
constexpr std::string_view kBootMenu = "BootMenu", kBootOrder = "bootorder";
constexpr std::array kMeasuredItems{FwCfgItem{"etc/extra-pci-roots", 8},    FwCfgItem{kBootMenu, 2},
                                    FwCfgItem{"etc/boot-menu-wait", 2},     FwCfgItem{"etc/reserved-memory-end", 8},
                                    FwCfgItem{"opt/ovmf/X-PciMmio64Mb", 0}, FwCfgItem{kBootOrder, 0}};

void fw_cfg_items(const Machine& machine, List& list) {
  const auto measure = [&](std::string_view name, ByteView bytes, std::string_view why = {}) -> Event& {
    return list.hash(tcg::kPlatformConfigFlags, "QEMU FW CFG: " + std::string(name), bytes, why);
  };
  if (machine.fw_cfg == nullptr) {
    // With -kernel, QEMU adds an option ROM that boots the kernel, and firmware that ignores it measures its place.
    constexpr std::array<std::uint8_t, 2> kNoMenu{};
    constexpr std::string_view kOrder("/rom@genroms/linuxboot_dma.bin\0", 31);
    constexpr std::string_view kWhy =
        "QEMU has these items with a kernel (-kernel), and others only where it is asked for them; its own arguments "
        "would tell";
    measure(kBootMenu, kNoMenu, kWhy);
    measure(kBootOrder, as_bytes(kOrder), kWhy);
    return;
  }
  for (const FwCfgItem& item : kMeasuredItems) {
    const Bytes* bytes =
        item.name == kBootMenu ? &machine.fw_cfg->boot_menu : machine.fw_cfg->find(std::string(item.name));
    if (bytes == nullptr || bytes->empty() || (item.size != 0 && bytes->size() != item.size)) continue;
    measure(item.name, *bytes).inputs["qemu"] = printable(machine.fw_cfg->qemu);
  }
}

// SecurityPkg/Library/DxeTcg2PhysicalPresence … TdTcg2Dxe, MeasureAllSecureVariables.
void secure_boot(const Vmm& vmm, const Variables& variables, List& list) {
  if (vmm.keeps_variables) {
    for (const char* name : {"SecureBoot", "PK", "KEK", "db", "dbx"})
      list.miss(tcg::kEfiVariableDriverConfig, std::string("variable ") + name,
                "this monitor has the variables of secure boot: give a log of such a guest (boot-log)");
    return;
  }
  const auto data = [&](const std::string& name) -> ByteView {
    const auto it = variables.secure_boot.find(name);
    return it == variables.secure_boot.end() ? ByteView() : ByteView(it->second);
  };
  const auto variable = [&](const Guid& vendor, const std::string& name, ByteView value) {
    return computed(0, tcg::kEfiVariableDriverConfig, "variable " + name, uefi_variable_data(vendor, name, value),
                    Json::object({{"size", std::uint64_t{value.size()}}}));
  };
  // The variable is made by firmware that was built for secure boot: 1 in user mode, which an enrolled PK means.
  const bool enrolled = !data("PK").empty();
  const Bytes secure_boot = enrolled || variables.built_for_secure_boot.value_or(false)
                                ? Bytes{static_cast<std::uint8_t>(enrolled ? 1 : 0)}
                                : Bytes();
  Event first = variable(kEfiGlobalVariable, "SecureBoot", secure_boot);
  list.push(enrolled || variables.built_for_secure_boot
                ? std::move(first)
                : assumed(std::move(first), "the image does not show whether it was built for secure boot"));
  for (const char* name : {"PK", "KEK"}) list.push(variable(kEfiGlobalVariable, name, data(name)));
  for (const char* name : {"db", "dbx"}) list.push(variable(kEfiImageSecurityDatabase, name, data(name)));
  if (!data("dbt").empty()) list.push(variable(kEfiImageSecurityDatabase, "dbt", data("dbt")));
}

// Why what the emulated machine has of QEMU's making can be otherwise than in the guest; empty if nothing says so.
std::string doubt_of(const FwCfg& fw_cfg, const Profile& profile) {
  std::string out = fw_cfg.doubt;
  const Vmm* made_by = vmm_of_qemu(fw_cfg.qemu);
  if (made_by == nullptr || made_by->name != profile.vmm.name)
    out += (out.empty() ? "" : "; ") + ("QEMU " + printable(fw_cfg.qemu)) + " made it, and the profile is of " +
           std::string(profile.vmm.name);
  return out;
}

// The files of an emulated machine; one with a TPM allocates etc/tpm/log too.
Status acpi(const FwCfg& fw_cfg, const Profile& profile, List& list) {
  const std::string doubt = doubt_of(fw_cfg, profile), loader = "etc/table-loader";
  const auto measure = [&](const std::string& name) -> Status {
    const Bytes* file = fw_cfg.find(name);
    if (file == nullptr) return fail(Fault::unsupported, "fw_cfg: the machine has no " + printable(name));
    list.hash(tcg::kPlatformConfigFlags, "ACPI DATA: " + printable(name), *file, doubt).inputs["qemu"] =
        printable(fw_cfg.qemu);
    return {};
  };
  CHECK(measure(loader));
  TRY(const std::vector<std::string> allocated, allocated_files(*fw_cfg.find(loader)));
  for (const std::string& name : allocated) CHECK(measure(name));
  return {};
}

// OvmfPkg/AcpiPlatformDxe, QemuFwCfgAcpi.c: the script, then each file that it allocates, as the monitor has them.
Status acpi(const Profile& profile, const Machine& machine, List& list) {
  const std::string prefix = "ACPI DATA: ", script = prefix + "etc/table-loader", rsdp = prefix + "etc/acpi/rsdp",
                    tables = prefix + "etc/acpi/tables";
  if (machine.fw_cfg != nullptr) return acpi(*machine.fw_cfg, profile, list);
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
    list.hash(tcg::kEfiVariableBoot, "variable " + name, data, "firmware of this release is known to have it so");
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

// What the monitor handed over, before it is used.
Status handed_over(const Profile& profile, const Image& image, const Machine& machine, List& list) {
  if (!profile.firmware.measures_hob) return {};
  if (machine.memory) {
    TRY(Event hob, td_hob_event(profile, image, *machine.memory));
    list.push(std::move(hob));
  } else {
    list.miss(tcg::kEfiHandoffTables2, "TD HOB", "give the size of the guest's memory (memory)");
  }
  if (const Section* cfv = image.find(Section::Type::cfv))
    list.hash(tcg::kEfiPlatformFirmwareBlob2, "configuration volume", image.data(*cfv));
  return {};
}

void smbios(const Profile& profile, const Machine& machine, List& list) {
  const std::string name = "SMBIOS tables";
  if (machine.smbios) {
    list.supply(tcg::kEfiHandoffTables, name, *machine.smbios);
  } else if (machine.emulated_smbios) {
    // Type 4 has CPUID leaf 1: an emulator does not have every feature of the model that it is asked for.
    const std::string doubt = doubt_of(*machine.fw_cfg, profile);
    list.hash(tcg::kEfiHandoffTables, name, *machine.emulated_smbios,
              "it names the emulated processor and not the one that the guest will see" +
                  (doubt.empty() ? std::string() : "; " + doubt))
        .inputs["qemu"] = printable(machine.fw_cfg->qemu);
  } else {
    list.miss(tcg::kEfiHandoffTables, name, "give the digest that a log of such a guest has (smbios-digest)");
  }
}

}  // namespace

const Bytes* FwCfg::find(const std::string& name) const {
  const auto found = files.find(name);
  return found == files.end() ? nullptr : &found->second;
}

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

Result<std::vector<Event>> sec_events(const Profile& profile, const Image& image, const Machine& machine) {
  List list;
  CHECK(handed_over(profile, image, machine, list));
  return list.take();
}

Result<std::vector<Event>> firmware_events(const Profile& profile, const Image& image, const Machine& machine,
                                           const Variables& variables) {
  const Firmware& firmware = profile.firmware;
  List list;
  CHECK(handed_over(profile, image, machine, list));
  if (firmware.measures_fw_cfg) fw_cfg_items(machine, list);
  secure_boot(profile.vmm, variables, list);
  list.separator();
  if (firmware.measures_acpi) CHECK(acpi(profile, machine, list));
  if (firmware.measures_smbios) smbios(profile, machine, list);
  boot_options(firmware, list);
  if (!firmware.separator_in_rtmr1) list.separator();
  return list.take();
}

}  // namespace hallmark::tdx
