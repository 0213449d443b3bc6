#include <cstdlib>

#include "lib/crypto/rsa.h"

// A key that is accepted has the size that was asked for, and no signature of zeros.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace hallmark;
  const auto modulus = parse_rsa3072_e3_public_key(as_text({data, size}), "input");
  if (!modulus) return 0;
  if ((modulus->back() & 0x80) == 0 || verify_rsa3072_e3(*modulus, Rsa3072Number{}, {}).verifies) std::abort();
  return 0;
}
