#include "lib/tee/tdx/guest.h"

#include <algorithm>
#include <charconv>
#include <iterator>

#include "lib/formats/acpi_loader.h"
#include "lib/formats/efi_variables.h"
#include "lib/formats/efi_volume.h"
#include "lib/formats/event_log.h"
#include "lib/formats/smbios.h"
#include "lib/formats/tcg_event.h"
#include "lib/tee/tdx/mrtd.h"
#include "lib/tee/tdx/td_hob.h"
#include "lib/tee/uki/uki.h"

namespace hallmark::tdx {
namespace {

constexpr std::string_view kDefaultVmm = "qemu-10";
constexpr std::uint64_t kMiB = std::uint64_t{1} << 20, kGiB = std::uint64_t{1} << 30;
constexpr std::uint64_t kMaxVcpus = 4096;

constexpr std::array<std::string_view, 29> kKnown{
    "app-compose",      "dstack", "app-id",     "instance-id",  "os-image-hash", "mr-kms",      "key-provider",
    "runtime-log",      "vars",   "kernel",     "initrd",       "uki",           "acpi-tables", "boot-log",
    "cmdline",          "memory", "vcpus",      "acpi-digests", "smbios-digest", "profile",     "stub",
    "tdattributes",     "xfam",   "mrconfigid", "mrowner",      "mrownerconfig", "mrseam",      "allow-debug",
    "firmware-measures"};

Result<std::optional<InputFile>> open_companion(const MeasureRequest& request, const std::string& role) {
  const auto path = companion(request, role);
  if (!path) return std::nullopt;
  TRY(InputFile file, InputFile::open(*path));
  return std::optional(std::move(file));
}

template <class T>
Result<T> number(const std::string& name, std::string_view text, T most) {
  T n = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), n);
  if (text.empty() || error != std::errc() || end != text.data() + text.size() || n == 0 || n > most)
    return fail(Fault::usage, name + ": \"" + std::string(text) + "\" is no number from 1 to " + std::to_string(most));
  return n;
}

Result<AcpiDigests> read_acpi_digests(const std::string& text) {
  std::vector<Digest> digests;
  std::string_view left = text;
  for (;;) {
    const std::size_t comma = std::min(left.find(','), left.size());
    const auto digest = digest_from_hex<Alg::sha384>(left.substr(0, comma));
    if (!digest) break;
    digests.push_back(*digest);
    if (comma == left.size()) break;
    left.remove_prefix(comma + 1);
  }
  if (digests.size() != 3 || left.find(',') != left.npos)
    return fail(Fault::usage,
                "acpi-digests: are not three SHA-384 digests in hexadecimal with commas between: of table-loader, "
                "rsdp and tables");
  return AcpiDigests{digests[0], digests[1], digests[2]};
}

// hw/i386/e820_memory_layout.h: u64 address, u64 length, u32 type, of which 1 is memory.
Result<std::uint64_t> ram_in(ByteView map) {
  ByteReader r(map, "fw_cfg: etc/e820");
  std::uint64_t out = 0;
  while (r.ok() && r.left() > 0) {
    r.skip(8, "address");
    const auto length = r.le<std::uint64_t>("length");
    if (r.le<std::uint32_t>("type") != 1) continue;
    if (length > kMaxMemory - out) r.reject("length", "is more than a guest can have");
    if (r.ok()) out += length;
  }
  return r.finish(out);
}

}  // namespace

Result<std::uint64_t> parse_memory(const std::string& text) {
  std::string_view digits = text;
  std::uint64_t unit = 1;
  if (!digits.empty()) {
    const std::size_t at = std::string_view("KMGT").find(static_cast<char>(digits.back() & ~0x20));
    if (at != std::string_view::npos) {
      unit = std::uint64_t{1} << (10 * (at + 1));
      digits.remove_suffix(1);
    }
  }
  std::uint64_t n = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), n);
  const auto bytes = checked_mul(n, unit);
  if (digits.empty() || error != std::errc() || end != digits.data() + digits.size() || !bytes || *bytes < kMiB ||
      *bytes > kMaxMemory || *bytes % kPageSize != 0)
    return fail(Fault::usage, "memory: \"" + text + "\" is no size such as 2G or 512M");
  return *bytes;
}

