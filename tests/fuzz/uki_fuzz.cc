#include <cstdlib>

#include "lib/tee/uki/uki.h"

// The first byte says which stub is taken, or that the image says it. Whatever is accepted has sections that can be
// read, load options that end with a NUL, and archives of whole words.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace hallmark;
  if (size == 0) return 0;
  const std::size_t stub = data[0] % (uki::stubs().size() + 1);
  std::optional<unsigned> release;
  if (stub != 0) release = uki::stubs()[stub - 1].release;
  const Content image(ByteView{data + 1, size - 1});
  const auto uki = uki::Uki::parse(image, release);
  if (!uki) return 0;
  for (const uki::Measured& m : uki->measured())
    if (m.contents.size() == 0 || (m.contents.size() < (1 << 16) && !digest<Alg::sha256>(m.contents))) std::abort();
  if (const auto& options = uki->load_options())
    if (options->size() < 2 || options->size() % 2 != 0 || options->back() != 0) std::abort();
  for (const Content& part : uki->initrd())
    if (part.size() < (1 << 16) && !part.read(0, static_cast<std::size_t>(part.size()))) std::abort();
  if (!authenticode<Alg::sha384>(uki->pe(), image)) std::abort();
  (void)uki->load_options_may_grow();
  return 0;
}
