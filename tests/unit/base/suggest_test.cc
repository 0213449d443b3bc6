#include "lib/base/suggest.h"

#include <gtest/gtest.h>

#include <vector>

namespace hallmark {
namespace {

TEST(Suggest, CountsEdits) {
  EXPECT_EQ(edit_distance("measure", "measure"), 0u);
  EXPECT_EQ(edit_distance("mesaure", "measure"), 1u);
  EXPECT_EQ(edit_distance("", "abc"), 3u);
}

TEST(Suggest, OnlyWhatIsNear) {
  const std::vector<std::string> known{"build", "measure", "rebuild"};
  EXPECT_EQ(did_you_mean("biuld", known), ", did you mean \"build\"?");
  EXPECT_EQ(did_you_mean("frobnicate", known), "");
}

}  // namespace
}  // namespace hallmark
