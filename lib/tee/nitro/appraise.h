// AWS Nitro, as the evidence of Nitro Enclaves and NitroTPM shows it (specs/tee/nitro.md).
#pragma once

#include "lib/tee/model/appraisal.h"

namespace hallmark::nitro {

// Answers "authentic" and, since AWS publishes no state of its platforms that could be old, "tcb" with the same word.
//
// A document that cannot be read gives an appraisal that is malformed. An error is a fault of the request: a
// trust_anchor that is no certificate. Other endorsements are not needed and not looked at.
Result<Appraisal> appraise(const AppraiseRequest& request);

// The document's own timestamp, in whole seconds; nothing if it is no document.
std::optional<UnixTime> made_at(ByteView document);

}  // namespace hallmark::nitro
