// What the shells need to complete a command line, written from the tree of commands and options.
#pragma once

#include <string>

#include "tools/hallmark/command_line.h"

namespace hallmark::cli {

std::string bash_completion(const CLI::App& program);
std::string zsh_completion(const CLI::App& program);
std::string fish_completion(const CLI::App& program);

}  // namespace hallmark::cli
