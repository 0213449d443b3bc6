// A box over a root file system that is nothing but Debian's static busybox, so that these tests need no toolchain.
#pragma once

#include <sys/stat.h>

#include <fstream>

#include <gtest/gtest.h>

#include "lib/build/host.h"
#include "lib/build/sandbox.h"
#include "lib/formats/tar.h"

namespace hallmark::build {

class BoxTest : public testing::TestWithParam<std::string> {
 protected:
  static constexpr const char* kBusybox = "/usr/bin/busybox";

  void SetUp() override {
    ASSERT_TRUE(fs::exists(kBusybox) || fs::exists("/bin/busybox")) << "the package busybox-static is not installed";
    auto made = TemporaryFolder::make("hallmark-box");
    ASSERT_TRUE(made) << made.error().message();
    folder_.emplace(*std::move(made));
    request.root = folder_->path() / "root";
    request.out = folder_->path() / "out";
    request.log = folder_->path() / "log";
    fs::create_directories(request.out);
    for (const char* path : {"bin", "build", "dev", "etc", "proc", "run", "tmp", "var/tmp"})
      fs::create_directories(request.root / path);
    fs::copy_file(fs::exists(kBusybox) ? kBusybox : "/bin/busybox", request.root / "bin/busybox");
    fs::permissions(request.root / "bin/busybox", fs::perms(0755));
    for (const char* name :
         {"sh",     "cat", "chmod",  "cut",    "env",     "false", "find",  "grep", "head",  "hostname",
          "id",     "ls",  "ln",     "mkdir",  "mkfifo",  "mknod", "mount", "mv",   "nc",    "nproc",
          "printf", "ps",  "rm",     "setsid", "sleep",   "sort",  "stat",  "tail", "touch", "tr",
          "true",   "tty", "umount", "uname",  "unshare", "wc",    "yes",   "dd",   "seq",   "taskset"})
      fs::create_symlink("busybox", request.root / "bin" / name);
    std::ofstream(request.root / "etc/passwd") << "build:x:1000:1000::/nonexistent:/bin/sh\n";
    const Owner owner = box_owner();
    for (const auto& entry : fs::recursive_directory_iterator(request.root)) give(entry.path(), owner);
    give(request.root, owner);
    request.epoch = 1700000000;
    auto found = find_sandbox(GetParam());
    ASSERT_TRUE(found) << found.error().message();
    sandbox = *found;
    // Whether this machine can run it is the first test's question; the others follow from it.
  }

  static void give(const fs::path& path, Owner owner) {
    EXPECT_EQ(lchown(path.c_str(), owner.uid, owner.gid), 0) << path;
  }

  // Runs one step and expects it to succeed; gives what it printed.
  std::string printed(const std::string& step) {
    request.steps = {step};
    auto result = sandbox->run(request);
    EXPECT_TRUE(result) << result.error().message();
    if (result) {
      EXPECT_FALSE(result->failed) << "status " << result->status << "\n" << log();
    }
    return log();
  }
  // Runs one step; its exit status.
  int status_of(const std::string& step) {
    request.steps = {step};
    auto result = sandbox->run(request);
    EXPECT_TRUE(result) << result.error().message();
    return result ? result->status : -1;
  }
  Error error_of(const std::string& step) {
    request.steps = {step};
    auto result = sandbox->run(request);
    EXPECT_FALSE(result) << "no error from: " << step;
    return result ? Error{} : result.error();
  }
  std::string log() const {
    auto text = read_text(request.log, 64 << 20);
    return text ? *text : "";
  }
  fs::path scratch() const { return folder_->path(); }

  BoxRequest request;
  const Sandbox* sandbox = nullptr;

 private:
  std::optional<TemporaryFolder> folder_;
};

}  // namespace hallmark::build
