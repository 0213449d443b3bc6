#include "tools/hallmark/help.h"

#include <algorithm>
#include <optional>

#include "lib/base/version.h"
#include "tools/hallmark/manual.h"

namespace hallmark::cli {
namespace {

using Is = Manual::Block::Is;

bool is_program(const CLI::App& app) { return app.get_parent() == nullptr; }

std::string upper(std::string text) {
  for (char& c : text)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  return text;
}

// "FILE", "[FILE]", "FILE..."
std::string argument_usage(const CLI::Option& argument) {
  std::string name = upper(argument.get_name(true));
  if (argument.get_expected_max() > 1) name += "...";
  return argument.get_required() ? name : "[" + name + "]";
}

std::string usage_of(const CLI::App& app) {
  std::string out = full_name(app);
  if (!is_program(app) && !options_of(app).empty()) out += " [options]";
  if (is_program(app)) out += " [options] COMMAND ...";
  for (const CLI::Option* argument : arguments_of(app)) out += " " + argument_usage(*argument);
  return out;
}

// A command of commands (`key`) is used through them; one that also does something itself (`measure`) in both ways.
std::vector<std::string> usages_of(const CLI::App& app) {
  if (is_program(app)) return {usage_of(app)};
  std::vector<std::string> out;
  if (app.get_require_subcommand_min() == 0) out.push_back(usage_of(app));
  for (const CLI::App* command : commands_of(app))
    for (std::string& usage : usages_of(*command)) out.push_back(std::move(usage));
  return out;
}

// `key new` has none of its own and is explained by key.md; `measure tdx` has measure-tdx.md.
Manual page_of(const CLI::App& app) { return manual_of(page_name(app)); }
bool has_page(const CLI::App& app) { return !page_of(app).summary.empty(); }

// A row of a table of arguments, options or commands.
struct Row {
  std::string left, right;
};

std::string description_of(const CLI::Option& option) {
  std::string out = option.get_description();
  if (const std::vector<std::string> choices = value_type(option).choices; !choices.empty())
    out += ": " + CLI::detail::join(choices, ", ");
  if (const std::string value = option.get_default_str(); !value.empty()) out += " (default: " + value + ")";
  return out;
}

// "-q, --quiet", "    --sig FILE"
Row option_row(const CLI::Option& option) {
  std::string left;
  for (const std::string& name : option.get_snames()) left += "-" + name + ", ";
  for (const std::string& name : option.get_lnames()) left += "--" + name + ", ";
  left.erase(left.size() - 2);
  if (option.get_snames().empty()) left = "    " + left;
  const ValueType type = value_type(option);
  if (!type.placeholder.empty()) left += " " + type.placeholder;
  return {left, description_of(option)};
}

// Everything a page says about how a command is called, in the order it is said.
struct Table {
  std::string title;
  std::vector<Row> rows;
};

std::vector<Table> tables_of(const CLI::App& app) {
  std::vector<Table> tables;
  Table commands{"Commands", {}};
  for (const CLI::App* command : commands_of(app))
    commands.rows.push_back(
        {command->get_name(), has_page(*command) ? page_of(*command).summary : command->get_description()});
  Table arguments{"Arguments", {}};
  for (const CLI::Option* argument : arguments_of(app))
    arguments.rows.push_back({upper(argument->get_name(true)), description_of(*argument)});
  Table options{"Options", {}};
  for (const CLI::Option* option : options_of(app))
    if (is_program(app) || option != app.get_help_ptr()) options.rows.push_back(option_row(*option));
  for (Table* table : {&commands, &arguments, &options})
    if (!table->rows.empty()) tables.push_back(std::move(*table));
  if (!is_program(app))
    for (const CLI::App* command : commands_of(app)) {
      if (has_page(*command)) continue;  // `--help` of its own shows them
      for (Table& table : tables_of(*command)) {
        table.title += " of '" + full_name(*command) + "'";
        tables.push_back(std::move(table));
      }
    }
  return tables;
}

std::vector<Row> global_options(const CLI::App& app) {
  const CLI::App* program = &app;
  while (!is_program(*program)) program = program->get_parent();
  std::vector<Row> rows;
  for (const CLI::Option* option : options_of(*program)) rows.push_back(option_row(*option));
  return rows;
}

std::string summary_of(const CLI::App& app, const Manual& manual) {
  return manual.summary.empty() ? app.get_description() : manual.summary;
}

// An item "`0`: the two agree" is a row of a table.
std::optional<Row> term_of(const Manual::Block& block) {
  constexpr std::string_view kEnd = "`: ";
  const std::size_t end = block.text.find(kEnd);
  if (block.is != Is::item || !block.text.starts_with('`') || end == std::string::npos) return std::nullopt;
  return Row{block.text.substr(0, end + 1), block.text.substr(end + kEnd.size())};
}

// ---- plain text

constexpr std::size_t kWidth = 80, kColumn = 26;

std::string without_marks(std::string text) {
  std::erase(text, '`');
  return text;
}

// Lines of at most kWidth columns: `first` begins the first one, the others begin with `indent` spaces.
std::string wrap(const std::string& text, std::string first, std::size_t indent) {
  std::string out, line = std::move(first);
  bool fresh = true;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find(' ', at), text.size());
    const std::string word = text.substr(at, end - at);
    at = end + 1;
    if (!fresh && line.size() + 1 + word.size() > kWidth) {
      out += line + "\n";
      line.assign(indent, ' ');
      fresh = true;
    }
    line += (fresh ? "" : " ") + word;
    fresh = false;
  }
  return out + line + "\n";
}

