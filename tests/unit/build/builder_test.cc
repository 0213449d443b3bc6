// From a lock to a folder: one package (busybox), one source, real boxes.
#include "lib/build/builder.h"

#include <sys/stat.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lib/base/process.h"
#include "lib/build/repeat.h"
#include "lib/formats/tar.h"

namespace hallmark::build {
namespace {

using testing::HasSubstr;
using testing::Not;

class BuildTest : public testing::Test {
 protected:
  void SetUp() override {
    const fs::path tree = folder_.path() / "busybox";
    const fs::path program = fs::exists("/usr/bin/busybox") ? "/usr/bin/busybox" : "/bin/busybox";
    ASSERT_TRUE(fs::exists(program)) << "the package busybox-static is not installed";
    fs::create_directories(tree / "DEBIAN");
    fs::create_directories(tree / "bin");
    fs::permissions(tree / "DEBIAN", fs::perms(0755));
    ASSERT_TRUE(write_file(tree / "DEBIAN/control",
                           "Package: busybox\nVersion: 1\nArchitecture: all\nMaintainer: nobody "
                           "<nobody@example.org>\nDescription: test\n"));
    fs::copy_file(program, tree / "bin/busybox");
    for (const char* name : {"sh", "cat", "cp", "date", "echo", "seq", "stat", "umask"})
      fs::create_symlink("busybox", tree / "bin" / name);
    const fs::path deb = folder_.path() / "busybox.deb";
    const auto packed =
        run_process({.arguments = {"dpkg-deb", "--root-owner-group", "-Zgzip", "-b", tree.string(), deb.string()}});
    ASSERT_TRUE(packed && packed->status == 0);
    const Bytes bytes = *read_file(deb, 16 << 20);
    lock_.name = "test";
    lock_.epoch = 1700000000;
    lock_.debian.packages = {{.name = "busybox",
                              .version = "1",
                              .arch = "all",
                              .suite = "test",
                              .path = "busybox.deb",
                              .sha256 = to_hex(*store_.put(bytes)),
                              .size = bytes.size()}};
    lock_.sources = {
        {.name = "main", .into = ".", .origin = pin::PathPin{.path = "."}, .tree_sha256 = put_source("hello\n")}};
    lock_.recipe.steps = {"cp greeting out", "cat out"};
    lock_.recipe.outputs = {{.path = "out", .kind = "file"}};
    options_.out = folder_.path() / "made";
  }

  std::string put_source(std::string_view greeting) {
    Bytes archive;
    TarWriter writer([&](ByteView piece) {
      archive.insert(archive.end(), piece.begin(), piece.end());
      return Status{};
    });
    EXPECT_TRUE(writer.add({.path = "greeting", .type = TarEntry::Type::file, .size = greeting.size(), .target = {}}));
    EXPECT_TRUE(writer.data(as_bytes(greeting)));
    EXPECT_TRUE(writer.finish());
    return to_hex(*store_.put(archive));
  }

  Result<Built> run() { return build(store_, lock_, options_, progress_); }

  // What stands beside the folder of the outputs: nothing of a failed build but its log.
  std::vector<std::string> beside() const {
    std::vector<std::string> out;
    for (const auto& entry : fs::directory_iterator(folder_.path()))
      if (const std::string name = entry.path().filename(); name.find("made") != name.npos) out.push_back(name);
    std::sort(out.begin(), out.end());
    return out;
  }

