#include <array>
#include <cstdlib>

#include "lib/formats/textproto.h"

namespace {

using namespace hallmark::textproto;

constexpr std::array<std::string_view, 3> kWords{"NONE", "ONE", "TWO"};
constexpr std::array kInnerFields{Field{"value", 1, Kind::uint32}, Field{"texts", 2, Kind::text, true}};
constexpr MessageType kInner{"Inner", kInnerFields};
constexpr std::array kOuterFields{
    Field{"flag", 1, Kind::boolean},
    Field{"small", 2, Kind::uint32},
    Field{"large", 3, Kind::uint64},
    Field{"text", 4, Kind::text},
    Field{"digest", 5, Kind::bytes},
    Field{"digests", 6, Kind::bytes, true},
    Field{"inner", 7, Kind::message, false, &kInner},
    Field{"inners", 8, Kind::message, true, &kInner},
    Field{"word", 9, Kind::word, false, nullptr, kWords},
};
constexpr MessageType kOuter{"Outer", kOuterFields};

}  // namespace

// What is read has the kinds that the table says, and no name stands before a text that is read and has none.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace hallmark;
  const std::string_view text = as_text({data, size});
  const std::string_view name = first_name(text);
  if (size > 65536) return 0;
  const auto json = parse(text, kOuter);
  if (!json) return 0;
  if (!json->members().empty() && name.empty()) std::abort();
  for (const Json::Member& member : json->members()) {
    if (member.key == "large" && member.value.string().size() != 18) std::abort();
    if (member.key == "digest" && !from_hex(member.value.string())) std::abort();
    if (member.key == "text" && !is_utf8(member.value.string())) std::abort();
    if (member.key == "digests" && member.value.items().empty()) std::abort();
  }
  return 0;
}
