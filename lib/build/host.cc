#include "lib/build/host.h"

#include <sys/utsname.h>
#include <unistd.h>

#include <fstream>
#include <sstream>

#include "lib/build/sandbox.h"

namespace hallmark::build {
namespace {

// The user and group that a box of root's runs as on the host. Debian keeps 65000-65533 unassigned
// (policy 9.2.2), and a container that maps only 65,536 ids still has it.
constexpr unsigned kUnprivilegedId = 65530;

// user_namespaces(7): "ID-inside-ns ID-outside-ns length", one range a line.
bool has_id(const char* map, unsigned id) {
  std::ifstream file(map);
  std::uint64_t first = 0, outside = 0, count = 0;
  while (file >> first >> outside >> count)
    if (id >= first && id - first < count) return true;
  return false;
}

// "model name	: AMD EPYC 7B13"
std::string cpu_model() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);)
    if (line.starts_with("model name"))
      if (const auto colon = line.find(": "); colon != std::string::npos) return printable(line.substr(colon + 2));
  return "unknown";
}

}  // namespace

HostRecord describe_host(std::string_view backend) {
  utsname names{};
  uname(&names);
  return {
      .kernel = names.release,
      .machine = names.machine,
      .cpu_model = cpu_model(),
      .cpus = static_cast<std::uint32_t>(sysconf(_SC_NPROCESSORS_ONLN)),
      .backend = std::string(backend),
      .root = geteuid() == 0,
  };
}

bool is_privileged() {
  return geteuid() == 0 && has_id("/proc/self/uid_map", kUnprivilegedId) &&
         has_id("/proc/self/gid_map", kUnprivilegedId);
}

Owner box_owner() {
  if (is_privileged()) return {kUnprivilegedId, kUnprivilegedId};
  return {geteuid(), getegid()};
}

}  // namespace hallmark::build
