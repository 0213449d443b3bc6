// A source that is a folder on this machine: the usual case of building what one works on.
//
// Taken from the commit that is checked out (raw blobs, see git.h), and only if the folder holds
// nothing else. On request it is taken as it stands on the disk instead: what git tracks and what
// it does not ignore, or, outside of git, everything. Either way
// files named hallmark.lock are left out, because a lock cannot hold its own digest, and so
// are empty folders, which git cannot hold.
#pragma once

#include "lib/base/progress.h"
#include "lib/pin/lock.h"
#include "lib/pin/source_archive.h"

namespace hallmark::pin {

inline constexpr std::string_view kLockFile = "hallmark.lock";

struct PinnedPath {
  PathPin pin;
  SourceTree tree;
};

// `folder` is where `path` leads. If it holds just what `previous` says, and that commit is in its history, that is
// the answer.
Result<PinnedPath> pin_path(const std::string& path, const fs::path& folder, bool allow_dirty,
                            const SourcePin* previous, SourceArchive archive, Progress& progress);

// The folder as it stands on the disk.
Status archive_folder(const fs::path& folder, SourceArchive& archive, Progress& progress);

}  // namespace hallmark::pin
