#include <algorithm>
#include <cstdlib>

#include "lib/tee/sgx/sdk_image.h"
#include "lib/tee/sgx/sdk_metadata.h"

// A configuration, a NUL, and the file that it is for: every copy of the metadata made for them measures to the same.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace hallmark::sgx;
  const std::uint8_t* end = std::find(data, data + size, std::uint8_t{0});
  if (end == data + size) return 0;
  const hallmark::ByteView file(end + 1, data + size);
  const auto sdk = sdk_of(file);
  if (!sdk) return 0;
  const auto config = parse_sdk_config({data, end}, *sdk);
  if (!config) return 0;
  const auto metadata = build_sdk_metadata(file, *config);
  if (!metadata) return 0;
  const auto image = SdkImage::parse(file, *metadata);
  if (!image) return 0;
  std::optional<hallmark::DigestOf<hallmark::Alg::sha256>> first;
  for (const SdkMetadata& copy : image->copies()) {
    const auto load = image->load(copy);
    if (!load || load->pages_added > 10'000 || load->pages_extended > 1'000) return 0;
    const hallmark::Trace none;
    Mrenclave mrenclave(load->ssa_frame_size, load->size, none);
    if (!load->replay(mrenclave)) std::abort();
    const auto value = mrenclave.finish();
    if (first && *first != value) std::abort();
    first = value;
  }
  return 0;
}
