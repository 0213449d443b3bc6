#include "lib/tee/tdx/match.h"

#include <algorithm>

namespace hallmark::tdx {

// "any" is what a certificate writes where it leaves a value open, on purpose and for all to see.
void match_attested(const ReferenceValues& reference, bool, const Appraisal& appraisal, std::vector<MatchRow>& rows) {
  for (const char* name :
       {"tdattributes", "xfam", "mrconfigid", "mrowner", "mrownerconfig", "mrseam", "mrsignerseam"}) {
    const Json *need = reference.policy.find(name), *found = appraisal.attested.find(name);
    if (need == nullptr || (need->is_string() && need->string() == "any")) continue;
    const std::string have = found != nullptr && found->is_string() ? found->string() : "";
    MatchRow row{name, false, have, {}};
    const Json::Array one{*need};
    for (const Json& value : need->is_array() ? need->items() : one) {
      if (!value.is_string()) continue;
      row.need += (row.need.empty() ? "" : " or ") + value.string();
      row.matches = row.matches || (!have.empty() && have == value.string());
    }
    rows.push_back(std::move(row));
  }
}

}  // namespace hallmark::tdx
