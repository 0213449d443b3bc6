#include "lib/tee/model/explanation.h"

namespace hallmark {
namespace {

Json image(const std::string& format, const std::vector<Register>& registers) {
  Json values = Json::object();
  for (const Register& r : registers) values[r.name] = to_hex(r.digest);
  return Json::object({{"format", format}, {"registers", std::move(values)}});
}

Json to_json(const Parting::Side& side) {
  return Json::object({{"record", side.record}, {"position", side.position}, {"bytes", side.bytes}});
}

Json list(const std::vector<std::string>& lines) {
  Json out = Json::array();
  for (const std::string& line : lines) out.push_back(line);
  return out;
}

}  // namespace

Json to_json(const Explanation& e) {
  Json partings = Json::array();
  for (const Parting& p : e.partings)
    partings.push_back(Json::object({{"where", p.where}, {"a", to_json(p.a)}, {"b", to_json(p.b)}}));
  return Json::object({{"tee", e.tee},
                       {"same", e.same},
                       {"a", image(e.format_a, e.registers_a)},
                       {"b", image(e.format_b, e.registers_b)},
                       {"equal_records", e.equal_records},
                       {"equal", list(e.equal)},
                       {"partings", std::move(partings)},
                       {"causes", list(e.causes)},
                       {"not_compared", list(e.not_compared)},
                       {"details", e.details}});
}

}  // namespace hallmark
