#include <cstdlib>

#include "lib/tee/sgx/inspect.h"

// What is shown lies in the file, says where, and can be printed.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace hallmark;
  const auto inspection = sgx::inspect_bytes({data, size});
  if (!inspection) return 0;
  for (const InspectedRecord& record : inspection->records)
    for (const InspectedField& f : record.fields)
      if (f.offset + f.size > size || (f.size != 0 && f.offset + f.size > record.offset + record.size)) std::abort();
  if (!parse_json(to_json(*inspection).canonical(), {.bytes = std::size_t{1} << 30})) std::abort();
  return 0;
}
