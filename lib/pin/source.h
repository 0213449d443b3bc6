// The sources of a build: from wherever they are into the store, as one canonical archive each.
#pragma once

#include "lib/base/progress.h"
#include "lib/pin/lock.h"
#include "lib/store/store.h"

namespace hallmark::pin {

struct PinOptions {
  bool allow_dirty = false;  // take a local folder as it stands, with changes that no commit holds
  // What the lock says so far. A folder that still holds exactly that keeps its commit, as long as the
  // commit is in the history: committing the lock must not make it stale.
  const SourcePin* previous = nullptr;
};

// Finds out what the request means now, and puts its archive into the store. Relative
// paths are meant from `folder`, where the specification stands.
Result<SourcePin> pin_source(const SourceRequest& request, const fs::path& folder, const PinOptions& options,
                             const Store& store, Progress& progress);

// Sees to it that the store holds the source's archive: it is there already, or it is made again
// from the caller's copy (`--source NAME=PATH`: a repository, a folder or an archive file), or else from
// where the lock says, relative to `folder`, where the lock stands. Bytes that do not have the
// pinned digest are refused as a mismatch.
Status fetch_source(const SourcePin& pin, const fs::path& folder, const std::map<std::string, fs::path>& copies,
                    const Store& store, Progress& progress);

// Makes the source again from where the lock says, whatever the store holds, and compares: for `pin --check`. A local
// folder is compared as it is now.
Status check_source(const SourcePin& pin, const fs::path& folder, const Store& store, Progress& progress);

// Every copy must name a source of the lock; otherwise a usage fault with a suggestion.
Status check_copies(const std::vector<SourcePin>& sources, const std::map<std::string, fs::path>& copies);

// Whether a pin is an answer to this request, so that it may be kept. What a local folder
// holds is not part of the question.
bool answers(const SourcePin& pin, const SourceRequest& request);

// SOURCE_DATE_EPOCH: what the specification says, or the commit time of the first source.
Result<std::int64_t> epoch_of(const Spec& spec, const std::vector<SourcePin>& sources);

// One source may stand in a folder of another only where that has nothing of its own. The archives
// must be in the store.
Status check_layout(const std::vector<SourcePin>& sources, const Store& store);

}  // namespace hallmark::pin
