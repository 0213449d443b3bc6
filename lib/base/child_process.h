// A program that runs beside us: we talk with it while it runs, and it does not outlive us. For one that is only
// waited for, see process.h.
#pragma once

#include <sys/types.h>

#include <map>
#include <string>
#include <vector>

#include "lib/base/files.h"
#include "lib/base/result.h"

namespace hallmark {

// Killed and reaped at the end of the object's life; the kernel kills it too if the thread that started it ends in any
// other way. It stands in a process group of its own, so Ctrl-C reaches us alone.
class ChildProcess {
 public:
  // [0] of the arguments is the path of the program. The child gets `inherited` as descriptors 3, 4, …, reads nothing,
  // and whatever it prints, on either stream, comes out of messages(). No other descriptor of ours is left open in it
  // as long as all are O_CLOEXEC.
  static Result<ChildProcess> start(std::vector<std::string> arguments,
                                    const std::map<std::string, std::string>& environment,
                                    const std::vector<int>& inherited);

  ChildProcess(ChildProcess&& other) noexcept
      : pid_(std::exchange(other.pid_, -1)), messages_(std::move(other.messages_)) {}
  ChildProcess& operator=(ChildProcess&&) = delete;
  ~ChildProcess() { end(); }

  pid_t pid() const { return pid_; }
  const Fd& messages() const { return messages_; }  // reads do not block
  // Kills it and everything in its group, if that is still there.
  void end();

 private:
  ChildProcess(pid_t pid, Fd messages) : pid_(pid), messages_(std::move(messages)) {}

  pid_t pid_;
  Fd messages_;
};

}  // namespace hallmark
