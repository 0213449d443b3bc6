// The system calls that a recipe may not make: specs/formats/box.md, "System calls".
#pragma once

#include <linux/filter.h>

#include <vector>

#include "lib/base/result.h"

namespace hallmark::build {

// The filter as the kernel takes it (seccomp(2)).
Result<std::vector<sock_filter>> seccomp_filter();

}  // namespace hallmark::build
