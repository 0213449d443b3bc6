#include "lib/pin/debian_index.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace hallmark::pin {
namespace {

using testing::HasSubstr;

const std::string kDigest(64, 'a');

std::string error_of(const std::string& release) {
  auto result = parse_release(release, "InRelease");
  return result ? "" : result.error().message();
}

TEST(Release, ReadsWhatAnArchiveSigns) {
  auto release = parse_release(
      "Suite: stable\nCodename: trial\nDate: Sat, 11 Jul 2026 10:16:37 UTC\nValid-Until: Sat, 18 Jul 2026 10:16:37 "
      "UTC\n"
      "Acquire-By-Hash: yes\nComponents: main contrib\nMD5Sum:\n 00 1 x\nSHA256:\n " +
          kDigest + "     10 main/x\n " + kDigest + " 0 y\n",
      "InRelease");
  ASSERT_TRUE(release) << release.error().message();
  EXPECT_EQ(release->suite, "stable");
  EXPECT_EQ(release->codename, "trial");
  EXPECT_EQ(format_time(release->date), "2026-07-11T10:16:37Z");
  EXPECT_EQ(format_time(*release->valid_until), "2026-07-18T10:16:37Z");
  EXPECT_TRUE(release->by_hash);
  EXPECT_THAT(release->components, testing::ElementsAre("main", "contrib"));
  ASSERT_EQ(release->files.size(), 2U);
  EXPECT_EQ(release->files.at("main/x").size, 10U);
  EXPECT_EQ(release->files.at("main/x").sha256, kDigest);
}

TEST(Release, RefusesWhatItCannotUse) {
  const std::string head = "Date: Sat, 11 Jul 2026 10:16:37 UTC\n";
  EXPECT_EQ(error_of(""), "InRelease: is empty");
  EXPECT_EQ(error_of("Suite: x\n"), "InRelease:1: the paragraph has no Date");
  EXPECT_EQ(error_of(head), "InRelease:1: the paragraph has no SHA256");
  EXPECT_EQ(error_of(head + "SHA256:\n"), "");
  EXPECT_THAT(error_of(head + "SHA256:\n " + kDigest + " 1 ../x\n"), HasSubstr("wanted a digest, a size and a path"));
  EXPECT_THAT(error_of(head + "SHA256:\n " + kDigest + " -1 x\n"), HasSubstr("wanted a digest"));
  EXPECT_THAT(error_of(head + "SHA256:\n " + kDigest + " 1 x y\n"), HasSubstr("wanted a digest"));
  EXPECT_THAT(error_of(head + "SHA256:\n " + std::string(64, 'A') + " 1 x\n"), HasSubstr("wanted a digest"));
  EXPECT_THAT(error_of(head + "SHA256:\n " + kDigest + " 1 x\n " + kDigest + " 2 x\n"), HasSubstr("lists \"x\" twice"));
  EXPECT_THAT(error_of(head + "SHA256:\n\nSuite: y\n"), HasSubstr("second paragraph"));
}

TEST(Release, ReadsDates) {
  EXPECT_EQ(format_time(*parse_release_date("Thu, 01 Jan 1970 00:00:01 UTC")), "1970-01-01T00:00:01Z");
  EXPECT_EQ(format_time(*parse_release_date("Sun,  9 Feb 2025  9:01:02 +0000")), "2025-02-09T09:01:02Z");
  for (const std::string bad :
       {"", "Sat", "Sat, 30 Feb 2026 10:16:37 UTC", "Sat, 11 Jul 2026 10:16:37", "Sat, 11 Jul 2026 10:16:37 CET",
        "Sat, 11 Jul 26 10:16:37 UTC", "Sat, 11 Foo 2026 10:16:37 UTC", "Sat, 11 Jul 2026 25:16:37 UTC",
        "Sat, 11 Jul 2026 10:16:37 UTC x", "Sat, 1111 Jul 2026 10:16:37 UTC"})
    EXPECT_FALSE(parse_release_date(bad)) << bad;
}

std::string entry(const std::string& changed = "", const std::string& to = "") {
  std::string out =
      "Package: make\nVersion: 4.3-4.1\nArchitecture: amd64\nFilename: pool/m/make.deb\nSize: 5\nSHA256: " + kDigest +
      "\n";
  if (!changed.empty()) {
    const std::size_t at = out.find(changed + ":");
    out.replace(at, out.find('\n', at) + 1 - at, to);
  }
  return out;
}

std::string packages_error(const std::string& text) {
  auto result = read_packages(text, "Packages", [](const IndexEntry&) {});
  return result ? "" : result.error().message();
}

TEST(Packages, ReadsEntries) {
  std::vector<IndexEntry> entries;
  const std::string text = entry() + "Essential: yes\n\n" + entry("Package", "Package: gcc\n");
  ASSERT_TRUE(read_packages(text, "Packages", [&](const IndexEntry& e) { entries.push_back(e); }));
  ASSERT_EQ(entries.size(), 2U);
  EXPECT_EQ(entries[0].name, "make");
  EXPECT_EQ(entries[0].version, "4.3-4.1");
  EXPECT_EQ(entries[0].path, "pool/m/make.deb");
  EXPECT_EQ(entries[0].size, 5U);
  EXPECT_TRUE(entries[0].essential);
  EXPECT_EQ(entries[1].name, "gcc");
  EXPECT_FALSE(entries[1].essential);
}

TEST(Packages, RefusesWhatCouldMislead) {
  EXPECT_EQ(packages_error(""), "");
  for (const std::string field : {"Package", "Version", "Architecture", "Filename", "Size", "SHA256"})
    EXPECT_EQ(packages_error(entry() + "\n" + entry(field)), "Packages:8: the paragraph has no " + field);
  for (const auto& [field, value] : std::vector<std::pair<std::string, std::string>>{{"Package", "Make"},
                                                                                     {"Package", "../make"},
                                                                                     {"Version", "1 2"},
                                                                                     {"Version", "1;2"},
                                                                                     {"Architecture", "am/d64"},
                                                                                     {"Filename", "/etc/passwd"},
                                                                                     {"Filename", "pool/../../x"},
                                                                                     {"Size", "5x"},
                                                                                     {"Size", "99999999999999999999"},
                                                                                     {"SHA256", "abc"}})
    EXPECT_THAT(packages_error(entry(field, field + ": " + value + "\n")),
                HasSubstr("Packages:1: " + field + ": \"" + value))
        << field;
}

}  // namespace
}  // namespace hallmark::pin
