#include "tools/hallmark/progress.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "lib/base/files.h"

namespace hallmark::cli {
namespace {

using namespace std::chrono_literals;

constexpr auto kRedraw = 100ms;     // a moving line changes ten times a second at most
constexpr auto kReport = 1s;        // plain lines about one phase come once a second at most
constexpr auto kWorthTelling = 1s;  // in plain lines, a shorter phase's duration is not told

bool is_set(const char* variable) {
  const char* value = std::getenv(variable);
  return value != nullptr && *value != '\0';
}

std::size_t columns(int fd) {
  winsize size{};
  if (ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  return 80;
}

std::string decimal(std::uint64_t tenths) { return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10); }

}  // namespace

Terminal Terminal::of(int fd, std::string_view when) {
  const char* term = std::getenv("TERM");
  const bool terminal = isatty(fd) == 1 && term != nullptr && std::string_view(term) != "dumb";
  const bool forced = is_set("CLICOLOR_FORCE") && std::string_view(std::getenv("CLICOLOR_FORCE")) != "0";
  const bool automatic = !is_set("NO_COLOR") && (terminal || forced);
  return {.moving = terminal, .color = when == "always" || (when == "auto" && automatic)};
}

void Display::phase(std::string_view what) {
  const std::lock_guard lock(mutex_);
  end_phase(true);
  phase_ = printable(what);
  began_ = shown_ = Clock::now();
  tenths_ = 0;
  if (quiet_) return;
  if (terminal_.moving)
    draw(phase_ + " ...");
  else
    print(phase_ + "\n");
}

void Display::advance(std::uint64_t done, std::uint64_t total) {
  const std::lock_guard lock(mutex_);
  if (quiet_ || phase_.empty()) return;
  const auto now = Clock::now();
  if (terminal_.moving) {
    if (now - shown_ < kRedraw) return;
    shown_ = now;
    return draw(phase_ + "  " + format_share(done, total));
  }
  // Plain lines end in a log: one for every tenth of the way, and no more than one a second.
  const std::uint64_t tenths = total == 0 ? 0 : done / std::max<std::uint64_t>(1, total / 10);
  if (tenths <= tenths_ || tenths >= 10 || now - shown_ < kReport) return;
  tenths_ = tenths;
  shown_ = now;
  print(phase_ + "  " + format_share(done, total) + "\n");
}

void Display::note(std::string_view line) {
  if (quiet_) return;
  this->line("hallmark: " + std::string(line));
}

void Display::line(std::string_view text) {
  const std::lock_guard lock(mutex_);
  clear();
  print(printable(text) + "\n");
}

void Display::finish(bool succeeded) {
  const std::lock_guard lock(mutex_);
  end_phase(succeeded);
}

void Display::end_phase(bool succeeded) {
  if (phase_.empty()) return;
  const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - began_);
  clear();
  if (!quiet_ && (terminal_.moving || took >= kWorthTelling || !succeeded))
    print(phase_ + (succeeded ? "  " : "  failed after ") + format_duration(took) + "\n");
  phase_.clear();
}

void Display::draw(std::string_view text) {
  // One column stays free: a terminal that wraps early would leave a line behind.
  print("\r" + std::string(fit(text, columns(fd_) - 1)) + "\x1b[K");
  drawn_ = true;
}

void Display::clear() {
  if (drawn_) print("\r\x1b[K");
  drawn_ = false;
}

// Who reads this may have gone; the work goes on.
void Display::print(std::string_view text) { (void)write_all(fd_, as_bytes(text)); }

std::string format_share(std::uint64_t done, std::uint64_t total) {
  if (total != 0) {
    // Without 100 * done, which may pass 2^64.
    const std::uint64_t percent = total >= 100 ? done / (total / 100) : done * 100 / total;
    return std::to_string(std::min<std::uint64_t>(percent, 100)) + " %";
  }
  constexpr std::string_view kUnits = "kMGTPE";
  if (done < 1000) return std::to_string(done);
  std::size_t unit = 0;
  while (done >= 1'000'000) {
    done /= 1000;
    unit++;
  }
  return decimal(done / 100) + " " + kUnits[unit];
}

std::string format_duration(std::chrono::milliseconds took) {
  const auto tenths = static_cast<std::uint64_t>(std::max<std::int64_t>(0, took.count())) / 100;
  if (tenths < 600) return decimal(tenths) + " s";
  const std::uint64_t seconds = tenths / 10;
  const std::string rest = std::to_string(seconds % 60);
  return std::to_string(seconds / 60) + " min " + (rest.size() < 2 ? "0" : "") + rest + " s";
}

std::string_view fit(std::string_view utf8, std::size_t columns) {
  std::size_t end = 0;
  for (std::size_t seen = 0; end < utf8.size(); end++) {
    const bool continues = (static_cast<unsigned char>(utf8[end]) & 0xC0) == 0x80;
    if (!continues && seen++ == columns) break;
  }
  return utf8.substr(0, end);
}

}  // namespace hallmark::cli
