#include "tools/hallmark/passphrase.h"

#include <fcntl.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "lib/base/interrupt.h"

namespace hallmark::cli {
namespace {

constexpr std::size_t kMaxPassphrase = 1024;

// One line, without its end.
Result<Secret> read_line(int fd, const std::string& where) {
  Bytes line;
  line.reserve(kMaxPassphrase);  // no reallocation leaves a copy behind
  while (true) {
    std::uint8_t c = 0;
    const ssize_t n = read(fd, &c, 1);
    if (n < 0 && errno == EINTR) {
      CHECK(not_interrupted());
      continue;
    }
    if (n < 0) return fail_errno(where + ": cannot be read", errno);
    if (n == 0 || c == '\n') return Secret(std::move(line));
    if (line.size() == kMaxPassphrase)
      return fail(Fault::usage, where + ": the passphrase has more than " + std::to_string(kMaxPassphrase) + " bytes");
    line.push_back(c);
  }
}

// What is typed is not shown while this lives.
class EchoOff {
 public:
  explicit EchoOff(int fd) : fd_(fd), on_(tcgetattr(fd, &before_) == 0) {
    if (!on_) return;
    termios quiet = before_;
    quiet.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    on_ = tcsetattr(fd_, TCSAFLUSH, &quiet) == 0;
  }
  EchoOff(const EchoOff&) = delete;
  EchoOff& operator=(const EchoOff&) = delete;
  ~EchoOff() {
    if (on_) tcsetattr(fd_, TCSAFLUSH, &before_);
  }

 private:
  int fd_;
  termios before_{};
  bool on_;
};

Result<Secret> prompt_on_terminal(const std::string& prompt) {
  const Fd terminal(open("/dev/tty", O_RDWR | O_CLOEXEC));
  if (!terminal)
    return fail(Fault::usage, "there is no terminal to ask on; give --passphrase-fd or HALLMARK_PASSPHRASE");
  const EchoOff quiet(terminal.get());
  CHECK(write_all(terminal.get(), as_bytes(prompt + ": ")));
  auto line = read_line(terminal.get(), "the terminal");
  CHECK(write_all(terminal.get(), as_bytes("\n")));
  return line;
}

}  // namespace

void Passphrase::option(CLI::App& app) {
  app.add_option("--passphrase-fd", fd_, "read the key's passphrase from this file descriptor")
      ->type_name("N")
      ->check(CLI::NonNegativeNumber);
}

Result<Secret> Passphrase::ask(const std::string& prompt) const {
  if (fd_ >= 0) return read_line(fd_, "file descriptor " + std::to_string(fd_));
  if (const char* text = std::getenv("HALLMARK_PASSPHRASE")) {
    const std::string_view value = text;
    return Secret(Bytes(value.begin(), value.end()));
  }
  return prompt_on_terminal(prompt);
}

Result<Secret> Passphrase::choose() const {
  TRY(Secret first, ask("passphrase of the new key"));
  if (first.empty()) return fail(Fault::usage, "the passphrase is empty");
  if (fd_ >= 0 || std::getenv("HALLMARK_PASSPHRASE") != nullptr) return first;
  TRY(const Secret second, prompt_on_terminal("the same again"));
  if (!std::ranges::equal(first.bytes(), second.bytes())) return fail(Fault::usage, "the two passphrases differ");
  return first;
}

}  // namespace hallmark::cli
