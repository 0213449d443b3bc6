#include "lib/tee/model/measurement.h"

namespace hallmark {

std::string_view to_text(State state) {
  switch (state) {
    case State::equal: return "equal";
    case State::mismatch: return "mismatch";
    case State::embedded: return "embedded";
    case State::computed: return "computed";
  }
  return "mismatch";
}

Json to_json(const Measurement& m) {
  auto texts = [](const std::vector<std::string>& lines) {
    Json out = Json::array();
    for (const std::string& line : lines) out.push_back(line);
    return out;
  };
  Json registers = Json::object();
  for (const Register& r : m.registers) registers[r.name] = to_hex(r.digest);
  Json out = Json::object({{"tee", m.tee},
                           {"format", m.format},
                           {"calculator", m.calculator},
                           {"state", to_text(m.state)},
                           {"registers", registers},
                           {"identity", m.identity},
                           {"policy", m.policy},
                           {"inputs", m.inputs},
                           {"problems", texts(m.problems)},
                           {"warnings", texts(m.warnings)}});
  if (m.details.is_object())
    for (const auto& [name, value] : m.details.members()) out[name] = value;
  return out;
}

}  // namespace hallmark
