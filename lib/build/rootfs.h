// The root file system of a build: the pinned packages, unpacked by ourselves under the rules "debroot-1".
// No maintainer script runs. specs/formats/debroot.md lists every fix-up.
#pragma once

#include "lib/base/progress.h"
#include "lib/pin/lock.h"
#include "lib/store/store.h"

namespace hallmark::build {

struct Root {
  fs::path folder;   // in the store; everything in it belongs to `owner`
  pin::RootPin pin;  // what it hashes to
};

// `owner` is the user and group id that the files belong to on the host: the caller's own, or,
// when root builds, the unprivileged id that the sandbox runs as.
struct Owner {
  uid_t uid;
  gid_t gid;
};

// Unpacks the packages (their blobs must be in the store), or takes the tree that the store has of
// them. Either way the tree is hashed as it stands on the disk: one that is no longer what
// was unpacked is thrown away and made again, so no caller needs to ask for a closer look.
// With a pin in the lock (`lock.root.sha256` not empty), another digest is refused as a mismatch.
Result<Root> assemble_root(const Store& store, const pin::Lock& lock, Owner owner, Progress& progress);

// A second copy in an empty folder of the caller's choosing (another file system, for --repeat), held to
// the lock's pin in the same way.
Status unpack_root(const Store& store, const pin::Lock& lock, Owner owner, const fs::path& into, Progress& progress);

}  // namespace hallmark::build
