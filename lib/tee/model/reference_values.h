// Reference values (RFC 9334 section 4.2): what evidence must show, whoever vouches for it.
#pragma once

#include <map>
#include <span>
#include <string>
#include <vector>

#include "lib/tee/model/appraisal.h"

namespace hallmark {

struct ReferenceValues {
  std::string name;  // for people and results: the certificate's digest and output, or a file's entry
  std::string tee;   // "intel-sgx"
  std::map<std::string, std::vector<Bytes>> registers;  // by name: one of these
  // As in measurements and certificates; empty objects where they say nothing.
  Json identity = Json::object(), policy = Json::object();
};

// How one register, or one other value, of the evidence stands to a set of reference values.
struct MatchRow {
  std::string name;
  bool matches = false;
  std::string have, need;  // hexadecimal or words; empty where one side has none
};

// The set of reference values that the evidence was found to match, or the one that it is closest to.
struct MatchResult {
  std::string reference;
  std::vector<MatchRow> rows;
};

}  // namespace hallmark
