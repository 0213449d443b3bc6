#include "lib/tee/tdx/boot_events.h"

#include <algorithm>
#include <future>
#include <utility>

#include "lib/formats/guid_in_code.h"
#include "lib/formats/linux_boot.h"
#include "lib/formats/tcg_event.h"
#include "lib/tee/uki/uki.h"

namespace hallmark::tdx {
namespace {

// PCRs as the firmware and the Linux TPM PCR registry (UAPI.7) use them.
constexpr unsigned kBootLoader = 4, kBootServices = 5, kKernel = 9, kUki = 11;

// edk2 MdePkg/Include/IndustryStandard/UefiTcgPlatform.h: hashed without a final NUL.
constexpr std::string_view kCallingApplication = "Calling EFI Application from Boot Option";
constexpr std::string_view kExitInvocation = "Exit Boot Services Invocation";
constexpr std::string_view kExitSuccess = "Exit Boot Services Returned with Success";
constexpr std::string_view kInitrdOption = "initrd=initrd";

// A command line longer than this is no kernel's (COMMAND_LINE_SIZE is 2048 on x86).
constexpr std::size_t kMaxCommandLine = 65536;
constexpr std::size_t kMaxKernelCode = std::size_t{8} << 20;
constexpr std::pair<unsigned, unsigned> kMeasuresSince{6, 9};

using DigestResult = Result<Digest>;

// A digest that another thread works on, if there is one to be had.
template <class Work>
std::future<std::invoke_result_t<Work>> meanwhile(Work work) {
  return std::async(std::launch::async | std::launch::deferred, std::move(work));
}

// The list as it grows, for one way of measuring.
class Log {
 public:
  Log(const Profile& profile, Via via) : profile_(profile), via_(via) {}

  // OvmfPkg/Tcg/TdTcg2Dxe: TdxMeasurementMapPcrToMrIndex has PCR 2 to 6 in RTMR1, 8 to 15 in RTMR2.
  void add(unsigned pcr, std::uint32_t type, std::string description, const Digest& digest, Json inputs) {
    events_.push_back(
        {register_of(pcr), type, std::move(description), digest, Provenance::computed, std::move(inputs)});
  }
  void hash(unsigned pcr, std::uint32_t type, std::string description, ByteView bytes, Json inputs) {
    add(pcr, type, std::move(description), digest<Alg::sha384>(bytes), std::move(inputs));
  }
  void miss(unsigned pcr, std::uint32_t type, std::string description, std::string why) {
    events_.push_back(missing(register_of(pcr), type, std::move(description), std::move(why)));
  }

  void image(std::string description, const Pe& pe, const Digest& digest, Json inputs) {
    // The firmware's DxeTpm2MeasureBootLib takes drivers to PCR 2, which is the same register.
    const bool application = pe.subsystem() == Pe::kApplication;
    const std::uint32_t type = application                         ? tcg::kEfiBootServicesApplication
                               : pe.subsystem() == Pe::kBootDriver ? tcg::kEfiBootServicesDriver
                                                                   : tcg::kEfiRuntimeServicesDriver;
    add(application ? kBootLoader : 2, type, std::move(description), digest, std::move(inputs));
  }

  // TdTcg2Dxe, OnReadyToBoot.
  void ready_to_boot() {
    action(kBootLoader, kCallingApplication);
    if (via_ == Via::tpm) {
      separator(kBootLoader);
      separator(kBootServices);
    } else if (profile_.firmware.separator_in_rtmr1) {
      separator(kBootLoader);
    }
  }
  // OnExitBootServices.
  void exit_boot_services() {
    action(kBootServices, kExitInvocation);
    action(kBootServices, kExitSuccess);
  }

  bool measures(bool without_tpm) const { return without_tpm || via_ == Via::tpm; }
  std::vector<Event> take() { return std::move(events_); }

 private:
  unsigned register_of(unsigned pcr) const { return via_ == Via::tpm ? pcr : pcr < 8 ? 1 : 2; }
  void action(unsigned pcr, std::string_view text) {
    hash(pcr, tcg::kEfiAction, "action: " + std::string(text), as_bytes(text), Json::object({{"text", text}}));
  }
  void separator(unsigned pcr) {
    constexpr std::array<std::uint8_t, 4> kZeros{};
    hash(pcr, tcg::kSeparator, "separator", kZeros, Json::object({{"hex", to_hex(kZeros)}}));
  }

