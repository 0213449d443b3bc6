// The table of platforms. `measure`, `certify` and `verify` go through it and name no platform themselves.
#pragma once

#include <span>

#include "lib/tee/model/explanation.h"
#include "lib/tee/model/inspection.h"
#include "lib/tee/model/measurement.h"
#include "lib/tee/model/reference_values.h"

namespace hallmark {

struct Platform {
  std::string_view name;       // "sgx": the folder under lib/tee, the page under specs/tee, the output kind in a recipe
  std::string_view tee;        // "intel-sgx"
  std::string_view long_name;  // for people
  // Whether the first bytes look like an image of this platform; a full parse decides later.
  bool (*recognises)(ByteView first_bytes);
  Result<Measurement> (*measure)(const MeasureRequest&, const Trace&);
  // What the author's key is to sign for an image that measured so, on that day ("20261122"); null where nothing is.
  Result<Bytes> (*signing_material)(const MeasureRequest&, const Measurement&, std::string_view date);
  // What a file of the platform says, field by field, unchecked.
  Result<Inspection> (*inspect)(const fs::path& file);
  // Why two images of the platform do not measure to the same; null where that is answered otherwise.
  Result<Explanation> (*explain)(const MeasureRequest& a, const MeasureRequest& b);
  // What a certificate says besides the registers, held against evidence: a row for each value. `exact`: the signer
  // too.
  void (*match_attested)(const ReferenceValues&, bool exact, const Appraisal&, std::vector<MatchRow>&);
};

std::span<const Platform> platforms();
const Platform* find_platform(std::string_view name);
// The row with that `tee`, which a Measurement names.
const Platform& platform_of(const Measurement& measured);

// As an image of that platform; with the options that hold for every platform, which `Platform::measure` does not know.
Result<Measurement> measure(const Platform& platform, const MeasureRequest& request, const Trace& trace = {});

// Detects the platform by content and measures.
Result<Measurement> measure(const MeasureRequest& request, const Trace& trace = {});

// Detects the platform by content and explains; two images of different platforms are a usage fault.
Result<Explanation> explain(const MeasureRequest& a, const MeasureRequest& b);

// Detects the platform by content and shows the file.
Result<Inspection> inspect(const fs::path& file);

// One row per register of either side, so that a refusal always says which one and why.
struct Comparison {
  enum class Is { same, differs, not_certified, not_present };
  struct Row {
    std::string name;
    Is is;
    Bytes certified, present;
  };
  std::vector<Row> rows;
  // A certificate may leave a register open; the other side may not leave out a certified one.
  bool agrees() const;
};
Comparison compare(std::span<const Register> certified, std::span<const Register> present);

}  // namespace hallmark
