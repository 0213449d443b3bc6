#include <gtest/gtest.h>

#include "lib/tee/platform.h"

namespace hallmark {
namespace {

using Is = Comparison::Is;
const Register kA{"a", {1}}, kOtherA{"a", {2}}, kB{"b", {3}};

TEST(Compare, NamesEachRegisterOfEitherSide) {
  const std::vector<Register> certified{kA, kB}, present{kOtherA, {"c", {4}}};
  const Comparison c = compare(certified, present);
  ASSERT_EQ(c.rows.size(), 3u);
  EXPECT_EQ(c.rows[0].is, Is::differs);
  EXPECT_EQ(c.rows[0].certified, Bytes{1});
  EXPECT_EQ(c.rows[0].present, Bytes{2});
  EXPECT_EQ(c.rows[1].is, Is::not_present);
  EXPECT_EQ(c.rows[2].is, Is::not_certified);
  EXPECT_FALSE(c.agrees());
}

TEST(Compare, ACertificateMayLeaveARegisterOpenAndNothingElse) {
  const std::vector<Register> a{kA}, both{kA, kB}, none;
  EXPECT_TRUE(compare(a, both).agrees());
  EXPECT_TRUE(compare(both, both).agrees());
  EXPECT_FALSE(compare(both, a).agrees());
  EXPECT_FALSE(compare(none, both).agrees());
  EXPECT_FALSE(compare(none, none).agrees());
}

}  // namespace
}  // namespace hallmark
