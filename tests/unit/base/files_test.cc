#include "lib/base/files.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

namespace hallmark {
namespace {

class Files : public testing::Test {
 protected:
  TemporaryFolder folder_ = *TemporaryFolder::make("files-test");
  fs::path at(const char* name) const { return folder_.path() / name; }
};

TEST_F(Files, AreReadWithinTheirBound) {
  ASSERT_TRUE(write_file(at("f"), "hello"));
  EXPECT_EQ(*read_text(at("f"), 5), "hello");
  EXPECT_EQ(read_text(at("f"), 4).error().fault, Fault::format);
  EXPECT_EQ(read_text(at("none"), 4).error().fault, Fault::environment);
}

TEST_F(Files, RefuseWhatCouldBlock) {
  ASSERT_EQ(mkfifo(at("fifo").c_str(), 0600), 0);
  EXPECT_FALSE(read_file(at("fifo"), 10));
  EXPECT_FALSE(read_file(folder_.path(), 10));
  EXPECT_FALSE(read_file("/dev/zero", 10));
}

TEST_F(Files, AreReadInPlaces) {
  ASSERT_TRUE(write_file(at("f"), "hello"));
  const auto file = InputFile::open(at("f"));
  ASSERT_TRUE(file);
  EXPECT_EQ(file->size(), 5u);
  EXPECT_EQ(*file->read_at(1, 3), (Bytes{'e', 'l', 'l'}));
  EXPECT_EQ(*file->read_at(5, 0), Bytes());
  EXPECT_EQ(file->read_at(3, 3).error().fault, Fault::format);
  ASSERT_EQ(mkfifo(at("fifo").c_str(), 0600), 0);
  EXPECT_FALSE(InputFile::open(at("fifo")));
  EXPECT_FALSE(InputFile::open(folder_.path()));
}

TEST_F(Files, AreReplacedWholeWithTheExactMode) {
  umask(0077);
  ASSERT_TRUE(write_file(at("f"), "one"));
  ASSERT_TRUE(write_file(at("f"), "two", 0640));
  umask(0022);
  struct stat st {};
  ASSERT_EQ(stat(at("f").c_str(), &st), 0);
  EXPECT_EQ(st.st_mode & 07777, 0640u);
  EXPECT_EQ(*read_text(at("f"), 10), "two");
  // Nothing but the file itself is left in the folder.
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_.path()), fs::directory_iterator()), 1);
}

TEST_F(Files, NewOnesNeverReplace) {
  ASSERT_TRUE(write_new_file(at("f"), as_bytes("one"), 0600));
  const auto second = write_new_file(at("f"), as_bytes("two"), 0600);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().message(), "writing " + at("f").string() + ": cannot put it in place: File exists");
  EXPECT_EQ(*read_text(at("f"), 10), "one");
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_.path()), fs::directory_iterator()), 1);
}

TEST_F(Files, AFullDiskLeavesTheOldFile) {
  if (access("/dev/full", W_OK) != 0) GTEST_SKIP() << "no /dev/full here";
  Fd full = *open_file("/dev/full", O_WRONLY);
  const auto written = write_all(full.get(), as_bytes("x"));
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().message(), "cannot write: No space left on device");
}

TEST_F(Files, TreesAreRemovedWithoutFollowingLinks) {
  ASSERT_TRUE(make_folders(at("tree/inner")));
  ASSERT_TRUE(write_file(at("tree/inner/f"), "x"));
  ASSERT_TRUE(write_file(at("kept"), "x"));
  ASSERT_EQ(symlink(at("kept").c_str(), at("tree/link").c_str()), 0);
  ASSERT_EQ(chmod(at("tree/inner").c_str(), 0500), 0);
  ASSERT_TRUE(remove_tree(at("tree")));
  EXPECT_FALSE(fs::exists(at("tree")));
  EXPECT_TRUE(fs::exists(at("kept")));
  EXPECT_TRUE(remove_tree(at("tree")));
}

TEST(PlainRelative, StaysBelow) {
  for (const char* good : {"a", "a/b", "a.b/..c", "...", "-x"}) EXPECT_TRUE(is_plain_relative(good)) << good;
  for (const char* bad : {"", "/a", "a/", "a//b", ".", "..", "a/../b", "./a", "a/."})
    EXPECT_FALSE(is_plain_relative(bad)) << bad;
  EXPECT_FALSE(is_plain_relative(std::string_view("a\0b", 3)));
  EXPECT_FALSE(is_plain_relative(std::string(256, 'x')));
}

TEST(Printable, DefusesTerminalControl) {
  EXPECT_EQ(printable("plain é\n\t"), "plain é\n\t");
  EXPECT_EQ(printable("\x1b[31m\r\x7f"), "\\x1b[31m\\x0d\\x7f");
  EXPECT_EQ(printable("\xc2\x9b"
                      "31m \xff \xc3"),
            "\\xc2\\x9b31m \\xff \\xc3");
}

}  // namespace
}  // namespace hallmark
