// What is run in the box and what comes out of it: the part that a specification and
// its lock say in the same words.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "lib/base/json.h"

namespace hallmark::pin {

// What an output is measured with: members of the output in a specification, a lock and a build record.
struct MeasuredWith {
  std::map<std::string, std::string> companions = {};  // role → path of another output: "sigstruct", "libpal", …
  std::map<std::string, std::string> options = {};     // name → value: "gramine-version"
  bool operator==(const MeasuredWith&) const = default;
};
MeasuredWith read_measured_with(Fields& output);
void add_measured_with(const MeasuredWith& with, Json& output);

struct Output {
  std::string path;  // plain relative, below /build
  std::string kind;  // "file", or a TEE format that `measure` knows: "sgx"
  MeasuredWith with = {};
};

struct Recipe {
  std::uint32_t cpus = 1;
  std::map<std::string, std::string> environment;
  std::vector<std::string> steps;  // each run by /bin/sh -euc in /build
  std::vector<Output> outputs;
};

// `build` is the document's "build" map, `doc` the document itself, for its "outputs".
// Refusals go to the reader; the value counts only if its finish() succeeds.
Recipe read_recipe(Fields& build, Fields& doc);

// The members "cpus", "env" and "steps", and the list "outputs".
Json build_to_json(const Recipe&);
Json outputs_to_json(const Recipe&);

Json text_list(const std::vector<std::string>& texts);

}  // namespace hallmark::pin
