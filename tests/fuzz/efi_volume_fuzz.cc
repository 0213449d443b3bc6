#include "lib/formats/efi_volume.h"

// Whatever is accepted has only contents that can be read.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto files = hallmark::EfiFiles::parse({data, size});
  if (!files) return 0;
  std::size_t bytes = 0;
  for (const auto& file : files->files()) {
    (void)files->find(file.name);
    for (const auto& section : file.sections)
      if (!section.content.empty()) bytes += section.content.front() + section.content.back();
  }
  volatile std::size_t sink = bytes;
  (void)sink;
  return 0;
}
