#include "lib/build/rootfs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <mutex>

#include "lib/base/process.h"
#include "lib/build/debroot.h"

namespace hallmark::build {
namespace {

using testing::HasSubstr;
using Kind = ArchiveEntry::Type;

PackageFiles::Item folder(std::string path) {
  return {{.path = std::move(path), .type = Kind::folder, .mode = 0755, .size = {}, .target = {}}, {}};
}
PackageFiles::Item file(std::string path, std::string content, std::uint32_t mode = 0644) {
  Content c{.staged = "staged " + path + content, .sha256 = digest<Alg::sha256>(as_bytes(content))};
  return {{.path = std::move(path), .type = Kind::file, .mode = mode, .size = content.size(), .target = {}},
          std::move(c)};
}
PackageFiles::Item link(Kind type, std::string path, std::string target) {
  return {{.path = std::move(path), .type = type, .mode = 0777, .size = {}, .target = std::move(target)}, {}};
}

// The tree as lines "path kind …", without what the rules themselves put in.
std::vector<std::string> lines_of(const RootTree& tree) {
  std::vector<std::string> out;
  for (const auto& [path, node] : tree) {
    if (node.from == "debroot-1") continue;
    static constexpr const char* kNames[] = {"file", "executable", "folder", "link"};
    out.push_back(path + " " + kNames[static_cast<int>(node.type)] + (node.target.empty() ? "" : " " + node.target));
  }
  return out;
}

std::string refusal(const std::vector<PackageFiles>& packages) {
  const auto tree = merge_packages(packages);
  return tree ? "accepted" : tree.error().message();
}

TEST(Debroot, MergesUsr) {
  const auto tree = merge_packages(
      {{"a",
        {folder("./"), folder("./bin/"), file("./bin/sh", "x", 0755), link(Kind::hardlink, "./bin/dash", "./bin/sh"),
         folder("./lib64/"), link(Kind::symlink, "./lib64/ld.so", "/lib/ld.so")}}});
  ASSERT_TRUE(tree) << tree.error().message();
  EXPECT_THAT(lines_of(*tree),
              testing::ElementsAre("usr folder", "usr/bin folder", "usr/bin/dash executable", "usr/bin/sh executable",
                                   "usr/lib64 folder", "usr/lib64/ld.so link /lib/ld.so"));
  EXPECT_EQ(tree->at("bin").target, "usr/bin");
  EXPECT_EQ(tree->at("usr/bin/dash").content.staged, tree->at("usr/bin/sh").content.staged);
  EXPECT_FALSE(tree->contains("lib32"));  // no package has that folder
}

TEST(Debroot, FollowsTheLinksOfEarlierPackagesAndNeverLeavesTheRoot) {
  const PackageFiles links{
      "a",
      {folder("./opt/"), link(Kind::symlink, "./opt/up", "../../../var/x"), link(Kind::symlink, "./opt/abs", "/srv")}};
  const auto tree =
      merge_packages({links, {"b", {file("./opt/up/one", "1"), file("./opt/abs/two", "2"), folder("./opt/abs/")}}});
  ASSERT_TRUE(tree) << tree.error().message();
  EXPECT_THAT(lines_of(*tree), testing::IsSupersetOf({"var/x/one file", "srv/two file", "opt/abs link /srv",
                                                      "opt/up link ../../../var/x"}));
  EXPECT_EQ(refusal({{"a", {link(Kind::symlink, "./l", "l"), file("./l/x", "")}}}),
            "package a: entry \"l/x\": more than 40 symbolic links on the way");
  EXPECT_EQ(refusal({{"a", {link(Kind::symlink, "./l", "."), folder("./l/")}}}),
            "package a: entry \"l\": does not lead to a place below the root");
}

TEST(Debroot, RefusesWhatItCannotPlace) {
  EXPECT_EQ(refusal({{"a", {file("../x", "")}}}), "package a: entry \"../x\": is not a plain relative path");
  EXPECT_EQ(refusal({{"a", {file("/etc/x", "")}}}), "package a: entry \"/etc/x\": is not a plain relative path");
  EXPECT_EQ(
      refusal({{"a", {{{.path = "./dev/null", .type = Kind::other, .mode = 0666, .size = {}, .target = {}}, {}}}}}),
      "package a: entry \"./dev/null\": is neither a file, a folder nor a link");
  EXPECT_EQ(refusal({{"a", {link(Kind::hardlink, "./x", "./y")}}}),
            "package a: entry \"./x\": hard link to \"./y\", which is no earlier file of the package");
  EXPECT_EQ(refusal({{"a", {file("./x", "")}}, {"b", {file("./x/y", "")}}}),
            "package b: entry \"x/y\": \"x\" of package a is no folder");
  EXPECT_EQ(refusal({{"a", {file("./", "")}}}), "package a: entry \"./\": stands where the root folder belongs");
}

TEST(Debroot, PackagesMayShareOnlyWhatIsTheSame) {
  EXPECT_EQ(refusal({{"a", {file("./x", "same")}}, {"b", {file("./x", "same")}}}), "accepted");
  EXPECT_EQ(refusal({{"a", {file("./x", "one")}}, {"b", {file("./x", "two")}}}),
            "package b and package a both have \"x\", and not the same");
  EXPECT_EQ(refusal({{"a", {file("./x", "same")}}, {"b", {file("./x", "same", 0755)}}}),
            "package b and package a both have \"x\", and not the same");
  EXPECT_EQ(refusal({{"a", {folder("./x/")}}, {"b", {link(Kind::symlink, "./x", "y")}}}),
            "package b and package a both have \"x\", and not the same");
}

TEST(Debroot, MakesTheDeclaredAlternativesWhereTheirTargetIs) {
  const auto tree = merge_packages(
      {{"a",
        {file("./usr/bin/mawk", "m", 0755), file("./usr/bin/gawk", "g", 0755), file("./usr/bin/gcc", "c", 0755),
         file("./usr/bin/which", "own", 0755), file("./usr/bin/which.debianutils", "w", 0755)}}});
  ASSERT_TRUE(tree) << tree.error().message();
  EXPECT_EQ(tree->at("usr/bin/awk").target, "gawk");
  EXPECT_EQ(tree->at("usr/bin/cc").target, "gcc");
  EXPECT_EQ(tree->at("usr/bin/which").type, RootNode::Type::executable);
  EXPECT_FALSE(tree->contains("usr/bin/c++"));
}

// Two small packages made by dpkg-deb, put together in a store.
class Rootfs : public testing::Test {
 protected:
  TemporaryFolder folder_ = *TemporaryFolder::make("rootfs-test");
  Store store_ = *Store::open(folder_.path() / "store");
  const Owner owner_{geteuid(), getegid()};
  SilentProgress progress_;

