// The files that a build made, digested and measured: what certify states, verify looks at, and compare compares.
#pragma once

#include "lib/build/builder.h"
#include "lib/cert/statement.h"

namespace hallmark::cli {

// What `hallmark build` left beside its outputs, after making sure that it all belongs together: the outputs are those
// that were recorded, and the lock is the one that they were built from.
struct BuildFolder {
  build::BuildRecord record;
  pin::Lock lock;
};
Result<BuildFolder> read_build_folder(const fs::path& folder);

// The measurement of one output. `find` gives the place of another output by its path, or nothing if it is not at hand.
using FindOutput = std::function<std::optional<fs::path>(const std::string&)>;
Result<cert::OutputMeasurement> measure_output(const pin::Output& output, const fs::path& file, const FindOutput& find,
                                               std::vector<std::string>& warnings);

struct Survey {
  cert::Outputs outputs;
  std::vector<std::string> warnings;  // of the measurements, each with its output's path
};
// Every output below `folder`. One that does not measure to what it says of itself is a mismatch fault.
Result<Survey> survey(const fs::path& folder, const std::vector<pin::Output>& outputs, Progress& progress);

}  // namespace hallmark::cli
