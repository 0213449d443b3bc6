#include <cstdlib>

#include "lib/tee/dcap/collateral.h"

// Collateral is read whatever it is; verified collateral that has no reason against it has all of its parts. Nothing
// that a fuzzer writes is signed by Intel.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace hallmark;
  const Endorsement file{"input", Bytes(data, data + size)};
  auto collateral = dcap::read_collateral(std::span(&file, 1));
  (void)dcap::parse_tcb_info(as_text(file.bytes));
  (void)dcap::parse_qe_identity(as_text(file.bytes));
  if (!collateral) return 0;
  const auto verified = dcap::VerifiedCollateral::verify(
      std::make_shared<const dcap::Collateral>(*std::move(collateral)), 1'700'000'000, DigestOf<Alg::sha256>{});
  if (verified.reasons().empty()) std::abort();
  return 0;
}
