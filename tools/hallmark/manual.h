// The manual: one Markdown page a command (manual/<command>.md), of which `--help` and the man page are two renderings.
//
//   first line            one-line summary, without a final stop
//   text                  what the command does: paragraphs, "- " lists and indented blocks (four spaces)
//   ## Example            an indented block of commands, "$ " before each
//   ## Exit status        a list: - `0`: ...
//
// Other sections may stand anywhere after the text. In running text, `x` is typed or printed literally. Options are not
// written down: they come from the command's own table.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace hallmark::cli {

struct Manual {
  struct Block {
    enum class Is { paragraph, item, code };
    Is is;
    std::string text;  // a paragraph or item on one line; code as it stands, without the four spaces
    bool operator==(const Block&) const = default;
  };
  struct Section {
    std::string title;  // empty for the text that follows the summary
    std::vector<Block> blocks;
  };

  std::string summary;
  std::vector<Section> sections;

  const Section* find(std::string_view title) const;
};

Manual parse_manual(std::string_view markdown);

struct ManualPage {
  std::string_view name;  // "hallmark", "measure"
  std::string_view markdown;
};
// Every manual/*.md, put into the program when it is built; sorted by name.
std::span<const ManualPage> manual_pages();

// The page of a command, or an empty manual where there is none.
Manual manual_of(std::string_view name);

}  // namespace hallmark::cli
