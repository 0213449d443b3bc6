#include "lib/build/bwrap.h"

#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "lib/base/process.h"
#include "lib/build/box_process.h"
#include "lib/build/host.h"
#include "lib/build/seccomp.h"
#include "lib/build/world.h"

namespace hallmark::build {
namespace {

// The first program of the box. Steps come as arguments; descriptor 3 is the control channel. What this
// shell adds to its environment is taken away again; nothing of a step outlives it.
constexpr char kRunner[] = R"(
echo ready >&3
read -r hallmark_go <&3 || exit 1
unset PWD OLDPWD SHLVL
hallmark_step=0
while [ $# -gt 0 ]; do
  hallmark_status=0
  /bin/sh -euc "$1" </dev/null 3>&- || hallmark_status=$?
  kill -9 -1 2>/dev/null
  [ $hallmark_status = 0 ] || { echo "step $hallmark_step $hallmark_status" >&3; exit 0; }
  hallmark_step=$((hallmark_step + 1))
  shift
done
echo done >&3
)";

// Where root shows the root file system to bwrap, which runs as an ordinary user that may not be able to reach it.
constexpr char kShownAt[] = "/mnt";

// The descriptors that bwrap gets, under the numbers that its arguments name.
constexpr int kControl = 3, kFilter = 4, kFirstFile = 5;
constexpr int kAboveAll = 100;  // where they wait until the child moves them

Result<Fd> descriptor_above(int fd) {
  Fd out(fcntl(fd, F_DUPFD_CLOEXEC, kAboveAll));
  if (!out) return fail_errno("fcntl(F_DUPFD_CLOEXEC)", errno);
  return out;
}

// A file in memory, to be read from its start.
Result<Fd> file_of(ByteView content) {
  const Fd fd(memfd_create("hallmark", MFD_CLOEXEC));
  if (!fd) return fail_errno("memfd_create", errno);
  CHECK(write_all(fd.get(), content));
  if (lseek(fd.get(), 0, SEEK_SET) != 0) return fail_errno("lseek", errno);
  return descriptor_above(fd.get());
}

std::string octal(mode_t mode) {
  char text[16];
  std::snprintf(text, sizeof text, "%04o", mode);
  return text;
}

using Arguments = std::vector<std::string>;

Arguments describe_box(const BoxRequest& request, const Arguments& extra) {
  Arguments out{"bwrap", "--unshare-user", "--unshare-all", "--uid", std::to_string(kBoxUser), "--gid",
                std::to_string(kBoxUser), "--hostname", std::string(kHostName), "--cap-drop", "ALL", "--new-session",
                "--die-with-parent",
                // The runner is the first process itself, so that the control channel tells who that is.
                "--as-pid-1", "--seccomp", std::to_string(kFilter)};
  const auto add = [&out](std::initializer_list<std::string> more) { out.insert(out.end(), more); };
  const auto memory = [&add](const std::string& path, mode_t mode, std::uint64_t bytes) {
    add({"--perms", octal(mode), "--size", std::to_string(bytes), "--tmpfs", path});
  };
  constexpr std::uint64_t kSmall = 1 << 20;

  add({"--ro-bind", is_privileged() ? kShownAt : request.root.string(), "/"});
  out.insert(out.end(), extra.begin(), extra.end());
  memory("/dev", 0755, kSmall);
  for (const std::string_view name : devices())
    add({"--dev-bind", "/dev/" + std::string(name), "/dev/" + std::string(name)});
  for (const auto& [name, target] : device_links())
    add({"--symlink", std::string(target), "/dev/" + std::string(name)});
  add({"--dir", "/dev/shm", "--remount-ro", "/dev"});
  add({"--proc", "/proc"});
  int fd = kFirstFile;
  for (const FixedFile& file : fixed_files(request.cpus, request.epoch))
    add({"--perms", "0444", "--ro-bind-data", std::to_string(fd++), file.path});
  for (const std::string& path : hidden_files()) add({"--dev-bind", "/dev/null", path});
  for (const std::string& path : hidden_folders()) {
    memory(path, 0555, kSmall);
    add({"--remount-ro", path});
  }
  for (const std::string& path : read_only_parts()) add({"--ro-bind", path, path});
  for (const MemoryFolder& folder : memory_folders()) memory(folder.path, folder.mode, folder.bytes);
  add({"--chdir", std::string(kBuildFolder), "--", std::string(kShell), "-c", kRunner, "sh"});
  out.insert(out.end(), request.steps.begin(), request.steps.end());
  return out;
}

// Between fork and exec: only system calls.
struct Launch {
  std::vector<char*> arguments, environment;
  std::vector<int> descriptors;  // become 3, 4, 5, …
  int log;
  cpu_set_t cpus;
  const char* root;
  bool privileged;
  Owner owner;
  std::string user_map, group_map;  // of an ordinary user: nobody but itself
  int parent;                       // a pidfd
};

[[noreturn]] void give_up(const char* what) {
  const char* why = strerrordesc_np(errno);
  for (const char* part : {what, ": ", why != nullptr ? why : "unknown error", "\n"})
    static_cast<void>(!write(2, part, std::strlen(part)));
  _exit(127);
}

// In a mount namespace of its own, root shows the root file system where bwrap can reach it, and
// uncovers /proc: without a whole one in sight the kernel gives an ordinary user no new one.
void become_ordinary_user(const Launch& launch) {
  if (unshare(CLONE_NEWNS) != 0) give_up("a new mount namespace");
  if (mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) give_up("making the mounts private");
  if (mount(launch.root, kShownAt, nullptr, MS_BIND, nullptr) != 0) give_up("mounting the root file system on /mnt");
  if (mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr) != 0) give_up("mounting /proc");
  if (setgroups(0, nullptr) != 0) give_up("dropping supplementary groups");
  if (setresgid(launch.owner.gid, launch.owner.gid, launch.owner.gid) != 0) give_up("becoming the box's group");
  if (setresuid(launch.owner.uid, launch.owner.uid, launch.owner.uid) != 0) give_up("becoming the box's user");
}

void write_file(const char* path, std::string_view text) {
  const int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0 || write(fd, text.data(), text.size()) != static_cast<ssize_t>(text.size())) give_up(path);
  close(fd);
}

