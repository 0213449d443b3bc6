#include <cstdlib>

#include "lib/tee/vtpm/appraise.h"
#include "lib/tee/vtpm/inspect.h"
#include "lib/tee/vtpm/verify.h"

// The parts of an HCL report are all of it, up to zeros; a quote's selections are of registers that there are; what is
// shown stays in the bytes; and nothing is authentic that AMD did not sign.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace hallmark;
  const ByteView bytes{data, size};

  if (const auto hcl = vtpm::parse_hcl_report(bytes)) {
    if (hcl->runtime_data.data() != data + 1236 || hcl->bytes.size() != 1236 + hcl->runtime_data.size()) std::abort();
    if (hcl->hardware_report.data() != data + 32 || hcl->hardware_report.size() != 1184) std::abort();
    for (const std::uint8_t byte : bytes.subspan(hcl->bytes.size()))
      if (byte != 0) std::abort();
    (void)vtpm::parse_runtime_data(hcl->runtime_data);
  }
  if (const auto quote = vtpm::parse_tpm_quote(bytes)) {
    for (const vtpm::PcrSelection& selection : quote->selections)
      for (const unsigned pcr : selection.pcrs)
        if (pcr >= vtpm::kPcrs) std::abort();
    // Values of our own: a digest that fits would be one of SHA-256's.
    if (vtpm::check_pcr_digest(*quote, vtpm::PcrBank{}) && quote->pcr_digest.size() != 32) std::abort();
  }
  (void)vtpm::parse_runtime_data(bytes);
  (void)vtpm::parse_pcr_values(bytes);
  if (const auto signature = vtpm::parse_tpm_signature(bytes); signature && signature->size() != 256) std::abort();

  if (const auto inspection = vtpm::inspect(bytes))
    for (const InspectedRecord& record : inspection->records)
      for (const InspectedField& field : record.fields)
        if (field.offset > size || field.size > size - field.offset) std::abort();

  if (!vtpm::is_evidence(bytes)) return 0;
  const auto appraisal = vtpm::appraise({.evidence = bytes, .name = "evidence", .time = 1767225600});
  if (!appraisal || appraisal->authentic.ok() || !appraisal->authentic.reached) std::abort();
  return 0;
}
