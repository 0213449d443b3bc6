#include "lib/tee/model/appraisal.h"

namespace hallmark {

void Validity::narrow(const std::string& what, UnixTime begins, UnixTime ends) {
  if (begins > from) {
    from = begins;
    from_what = what;
  }
  if (ends < until) {
    until = ends;
    until_what = what;
  }
}

void Validity::narrow(const Validity& by) {
  narrow(by.from_what, by.from, std::numeric_limits<UnixTime>::max());
  narrow(by.until_what, std::numeric_limits<UnixTime>::min(), by.until);
}

Json to_json(const LayerResult& layer) {
  Json reasons = Json::array();
  for (const Reason& reason : layer.reasons) {
    Json row = Json::object({{"code", reason.code}, {"detail", reason.detail}});
    if (!reason.have.empty()) row["have"] = reason.have;
    if (!reason.need.empty()) row["need"] = reason.need;
    reasons.push_back(std::move(row));
  }
  return Json::object({{"ok", layer.ok()}, {"reasons", std::move(reasons)}});
}

Json to_json(const Prediction& p) {
  Json advisories = Json::array(), assumptions = Json::array(), differences = Json::array();
  for (const std::string& advisory : p.advisories) advisories.push_back(advisory);
  for (const std::string& assumption : p.assumptions) assumptions.push_back(assumption);
  for (const Prediction::Difference& d : p.differences)
    differences.push_back(Json::object({{"code", d.code}, {"ours", d.ours}, {"theirs", d.theirs}, {"why", d.why}}));
  Json status;
  if (p.tcb_status)
    status =
        Json::object({{"number", p.tcb_status->number}, {"name", p.tcb_status->name}, {"word", p.tcb_status->word}});
  return Json::object({{"profile", p.profile},
                       {"of", p.of},
                       {"outcome", p.outcome},
                       {"detail", p.detail},
                       {"output", p.output.empty() ? Json() : Json(p.output)},
                       {"tcb_status", std::move(status)},
                       {"advisory_ids", std::move(advisories)},
                       {"assumptions", std::move(assumptions)},
                       {"differences", std::move(differences)}});
}

Reason reason_of(const Error& error) {
  return {error.code.empty() ? "evidence.malformed" : error.code, error.message()};
}

}  // namespace hallmark
