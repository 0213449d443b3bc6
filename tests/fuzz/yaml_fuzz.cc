#include <cstdlib>

#include "lib/base/yaml.h"

// Whatever the strict reader accepts is also a JSON value; and a scalar we write is read back as that string.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = hallmark::as_text(hallmark::ByteView{data, size});
  if (auto value = hallmark::parse_yaml(text)) {
    auto again = hallmark::parse_json(value->canonical(), {.bytes = std::size_t{64} << 20});
    if (!again || again->canonical() != value->canonical()) std::abort();
  }
  if (hallmark::is_utf8(text) && text.size() < 4096 && text.find('\0') == text.npos) {
    auto list = hallmark::parse_yaml("- {k: " + hallmark::yaml_scalar(text) + "}\n");
    if (!list || !list->items()[0].find("k")->is_string() || list->items()[0].find("k")->string() != text) std::abort();
  }
  return 0;
}
