#include "tools/hallmark/completion.h"

#include <algorithm>

#include "tools/hallmark/help.h"
#include "tools/hallmark/manual.h"

namespace hallmark::cli {
namespace {

std::string join(const std::vector<std::string>& words, std::string_view separator) {
  std::string out;
  for (const std::string& word : words) out.append(out.empty() ? "" : separator).append(word);
  return out;
}

std::vector<std::string> spellings(const CLI::Option& option) {
  std::vector<std::string> out;
  for (const std::string& name : option.get_snames()) out.push_back("-" + name);
  for (const std::string& name : option.get_lnames()) out.push_back("--" + name);
  return out;
}

bool takes_value(const CLI::Option& option) { return option.get_expected_max() > 0; }

// What stands in the place of a value or an argument.
struct Place {
  enum class Is { choice, file, folder, anything };
  Is is;
  std::vector<std::string> choices;
};

Place place_of(const CLI::Option& option) {
  const ValueType type = value_type(option);
  if (!type.choices.empty()) return {Place::Is::choice, type.choices};
  if (type.placeholder == "FOLDER") return {Place::Is::folder, {}};
  if (type.placeholder == "FILE" || type.placeholder == "PATH") return {Place::Is::file, {}};
  return {Place::Is::anything, {}};
}

// The options that a command understands: its own and those of every level above.
std::vector<const CLI::Option*> all_options(const CLI::App& app) {
  std::vector<const CLI::Option*> out = options_of(app);
  for (const CLI::App* level = app.get_parent(); level != nullptr; level = level->get_parent())
    for (const CLI::Option* option : options_of(*level))
      if (option != level->get_help_ptr()) out.push_back(option);
  return out;
}

void collect(const CLI::App& app, std::vector<const CLI::App*>& out) {
  out.push_back(&app);
  for (const CLI::App* command : commands_of(app)) collect(*command, out);
}

// The program, its commands, and theirs.
std::vector<const CLI::App*> levels(const CLI::App& program) {
  std::vector<const CLI::App*> out;
  collect(program, out);
  return out;
}

std::string summary_of(const CLI::App& app) {
  std::string text = manual_of(page_name(app)).summary;
  if (text.empty()) text = app.get_description();
  std::erase(text, '`');
  return text;
}

// ---- bash

std::string bash_words(const Place& place) {
  switch (place.is) {
    case Place::Is::choice: return "COMPREPLY=($(compgen -W '" + join(place.choices, " ") + "' -- \"$word\"))";
    case Place::Is::folder: return "compopt -o filenames; COMPREPLY=($(compgen -d -- \"$word\"))";
    case Place::Is::file: return "compopt -o filenames; COMPREPLY=($(compgen -f -- \"$word\"))";
    case Place::Is::anything: break;
  }
  return "COMPREPLY=()";
}

}  // namespace

// The words before the cursor are walked once: a known command moves one level down, an option that takes a value
// swallows the next word. What is left to decide is the word at the cursor.
std::string bash_completion(const CLI::App& program) {
  std::string moves, values, swallow, offers;
  for (const CLI::App* level : levels(program)) {
    const std::string name = full_name(*level);
    std::vector<std::string> options, commands;
    for (const CLI::App* command : commands_of(*level)) {
      commands.push_back(command->get_name());
      moves += "      '" + name + " " + command->get_name() + "') at=\"$at $w\" ;;\n";
    }
    for (const CLI::Option* option : all_options(*level)) {
      for (const std::string& spelling : spellings(*option)) {
        options.push_back(spelling);
        if (!takes_value(*option)) continue;
        swallow += "      '" + name + " " + spelling + "') ((i++)) ;;\n";
        values += "    '" + name + " " + spelling + "') " + bash_words(place_of(*option)) + "; return ;;\n";
      }
    }
    offers += "    '" + name + "')\n";
    offers += "      if [[ $word == -* ]]; then COMPREPLY=($(compgen -W '" + join(options, " ") + "' -- \"$word\"))\n";
    const std::vector<const CLI::Option*> arguments = arguments_of(*level);
    if (!arguments.empty()) offers += "      else " + bash_words(place_of(*arguments.front())) + "\n";
    if (!commands.empty())
      offers += (arguments.empty() ? "      else COMPREPLY=(" : "        COMPREPLY+=(") +
                ("$(compgen -W '" + join(commands, " ")) + "' -- \"$word\"))\n";
    offers += "      fi ;;\n";
  }
  return "# bash completion for hallmark: source <(hallmark completion bash)\n"
         "_hallmark() {\n"
         "  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} at=hallmark i w\n"
         "  for ((i = 1; i < COMP_CWORD; i++)); do\n"
         "    w=${COMP_WORDS[i]}\n"
         "    case \"$at $w\" in\n" +
         moves + swallow +
         "    esac\n"
         "  done\n"
         "  case \"$at $before\" in\n" +
         values +
         "  esac\n"
         "  case $at in\n" +
         offers +
         "  esac\n"
         "}\n"
         "complete -F _hallmark hallmark\n";
}

namespace {

// ---- zsh

// Inside single quotes, and inside the brackets and colons of an _arguments specification.
std::string zsh_text(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\'')
      out += "'\\''";
    else if (c == '[' || c == ']' || c == ':' || c == '\\')
      (out += '\\') += c;
    else
      out += c;
  }
  return out;
}

std::string zsh_action(const CLI::Option& option) {
  const Place place = place_of(option);
  switch (place.is) {
    case Place::Is::choice: return "(" + join(place.choices, " ") + ")";
    case Place::Is::folder: return "_files -/";
    case Place::Is::file: return "_files";
    case Place::Is::anything: break;
  }
  return " ";
}

