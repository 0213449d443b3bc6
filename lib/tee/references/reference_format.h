// Reference values in the files that people have: a table of formats, each read and written.
//
// Reading fails closed. What a file asks for and nobody here can hold against evidence is unsupported; a set that names
// nothing would accept anything and is refused. What a file would let pass (a status, a debug bit) is not taken over: a
// loosening is a line of an appraisal policy, and `not_taken` says which one.
#pragma once

#include <span>

#include "lib/tee/model/reference_values.h"

namespace hallmark::references {

inline constexpr std::string_view kReferenceValuesFormat = "reference-values-v1";

// A file is at most kMaxEvidence long, and holds at most so many sets, each with so many values of a register.
inline constexpr std::size_t kMaxSets = 1024, kMaxValues = 1024, kMaxRequirements = 256;

struct ImportedReferences {
  std::vector<ReferenceValues> sets;
  std::vector<std::string> not_taken;  // one sentence each, for people
};

struct ExportedReferences {
  std::string text;                   // the file
  std::vector<std::string> left_out;  // what the format has no place for, one sentence each
};

struct ReferenceFormat {
  std::string_view name;       // "flashbots"
  std::string_view long_name;  // for people
  // Whether it looks like one.
  bool (*recognises)(std::string_view text);
  // `name` is the file's, and the sets are named after it.
  Result<ImportedReferences> (*read)(std::string_view text, const std::string& name);
  // A set that it cannot say at all (another TEE) is unsupported.
  Result<ExportedReferences> (*write)(std::span<const ReferenceValues> sets);
};

std::span<const ReferenceFormat> reference_formats();
const ReferenceFormat* find_reference_format(std::string_view name);

// By content. What looks like several formats is refused: it has to be named.
Result<const ReferenceFormat*> detect_reference_format(std::string_view text, const std::string& name);

}  // namespace hallmark::references
