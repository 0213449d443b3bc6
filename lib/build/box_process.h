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
  // `child` is ours to wait for. `control` and `log` are our ends.
  BoxProcess(pid_t child, Fd control, Fd log) : child_(child), control_(std::move(control)), log_(std::move(log)) {}
  BoxProcess(BoxProcess&& other) noexcept;
  BoxProcess& operator=(BoxProcess&&) = delete;
  ~BoxProcess();  // kills every process of the box and waits until they are gone

  // The next line of the box, without its newline; nothing once the box has closed its end.
  Result<std::optional<std::string>> line();
  Status answer();

  // The first process of the box's own pid namespace: with it, all die.
  Status found_first_process(pid_t pid);
  pid_t first_process() const { return first_; }

  // What a box that could not be set up printed before it ended.
  std::string last_words();

  // Lets the steps run and copies what they print. When it returns no process of the box is left.
  Result<BoxResult> run(const BoxRequest& request);

 private:
  void stop();

  pid_t child_, first_ = -1;
  Fd first_handle_, control_, log_;
  std::string unread_;
};

// Both ends of the box's two channels; the child's survive exec only where the backend asks for it.
struct Channels {
  Fd control, log;
  Fd child_control, child_log;
};
Result<Channels> make_channels();

// The one course of events. `start` brings the box to where it has said "ready".
Result<BoxResult> run_box(const BoxRequest& request, const std::function<Result<BoxProcess>(const BoxRequest&)>& start);

// Sets up and takes down a box without steps, over a root file system that is only the folders a box
// needs and the names of merged /usr.
Status probe_box(const std::function<Result<BoxResult>(const BoxRequest&)>& run);

}  // namespace hallmark::build
