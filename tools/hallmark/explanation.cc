#include "tools/hallmark/explanation.h"

namespace hallmark::cli {
namespace {

std::string image(std::string_view side, const std::string& file, const std::string& format,
                  const std::vector<Register>& registers) {
  std::string out = std::string(side) + "  " + printable(file) + ", " + format + "\n";
  for (const Register& r : registers) out += "   " + r.name + "  " + to_hex(r.digest) + "\n";
  return out;
}

std::string parting_side(std::string_view side, const Parting::Side& s) {
  std::string out = "  " + std::string(side) + "  " + printable(s.record) + "\n";
  if (!s.position.empty()) out += "     " + printable(s.position) + "\n";
  if (!s.bytes.empty()) out += "     bytes " + s.bytes + "\n";
  return out;
}

}  // namespace

std::string text_of(const Explanation& e, const std::string& a, const std::string& b) {
  std::string out = image("A", a, e.format_a, e.registers_a) + image("B", b, e.format_b, e.registers_b);
  const auto not_compared = [&] {
    std::string text = e.not_compared.empty() ? "" : "\nnot compared\n";
    for (const std::string& line : e.not_compared) text += "  - " + printable(line) + "\n";
    return text;
  };
  if (e.same)
    return out + "\nthey measure to the same" + (e.not_compared.empty() ? "" : ", as far as both are known") + "\n" +
           not_compared();
  out += "\nthey part at ";
  for (const Parting& p : e.partings) {
    out += &p == &e.partings.front() ? "" : "and then at ";
    out += p.where + "\n" + parting_side("A", p.a) + parting_side("B", p.b);
  }
  if (e.partings.empty()) out += "the order in which the same is measured\n";
  if (!e.equal.empty()) {
    out += "\nequal up to there (" + std::to_string(e.equal_records) + " records)\n";
    for (const std::string& line : e.equal) out += "  " + printable(line) + "\n";
  }
  out += "\nwhy\n";
  for (const std::string& cause : e.causes) out += "  - " + printable(cause) + "\n";
  return out + not_compared();
}

}  // namespace hallmark::cli
