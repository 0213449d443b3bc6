#include "lib/base/process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "lib/base/interrupt.h"

namespace hallmark {
namespace {

struct Pipe {
  Fd read, write;
};

Result<Pipe> make_pipe() {
  int ends[2] = {-1, -1};
  if (pipe2(ends, O_CLOEXEC) != 0) return fail_errno("no pipe can be made", errno);
  return Pipe{Fd(ends[0]), Fd(ends[1])};
}

class FileActions {
 public:
  FileActions() { posix_spawn_file_actions_init(&actions_); }
  ~FileActions() { posix_spawn_file_actions_destroy(&actions_); }
  FileActions(const FileActions&) = delete;
  FileActions& operator=(const FileActions&) = delete;
  void duplicate(int from, int to) { posix_spawn_file_actions_adddup2(&actions_, from, to); }
  void change_folder(const fs::path& folder) { posix_spawn_file_actions_addchdir_np(&actions_, folder.c_str()); }
  posix_spawn_file_actions_t* get() { return &actions_; }

 private:
  posix_spawn_file_actions_t actions_{};
};

// The child begins with every signal at its default: we ignore SIGPIPE, other programs count on it.
class SpawnAttributes {
 public:
  SpawnAttributes() {
    posix_spawnattr_init(&attributes_);
    sigset_t all;
    sigfillset(&all);
    posix_spawnattr_setsigdefault(&attributes_, &all);
    posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETSIGDEF);
  }
  ~SpawnAttributes() { posix_spawnattr_destroy(&attributes_); }
  SpawnAttributes(const SpawnAttributes&) = delete;
  SpawnAttributes& operator=(const SpawnAttributes&) = delete;
  posix_spawnattr_t* get() { return &attributes_; }

 private:
  posix_spawnattr_t attributes_{};
};

// A child that we started and have not yet reaped; killed if we leave early.
class Child {
 public:
  explicit Child(pid_t pid) : pid_(pid) {}
  ~Child() {
    if (pid_ <= 0) return;
    kill(pid_, SIGKILL);
    wait();
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  int wait() {
    int status = 0;
    while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    pid_ = -1;
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  }

 private:
  pid_t pid_;
};

}  // namespace

std::vector<char*> null_terminated(std::vector<std::string>& strings) {
  std::vector<char*> out;
  out.reserve(strings.size() + 1);
  for (std::string& s : strings) out.push_back(s.data());
  out.push_back(nullptr);
  return out;
}

Result<Finished> run_process(const ProcessSpec& command) {
  const std::string name = command.arguments.at(0);
  TRY(Pipe in, make_pipe());
  TRY(Pipe out, make_pipe());
  TRY(Pipe err, make_pipe());

  SpawnAttributes attributes;
  FileActions actions;
  actions.duplicate(in.read.get(), 0);
  actions.duplicate(out.write.get(), 1);
  actions.duplicate(err.write.get(), 2);
  if (command.folder) actions.change_folder(*command.folder);

  std::vector<std::string> arguments = command.arguments, environment;
  for (const auto& [key, value] : command.environment) environment.push_back(key + "=" + value);
  pid_t pid = 0;
  if (const int error = posix_spawnp(&pid, name.c_str(), actions.get(), attributes.get(),
                                     null_terminated(arguments).data(), null_terminated(environment).data()))
    return fail_errno(name + ": cannot be run", error);
  Child child(pid);
  in.read.reset();
  out.write.reset();
  err.write.reset();

  // A child that stops reading must not block or kill us.
  fcntl(in.write.get(), F_SETFL, O_NONBLOCK);
  std::string_view input = command.input;
  if (input.empty()) in.write.reset();
  Finished finished;
  const auto deadline = std::chrono::steady_clock::now() + command.timeout;

  while (out.read || err.read) {
    if (interrupted()) return fail(Fault::interrupted, "interrupted");
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    if (left.count() <= 0)
      return fail(Fault::environment,
                  name + ": not finished after " + std::to_string(command.timeout.count()) + " seconds");
    pollfd waiting[3] = {{out.read.get(), POLLIN, 0}, {err.read.get(), POLLIN, 0}, {in.write.get(), POLLOUT, 0}};
    // A signal handler may run just before poll(): look at the flag at least four times a second.
    if (poll(waiting, 3, static_cast<int>(std::min<std::int64_t>(left.count(), 250))) < 0 && errno != EINTR)
      return fail_errno("poll", errno);

    for (auto [index, from, to] :
         {std::tuple{0, &out.read, &finished.output}, std::tuple{1, &err.read, &finished.errors}}) {
      if (!*from || (waiting[index].revents & (POLLIN | POLLHUP | POLLERR)) == 0) continue;
      char buffer[65536];
      const ssize_t n = read(from->get(), buffer, sizeof buffer);
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) {
        from->reset();
        continue;
      }
      to->append(buffer, static_cast<std::size_t>(n));
      if (to->size() > command.output_limit)
        return fail(Fault::environment, name + ": prints more than " + std::to_string(command.output_limit) + " bytes");
    }
    if (in.write && (waiting[2].revents & (POLLOUT | POLLERR)) != 0) {
      const ssize_t n = write(in.write.get(), input.data(), input.size());
      if (n > 0) input.remove_prefix(static_cast<std::size_t>(n));
      if (input.empty() || (n < 0 && errno != EAGAIN && errno != EINTR)) in.write.reset();
    }
  }
  finished.status = child.wait();
  return finished;
}

}  // namespace hallmark