// `column` is where the right side begins; a left side that reaches it has a line of its own.
std::string plain_row(const Row& row, std::size_t column) {
  std::string out, left = "  " + row.left;
  if (left.size() + 2 > column) {
    out = left + "\n";
    left.clear();
  }
  left.resize(column, ' ');
  return out + wrap(row.right, std::move(left), column);
}

std::string plain_rows(const std::vector<Row>& rows) {
  std::string out;
  for (const Row& row : rows) out += plain_row(row, kColumn);
  return out;
}

std::string plain_blocks(const std::vector<Manual::Block>& blocks, std::size_t indent) {
  std::size_t column = 0;  // behind the widest term
  for (const Manual::Block& block : blocks)
    if (const std::optional<Row> term = term_of(block)) column = std::max(column, without_marks(term->left).size() + 4);
  column = std::min(column, kColumn);

  std::string out;
  const Manual::Block* before = nullptr;
  for (const Manual::Block& block : blocks) {
    if (before != nullptr && !(before->is == Is::item && block.is == Is::item)) out += "\n";
    before = &block;
    const std::string margin(indent, ' ');
    if (block.is == Is::paragraph) out += wrap(without_marks(block.text), margin, indent);
    if (const std::optional<Row> term = term_of(block))
      out += plain_row({without_marks(term->left), without_marks(term->right)}, column);
    else if (block.is == Is::item)
      out += wrap(without_marks(block.text), "  - ", 4);
    if (block.is == Is::code) {
      std::string_view code = block.text;
      while (!code.empty()) {
        const std::size_t end = code.find('\n');
        if (end > 0) out.append("  ").append(code.substr(0, end));
        out += "\n";
        code.remove_prefix(end + 1);
      }
    }
  }
  return out;
}

// ---- man(7)

// Text fit for any place of a line: a backslash, a hyphen that is typed, a dot or a quote that would begin a request.
std::string roff_escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\')
      out += "\\e";
    else if (c == '-')
      out += "\\-";
    else if (c == '\'')
      out += "\\(aq";
    else if (c == '`')
      out += "\\(ga";
    else
      out += c;
  }
  if (out.starts_with('.')) out = "\\&" + out;
  return out;
}

// `x` becomes bold.
std::string roff(std::string_view text) {
  std::string out;
  bool bold = false;
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t end = std::min(text.find('`', at), text.size());
    std::string part = roff_escaped(text.substr(at, end - at));
    if (bold) part = "\\fB" + part + "\\fR";
    out += part;
    bold = !bold;
    at = end + 1;
  }
  return out.starts_with('.') ? "\\&" + out : out;
}

std::string roff_rows(const std::vector<Row>& rows) {
  std::string out;
  for (const Row& row : rows) {
    const std::size_t start = row.left.find_first_not_of(' ');
    out += ".TP\n.B " + roff_escaped(std::string_view(row.left).substr(start)) + "\n" + roff(row.right) + "\n";
  }
  return out;
}

