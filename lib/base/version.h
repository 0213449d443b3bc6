// The version of this program, from the project() line of the top CMakeLists.txt.
#pragma once

#include <string_view>

namespace hallmark {

std::string_view version();  // "0.1.0"

}  // namespace hallmark
