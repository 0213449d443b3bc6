// What a recipe finds in the box, in both backends. Each case is one that a hostile or careless recipe would try.
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

#include <chrono>
#include <thread>

#include <gmock/gmock.h>

#include "lib/base/interrupt.h"
#include "tests/unit/build/box_fixture.h"

namespace hallmark::build {
namespace {

using testing::HasSubstr;

INSTANTIATE_TEST_SUITE_P(Backend, BoxTest, testing::Values("native", "bwrap"),
                         [](const auto& backend) { return backend.param; });

// Whether any process of this machine has `word` in its command line.
bool is_running(const std::string& word) {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator("/proc", error))
    if (const auto line = read_text(entry.path() / "cmdline", 1 << 20); line && line->find(word) != std::string::npos)
      return true;
  return false;
}

// Waits for a condition that will come true; a test that waits in vain fails.
template <class Condition>
bool comes_true(Condition condition) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return true;
}

std::string host_mounts() {
  auto mounts = read_text("/proc/self/mountinfo", 16 << 20);
  return mounts ? *mounts : "";
}

// A number that nothing else on this machine sleeps for.
std::string marker(const std::string& name) {
  return std::to_string(100000 + getpid() % 10000) + std::to_string(std::hash<std::string>()(name) % 100000);
}

TEST_P(BoxTest, CanBeProbed) {
  const Status probe = sandbox->probe();
  EXPECT_TRUE(probe) << probe.error().message();
}

TEST_P(BoxTest, FixesWhatARecipeCanSeeOfItself) {
  const std::string seen = "uid=1000(build) gid=1000\nbuild\n(none)\n0022\n/build\n1\n1\n1\nnot a tty\n00040000\n";
  const std::string look =
      "id; hostname; cat /proc/sys/kernel/domainname; umask; pwd; nproc; grep -c ^processor /proc/cpuinfo; "
      "grep -c '^cpu[0-9]' /proc/stat; tty || :; cat /proc/self/personality";
  EXPECT_EQ(printed(look), seen);
  const mode_t before = umask(077);
  EXPECT_EQ(printed(look), seen);
  umask(before);
}

TEST_P(BoxTest, HasExactlyThisEnvironment) {
  request.environment = {{"COLOUR", "blue"}, {"HOME", "/root"}};
  EXPECT_EQ(printed("env | grep -v -e ^PWD= -e ^SHLVL= -e ^OLDPWD= -e ^_= | sort"),
            "COLOUR=blue\nHALLMARK_JOBS=1\nHOME=/nonexistent\nLANG=C.UTF-8\nLC_ALL=C.UTF-8\nLOGNAME=build\n"
            "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/"
            "bin\nSOURCE_DATE_EPOCH=1700000000\nTZ=UTC\nUSER=build\n");
}

TEST_P(BoxTest, HasNoCapabilityAndTheFilter) {
  EXPECT_EQ(printed("grep -e ^Cap -e ^NoNewPrivs -e ^Seccomp: /proc/self/status | tr -d '\\t'"),
            "CapInh:0000000000000000\nCapPrm:0000000000000000\nCapEff:0000000000000000\nCapBnd:0000000000000000\n"
            "CapAmb:0000000000000000\nNoNewPrivs:1\nSeccomp:2\n");
}

TEST_P(BoxTest, HasFewDevicesAndNothingOfTheHost) {
  EXPECT_EQ(printed("ls /"), "bin\nbuild\ndev\netc\nproc\nrun\ntmp\nvar\n");
  EXPECT_EQ(printed("ls /dev"), "fd\nfull\nnull\nrandom\nshm\nstderr\nstdin\nstdout\ntty\nurandom\nzero\n");
  EXPECT_EQ(printed("cut -d: -f1 /proc/net/dev | tail -n +3 | tr -d ' '; wc -l < /proc/net/route"), "lo\n1\n");
  EXPECT_EQ(printed("cat /proc/kcore /proc/keys /proc/timer_list 2>/dev/null | wc -c"), "0\n");
  EXPECT_EQ(printed("ls /proc/self/fd | sort -n | head -3 | tr '\\n' ' '; ls /proc/self/fd | wc -l"), "0 1 2 4\n")
      << "3 is ls's own";
  // Only the first process, the shells of the step and what it runs.
  EXPECT_LE(std::stoi(printed("ls /proc | grep -c '^[0-9]'")), 6);
}

