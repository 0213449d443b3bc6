// Any bytes as build-record.json: refused, or read into a record that writes and reads as itself.
#include "lib/build/record.h"

#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace hallmark;
  const auto record = build::parse_record(as_text({data, size}), "fuzz");
  if (!record) return 0;
  const std::string text = build::to_json(*record).pretty();
  const auto again = build::parse_record(text, "again");
  if (!again || build::to_json(*again).pretty() != text) std::abort();
  return 0;
}
