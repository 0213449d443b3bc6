// What a command found out, before anyone decided how to print it.
#pragma once

#include <string>

#include "lib/base/json.h"

namespace hallmark {

struct Report {
  Json data;                   // the machine-readable answer; its schema stands in specs/schemas/
  std::string text;            // the same answer for a person, ending in a newline
  bool agreed = true;          // false: the question was answered "no"
  Fault no = Fault::mismatch;  // whose exit status a "no" has
};

}  // namespace hallmark
