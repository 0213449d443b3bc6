#include "lib/build/box_process.h"

#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>

#include "lib/base/interrupt.h"
#include "lib/build/host.h"
#include "lib/build/inside.h"

namespace hallmark::build {
namespace {

constexpr std::size_t kMaxLine = 4096;
constexpr std::uint64_t kMaxLog = std::uint64_t{1} << 30;
constexpr int kPollMilliseconds = 250;  // a signal may arrive just before poll(): look at the flag now and then

void wait_for(pid_t child) {
  while (waitpid(child, nullptr, 0) < 0 && errno == EINTR) {
  }
}

// "step 2 127"
std::optional<BoxResult> parse_result(std::string_view line, std::size_t steps) {
  if (line == "done") return BoxResult{};
  BoxResult result;
  std::size_t step = 0;
  constexpr std::string_view kStep = "step ";
  if (!line.starts_with(kStep)) return std::nullopt;
  const char* end = line.data() + line.size();
  const auto [space, error] = std::from_chars(line.data() + kStep.size(), end, step);
  if (error != std::errc() || space == end || *space != ' ') return std::nullopt;
  const auto [last, error2] = std::from_chars(space + 1, end, result.status);
  if (error2 != std::errc() || last != end || step >= steps || result.status <= 0 || result.status > 255)
    return std::nullopt;
  result.failed = step;
  return result;
}

// recv(2), and the sender's pid as this process calls it: SCM_CREDENTIALS of unix(7), which the kernel vouches for.
ssize_t receive(int control, std::span<char> buffer, pid_t& sender) {
  alignas(cmsghdr) char ancillary[CMSG_SPACE(sizeof(ucred))];
  iovec into{buffer.data(), buffer.size()};
  msghdr message{};
  message.msg_iov = &into;
  message.msg_iovlen = 1;
  message.msg_control = ancillary;
  message.msg_controllen = sizeof ancillary;
  const ssize_t n = recvmsg(control, &message, MSG_CMSG_CLOEXEC);
  const cmsghdr* header = n > 0 ? CMSG_FIRSTHDR(&message) : nullptr;
  if (header != nullptr && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_CREDENTIALS &&
      header->cmsg_len == CMSG_LEN(sizeof(ucred))) {
    ucred who{};
    std::memcpy(&who, CMSG_DATA(header), sizeof who);
    sender = who.pid;
  }
  return n;
}

}  // namespace

BoxProcess::BoxProcess(BoxProcess&& other) noexcept
    : child_(std::exchange(other.child_, -1)),
      sender_(other.sender_),
      control_(std::move(other.control_)),
      log_(std::move(other.log_)),
      unread_(std::move(other.unread_)) {}

BoxProcess::~BoxProcess() { stop(); }

void BoxProcess::stop() {
  if (child_ < 0) return;
  kill(child_, SIGKILL);
  // The first process of a pid namespace can be waited for once all others there are gone (pid_namespaces(7)).
  wait_for(std::exchange(child_, -1));
}

Result<std::optional<std::string>> BoxProcess::line() {
  for (;;) {
    if (const auto end = unread_.find('\n'); end != std::string::npos) {
      std::string out = unread_.substr(0, end);
      unread_.erase(0, end + 1);
      return out;
    }
    CHECK(not_interrupted());
    pollfd waiting{control_.get(), POLLIN, 0};
    const int ready = poll(&waiting, 1, kPollMilliseconds);
    if (ready < 0 && errno != EINTR) return fail_errno("poll", errno);
    if (ready <= 0) continue;
    char buffer[256];
    const ssize_t n = receive(control_.get(), buffer, sender_);
    if (n < 0 && errno != EINTR && errno != ECONNRESET) return fail_errno("the sandbox's control channel", errno);
    if (n == 0 || (n < 0 && errno == ECONNRESET)) return std::optional<std::string>();
    if (n > 0) unread_.append(buffer, static_cast<std::size_t>(n));
    if (unread_.size() > kMaxLine)
      return fail(Fault::environment, "the sandbox's control channel: a line without an end");
  }
}

Status BoxProcess::answer() {
  if (send(control_.get(), "\n", 1, MSG_NOSIGNAL) != 1) return fail_errno("the sandbox's control channel", errno);
  return {};
}

std::string BoxProcess::last_words() {
  std::string out;
  char buffer[kMaxLine];
  fcntl(log_.get(), F_SETFL, O_NONBLOCK);
  for (ssize_t n = 0; out.size() < kMaxLine && (n = read(log_.get(), buffer, sizeof buffer)) > 0;)
    out.append(buffer, static_cast<std::size_t>(n));
  while (out.ends_with('\n')) out.pop_back();
  return printable(out);
}

Result<BoxResult> BoxProcess::run(const BoxRequest& request) {
  TRY(const Fd log, open_file(request.log, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0644));
  CHECK(answer());
  // The log ends when the last process that could write to it has ended.
  std::uint64_t written = 0;
  while (log_) {
    CHECK(not_interrupted());
    pollfd waiting{log_.get(), POLLIN, 0};
    const int ready = poll(&waiting, 1, kPollMilliseconds);
    if (ready < 0 && errno != EINTR) return fail_errno("poll", errno);
    if (ready <= 0) continue;
    char buffer[65536];
    const ssize_t n = read(log_.get(), buffer, sizeof buffer);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail_errno("reading what the steps print", errno);
    if (n == 0) {
      log_.reset();
      continue;
    }
    const std::string_view piece(buffer, static_cast<std::size_t>(n));
    written += piece.size();
    if (written > kMaxLog)
      return fail(Fault::mismatch, "the steps print more than " + std::to_string(kMaxLog) + " bytes");
    CHECK(in(request.log.string(), write_all(log.get(), as_bytes(piece))));
    if (request.on_output) request.on_output(piece);
  }
  std::optional<BoxResult> result;
  for (;;) {
    TRY(const auto said, line());
    if (!said) break;
    if (!result) result = parse_result(*said, request.steps.size());
  }
  stop();
  if (!result)
    return fail(Fault::environment, "the box was killed before its steps ended (was there not enough memory?)");
  return *result;
}

Result<Channels> make_channels() {
  int control[2] = {-1, -1}, log[2] = {-1, -1};
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, control) != 0) return fail_errno("socketpair", errno);
  Channels out{Fd(control[0]), {}, Fd(control[1]), {}};
  const int yes = 1;
  if (setsockopt(control[0], SOL_SOCKET, SO_PASSCRED, &yes, sizeof yes) != 0)
    return fail_errno("setsockopt(SO_PASSCRED)", errno);
  if (pipe2(log, O_CLOEXEC) != 0) return fail_errno("pipe2", errno);
  out.log.reset(log[0]);
  out.child_log.reset(log[1]);
  return out;
}

