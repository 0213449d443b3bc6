// A platform is a row in the table, and everything that goes with it.
#include <gtest/gtest.h>

#include "lib/tee/platform.h"

namespace hallmark {
namespace {

const fs::path kSource = HALLMARK_SOURCE_DIR;

// Whether the folder has a file whose name begins and ends like this.
bool has_file(const fs::path& folder, const std::string& begin, const std::string& end) {
  if (!fs::is_directory(folder)) return false;
  for (const auto& entry : fs::directory_iterator(folder)) {
    const std::string name = entry.path().filename();
    if (name.starts_with(begin) && name.ends_with(end)) return true;
  }
  return false;
}

TEST(PlatformsComplete, EachRowHasItsFolderPageVectorsAndFuzzTarget) {
  ASSERT_FALSE(platforms().empty());
  for (const Platform& p : platforms()) {
    const std::string name(p.name);
    SCOPED_TRACE(name);
    EXPECT_EQ(find_platform(name), &p);
    EXPECT_TRUE(fs::exists(kSource / "lib/tee" / name / "measure.h"));
    EXPECT_TRUE(fs::exists(kSource / "specs/tee" / (name + ".md")));
    EXPECT_TRUE(has_file(kSource / "tests/vectors", name, "_test.cc"));
    EXPECT_TRUE(has_file(kSource / "tests/fuzz", name, "_fuzz.cc"));
  }
  EXPECT_EQ(find_platform("no such"), nullptr);
}

TEST(Platforms, WhatIsNoImageIsUnsupported) {
  auto folder = *TemporaryFolder::make("platforms-test");
  ASSERT_TRUE(write_file(folder.path() / "text", std::string_view("hello")));
  ASSERT_TRUE(write_file(folder.path() / "empty", std::string_view()));
  for (const char* name : {"text", "empty"})
    EXPECT_EQ(measure({folder.path() / name, {}}).error().fault, Fault::unsupported);
  EXPECT_EQ(measure({folder.path() / "none", {}}).error().fault, Fault::environment);
  EXPECT_EQ(measure({folder.path(), {}}).error().fault, Fault::environment);
}

TEST(Platforms, CompanionsAreThoseThatThePlatformKnows) {
  const fs::path made = kSource / "tests/vectors/sgx";
  EXPECT_EQ(measure({made / "small.so", {{"firmware", "x"}}}).error().fault, Fault::usage);
  EXPECT_EQ(measure({made / "small.so", {{"sigstruct", made / "stream.sig"}}}).error().fault, Fault::usage);
  EXPECT_EQ(measure({made / "stream.sig", {}}).error().fault, Fault::unsupported);
}

}  // namespace
}  // namespace hallmark