Result<std::unique_ptr<Guest>> Guest::open(const MeasureRequest& request, std::optional<FwCfg> fw_cfg) {
  CHECK(takes_only(request, "a TDX guest", kKnown));
  TRY(Bytes firmware, read_file(request.image, kMaxFirmware));
  if (const auto vars = companion(request, "vars")) {
    TRY(const Bytes store, read_file(*vars, kMaxFirmware));
    firmware = join_firmware(store, firmware);
  }
  // Moved into place before it is parsed: the image points into it, and a moved vector keeps its bytes where they are.
  TRY(Image image, Image::parse(firmware));
  std::unique_ptr<Guest> guest(new Guest(std::move(firmware), std::move(image)));
  guest->single_pass_ = measure_mrtd(guest->image_, PageOrder::single_pass);
  guest->two_pass_ = measure_mrtd(guest->image_, PageOrder::two_pass);
  TRY(guest->facts_, firmware_facts(guest->firmware_));
  guest->fw_cfg_ = std::move(fw_cfg);
  CHECK(guest->read_machine(request));
  CHECK(guest->read_boot(request));
  CHECK(guest->read_app(request));
  CHECK(guest->read_attested(request));
  CHECK(guest->read_profile(request));
  CHECK(guest->read_emulated_machine());
  return guest;
}

Status Guest::read_machine(const MeasureRequest& request) {
  if (const auto memory = option(request, "memory")) {
    TRY(machine_.memory, parse_memory(*memory));
  }
  if (const auto vcpus = option(request, "vcpus")) {
    TRY(vcpus_, number("vcpus", *vcpus, kMaxVcpus));
  }
  if (const auto path = companion(request, "acpi-tables")) {
    TRY(acpi_, read_file(*path, kMaxAcpiTables));
    machine_.acpi = ByteView(acpi_);
    TRY(const std::uint64_t listed, in(path->string(), acpi_processors(acpi_)));
    if (vcpus_ && listed != *vcpus_)
      return fail(Fault::usage, "vcpus: is " + std::to_string(*vcpus_) + ", the ACPI tables in " + path->string() +
                                    " list " + std::to_string(listed));
  } else if (const auto digests = option(request, "acpi-digests")) {
    TRY(machine_.acpi, read_acpi_digests(*digests));
  }
  if (const auto smbios = option(request, "smbios-digest")) {
    const auto digest = digest_from_hex<Alg::sha384>(*smbios);
    if (!digest) return fail(Fault::usage, "smbios-digest: \"" + *smbios + "\" is no SHA-384 digest in hexadecimal");
    machine_.smbios = *digest;
  }

  // Firmware that was not built for secure boot does not copy the image's variables into its store (OvmfPkg
  // PlatformPei, PeilessStartupLib), and measures none. A section that is no volume holds none.
  variables_.built_for_secure_boot = facts_.secure_boot_built;
  const Section* cfv = image_.find(Section::Type::cfv);
  if (cfv == nullptr || facts_.secure_boot_built == false || !has_efi_volume(image_.data(*cfv))) return {};
  TRY(const std::vector<EfiVariable> variables, in("configuration volume", efi_variables(image_.data(*cfv))));
  const auto take = [&](const Guid& vendor, const char* name) {
    if (const EfiVariable* v = find_variable(variables, vendor, name)) variables_.secure_boot[name] = v->data;
  };
  for (const char* name : {"PK", "KEK"}) take(kEfiGlobalVariable, name);
  for (const char* name : {"db", "dbx", "dbt"}) take(kEfiImageSecurityDatabase, name);
  return {};
}

Status Guest::read_emulated_machine() {
  if (!fw_cfg_) return {};
  if (!std::holds_alternative<std::monostate>(machine_.acpi))
    return fail(Fault::usage, "the ACPI tables are QEMU's or given, not both");
  machine_.fw_cfg = &*fw_cfg_;
  if (const Bytes* tables = fw_cfg_->find("etc/acpi/tables"); tables != nullptr && vcpus_) {
    TRY(const std::uint64_t listed, acpi_processors(*tables));
    if (listed != *vcpus_)
      return fail(Fault::usage,
                  "vcpus: is " + std::to_string(*vcpus_) + ", the ACPI tables of QEMU list " + std::to_string(listed));
  }
  if (const Bytes* map = fw_cfg_->find("etc/e820")) {
    TRY(const std::uint64_t memory, ram_in(*map));
    if (machine_.memory.value_or(memory) != memory)
      return fail(Fault::usage, "memory: is " + std::to_string(*machine_.memory) + " bytes, the machine of QEMU has " +
                                    std::to_string(memory));
    machine_.memory = memory;
  }
  // The firmware adds its own name to QEMU's tables; where that cannot be told, the event is left to be supplied.
  const Bytes* smbios = fw_cfg_->find("etc/smbios/smbios-tables");
  const bool measured = !profile_ || profile_->firmware.measures_smbios;
  if (smbios == nullptr || machine_.smbios || !measured) return {};
  if (const auto firmware = smbios_firmware(firmware_)) {
    TRY(const Bytes table, install_smbios(*smbios, *firmware));
    TRY(machine_.emulated_smbios, measured_smbios(table));
  }
  return {};
}

