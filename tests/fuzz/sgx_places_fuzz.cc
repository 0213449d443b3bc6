#include <cstdlib>

#include "lib/tee/sgx/oe_image.h"
#include "lib/tee/sgx/places.h"
#include "lib/tee/sgx/sdk_image.h"

namespace {

using namespace hallmark::sgx;

// A walk shows the pages that were announced, and every byte of it can be asked for its place.
void look_at(const Load& load) {
  if (load.pages_added > 1'000 || load.pages_extended > 100) return;
  const Places places(load, {});
  const auto pages = walk(load, Order::ascending);
  std::uint64_t count = 0, last = 0;
  for (auto page = pages->next(); page && *page != nullptr; page = pages->next(), count++) {
    const Page& p = **page;
    if (count != 0 && p.offset <= last) std::abort();
    last = p.offset;
    for (std::size_t at : {std::size_t{0}, std::size_t{1}, std::size_t{255}, kPage - 1})
      if (places.at(p, at).text.size() > 100'000) std::abort();
  }
  if (count != load.pages_added) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (const auto image = OeImage::parse({data, size})) {
    if (const auto load = image->load()) look_at(*load);
  }
  if (const auto image = SdkImage::parse({data, size})) {
    if (const auto load = image->load(image->copies().front())) look_at(*load);
  }
  return 0;
}
