#include "lib/build/world.h"

#include <sys/personality.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace hallmark::build {
namespace {

constexpr std::array<std::string_view, 6> kDevices{"null", "zero", "full", "random", "urandom", "tty"};
constexpr std::array<Link, 4> kDeviceLinks{{
    {"fd", "/proc/self/fd"},
    {"stdin", "/proc/self/fd/0"},
    {"stdout", "/proc/self/fd/1"},
    {"stderr", "/proc/self/fd/2"},
}};

// Limits are only ever lowered: raising a hard limit takes a privilege that containers withhold.
struct Limit {
  __rlimit_resource resource;
  rlim_t value;
};
constexpr std::array<Limit, 3> kLimits{{
    {RLIMIT_CORE, 0},
    {RLIMIT_NOFILE, 1024},
    {RLIMIT_STACK, 8 << 20},  // with the personality below, this also fixes where mmap() begins
}};

std::vector<std::string> existing(std::initializer_list<const char*> paths) {
  std::vector<std::string> out;
  struct stat st {};
  for (const char* path : paths)
    if (lstat(path, &st) == 0) out.emplace_back(path);
  return out;
}

// As a program finds the number of CPUs and the instructions it may use: the x86-64 baseline.
std::string cpu_information(std::uint32_t cpus) {
  std::string out;
  for (std::uint32_t i = 0; i < cpus; i++)
    out += "processor\t: " + std::to_string(i) +
           "\n"
           "vendor_id\t: hallmark\n"
           "model name\t: box-1\n"
           "cpu cores\t: " +
           std::to_string(cpus) +
           "\n"
           "flags\t\t: fpu tsc msr cx8 cmov mmx fxsr sse sse2 syscall nx lm\n\n";
  return out;
}

std::string kernel_statistics(std::uint32_t cpus, std::int64_t epoch) {
  const std::string zeros = " 0 0 0 0 0 0 0 0 0 0\n";
  std::string out = "cpu " + zeros;
  for (std::uint32_t i = 0; i < cpus; i++) out += "cpu" + std::to_string(i) + zeros;
  return out + "intr 0\nctxt 0\nbtime " + std::to_string(epoch) + "\nprocesses 1\nprocs_running 1\nprocs_blocked 0\n";
}

}  // namespace

std::vector<MemoryFolder> memory_folders() {
  struct sysinfo info {};
  sysinfo(&info);
  const std::uint64_t memory = std::uint64_t{info.totalram} * info.mem_unit;
  return {
      {std::string(kBuildFolder), 0755, memory / 2},
      {"/tmp", 01777, memory / 4},
      {"/var/tmp", 01777, memory / 8},
      {"/run", 0755, memory / 64},
      {"/dev/shm", 01777, memory / 8},
  };
}

std::span<const std::string_view> devices() { return kDevices; }
std::span<const Link> device_links() { return kDeviceLinks; }

std::vector<FixedFile> fixed_files(std::uint32_t cpus, std::int64_t epoch) {
  return {
      {"/proc/cpuinfo", cpu_information(cpus)},
      {"/proc/stat", kernel_statistics(cpus, epoch)},
      {"/proc/version", "Linux version box-1 (build@build) #1 SMP\n"},
      {"/proc/loadavg", "0.00 0.00 0.00 1/1 1\n"},
      {"/proc/uptime", "0.00 0.00\n"},
  };
}

std::vector<std::string> hidden_files() {
  return existing({"/proc/kcore", "/proc/keys", "/proc/key-users", "/proc/kmsg", "/proc/kallsyms", "/proc/kpagecount",
                   "/proc/kpageflags", "/proc/kpagecgroup", "/proc/latency_stats", "/proc/sched_debug",
                   "/proc/sysrq-trigger", "/proc/timer_list", "/proc/timer_stats", "/proc/cmdline", "/proc/config.gz",
                   "/proc/interrupts"});
}

std::vector<std::string> hidden_folders() {
  return existing({"/proc/acpi", "/proc/asound", "/proc/bus", "/proc/driver", "/proc/irq", "/proc/scsi"});
}

std::vector<std::string> read_only_parts() { return existing({"/proc/sys", "/proc/fs"}); }

std::map<std::string, std::string> environment(const BoxRequest& request) {
  std::map<std::string, std::string> out = request.environment;
  // The recipe's settings add to these and cannot replace them.
  for (const auto& [name, value] : std::map<std::string, std::string>{
           {"HALLMARK_JOBS", std::to_string(request.cpus)},
           {"HOME", "/nonexistent"},
           {"LANG", "C.UTF-8"},
           {"LC_ALL", "C.UTF-8"},
           {"LOGNAME", "build"},
           {"PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"},
           {"SOURCE_DATE_EPOCH", std::to_string(request.epoch)},
           {"TZ", "UTC"},
           {"USER", "build"},
       })
    out.insert_or_assign(name, value);
  return out;
}

Result<cpu_set_t> choose_cpus(const BoxRequest& request) {
  cpu_set_t allowed, chosen;
  CPU_ZERO(&chosen);
  if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) return fail_errno("sched_getaffinity", errno);
  std::vector<unsigned> wanted;
  if (request.pinned_cpus) wanted = *request.pinned_cpus;
  for (unsigned cpu = 0; !request.pinned_cpus && cpu < CPU_SETSIZE && wanted.size() < request.cpus; cpu++)
    if (CPU_ISSET(cpu, &allowed)) wanted.push_back(cpu);
  for (unsigned cpu : wanted) {
    if (cpu >= CPU_SETSIZE || !CPU_ISSET(cpu, &allowed))
      return fail(Fault::environment, "CPU " + std::to_string(cpu) + " is not one that this process may use");
    CPU_SET(cpu, &chosen);
  }
  if (const int count = CPU_COUNT(&chosen); count != static_cast<int>(request.cpus))
    return fail(Fault::environment, "the recipe is built with " + std::to_string(request.cpus) + " CPUs, and " +
                                        std::to_string(count) + " can be had here: a build could tell the difference");
  return chosen;
}

const char* hold_conditions(const cpu_set_t& cpus) {
  umask(kBoxUmask);
  if (sched_setaffinity(0, sizeof cpus, &cpus) != 0) return "sched_setaffinity";
  if (personality(ADDR_NO_RANDOMIZE) < 0) return "personality";
  for (const auto& [resource, value] : kLimits) {
    rlimit limit{};
    if (getrlimit(resource, &limit) != 0) return "getrlimit";
    limit.rlim_cur = limit.rlim_max = std::min(limit.rlim_max, value);
    if (setrlimit(resource, &limit) != 0) return "setrlimit";
  }
  return nullptr;
}

}  // namespace hallmark::build
