// The kinds of evidence that provers hand out, told apart by content.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "lib/crypto/verifying_key.h"
#include "lib/tee/model/appraisal.h"
#include "lib/tee/model/inspection.h"

namespace hallmark {

struct EvidenceKind {
  std::string_view name;       // "dcap": quotes of SGX and TDX
  std::string_view long_name;  // for people
  bool (*recognises)(ByteView evidence);
  // Authentic and TCB layers, and what the evidence says. A failure is what is wrong with the files beside it.
  Result<Appraisal> (*appraise)(const AppraiseRequest&);
  Result<Inspection> (*inspect)(ByteView evidence);
  // Of the root behind this evidence: where several trust anchors are given, it tells which one is meant. Roots on
  // P-256 are Intel's, and what rests on them takes collateral.
  VerifyingKey::Kind (*root_key)(ByteView evidence);
  // When the evidence says that it was made, whether that is true or not; null for kinds that do not say.
  std::optional<UnixTime> (*made)(ByteView evidence) = nullptr;
  // Other verifiers whose verdict can be predicted, for AppraiseRequest::profile; null: none.
  std::vector<std::string> (*profiles)() = nullptr;
};

std::span<const EvidenceKind> evidence_kinds();
std::vector<std::string> profile_names();  // of all kinds
const EvidenceKind* find_evidence_kind(ByteView evidence);

// The evidence in a file: binary, hexadecimal, base64, or a JSON document in which exactly one string is one of these
// (the answers of attestation agents differ in names, not in that). White space around text is left out.
Result<Bytes> unwrap_evidence(ByteView file);

// Detects the kind, and appraises. What no kind recognises is unsupported.
Result<Appraisal> appraise(const AppraiseRequest& request);

}  // namespace hallmark
