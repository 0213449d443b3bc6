#include "lib/store/store.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <random>

namespace hallmark {
namespace {

using testing::HasSubstr;

class StoreTest : public testing::Test {
 protected:
  TemporaryFolder folder_ = *TemporaryFolder::make("store-test");
  fs::path root_ = folder_.path() / "store";

  Store open() {
    auto store = Store::open(root_);
    EXPECT_TRUE(store) << store.error().message();
    return *store;
  }
  static std::size_t count(const fs::path& folder) {
    return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
  }
  // Every blob there is hashes to its name.
  static void expect_sound(const Store& store) {
    for (const auto& entry : fs::recursive_directory_iterator(store.root() / "blobs")) {
      if (!entry.is_regular_file()) continue;
      const std::string name = entry.path().parent_path().filename().string() + entry.path().filename().string();
      EXPECT_EQ(to_hex(digest<Alg::sha256>(*read_file(entry.path(), 1 << 24))), name);
    }
  }
  // Runs `work` in a child process, which never returns.
  template <class F>
  static pid_t in_child(F work) {
    const pid_t child = fork();
    if (child == 0) {
      work();
      _exit(0);
    }
    return child;
  }
  static int wait_for(pid_t child) {
    int status = 0;
    EXPECT_EQ(waitpid(child, &status, 0), child);
    return status;
  }
};

TEST_F(StoreTest, GivesBackWhatWasPut) {
  const Store store = open();
  const auto put = store.put(as_bytes("hello"));
  ASSERT_TRUE(put) << put.error().message();
  EXPECT_EQ(to_hex(*put), "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824");  // oracle: sha256sum
  EXPECT_TRUE(store.has(*put));
  EXPECT_EQ(as_text(*store.get(*put, 5)), "hello");
  EXPECT_EQ(store.get(*put, 4).error().fault, Fault::format);
  EXPECT_EQ(store.blob_path(*put), root_ / "blobs/sha256/2c" / to_hex(*put).substr(2));
  struct stat st {};
  ASSERT_EQ(stat(store.blob_path(*put).c_str(), &st), 0);
  EXPECT_EQ(st.st_mode & 07777, 0444u);
  EXPECT_TRUE(store.flush());
}

TEST_F(StoreTest, AMissingBlobIsNamed) {
  const Store store = open();
  const auto missing = store.get(digest<Alg::sha256>(as_bytes("x")), 10);
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().fault, Fault::environment);
  EXPECT_EQ(missing.error().message(),
            "blob sha256:" + to_hex(digest<Alg::sha256>(as_bytes("x"))) + " is not in the store " + root_.string());
}

TEST_F(StoreTest, ADamagedBlobIsRemovedAndNamedAndCanBePutAgain) {
  const Store store = open();
  const Sha256 name = *store.put(as_bytes("hello"));
  ASSERT_TRUE(write_file(store.blob_path(name), "hallo"));
  const auto damaged = store.open_blob(name);
  ASSERT_FALSE(damaged);
  EXPECT_EQ(damaged.error().fault, Fault::mismatch);
  EXPECT_THAT(damaged.error().message(), HasSubstr("blob sha256:" + to_hex(name) + " was damaged in the store"));
  EXPECT_FALSE(store.has(name));
  ASSERT_TRUE(store.put(as_bytes("hello")));
  EXPECT_EQ(as_text(*store.get(name, 5)), "hello");
}

TEST_F(StoreTest, AnUnexpectedBlobIsNotPublished) {
  const Store store = open();
  auto writer = store.writer();
  ASSERT_TRUE(writer->add(as_bytes("hello")));
  const Sha256 expected = digest<Alg::sha256>(as_bytes("hallo"));
  const auto finished = writer->finish(&expected);
  ASSERT_FALSE(finished);
  EXPECT_EQ(finished.error().fault, Fault::mismatch);
  EXPECT_FALSE(store.has(digest<Alg::sha256>(as_bytes("hello"))));
  EXPECT_EQ(count(root_ / "blobs/sha256"), 0u);
}

TEST_F(StoreTest, AFolderThatIsNoStoreIsLeftAlone) {
  ASSERT_TRUE(make_folders(root_ / "tmp"));
  ASSERT_TRUE(write_file(root_ / "tmp/mine", "x"));
  const auto refused = Store::open(root_);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message(), HasSubstr("the folder is neither empty nor a store"));
  EXPECT_TRUE(fs::exists(root_ / "tmp/mine"));
  EXPECT_EQ(count(root_), 1u);
}

