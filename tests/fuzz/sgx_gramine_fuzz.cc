#include <algorithm>
#include "lib/tee/sgx/gramine.h"
#include "tests/fuzz/replay_load.h"

// A manifest up to the first NUL, and behind it libpal. A load that is found to be possible is replayed to its end,
// with the page counts that it announced.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace hallmark::sgx;
  const hallmark::ByteView input(data, size);
  const auto end = static_cast<std::size_t>(std::find(input.begin(), input.end(), 0) - input.begin());
  const hallmark::ByteView text = input.first(end);
  (void)is_gramine_manifest(text);
  const auto manifest = parse_gramine_manifest(text);
  if (!manifest) return 0;
  const auto load = load_gramine(text, *manifest, input.subspan(std::min(end + 1, size)), gramine_releases().back());
  if (load) replay_if_small(*load);
  return 0;
}
