#include <algorithm>
#include <cstdlib>

#include "lib/tee/sgx/oe_image.h"

// The size of a base enclave as u32, the base enclave, and a payload of EGo. A load that is found to be possible is
// replayed to its end, with the page counts that it announced.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace hallmark::sgx;
  const hallmark::ByteView input(data, size);
  if (size < 4) return 0;
  const std::size_t base_size = std::min<std::size_t>(hallmark::load_le<std::uint32_t>(input), size - 4);
  const auto image = OeImage::parse(input.subspan(4 + base_size));
  if (!image) return 0;
  const auto load = image->load_behind(input.subspan(4, base_size));
  if (!load || load->pages_added > 10'000 || load->pages_extended > 1'000) return 0;
  const hallmark::Trace none;
  Mrenclave mrenclave(load->ssa_frame_size, load->size, none);
  if (!load->replay(mrenclave)) std::abort();
  mrenclave.finish();
  if (mrenclave.pages_added() != load->pages_added || mrenclave.pages_extended() != load->pages_extended) std::abort();
  return 0;
}
