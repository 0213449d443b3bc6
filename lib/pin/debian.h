// A toolchain out of Debian packages, pinned along the archive's own chain of signatures. specs/formats/debian-chain.md
//
//   keyring ─gpgv─▶ InRelease ─SHA-256─▶ Packages ─SHA-256─▶ every .deb
//
// Which packages are needed is for apt to say (apt.h); what their bytes are is read from verified indexes only.
#pragma once

#include "lib/base/progress.h"
#include "lib/pin/lock.h"
#include "lib/store/store.h"

namespace hallmark::pin {

// Resolves, downloads and verifies. Afterwards the store holds the keyring, every InRelease and index, and every
// package.
Result<DebianPin> pin_debian(const DebianRequest& request, const fs::path& spec_folder, const Store& store,
                             Progress& progress);

// Fetches into the store the packages that it has not: from the lock's mirrors, else from those of this machine's apt.
Status fetch_debian(const DebianPin& pin, const Store& store, Progress& progress);

// Verifies the whole chain again, from the keyring to the bytes of every package, without asking whether it is still
// current: an expired InRelease, or one whose key has expired since, stays what it was. Needs no network
// where the store has everything. What it lacks is looked for at the mirrors; a link of the chain that is
// nowhere to be had any more is an environment fault (could not be checked), never a mismatch.
Status check_debian(const DebianPin& pin, const Store& store, Progress& progress);

}  // namespace hallmark::pin