Status Guest::read_boot(const MeasureRequest& request) {
  TRY(kernel_, open_companion(request, "kernel"));
  TRY(initrd_, open_companion(request, "initrd"));
  TRY(uki_, open_companion(request, "uki"));
  command_line_ = option(request, "cmdline").value_or("");
  if (const auto path = companion(request, "boot-log")) {
    TRY(const Bytes log, read_file(*path, kMaxEventLog));
    TRY(boot_log_, in(path->string(), parse_boot_log(log)));
  }
  if ((kernel_ ? 1 : 0) + (uki_ ? 1 : 0) + (boot_log_ ? 1 : 0) > 1)
    return fail(Fault::usage, "a guest boots one thing: \"kernel\", \"uki\" or what \"boot-log\" has");
  if (initrd_ && !kernel_) return fail(Fault::usage, "\"initrd\" goes with \"kernel\"");
  if (!command_line_.empty() && !kernel_)
    return fail(Fault::usage, "\"cmdline\" goes with \"kernel\"; a unified kernel image has its own");
  if (const auto stub = option(request, "stub")) {
    if (!uki_) return fail(Fault::usage, "\"stub\" goes with \"uki\"");
    TRY(stub_, number("stub", *stub, 9999u));
  }
  if (const auto yes = option(request, "firmware-measures")) {
    if (*yes != "yes") return fail(Fault::usage, "firmware-measures: \"" + *yes + "\" is not \"yes\"");
    measures_given_ = true;
  }
  if (measures() == false && boots())
    return fail(Fault::unsupported,
                "firmware: has no driver that measures in a trust domain (TdTcg2Dxe): RTMR1 and RTMR2 of such a guest "
                "are zeros whatever it boots, and no quote can tell; take firmware that measures, or, if this does, "
                "say so (firmware-measures)");
  return {};
}

Status Guest::read_app(const MeasureRequest& request) {
  if (const auto path = companion(request, "app-compose")) {
    TRY(const Bytes json, read_file(*path, kMaxAppCompose));
    TRY(AppCompose compose, in(path->string(), parse_app_compose(json)));
    const auto command_line = kernel_ ? std::optional<std::string_view>(command_line_) : std::nullopt;
    TRY(app_, read_dstack_app(std::move(compose), request.options, command_line));
  } else {
    for (const char* name : {"dstack", "app-id", "instance-id", "os-image-hash", "mr-kms", "key-provider"})
      if (option(request, name)) return fail(Fault::usage, "\"" + std::string(name) + "\" goes with \"app-compose\"");
  }
  const auto path = companion(request, "runtime-log");
  if (!path) return {};
  TRY(const Bytes log, read_file(*path, kMaxEventLog));
  TRY(runtime_, in(path->string(), parse_runtime_log(log)));
  // A whole log of such a guest has the boot's events too.
  const auto boot = std::ranges::find(runtime_, "dstack: system-preparing", &Event::description);
  if (app_ && boot != runtime_.end())
    return fail(Fault::usage, path->string() +
                                  ": has the events of dstack's boot, which follow from \"app-compose\": give "
                                  "only those behind \"system-ready\"");
  return {};
}

Status Guest::read_attested(const MeasureRequest& request) {
  constexpr std::string_view kDstack = "dstack-v";
  std::map<std::string, std::string> options = request.options;
  if (const auto it = options.find("mrconfigid"); it != options.end() && it->second.starts_with(kDstack)) {
    if (!app_) return fail(Fault::usage, "mrconfigid: \"" + it->second + "\" goes with \"app-compose\"");
    TRY(const unsigned version, number("mrconfigid", std::string_view(it->second).substr(kDstack.size()), 3u));
    TRY(const Digest value, dstack_mrconfigid(*app_, version));
    it->second = to_hex(value);
  }
  TRY(policy_, read_policy(options));
  return {};
}

