#include <cstdlib>

#include "lib/tee/references/reference_format.h"

// No text is of two formats. What is read names a register in every set, and what can be written in its own format
// again is read as sets with the same registers.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace hallmark;
  using namespace hallmark::references;
  if (size > 65536) return 0;
  const std::string_view text = as_text({data, size});
  for (const char* name : {"go-tdx-guest", "go-sev-guest", "intel-appraisal"}) {
    const ReferenceFormat& format = *find_reference_format(name);
    const bool recognised = format.recognises(text);
    for (const char* other : {"go-tdx-guest", "go-sev-guest", "intel-appraisal"})
      if (recognised && name != std::string_view(other) && find_reference_format(other)->recognises(text)) std::abort();
    const auto read = format.read(text, "file");
    if (!read) continue;
    for (const ReferenceValues& set : read->sets)
      if (set.registers.empty()) std::abort();
    const auto written = format.write(read->sets);
    if (!written) continue;
    if (!format.recognises(written->text)) std::abort();
    const auto again = format.read(written->text, "file");
    if (!again || again->sets.size() < read->sets.size()) std::abort();
    for (std::size_t i = 0; i < read->sets.size(); i++)
      if (again->sets[i].registers != read->sets[i].registers) std::abort();
  }
  return 0;
}
