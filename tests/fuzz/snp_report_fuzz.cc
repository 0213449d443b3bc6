#include <cstdlib>

#include "lib/tee/snp/appraise.h"
#include "lib/tee/snp/certificate_table.h"
#include "lib/tee/snp/inspect.h"

// A report that is accepted is shown to its last byte, a table's parts stay in its bytes, certificates can be asked for
// what they claim, and nothing is authentic that AMD did not sign.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace hallmark;
  const ByteView bytes{data, size};

  if (const auto report = snp::parse_report(bytes)) {
    if (size != 1184 || !snp::looks_like_report(bytes)) std::abort();
    if (report->get<"signature_r">().data() != data + snp::kSignedSize) std::abort();
    const auto inspection = snp::inspect(bytes);
    if (!inspection || inspection->records.size() != 1) std::abort();
    std::uint64_t end = 0;
    for (const InspectedField& field : inspection->records[0].fields) {
      if (field.offset != end) std::abort();
      end += field.size;
    }
    if (end != size) std::abort();
  }

  if (const auto parts = snp::parse_certificate_table(bytes))
    for (const snp::TablePart& part : *parts)
      if (!part.bytes.empty() && (part.bytes.data() < data || part.bytes.data() + part.bytes.size() > data + size))
        std::abort();

  snp::Endorsements endorsements;
  if (snp::add_endorsement(bytes, "file", endorsements)) {
    if (endorsements.certificates.empty() && endorsements.lists.empty() && !snp::is_certificate_table(bytes))
      std::abort();
    for (const Certificate& certificate : endorsements.certificates) (void)snp::parse_vek(certificate);
  }

  const auto appraisal = snp::appraise({.evidence = bytes, .name = "evidence", .time = 1767225600});
  if (!appraisal || appraisal->authentic.ok() || !appraisal->authentic.reached) std::abort();
  return 0;
}
