#include "lib/tee/sgx/sdk_image.h"
#include "tests/fuzz/replay_load.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace hallmark::sgx;
  const auto image = SdkImage::parse({data, size});
  if (!image) return 0;
  for (const SdkMetadata& copy : image->copies()) {
    const auto load = image->load(copy);
    if (load) replay_if_small(*load);
  }
  return 0;
}