Result<pid_t> clone_first_process(std::uint64_t namespaces) {
  clone_args arguments{};
  arguments.flags = namespaces | CLONE_NEWPID | (is_privileged() ? 0 : CLONE_NEWUSER);
  arguments.exit_signal = SIGCHLD;
  const auto pid = static_cast<pid_t>(syscall(SYS_clone3, &arguments, sizeof arguments));
  if (pid >= 0) return pid;
  Failure failure = fail_errno("new namespaces are refused", errno);
  failure.value().what += "; `hallmark doctor` says what to change";
  return failure;
}

Result<BoxResult> run_box(const BoxRequest& request,
                          const std::function<Result<BoxProcess>(const BoxRequest&)>& start) {
  TRY(BoxProcess box, in("setting up the sandbox", start(request)));
  TRY(const Fd build_folder, in("setting up the sandbox", open_build_folder(box.first_process())));
  CHECK(put_sources(request, build_folder.get()));
  TRY(const BoxResult result, box.run(request));
  // No process of the box is left: what stands in /build is what it will be.
  if (!result.failed) CHECK(take_outputs(request, build_folder.get()));
  return result;
}

Status probe_box(const std::function<Result<BoxResult>(const BoxRequest&)>& run) {
  TRY(const TemporaryFolder folder, TemporaryFolder::make("hallmark-probe"));
  BoxRequest request;
  request.root = folder.path() / "root";
  request.out = folder.path() / "out";
  request.log = folder.path() / "log";
  for (const char* path : {"build", "dev", "proc", "run", "tmp", "usr", "var/tmp"})
    CHECK(make_folders(request.root / path));
  for (const std::string name : {"bin", "lib", "lib64"}) {
    std::error_code error;
    fs::create_symlink("usr/" + name, request.root / name, error);
    if (error) return fail(Fault::environment, (request.root / name).string() + ": cannot be made: " + error.message());
  }
  CHECK(run(request));
  return {};
}

}  // namespace hallmark::build
