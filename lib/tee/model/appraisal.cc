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

Reason reason_of(const Error& error) {
  return {error.code.empty() ? "evidence.malformed" : error.code, error.message()};
}

}  // namespace hallmark
