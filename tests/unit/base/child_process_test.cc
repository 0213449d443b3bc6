#include "lib/base/child_process.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

namespace hallmark {
namespace {

// Everything the child prints until it ends.
std::string messages(const ChildProcess& child) {
  std::string out;
  char buffer[4096];
  for (;;) {
    pollfd waiting{child.messages().get(), POLLIN, 0};
    poll(&waiting, 1, -1);
    const ssize_t n = read(child.messages().get(), buffer, sizeof buffer);
    if (n <= 0) return out;
    out.append(buffer, static_cast<std::size_t>(n));
  }
}

TEST(ChildProcess, GetsItsDescriptorsAndNoOthers) {
  int ends[2];
  ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
  const Fd from(ends[0]), to(ends[1]);
  // `from` is closed on exec, whatever its number; what this test's own caller left open is not ours to close.
  const std::string other = "/proc/self/fd/" + std::to_string(fcntl(from.get(), F_DUPFD_CLOEXEC, 100));
  auto child = ChildProcess::start(
      {"/bin/sh", "-c", "echo out; echo err >&2; echo $A >&3; test -e " + other + " || echo closed; cat"},
      {{"A", "here"}, {"PATH", "/bin"}}, {to.get()});
  ASSERT_TRUE(child) << child.error().message();
  EXPECT_EQ(messages(*child), "out\nerr\nclosed\n");
  char text[8] = {};
  EXPECT_EQ(read(from.get(), text, sizeof text), 5);
  EXPECT_STREQ(text, "here\n");
}

TEST(ChildProcess, NamesAMissingProgram) {
  const auto child = ChildProcess::start({"/no/such/program"}, {}, {});
  ASSERT_FALSE(child);
  EXPECT_EQ(child.error().message(), "/no/such/program: cannot be run: No such file or directory");
}

TEST(ChildProcess, EndsWithTheObjectAndItsWholeGroup) {
  auto child = ChildProcess::start({"/bin/sh", "-c", "sleep 1000 & echo started; wait"}, {{"PATH", "/bin"}}, {});
  ASSERT_TRUE(child);
  pollfd waiting{child->messages().get(), POLLIN, 0};
  poll(&waiting, 1, -1);
  const pid_t pid = child->pid();
  child->end();
  EXPECT_EQ(kill(pid, 0), -1);
  EXPECT_EQ(messages(*child), "started\n");  // returns: nobody holds the other end any more
}

TEST(ChildProcess, DoesNotOutliveTheProcessThatStartedIt) {
  int ends[2];
  ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
  Fd from(ends[0]), to(ends[1]);
  const pid_t starter = fork();
  ASSERT_GE(starter, 0);
  if (starter == 0) {
    auto child = ChildProcess::start({"/bin/sleep", "1000"}, {}, {to.get()});
    kill(getpid(), SIGKILL);
  }
  to.reset();
  waitpid(starter, nullptr, 0);
  char byte = 0;
  EXPECT_EQ(read(from.get(), &byte, 1), 0);  // the end of the pipe: sleep is gone as well
}

}  // namespace
}  // namespace hallmark
