// The two renderings of a manual page together with the command's own options.
#pragma once

#include <string>
#include <vector>

#include "tools/hallmark/command_line.h"

namespace hallmark::cli {

// "hallmark", "measure", "measure-tdx": the name of the page that explains a command.
std::string page_name(const CLI::App& app);
// The program, its commands, and those of their commands that have a page of their own.
std::vector<const CLI::App*> paged(const CLI::App& program);

// `hallmark measure --help`: plain text, at most 80 columns but for examples.
std::string help_text(const CLI::App& app);

// hallmark-measure.1 in the man(7) macros. No date stands in it: the same program gives the same bytes.
std::string man_page(const CLI::App& app);

}  // namespace hallmark::cli
