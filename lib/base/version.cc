#include "lib/base/version.h"

namespace hallmark {

std::string_view version() { return HALLMARK_VERSION; }

}  // namespace hallmark
