#include <cstdlib>

#include "lib/formats/smbios.h"

// Structures that are accepted tile the table; what is installed of them is a table again, and what is measured of a
// table has its size and its structures, and is measured to itself.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace hallmark;
  const ByteView table{data, size};
  (void)find_smbios_firmware(table);
  const auto structures = parse_smbios(table);
  if (!structures) return 0;
  std::size_t sum = 0;
  for (const SmbiosStructure& structure : *structures) sum += structure.bytes.size();
  if (sum != size) std::abort();
  const auto installed = install_smbios(table, {"EDK II", "2026.08", "01/02/2026"});
  if (installed && !parse_smbios(*installed)) std::abort();
  const auto measured = measured_smbios(table);
  if (measured && measured->size() != size) std::abort();
  return 0;
}
