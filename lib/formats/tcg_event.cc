#include "lib/formats/tcg_event.h"

#include <algorithm>

#include "lib/base/bytes.h"

namespace hallmark::tcg {

std::string type_name(std::uint32_t type) {
  const auto it = std::ranges::find(kTypeNames, type, &TypeName::type);
  return it == kTypeNames.end() ? hex_offset(type) : std::string(it->name);
}

}  // namespace hallmark::tcg
