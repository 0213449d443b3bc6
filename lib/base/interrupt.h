// Ctrl-C and SIGTERM, as a flag that long work looks at between steps.
#pragma once

#include "lib/base/result.h"

namespace hallmark {

// From now on the first SIGINT, SIGTERM or SIGHUP sets the flag; blocking calls
// return EINTR. A second one ends the process at once. SIGPIPE and SIGXFSZ
// are ignored, so that a closed pipe and a file size limit are errors we can report.
void watch_for_interrupts();

bool interrupted();

// `CHECK(not_interrupted());` between two steps of long work.
inline Status not_interrupted() {
  if (interrupted()) return fail(Fault::interrupted, "interrupted");
  return {};
}

}  // namespace hallmark