  const Profile& profile_;
  Via via_;
  std::vector<Event> events_;
};

Json text_or_hex(std::string_view text) {
  if (is_utf8(text)) return Json::object({{"text", text}});
  return Json::object({{"hex", to_hex(as_bytes(text))}});
}

// Only files that firmware can load and measure.
Result<Pe> parse_image(const Content& content, const InputFile& file) {
  TRY(Pe pe, in(file.path().string(), Pe::parse(content)));
  if (pe.machine() != Pe::kX86_64)
    return in(file.path().string(),
              Result<Pe>(fail(Fault::unsupported, "PE header: Machine is " + hex_offset(pe.machine()) + ", not " +
                                                      hex_offset(Pe::kX86_64) + " (x86-64)")));
  if (pe.subsystem() < Pe::kApplication || pe.subsystem() > Pe::kRuntimeDriver)
    return in(file.path().string(),
              Result<Pe>(fail(Fault::unsupported, "PE header: Subsystem is " + std::to_string(pe.subsystem()) +
                                                      ", not 10 to 12: firmware does not load it")));
  return pe;
}

Status check_direct_boot(const Profile& profile) {
  if (profile.vmm.direct_boot) return {};
  return fail(Fault::usage,
              "with profile " + profile.name() + " guests boot from a disk, and cannot be given a kernel");
}

struct Kernel {
  std::string version;
  bool has_header = false;
  std::optional<bool> measures;       // without a TPM
  std::string_view by = "not known";  // what says so
};

// Whether the EFI stub asks for EFI_CC_MEASUREMENT_PROTOCOL. Nothing if it cannot be seen to ask for the TPM either.
Result<std::optional<bool>> seen_to_measure(const Content& content, const LinuxSetup& setup) {
  if (!setup.payload_end) return std::optional<bool>();
  const std::uint64_t size = std::min<std::uint64_t>(content.size() - *setup.payload_end, kMaxKernelCode);
  TRY(const Bytes code, content.read(*setup.payload_end, static_cast<std::size_t>(size)));
  if (!knows_guid(code, kTcg2Protocol)) return std::optional<bool>();
  return std::optional(knows_guid(code, kCcMeasurementProtocol));
}

Result<Kernel> inspect_kernel(const Content& content, std::optional<bool> given) {
  Kernel out;
  TRY(const auto setup, read_linux_setup(content));
  out.has_header = setup.has_value();
  if (setup) out.version = setup->version;
  if (given) {
    out.measures = given;
    out.by = "given";
  } else if (setup) {
    TRY(out.measures, seen_to_measure(content, *setup));
    if (out.measures) {
      out.by = "code";
    } else if (const auto release = setup->release()) {
      out.measures = *release >= kMeasuresSince;
      out.by = "version";
    }
  }
  return out;
}

Json describe(const Kernel& kernel) {
  Json out = Json::object();
  if (is_utf8(kernel.version)) out["kernel_version"] = kernel.version;
  out["kernel_measures_without_tpm"] = kernel.measures ? Json(*kernel.measures) : Json();
  out["kernel_measures_by"] = kernel.by;
  return out;
}

// What the kernel's EFI stub measures of what it was given: efi_convert_cmdline, efi_load_initrd.
struct KernelInputs {
  std::optional<Bytes> load_options;   // with the final NUL
  std::optional<std::string> unclear;  // why they can be others
  Json inputs;
  std::optional<Digest> initrd;
  Json initrd_inputs;
};

// The parameter "noinitrd" keeps the EFI stub from asking for one.
bool has_parameter(std::string_view command_line, std::string_view name) {
  for (std::size_t i = 0; i <= command_line.size();) {
    const std::size_t end = std::min(command_line.find(' ', i), command_line.size());
    if (command_line.substr(i, end - i) == name) return true;
    i = end + 1;
  }
  return false;
}

std::string narrow(ByteView utf16) {
  std::string out;
  for (std::size_t i = 0; i + 2 < utf16.size(); i += 2)
    out += utf16[i + 1] == 0 && utf16[i] < 0x80 ? static_cast<char>(utf16[i]) : '?';
  return out;
}

void add_kernel_events(Log& log, const Kernel& kernel, KernelInputs given) {
  const std::string_view options = "LOADED_IMAGE::LoadOptions", initrd = "Linux initrd";
  const bool no_initrd = given.load_options && has_parameter(narrow(*given.load_options), "noinitrd");
  if (!log.measures(kernel.measures.value_or(true))) return;
  if (!log.measures(kernel.measures.value_or(false))) {
    const std::string why =
        "whether this kernel measures without a TPM: mainline does since 6.9, and the file does not "
        "tell its version";
    if (given.load_options || given.unclear) log.miss(kKernel, tcg::kEventTag, std::string(options), why);
    if (given.initrd && !no_initrd) log.miss(kKernel, tcg::kEventTag, std::string(initrd), why);
    return;
  }
  if (given.unclear)
    log.miss(kKernel, tcg::kEventTag, std::string(options), *given.unclear);
  else if (given.load_options)
    log.hash(kKernel, tcg::kEventTag, std::string(options), *given.load_options, std::move(given.inputs));
  if (given.initrd && !no_initrd)
    log.add(kKernel, tcg::kEventTag, std::string(initrd), *given.initrd, std::move(given.initrd_inputs));
}

// OvmfPkg GenericQemuLoadImageLib: each byte of the command line becomes one UTF-16 unit.
std::optional<Bytes> load_options(std::string_view text) {
  if (text.empty()) return std::nullopt;
  Bytes out;
  for (const char c : text) {
    out.push_back(static_cast<std::uint8_t>(c));
    out.push_back(0);
  }
  out.insert(out.end(), 2, 0);
  return out;
}

std::string loader_text(const Firmware& firmware, const std::string& command_line, bool initrd) {
  if (!initrd) return command_line;
  const std::string option(kInitrdOption);
  return firmware.initrd_first ? option + " " + command_line : command_line + " " + option;
}

Json image_inputs(const Content& content, bool patched) {
  return Json::object({{"size", content.size()}, {"setup_header", patched ? "as QEMU writes it" : "as in the file"}});
}

void merge(Json& into, const Json& from) {
  for (const auto& [key, value] : from.members()) into[key] = value;
}

// `head` is what the monitor wrote at the beginning, and empty if that is as in the file.
DigestResult image_digest(const Pe& pe, const Content& image, const Bytes& head, BootDigests& digests) {
  if (const auto it = digests.images.find(head); it != digests.images.end()) return it->second;
  TRY(const Digest digest, authenticode<Alg::sha384>(pe, image));
  return digests.images.emplace(head, digest).first->second;
}

// The UKI's sections, and the initrd that its kernel gets: the section ".initrd" is read once for both.
Result<BootDigests::Uki> digest_uki(const uki::Uki& uki, bool sections, bool initrd) {
  BootDigests::Uki out;
  const auto& parts = uki.initrd();
  // Unless microcode stands before it, ".initrd" begins what the kernel gets.
  const bool shared = initrd && sections && uki.initrd_section() &&
                      std::ranges::none_of(uki.measured(), [](const auto& m) { return m.section == ".ucode"; });
  Hasher<Alg::sha384> served;
  if (sections)
    for (const uki::Measured& m : uki.measured()) {
      Hasher<Alg::sha384> hash;
      CHECK(m.contents.add_to(hash));
      if (shared && m.section == ".initrd") served = Hasher<Alg::sha384>(hash);
      out.sections.push_back(hash.finish());
    }
  if (uki.stub().loads_image) {
    TRY(out.kernel, authenticode<Alg::sha384>(uki.kernel_pe(), uki.kernel()));
  }
  if (!initrd || parts.empty()) return out;
  for (std::size_t i = 0; i < parts.size(); i++) {
    const std::uint64_t size = parts[i].size(), padded = parts.size() == 1 ? size : align_up(size, 4).value();
    if (i == 0 && shared)
      served.add(Bytes(static_cast<std::size_t>(padded - size)));
    else
      CHECK(parts[i].resized(padded).add_to(served));
    out.initrd_size += padded;
  }
  if (out.initrd_size != 0) out.initrd = served.finish();
  return out;
}

}  // namespace

Result<std::vector<Event>> boot_events(const Profile& profile, const DirectBoot& boot, Via via,
                                       BootDigests* known_digests) {
  BootDigests fresh;
  BootDigests& digests = known_digests == nullptr ? fresh : *known_digests;
  CHECK(check_direct_boot(profile));
  if (boot.command_line.size() > kMaxCommandLine || boot.command_line.find('\0') != boot.command_line.npos)
    return fail(Fault::usage, "command line: has " + std::to_string(boot.command_line.size()) + " bytes, or a NUL");
  Content kernel(*boot.kernel);
  TRY(const Pe pe, parse_image(kernel, *boot.kernel));
  TRY(const Kernel known, in(boot.kernel->path().string(), inspect_kernel(kernel, boot.kernel_measures)));
  const std::uint64_t initrd_size = boot.initrd == nullptr ? 0 : boot.initrd->size();

  const bool patched =
      profile.patches_kernel() && (known.has_header || profile.vmm.setup_header == SetupHeader::any_file);
  Bytes head;
  if (patched) {
    if (boot.memory == 0 && initrd_size != 0)
      return fail(Fault::usage, "with profile " + profile.name() +
                                    " the kernel that is measured depends on the size of the guest's memory: give it");
    TRY(head, in(boot.kernel->path().string(),
                 setup_header_from_qemu(kernel, {boot.memory, initrd_size, boot.command_line})));
    kernel = kernel.beginning_with(head);
  }

  // The two large files are hashed at the same time.
  KernelInputs given;
  std::future<DigestResult> initrd;
  if (initrd_size != 0 && !digests.initrd)
    initrd = meanwhile([&] { return digest<Alg::sha384>(Content(*boot.initrd)); });
  const DigestResult kernel_digest = image_digest(pe, kernel, head, digests);
  if (initrd.valid()) {
    TRY(digests.initrd, initrd.get());
  }
  if (!kernel_digest) return Failure(kernel_digest.error());
  if (initrd_size != 0) {
    given.initrd = digests.initrd;
    given.initrd_inputs = Json::object({{"size", initrd_size}});
  }

  const std::string text = loader_text(profile.firmware, boot.command_line, initrd_size != 0);
  given.load_options = load_options(text);
  given.inputs = text_or_hex(text);
  Json inputs = image_inputs(kernel, patched);
  merge(inputs, describe(known));

  Log log(profile, via);
  log.image("kernel image", pe, *kernel_digest, std::move(inputs));
  log.ready_to_boot();
  add_kernel_events(log, known, std::move(given));
  log.exit_boot_services();
  return log.take();
}

Result<std::vector<Event>> boot_events(const Profile& profile, const UkiBoot& boot, Via via,
                                       BootDigests* known_digests) {
  BootDigests fresh;
  BootDigests& digests = known_digests == nullptr ? fresh : *known_digests;
  CHECK(check_direct_boot(profile));
  const std::string name = boot.image->path().string();
  Content image(*boot.image);
  TRY(const Pe pe, parse_image(image, *boot.image));
  TRY(const uki::Uki uki, in(name, uki::Uki::parse(image, boot.stub_release)));
  TRY(const Kernel known, in(name, in("section \".linux\"", inspect_kernel(uki.kernel(), boot.kernel_measures))));

  // The stub and the sections behind it are read from what the firmware loaded; only its first bytes can be others.
  TRY(const auto setup, in(name, read_linux_setup(image)));
  const bool patched = profile.patches_kernel() && (setup || profile.vmm.setup_header == SetupHeader::any_file);
  Content loaded = image;
  Bytes head;
  if (patched) {
    TRY(head, in(name, setup_header_from_qemu(image, {})));
    loaded = image.beginning_with(head);
  }

  Log log(profile, via);
  const bool sections = log.measures(uki.stub().measures_without_tpm);
  const bool kernel_measures = log.measures(known.measures.value_or(true));
  // Hashing the image takes as long as hashing its sections.
  auto whole = meanwhile([&] { return image_digest(pe, loaded, head, digests); });
  Status hashed;
  if (!digests.uki) {
    if (auto found = digest_uki(uki, sections, kernel_measures))
      digests.uki = *std::move(found);
    else
      hashed = Failure(std::move(found).error());
  }
  TRY(const Digest whole_digest, whole.get());
  CHECK(std::move(hashed));
  const BootDigests::Uki* parts = &*digests.uki;

  Json inputs = image_inputs(image, patched);
  inputs["stub"] = "systemd-stub " +
                   (uki.stub_version().empty() ? std::to_string(uki.stub().release) : printable(uki.stub_version()));
  inputs["stub_measures_without_tpm"] = uki.stub().measures_without_tpm;
  merge(inputs, describe(known));
  log.image("UKI image", pe, whole_digest, std::move(inputs));
  log.ready_to_boot();

  for (std::size_t i = 0; i < parts->sections.size(); i++) {
    const uki::Measured& m = uki.measured()[i];
    const std::string section(m.section);
    Bytes with_nul(section.begin(), section.end());
    with_nul.push_back(0);
    log.hash(kUki, tcg::kIpl, "UKI section name: " + section, with_nul, Json::object({{"text", section}}));
    log.add(kUki, tcg::kIpl, "UKI section: " + section, parts->sections[i],
            Json::object({{"size", m.contents.size()}}));
  }
  if (uki.stub().loads_image)
    log.image("inner kernel image", uki.kernel_pe(), parts->kernel, Json::object({{"size", uki.kernel().size()}}));

  KernelInputs given;
  given.load_options = uki.load_options();
  if (given.load_options) given.inputs = Json::object({{"text", narrow(*given.load_options)}});
  if (uki.load_options_may_grow())
    given.unclear =
        "systemd-stub " + std::to_string(uki.stub().release) +
        " adds a console= that depends on the machine's devices, since section \".cmdline\" has none: put one "
        "there";
  given.initrd = parts->initrd;
  given.initrd_inputs = Json::object({{"size", parts->initrd_size}, {"parts", std::uint64_t{uki.initrd().size()}}});
  add_kernel_events(log, known, std::move(given));
  log.exit_boot_services();
  return log.take();
}

}  // namespace hallmark::tdx
