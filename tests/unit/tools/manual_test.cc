#include "tools/hallmark/manual.h"

#include <gmock/gmock.h>

#include <sstream>

#include "tools/hallmark/help.h"

namespace hallmark::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Is = Manual::Block::Is;

TEST(Manual, ReadsTheSubsetOfMarkdown) {
  const Manual manual = parse_manual(
      "do a thing\n\nFirst line\nof a paragraph.\n\n- one\n  more\n- two\n\n## Example\n\n    $ a\n\n    $ b\n");
  EXPECT_EQ(manual.summary, "do a thing");
  ASSERT_EQ(manual.sections.size(), 2u);
  EXPECT_THAT(manual.sections[0].blocks,
              ElementsAre(Manual::Block{Is::paragraph, "First line of a paragraph."},
                          Manual::Block{Is::item, "one more"}, Manual::Block{Is::item, "two"}));
  EXPECT_EQ(manual.sections[1].title, "Example");
  EXPECT_THAT(manual.sections[1].blocks, ElementsAre(Manual::Block{Is::code, "$ a\n\n$ b\n"}));
}

TEST(Manual, AnEmptyPageIsNoPage) {
  EXPECT_EQ(manual_of("no such command").summary, "");
  EXPECT_EQ(parse_manual("").sections.size(), 1u);
}

TEST(Manual, AnItemThatBeginsWithALiteralIsARow) {
  const CommandLine line;
  EXPECT_THAT(help_text(line.app()), HasSubstr("\n  5    the machine refuses"));
  EXPECT_THAT(help_text(line.app()), HasSubstr("\n  130  interrupted\n"));
  EXPECT_THAT(man_page(line.app()), HasSubstr(".TP\n\\fB130\\fR\ninterrupted\n"));
}

// The words of a command typed in an example, up to what the shell would take for itself; quotes hold a word together.
std::vector<std::string> words_of(const std::string& command) {
  std::vector<std::string> words;
  std::string word;
  char quote = '\0';
  for (const char c : command + " ") {
    if (quote != '\0' ? c == quote : c == '\'' || c == '"') {
      quote = quote == '\0' ? c : '\0';
    } else if (c != ' ' || quote != '\0') {
      word += c;
    } else if (!word.empty()) {
      if (word == "|" || word == ">" || word == "&&" || word == "||" || word == "2>" || word == "#" || word == ")")
        break;
      words.push_back(std::exchange(word, {}));
    }
  }
  return words;
}

std::vector<const CLI::App*> whole_tree(const CLI::App& program) {
  std::vector<const CLI::App*> out{&program};
  for (std::size_t i = 0; i < out.size(); i++)
    for (const CLI::App* command : commands_of(*out[i])) out.push_back(command);
  return out;
}

class EveryCommand : public ::testing::TestWithParam<std::string> {
 protected:
  CommandLine line_;
  Manual manual_ = manual_of(GetParam());
  const CLI::App& app() const {
    for (const CLI::App* app : paged(line_.app()))
      if (page_name(*app) == GetParam()) return *app;
    throw std::invalid_argument(GetParam());
  }
};

TEST_P(EveryCommand, HasAManualWithExampleAndExitStatus) {
  EXPECT_NE(manual_.summary, "") << "tools/hallmark/manual/" << GetParam() << ".md is missing";
  EXPECT_FALSE(manual_.summary.ends_with('.'));
  EXPECT_LE(GetParam().size() + 3 + manual_.summary.size(), 80u);
  ASSERT_NE(manual_.find("Example"), nullptr);
  ASSERT_NE(manual_.find("Exit status"), nullptr);
  EXPECT_FALSE(manual_.find("Exit status")->blocks.empty());
  EXPECT_FALSE(manual_.sections[0].blocks.empty());
}

TEST_P(EveryCommand, HasExamplesThatParse) {
  std::size_t examples = 0;
  for (const Manual::Section& section : manual_.sections)
    for (const Manual::Block& block : section.blocks) {
      if (block.is != Is::code) continue;
      std::istringstream lines(block.text);
      for (std::string text; std::getline(lines, text);) {
        if (!text.starts_with("$ hallmark ")) continue;
        examples++;
        const std::vector<std::string> words = words_of(text.substr(11));
        CommandLine line;
        const Result<Request> request = line.parse(words);
        EXPECT_TRUE(request) << text << ": " << request.error().message();
      }
    }
  EXPECT_GT(examples, 0u);
}

TEST_P(EveryCommand, ShowsEveryOptionInHelpAndManPage) {
  const std::string help = help_text(app()), man = man_page(app());
  // The program's own page leaves each command's options to that command's page.
  const std::vector<const CLI::App*> levels =
      app().get_parent() == nullptr ? std::vector<const CLI::App*>{&app()} : whole_tree(app());
  for (const CLI::App* level : levels)
    for (const CLI::Option* option : options_of(*level)) {
      if (level != &app() && !manual_of(page_name(*level)).summary.empty()) continue;  // on a page of its own
      EXPECT_FALSE(option->get_description().empty()) << option->get_name();
      for (const std::string& name : option->get_lnames()) {
        EXPECT_THAT(help, HasSubstr("--" + name));
        std::string typed = "\\-\\-" + name;
        for (std::size_t at = 4; (at = typed.find('-', at)) != std::string::npos; at += 2) typed.replace(at, 1, "\\-");
        EXPECT_THAT(man, HasSubstr(typed));
      }
    }
}

TEST_P(EveryCommand, HasHelpThatFitsATerminal) {
  std::istringstream lines(help_text(app()));
  for (std::string text; std::getline(lines, text);) {
    const bool cannot_be_cut =
        text.starts_with("  $") || text.starts_with("Usage:") || text.starts_with("       hallmark");
    EXPECT_TRUE(cannot_be_cut || text.size() <= 80) << text;
  }
}

std::vector<std::string> all_commands() {
  const CommandLine line;
  std::vector<std::string> names;
  for (const CLI::App* app : paged(line.app())) names.push_back(page_name(*app));
  return names;
}
INSTANTIATE_TEST_SUITE_P(Manual, EveryCommand, ::testing::ValuesIn(all_commands()), [](const auto& p) {
  std::string name = p.param;
  std::ranges::replace(name, '-', '_');
  return name;
});

TEST(Manual, EveryPageBelongsToACommand) {
  const std::vector<std::string> names = all_commands();
  for (const ManualPage& page : manual_pages()) EXPECT_THAT(names, ::testing::Contains(std::string(page.name)));
}

TEST(Manual, NoLineOfAManPageIsARequestByAccident) {
  const CommandLine line;
  for (const CLI::App* app : whole_tree(line.app())) {
    std::istringstream lines(man_page(*app));
    for (std::string text; std::getline(lines, text);) {
      const std::string request = text.substr(0, text.find(' '));
      if (!text.starts_with('.')) continue;
      EXPECT_THAT(request, ::testing::AnyOf(".TH", ".SH", ".PP", ".TP", ".IP", ".B", ".BR", ".RS", ".RE", ".nf", ".fi",
                                            ".nh", ".ad"))
          << text;
    }
  }
}

}  // namespace
}  // namespace hallmark::cli
