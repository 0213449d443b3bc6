// Two accounts of one build, held against each other: certificates, folders of outputs, or one of each.
#pragma once

#include "lib/cert/statement.h"
#include "lib/tee/platform.h"

namespace hallmark::cert {

enum class Verdict {
  identical,          // the same bytes
  measurement_equal,  // other bytes, but hardware measures them alike: a signature or a date differs
  different,          // anything else
};
std::string_view to_text(Verdict);  // "identical", "measurement-equal", "different"

// What messages call the two sides: "certified" and "rebuilt".
struct Sides {
  std::string_view a, b;
};

struct OutputComparison {
  std::string path;
  Verdict verdict = Verdict::different;
  std::string a_sha256, b_sha256;          // empty where that side has no such output
  std::vector<Comparison::Row> registers;  // of a measured output
  std::vector<std::string> differences;    // one line each
};

// One entry for each output of either side, in the order of `a`.
std::vector<OutputComparison> compare_outputs(const Outputs& a, const Outputs& b, const Sides& sides);
// Whether every output is identical or measurement-equal. Nothing compared is no agreement.
bool agree(std::span<const OutputComparison> outputs);

Json to_json(const OutputComparison&);
// A line for each output, and below it what differs.
std::string to_text(std::span<const OutputComparison> outputs);

// The places in which two values differ, at most `max` of them: "cpus: 1 certified, 2 rebuilt".
std::vector<std::string> describe_differences(const Json& a, const Json& b, const Sides& sides, std::size_t max);

}  // namespace hallmark::cert
