#include <cstdlib>

#include "lib/cert/statement.h"

// What is understood of a certificate is written as the very bytes that were read.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto certificate = hallmark::cert::parse_certificate({data, size}, "input");
  if (certificate && hallmark::cert::encode(*certificate) != hallmark::as_text({data, size})) std::abort();
  return 0;
}
