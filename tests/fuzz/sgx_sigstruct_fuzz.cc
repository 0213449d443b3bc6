#include <cstdlib>

#include "lib/tee/sgx/sigstruct.h"

// What is accepted can be judged and told; a signature that verifies has the quotients that go with it or is found out.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace hallmark;
  const auto s = sgx::parse_sigstruct({data, size});
  if (!s) return 0;
  if (size != sgx::kSigstruct.size) std::abort();
  (void)sgx::check_signature(*s);
  if (!parse_json(sgx::identity_of(*s).canonical()) || !parse_json(sgx::policy_of(*s).canonical())) std::abort();
  return 0;
}