  void make(const fs::path& path, std::string_view content, mode_t mode = 0644) {
    ASSERT_TRUE(make_folders(path.parent_path()));
    ASSERT_TRUE(write_file(path, content, mode));
  }

  pin::PackagePin package(const std::string& name, const fs::path& tree) {
    make(tree / "DEBIAN/control",
         "Package: " + name +
             "\nVersion: 1\nArchitecture: all\nMaintainer: nobody <nobody@example.org>\nDescription: test\n");
    const fs::path deb = folder_.path() / (name + ".deb");
    const auto done =
        run_process({.arguments = {"dpkg-deb", "--root-owner-group", "-Zxz", "-b", tree.string(), deb.string()}});
    EXPECT_TRUE(done) << done.error().message();
    EXPECT_EQ(done->status, 0) << done->errors;
    const Bytes bytes = *read_file(deb, 1 << 20);
    return {.name = name,
            .version = "1",
            .arch = "all",
            .suite = "test",
            .path = deb.filename(),
            .sha256 = to_hex(*store_.put(bytes)),
            .size = bytes.size()};
  }

  pin::Lock lock() {
    const fs::path a = folder_.path() / "a", b = folder_.path() / "b";
    make(a / "bin/tool", "#!/bin/sh\n", 0755);
    make(a / "usr/share/a/data", "data");
    fs::create_hard_link(a / "bin/tool", a / "bin/twin");
    fs::create_symlink("tool", a / "bin/sh");
    make(b / "usr/bin/mawk", "awk", 04755);
    make(b / "etc/secret", "s", 0600);
    pin::Lock out;
    out.debian.packages = {package("a", a), package("b", b)};
    return out;
  }

