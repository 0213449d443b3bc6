#include "lib/base/interrupt.h"

#include <signal.h>

#include <atomic>

namespace hallmark {
namespace {

std::atomic<bool> asked_to_stop = false;

void on_signal(int) { asked_to_stop = true; }

}  // namespace

void watch_for_interrupts() {
  struct sigaction action {};
  action.sa_handler = on_signal;
  action.sa_flags = static_cast<int>(SA_RESETHAND);  // no SA_RESTART: a blocked call must come back
  for (int n : {SIGINT, SIGTERM, SIGHUP}) sigaction(n, &action, nullptr);
  struct sigaction ignore {};
  ignore.sa_handler = SIG_IGN;
  for (int n : {SIGPIPE, SIGXFSZ}) sigaction(n, &ignore, nullptr);
}

bool interrupted() { return asked_to_stop; }

}  // namespace hallmark
