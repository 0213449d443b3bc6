// From a lock to outputs: the whole of `hallmark build`, and the building half of `hallmark rebuild`.
//
// No result of an earlier build is ever looked at: every call really builds.
#pragma once

#include <functional>
#include <optional>

#include "lib/build/record.h"
#include "lib/build/sandbox.h"
#include "lib/store/store.h"

namespace hallmark::build {

// What stands in the folder of a finished build, besides the outputs under their own paths.
inline constexpr std::string_view kRecordFile = "build-record.json";
inline constexpr std::string_view kLogFile = "build.log";
inline constexpr std::string_view kLockFile = "hallmark.lock";  // write_lock() of what was built: certify needs it

struct BuildOptions {
  fs::path out;                        // made, or replaced if it is an earlier build's; whole or not at all
  std::optional<std::string> backend;  // "native" or "bwrap"; default: "native"
  std::function<void(std::string_view)> on_output;  // what the steps print, as they print it

  // How a repeated build differs from the first one, where its conditions may not matter.
  std::optional<std::vector<unsigned>> cpus;  // which of the host's CPUs; default: the first that are allowed
  std::optional<fs::path> root_in;            // a folder (on another file system) that gets its own copy of the root
};

struct Built {
  BuildRecord record;
  fs::path out;  // options.out: the outputs, kRecordFile, kLogFile and kLockFile
  fs::path log;  // out/build.log
};

// Builds what `lock` says. The blobs it names must be in the store (pin::fetch_source and
// pin::fetch_debian put them there). A step that fails is a mismatch that shows its last
// lines; its whole log is then at `out` + ".failed.log".
Result<Built> build(const Store& store, const pin::Lock& lock, const BuildOptions& options, Progress& progress);

// The record in a finished build's folder, and proof that its outputs are still what it says.
Result<BuildRecord> read_build(const fs::path& out);

}  // namespace hallmark::build
