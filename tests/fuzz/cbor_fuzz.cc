#include <cstdlib>

#include "lib/formats/cbor.h"

namespace {

using namespace hallmark;

// Items stand one behind the other inside the one around them, and strings inside their item.
void check(const cbor::Value& value, ByteView input, std::size_t depth, std::size_t& items) {
  if (depth > cbor::kMaxDepth || ++items > cbor::kMaxItems) std::abort();
  if (value.size == 0 || value.offset + value.size > input.size()) std::abort();
  std::uint64_t at = value.offset + 1;
  for (const cbor::Value& item : value.items) {
    if (item.offset < at) std::abort();
    check(item, input, depth + 1, items);
    at = item.offset + item.size;
  }
  if (at > value.offset + value.size) std::abort();
  if (!value.content.empty() && value.content.data() + value.content.size() != input.data() + value.offset + value.size)
    std::abort();
  // Read alone, it is the same.
  if (depth == 1) return;
  const auto alone = cbor::parse(input.subspan(value.offset, value.size), "alone", value.offset);
  if (!alone || alone->kind != value.kind || alone->number != value.number || alone->size != value.size) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView bytes{data, size};
  const auto first = cbor::parse_first(bytes, "fuzz");
  const auto whole = cbor::parse(bytes, "fuzz");
  if (whole && !first) std::abort();
  if (!first) return 0;
  if (whole.has_value() != (first->size == size)) std::abort();
  std::size_t items = 0;
  check(*first, bytes, 1, items);
  return 0;
}
