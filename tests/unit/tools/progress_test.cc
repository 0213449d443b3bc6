#include "tools/hallmark/progress.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <pty.h>
#include <unistd.h>

#include <cstdlib>
#include <thread>

#include "lib/base/files.h"

namespace hallmark::cli {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::Not;

// Two ends of a pipe or of a pseudo-terminal `columns` wide.
struct Ends {
  Fd ours, theirs;
  static Ends pipe() {
    int fds[2] = {-1, -1};
    EXPECT_EQ(pipe2(fds, O_CLOEXEC), 0);
    return {Fd(fds[0]), Fd(fds[1])};
  }
  static Ends terminal(unsigned short columns) {
    int ours = -1, theirs = -1;
    winsize size{24, columns, 0, 0};
    EXPECT_EQ(openpty(&ours, &theirs, nullptr, nullptr, &size), 0);
    return {Fd(ours), Fd(theirs)};
  }
  // Everything written so far.
  std::string text() {
    fcntl(ours.get(), F_SETFL, O_NONBLOCK);
    std::string out;
    char buffer[4096];
    for (ssize_t n; (n = read(ours.get(), buffer, sizeof buffer)) > 0;) out.append(buffer, static_cast<std::size_t>(n));
    return out;
  }
};

constexpr Terminal kMoving{.moving = true, .color = true}, kPlain{};

TEST(Display, WritesPlainLinesWhereNothingMoves) {
  Ends ends = Ends::pipe();
  Display display(ends.theirs.get(), kPlain, false);
  display.phase("downloading 3 packages");
  display.advance(1, 3);  // too soon after the line above for one of its own
  display.note("retrying a.deb");
  display.phase("unpacking");
  display.finish(true);
  EXPECT_EQ(ends.text(), "downloading 3 packages\nhallmark: retrying a.deb\nunpacking\n");
}

TEST(Display, MovesOneLineOnATerminal) {
  Ends ends = Ends::terminal(40);
  Display display(ends.theirs.get(), kMoving, false);
  display.phase("unpacking");
  EXPECT_EQ(ends.text(), "\runpacking ...\x1b[K");
  display.finish(true);
  EXPECT_THAT(ends.text(), MatchesRegex("\r\x1b\\[Kunpacking  [0-9.]+ s\r\n"));
}

TEST(Display, NeverFillsTheLastColumn) {
  Ends ends = Ends::terminal(20);
  Display display(ends.theirs.get(), kMoving, false);
  display.phase("a name that is longer than the line");
  EXPECT_EQ(ends.text(), "\ra name that is long\x1b[K");
}

TEST(Display, ANoteStandsAboveTheMovingLine) {
  Ends ends = Ends::terminal(80);
  Display display(ends.theirs.get(), kMoving, false);
  display.phase("unpacking");
  ends.text();
  display.note("a warning");
  EXPECT_EQ(ends.text(), "\r\x1b[Khallmark: a warning\r\n");
}

TEST(Display, SaysWhatFailed) {
  Ends ends = Ends::pipe();
  Display display(ends.theirs.get(), kPlain, false);
  display.phase("unpacking");
  display.finish(false);
  EXPECT_THAT(ends.text(), MatchesRegex("unpacking\nunpacking  failed after [0-9.]+ s\n"));
}

TEST(Display, QuietIsSilentButForWhatWasAskedFor) {
  Ends ends = Ends::pipe();
  Display display(ends.theirs.get(), kPlain, true);
  display.phase("unpacking");
  display.advance(1, 2);
  display.note("a warning");
  EXPECT_EQ(ends.text(), "");
  display.line("EADD offset=0x0");
  EXPECT_EQ(ends.text(), "EADD offset=0x0\n");
}

TEST(Display, TextFromOutsideCannotSteerTheTerminal) {
  Ends ends = Ends::pipe();
  Display display(ends.theirs.get(), kPlain, false);
  display.phase("fetching \x1b[2J");
  display.note("\x1b]0;title\x07");
  display.line("\xff");
  EXPECT_EQ(ends.text(), "fetching \\x1b[2J\nhallmark: \\x1b]0;title\\x07\n\\xff\n");
}

TEST(Display, LivesOnWhenNobodyReads) {
  Ends ends = Ends::pipe();
  Display display(ends.theirs.get(), kPlain, false);
  ends.ours.reset();
  signal(SIGPIPE, SIG_IGN);  // as watch_for_interrupts() does
  display.phase("unpacking");
  display.finish(true);
}

TEST(Display, MayBeCalledFromSeveralThreads) {
  Ends ends = Ends::pipe();
  Display display(ends.theirs.get(), kPlain, false);
  display.phase("hashing");
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; t++)
      threads.emplace_back([&] {
        for (std::uint64_t i = 0; i < 50; i++) {
          display.advance(i, 50);
          display.note("line");
        }
      });
  }
  const std::string text = ends.text();
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 201);
}

