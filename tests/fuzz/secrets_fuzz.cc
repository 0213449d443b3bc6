#include <cstdlib>

#include "lib/pin/secrets.h"

// What is found does not depend on the pieces that a file comes in.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace hallmark;
  if (size == 0) return 0;
  const ByteView file(data + 1, size - 1);
  pin::KeyScanner whole, pieces;
  whole.add(file);
  const std::size_t unit = std::size_t{data[0]} + 1;
  for (std::size_t i = 0; i < file.size(); i += unit) pieces.add(file.subspan(i, std::min(unit, file.size() - i)));
  if (whole.finish() != pieces.finish()) std::abort();
  return 0;
}
