// The box made of our own namespaces: clone3(2), mount(2), seccomp(2).
#pragma once

#include "lib/build/sandbox.h"

namespace hallmark::build {

const Sandbox& native_sandbox();

}  // namespace hallmark::build
