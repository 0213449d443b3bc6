#include "lib/tee/tdx/measure.h"

#include <algorithm>

#include "lib/formats/tcg_event.h"
#include "lib/tee/tdx/guest.h"
#include "lib/tee/tdx/mrtd.h"
#include "lib/tee/tdx/report.h"

namespace hallmark::tdx {
namespace {

constexpr std::size_t kVolumeSignatureAt = 40;  // EFI_FIRMWARE_VOLUME_HEADER.Signature

Json to_json(const std::vector<Register>& registers) {
  Json out = Json::object();
  for (const Register& r : registers) out[r.name] = to_hex(r.digest);
  return out;
}

// Profiles that cannot boot this guest are no candidates.
std::vector<Prediction> predict_others(Guest& guest) {
  std::vector<Prediction> out;
  for (const Profile& profile : guest.other_profiles())
    if (auto prediction = guest.predict(profile)) out.push_back(*std::move(prediction));
  return out;
}

bool is_from_log(const Event& event) { return event.inputs.find("from") != nullptr; }

Json inputs_of(const Guest& guest, const Prediction& chosen) {
  Json out = Json::object({{"profile", chosen.profile}, {"profiles", kProfiles}});
  if (!guest.facts().version_text.empty()) out["firmware_version"] = printable(guest.facts().version_text);
  if (guest.measures_is_given()) out["firmware_measures"] = "given";
  if (!guest.release_is_assumed().empty()) out["firmware_release"] = "assumed";
  if (const auto secure_boot = guest.secure_boot()) out["secure_boot"] = *secure_boot;
  if (guest.machine().memory) out["memory"] = *guest.machine().memory;
  if (guest.vcpus()) out["vcpus"] = *guest.vcpus();
  if (!guest.command_line().empty()) out["cmdline"] = printable(guest.command_line());
  if (const auto& app = guest.app()) {
    out["dstack"] = app->release.name;
    out["compose_hash"] = to_hex(app->compose.hash);
    out["app_id"] = to_hex(app->app_id);
  }
  if (std::ranges::any_of(chosen.events, is_from_log)) {
    Json from_log = Json::array();
    for (unsigned r = 0; r < kRtmrs; r++)
      if (std::ranges::any_of(chosen.events, [&](const Event& e) { return e.rtmr == r && is_from_log(e); }))
        from_log.push_back("rtmr" + std::to_string(r));
    out["from_log"] = std::move(from_log);
  }
  return out;
}

// Which pages are extended is the monitor's choice, and one monitor once chose otherwise.
Json mrtds(const Guest& guest, PageOrder order) {
  Json out = Json::object({{"single_pass", to_hex(guest.mrtd(PageOrder::single_pass))},
                           {"two_pass", to_hex(guest.mrtd(PageOrder::two_pass))},
                           {"page_order", to_text(order)}});
  const bool of_gce = guest.profile() && guest.profile()->vmm.hob == HobLayout::gce;
  if (!of_gce || !guest.machine().memory) return out;
  for (const auto& [name, layout] :
       {std::pair{"gce_2024_early_accept", HobLayout::gce}, {"gce_2024_late_accept", HobLayout::gce_late_accept}})
    if (const auto mrtd = guest.mrtd_of_all(layout, *guest.machine().memory)) out[name] = to_hex(*mrtd);
  return out;
}

// The memory that GCE's machines with TDX (c3-standard) have, unless the guest's is known.
std::vector<std::uint64_t> gce_memories(const Guest& guest) {
  constexpr std::uint64_t kGiB = std::uint64_t{1} << 30;
  if (guest.machine().memory) return {*guest.machine().memory};
  return {16 * kGiB, 32 * kGiB, 88 * kGiB, 176 * kGiB, 352 * kGiB, 704 * kGiB};
}

// An MRTD that no page order gives can be one of GCE's from before its monitor was mended.
void try_gce_of_2024(const Guest& guest, const std::optional<Digest>& reported, Difference& out) {
  if (out.registers.front().is != RegisterRow::Is::differs) return;
  for (const std::uint64_t memory : gce_memories(guest))
    for (const HobLayout layout : {HobLayout::gce, HobLayout::gce_late_accept}) {
      if (guest.mrtd_of_all(layout, memory) != reported) continue;
      std::erase_if(out.causes, [](const std::string& cause) { return cause.starts_with("mrtd: nothing"); });
      out.causes.push_back(
          "mrtd: it is what GCE's monitor made of this firmware until October 2024, for a guest with " +
          std::to_string(memory) + " bytes of memory: it extended every section, and the TD HOB too");
      return;
    }
}

// What was taken from logs, and where the log has something else than was computed.
void warn_of_logs(const Guest& guest, const Prediction& chosen, Measurement& m) {
  std::string taken, differing;
  const auto add = [](std::string& list, const std::string& item) { list += (list.empty() ? "" : ", ") + item; };
  for (unsigned r = 0; r < kRtmrs; r++) {
    const auto events = std::ranges::count(chosen.events, r, &Event::rtmr);
    const auto logged =
        std::ranges::count_if(chosen.events, [&](const Event& e) { return e.rtmr == r && is_from_log(e); });
    if (logged != 0)
      add(taken,
          "rtmr" + std::to_string(r) +
              (logged == events ? "" : " (" + std::to_string(logged) + " of " + std::to_string(events) + " events)"));
  }
  for (const Event& e : chosen.events)
    if (e.inputs.find(kLoggedDigest) != nullptr) add(differing, e.description);
  if (!taken.empty()) m.warnings.push_back("taken from a log, and as good as who supplied it: " + taken);
  if (!differing.empty())
    m.warnings.push_back("the boot log has other digests than what was given leads to, and they were not used: " +
                         differing);
  if (guest.runtime_events_left_out() != 0 && std::ranges::count(chosen.events, 3u, &Event::rtmr) == 0)
    m.warnings.push_back(
        "the boot log has events of RTMR3, which are no part of a boot and were left out: give them as "
        "a runtime-log if the guest's software repeats them");
}

void warn(const Guest& guest, const Prediction& chosen, Measurement& m) {
  const auto say = [&](std::string text) { m.warnings.push_back(std::move(text)); };
  if (!guest.profile())
    say("the firmware does not say which release of edk2 it is: only MRTD is computed; name a profile");
  if (guest.profile() && guest.vmm_is_assumed())
    say("the monitor is assumed to be " + std::string(guest.profile()->vmm.name) +
        ", which decides the page order of MRTD and more; name it with a profile");
  if (guest.profile()) {
    const Firmware& firmware = guest.profile()->firmware;
    const auto check = [&](std::string_view driver, bool wanted, std::optional<bool> has) {
      if (has && *has != wanted)
        say("the profile is of " + std::string(firmware.name) + ", and the image has " + (*has ? "the" : "no") +
            " driver " + std::string(driver) + ": since 202505, edk2 has it");
    };
    check("SmbiosMeasurementDxe", firmware.measures_smbios, guest.facts().measures_smbios);
    check("BootManagerMenuApp", firmware.boot_manager_menu, guest.facts().boot_manager_menu);
  }
  if (!guest.release_is_assumed().empty()) say(guest.release_is_assumed() + "; name the profile if you know it");
  // Who is told that something is missing or assumed is told once for each reason.
  std::vector<std::string> said;
  bool acpi = false;
  std::vector<std::pair<std::string, std::string>> assumed;  // why, what
  for (const Event& e : chosen.events) {
    if (e.provenance == Provenance::assumed && e.inputs.find("assumed")->string() != guest.release_is_assumed()) {
      const std::string& why = e.inputs.find("assumed")->string();
      const auto row = std::ranges::find(assumed, why, &std::pair<std::string, std::string>::first);
      if (row == assumed.end())
        assumed.emplace_back(why, e.description);
      else
        row->second += ", " + e.description;
    }
    if (e.provenance != Provenance::missing) continue;
    acpi = acpi || e.description.starts_with("ACPI DATA");
    const std::string why = "rtmr" + std::to_string(e.rtmr) + " is not computed: " + e.inputs.find("missing")->string();
    if (std::ranges::find(said, why) == said.end()) said.push_back(why);
  }
  for (std::string& why : said) say(std::move(why));
  if (acpi)
    say("whoever does not check RTMR0 lets the monitor supply ACPI code of its choice, which the guest's kernel runs");
  warn_of_logs(guest, chosen, m);
  for (const auto& [why, what] : assumed) say("assumed: " + what + ": " + why);
  if (guest.app() && guest.app()->release.launch_policy)
    say("rtmr3 is that of a guest without an NVIDIA GPU, which would add an event that is another at every boot");
  if (guest.secure_boot().value_or(false))
    say("secure boot is on: the firmware starts only what a key in its db signed, which was not checked here");
  if (guest.measures_is_given())
    say("this firmware is taken to measure in a trust domain because it was said to, not because its image shows it");
  else if (guest.measures() == false)
    say("this firmware has no driver that measures in a trust domain (TdTcg2Dxe): whatever it boots, RTMR1 and RTMR2 "
        "are "
        "zeros, and who accepts such a guest accepts any kernel in it");
  else if (!guest.measures() && guest.profile())
    say("the image does not show whether this firmware measures in a trust domain: it is taken to");
  if ((guest.policy().tdattributes & kUntrusted) != 0) say("TDATTRIBUTES allow debugging: such a guest has no secrets");
}

// Of a quote, what is attested beside the registers.
void check_attested(const TdPolicy& policy, const dcap::Quote& quote, std::vector<std::string>& out) {
  const auto r = quote.td_report();
  const Json wanted = to_json(policy);
  const auto check = [&](const std::string& name, ByteView reported) {
    const std::string& want = wanted.find(name)->string();
    if (want != "any" && want != to_hex(reported))
      out.push_back(name + " is " + to_hex(reported) + ", and must be " + want);
  };
  check("tdattributes", r.get<"td_attributes">());
  check("xfam", r.get<"xfam">());
  check("mrconfigid", r.get<"mr_config_id">());
  check("mrowner", r.get<"mr_owner">());
  check("mrownerconfig", r.get<"mr_owner_config">());
  check("mrsignerseam", r.get<"mr_signer_seam">());
  const ByteView seam = r.get<"mr_seam">();
  if (!policy.mrseam.empty() &&
      std::ranges::none_of(policy.mrseam, [&](const Digest& d) { return std::ranges::equal(d, seam); }))
    out.push_back("mrseam is " + to_hex(seam) + ", and none of those that are allowed");
}

}  // namespace

bool recognises(ByteView first_bytes) {
  constexpr std::string_view kVolume = "_FVH";
  return first_bytes.size() >= kVolumeSignatureAt + kVolume.size() &&
         as_text(first_bytes.subspan(kVolumeSignatureAt, kVolume.size())) == kVolume;
}

Result<Measurement> measure(const MeasureRequest& request, const Trace& trace) {
  return measure(request, std::nullopt, trace);
}

Result<Measurement> measure(const MeasureRequest& request, const std::optional<FwCfg>& fw_cfg, const Trace& trace) {
  TRY(const auto guest, Guest::open(request, fw_cfg));
  TRY(const Prediction chosen, guest->predict_chosen());
  const PageOrder order = guest->profile() ? guest->profile()->vmm.page_order : PageOrder::single_pass;
  if (trace) {
    (void)measure_mrtd(guest->image(), order, trace);
    (void)fold(chosen.events, trace);
  }

  Measurement m{.tee = "intel-tdx", .format = "tdvf", .calculator = "hallmark/tdx/1", .state = State::computed};
  m.registers = registers_of(chosen);
  m.identity = Json::object();
  m.policy = to_json(guest->policy());
  m.inputs = inputs_of(*guest, chosen);
  warn(*guest, chosen, m);

  Json events = Json::array(), candidates = Json::array();
  for (unsigned r = 0; r < kRtmrs; r++)
    for (const Event& e : chosen.events)
      if (e.rtmr == r) events.push_back(to_json(e));
  for (const Prediction& other : predict_others(*guest))
    candidates.push_back(Json::object({{"profile", other.profile}, {"registers", to_json(registers_of(other))}}));
  m.details = Json::object(
      {{"mrtd", mrtds(*guest, order)}, {"events", std::move(events)}, {"candidates", std::move(candidates)}});

  // The registers one after the other, in the order of their names. The digest's name has theirs, so that two of
  // different registers are never taken for one kind: "tdxMrtdRtmr1Rtmr2Rtmr3".
  m.subject_digest_name = "tdx";
  for (const Register& r : m.registers) {
    m.subject_digest_name += static_cast<char>(r.name[0] - 'a' + 'A') + r.name.substr(1);
    m.subject_digest += to_hex(r.digest);
  }
  return m;
}

Result<Difference> difference(const MeasureRequest& request, const std::optional<FwCfg>& fw_cfg,
                              const std::vector<fs::path>& reports) {
  TRY(const auto guest, Guest::open(request, fw_cfg));
  TRY(const Prediction chosen, guest->predict_chosen());
  TRY(const GuestReport report, read_report(reports));
  if (const auto r = report.contradiction())
    return fail(Fault::mismatch, "the log and the quote are not of one guest: they do not have the same rtmr" +
                                     std::to_string(*r) + " (hallmark replay shows both)");
  const auto alternatives =
      guest->profile() ? guest->alternatives(*guest->profile(), chosen) : std::vector<Alternative>();
  Difference out = difference(chosen, predict_others(*guest), report.reported(), alternatives);
  try_gce_of_2024(*guest, report.mrtd, out);
  if (!report.pcrs.empty())
    out.warnings.push_back(
        "the log is of a machine with a TPM, whose firmware extends other events than in a trust domain, such as a "
        "separator for each PCR: what differs may be of that, and what agrees says nothing of a trust domain");
  if (report.quote) {
    TRY(const dcap::Quote quote, dcap::parse_quote(*report.quote));
    check_attested(guest->policy(), quote, out.attested);
  }
  return out;
}

Result<Inspection> inspect(const fs::path& file) {
  TRY(const Bytes bytes, read_file(file, kMaxFirmware));
  TRY(const Image image, Image::parse(bytes));
  Inspection out{.tee = "intel-tdx", .format = "tdvf", .records = {}};
  for (const GuidedEntry& e : image.guided())
    out.records.push_back({"GUIDed structure " + hallmark::to_text(e.guid),
                           e.offset,
                           e.size,
                           {{"data", e.offset, e.size, to_hex(image.bytes().subspan(e.offset, e.size)), {}}}});
  const auto nothing = [](std::string_view, ByteView) { return std::string(); };
  out.records.push_back(inspect_record<kTdvfDescriptor>("TDVF descriptor", image.descriptor_offset(),
                                                        image.bytes().subspan(image.descriptor_offset()), nothing));
  for (std::size_t i = 0; i < image.sections().size(); i++) {
    const std::uint64_t at = image.descriptor_offset() + kTdvfDescriptor.size + i * kTdvfSection.size;
    const Section& s = image.sections()[i];
    out.records.push_back(
        inspect_record<kTdvfSection>("TDVF section " + std::to_string(i), at, image.bytes().subspan(at),
                                     [&](std::string_view field, ByteView) -> std::string {
                                       if (field == "type") return std::string(to_text(s.type));
                                       if (field == "attributes")
                                         return s.extend ? "MR.EXTEND" : s.aug ? "PAGE.AUG" : "added, not measured";
                                       return {};
                                     }));
  }
  return out;
}

}  // namespace hallmark::tdx
