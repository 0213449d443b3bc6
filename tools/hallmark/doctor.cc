// hallmark doctor: what this machine can do, and what to change where it cannot.
#include <sys/statvfs.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "lib/base/process.h"
#include "lib/build/host.h"
#include "lib/build/sandbox.h"
#include "lib/store/store.h"
#include "tools/hallmark/command.h"

namespace hallmark::cli {
namespace {

constexpr std::uint64_t kMebibyte = std::uint64_t{1} << 20;
constexpr std::uint64_t kStoreNeeds = 2048 * kMebibyte, kMemoryNeeds = 1024 * kMebibyte;

// One thing that was looked at.
struct Finding {
  std::string name;
  bool ok = true;
  bool needed = true;  // whether a build on this machine is impossible without it
  std::string found;   // what is there
  std::string remedy;  // what to change; empty where all is well
};

std::string mebibytes(std::uint64_t bytes) { return std::to_string(bytes / kMebibyte) + " MiB"; }

// The number or word in a file of /proc/sys, or nothing where this kernel has no such setting.
std::optional<std::string> setting(const std::string& name) {
  auto text = read_text("/proc/sys/" + name, 4096);
  if (!text) return std::nullopt;
  while (text->ends_with('\n')) text->pop_back();
  return printable(*text);
}

Finding check_kernel() {
  const build::HostRecord host = build::describe_host("");
  Finding f{"kernel", true, true, host.kernel + " " + host.machine, {}};
  unsigned major = 0, minor = 0;
  std::sscanf(host.kernel.c_str(), "%u.%u", &major, &minor);
  // mount_setattr(2)
  if (major < 5 || (major == 5 && minor < 12)) f.ok = false, f.remedy = "the sandbox needs Linux 5.12 or later";
  if (host.machine != "x86_64") f.ok = false, f.remedy = "the sandbox is made for x86_64";
  return f;
}

Finding check_namespaces() {
  Finding f{"user namespaces", true, false, {}, {}};
  if (build::is_privileged()) {
    f.found = "running as root: not needed to mount, and available to the box's user";
    return f;
  }
  const auto clone = setting("kernel/unprivileged_userns_clone");
  const auto most = setting("user/max_user_namespaces");
  const auto apparmor = setting("kernel/apparmor_restrict_unprivileged_userns");
  f.found = "max_user_namespaces " + most.value_or("unknown");
  if (clone) f.found += ", unprivileged_userns_clone " + *clone;
  if (apparmor) f.found += ", apparmor_restrict_unprivileged_userns " + *apparmor;
  if (clone == "0")
    f.ok = false, f.remedy = "as root: sysctl -w kernel.unprivileged_userns_clone=1";
  else if (most == "0")
    f.ok = false, f.remedy = "as root: sysctl -w user.max_user_namespaces=10000";
  else if (apparmor == "1")
    f.ok = false,
    f.remedy =
        "AppArmor gives user namespaces to profiled programs only; as root: sysctl -w "
        "kernel.apparmor_restrict_unprivileged_userns=0, or use --sandbox bwrap where bwrap has a profile";
  return f;
}

// The kernel gives an ordinary user a new /proc only if nothing covers a part of the present one.
Finding check_proc() {
  Finding f{"/proc", true, false, "whole", {}};
  std::vector<std::string> covered;
  if (const auto mounts = read_text("/proc/self/mountinfo", 16 * kMebibyte)) {
    // proc(5), mountinfo: the fifth field is the mount point
    for (std::string_view rest = *mounts; !rest.empty();) {
      const auto newline = rest.find('\n');
      std::string_view line = rest.substr(0, newline);
      rest = newline == rest.npos ? std::string_view() : rest.substr(newline + 1);
      for (int field = 0; field < 4 && line.find(' ') != line.npos; field++) line.remove_prefix(line.find(' ') + 1);
      const std::string_view point = line.substr(0, line.find(' '));
      if (point.starts_with("/proc/") && point != "/proc/sys/fs/binfmt_misc") covered.emplace_back(point);
    }
  }
  if (covered.empty()) return f;
  f.found = printable(covered.front()) +
            (covered.size() > 1 ? " and " + std::to_string(covered.size() - 1) + " more are" : " is") + " covered";
  if (build::is_privileged()) {
    f.found += "; no obstacle to root";
    return f;
  }
  f.ok = false;
  f.remedy =
      "the kernel gives an ordinary user no new /proc here; run as root, or start the container with an uncovered "
      "/proc";
  return f;
}

Finding check_sandbox(std::string_view name, bool needed) {
  Finding f{"sandbox " + std::string(name), true, needed, "works", {}};
  const auto sandbox = build::find_sandbox(name);
  const Status probe = sandbox ? (*sandbox)->probe() : Status(Failure(sandbox.error()));
  if (probe) return f;
  f.ok = false;
  f.found = printable(probe.error().message());
  f.remedy = name == "native" ? "see the lines above; --sandbox bwrap may still work"
                              : "apt install bubblewrap, or use the native sandbox";
  return f;
}

Finding check_program(const std::string& program, const std::string& package) {
  Finding f{program, true, false, {}, {}};
  const auto ran = run_process({.arguments = {program, "--version"}});
  if (ran && ran->status == 0) {
    f.found = printable(ran->output.substr(0, ran->output.find('\n')));
    return f;
  }
  f.ok = false;
  f.found = ran ? "exit status " + std::to_string(ran->status) : "is not there";
  f.remedy = "apt install " + package + " (pin needs it, build does not)";
  return f;
}

Finding check_store() {
  Finding f{"store", true, true, {}, {}};
  const auto root = Store::default_root();
  if (!root) {
    f.ok = false, f.found = root.error().message(), f.remedy = "set HALLMARK_STORE to a folder";
    return f;
  }
  // The nearest folder that is there: the store may be made only at the first use.
  fs::path folder = *root;
  std::error_code error;
  while (!fs::exists(folder, error) && folder.has_relative_path()) folder = folder.parent_path();
  struct statvfs room {};
  if (statvfs(folder.c_str(), &room) != 0 || access(folder.c_str(), W_OK) != 0) {
    f.ok = false, f.found = printable(folder.string()) + " cannot be written to",
    f.remedy = "set HALLMARK_STORE to a folder of your own";
    return f;
  }
  const std::uint64_t free = std::uint64_t{room.f_bavail} * room.f_frsize;
  f.found = printable(root->string()) + ", " + mebibytes(free) + " free";
  if (free < kStoreNeeds)
    f.ok = false,
    f.remedy = "a toolchain takes up to " + mebibytes(kStoreNeeds) + "; set HALLMARK_STORE to a folder with more room";
  if ((room.f_flag & ST_NOEXEC) != 0)
    f.ok = false,
    f.remedy = "its file system is mounted noexec, and the toolchain is run from it; set HALLMARK_STORE to another";
  return f;
}

Finding check_machine() {
  struct sysinfo info {};
  sysinfo(&info);
  const std::uint64_t memory = std::uint64_t{info.totalram} * info.mem_unit;
  const build::HostRecord host = build::describe_host("");
  Finding f{"machine",
            true,
            false,
            std::to_string(host.cpus) + " CPUs (" + host.cpu_model + "), " + mebibytes(memory) + " of memory",
            {}};
  if (memory < kMemoryNeeds) f.ok = false, f.remedy = "builds run in memory: /build may take half of it";
  return f;
}

Finding check_mirrors() {
  Finding f{"Debian mirrors", true, false, {}, {}};
  const auto ran =
      run_process({.arguments = {"apt-get", "indextargets", "--format", "$(SITE) $(RELEASE)", "Created-By: Packages"}});
  std::size_t count = 0;
  if (ran && ran->status == 0)
    count = static_cast<std::size_t>(std::count(ran->output.begin(), ran->output.end(), '\n'));
  f.found = std::to_string(count) + " package indexes in apt's configuration";
  if (count == 0)
    f.ok = false, f.remedy = "name mirrors in hallmark.yaml, or in /etc/apt/sources.list and run apt-get update";
  return f;
}

class Doctor final : public Command {
 public:
  void options(CLI::App&) override {}

