#include "lib/formats/acpi_loader.h"

// A script that was derived allocates the two files that it is about.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const hallmark::ByteView bytes(data, size);
  if (const auto loader = hallmark::derive_acpi_loader(bytes)) {
    const auto files = hallmark::allocated_files(loader->script);
    if (!files || files->size() != 2) __builtin_trap();
  }
  (void)hallmark::acpi_processors(bytes);
  (void)hallmark::allocated_files(bytes);
  return 0;
}
