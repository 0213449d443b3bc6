#include <cstdlib>

#include "lib/tee/sgx/oe_image.h"

// A load that is found to be possible is replayed to its end, with the page counts that it announced.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace hallmark::sgx;
  const auto image = OeImage::parse({data, size});
  if (!image) return 0;
  const auto load = image->load();
  if (!load || load->pages_added > 10'000 || load->pages_extended > 1'000) return 0;
  const hallmark::Trace none;
  Mrenclave mrenclave(load->ssa_frame_size, load->size, none);
  if (!load->replay(mrenclave)) std::abort();
  mrenclave.finish();
  if (mrenclave.pages_added() != load->pages_added || mrenclave.pages_extended() != load->pages_extended) std::abort();
  return 0;
}