std::string zsh_function(const CLI::App& app) {
  std::string name = "_" + full_name(app);
  std::ranges::replace(name, ' ', '_');
  return name;
}

std::string zsh_level(const CLI::App& app) {
  std::string out = zsh_function(app) + "() {\n";
  const std::vector<const CLI::App*> commands = commands_of(app);
  if (!commands.empty()) out += "  local context state state_descr line\n  typeset -A opt_args\n";
  out += "  _arguments -s";
  if (!commands.empty()) out += " -C";
  for (const CLI::Option* option : all_options(app)) {
    const std::vector<std::string> names = spellings(*option);
    for (const std::string& name : names) {
      out += " \\\n    '(" + join(names, " ") + ")" + name;
      if (takes_value(*option) && name.starts_with("--")) out += "=";
      out += "[" + zsh_text(option->get_description()) + "]";
      if (takes_value(*option)) out += ":" + zsh_text(value_type(*option).placeholder) + ":" + zsh_action(*option);
      out += "'";
    }
  }
  if (commands.empty()) {
    for (const CLI::Option* argument : arguments_of(app)) {
      out += argument->get_expected_max() > 1 ? " \\\n    '*:" : " \\\n    ':";
      out += zsh_text(argument->get_name(true)) + ":" + zsh_action(*argument) + "'";
    }
    return out + "\n}\n\n";
  }
  out += " \\\n    '1:command:->command' '*::argument:->argument'\n";
  out += "  case $state in\n  command)\n    local -a commands=(\n";
  for (const CLI::App* command : commands)
    out += "      '" + command->get_name() + ":" + zsh_text(summary_of(*command)) + "'\n";
  // One that also takes an argument of its own (`measure`) offers both.
  const std::string also = arguments_of(app).empty() ? "" : "_files";
  out += "    )\n    _describe command commands" + (also.empty() ? "" : "; " + also) +
         " ;;\n  argument)\n    case $line[1] in\n";
  for (const CLI::App* command : commands)
    out += "    " + command->get_name() + ") " + zsh_function(*command) + " ;;\n";
  if (!also.empty()) out += "    *) " + also + " ;;\n";
  return out + "    esac ;;\n  esac\n}\n\n";
}

// ---- fish

std::string fish_text(std::string_view text) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'' || c == '\\') out += '\\';
    out += c;
  }
  return out + "'";
}

std::string fish_place(const CLI::Option& option) {
  const Place place = place_of(option);
  switch (place.is) {
    case Place::Is::choice: return " -x -a " + fish_text(join(place.choices, " "));
    case Place::Is::folder: return " -x -a '(__fish_complete_directories)'";
    case Place::Is::file: return " -r -F";
    case Place::Is::anything: break;
  }
  return " -x";
}

// True where exactly this command has been named and none below it.
std::string fish_condition(const CLI::App& app) {
  std::vector<std::string> seen, below;
  for (const CLI::App* level = &app; level->get_parent() != nullptr; level = level->get_parent())
    seen.insert(seen.begin(), "__fish_seen_subcommand_from " + level->get_name());
  for (const CLI::App* command : commands_of(app)) below.push_back(command->get_name());
  if (!below.empty()) seen.push_back("not __fish_seen_subcommand_from " + join(below, " "));
  return join(seen, "; and ");
}

}  // namespace

std::string zsh_completion(const CLI::App& program) {
  std::string out = "#compdef hallmark\n\n";
  for (const CLI::App* level : levels(program)) out += zsh_level(*level);
  // Autoloaded from $fpath, the file is the function's body; sourced, it only defines.
  return out + "if [[ $funcstack[1] == _hallmark ]]; then _hallmark \"$@\"; else compdef _hallmark hallmark; fi\n";
}

std::string fish_completion(const CLI::App& program) {
  std::string out = "complete -c hallmark -f\n";
  for (const CLI::App* level : levels(program)) {
    const std::string condition = fish_condition(*level);
    const std::string head = "complete -c hallmark" + (condition.empty() ? "" : " -n " + fish_text(condition));
    for (const CLI::App* command : commands_of(*level))
      out += head + " -a " + command->get_name() + " -d " + fish_text(summary_of(*command)) + "\n";
    // Those of the program hold at every level.
    const std::string place = level->get_parent() == nullptr ? "complete -c hallmark" : head;
    for (const CLI::Option* option : options_of(*level)) {
      if (level->get_parent() != nullptr && option == level->get_help_ptr()) continue;
      out += place;
      for (const std::string& name : option->get_snames()) out += " -s " + name;
      for (const std::string& name : option->get_lnames()) out += " -l " + name;
      if (takes_value(*option)) out += fish_place(*option);
      out += " -d " + fish_text(option->get_description()) + "\n";
    }
    for (const CLI::Option* argument : arguments_of(*level)) {
      const Place place_here = place_of(*argument);
      if (place_here.is == Place::Is::anything) continue;
      out += head + fish_place(*argument) + "\n";
    }
  }
  return out;
}

namespace {

class Completion final : public Command {
  std::string shell_;

  void options(CLI::App& app) override {
    app.add_option("shell", shell_, "The shell to write for")
        ->required()
        ->type_name("SHELL")
        ->check(CLI::IsMember({"bash", "zsh", "fish"}));
  }

  Result<Report> run(Session&) override {
    const CommandLine line;
    std::string script = shell_ == "bash"  ? bash_completion(line.app())
                         : shell_ == "zsh" ? zsh_completion(line.app())
                                           : fish_completion(line.app());
    return Report{Json::object({{"shell", shell_}, {"script", script}}), script};
  }
};

}  // namespace

std::unique_ptr<Command> make_completion() { return std::make_unique<Completion>(); }

}  // namespace hallmark::cli
