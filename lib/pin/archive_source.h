// A source that is an archive file: tar in any usual compression, or zip.
//
// Its size and SHA-256 are checked before anything looks inside. What is in it is then put
// into the canonical order; modes are reduced to "executable or not", times and owners are dropped.
#pragma once

#include "lib/base/progress.h"
#include "lib/pin/lock.h"
#include "lib/pin/source_archive.h"

namespace hallmark::pin {

// Sees to it that the store holds the file: from the first of its addresses that has those bytes.
Status fetch_archive(const ArchivePin& pin, const fs::path& folder, const Store& store, Progress& progress);

// Everything in the file, which must be in the store. Hard links become files of their own. Refused:
// devices, paths that leave the folder, a path twice, a file that `strip` would leave without a name.
Status archive_archive(const ArchivePin& pin, const Store& store, SourceArchive& archive, Progress& progress);

}  // namespace hallmark::pin