TEST_P(BoxTest, CanWriteOnlyToFreshMemory) {
  EXPECT_EQ(
      printed("for d in / /bin /dev /etc /proc /proc/sys/kernel /var; do (: > $d/x) 2>/dev/null && echo $d; done; "
              "for f in /bin/busybox /etc/passwd /proc/sys/kernel/hostname /proc/sys/kernel/core_pattern "
              "/proc/sysrq-trigger; do "
              "(: >> $f) 2>/dev/null && echo $f; done; :"),
      "");
  EXPECT_EQ(printed("for d in /build /tmp /var/tmp /run /dev/shm; do ls -A $d; echo here > $d/x; cat $d/x; done"),
            "here\nhere\nhere\nhere\nhere\n");
  EXPECT_EQ(printed("for d in /build /tmp /var/tmp /run /dev/shm; do ls -A $d; done"), "") << "something survived";
  EXPECT_EQ(host_mounts().find((scratch() / "root").string()), std::string::npos);
}

TEST_P(BoxTest, RefusesEveryWayOut) {
  const char* intruder = std::getenv("HALLMARK_INTRUDER");
  fs::copy_file(intruder != nullptr ? intruder : HALLMARK_INTRUDER, request.root / "bin/intruder");
  fs::permissions(request.root / "bin/intruder", fs::perms(0755));
  give(request.root / "bin/intruder", box_owner());
  // bwrap's first process is of the box's own user and has no more rights than a step.
  const std::string memory = GetParam() == "native" ? "EACCES" : "done";
  EXPECT_EQ(printed("intruder"), R"(connect outside: ENETUNREACH
listen on loopback: done
vsock: EAFNOSUPPORT
packet socket: EAFNOSUPPORT
kernel crypto socket: EAFNOSUPPORT
netlink audit: EAFNOSUPPORT
ptrace: EPERM
read another's memory: EPERM
open the first process's memory: )" + memory +
                                     R"(
mount: EPERM
umount: EPERM
new mount API: EPERM
open_tree: EPERM
chroot: EPERM
unshare: EPERM
clone: EPERM
clone3: ENOSYS
setns: EPERM
keyctl: ENOSYS
add_key: ENOSYS
bpf: EPERM
perf_event_open: EPERM
userfaultfd: ENOSYS
io_uring_setup: ENOSYS
init_module: EPERM
kexec_load: EPERM
make a file: done
chmod u+s: EPERM
chmod g+s: EPERM
fchmodat u+s: EPERM
create u+s: EPERM
creat u+s: EPERM
mknod u+s: EPERM
mknod device: EPERM
setxattr: EOPNOTSUPP
sticky folder: done
setuid: EINVAL
setgid: EINVAL
setgroups: EPERM
personality: EPERM
ask for the personality: done
sched_setaffinity: EPERM
sethostname: EPERM
clock_settime: EPERM
TIOCSTI: EPERM
close the first process: done
32-bit call: killed
)");
}

TEST_P(BoxTest, LeavesNoProcessBehind) {
  const std::string before = host_mounts(), seconds = marker(GetParam() + "fork");
  EXPECT_EQ(printed("i=0; while [ $i -lt 1000 ]; do sleep " + seconds +
                    " & i=$((i + 1)); done; ls /proc | grep -c '^[0-9]' | cut -c1-2"),
            "10\n");
  EXPECT_FALSE(is_running(seconds));
  EXPECT_EQ(printed("setsid sleep " + seconds + " >/dev/null 2>&1 </dev/null & echo started"), "started\n");
  EXPECT_FALSE(is_running(seconds)) << "a child that made itself a daemon";
  EXPECT_EQ(host_mounts(), before);
}

