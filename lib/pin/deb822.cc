#include "lib/pin/deb822.h"

#include <algorithm>

#include "lib/pin/names.h"

namespace hallmark::pin {
namespace {

constexpr std::size_t kMaxFields = 200;  // Packages uses about 30

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool same_name(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) { return lower(x) == lower(y); });
}

bool is_blank(char c) { return c == ' ' || c == '\t'; }

std::string_view without_blanks(std::string_view text) {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

// Policy 5.1: US-ASCII but no control character, space or colon; not begun by '#' or '-'.
bool is_field_name(std::string_view name) {
  return !name.empty() && name.front() != '#' && name.front() != '-' &&
         std::all_of(name.begin(), name.end(), [](char c) { return c > ' ' && c < '\x7f'; });
}

}  // namespace

std::optional<std::string_view> Paragraph::find(std::string_view name) const {
  for (const Field& f : fields_)
    if (same_name(f.name, name)) return f.value;
  return std::nullopt;
}

Result<std::string_view> Paragraph::one_line(std::string_view name) const {
  const auto value = find(name);
  if (!value || value->empty()) return fail(Fault::format, where() + ": the paragraph has no " + std::string(name));
  if (value->find('\n') != value->npos)
    return fail(Fault::format, where() + ": " + std::string(name) + " has more than one line");
  return *value;
}

Failure ParagraphReader::reject(std::size_t line, std::string why) const {
  return fail(Fault::format, file_ + ":" + std::to_string(line) + ": " + std::move(why));
}

Result<bool> ParagraphReader::next(Paragraph& out) {
  out.file_ = file_;
  out.fields_.clear();
  while (!text_.empty()) {
    const std::size_t end = std::min(text_.find('\n'), text_.size());
    const std::string_view line = text_.substr(0, end);
    text_.remove_prefix(std::min(end + 1, text_.size()));
    line_++;

    if (line.find('\0') != line.npos) return reject(line_, "holds a NUL byte");
    const std::string_view content = without_blanks(line);
    if (content.empty()) {
      if (out.fields_.empty()) continue;  // several empty lines part paragraphs as well as one
      return true;
    }
    if (is_blank(line.front())) {
      if (out.fields_.empty()) return reject(line_, "continues a field, but none stands before it");
      Field& field = out.fields_.back();
      const char* from = field.value.empty() ? content.data() : field.value.data();
      field.value = std::string_view(from, static_cast<std::size_t>(content.data() + content.size() - from));
      continue;
    }
    const std::size_t colon = line.find(':');
    if (colon == line.npos) return reject(line_, "is " + in_quotes(line) + ", wanted \"name: value\"");
    const std::string_view name = line.substr(0, colon);
    if (!is_field_name(name)) return reject(line_, in_quotes(name) + " cannot be the name of a field");
    if (out.find(name)) return reject(line_, "field " + in_quotes(name) + " stands twice in a paragraph");
    if (out.fields_.size() == kMaxFields)
      return reject(line_, "the paragraph has more than " + std::to_string(kMaxFields) + " fields");
    if (out.fields_.empty()) out.line_ = line_;
    out.fields_.push_back({name, without_blanks(line.substr(colon + 1)), line_});
  }
  return !out.fields_.empty();
}

}  // namespace hallmark::pin
