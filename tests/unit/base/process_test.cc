#include "lib/base/process.h"

#include <gtest/gtest.h>
#include <signal.h>

namespace hallmark {
namespace {

TEST(Process, GivesOutputAndStatus) {
  auto f = run_process({.arguments = {"sh", "-c", "cat; echo err >&2; exit 3"}, .input = "hello"});
  ASSERT_TRUE(f) << f.error().message();
  EXPECT_EQ(f->status, 3);
  EXPECT_EQ(f->output, "hello");
  EXPECT_EQ(f->errors, "err\n");
}

TEST(Process, PassesOnlyTheGivenEnvironment) {
  auto f = run_process({.arguments = {"/usr/bin/env"}, .environment = {{"A", "1"}}});
  ASSERT_TRUE(f);
  EXPECT_EQ(f->output, "A=1\n");
}

TEST(Process, NamesAMissingProgram) {
  auto f = run_process({.arguments = {"no-such-program-here"}});
  ASSERT_FALSE(f);
  EXPECT_EQ(f.error().message(), "no-such-program-here: cannot be run: No such file or directory");
}

TEST(Process, MovesMoreThanAPipeHoldsBothWays) {
  const std::string much(1 << 20, 'x');
  auto f = run_process({.arguments = {"cat"}, .input = much});
  ASSERT_TRUE(f);
  EXPECT_EQ(f->output.size(), much.size());
}

TEST(Process, SurvivesAChildThatDoesNotRead) {
  signal(SIGPIPE, SIG_IGN);
  auto f = run_process({.arguments = {"true"}, .input = std::string(1 << 20, 'x')});
  ASSERT_TRUE(f) << f.error().message();
  EXPECT_EQ(f->status, 0);
}

TEST(Process, BoundsTimeAndOutput) {
  auto slow = run_process({.arguments = {"sleep", "60"}, .timeout = std::chrono::seconds(1)});
  ASSERT_FALSE(slow);
  EXPECT_EQ(slow.error().message(), "sleep: not finished after 1 seconds");
  auto loud = run_process({.arguments = {"yes"}, .output_limit = 1000});
  ASSERT_FALSE(loud);
  EXPECT_EQ(loud.error().message(), "yes: prints more than 1000 bytes");
}

TEST(Process, ReportsASignal) {
  auto f = run_process({.arguments = {"sh", "-c", "kill -9 $$"}});
  ASSERT_TRUE(f);
  EXPECT_EQ(f->status, 137);
}

}  // namespace
}  // namespace hallmark
