// What `hallmark measure --explain` prints.
#pragma once

#include <string>

#include "lib/tee/model/explanation.h"

namespace hallmark::cli {

// `a` and `b` are the files as they were given.
std::string text_of(const Explanation& explanation, const std::string& a, const std::string& b);

}  // namespace hallmark::cli
