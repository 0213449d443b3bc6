#include <algorithm>

#include "lib/tee/sgx/oe_image.h"
#include "tests/fuzz/replay_load.h"

// The sizes of a base enclave and of the module that it needs, or 0, as u32; both, and a payload of EGo. A load that is
// found to be possible is replayed to its end, with the page counts that it announced.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace hallmark::sgx;
  const hallmark::ByteView input(data, size);
  if (size < 8) return 0;
  hallmark::ByteView rest = input.subspan(8);
  const auto take = [&](std::size_t wanted) {
    const hallmark::ByteView out = rest.first(std::min(wanted, rest.size()));
    rest = rest.subspan(out.size());
    return out;
  };
  const hallmark::ByteView base = take(hallmark::load_le<std::uint32_t>(input));
  const hallmark::ByteView module = take(hallmark::load_le<std::uint32_t>(input.subspan(4)));
  const auto image = OeImage::parse(rest);
  if (!image) return 0;
  const auto load = image->load_behind(base, module.empty() ? std::nullopt : std::optional(module));
  if (load) replay_if_small(*load);
  return 0;
}
