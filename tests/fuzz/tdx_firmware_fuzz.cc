#include "lib/tee/tdx/firmware_events.h"
#include "lib/tee/tdx/mrtd.h"

// An image that is read can be measured in both orders, and predicted for under any profile.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace hallmark::tdx;
  const auto image = Image::parse({data, size});
  if (!image) return 0;
  std::uint64_t memory = 0;
  for (const Section& s : image->sections()) memory += s.memory_data_size;
  if (memory <= std::uint64_t{1} << 20) {
    (void)measure_mrtd(*image, PageOrder::single_pass);
    (void)measure_mrtd(*image, PageOrder::two_pass);
  }
  const Machine machine{.memory = std::uint64_t{1} << 31};
  for (const char* name : {"qemu-8/edk2-202302", "gce/edk2-202505"})
    (void)firmware_events(*find_profile(name), *image, machine, {});
  return 0;
}
