#include "lib/base/result.h"

#include <cstring>

namespace hallmark {

Failure fail_errno(std::string what, int error_number) {
  char buffer[128] = {};
  // The GNU variant: returns the text, which may or may not be in `buffer`.
  const char* text = strerror_r(error_number, buffer, sizeof buffer);
  return fail(Fault::environment, std::move(what) + ": " + text);
}

}  // namespace hallmark
