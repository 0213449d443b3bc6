#include "lib/tee/model/measurement.h"

#include <algorithm>

namespace hallmark {

Status takes_only(const MeasureRequest& request, std::string_view what, std::span<const std::string_view> known) {
  const auto check = [&](const auto& given) -> Status {
    for (const auto& [name, value] : given)
      if (std::ranges::find(known, name) == known.end())
        return fail(Fault::usage, std::string(what) + " is measured without \"" + name + "\"");
    return {};
  };
  CHECK(check(request.companions));
  return check(request.options);
}

std::optional<fs::path> companion(const MeasureRequest& request, const std::string& role) {
  const auto it = request.companions.find(role);
  return it == request.companions.end() ? std::nullopt : std::optional(it->second);
}

std::optional<std::string> option(const MeasureRequest& request, const std::string& name) {
  const auto it = request.options.find(name);
  return it == request.options.end() ? std::nullopt : std::optional(it->second);
}

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