TEST_P(BoxTest, EndsWithTheProgramHoweverThatEnds) {
  const std::string seconds = marker(GetParam() + "signal");
  // The command line of a process shows the steps while it still sets up the box, so some of these ends come early.
  for (int round = 0; round < 24; round++) {
    const int signal_number = round % 2 == 0 ? SIGINT : SIGKILL;
    request.steps = {"setsid sleep " + seconds + " & sleep " + seconds};
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      watch_for_interrupts();
      const auto result = sandbox->run(request);
      _exit(!result && result.error().fault == Fault::interrupted && !is_running(seconds) ? 130 : 1);
    }
    ASSERT_TRUE(comes_true([&] { return is_running(seconds); }));
    kill(child, signal_number);
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    if (signal_number == SIGINT) {
      EXPECT_EQ(WEXITSTATUS(status), 130) << "not interrupted, or a process was left";
    }
    EXPECT_TRUE(comes_true([&] { return !is_running(seconds); })) << "signal " << signal_number;
  }
}

TEST_P(BoxTest, ReportsTheStepThatFailed) {
  request.steps = {"echo one", "echo two; exit 3", "echo three"};
  auto result = sandbox->run(request);
  ASSERT_TRUE(result) << result.error().message();
  EXPECT_EQ(result->failed, 1u);
  EXPECT_EQ(result->status, 3);
  EXPECT_EQ(log(), "one\ntwo\n");
  EXPECT_EQ(status_of("kill -9 $$"), 128 + SIGKILL);
  EXPECT_EQ(status_of("no-such-program"), 127);
  EXPECT_EQ(status_of("false; true"), 1) << "sh -e";
  EXPECT_NE(status_of("echo $unset"), 0) << "sh -u";
}

TEST_P(BoxTest, KeepsALargeLogAndBytesThatAreNoText) {
  EXPECT_EQ(printed("yes 0123456789abcde | head -c 8388608").size(), 8388608u);
  std::string live;
  request.on_output = [&live](std::string_view piece) { live += piece; };
  EXPECT_EQ(printed("printf '\\377\\000\\033[31m'"), std::string("\xff\0\x1b[31m", 7));
  EXPECT_EQ(live, log());
}

TEST_P(BoxTest, PutsSourcesInSortedOrderWithOneTime) {
  const fs::path archive = scratch() / "source.tar";
  {
    auto fd = open_file(archive, O_WRONLY | O_CREAT, 0644);
    ASSERT_TRUE(fd);
    TarWriter writer([&](ByteView bytes) { return write_all(fd->get(), bytes); });
    using Type = TarEntry::Type;
    for (const TarEntry& entry : {TarEntry{.path = "a", .type = Type::file, .size = 2, .target = {}},
                                  TarEntry{.path = "b/run", .type = Type::executable, .size = 2, .target = {}},
                                  TarEntry{.path = "c", .type = Type::symlink, .size = 0, .target = "a"}}) {
      ASSERT_TRUE(writer.add(entry));
      ASSERT_TRUE(writer.data(as_bytes(std::string(entry.size, 'x'))));
    }
    ASSERT_TRUE(writer.finish());
  }
  request.sources = {{".", archive}, {"deep/er", archive}};
  const std::string expected =
      "1000 1000 644 1700000000 a\n1000 1000 755 1700000000 b/run\n1000 1000 777 1700000000 c\n1000 1000 644 "
      "1700000000 deep/er/a\n";
  EXPECT_EQ(printed("stat -c '%u %g %a %Y %n' a b/run c deep/er/a; touch a b/new"), expected);
}

