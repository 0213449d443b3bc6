#include "lib/build/native.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/seccomp.h>
#include <linux/securebits.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstring>

#include "lib/base/process.h"
#include "lib/build/box_process.h"
#include "lib/build/host.h"
#include "lib/build/seccomp.h"
#include "lib/build/world.h"

namespace hallmark::build {
namespace {

constexpr std::uint64_t kNamespaces = CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP;
constexpr std::uint64_t kInert = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV;

// One thing that the first process of the box does to set it up: -1 and errno when it fails.
//
// That process is a bare clone of ours, which may have had other threads: it can only make system calls.
// So all that an action needs, and the words for its failure, stand ready before the clone.
struct Action {
  std::string what;
  std::function<int()> act;
  std::string remedy = {};
};

int say(int control, std::string_view word, std::size_t a, int b) {
  char line[64];
  word = word.substr(0, 16);
  char* end = std::copy(word.begin(), word.end(), line);
  *end++ = ' ';
  end = std::to_chars(end, line + sizeof line - 24, a).ptr;
  *end++ = ' ';
  end = std::to_chars(end, line + sizeof line - 1, b).ptr;
  *end++ = '\n';
  return send(control, line, static_cast<std::size_t>(end - line), MSG_NOSIGNAL) < 0 ? -1 : 0;
}

// Sends a line and waits for the parent's answer. If the parent is gone, so are we.
int ask(int control, std::string_view line) {
  if (send(control, line.data(), line.size(), MSG_NOSIGNAL) < 0) return -1;
  char answer = 0;
  ssize_t n = 0;
  do n = read(control, &answer, 1);
  while (n < 0 && errno == EINTR);
  if (n != 1) _exit(1);
  return 0;
}

int set_flags(const std::string& path, std::uint64_t flags) {
  mount_attr attributes{};
  attributes.attr_set = flags;
  return mount_setattr(AT_FDCWD, path.c_str(), 0, &attributes, sizeof attributes);
}

int bind_mount(const std::string& from, const std::string& to) {
  return mount(from.c_str(), to.c_str(), nullptr, MS_BIND, nullptr);
}

int make_file(const std::string& path, std::string_view content) {
  const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
  if (fd < 0) return -1;
  const auto written = write(fd, content.data(), content.size());
  return close(fd) != 0 || written != static_cast<ssize_t>(content.size()) ? -1 : 0;
}

int bring_up_loopback() {
  const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  ifreq request{};
  std::strncpy(request.ifr_name, "lo", sizeof request.ifr_name - 1);
  request.ifr_flags = IFF_UP | IFF_RUNNING;
  const int result = ioctl(fd, SIOCSIFFLAGS, &request);
  close(fd);
  return result;
}

int enter_root(const std::string& root) {
  // Both arguments the same folder: the old root comes to lie on top of the new one, and is taken off (pivot_root(2)).
  if (chdir(root.c_str()) != 0 || syscall(SYS_pivot_root, ".", ".") != 0 || umount2(".", MNT_DETACH) != 0) return -1;
  return chdir(kBuildFolder.data());
}

// From here on no capability can be had again: not by exec, not as user id 0, not in a user namespace (seccomp).
int drop_capabilities() {
  for (unsigned long capability = 0; prctl(PR_CAPBSET_READ, capability) >= 0; capability++)
    if (prctl(PR_CAPBSET_DROP, capability) != 0) return -1;
  if (prctl(PR_SET_SECUREBITS, SECURE_ALL_BITS | SECURE_ALL_LOCKS) != 0) return -1;
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  const __user_cap_data_struct none[2]{};
  return static_cast<int>(syscall(SYS_capset, &header, none));
}

int install_filter(std::vector<sock_filter>& filter) {
  const sock_fprog program{static_cast<unsigned short>(filter.size()), filter.data()};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return -1;
  return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

// The parent looks into our /proc/PID/root between "ready" and its answer, and from then on nobody may.
int wait_for_sources(int control) {
  if (prctl(PR_SET_DUMPABLE, 1) != 0 || prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) return -1;
  if (ask(control, "ready\n") != 0) return -1;
  return prctl(PR_SET_DUMPABLE, 0);
}

// Everything that the first process does before the first step, in order.
class Plan {
 public:
  Plan(const BoxRequest& request, int control, const cpu_set_t& cpus, std::vector<sock_filter>& filter)
      : root_(request.root.string()),
        control_(control),
        privileged_(is_privileged()),
        owner_(privileged_ ? box_owner().uid : kBoxUser) {
    // An ordinary user may mount only inside a user namespace of his own, where nothing has an owner
    // before the ids are mapped. Root mounts before it enters one: then /proc and the devices belong to nobody
    // in the box, and a host's /proc that is partly covered, as in most containers, is no obstacle.
    if (!privileged_) map_ids();
    mount_root();
    mount_devices();
    mount_proc(request);
    mount_memory();
    add("entering " + root_, [this] { return enter_root(root_); });
    add("naming the host", [] { return sethostname(kHostName.data(), kHostName.size()); });
    add("naming the domain", [] { return setdomainname(kDomainName.data(), kDomainName.size()); });
    add("bringing up the loopback device", bring_up_loopback);
    if (privileged_) {
      add("dropping supplementary groups", [] { return setgroups(0, nullptr); });
      add("entering a user namespace", [] { return unshare(CLONE_NEWUSER); });
      map_ids();
      add("becoming the box's group", [] { return setresgid(kBoxUser, kBoxUser, kBoxUser); });
      add("becoming the box's user", [] { return setresuid(kBoxUser, kBoxUser, kBoxUser); });
    }
    add("fixing the conditions", [&cpus] { return hold_conditions(cpus) == nullptr ? 0 : -1; });
    add("dropping all capabilities", drop_capabilities);
    add("installing the system call filter", [&filter] { return install_filter(filter); });
    add("waiting for the sources", [control] { return wait_for_sources(control); });
  }
  Plan(const Plan&) = delete;  // the actions point to us
  Plan& operator=(const Plan&) = delete;

  const std::vector<Action>& actions() const { return actions_; }

 private:
  void add(std::string what, std::function<int()> act, std::string remedy = {}) {
    actions_.push_back({std::move(what), std::move(act), std::move(remedy)});
  }
  std::string inside(std::string_view path) const { return root_ + std::string(path); }

  void map_ids() {
    add("having its user and group ids mapped", [this] { return ask(control_, "map\n"); });
  }

  void mount_memory_at(std::string_view path, mode_t mode, std::uint64_t bytes, unsigned long flags) {
    char permissions[8];
    *std::to_chars(permissions, permissions + sizeof permissions - 1, mode, 8).ptr = '\0';
    std::string options = "mode=" + std::string(permissions) + ",size=" + std::to_string(bytes) +
                          ",uid=" + std::to_string(owner_) + ",gid=" + std::to_string(owner_);
    add("mounting a tmpfs on " + std::string(path), [to = inside(path), options, flags] {
      return mount("tmpfs", to.c_str(), "tmpfs", MS_NOSUID | MS_NODEV | flags, options.c_str());
    });
  }

  void mount_root() {
    add("making the mounts private", [] { return mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr); });
    add("mounting the root file system " + root_, [this] { return bind_mount(root_, root_); });
    add("making the root file system read-only", [this] { return set_flags(root_, MOUNT_ATTR_RDONLY | kInert); });
  }

  void mount_devices() {
    mount_memory_at("/dev", 0755, kSmall, 0);
    for (std::string_view name : devices())
      add("mounting /dev/" + std::string(name),
          [from = "/dev/" + std::string(name), to = inside("/dev/") + std::string(name)] {
            return make_file(to, {}) != 0 ? -1 : bind_mount(from, to);
          });
    for (const auto& [name, target] : device_links())
      add("linking /dev/" + std::string(name),
          [target = std::string(target), path = inside("/dev/") + std::string(name), owner = owner_] {
            return symlink(target.c_str(), path.c_str()) != 0 ? -1 : lchown(path.c_str(), owner, owner);
          });
    add("making /dev/shm", [path = inside("/dev/shm")] { return mkdir(path.c_str(), 0755); });
    add("making /dev read-only", [path = inside("/dev")] { return set_flags(path, MOUNT_ATTR_RDONLY); });
  }

  void mount_proc(const BoxRequest& request) {
    add(
        "mounting /proc",
        [to = inside("/proc")] { return mount("proc", to.c_str(), "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr); },
        "the kernel gives an ordinary user a new /proc only where no part of the present one is covered, as in most "
        "containers; run as root, or start the container with an uncovered /proc");
    constexpr std::uint64_t kKept = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOEXEC | kInert;
    // The fixed files come from a tmpfs that stands on /run only while they are mounted.
    mount_memory_at("/run", 0755, kSmall, 0);
    for (const auto& [path, content] : fixed_files(request.cpus, request.epoch))
      add("fixing " + path, [from = inside("/run/file"), to = inside(path), content = content] {
        return make_file(from, content) != 0 || bind_mount(from, to) != 0 || set_flags(to, kKept) != 0
                   ? -1
                   : unlink(from.c_str());
      });
    add("unmounting /run", [path = inside("/run")] { return umount2(path.c_str(), MNT_DETACH); });
    for (const std::string& path : hidden_files())
      add("hiding " + path, [from = inside("/dev/null"), to = inside(path)] { return bind_mount(from, to); });
    for (const std::string& path : hidden_folders()) mount_memory_at(path, 0555, kSmall, MS_RDONLY);
    for (const std::string& path : read_only_parts())
      add("making " + path + " read-only",
          [path = inside(path)] { return bind_mount(path, path) != 0 ? -1 : set_flags(path, kKept); });
  }

  void mount_memory() {
    for (const MemoryFolder& folder : memory_folders()) mount_memory_at(folder.path, folder.mode, folder.bytes, 0);
  }

  static constexpr std::uint64_t kSmall = 1 << 20;
  std::string root_;
  int control_;
  bool privileged_;
  unsigned owner_;  // the box's user and group, as the user namespace that mounts calls them
  std::vector<Action> actions_;
};

// The steps as execve(2) takes them.
struct Steps {
  std::vector<std::string> texts, variables;
  std::vector<char*> environment;
  explicit Steps(const BoxRequest& request) : texts(request.steps) {
    for (const auto& [name, value] : build::environment(request)) variables.push_back(name + "=" + value);
    environment = null_terminated(variables);
  }
  Steps(const Steps&) = delete;
  Steps& operator=(const Steps&) = delete;
};

[[noreturn]] void exec_step(Steps& steps, std::size_t index, int log) {
  char shell[] = "/bin/sh", options[] = "-euc";
  char* const arguments[] = {shell, options, steps.texts[index].data(), nullptr};
  setsid();
  dup2(open("/dev/null", O_RDONLY | O_CLOEXEC), 0);
  dup2(log, 1);
  dup2(log, 2);
  close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
  execve(shell, arguments, steps.environment.data());
  constexpr std::string_view kMessage = "/bin/sh of the root file system cannot be run\n";
  static_cast<void>(!write(2, kMessage.data(), kMessage.size()));
  _exit(127);
}

// What the first process does once the box stands.
[[noreturn]] void run_steps(Steps& steps, int control, int log) {
  for (std::size_t i = 0; i < steps.texts.size(); i++) {
    const pid_t step = _Fork();
    if (step < 0) _exit(1);
    if (step == 0) exec_step(steps, i, log);
    int status = 0, ended = 0;
    // The first process inherits every orphan of the box.
    for (pid_t pid = 0; pid != step;) {
      pid = waitpid(-1, &ended, 0);
      if (pid == step) status = WIFSIGNALED(ended) ? 128 + WTERMSIG(ended) : WEXITSTATUS(ended);
    }
    // Nothing of a step outlives it: everybody in this pid namespace but us.
    kill(-1, SIGKILL);
    while (waitpid(-1, nullptr, 0) > 0 || errno == EINTR) {
    }
    if (status != 0) _exit(say(control, "step", i, status));
  }
  constexpr std::string_view kDone = "done\n";
  _exit(send(control, kDone.data(), kDone.size(), MSG_NOSIGNAL) < 0);
}

// Nothing that the program had open stays open here but the two channels.
void close_all_but(int control, int log) {
  for (int fd : {0, 1, 2}) dup2(log, fd);
  const auto low = static_cast<unsigned>(std::min(control, log)), high = static_cast<unsigned>(std::max(control, log));
  if (low > 3) close_range(3, low - 1, 0);
  if (high > low + 1) close_range(low + 1, high - 1, 0);
  close_range(high + 1, ~0U, 0);
}

[[noreturn]] void first_process(const Plan& plan, Steps& steps, int control, int log) {
  close_all_but(control, log);
  for (int number = 1; number < NSIG; number++) signal(number, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  setsid();
  umask(kBoxUmask);
  const std::vector<Action>& actions = plan.actions();
  for (std::size_t i = 0; i < actions.size(); i++)
    if (actions[i].act() != 0) _exit(say(control, "failed", i, errno));
  run_steps(steps, control, log);
}

Status map_ids(pid_t pid) {
  const Owner owner = box_owner();
  const std::string folder = "/proc/" + std::to_string(pid) + "/";
  const auto write = [&](const char* name, const std::string& text) -> Status {
    TRY(const Fd file, open_file(folder + name, O_WRONLY));
    return in(name, write_all(file.get(), as_bytes(text)));
  };
  const auto range = [](unsigned outside) { return std::to_string(kBoxUser) + " " + std::to_string(outside) + " 1\n"; };
  CHECK(write("setgroups", "deny"));
  CHECK(write("uid_map", range(owner.uid)));
  return write("gid_map", range(owner.gid));
}

// "failed 12 1"
Failure describe_failure(std::string_view numbers, const Plan& plan) {
  std::size_t index = 0;
  int error_number = 0;
  const char* end = numbers.data() + numbers.size();
  const char* next = std::from_chars(numbers.data(), end, index).ptr;
  if (next != end) std::from_chars(next + 1, end, error_number);
  if (index >= plan.actions().size())
    return fail(Fault::environment, "the first process failed and did not say at what");
  const Action& action = plan.actions()[index];
  Failure failure = fail_errno(action.what, error_number);
  if (!action.remedy.empty() && error_number == EPERM) failure.value().what += "; " + action.remedy;
  return failure;
}

Result<BoxProcess> start(const BoxRequest& request) {
  TRY(const cpu_set_t cpus, choose_cpus(request));
  TRY(auto filter, seccomp_filter());
  TRY(Channels channels, make_channels());
  Steps steps(request);
  const int control = channels.child_control.get();
  const Plan plan(request, control, cpus, filter);

  TRY(const pid_t pid, clone_first_process(kNamespaces));
  if (pid == 0) first_process(plan, steps, control, channels.child_log.get());

  BoxProcess box(pid, std::move(channels.control), std::move(channels.log));
  channels.child_control.reset();
  channels.child_log.reset();
  for (;;) {
    TRY(const auto said, box.line());
    if (!said) return fail(Fault::environment, "its first process ended unexpectedly");
    if (*said == "ready") return box;
    if (*said == "map") {
      CHECK(in("mapping user and group ids", map_ids(pid)));
      CHECK(box.answer());
    } else if (said->starts_with("failed ")) {
      return describe_failure(std::string_view(*said).substr(7), plan);
    }
  }
}

class Native final : public Sandbox {
 public:
  std::string_view name() const override { return "native"; }
  Status probe() const override {
    return probe_box([](const BoxRequest& request) { return run_box(request, start); });
  }
  Result<BoxResult> run(const BoxRequest& request) const override { return run_box(request, start); }
};

}  // namespace

const Sandbox& native_sandbox() {
  static const Native sandbox;
  return sandbox;
}

}  // namespace hallmark::build
