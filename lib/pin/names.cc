#include "lib/pin/names.h"

#include <algorithm>
#include <array>

#include "lib/base/files.h"

namespace hallmark::pin {
namespace {

bool lower(char c) { return c >= 'a' && c <= 'z'; }
bool upper(char c) { return c >= 'A' && c <= 'Z'; }
bool digit(char c) { return c >= '0' && c <= '9'; }
bool control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }

template <class First, class Rest>
bool made_of(std::string_view s, std::size_t max, First first, Rest rest) {
  return !s.empty() && s.size() <= max && first(s[0]) && std::all_of(s.begin() + 1, s.end(), rest);
}

auto one_of(std::string_view extra) {
  return [extra](char c) { return lower(c) || digit(c) || extra.find(c) != extra.npos; };
}

std::optional<std::string> problem_with_url(std::string_view url) {
  if (std::any_of(url.begin(), url.end(), [](char c) { return control(c) || c == ' '; }))
    return "has white space in it";
  const std::string_view rest = url.substr(url.find("://") + 3);
  const std::string_view authority = rest.substr(0, rest.find_first_of("/?#"));
  // Not repeated in the message: what stands before the "@" may be a password.
  if (authority.find('@') != authority.npos) return "has a user name or password in it, and a lock is public";
  if (url.starts_with("file://") && !url.starts_with("file:///"))
    return "must begin with file:/// and an absolute path";
  if (!url.starts_with("file://") && authority.empty()) return "names no host";
  return std::nullopt;
}

std::string scheme_of(std::string_view url) { return std::string(url.substr(0, url.find("://"))); }

}  // namespace

bool is_project_name(std::string_view s) { return made_of(s, 100, one_of(""), one_of(".+-")); }

bool is_into(std::string_view s) {
  return s == "." || (is_plain_relative(s) && std::none_of(s.begin(), s.end(), control));
}

bool is_variable_name(std::string_view s) {
  auto letter = [](char c) { return lower(c) || upper(c) || c == '_'; };
  return made_of(s, 200, letter, [&](char c) { return letter(c) || digit(c); });
}

bool is_reserved_variable(std::string_view s) {
  static constexpr auto kReserved = std::to_array<std::string_view>(
      {"HALLMARK_JOBS", "HOME", "LANG", "LC_ALL", "LOGNAME", "PATH", "SOURCE_DATE_EPOCH", "TZ", "USER"});
  return std::find(kReserved.begin(), kReserved.end(), s) != kReserved.end();
}

bool is_output_kind(std::string_view s) { return made_of(s, 40, lower, one_of("-")); }

bool is_package_name(std::string_view s) { return s.size() >= 2 && made_of(s, 200, one_of(""), one_of("+-.")); }

bool is_package_version(std::string_view s) {
  return made_of(s, 200, digit, [](char c) { return upper(c) || one_of(".+-~:")(c); });
}

bool is_suite_name(std::string_view s) {
  return is_plain_relative(s) && made_of(s, 100, one_of(""), [](char c) { return upper(c) || one_of("._+-/")(c); });
}

bool is_component_name(std::string_view s) {
  return is_plain_relative(s) && made_of(s, 100, one_of(""), one_of("._+-/"));
}

bool is_git_ref(std::string_view s) {
  if (!is_plain_relative(s) || s.size() > 250 || s == "@" || s.ends_with('.') || s.starts_with('-')) return false;
  for (std::string_view bad : {"..", "@{", "/.", ".lock/"})
    if (s.find(bad) != s.npos) return false;
  if (s.starts_with('.') || s.ends_with(".lock")) return false;
  return std::none_of(s.begin(), s.end(), [](char c) {
    return control(c) || std::string_view(" ~^:?*[\\").find(c) != std::string_view::npos;
  });
}

bool is_hex(std::string_view s, std::size_t digits) {
  return s.size() == digits &&
         std::all_of(s.begin(), s.end(), [](char c) { return digit(c) || (c >= 'a' && c <= 'f'); });
}

bool is_url(std::string_view s) { return s.find("://") != s.npos; }

std::optional<std::string> problem_with_source_address(std::string_view s) {
  if (s.empty()) return "is empty";
  if (is_url(s)) {
    if (!s.starts_with("https://") && !s.starts_with("file://"))
      return "has the scheme \"" + printable(scheme_of(s)) + "\"; https:// and file:// are known";
    return problem_with_url(s);
  }
  if (std::any_of(s.begin(), s.end(), control)) return "has control characters in it";
  const auto colon = s.find(':');
  if (colon != s.npos && s.substr(0, colon).find('/') == s.npos)
    return "looks like an ssh address, which this version does not know; use https:// (or ./ before a path with a "
           "colon)";
  return std::nullopt;
}

std::optional<std::string> problem_with_mirror(std::string_view s) {
  if (!s.starts_with("https://") && !s.starts_with("http://") && !s.starts_with("file://"))
    return "is no mirror address; http://, https:// and file:/// are known";
  return problem_with_url(s);
}

std::string in_quotes(std::string_view text) { return "\"" + printable(text) + "\""; }

}  // namespace hallmark::pin
