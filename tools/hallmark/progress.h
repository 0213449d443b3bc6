// How long work looks on standard error: one moving line on a terminal, plain lines elsewhere, nothing with --quiet.
#pragma once

#include <chrono>
#include <mutex>
#include <string>

#include "lib/base/progress.h"

namespace hallmark::cli {

// What a descriptor leads to. Decided once, at the start.
struct Terminal {
  bool moving = false;  // a terminal whose cursor can be moved
  bool color = false;

  // `when` is the value of --color. "auto" is coloured on a terminal, and elsewhere where
  // CLICOLOR_FORCE is set, but never where NO_COLOR is (no-color.org).
  static Terminal of(int fd, std::string_view when);
};

// Its calls may come from several threads at once.
class Display final : public Progress {
 public:
  // Writes to `fd`, which stays the caller's.
  Display(int fd, Terminal terminal, bool quiet) : fd_(fd), terminal_(terminal), quiet_(quiet) {}
  ~Display() override { finish(true); }
  Display(const Display&) = delete;
  Display& operator=(const Display&) = delete;

  void phase(std::string_view what) override;
  void advance(std::uint64_t done, std::uint64_t total) override;
  void note(std::string_view line) override;

  // A line that was asked for (a trace, a build's output): as it is, also with --quiet.
  void line(std::string_view text);

  // Ends the last phase. Nothing moves afterwards.
  void finish(bool succeeded);

 private:
  using Clock = std::chrono::steady_clock;

  void end_phase(bool succeeded);
  void draw(std::string_view text);
  void clear();
  void print(std::string_view text);

  const int fd_;
  const Terminal terminal_;
  const bool quiet_;
  std::mutex mutex_;
  std::string phase_;          // empty: between phases
  Clock::time_point began_{};  // of the phase
  Clock::time_point shown_{};  // when the phase was last drawn or reported
  std::uint64_t tenths_ = 0;   // of the phase, as last reported in plain lines
  bool drawn_ = false;         // the cursor stands behind a moving line
};

// "43 %" of a known total, or a rounded count ("12.3 M") of an unknown one.
std::string format_share(std::uint64_t done, std::uint64_t total);
// "0.4 s", "12.3 s", "2 min 05 s"
std::string format_duration(std::chrono::milliseconds);
// The first `columns` characters, not cut inside one.
std::string_view fit(std::string_view utf8, std::size_t columns);

}  // namespace hallmark::cli
