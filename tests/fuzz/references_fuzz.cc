#include <algorithm>
#include <cstdlib>

#include "lib/base/files.h"
#include "lib/tee/references/reference_format.h"
#include "lib/tee/references/sets.h"

// Reference values in any format are detected and read; what was read can be written in hallmark's own format, and is
// read again as the same. No set accepts anything.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace hallmark;
  using namespace hallmark::references;
  const std::string_view text = as_text(ByteView(data, size));
  const auto format = detect_reference_format(text, "input");
  if (!format) return 0;
  const auto read = (*format)->read(text, "input");
  if (!read) return 0;
  if (read->sets.empty()) std::abort();
  for (const ReferenceValues& set : read->sets)
    if ((set.registers.empty() && !names_signer(set)) ||
        std::ranges::any_of(set.registers, [](const auto& r) { return r.second.empty(); }))
      std::abort();
  const ReferenceFormat& native = *find_reference_format(kReferenceValuesFormat);
  const auto written = native.write(read->sets);
  if (!written) std::abort();
  const auto again = native.read(written->text, "written");
  // The text may have grown beyond what is read.
  if (!again && written->text.size() <= kMaxEvidence) std::abort();
  if (again && native.write(again->sets)->text != written->text) std::abort();
  for (const ReferenceFormat& other : reference_formats()) (void)other.write(read->sets);
  return 0;
}
