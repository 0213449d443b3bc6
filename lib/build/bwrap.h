// The same box, made by bubblewrap (bwrap(1), 0.8): for machines whose policy allows it namespaces and us none.
#pragma once

#include "lib/build/sandbox.h"

namespace hallmark::build {

const Sandbox& bwrap_sandbox();

}  // namespace hallmark::build