std::string roff_blocks(const std::vector<Manual::Block>& blocks) {
  std::string out;
  for (const Manual::Block& block : blocks) {
    if (block.is == Is::paragraph) out += ".PP\n" + roff(block.text) + "\n";
    if (const std::optional<Row> term = term_of(block))
      out += ".TP\n" + roff(term->left) + "\n" + roff(term->right) + "\n";
    else if (block.is == Is::item)
      out += ".IP \\(bu 2\n" + roff(block.text) + "\n";
    if (block.is == Is::code) {
      out += ".PP\n.RS 4\n.nf\n";
      std::string_view code = block.text;
      while (!code.empty()) {
        const std::size_t end = code.find('\n');
        out += roff_escaped(code.substr(0, end)) + "\n";
        code.remove_prefix(end + 1);
      }
      out += ".fi\n.RE\n";
    }
  }
  return out;
}

std::string man_name(const CLI::App& app) { return is_program(app) ? page_name(app) : "hallmark-" + page_name(app); }

}  // namespace

std::string page_name(const CLI::App& app) {
  if (is_program(app)) return app.get_name();
  std::string name = full_name(app);
  name.erase(0, name.find(' ') + 1);
  std::ranges::replace(name, ' ', '-');
  return name;
}

std::vector<const CLI::App*> paged(const CLI::App& program) {
  std::vector<const CLI::App*> out{&program};
  for (std::size_t i = 0; i < out.size(); i++)
    for (const CLI::App* command : commands_of(*out[i]))
      if (i == 0 || has_page(*command)) out.push_back(command);
  return out;
}

std::string help_text(const CLI::App& app) {
  const Manual manual = page_of(app);
  std::string out = full_name(app) + " - " + without_marks(summary_of(app, manual)) + "\n\n";
  std::string lead = "Usage: ";
  for (const std::string& usage : usages_of(app)) {
    out += lead + usage + "\n";
    lead = "       ";
  }
  const auto section = [&](const std::string& title, const std::string& body) {
    if (!body.empty()) out += "\n" + (title.empty() ? "" : title + ":\n") + body;
  };
  if (!manual.sections.empty()) section("", plain_blocks(manual.sections[0].blocks, 0));
  for (const Table& table : tables_of(app)) section(table.title, plain_rows(table.rows));
  if (!is_program(app)) section("Options of every command", plain_rows(global_options(app)));
  for (std::size_t i = 1; i < manual.sections.size(); i++)
    section(manual.sections[i].title, plain_blocks(manual.sections[i].blocks, 2));
  return out;
}

std::string man_page(const CLI::App& app) {
  const Manual manual = page_of(app);
  const std::string name = man_name(app);
  std::string out = ".TH " + upper(name) + " 1 \"\" \"hallmark " + std::string(version()) + "\" \"hallmark manual\"\n";
  out += ".nh\n.ad l\n";
  out += ".SH NAME\n" + roff_escaped(name) + " \\- " + roff(summary_of(app, manual)) + "\n";
  out += ".SH SYNOPSIS\n.nf\n";
  for (const std::string& usage : usages_of(app)) out += roff_escaped(usage) + "\n";
  out += ".fi\n";
  if (!manual.sections.empty()) out += ".SH DESCRIPTION\n" + roff_blocks(manual.sections[0].blocks);
  for (const Table& table : tables_of(app))
    out += ".SH \"" + roff_escaped(upper(table.title)) + "\"\n" + roff_rows(table.rows);
  if (!is_program(app)) out += ".SH \"OPTIONS OF EVERY COMMAND\"\n" + roff_rows(global_options(app));
  for (std::size_t i = 1; i < manual.sections.size(); i++)
    out += ".SH \"" + roff_escaped(upper(manual.sections[i].title)) + "\"\n" + roff_blocks(manual.sections[i].blocks);
  out += ".SH \"SEE ALSO\"\n";
  if (is_program(app)) {
    for (const CLI::App* command : commands_of(app))
      out += ".BR " + roff_escaped(man_name(*command)) + (command == commands_of(app).back() ? " (1)\n" : " (1),\n");
  } else {
    out += ".BR hallmark (1)\n";
  }
  return out;
}

}  // namespace hallmark::cli
