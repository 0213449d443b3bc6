#include "lib/base/child_process.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "lib/base/process.h"

namespace hallmark {
namespace {

struct Ends {
  Fd read, write;
};

Result<Ends> make_pipe() {
  int ends[2] = {-1, -1};
  if (pipe2(ends, O_CLOEXEC) != 0) return fail_errno("no pipe can be made", errno);
  return Ends{Fd(ends[0]), Fd(ends[1])};
}

// A duplicate that no dup2() to a small number can hit.
Result<Fd> out_of_the_way(int fd) {
  const int copy = fcntl(fd, F_DUPFD_CLOEXEC, 64);
  if (copy < 0) return fail_errno("no descriptor can be made", errno);
  return Fd(copy);
}

}  // namespace

Result<ChildProcess> ChildProcess::start(std::vector<std::string> arguments,
                                         const std::map<std::string, std::string>& environment,
                                         const std::vector<int>& inherited) {
  const std::string name = arguments.at(0);
  TRY(Ends messages, make_pipe());
  TRY(Ends failure, make_pipe());
  TRY(Fd nothing, open_file("/dev/null", O_RDONLY));
  std::vector<Fd> sources;
  sources.reserve(3 + inherited.size());
  for (const int fd : {nothing.get(), messages.write.get(), messages.write.get()}) {
    TRY(Fd copy, out_of_the_way(fd));
    sources.push_back(std::move(copy));
  }
  for (const int fd : inherited) {
    TRY(Fd copy, out_of_the_way(fd));
    sources.push_back(std::move(copy));
  }
  TRY(Fd report, out_of_the_way(failure.write.get()));
  failure.write.reset();

  std::vector<std::string> settings;
  settings.reserve(environment.size());
  for (const auto& [key, value] : environment) settings.push_back(key + "=" + value);
  const std::vector<char*> argv = null_terminated(arguments), envp = null_terminated(settings);
  const pid_t parent = getpid();

  const pid_t pid = fork();
  if (pid < 0) return fail_errno(name + ": cannot be started", errno);
  if (pid == 0) {
    // Only calls that are safe after fork() in a process with threads.
    bool ready = setpgid(0, 0) == 0 && prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid() == parent;
    for (std::size_t i = 0; ready && i < sources.size(); i++) ready = dup2(sources[i].get(), static_cast<int>(i)) >= 0;
    struct sigaction usual {};
    usual.sa_handler = SIG_DFL;
    for (int n = 1; n < NSIG; n++) sigaction(n, &usual, nullptr);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
    if (ready) execve(argv[0], argv.data(), envp.data());
    const int error = errno;
    [[maybe_unused]] const ssize_t written = write(report.get(), &error, sizeof error);
    _exit(127);
  }
  fcntl(messages.read.get(), F_SETFL, O_NONBLOCK);
  ChildProcess child(pid, std::move(messages.read));
  sources.clear();
  // exec closes the other end; before that, the child has written why it did not come so far.
  report.reset();
  int error = 0;
  ssize_t n = 0;
  while ((n = read(failure.read.get(), &error, sizeof error)) < 0 && errno == EINTR) {
  }
  if (n == static_cast<ssize_t>(sizeof error)) return fail_errno(name + ": cannot be run", error);
  return child;
}

void ChildProcess::end() {
  if (pid_ <= 0) return;
  kill(-pid_, SIGKILL);
  kill(pid_, SIGKILL);  // if it had not made its group yet
  while (waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
  pid_ = -1;
}

}  // namespace hallmark
