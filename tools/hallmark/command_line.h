// The command line as a tree: the program, its commands, their options. Parsing, help, manual pages and shell
// completion all walk this one tree.
#pragma once

#include <string>
#include <vector>

#include "tools/hallmark/command.h"

namespace hallmark::cli {

// What the user asked for.
struct Request {
  enum class Is { command, help, version };
  Is is = Is::command;
  const CLI::App* app = nullptr;  // the command named, or the program itself
  Command* command = nullptr;     // to run, when `is` says so
};

class CommandLine {
 public:
  CommandLine();

  // `arguments` without the program's name. An error is a usage fault.
  Result<Request> parse(const std::vector<std::string>& arguments);

  // The command that the last parse() reached, as one types it: "hallmark", "hallmark key new".
  std::string reached() const;

  const CLI::App& app() const { return app_; }

  // Set by parse().
  bool json() const { return json_; }
  bool quiet() const { return quiet_; }
  const std::string& color() const { return color_; }  // "auto", "always", "never"

 private:
  const CLI::App* deepest() const;
  Failure explain(const CLI::ParseError& error) const;

  CLI::App app_;
  std::vector<std::unique_ptr<Command>> commands_;  // as in commands()
  bool json_ = false;
  bool quiet_ = false;
  std::string color_ = "auto";
};

// "hallmark key new": the names from the program down to `app`.
std::string full_name(const CLI::App& app);

// An option's or argument's placeholder and the values it is limited to:
// "FILE", {} or "WHEN", {"auto", "always", "never"}.
struct ValueType {
  std::string placeholder;
  std::vector<std::string> choices;
};
ValueType value_type(const CLI::Option& option);

// What stands in help, in a manual page and in completion: arguments in their order, then options.
std::vector<const CLI::Option*> arguments_of(const CLI::App& app);
std::vector<const CLI::Option*> options_of(const CLI::App& app);
std::vector<const CLI::App*> commands_of(const CLI::App& app);

}  // namespace hallmark::cli
