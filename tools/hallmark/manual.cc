#include "tools/hallmark/manual.h"

#include <algorithm>

namespace hallmark::cli {
namespace {

constexpr std::string_view kIndent = "    ";

std::string_view take_line(std::string_view& text) {
  const std::size_t end = std::min(text.find('\n'), text.size());
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return line;
}

}  // namespace

const Manual::Section* Manual::find(std::string_view title) const {
  const auto it = std::ranges::find(sections, title, &Section::title);
  return it == sections.end() ? nullptr : &*it;
}

Manual parse_manual(std::string_view markdown) {
  using Is = Manual::Block::Is;
  Manual manual{std::string(take_line(markdown)), {{}}};
  bool after_blank = true;  // a blank line ends a paragraph or an item, and stands inside code
  while (!markdown.empty()) {
    const std::string_view line = take_line(markdown);
    std::vector<Manual::Block>& blocks = manual.sections.back().blocks;
    const bool in_code = !blocks.empty() && blocks.back().is == Is::code;
    if (line.empty()) {
      after_blank = true;
    } else if (line.starts_with("## ")) {
      manual.sections.push_back({std::string(line.substr(3)), {}});
    } else if (line.starts_with("- ")) {
      blocks.push_back({Is::item, std::string(line.substr(2))});
      after_blank = false;
    } else if (line.starts_with(kIndent) && (in_code || after_blank)) {
      if (!in_code)
        blocks.push_back({Is::code, {}});
      else if (after_blank)
        blocks.back().text += '\n';
      blocks.back().text.append(line.substr(kIndent.size())) += '\n';
      after_blank = false;
    } else if (after_blank || blocks.empty() || in_code) {
      blocks.push_back({Is::paragraph, std::string(line)});
      after_blank = false;
    } else {
      // The next line of a paragraph, or of an item (indented there).
      blocks.back().text += ' ';
      blocks.back().text += line.substr(std::min(line.find_first_not_of(' '), line.size()));
    }
  }
  return manual;
}

Manual manual_of(std::string_view name) {
  const auto page = std::ranges::find(manual_pages(), name, &ManualPage::name);
  return page == manual_pages().end() ? Manual{} : parse_manual(page->markdown);
}

}  // namespace hallmark::cli
