#include "lib/base/clock.h"

#include <gtest/gtest.h>

#include <cstdlib>

namespace hallmark {
namespace {

TEST(Clock, FormatsAndParses) {
  EXPECT_EQ(format_time(0), "1970-01-01T00:00:00Z");
  EXPECT_EQ(format_time(1795341600), "2026-11-22T10:00:00Z");
  EXPECT_EQ(*parse_time("2026-11-22T10:00:00Z"), 1795341600);
  EXPECT_EQ(*parse_time("2024-02-29T23:59:59Z"), 1709251199);
}

TEST(Clock, RefusesWhatIsNoTime) {
  for (const char* bad : {"", "2026-11-22", "2026-11-22T10:00:00", "2026-11-22T10:00:00+00:00", "2026-02-30T00:00:00Z",
                          "2026-13-01T00:00:00Z", "2026-11-22T24:00:00Z", "2026-11-22t10:00:00z"})
    EXPECT_FALSE(parse_time(bad)) << bad;
}

TEST(Clock, CanBePinned) {
  setenv("HALLMARK_NOW", "1795341600", 1);
  EXPECT_EQ(now(), 1795341600);
  setenv("HALLMARK_NOW", "soon", 1);
  EXPECT_GT(now(), 1795341600 - 400LL * 86400);
  unsetenv("HALLMARK_NOW");
}

}  // namespace
}  // namespace hallmark