TEST(Terminal, FollowsTheOptionThenTheEnvironment) {
  Ends screen = Ends::terminal(80), pipe = Ends::pipe();
  const int tty = screen.theirs.get(), file = pipe.theirs.get();
  unsetenv("NO_COLOR");
  unsetenv("CLICOLOR_FORCE");
  setenv("TERM", "xterm", 1);
  EXPECT_TRUE(Terminal::of(tty, "auto").color);
  EXPECT_TRUE(Terminal::of(tty, "auto").moving);
  EXPECT_FALSE(Terminal::of(tty, "never").color);
  EXPECT_FALSE(Terminal::of(file, "auto").color);
  EXPECT_FALSE(Terminal::of(file, "auto").moving);
  EXPECT_TRUE(Terminal::of(file, "always").color);
  setenv("CLICOLOR_FORCE", "1", 1);
  EXPECT_TRUE(Terminal::of(file, "auto").color);
  EXPECT_FALSE(Terminal::of(file, "auto").moving);
  setenv("NO_COLOR", "1", 1);
  EXPECT_FALSE(Terminal::of(tty, "auto").color);
  EXPECT_TRUE(Terminal::of(tty, "auto").moving);
  EXPECT_TRUE(Terminal::of(tty, "always").color);
  setenv("TERM", "dumb", 1);
  EXPECT_FALSE(Terminal::of(tty, "auto").moving);
  unsetenv("TERM");
  EXPECT_FALSE(Terminal::of(tty, "auto").moving);
}

TEST(Format, Shares) {
  EXPECT_EQ(format_share(0, 10), "0 %");
  EXPECT_EQ(format_share(5, 10), "50 %");
  EXPECT_EQ(format_share(10, 10), "100 %");
  EXPECT_EQ(format_share(11, 10), "100 %");
  EXPECT_EQ(format_share(UINT64_MAX, UINT64_MAX), "100 %");
  EXPECT_EQ(format_share(UINT64_MAX / 2, UINT64_MAX), "50 %");
  EXPECT_EQ(format_share(999, 0), "999");
  EXPECT_EQ(format_share(1000, 0), "1.0 k");
  EXPECT_EQ(format_share(999'999, 0), "999.9 k");
  EXPECT_EQ(format_share(12'345'678, 0), "12.3 M");
  EXPECT_EQ(format_share(UINT64_MAX, 0), "18.4 E");
}

TEST(Format, Durations) {
  EXPECT_EQ(format_duration(0ms), "0.0 s");
  EXPECT_EQ(format_duration(12'345ms), "12.3 s");
  EXPECT_EQ(format_duration(59'999ms), "59.9 s");
  EXPECT_EQ(format_duration(60s), "1 min 00 s");
  EXPECT_EQ(format_duration(125s), "2 min 05 s");
}

TEST(Format, FitCutsBetweenCharacters) {
  EXPECT_EQ(fit("abc", 5), "abc");
  EXPECT_EQ(fit("abc", 2), "ab");
  EXPECT_EQ(fit("\u00e4\u00f6\u00fc", 2), "\u00e4\u00f6");
  EXPECT_EQ(fit("abc", 0), "");
}

}  // namespace
}  // namespace hallmark::cli
