#include "tools/hallmark/measurement.h"

#include <algorithm>

namespace hallmark::cli {
namespace {

std::string_view describe(State state) {
  switch (state) {
    case State::equal: return "equal: this is the signed value, and the signature holds";
    case State::mismatch: return "MISMATCH: this is not what the image says of itself";
    case State::embedded: return "embedded: the image says so, and it could not be recomputed";
    case State::computed: return "computed: there is no signed value to compare with";
  }
  return {};
}

// Two columns: a name and a value that is one.
class Table {
 public:
  void row(std::string name, std::string value) { rows_.push_back({std::move(name), std::move(value)}); }
  void rows(const Json& object) {
    for (const auto& [name, value] : object.members()) {
      if (value.is_string()) row(name, value.string());
      if (value.is_integer()) row(name, std::to_string(value.integer()));
      if (value.is_bool()) row(name, value.boolean() ? "yes" : "no");
    }
  }
  std::string text() const {
    std::size_t width = 0;
    for (const auto& [name, value] : rows_) width = std::max(width, name.size());
    std::string out;
    for (const auto& [name, value] : rows_)
      out += value.empty() ? "\n  " + name + "\n"
                           : "  " + name + std::string(width - name.size() + 2, ' ') + printable(value) + "\n";
    return out;
  }

 private:
  std::vector<std::pair<std::string, std::string>> rows_;
};

std::string list(std::string_view title, const std::vector<std::string>& lines) {
  if (lines.empty()) return {};
  std::string out = "\n" + std::string(title) + "\n";
  for (const std::string& line : lines) out += "  - " + printable(line) + "\n";
  return out;
}

}  // namespace

std::string text_of(const std::string& file, const Measurement& m, std::string_view long_name) {
  Table table;
  for (const Register& r : m.registers) table.row(r.name, to_hex(r.digest));
  if (!m.identity.members().empty()) table.row("signed, not measured", "");
  table.rows(m.identity);
  table.rows(m.policy);
  table.row("measured from", "");
  table.rows(m.inputs);
  if (const Json* config = m.inputs.find("config")) {
    table.row("configured", "");
    table.rows(*config);
  }
  return printable(file) + ": " + std::string(long_name) + ", " + m.format + "\n" + std::string(describe(m.state)) +
         "\n" + list("what does not hold:", m.problems) + "\n" + table.text() +
         list("what to worry about:", m.warnings);
}

}  // namespace hallmark::cli
