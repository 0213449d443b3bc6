// A measurement in words: registers, what is signed or attested beside them, what went into them, what to worry about.
#pragma once

#include <string>
#include <string_view>

#include "lib/tee/model/measurement.h"

namespace hallmark::cli {

std::string text_of(const std::string& file, const Measurement& m, std::string_view long_name);

}  // namespace hallmark::cli
