// The two renderings of a manual page together with the command's own options.
#pragma once

#include <string>

#include "tools/hallmark/command_line.h"

namespace hallmark::cli {

// `hallmark measure --help`: plain text, at most 80 columns but for examples.
std::string help_text(const CLI::App& app);

// hallmark-measure.1 in the man(7) macros. No date stands in it: the same program gives the same bytes.
std::string man_page(const CLI::App& app);

}  // namespace hallmark::cli
