// A running box as its parent sees it, whichever backend made it.
//
// The parent and the first process of the box talk over one socket, in lines. The box says "ready" when
// all is set up; the parent answers with an empty line; then "step I STATUS" for the step that failed, or
// "done". Other lines are the backend's own, and come before "ready".
#pragma once

#include <sys/types.h>

#include "lib/build/sandbox.h"

namespace hallmark::build {

class BoxProcess {
 public:
  // `child` is ours to wait for, and the first process of a pid namespace: with it, all of the box die. `control` and
  // `log` are our ends.
  BoxProcess(pid_t child, Fd control, Fd log) : child_(child), control_(std::move(control)), log_(std::move(log)) {}
  BoxProcess(BoxProcess&& other) noexcept;
  BoxProcess& operator=(BoxProcess&&) = delete;
  ~BoxProcess();  // kills every process of the box and waits until they are gone

  // The next line of the box, without its newline; nothing once the box has closed its end.
  Result<std::optional<std::string>> line();
  Status answer();

  // Who wrote the last line: the first process of the box, as this side calls it.
  pid_t first_process() const { return sender_; }

  // What a box that could not be set up printed before it ended.
  std::string last_words();

  // Lets the steps run and copies what they print. When it returns no process of the box is left.
  Result<BoxResult> run(const BoxRequest& request);

 private:
  void stop();

  pid_t child_, sender_ = -1;
  Fd control_, log_;
  std::string unread_;
};

// Both ends of the box's two channels; the child's survive exec only where the backend asks for it.
struct Channels {
  Fd control, log;
  Fd child_control, child_log;
};
Result<Channels> make_channels();

// A bare clone of this process as the first one of a pid namespace, in these namespaces (CLONE_NEW…) and, where we are
// not root, in a user namespace. Gives 0 in the child, which may only make system calls.
Result<pid_t> clone_first_process(std::uint64_t namespaces);

// The one course of events. `start` brings the box to where it has said "ready".
Result<BoxResult> run_box(const BoxRequest& request, const std::function<Result<BoxProcess>(const BoxRequest&)>& start);

// Sets up and takes down a box without steps, over a root file system that is only the folders a box
// needs and the names of merged /usr.
Status probe_box(const std::function<Result<BoxResult>(const BoxRequest&)>& run);

}  // namespace hallmark::build
