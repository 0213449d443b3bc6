#include <cstdlib>

#include "lib/base/json.h"

// What the strict reader accepts, the canonical writer writes and the reader reads back as the same value.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const hallmark::ByteView input{data, size};
  auto value = hallmark::parse_json(hallmark::as_text(input));
  if (!value) return 0;
  const std::string canonical = value->canonical();
  auto again = hallmark::parse_json(canonical);
  if (!again || again->canonical() != canonical) std::abort();
  auto pretty = hallmark::parse_json(value->pretty());
  if (!pretty || !(*pretty == *value)) std::abort();
  return 0;
}
