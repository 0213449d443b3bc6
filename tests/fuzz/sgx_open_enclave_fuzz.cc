#include "lib/tee/sgx/oe_image.h"
#include "tests/fuzz/replay_load.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace hallmark::sgx;
  const auto image = OeImage::parse({data, size});
  if (!image) return 0;
  const auto load = image->load();
  if (load) replay_if_small(*load);
  return 0;
}