[[noreturn]] void exec_bwrap(const Launch& launch) {
  for (int number = 1; number < NSIG; number++) signal(number, SIG_DFL);
  setsid();
  for (int fd : {0, 1, 2}) dup2(launch.log, fd);
  int next = kControl;
  for (int fd : launch.descriptors)
    if (dup2(fd, next++) < 0) give_up("dup2");
  if (launch.privileged) {
    become_ordinary_user(launch);
  } else {
    write_file("/proc/self/setgroups", "deny");
    write_file("/proc/self/uid_map", launch.user_map);
    write_file("/proc/self/gid_map", launch.group_map);
  }
  if (const char* call = hold_conditions(launch.cpus)) give_up(call);
  if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) give_up("prctl(PR_SET_PDEATHSIG)");
  pollfd parent{launch.parent, POLLIN, 0};
  if (poll(&parent, 1, 0) != 0) _exit(127);  // it died before that
  close_range(static_cast<unsigned>(next), ~0U, 0);
  execvpe("bwrap", launch.arguments.data(), launch.environment.data());
  give_up("bwrap cannot be run (Debian's package is bubblewrap)");
}

// "1000 1000 1"
std::string only(unsigned id) { return std::to_string(id) + " " + std::to_string(id) + " 1\n"; }

// bwrap becomes the first process of a pid namespace around its own: its child waits for it before it binds its life to
// bwrap's, and would wait forever for one that was killed before it said the word.
Result<BoxProcess> start(const BoxRequest& request, const Arguments& extra) {
  // A new UTS namespace starts with the host's names, and bwrap sets only the first.
  utsname names{};
  uname(&names);
  if (names.domainname != kDomainName)
    return fail(Fault::environment, "bwrap leaves this host's NIS domain name \"" + printable(names.domainname) +
                                        "\" in the box; use the native sandbox, or unset it (domainname \"(none)\")");
  TRY(const cpu_set_t cpus, choose_cpus(request));
  TRY(const auto filter, seccomp_filter());
  TRY(Channels channels, make_channels());
  const Fd self(static_cast<int>(syscall(SYS_pidfd_open, getpid(), 0)));
  if (!self) return fail_errno("pidfd_open", errno);
  TRY(const Fd parent, descriptor_above(self.get()));

  std::vector<Fd> descriptors;
  const auto keep = [&descriptors](Result<Fd> fd) -> Status {
    if (!fd) return Failure(std::move(fd).error());
    descriptors.push_back(*std::move(fd));
    return {};
  };
  CHECK(keep(descriptor_above(channels.child_control.get())));
  CHECK(keep(file_of({reinterpret_cast<const std::uint8_t*>(filter.data()), filter.size() * sizeof(sock_filter)})));
  for (const FixedFile& file : fixed_files(request.cpus, request.epoch)) CHECK(keep(file_of(as_bytes(file.content))));

  Arguments arguments = describe_box(request, extra);
  std::vector<std::string> variables;
  for (const auto& [name, value] : environment(request)) variables.push_back(name + "=" + value);
  TRY(Fd log, descriptor_above(channels.child_log.get()));
  const std::string root = request.root.string();
  const Owner owner = box_owner();
  Launch launch{.arguments = null_terminated(arguments),
                .environment = null_terminated(variables),
                .descriptors = {},
                .log = log.get(),
                .cpus = cpus,
                .root = root.c_str(),
                .privileged = is_privileged(),
                .owner = owner,
                .user_map = only(owner.uid),
                .group_map = only(owner.gid),
                .parent = parent.get()};
  for (const Fd& fd : descriptors) launch.descriptors.push_back(fd.get());

  TRY(const pid_t pid, clone_first_process(0));
  if (pid == 0) exec_bwrap(launch);
  BoxProcess box(pid, std::move(channels.control), std::move(channels.log));
  channels.child_control.reset();
  channels.child_log.reset();
  descriptors.clear();
  // Nobody else may hold the log open: its end is how we see the box's.
  log.reset();
  TRY(const auto said, box.line());
  if (said != "ready") return fail(Fault::environment, "bwrap: " + box.last_words());
  return box;
}

class Bwrap final : public Sandbox {
 public:
  std::string_view name() const override { return "bwrap"; }
  Status probe() const override {
    // The runner is a shell; the host's own stands in for the root file system's.
    return probe_box([](const BoxRequest& request) { return run_with(request, {"--ro-bind", "/usr", "/usr"}); });
  }
  Result<BoxResult> run(const BoxRequest& request) const override { return run_with(request, {}); }

 private:
  static Result<BoxResult> run_with(const BoxRequest& request, const Arguments& extra) {
    return run_box(request, [&extra](const BoxRequest& r) { return start(r, extra); });
  }
};

}  // namespace

const Sandbox& bwrap_sandbox() {
  static const Bwrap sandbox;
  return sandbox;
}

}  // namespace hallmark::build
