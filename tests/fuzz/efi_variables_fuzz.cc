#include <set>

#include "lib/formats/efi_variables.h"

// No two variables of those that are accepted are the same, and together they are no larger than the store.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto variables = hallmark::efi_variables({data, size});
  if (!variables) return 0;
  std::set<std::pair<hallmark::Guid, std::string>> seen;
  std::size_t bytes = 0;
  for (const auto& variable : *variables) {
    if (!seen.insert({variable.vendor, variable.name}).second) __builtin_trap();
    if (hallmark::find_variable(*variables, variable.vendor, variable.name) != &variable) __builtin_trap();
    bytes += variable.data.size();
  }
  if (bytes > size) __builtin_trap();
  return 0;
}