Status Guest::read_profile(const MeasureRequest& request) {
  const Firmware* firmware = facts_.release ? firmware_of_release(*facts_.release) : nullptr;
  std::string assumed_by;
  if (const auto later = since_202505(facts_); !facts_.release && later) {
    for (const Firmware& row : firmwares())
      if (row.boot_manager_menu == *later) firmware = &row;
    assumed_by = std::string("the image names no release; it is taken for ") + std::string(firmware->name) +
                 (*later ? ", since it has the drivers that came with 202505 (SmbiosMeasurementDxe, BootManagerMenuApp)"
                         : ", the newest one without the drivers that came with 202505 (SmbiosMeasurementDxe, "
                           "BootManagerMenuApp)");
  }
  const Vmm* vmm = &*std::ranges::find(vmms(), kDefaultVmm, &Vmm::name);
  if (const auto name = option(request, "profile")) {
    // One half of a name leaves the other as it was found.
    const auto only_vmm = std::ranges::find(vmms(), *name, &Vmm::name);
    const auto only_firmware = std::ranges::find(firmwares(), *name, &Firmware::name);
    if (only_vmm != vmms().end()) {
      vmm = &*only_vmm;
      vmm_assumed_ = false;
    } else if (only_firmware != firmwares().end()) {
      firmware = &*only_firmware;
      assumed_by.clear();
    } else {
      TRY(profile_, find_profile(*name));
      vmm_assumed_ = false;
      return {};
    }
    if (firmware == nullptr)
      return fail(Fault::usage, "profile: \"" + *name +
                                    "\" names no firmware, and the image does not say its release: give both, such "
                                    "as " +
                                    *name + "/" + std::string(firmwares().back().name));
  }
  if (firmware != nullptr) profile_ = Profile{*vmm, *firmware};
  release_assumed_ = std::move(assumed_by);
  return {};
}

bool Guest::is_of_assumed_release(const Profile& profile) const {
  return !release_assumed_.empty() && profile_->firmware.name == profile.firmware.name;
}

std::vector<Profile> Guest::other_profiles() const {
  std::vector<Profile> out;
  for (const Firmware& firmware : firmwares()) {
    const bool possible =
        !profile_ || firmware.name == profile_->firmware.name ||
        (!release_assumed_.empty() && firmware.boot_manager_menu == profile_->firmware.boot_manager_menu);
    if (!possible) continue;
    for (const Vmm& vmm : vmms())
      if (Profile other{vmm, firmware}; !profile_ || other.name() != profile_->name()) out.push_back(other);
  }
  return out;
}

std::optional<Digest> Guest::mrtd_of_all(HobLayout layout, std::uint64_t memory) const {
  const auto hob = td_hob(image_, layout, memory);
  return hob ? std::optional(measure_mrtd_of_all(image_, *hob)) : std::nullopt;
}

Prediction Guest::predict_mrtd(const Vmm& vmm) const {
  return {.profile = std::string(vmm.name), .mrtd = mrtd(vmm.page_order), .events = {}};
}

Result<std::vector<Event>> Guest::boot(const Profile& profile) {
  if (uki_) return boot_events(profile, UkiBoot{&*uki_, stub_}, Via::cc, &digests_);
  if (kernel_)
    return boot_events(profile,
                       DirectBoot{&*kernel_, initrd_ ? &*initrd_ : nullptr, command_line_, machine_.memory.value_or(0)},
                       Via::cc, &digests_);
  std::vector<Event> out;
  const std::string why =
      "give what is booted: a kernel, a unified kernel image (uki), or a log of such a boot (boot-log)";
  out.push_back(missing(1, tcg::kEfiBootServicesApplication, "what is booted", why));
  out.push_back(missing(2, tcg::kEventTag, "what is booted", why));
  return out;
}

Result<std::vector<Event>> Guest::events(const Profile& profile) {
  TRY(std::vector<Event> out, firmware_events(profile, image_, machine_, variables_));
  if (boot_log_) return with_boot_log(profile, out, *boot_log_);
  TRY(const std::vector<Event> booted, boot(profile));
  out.insert(out.end(), booted.begin(), booted.end());
  // Linux and systemd-stub measure into a TPM where there is one, and then into nothing else; edk2 goes on with RTMRs.
  if (fw_cfg_ && fw_cfg_->has_tpm())
    for (Event& e : out)
      if (e.rtmr == 2)
        e = missing(2, e.type, e.description,
                    "the machine has a TPM, into which stub and kernel measure instead: leave it out (-tpmdev)");
  return out;
}

