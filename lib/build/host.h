// The machine that a build runs on, as far as a recipe could notice it or the box depends on it.
#pragma once

#include "lib/build/record.h"

namespace hallmark::build {

HostRecord describe_host(std::string_view backend);

// Whether we are root over more than ourselves: able to become the box's own user id. Root of a
// user namespace that has no other id is an ordinary user here.
bool is_privileged();

}  // namespace hallmark::build