  Result<Report> run(Session& session) override {
    session.progress.phase("looking at this machine");
    const std::array findings{check_kernel(),
                              check_namespaces(),
                              check_proc(),
                              check_sandbox("native", false),
                              check_sandbox("bwrap", false),
                              check_store(),
                              check_machine(),
                              check_program("gpgv", "gpgv"),
                              check_program("apt-get", "apt"),
                              check_mirrors()};
    const auto is_ok = [&](std::string_view name) {
      return std::any_of(findings.begin(), findings.end(), [&](const Finding& f) { return f.name == name && f.ok; });
    };
    bool can_build = is_ok("sandbox native") || is_ok("sandbox bwrap");
    for (const Finding& f : findings) can_build = can_build && (f.ok || !f.needed);

    Report report{.data = {}, .text = {}, .agreed = can_build, .no = Fault::environment};
    Json list = Json::array();
    for (const Finding& f : findings) {
      report.text += (f.ok ? "ok       " : "problem  ") + f.name + ": " + f.found + "\n";
      if (!f.remedy.empty()) report.text += "         " + std::string("change: ") + f.remedy + "\n";
      list.push_back(Json::object({{"name", f.name}, {"ok", f.ok}, {"found", f.found}, {"remedy", f.remedy}}));
    }
    report.text += can_build ? "\nA build can run here.\n" : "\nNo build can run here.\n";
    report.data = Json::object({{"schema", "doctor-v1"}, {"can_build", can_build}, {"findings", std::move(list)}});
    return report;
  }
};

}  // namespace

std::unique_ptr<Command> make_doctor() { return std::make_unique<Doctor>(); }

}  // namespace hallmark::cli
