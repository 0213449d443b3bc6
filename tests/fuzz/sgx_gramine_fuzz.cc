#include <algorithm>
#include <cstdlib>

#include "lib/tee/sgx/gramine.h"

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
  if (!load || load->pages_added > 10'000 || load->pages_extended > 1'000) return 0;
  const hallmark::Trace none;
  Mrenclave mrenclave(load->ssa_frame_size, load->size, none);
  if (!load->replay(mrenclave)) std::abort();
  mrenclave.finish();
  if (mrenclave.pages_added() != load->pages_added || mrenclave.pages_extended() != load->pages_extended) std::abort();
  return 0;
}
