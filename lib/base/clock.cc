#include "lib/base/clock.h"

#include <charconv>
#include <cstdlib>
#include <ctime>

namespace hallmark {

UnixTime now() {
  if (const char* pinned = std::getenv("HALLMARK_NOW")) {
    UnixTime t = 0;
    const std::string_view text = pinned;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), t);
    if (error == std::errc() && end == text.data() + text.size() && !text.empty()) return t;
  }
  return std::time(nullptr);
}

std::string format_time(UnixTime t) {
  std::tm parts{};
  const std::time_t seconds = t;
  if (gmtime_r(&seconds, &parts) == nullptr) return "@" + std::to_string(t);
  char text[40];
  const std::size_t length = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
  return {text, length};
}

Result<UnixTime> parse_time(std::string_view text) {
  auto refuse = [&] {
    return fail(Fault::format, "\"" + std::string(text.substr(0, 40)) + "\" is not a time like 2026-11-22T10:00:00Z");
  };
  static constexpr std::string_view kShape = "dddd-dd-ddTdd:dd:ddZ";
  if (text.size() != kShape.size()) return refuse();
  for (std::size_t i = 0; i < text.size(); i++)
    if (kShape[i] == 'd' ? text[i] < '0' || text[i] > '9' : text[i] != kShape[i]) return refuse();
  auto number = [&](std::size_t at, std::size_t n) {
    int value = 0;
    for (char c : text.substr(at, n)) value = value * 10 + (c - '0');
    return value;
  };
  std::tm parts{};
  parts.tm_year = number(0, 4) - 1900;
  parts.tm_mon = number(5, 2) - 1;
  parts.tm_mday = number(8, 2);
  parts.tm_hour = number(11, 2);
  parts.tm_min = number(14, 2);
  parts.tm_sec = number(17, 2);
  const UnixTime t = timegm(&parts);
  if (format_time(t) != text) return refuse();  // the 30th of February
  return t;
}

}  // namespace hallmark