TEST_F(StoreTest, AnotherUsersStoreIsRefused) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root, to give a store away";
  open();
  ASSERT_EQ(chown(root_.c_str(), 12345, 12345), 0);
  const auto refused = Store::open(root_);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().fault, Fault::environment);
  EXPECT_THAT(refused.error().message(), HasSubstr("it belongs to user id 12345, and this is user id 0"));
}

TEST_F(StoreTest, NothingOfASessionOutlivesIt) {
  {
    const Store store = open();
    const auto workspace = store.workspace("w");
    ASSERT_TRUE(workspace);
    ASSERT_TRUE(write_file(workspace->path() / "f", "x"));
    auto writer = store.writer();
    ASSERT_TRUE(writer->add(as_bytes("unfinished")));
    EXPECT_EQ(count(root_ / "tmp"), 1u);
  }
  EXPECT_EQ(count(root_ / "tmp"), 0u);
}

TEST_F(StoreTest, TheDeadAreBuriedAndTheLivingLeftAlone) {
  const Store living = open();
  const auto workspace = living.workspace("w");
  const int status = wait_for(in_child([&] {
    const Store store = *Store::open(root_);
    const auto made = store.workspace("w");
    static_cast<void>(write_file(made->path() / "f", "x"));
    static_cast<void>(chmod(made->path().c_str(), 0500));
    raise(SIGKILL);
  }));
  ASSERT_TRUE(WIFSIGNALED(status));
  EXPECT_EQ(count(root_ / "tmp"), 2u);
  open();
  EXPECT_EQ(count(root_ / "tmp"), 1u);
  EXPECT_TRUE(fs::exists(workspace->path()));
}

