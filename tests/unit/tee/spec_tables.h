// The layout tables of the pages under specs/, and the tables of the code that they have to be.
#pragma once

#include <gtest/gtest.h>

#include "lib/base/files.h"
#include "lib/base/layout.h"

namespace hallmark {

inline std::string spec_page(const std::string& path) {
  return *read_text(fs::path(HALLMARK_SOURCE_DIR) / "specs" / path, 1 << 20);
}

// The rows below the heading "### NAME, SIZE bytes": "\n| 960 | 32 | `enclavehash`" for each, the head of the table
// first; what follows on the line is for people.
inline std::string layout_rows(const std::string& page, std::string_view name, std::size_t size) {
  const std::size_t begin = page.find("### " + std::string(name) + ", " + std::to_string(size) + " bytes\n");
  if (begin == page.npos) return "no table " + std::string(name);
  std::string_view section(page);
  section = section.substr(begin, section.find("\n#", begin) - begin);
  std::string rows;
  for (std::size_t at = section.find("\n| "); at != section.npos; at = section.find("\n| ", at + 1)) {
    // The first three cells.
    std::size_t cell = at + 2;
    for (int i = 0; i < 3; i++) cell = section.find(" |", cell + 1);
    rows += section.substr(at, cell - at);
  }
  return rows;
}

inline std::string layout_rows(std::span<const Field> fields) {
  std::string out = "\n| offset | size | field";
  for (const Field& f : fields)
    out += "\n| " + std::to_string(f.offset) + " | " + std::to_string(f.size) + " | `" + std::string(f.name) + "`";
  return out;
}

template <const auto& L>
void expect_table(const std::string& page) {
  EXPECT_EQ(layout_rows(page, L.name, L.size), layout_rows(L.fields)) << L.name;
}

}  // namespace hallmark
