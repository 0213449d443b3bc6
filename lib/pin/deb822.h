// The paragraphs of Debian's control files (deb822(5); Debian Policy, section 5.1), as Release and Packages are
// written.
//
// Strict: no comments, no repeated field, no text outside a field. The values are views into the text, which
// for Packages has 50 MB, so reading holds one paragraph at a time and copies nothing.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/result.h"

namespace hallmark::pin {

struct Field {
  std::string_view name;
  std::string_view value;  // from the first to the last character that is not white space, line breaks included
  std::size_t line = 0;    // of its name
};

class Paragraph {
 public:
  // The value of that field, or nothing. Names are compared without regard to case.
  std::optional<std::string_view> find(std::string_view name) const;
  // The same, where the field must be there and must fit one line.
  Result<std::string_view> one_line(std::string_view name) const;

  const std::vector<Field>& fields() const { return fields_; }
  // "InRelease of bookworm:12"
  std::string where() const { return file_ + ":" + std::to_string(line_); }

 private:
  friend class ParagraphReader;
  std::string file_;
  std::size_t line_ = 0;
  std::vector<Field> fields_;
};

class ParagraphReader {
 public:
  // `text` must outlive the reader and its paragraphs; `file` names it in messages.
  ParagraphReader(std::string_view text, std::string file) : text_(text), file_(std::move(file)) {}

  // Reads the next paragraph into `out`; false after the last.
  Result<bool> next(Paragraph& out);

 private:
  Failure reject(std::size_t line, std::string why) const;

  std::string_view text_;
  std::string file_;
  std::size_t line_ = 0;  // lines read so far
};

}  // namespace hallmark::pin