  static struct stat look(const fs::path& path) {
    struct stat st {};
    EXPECT_EQ(lstat(path.c_str(), &st), 0) << path;
    return st;
  }
};

TEST_F(Rootfs, IsWhatThePackagesHoldUnderTheRules) {
  const pin::Lock pins = lock();
  const mode_t before = umask(0777);
  const auto root = assemble_root(store_, pins, owner_, progress_);
  umask(before);
  ASSERT_TRUE(root) << root.error().message();

  const fs::path& at = root->folder;
  EXPECT_EQ(*read_text(at / "bin/sh", 100), "#!/bin/sh\n");
  EXPECT_EQ(look(at / "usr/bin/twin").st_ino, look(at / "usr/bin/tool").st_ino);
  EXPECT_EQ(fs::read_symlink(at / "usr/bin/awk"), "mawk");
  EXPECT_EQ(look(at / "usr/bin/mawk").st_mode & 07777, 0755u);  // no set-user-id
  EXPECT_EQ(look(at / "etc/secret").st_mode & 07777, 0644u);
  EXPECT_EQ(*read_text(at / "etc/passwd", 1000),
            "root:x:0:0:root:/root:/bin/sh\nbuild:x:1000:1000:build:/nonexistent:/bin/sh\nnobody:x:65534:65534:nobody:/"
            "nonexistent:/usr/sbin/nologin\n");
  for (const char* path : {"", "build", "dev", "proc", "run", "tmp", "var/tmp", "usr/share/a"})
    EXPECT_EQ(look(at / path).st_mode & 07777, 0755u) << path;
  for (const char* path : {"", "build", "etc/passwd", "bin", "usr/bin/tool", "usr/share/a"})
    EXPECT_EQ(look(at / path).st_mtim.tv_sec, 315619200) << path;
  EXPECT_FALSE(fs::exists(at / "DEBIAN"));
  EXPECT_EQ(std::distance(fs::directory_iterator(at), fs::directory_iterator()),
            9);  // bin build dev etc proc run tmp usr var

  // oracle: the same tree made by hand in a shell, archived by GNU tar 1.34 as specs/formats/hallmark-tar-1.md says.
  EXPECT_EQ(root->pin.sha256, "c94670d74d6d57bac8f8aeb7ca7a6eec466c569892d1a0d88b52fd5cb19c9645");
}

TEST_F(Rootfs, IsTheSameInAnotherPlace) {
  pin::Lock pins = lock();
  const auto root = assemble_root(store_, pins, owner_, progress_);
  ASSERT_TRUE(root) << root.error().message();
  pins.root = root->pin;
  const fs::path copy = folder_.path() / "copy";
  ASSERT_TRUE(make_folders(copy));
  const auto unpacked = unpack_root(store_, pins, owner_, copy, progress_);
  EXPECT_TRUE(unpacked) << unpacked.error().message();
}

TEST_F(Rootfs, AnotherDigestThanThePinnedIsAMismatch) {
  pin::Lock pins = lock();
  pins.root.sha256 = std::string(64, '0');
  const auto root = assemble_root(store_, pins, owner_, progress_);
  ASSERT_FALSE(root);
  EXPECT_EQ(root.error().fault, Fault::mismatch);
  EXPECT_THAT(root.error().message(), HasSubstr("and the lock pins sha256:" + pins.root.sha256));
}

TEST_F(Rootfs, ATreeThatWasTouchedIsMadeAgain) {
  struct Notes final : Progress {
    std::string notes;
    void phase(std::string_view) override {}
    void advance(std::uint64_t, std::uint64_t) override {}
    void note(std::string_view line) override { notes += line; }
  } notes;
  const pin::Lock pins = lock();
  const auto first = assemble_root(store_, pins, owner_, notes);
  ASSERT_TRUE(first) << first.error().message();
  EXPECT_EQ(notes.notes, "");
  ASSERT_TRUE(write_file(first->folder / "usr/share/a/data", "evil"));
  const auto second = assemble_root(store_, pins, owner_, notes);
  ASSERT_TRUE(second) << second.error().message();
  EXPECT_EQ(*read_text(second->folder / "usr/share/a/data", 100), "data");
  EXPECT_EQ(notes.notes, "the root file system in the store is not what was unpacked; it is made again");
}

TEST_F(Rootfs, ADamagedPackageIsNamedAndNothingIsLeft) {
  const pin::Lock pins = lock();
  const fs::path blob = store_.blob_path(*digest_from_hex<Alg::sha256>(pins.debian.packages[1].sha256));
  std::string bytes = *read_text(blob, 1 << 20);
  bytes[bytes.size() / 2] ^= 1;
  ASSERT_TRUE(write_file(blob, bytes));
  const auto root = assemble_root(store_, pins, owner_, progress_);
  ASSERT_FALSE(root);
  EXPECT_EQ(root.error().fault, Fault::mismatch);
  EXPECT_THAT(root.error().message(),
              testing::StartsWith("package b 1 (all): blob sha256:" + pins.debian.packages[1].sha256 + " was damaged"));
  EXPECT_FALSE(fs::exists(store_.root() / "trees/debroot-1"));
}

}  // namespace
}  // namespace hallmark::build
