// What a recipe sees inside the box: profile "box-1", specs/formats/box.md. Both backends make their box from this one
// list.
#pragma once

#include <sched.h>

#include <string>
#include <vector>

#include "lib/build/sandbox.h"

namespace hallmark::build {

inline constexpr unsigned kBoxUser = 1000;  // user and group id inside, whatever they are outside
inline constexpr std::string_view kHostName = "build";
inline constexpr std::string_view kDomainName = "(none)";  // the kernel's own default
inline constexpr std::string_view kBuildFolder = "/build";
inline constexpr std::string_view kShell = "/bin/sh";
inline constexpr mode_t kBoxUmask = 022;

// A fresh, writable, empty folder in memory. Nothing else in the box can be written to.
struct MemoryFolder {
  std::string path;
  mode_t mode;
  std::uint64_t bytes;  // at most
};
std::vector<MemoryFolder> memory_folders();

// The host's device files that the box has, by name below /dev, and the links beside them.
std::span<const std::string_view> devices();
struct Link {
  std::string_view path, target;
};
std::span<const Link> device_links();

// Files of /proc that tell about the host and are the same in every box instead.
struct FixedFile {
  std::string path, content;
};
std::vector<FixedFile> fixed_files(std::uint32_t cpus, std::int64_t epoch);

// Parts of /proc that are covered by nothing (files read as empty, folders are empty), and parts
// that are made read-only. Only those that this kernel has.
std::vector<std::string> hidden_files();
std::vector<std::string> hidden_folders();
std::vector<std::string> read_only_parts();

// The whole environment: the fixed part and the recipe's.
std::map<std::string, std::string> environment(const BoxRequest& request);

// Which of the host's CPUs the box runs on: those asked for, or the first that this process may use.
Result<cpu_set_t> choose_cpus(const BoxRequest& request);

// Sets for this process and all that it starts: umask, CPU affinity, no address randomisation, resource
// limits. Only system calls: it runs between fork and exec. On failure names the call and leaves errno.
const char* hold_conditions(const cpu_set_t& cpus);

}  // namespace hallmark::build
