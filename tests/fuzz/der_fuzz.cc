#include <cstdlib>

#include "lib/formats/der.h"
#include "lib/tee/dcap/pck.h"

// Every value lies inside the input and behind the one before, and what was read is all there is.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace hallmark;
  const ByteView bytes{data, size};
  (void)dcap::parse_pck_extension(bytes);
  der::Reader reader(bytes, "input");
  std::size_t end = 0, values = 0;
  while (!reader.at_end()) {
    const der::Value value = reader.next("value");
    if (!reader.ok()) break;
    if (value.offset < end + 2 || value.offset + value.content.size() > size) std::abort();
    if (value.content.data() != data + value.offset) std::abort();
    end = value.offset + value.content.size();
    if (++values > size) std::abort();
    der::Reader inner(value.content, "inner");
    (void)inner.oid("oid");
    der::Reader number(bytes.first(end), "number");
    (void)number.number(UINT64_MAX, "number");
  }
  if (reader.finish(0).has_value() != (reader.ok() && end == size)) std::abort();
  return 0;
}
