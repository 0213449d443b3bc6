#include "tools/hallmark/command_line.h"

#include <algorithm>
#include <cctype>

#include "lib/base/suggest.h"
#include "lib/base/version.h"

namespace hallmark::cli {
namespace {

std::vector<std::string> names_of(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* command : commands_of(app)) names.push_back(command->get_name());
  return names;
}

// The library's messages begin with a capital letter; ours do not.
std::string plain(std::string text) {
  if (text.size() > 1 && std::isupper(static_cast<unsigned char>(text[0])) &&
      std::islower(static_cast<unsigned char>(text[1])))
    text[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(text[0])));
  return text;
}

std::string in_quotes(std::string_view text) {
  std::string out = "\"";
  return out.append(text) += '"';
}

Failure usage(std::string what) { return fail(Fault::usage, std::move(what)); }

}  // namespace

CommandLine::CommandLine() : app_("", "hallmark") {
  app_.set_help_flag("-h,--help", "Show what the command does and how it is used");
  app_.add_flag("--json", json_, "Print the answer, also an error, as one JSON object");
  app_.add_flag("-q,--quiet", quiet_, "Say nothing on standard error but errors");
  app_.add_option("--color", color_, "Colour on standard error")
      ->type_name("WHEN")
      ->check(CLI::IsMember({"auto", "always", "never"}))
      ->default_str("auto");
  app_.set_version_flag("--version", std::string(version()), "Print the version");
  // At most one command: without the limit, an argument that is also a command's name would count as a second one.
  app_.require_subcommand(1);
  app_.fallthrough();  // `hallmark measure FILE --json` is `hallmark --json measure FILE`
  for (const Entry& entry : commands()) {
    CLI::App* app = app_.add_subcommand(std::string(entry.name));
    commands_.push_back(entry.make());
    commands_.back()->options(*app);
  }
}

Result<Request> CommandLine::parse(const std::vector<std::string>& arguments) {
  std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());  // the order that App::parse() takes
  // `hallmark help measure` is `hallmark measure --help`.
  if (!reversed.empty() && reversed.back() == "help") {
    reversed.pop_back();
    reversed.insert(reversed.begin(), "--help");
  }
  try {
    app_.parse(reversed);
  } catch (const CLI::CallForHelp&) {
    return Request{Request::Is::help, deepest(), nullptr};
  } catch (const CLI::CallForVersion&) {
    return Request{Request::Is::version, &app_, nullptr};
  } catch (const CLI::ParseError& error) {
    return explain(error);
  }
  const CLI::App* chosen = app_.get_subcommands().at(0);
  const auto at = std::ranges::find(commands(), chosen->get_name(), &Entry::name) - commands().begin();
  return Request{Request::Is::command, chosen, commands_.at(static_cast<std::size_t>(at)).get()};
}

const CLI::App* CommandLine::deepest() const {
  const CLI::App* app = &app_;
  while (!app->get_subcommands().empty()) app = app->get_subcommands().front();
  return app;
}

std::string CommandLine::reached() const { return full_name(*deepest()); }

// The library stops at the first thing it misses, often "a subcommand is required". What stands on the line and was
// not understood explains more, so that is said first.
Failure CommandLine::explain(const CLI::ParseError& error) const {
  const CLI::App& app = *deepest();
  std::vector<std::string> left = app_.remaining(true);
  std::erase(left, "--");
  if (!left.empty() && left[0].size() > 1 && left[0][0] == '-') {
    const std::string word = left[0].substr(0, left[0].find('='));
    std::vector<std::string> known;
    for (const CLI::App* level = &app; level != nullptr; level = level->get_parent())
      for (const CLI::Option* option : options_of(*level))
        for (const std::string& name : option->get_lnames()) known.push_back("--" + name);
    return usage("unknown option " + in_quotes(word) + did_you_mean(word, known));
  }
  const bool command_wanted = app.get_require_subcommand_min() > 0;
  if (!left.empty() && command_wanted)
    return usage("unknown command " + in_quotes(left[0]) + did_you_mean(left[0], names_of(app)));
  if (command_wanted && dynamic_cast<const CLI::RequiredError*>(&error) != nullptr)
    return usage("a command is missing");
  if (!left.empty()) return usage("unexpected argument " + in_quotes(left[0]));
  return usage(plain(error.what()));
}

std::string full_name(const CLI::App& app) {
  return app.get_parent() == nullptr ? app.get_name() : full_name(*app.get_parent()) + " " + app.get_name();
}

ValueType value_type(const CLI::Option& option) {
  if (option.get_expected_max() == 0) return {};  // a flag
  // "WHEN:{auto,always,never}": the placeholder, then the checks' descriptions, of which IsMember's is a set.
  const std::string text = option.get_type_name();
  const std::size_t open = text.find(":{"), colon = text.find(':');
  ValueType out{text.substr(0, colon), {}};
  if (open == std::string::npos) return out;
  const std::size_t close = text.find('}', open);
  std::string choices = text.substr(open + 2, close - open - 2);
  for (std::size_t comma; (comma = choices.find(',')) != std::string::npos; choices.erase(0, comma + 1))
    out.choices.push_back(choices.substr(0, comma));
  out.choices.push_back(choices);
  return out;
}

std::vector<const CLI::Option*> arguments_of(const CLI::App& app) {
  return app.get_options([](const CLI::Option* option) { return option->get_positional(); });
}

std::vector<const CLI::Option*> options_of(const CLI::App& app) {
  // An empty group hides an option.
  return app.get_options(
      [](const CLI::Option* option) { return option->nonpositional() && !option->get_group().empty(); });
}

std::vector<const CLI::App*> commands_of(const CLI::App& app) {
  return app.get_subcommands([](const CLI::App* command) { return !command->get_name().empty(); });
}

}  // namespace hallmark::cli
