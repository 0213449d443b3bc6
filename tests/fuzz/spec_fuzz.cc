#include <cstdlib>

#include "lib/pin/spec.h"

// What the reader accepts, it accepts again from its canonical form, which is YAML too, with the same meaning.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace hallmark;
  const auto spec = pin::parse_spec(as_text({data, size}), "fuzz");
  if (!spec) return 0;
  const auto again = pin::parse_spec(to_json(*spec).canonical(), "canonical");
  if (!again || spec_digest(*again) != spec_digest(*spec)) std::abort();
  return 0;
}
