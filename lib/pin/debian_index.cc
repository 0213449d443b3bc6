#include "lib/pin/debian_index.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "lib/base/files.h"
#include "lib/pin/names.h"

namespace hallmark::pin {
namespace {

constexpr std::size_t kMaxListedFiles = 100000;  // Debian 12 lists 1,900

std::optional<std::uint64_t> parse_number(std::string_view text) {
  std::uint64_t n = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), n);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return n;
}

// Cuts the next word off the front of `text`; empty at the end.
std::string_view take_word(std::string_view& text, std::string_view separators = " \t\n") {
  text.remove_prefix(std::min(text.find_first_not_of(separators), text.size()));
  const std::string_view word = text.substr(0, text.find_first_of(separators));
  text.remove_prefix(word.size());
  return word;
}

Failure reject(const Paragraph& paragraph, std::string why) {
  return fail(Fault::format, paragraph.where() + ": " + std::move(why));
}

std::string text_of(const Paragraph& paragraph, std::string_view name) {
  return std::string(paragraph.find(name).value_or(""));
}

}  // namespace

Result<UnixTime> parse_release_date(std::string_view text) {
  constexpr std::array<std::string_view, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                        "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const std::string whole = in_quotes(text);
  const auto no_date = [&] {
    return fail(Fault::format, whole + " is no date like \"Sat, 11 Jul 2026 10:16:37 UTC\"");
  };
  take_word(text);  // the day of the week says nothing new
  const std::string_view day = take_word(text), month = take_word(text), year = take_word(text), time = take_word(text),
                         zone = take_word(text);
  const auto found = std::find(kMonths.begin(), kMonths.end(), month);
  if (found == kMonths.end() || day.empty() || day.size() > 2 || year.size() != 4 ||
      (zone != "UTC" && zone != "GMT" && zone != "+0000") || !take_word(text).empty())
    return no_date();
  const auto two_digits = [](std::string_view n) { return n.size() == 1 ? "0" + std::string(n) : std::string(n); };
  // One calendar for all dates: the strict reader of RFC 3339 checks the numbers.
  auto parsed = parse_time(std::string(year) + "-" + two_digits(std::to_string(found - kMonths.begin() + 1)) + "-" +
                           two_digits(day) + "T" + (time.size() == 7 ? "0" : "") + std::string(time) + "Z");
  if (!parsed) return no_date();
  return *parsed;
}

Result<ReleaseFile> parse_release(std::string_view text, const std::string& what) {
  ParagraphReader reader(text, what);
  Paragraph paragraph;
  TRY(const bool any, reader.next(paragraph));
  if (!any) return fail(Fault::format, what + ": is empty");

  ReleaseFile release;
  release.suite = text_of(paragraph, "Suite");
  release.codename = text_of(paragraph, "Codename");
  release.by_hash = text_of(paragraph, "Acquire-By-Hash") == "yes";
  TRY(const std::string_view date, paragraph.one_line("Date"));
  TRY(release.date, in(what + ": Date", parse_release_date(date)));
  if (const auto until = paragraph.find("Valid-Until")) {
    TRY(release.valid_until, in(what + ": Valid-Until", parse_release_date(*until)));
  }
  const std::string components = text_of(paragraph, "Components");
  std::string_view left = components;
  for (std::string_view word = take_word(left); !word.empty(); word = take_word(left))
    release.components.emplace_back(word);

  // SHA256: one file a line, "<digest> <size> <path>".
  const auto list = paragraph.find("SHA256");
  if (!list) return reject(paragraph, "the paragraph has no SHA256");
  for (std::string_view rest = *list; !rest.empty();) {
    std::string_view line = take_word(rest, "\n");
    if (line.empty()) break;
    const std::string_view digest = take_word(line), size = take_word(line), path = take_word(line);
    const auto bytes = parse_number(size);
    if (!is_hex(digest, 64) || !bytes || !is_plain_relative(path) || !take_word(line).empty())
      return reject(paragraph, "SHA256 holds " +
                                   in_quotes(std::string(digest) + " " + std::string(size) + " " + std::string(path)) +
                                   ", wanted a digest, a size and a path");
    if (!release.files.emplace(path, ListedFile{std::string(digest), *bytes}).second)
      return reject(paragraph, "SHA256 lists " + in_quotes(path) + " twice");
    if (release.files.size() > kMaxListedFiles)
      return reject(paragraph, "SHA256 lists more than " + std::to_string(kMaxListedFiles) + " files");
  }
  TRY(const bool more, reader.next(paragraph));
  if (more) return reject(paragraph, "a second paragraph, where Release has one");
  return release;
}

Status read_packages(std::string_view text, const std::string& what,
                     const std::function<void(const IndexEntry&)>& each) {
  ParagraphReader reader(text, what);
  Paragraph paragraph;
  while (true) {
    TRY(const bool any, reader.next(paragraph));
    if (!any) return {};
    IndexEntry entry;
    TRY(entry.name, paragraph.one_line("Package"));
    TRY(entry.version, paragraph.one_line("Version"));
    TRY(entry.arch, paragraph.one_line("Architecture"));
    TRY(entry.path, paragraph.one_line("Filename"));
    TRY(entry.sha256, paragraph.one_line("SHA256"));
    TRY(const std::string_view size, paragraph.one_line("Size"));
    if (entry.path.starts_with("./")) entry.path.remove_prefix(2);  // flat archives write it so
    const auto bytes = parse_number(size);
    if (!is_package_name(entry.name))
      return reject(paragraph, "Package: " + in_quotes(entry.name) + " is no package name");
    if (!is_package_version(entry.version))
      return reject(paragraph, "Version: " + in_quotes(entry.version) + " is no version");
    if (!is_package_name(entry.arch))
      return reject(paragraph, "Architecture: " + in_quotes(entry.arch) + " is no architecture");
    if (!is_plain_relative(entry.path))
      return reject(paragraph, "Filename: " + in_quotes(entry.path) + " leaves the archive");
    if (!is_hex(entry.sha256, 64))
      return reject(paragraph, "SHA256: " + in_quotes(entry.sha256) + " is no SHA-256 digest");
    if (!bytes) return reject(paragraph, "Size: " + in_quotes(size) + " is no size");
    entry.size = *bytes;
    entry.essential = paragraph.find("Essential") == "yes";
    each(entry);
  }
}

}  // namespace hallmark::pin
