// `build --repeat N`: the same lock built N times under conditions that may not matter, and whether they did.
#pragma once

#include "lib/build/builder.h"

namespace hallmark::build {

struct Run {
  fs::path folder;                           // of the outputs; gone where they agree with the first run's
  std::map<std::string, std::string> under;  // "umask" → "0077", "cpus" → "1", "root_file_system" → …
  std::vector<OutputRecord> outputs;
};

struct Repeated {
  Built first;
  std::vector<Run> runs;                // the first among them
  std::vector<std::string> not_varied;  // what this machine has only one of, in words
  std::vector<std::size_t> agreeing;    // for each output of the lock: how many runs gave the first one's bytes
  bool all_agree() const;
};

// Builds `times` times. The first build is the one of `options`; each further one has another host path and umask,
// and another CPU and a root file system on another file system where the machine has one. Folders of runs that
// differ stay beside `options.out`, as ".repeat-2" and so on.
Result<Repeated> build_repeatedly(const Store& store, const pin::Lock& lock, const BuildOptions& options,
                                  std::uint32_t times, Progress& progress);

}  // namespace hallmark::build
