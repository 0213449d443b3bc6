#include <cstdlib>

#include "lib/tee/nitro/appraise.h"
#include "lib/tee/nitro/inspect.h"
#include "lib/tee/nitro/verify.h"

// A document is appraised under its own root, at its own time, so that the fuzzer gets behind those two; what is
// accepted there has no other registers, and is not accepted under AWS's root.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace hallmark;
  const ByteView bytes{data, size};
  const auto document = nitro::parse_document(bytes);
  (void)nitro::is_document(bytes);
  (void)nitro::inspect_bytes(bytes);
  AppraiseRequest request{.evidence = bytes, .name = "fuzz", .time = 0, .endorsements = {}, .trust_anchor = {}};
  if (document) {
    request.time = static_cast<UnixTime>(document->timestamp_ms / 1000);
    const ByteView root = document->cabundle.front();
    if (Certificate::parse(root, "root")) request.trust_anchor = Bytes(root.begin(), root.end());
  }
  const auto appraisal = nitro::appraise(request);
  if (!appraisal) std::abort();
  if (!document && (!appraisal->malformed || appraisal->authentic.ok())) std::abort();
  if (!appraisal->authentic.ok()) return 0;
  if (appraisal->registers.size() > document->pcrs.size()) std::abort();
  const auto chain = nitro::read_chain(*document);
  if (!chain || chain->back().spki_sha256() == nitro::kAwsRootKey) return 0;
  request.trust_anchor.reset();
  if (nitro::appraise(request)->authentic.ok()) std::abort();
  return 0;
}