  TemporaryFolder folder_ = *TemporaryFolder::make("build-test");
  Store store_ = *Store::open(folder_.path() / "store");
  SilentProgress progress_;
  pin::Lock lock_;
  BuildOptions options_;
};

TEST_F(BuildTest, MakesTheFolderWhole) {
  const auto built = run();
  ASSERT_TRUE(built) << built.error().message();
  EXPECT_EQ(*read_text(options_.out / "out", 100), "hello\n");
  EXPECT_EQ(*read_text(options_.out / kLogFile, 100), "hello\n");
  EXPECT_TRUE(fs::exists(options_.out / kLockFile));
  // oracle: printf 'hello\n' | sha256sum
  EXPECT_EQ(built->record.outputs[0].sha256, "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03");
  EXPECT_EQ(built->record.lock_sha256, to_hex(pin::lock_digest(lock_)));
  const auto read = read_build(options_.out);
  ASSERT_TRUE(read) << read.error().message();
  EXPECT_EQ(to_json(*read).pretty(), to_json(built->record).pretty());
  EXPECT_THAT(beside(), testing::ElementsAre("made"));
  struct stat st {};
  ASSERT_EQ(stat(options_.out.c_str(), &st), 0);
  EXPECT_EQ(st.st_mode & 07777, 0755u);
}

TEST_F(BuildTest, ReplacesAnEarlierBuildAndNothingElse) {
  ASSERT_TRUE(run());
  ASSERT_TRUE(write_file(options_.out / "stale", "x"));
  lock_.sources[0].tree_sha256 = put_source("again\n");
  ASSERT_TRUE(run());
  EXPECT_EQ(*read_text(options_.out / "out", 100), "again\n");
  EXPECT_FALSE(fs::exists(options_.out / "stale"));

  options_.out = folder_.path() / "made-by-hand";
  fs::create_directories(options_.out);
  ASSERT_TRUE(write_file(options_.out / "thesis", "x"));
  const auto refused = run();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().fault, Fault::usage);
  EXPECT_TRUE(fs::exists(options_.out / "thesis"));
}

TEST_F(BuildTest, AFailedStepShowsItsLastLines) {
  ASSERT_TRUE(run());
  lock_.recipe.steps = {"echo first", "seq 1 20; printf '\\033[31mred\\377\\n'; exit 3"};
  const auto failed = run();
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().fault, Fault::mismatch);
  const std::string message = failed.error().message();
  EXPECT_THAT(message, HasSubstr("step 2 of 2 (seq 1 20;"));
  EXPECT_THAT(message, HasSubstr("exit status 3"));
  EXPECT_THAT(message, HasSubstr("  | 7\n"));
  EXPECT_THAT(message, Not(HasSubstr("  | 6\n")));
  EXPECT_THAT(message, HasSubstr("\\x1b[31mred\\xff"));
  EXPECT_THAT(message, HasSubstr(options_.out.string() + ".failed.log"));
  EXPECT_TRUE(read_text(options_.out.string() + ".failed.log", 1000)->starts_with("first\n1\n2\n"));
  EXPECT_EQ(*read_text(options_.out / "out", 100), "hello\n") << "the earlier build is as it was";
  EXPECT_THAT(beside(), testing::ElementsAre("made", "made.failed.log"));
}

TEST_F(BuildTest, AnOutputThatWasNotMadeLeavesNothing) {
  lock_.recipe.outputs.push_back({.path = "missing", .kind = "file"});
  const auto failed = run();
  ASSERT_FALSE(failed);
  EXPECT_THAT(failed.error().message(), HasSubstr("output missing: was not made"));
  EXPECT_TRUE(beside().empty());
}

TEST_F(BuildTest, ADamagedSourceIsNamed) {
  const fs::path blob = store_.blob_path(*digest_from_hex<Alg::sha256>(lock_.sources[0].tree_sha256));
  fs::permissions(blob, fs::perms(0644));
  Bytes bytes = *read_file(blob, 1 << 20);
  bytes[600] ^= 1;
  ASSERT_TRUE(write_file(blob, bytes));
  const auto failed = run();
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().fault, Fault::mismatch);
  EXPECT_THAT(failed.error().message(), HasSubstr("source main"));
  EXPECT_TRUE(beside().empty());
}

TEST_F(BuildTest, ReadingNoticesAChangedOutput) {
  ASSERT_TRUE(run());
  ASSERT_TRUE(write_file(options_.out / "out", "hallo\n"));
  const auto read = read_build(options_.out);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().fault, Fault::mismatch);
}

TEST_F(BuildTest, BothSandboxesGiveTheSameBytes) {
  const auto native = run();
  ASSERT_TRUE(native) << native.error().message();
  options_.backend = "bwrap";
  const auto bwrap = run();
  ASSERT_TRUE(bwrap) << bwrap.error().message();
  EXPECT_EQ(native->record.outputs[0].sha256, bwrap->record.outputs[0].sha256);
}

TEST_F(BuildTest, RepeatedBuildsAgreeWhereTheRecipeIsDeterministic) {
  const auto repeated = build_repeatedly(store_, lock_, options_, 3, progress_);
  ASSERT_TRUE(repeated) << repeated.error().message();
  EXPECT_TRUE(repeated->all_agree());
  EXPECT_THAT(repeated->agreeing, testing::ElementsAre(3u));
  ASSERT_EQ(repeated->runs.size(), 3u);
  EXPECT_EQ(repeated->runs[1].under.at("umask"), "0077");
  EXPECT_EQ(repeated->runs[2].under.at("umask"), "0002");
  EXPECT_THAT(beside(), testing::ElementsAre("made"));
}

TEST_F(BuildTest, RepeatedBuildsThatDifferAreKept) {
  lock_.recipe.steps = {"cat /proc/sys/kernel/random/uuid > out"};
  const auto repeated = build_repeatedly(store_, lock_, options_, 2, progress_);
  ASSERT_TRUE(repeated) << repeated.error().message();
  EXPECT_FALSE(repeated->all_agree());
  EXPECT_THAT(repeated->agreeing, testing::ElementsAre(1u));
  EXPECT_THAT(beside(), testing::ElementsAre("made", "made.repeat-2"));
}

}  // namespace
}  // namespace hallmark::build
