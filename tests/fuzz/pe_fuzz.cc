#include <cstdlib>

#include "lib/formats/linux_boot.h"
#include "lib/formats/pe.h"

// An image that is accepted has only ranges that lie in it, each of its sections can be read as it lies in memory, and
// what QEMU writes into its beginning leaves it an image with the same sections.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace hallmark;
  const Content image(ByteView{data, size});
  const auto setup = read_linux_setup(image);
  const auto head = setup_header_from_qemu(image, {std::uint64_t{1} << 31, 4096, "quiet vga=ask"});
  if (head && head->size() > size) std::abort();
  const auto pe = Pe::parse(image);
  if (!pe) return 0;
  std::uint64_t end = 0;
  for (const PeRange& range : pe->authenticode_ranges()) {
    if (range.size == 0 || range.offset > size || range.size > size - range.offset) std::abort();
    end += range.size;
  }
  if (end > size) std::abort();
  if (!authenticode<Alg::sha384>(*pe, image)) std::abort();
  for (const PeSection& section : pe->sections()) {
    const Content memory = section_in_memory(section, image);
    if (memory.size() != section.virtual_size) std::abort();
    if (memory.size() < (1 << 16) && !digest<Alg::sha256>(memory)) std::abort();
  }
  return 0;
}
