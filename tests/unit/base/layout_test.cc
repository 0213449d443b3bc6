#include "lib/base/layout.h"

#include <gtest/gtest.h>

namespace hallmark {
namespace {

constexpr Layout<4> kThing{
    "THING", 8, {{{0, 2, "magic"}, {2, 1, "kind"}, {3, 1, "reserved_3", Is::reserved}, {4, 4, "length"}}}};
using Thing = Record<kThing>;

constexpr Layout<2> kGap{"GAP", 4, {{{0, 1, "a"}, {2, 2, "b"}}}};
constexpr Layout<2> kOverlap{"OVERLAP", 4, {{{0, 3, "a"}, {2, 2, "b"}}}};
constexpr Layout<1> kShort{"SHORT", 4, {{{0, 3, "a"}}}};
static_assert(kThing.tiles() && !kGap.tiles() && !kOverlap.tiles() && !kShort.tiles());

TEST(Layout, ReadsFieldsByName) {
  const Bytes bytes{0x01, 0x02, 7, 0, 0x10, 0x20, 0x30, 0x40};
  auto thing = Thing::parse(bytes);
  ASSERT_TRUE(thing);
  EXPECT_EQ(thing->num<"magic">(), 0x0201);
  EXPECT_EQ(thing->num<"kind">(), 7);
  EXPECT_EQ(thing->num<"length">(), 0x40302010u);
  EXPECT_EQ(to_hex(thing->get<"length">()), "10203040");
}

TEST(Layout, RefusesAWrongSizeAndReservedBytes) {
  EXPECT_EQ(Thing::parse(Bytes(7)).error().message(), "THING: 7 bytes, 8 expected");
  Bytes bytes(8);
  bytes[3] = 1;
  EXPECT_EQ(Thing::parse(bytes).error().message(), "THING: reserved bytes at 0x3 are not zero");
}

}  // namespace
}  // namespace hallmark