TEST_P(BoxTest, BringsOutputsOut) {
  request.outputs = {"deep/program", "text"};
  printed("mkdir deep; echo '#!' > deep/program; chmod 710 deep/program; echo hello > text; chmod 600 text");
  EXPECT_EQ(*read_text(request.out / "text", 100), "hello\n");
  struct stat st {};
  ASSERT_EQ(stat((request.out / "text").c_str(), &st), 0);
  EXPECT_EQ(st.st_mode & 07777, 0644u);
  ASSERT_EQ(stat((request.out / "deep/program").c_str(), &st), 0);
  EXPECT_EQ(st.st_mode & 07777, 0755u);
}

TEST_P(BoxTest, TakesNothingButRegularFilesForOutputs) {
  request.outputs = {"folder/out"};
  const auto refusal = [&](const std::string& step) {
    const Error error = error_of(step);
    EXPECT_EQ(error.fault, Fault::mismatch);
    EXPECT_TRUE(fs::is_empty(request.out)) << step;
    return error.message();
  };
  EXPECT_THAT(refusal("true"), HasSubstr("output folder/out: was not made"));
  EXPECT_THAT(refusal("mkdir folder; ln -s /etc/passwd folder/out"), HasSubstr("symbolic link"));
  EXPECT_THAT(refusal("mkdir other; echo x > other/out; ln -s other folder"), HasSubstr("symbolic link"));
  EXPECT_THAT(refusal("ln -s /proc/self/root/etc folder"), HasSubstr("symbolic link"));
  EXPECT_THAT(refusal("mkdir folder; mkfifo folder/out"), HasSubstr("FIFO"));
  EXPECT_THAT(refusal("mkdir -p folder/out"), HasSubstr("is a folder"));
  EXPECT_THAT(refusal("mkdir folder; echo x > folder/out; chmod 0 folder/out"), HasSubstr("not readable"));
  EXPECT_THAT(refusal("echo x > folder"), HasSubstr("was not made"));
  EXPECT_THAT(refusal("mkdir folder; dd if=/dev/null of=folder/out bs=1 seek=1000000000000 2>/dev/null"),
              HasSubstr("bytes, at most"));
}

TEST_P(BoxTest, RefusesCpusThatAreNotThere) {
  request.cpus = 1000;
  EXPECT_THAT(error_of("true").message(), HasSubstr("1000 CPUs"));
}

TEST_P(BoxTest, NamesWhatTheRootFileSystemLacks) {
  fs::remove(request.root / "var/tmp");
  const std::string message = error_of("true").message();
  EXPECT_THAT(message, HasSubstr("setting up the sandbox"));
  EXPECT_THAT(message, HasSubstr("/var/tmp"));
}

TEST_P(BoxTest, GivesTheSameBytesAsTheOther) {
  request.outputs = {"world"};
  const std::string look =
      "exec > world; id; env | sort; umask; hostname; uname -n -o -m; ls -lan / /dev /etc /bin | grep -v -e '^total' "
      "-e ' proc$'; ls -a /proc/sys; "
      "for f in cpuinfo stat version loadavg uptime self/personality self/limits; do cat /proc/$f; done; "
      "stat -c '%a %u %g %n' /build /tmp /var/tmp /run /dev/shm /dev /proc; nproc; ls -l /proc/self/fd/0 | cut -d'>' "
      "-f2";
  printed(look);
  const auto mine = read_text(request.out / "world", 1 << 20);
  fs::remove(request.out / "world");
  sandbox = *find_sandbox(GetParam() == "native" ? "bwrap" : "native");
  printed(look);
  const auto other = read_text(request.out / "world", 1 << 20);
  ASSERT_TRUE(mine && other);
  EXPECT_EQ(*mine, *other);
}

TEST(Sandbox, IsFoundByName) {
  EXPECT_EQ((*find_sandbox("native"))->name(), "native");
  EXPECT_EQ(find_sandbox("chroot").error().fault, Fault::usage);
}

}  // namespace
}  // namespace hallmark::build
