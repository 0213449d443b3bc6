// The box's /build as the host sees it: through one descriptor of the folder, before the first step runs
// and again when no process of the box is left. Between these two nothing here touches it.
#pragma once

#include "lib/build/sandbox.h"

namespace hallmark::build {

// The folder /build of the box whose process is `pid`.
Result<Fd> open_build_folder(pid_t pid);

// Puts the sources there, in the archives' sorted order: readdir(2) on a tmpfs is a function of the order of creation.
Status put_sources(const BoxRequest& request, int build_folder);

// Copies the outputs to request.out. What stands there was made by the recipe: no link is followed,
// nothing but a regular file is opened for reading, and no more is copied than a bound allows.
Status take_outputs(const BoxRequest& request, int build_folder);

}  // namespace hallmark::build
