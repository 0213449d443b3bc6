#include "lib/cert/compare.h"

#include <algorithm>

#include "lib/base/files.h"

namespace hallmark::cert {
namespace {

constexpr std::size_t kMaxDifferences = 16;  // of one part of one output

template <class T>
const T* find(const std::vector<T>& list, std::string_view path) {
  const auto it = std::find_if(list.begin(), list.end(), [&](const T& item) { return item.path == path; });
  return it == list.end() ? nullptr : &*it;
}

std::string two_values(std::string_view what, std::string_view a, std::string_view b, const Sides& sides) {
  return std::string(what) + ": " + std::string(a) + " " + std::string(sides.a) + ", " + std::string(b) + " " +
         std::string(sides.b);
}

void walk(const std::string& path, const Json* a, const Json* b, const Sides& sides, std::size_t max,
          std::vector<std::string>& out) {
  if (out.size() >= max || (a && b && *a == *b)) return;
  const auto below = [&path](const std::string& key) { return path.empty() ? key : path + "." + key; };
  if (a && b && a->is_object() && b->is_object()) {
    for (const Json::Member& m : a->members()) walk(below(m.key), &m.value, b->find(m.key), sides, max, out);
    for (const Json::Member& m : b->members())
      if (!a->find(m.key)) walk(below(m.key), nullptr, &m.value, sides, max, out);
    return;
  }
  if (a && b && a->is_array() && b->is_array()) {
    const auto at = [](const Json& list, std::size_t i) {
      return i < list.items().size() ? &list.items()[i] : nullptr;
    };
    for (std::size_t i = 0; i < std::max(a->items().size(), b->items().size()); i++)
      walk(path + "[" + std::to_string(i) + "]", at(*a, i), at(*b, i), sides, max, out);
    return;
  }
  const auto value = [](const Json* j) { return j ? j->canonical() : std::string("absent"); };
  out.push_back(two_values(path, value(a), value(b), sides));
}

std::string value_or_absent(ByteView bytes) { return bytes.empty() ? "absent" : to_hex(bytes); }

bool all_same(std::span<const Comparison::Row> rows) {
  return !rows.empty() &&
         std::all_of(rows.begin(), rows.end(), [](const auto& r) { return r.is == Comparison::Is::same; });
}

// Fills in what the measurements of one output say; whether they agree.
bool compare_measurements(const OutputMeasurement* a, const OutputMeasurement* b, const Sides& sides,
                          OutputComparison& out) {
  if (!a || !b) {
    out.differences.push_back("measured only where it was " + std::string(a ? sides.a : sides.b));
    return false;
  }
  out.registers = compare(a->registers, b->registers).rows;
  for (const Comparison::Row& row : out.registers)
    if (row.is != Comparison::Is::same)
      out.differences.push_back(
          two_values(row.name, value_or_absent(row.certified), value_or_absent(row.present), sides));
  const auto rest = [](const OutputMeasurement& m) {
    return Json::object({{"tee", m.tee},
                         {"format", m.format},
                         {"calculator", m.calculator},
                         {"identity", m.identity},
                         {"policy", m.policy},
                         {"inputs", m.inputs}});
  };
  for (std::string& line : describe_differences(rest(*a), rest(*b), sides, kMaxDifferences))
    out.differences.push_back(std::move(line));
  return a->tee == b->tee && all_same(out.registers);
}

OutputComparison compare_one(const std::string& path, const Outputs& a, const Outputs& b, const Sides& sides) {
  OutputComparison out{.path = path};
  const OutputFile *file_a = find(a.files, path), *file_b = find(b.files, path);
  if (!file_a || !file_b) {
    (file_a ? out.a_sha256 : out.b_sha256) = file_a ? file_a->sha256 : file_b->sha256;
    out.differences.push_back("only " + std::string(file_a ? sides.a : sides.b));
    return out;
  }
  out.a_sha256 = file_a->sha256;
  out.b_sha256 = file_b->sha256;
  const bool same_bytes = file_a->sha256 == file_b->sha256;
  if (!same_bytes) out.differences.push_back(two_values("sha256", file_a->sha256, file_b->sha256, sides));
  const OutputMeasurement *m_a = find(a.measurements, path), *m_b = find(b.measurements, path);
  if (!m_a && !m_b) {
    out.verdict = same_bytes ? Verdict::identical : Verdict::different;
    return out;
  }
  // The same bytes under two measurements: one of the two accounts is wrong.
  if (compare_measurements(m_a, m_b, sides, out))
    out.verdict = same_bytes ? Verdict::identical : Verdict::measurement_equal;
  return out;
}

// A SIGSTRUCT in a file of its own belongs to the image that it signs: where the image measures alike, another
// signature is no other build.
void forgive_companions(const Outputs& a, const Outputs& b, std::vector<OutputComparison>& outputs) {
  for (const OutputMeasurement& m : a.measurements) {
    const OutputMeasurement* other = find(b.measurements, m.path);
    const OutputComparison* image = find(outputs, m.path);
    const auto signature = m.companions.find("sigstruct");
    if (!other || other->companions != m.companions || signature == m.companions.end() ||
        image->verdict == Verdict::different)
      continue;
    for (OutputComparison& output : outputs) {
      if (output.path == signature->second && output.verdict == Verdict::different && !output.a_sha256.empty() &&
          !output.b_sha256.empty()) {
        output.verdict = Verdict::measurement_equal;
        output.differences.push_back("signs " + m.path + ", which measures alike");
      }
    }
  }
}

}  // namespace

std::string_view to_text(Verdict verdict) {
  switch (verdict) {
    case Verdict::identical: return "identical";
    case Verdict::measurement_equal: return "measurement-equal";
    case Verdict::different: return "different";
  }
  return "different";
}

std::vector<OutputComparison> compare_outputs(const Outputs& a, const Outputs& b, const Sides& sides) {
  std::vector<OutputComparison> out;
  for (const OutputFile& file : a.files) out.push_back(compare_one(file.path, a, b, sides));
  for (const OutputFile& file : b.files)
    if (!find(a.files, file.path)) out.push_back(compare_one(file.path, a, b, sides));
  forgive_companions(a, b, out);
  return out;
}

bool agree(std::span<const OutputComparison> outputs) {
  return !outputs.empty() &&
         std::all_of(outputs.begin(), outputs.end(), [](const auto& o) { return o.verdict != Verdict::different; });
}

Json to_json(const OutputComparison& output) {
  const auto text_or_null = [](const std::string& text) { return text.empty() ? Json() : Json(text); };
  Json registers = Json::object();
  for (const Comparison::Row& row : output.registers) {
    const auto hex_or_null = [](const Bytes& bytes) { return bytes.empty() ? Json() : Json(to_hex(bytes)); };
    registers[row.name] = Json::object(
        {{"same", row.is == Comparison::Is::same}, {"a", hex_or_null(row.certified)}, {"b", hex_or_null(row.present)}});
  }
  Json differences = Json::array();
  for (const std::string& line : output.differences) differences.push_back(line);
  return Json::object(
      {{"path", output.path},
       {"verdict", to_text(output.verdict)},
       {"sha256", Json::object({{"a", text_or_null(output.a_sha256)}, {"b", text_or_null(output.b_sha256)}})},
       {"registers", registers},
       {"differences", differences}});
}

std::string to_text(std::span<const OutputComparison> outputs) {
  std::string out;
  for (const OutputComparison& output : outputs) {
    std::string verdict(to_text(output.verdict));
    verdict.resize(19, ' ');
    out += verdict + printable(output.path) + "\n";
    for (const Comparison::Row& row : output.registers)
      if (row.is == Comparison::Is::same) out += "    " + printable(row.name) + ": " + to_hex(row.certified) + "\n";
    for (const std::string& line : output.differences) out += "    " + printable(line) + "\n";
  }
  return out;
}

std::vector<std::string> describe_differences(const Json& a, const Json& b, const Sides& sides, std::size_t max) {
  std::vector<std::string> out;
  walk("", &a, &b, sides, max, out);
  return out;
}

}  // namespace hallmark::cert