// Firmware without the driver TdTcg2Dxe: nothing that comes after SEC has a way to extend a register.
Result<std::vector<Event>> Guest::unmeasured_events(const Profile& profile) const {
  if (!is_of_assumed_release(profile)) return sec_events(profile, image_, machine_);
  return std::vector{missing(0, tcg::kEfiHandoffTables2, "TD HOB",
                             "before 202302 such firmware extends nothing, and later what the monitor hands over: name "
                             "its release with a profile")};
}

Result<Prediction> Guest::predict(const Profile& profile) {
  Prediction out{.profile = profile.name(), .mrtd = mrtd(profile.vmm.page_order), .events = {}};
  TRY(out.events, measures() == false ? unmeasured_events(profile) : events(profile));
  if (is_of_assumed_release(profile))
    for (Event& e : out.events) e = assumed(std::move(e), release_assumed_);
  if (app_) std::ranges::move(dstack_events(*app_), std::back_inserter(out.events));
  out.events.insert(out.events.end(), runtime_.begin(), runtime_.end());
  if (!boots() && !app_ && std::ranges::find(runtime_, 3u, &Event::rtmr) == runtime_.end())
    out.events.push_back(missing(3, tcg::kEventTag, "what is booted", "give what is booted"));
  return out;
}

Result<Prediction> Guest::predict_chosen() {
  if (profile_) return predict(*profile_);
  return predict_mrtd(*std::ranges::find(vmms(), kDefaultVmm, &Vmm::name));
}

std::vector<Register> registers_of(const Prediction& p) {
  std::vector<Register> out{{"mrtd", Bytes(p.mrtd.begin(), p.mrtd.end())}};
  if (p.events.empty()) return out;
  const Rtmrs rtmrs = fold(p.events);
  for (unsigned r = 0; r < kRtmrs; r++)
    if (rtmrs[r]) out.push_back({"rtmr" + std::to_string(r), Bytes(rtmrs[r]->begin(), rtmrs[r]->end())});
  return out;
}

std::vector<Alternative> Guest::alternatives(const Profile& profile, const Prediction& prediction) const {
  std::vector<Alternative> out;
  const auto try_memory = [&](std::size_t event, std::uint64_t memory) {
    if (machine_.memory == memory) return;
    const auto hob = td_hob(image_, profile.vmm.hob, memory);
    if (!hob) return;
    const std::string given =
        machine_.memory ? ", and " + std::to_string(*machine_.memory) + " were given" : ", and none was given";
    out.push_back({"memory: the guest has " + std::to_string(memory) + " bytes (" + std::to_string(memory / kMiB) +
                       " MiB)" + given,
                   event, digest<Alg::sha384>(*hob)});
  };
  const auto try_text = [&](std::size_t event, const std::string& text, const std::string& cause) {
    const Digest other = digest<Alg::sha384>(uki::utf16_of(text));
    if (prediction.events[event].digest != other) out.push_back({"command line: " + cause, event, other});
  };
  for (std::size_t i = 0; i < prediction.events.size(); i++) {
    const Event& e = prediction.events[i];
    if (e.rtmr == 0 && e.type == tcg::kEfiHandoffTables2) {
      for (std::uint64_t memory = 256 * kMiB; memory <= 64 * kGiB; memory += 256 * kMiB) try_memory(i, memory);
      for (std::uint64_t memory = 65 * kGiB; memory <= 4096 * kGiB; memory += kGiB) try_memory(i, memory);
      if (profile.vmm.hob == HobLayout::gce && machine_.memory)
        if (const auto hob = td_hob(image_, HobLayout::gce_late_accept, *machine_.memory))
          out.push_back(
              {"memory: what lies above 4 GiB is left to the guest's system to accept", i, digest<Alg::sha384>(*hob)});
    }
    if (kernel_ && e.rtmr == 2 && e.description == "LOADED_IMAGE::LoadOptions") {
      try_text(i, command_line_, "without initrd=initrd");
      try_text(i, command_line_ + " initrd=initrd", "with initrd=initrd behind it");
      try_text(i, "initrd=initrd " + command_line_, "with initrd=initrd before it");
      try_text(i, command_line_ + "\n", "with a line break at its end");
      try_text(i, "", "empty");
    }
  }
  return out;
}

}  // namespace hallmark::tdx
