// The build record: what one run of a recipe produced, and under which conditions. specs/formats/build-record.md
//
// It is the manifest through which `build` and `measure` meet: certify reads the
// outputs' digests from here and measures the files itself.
#pragma once

#include "lib/base/clock.h"
#include "lib/pin/lock.h"

namespace hallmark::build {

struct OutputRecord {
  std::string path, kind;
  pin::MeasuredWith with = {};
  std::string sha256;
  std::uint64_t size = 0;
  std::uint32_t mode = 0;  // permission bits, 0644 or 0755
};

// What the box held fixed and what it could not: the host's part of the conditions.
struct HostRecord {
  std::string kernel, machine, cpu_model;  // uname -r, uname -m, /proc/cpuinfo
  std::uint32_t cpus = 0;                  // online on the host
  std::string backend;                     // "native", "bwrap"
  bool root = false;                       // whether hallmark itself ran as root
};

struct BuildRecord {
  std::string lock_sha256;
  std::string box;                           // "box-1"
  std::map<std::string, std::string> fixed;  // name → value: "hostname" → "build", "umask" → "0022", …
  HostRecord host;
  UnixTime started = 0, finished = 0;
  std::string log_sha256;
  std::string hallmark_version;
  std::vector<OutputRecord> outputs;  // in the lock's order
};

Json to_json(const BuildRecord&);
Result<BuildRecord> parse_record(std::string_view text, const std::string& name);

}  // namespace hallmark::build
