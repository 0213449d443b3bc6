// What every command is to main(): options, and a run that returns a Report and prints nothing.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string_view>

#include <CLI/CLI.hpp>

#include "lib/base/progress.h"
#include "lib/base/report.h"

namespace hallmark::cli {

// What a command may say while it runs; all of it goes to standard error.
struct Session {
  Progress& progress;
  bool json = false;   // the caller wants JSON: keep stderr to what matters to a program's log
  bool quiet = false;  // no progress and no output of a build; `line` prints all the same what was asked for
  // One line of a trace (`measure --trace`) or of a build's own output.
  std::function<void(std::string_view)> line;
};

class Command {
 public:
  virtual ~Command() = default;
  // Adds the options. type_name("FILE") or type_name("FOLDER") also tells the shells what to complete.
  virtual void options(CLI::App& app) = 0;
  virtual Result<Report> run(Session& session) = 0;
};

struct Entry {
  std::string_view name;
  std::unique_ptr<Command> (*make)();
};

// The whole surface of the program, in the order `--help` shows it. A command's
// summary, description and example are manual/<name>.md; help, manual pages,
// shell completion and the "did you mean" hint are all made from table and text.
std::span<const Entry> commands();

// One maker a command, each in <name>.cc.
std::unique_ptr<Command> make_pin();
std::unique_ptr<Command> make_build();
std::unique_ptr<Command> make_measure();
std::unique_ptr<Command> make_inspect();
std::unique_ptr<Command> make_replay();
std::unique_ptr<Command> make_sigstruct();
std::unique_ptr<Command> make_appraise();
std::unique_ptr<Command> make_match();
std::unique_ptr<Command> make_collateral();
std::unique_ptr<Command> make_references();
std::unique_ptr<Command> make_certify();
std::unique_ptr<Command> make_verify();
std::unique_ptr<Command> make_rebuild();
std::unique_ptr<Command> make_compare();
std::unique_ptr<Command> make_key();
std::unique_ptr<Command> make_doctor();
std::unique_ptr<Command> make_completion();

}  // namespace hallmark::cli
