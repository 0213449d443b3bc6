#include <cstdlib>

#include "lib/tee/evidence.h"

// Evidence in any wrapping is found, appraised and shown; nothing that a fuzzer writes is authentic.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace hallmark;
  const auto evidence = unwrap_evidence(ByteView(data, size));
  if (!evidence) return 0;
  const EvidenceKind* kind = find_evidence_kind(*evidence);
  if (kind == nullptr) std::abort();
  const auto appraisal = appraise({.evidence = *evidence, .name = "input", .time = 1'700'000'000});
  if (!appraisal || appraisal->authentic.ok() || appraisal->tcb.reached) std::abort();
  (void)kind->inspect(*evidence);
  return 0;
}
