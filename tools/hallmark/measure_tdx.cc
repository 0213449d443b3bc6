#include "tools/hallmark/measure_tdx.h"

#include <algorithm>
#include <array>

#include "lib/base/version.h"
#include "lib/crypto/file_digest.h"
#include "lib/tee/platform.h"
#include "lib/tee/tdx/explain.h"
#include "lib/tee/tdx/measure.h"
#include "tools/hallmark/explanation.h"
#include "tools/hallmark/measurement.h"

namespace hallmark::cli {
namespace {

struct Option {
  const char *name, *type, *description;
};

// Companions of the request, under the option's own name.
constexpr std::array kFiles{
    Option{"vars", "FILE", "the variable store of firmware that comes in two files"},
    Option{"kernel", "FILE", "the Linux kernel that the monitor hands over (-kernel)"},
    Option{"initrd", "FILE", "its initrd (-initrd)"},
    Option{"uki", "FILE", "a unified kernel image that the monitor hands over instead (-kernel)"},
    Option{"acpi-tables", "FILE", "the ACPI tables that the monitor supplies (fw_cfg etc/acpi/tables)"},
    Option{"boot-log", "FILE", "a CCEL whose events stand for a boot that cannot be computed: GRUB, shim, a disk"},
    Option{"runtime-log", "FILE",
           "a log with what the guest's software extends after the boot: dstack's, IMA's, RTMR3"},
    Option{"app-compose", "FILE", "app-compose.json of an application on dstack: RTMR3 follows from it"},
};

// Options of the request.
constexpr std::array kValues{
    Option{"cmdline", "TEXT", "the kernel's command line (-append)"},
    Option{"memory", "SIZE", "the guest's memory, such as 2G"},
    Option{"vcpus", "N", "the guest's processors; checked against the ACPI tables"},
    Option{"acpi-digests", "HEX,HEX,HEX", "instead of the tables: SHA-384 of table-loader, rsdp and tables"},
    Option{"smbios-digest", "HEX", "SHA-384 of the filtered SMBIOS tables, as a log of the guest has it"},
    Option{"profile", "NAME", "monitor/firmware, such as qemu-10/edk2-202502, or one of the two"},
    Option{"stub", "VERSION", "the systemd-stub in the unified kernel image, if it does not say so"},
    Option{"dstack", "VERSION", "the release of dstack in the guest, such as 0.5.8; goes with --app-compose"},
    Option{"app-id", "HEX", "the application's id; the beginning of its compose hash, if not given"},
    Option{"instance-id", "HEX", "the instance's id"},
    Option{"mr-kms", "HEX", "what the KMS measured to, as its certificate says; or none"},
    Option{"os-image-hash", "HEX", "the hash of the OS image that the KMS answers with"},
    Option{"key-provider", "JSON", "where the keys are from, as the guest extends it: {\"name\":\"kms\",\"id\":HEX}"},
    Option{"tdattributes", "HEX", "TDATTRIBUTES that the guest must have"},
    Option{"xfam", "HEX", "XFAM that the guest must have; any, if not given"},
    Option{"mrconfigid", "HEX",
           "MRCONFIGID that the guest must have; of an application on dstack: dstack-v1, dstack-v2 or dstack-v3"},
    Option{"mrowner", "HEX", "MROWNER that the guest must have"},
    Option{"mrownerconfig", "HEX", "MROWNERCONFIG that the guest must have"},
    Option{"mrseam", "HEX", "MRSEAM of the TDX modules that are allowed, with commas; any of Intel's, if not given"},
};

// What a log says of an event, and its digest does not cover.
bool is_label(const Json& event) {
  const Json& inputs = *event.find("inputs");
  const Json* authenticated = inputs.find("authenticated");
  const bool vouched_for = authenticated != nullptr && authenticated->is_bool() && authenticated->boolean();
  return inputs.find("from") != nullptr && !vouched_for && !event.find("description")->string().empty();
}

// One line an event: register, where the digest is from, its beginning, what it is of.
std::string events_text(const Measurement& m) {
  constexpr std::size_t kShown = 16;
  std::string out = "\nevents:\n";
  bool labels = false;
  for (const Json& e : m.details.find("events")->items()) {
    const Json& digest = *e.find("digest");
    std::string provenance = e.find("provenance")->string();
    provenance.resize(9, ' ');
    const std::string shown = digest.is_string() ? digest.string().substr(0, kShown) : std::string(kShown, '?');
    out += "  " + e.find("register")->string() + "  " + provenance + " " + shown + "  " + e.find("type")->string() +
           "  " + printable(e.find("description")->string()) + (is_label(e) ? "  (label)" : "") + "\n";
    labels = labels || is_label(e);
  }
  if (labels) out += "\n\"label\": the log says so, and its digest is of something else; nothing vouches for it\n";
  return out;
}

tdx::FwCfg handed_over(const QemuTables& tables) {
  tdx::FwCfg out{.qemu = tables.version, .files = tables.files, .boot_menu = tables.boot_menu, .doubt = {}};
  for (const ReplacedArgument& r : tables.replaced)
    if (r.changes_tables)
      out.doubt +=
          (out.doubt.empty() ? "" : "; ") + printable(r.was) + " was replaced by " + printable(r.is) + ": " + r.why;
  return out;
}

std::string verdict(const tdx::Difference& d) {
  if (!d.agrees()) return "THEY DIFFER";
  return d.partly() ? "what was predicted is what it reports, but not everything was predicted or reported"
                    : "all as predicted";
}

}  // namespace

void MeasureTdx::options(CLI::App& app) {
  app.add_option("--firmware", firmware_, "the guest's firmware: OVMF or another TDVF")
      ->required()
      ->type_name("FILE")
      ->allow_extra_args(false);
  for (const Option& o : kFiles)
    app.add_option("--" + std::string(o.name), files_[o.name], o.description)
        ->type_name(o.type)
        ->allow_extra_args(false);
  for (const Option& o : kValues)
    app.add_option("--" + std::string(o.name), values_[o.name], o.description)
        ->type_name(o.type)
        ->allow_extra_args(false);
  app.get_option("--uki")->excludes("--kernel")->excludes("--initrd");
  app.get_option("--acpi-tables")->excludes("--acpi-digests");
  app.add_option("--qemu-acpi", qemu_,
                 "take ACPI tables, SMBIOS and boot items from QEMU, run here with these arguments, without TDX")
      ->type_name("ARGUMENTS")
      ->excludes("--acpi-tables")
      ->excludes("--acpi-digests")
      ->excludes("--vars");
  app.add_flag("--firmware-measures", firmware_measures_,
               "the firmware measures in a trust domain, though no driver for it is seen in the image");
  app.add_flag("--allow-debug", allow_debug_, "measure a guest with TDATTRIBUTES that make it untrustworthy");
  app.add_option("--against", against_, "a log or a quote of a guest: say which event differs first, and why")
      ->type_name("FILE")
      ->allow_extra_args(false);
  app.add_flag("--explain", explain_,
               "say where and why two guests do not measure to the same; what differs in them is given twice")
      ->excludes("--against")
      ->excludes("--qemu-acpi");
  app.add_flag("--trace", trace_, "write each record and event that is measured to standard error, one a line")
      ->excludes("--explain");
}

MeasureRequest MeasureTdx::request_for(std::size_t side) const {
  const auto value = [&](const std::vector<std::string>& given) { return given[std::min(side, given.size() - 1)]; };
  MeasureRequest out{.image = value(firmware_)};
  for (const auto& [name, given] : files_)
    if (!given.empty() && !value(given).empty()) out.companions[name] = value(given);
  for (const auto& [name, given] : values_)
    if (!given.empty() && !value(given).empty()) out.options[name] = value(given);
  if (firmware_measures_) out.options["firmware-measures"] = "yes";
  if (allow_debug_) out.options["allow-debug"] = "yes";
  return out;
}

Status MeasureTdx::check_counts() const {
  const std::size_t most = explain_ ? 2 : 1;
  const auto check = [&](const std::string& name, std::size_t given) -> Status {
    if (given <= most) return {};
    return fail(Fault::usage, "--" + name + ": is given " + std::to_string(given) + " times, for " +
                                  (explain_ ? "two guests" : "one guest"));
  };
  CHECK(check("firmware", firmware_.size()));
  for (const auto& [name, given] : files_) CHECK(check(name, given.size()));
  for (const auto& [name, given] : values_) CHECK(check(name, given.size()));
  return {};
}

Result<Report> MeasureTdx::explain_both() const {
  const MeasureRequest a = request_for(0), b = request_for(1);
  TRY(const Explanation e, tdx::explain(a, b));
  Report report{.data = to_json(e), .text = text_of(e, a.image.string(), b.image.string()), .agreed = e.same};
  report.data["schema"] = "explanation-v1";
  report.data["hallmark_version"] = version();
  report.data["a"]["file"] = printable(a.image.string());
  report.data["b"]["file"] = printable(b.image.string());
  return report;
}

Result<Report> MeasureTdx::run(Session& session) {
  CHECK(check_counts());
  if (explain_) return explain_both();
  const MeasureRequest request = request_for(0);
  const std::string& firmware = firmware_.front();
  Trace trace;
  if (trace_) trace = [&](const Step& step) { session.line(step.op + " " + step.detail); };

  Json qemu;
  std::optional<tdx::FwCfg> fw_cfg;
  if (!qemu_.empty()) {
    TRY(const QemuTables tables, in("--qemu-acpi", ask_qemu(request, session)));
    qemu = tables.description();
    fw_cfg = handed_over(tables);
  }

  const Platform& platform = *find_platform("tdx");
  TRY(const Measurement m, in("measuring " + firmware, tdx::measure(request, fw_cfg, trace)));
  TRY(const FileDigest file, digest_file(firmware));
  Report report{.data = to_json(m), .text = {}};
  report.data["schema"] = "measurement-v1";
  report.data["file"] = printable(firmware);
  report.data["size"] = file.size;
  report.data["sha256"] = to_hex(file.sha256);
  report.data["hallmark_version"] = version();
  for (const auto& [role, path] : request.companions) report.data[role] = printable(path.string());
  if (qemu.is_object()) report.data["qemu_acpi"] = std::move(qemu);
  report.text = text_of(firmware, m, platform.long_name) + events_text(m);
  if (against_.empty()) return report;

  const std::vector<fs::path> reports(against_.begin(), against_.end());
  TRY(const tdx::Difference difference, tdx::difference(request, fw_cfg, reports));
  Json against = to_json(difference);
  Json files = Json::array();
  for (const std::string& path : against_) files.push_back(printable(path));
  against["files"] = std::move(files);
  report.data["against"] = std::move(against);
  report.agreed = difference.agrees();
  report.text += "\nagainst what the guest reports: " + verdict(difference) + "\n" + to_text(difference);
  return report;
}

Result<QemuTables> MeasureTdx::ask_qemu(const MeasureRequest& request, Session& session) const {
  TRY(std::vector<std::string> arguments, split_arguments(qemu_));
  // A guest that is given a kernel has the boot ROM for it in its boot order.
  const auto given = companion(request, companion(request, "kernel") ? "kernel" : "uki");
  const bool has =
      std::ranges::any_of(arguments, [](const auto& word) { return word == "-kernel" || word == "--kernel"; });
  if (given && !has) {
    session.progress.note("--qemu-acpi: -kernel " + printable(given->string()) +
                          " is added, since the guest is given one");
    arguments.insert(arguments.end(), {"-kernel", given->string()});
  }
  TRY(QemuTables tables,
      qemu_tables({.firmware = request.image, .arguments = arguments, .cache = qemu_cache()}, session.progress));
  for (const ReplacedArgument& r : tables.replaced)
    session.progress.note("--qemu-acpi: " + printable(r.was) +
                          (r.is.empty() ? " is left out: " : " is replaced by " + printable(r.is) + ": ") + r.why);
  return tables;
}

}  // namespace hallmark::cli
