// Runs another program: no shell, an environment that is given whole, bounded output.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "lib/base/bytes.h"
#include "lib/base/files.h"
#include "lib/base/result.h"

namespace hallmark {

struct ProcessSpec {
  std::vector<std::string> arguments;  // [0] is the program, looked up in PATH when it has no slash
  std::map<std::string, std::string> environment{
      {"PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}, {"LC_ALL", "C.UTF-8"}};
  std::optional<fs::path> folder;
  std::string input;  // fed to standard input
  std::size_t output_limit = std::size_t{64} << 20;
  std::chrono::seconds timeout{600};
};

struct Finished {
  int status = 0;  // exit status; 128 + n when signal n ended it
  std::string output, errors;
};

// The environment fault covers: no such program, time ran out, too much output.
// A program that ran and ended with a status other than 0 is a Finished. The
// caller ignores SIGPIPE (watch_for_interrupts() does): the child may stop reading.
Result<Finished> run_process(const ProcessSpec& command);

// Arguments or environment as exec takes them; valid while `strings` is left alone.
std::vector<char*> null_terminated(std::vector<std::string>& strings);

}  // namespace hallmark