TEST_F(StoreTest, SurvivesKillsAtAnyMoment) {
  open();
  std::mt19937 random(20260101);
  // What the children put: sizes around the buffers' edges, some in common.
  const auto content = [](unsigned n) { return std::string(n % 7 * 100'000 + n, static_cast<char>('a' + n % 26)); };
  for (int round = 0; round < 30; round++) {
    std::vector<pid_t> children;
    for (int i = 0; i < 3; i++)
      children.push_back(in_child([&] {
        const Store store = *Store::open(root_);
        for (unsigned n = 0;; n = (n + 1) % 50) {
          if (!store.put(as_bytes(content(n)))) _exit(1);
          const auto tree = store.tree("kind", "tree" + std::to_string(n % 5), [&](const fs::path& made) -> Status {
            for (int f = 0; f < 10; f++) CHECK(write_file(made / std::to_string(f), content(n % 5)));
            return {};
          });
          if (!tree) _exit(2);
        }
      }));
    usleep(static_cast<useconds_t>(random() % 40'000));  // not waiting for anything: this is when the kill comes
    for (const pid_t child : children) kill(child, SIGKILL);
    for (const pid_t child : children) {
      const int status = wait_for(child);
      EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) << "exit status " << WEXITSTATUS(status);
    }
  }
  const Store store = open();
  EXPECT_EQ(count(root_ / "tmp"), 0u);
  expect_sound(store);
  std::size_t trees = 0;
  if (fs::exists(root_ / "trees/kind"))
    for (const auto& tree : fs::directory_iterator(root_ / "trees/kind")) {
      EXPECT_EQ(count(tree.path()), 10u) << tree.path();
      trees++;
    }
  EXPECT_GT(trees, 0u);
}

TEST_F(StoreTest, OneProcessMakesATreeAndTheOthersWait) {
  open();
  const fs::path tally = folder_.path() / "tally";
  std::vector<pid_t> children;
  for (int i = 0; i < 4; i++)
    children.push_back(in_child([&] {
      const Store store = *Store::open(root_);
      const auto tree = store.tree("kind", "one", [&](const fs::path& made) -> Status {
        TRY(const Fd fd, open_file(tally, O_WRONLY | O_CREAT | O_APPEND, 0600));
        CHECK(write_all(fd.get(), as_bytes("x")));
        return write_file(made / "f", "whole");
      });
      if (!tree || *read_text(*tree / "f", 10) != "whole") _exit(1);
    }));
  for (const pid_t child : children) EXPECT_EQ(wait_for(child), 0);
  EXPECT_EQ(*read_text(tally, 10), "x");
}

TEST_F(StoreTest, AFailedTreeLeavesNothing) {
  const Store store = open();
  const auto failed = store.tree("kind", "one", [](const fs::path& made) -> Status {
    CHECK(write_file(made / "f", "x"));
    return fail(Fault::format, "no good");
  });
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().message(), "no good");
  EXPECT_FALSE(fs::exists(store.tree_path("kind", "one")));
  EXPECT_EQ(store.tree("kind", "../one", {}).error().fault, Fault::usage);
}

TEST_F(StoreTest, ADroppedTreeIsMadeAgain) {
  const Store store = open();
  int made = 0;
  const auto fill = [&](const fs::path&) -> Status {
    made++;
    return {};
  };
  ASSERT_TRUE(store.tree("kind", "one", fill));
  ASSERT_TRUE(store.tree("kind", "one", fill));
  EXPECT_EQ(made, 1);
  ASSERT_TRUE(store.drop_tree("kind", "one"));
  ASSERT_TRUE(store.drop_tree("kind", "one"));  // gone already
  ASSERT_TRUE(store.tree("kind", "one", fill));
  EXPECT_EQ(made, 2);
}

TEST_F(StoreTest, AWriteThatFailsLeavesTheStoreIntact) {
  open();
  // The limit on a file's size stands in for a full disk where we may not mount one.
  const int status = wait_for(in_child([&] {
    signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{100'000, 100'000};
    setrlimit(RLIMIT_FSIZE, &limit);
    const Store store = *Store::open(root_);
    const auto put = store.put(as_bytes(std::string(200'000, 'x')));
    const bool told = !put && put.error().fault == Fault::environment &&
                      put.error().message().find("writing to the store " + root_.string()) == 0;
    const bool clean = count(root_ / "blobs/sha256") == 0 && store.put(as_bytes("small"));
    _exit(told && clean ? 0 : 1);
  }));
  EXPECT_EQ(status, 0);
}

TEST_F(StoreTest, AFullDiskIsAnEnvironmentFaultAndLeavesTheStoreIntact) {
  ASSERT_TRUE(make_folders(root_));
  if (mount("none", root_.c_str(), "tmpfs", 0, "size=1m") != 0)
    GTEST_SKIP() << "may not mount a small file system here";
  {
    const Store store = open();
    ASSERT_TRUE(store.put(as_bytes("before")));
    const auto put = store.put(as_bytes(std::string(2'000'000, 'x')));
    EXPECT_FALSE(put);
    if (!put) {
      EXPECT_EQ(put.error().fault, Fault::environment);
      EXPECT_EQ(put.error().message(),
                "writing to the store " + root_.string() + ": cannot write: No space left on device");
    }
    expect_sound(store);
    EXPECT_TRUE(store.put(as_bytes("after")));  // what was written has been given back
  }
  EXPECT_EQ(umount(root_.c_str()), 0);
}

TEST_F(StoreTest, AReadOnlyStoreCanBeReadAndSaysThatItCannotBeWritten) {
  if (geteuid() == 0) GTEST_SKIP() << "root may write whatever the mode";
  const Sha256 name = *open().put(as_bytes("hello"));
  ASSERT_EQ(chmod((root_ / "tmp").c_str(), 0500), 0);
  const Store store = open();
  EXPECT_EQ(as_text(*store.get(name, 5)), "hello");
  const auto put = store.put(as_bytes("x"));
  ASSERT_FALSE(put);
  EXPECT_EQ(put.error().fault, Fault::environment);
  EXPECT_THAT(put.error().message(), HasSubstr("writing to the store " + root_.string()));
  ASSERT_EQ(chmod((root_ / "tmp").c_str(), 0700), 0);
}

TEST_F(StoreTest, ALockIsHeldByOne) {
  const Store store = open();
  bool waited = false;
  {
    const auto held = store.lock("name", [&] { waited = true; });
    ASSERT_TRUE(held);
    EXPECT_FALSE(waited);
    const Fd other = *open_file(root_ / "locks/name", O_RDWR);
    EXPECT_NE(flock(other.get(), LOCK_EX | LOCK_NB), 0);
  }
  ASSERT_TRUE(store.lock("name", [&] { waited = true; }));
  EXPECT_FALSE(waited);
  EXPECT_EQ(store.lock("a/b").error().fault, Fault::usage);
}

TEST(DefaultStore, FollowsTheEnvironment) {
  const auto with = [](const char* store, const char* data, const char* home) {
    setenv("HALLMARK_STORE", store, 1);
    setenv("XDG_DATA_HOME", data, 1);
    setenv("HOME", home, 1);
    const auto root = Store::default_root();
    return root ? root->string() : root.error().message();
  };
  EXPECT_EQ(with("/s", "/x", "/h"), "/s");
  EXPECT_EQ(with("", "/x", "/h"), "/x/hallmark");
  EXPECT_EQ(with("", "relative", "/h"), "/h/.local/share/hallmark");
  EXPECT_EQ(with("", "", ""), "no place for the store: set HALLMARK_STORE, XDG_DATA_HOME or HOME");
}

}  // namespace
}  // namespace hallmark
