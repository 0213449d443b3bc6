// Archives and compressed data that somebody else made, read through libarchive within stated bounds.
// archive.cc is the only file that includes <archive.h>.
//
// Formats: tar (all dialects) and zip. Filters: gzip, bzip2, xz, lzma, zstd, lz4. Nothing is
// written anywhere and no other program is run.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "lib/base/bytes.h"

namespace hallmark {

struct ArchiveEntry {
  enum class Type { file, folder, symlink, hardlink, other };  // other: devices, FIFOs, sockets
  std::string path;  // as the archive states it: may be absolute, may hold "..", may start with "./"
  Type type = Type::file;
  std::uint32_t mode = 0;             // the twelve permission bits
  std::optional<std::uint64_t> size;  // of a file, where the archive states it before the content
  std::string target;                 // of a link
};

struct ArchiveLimits {
  std::uint64_t entries = 2'000'000;
  std::uint64_t bytes = std::uint64_t{16} << 30;  // of content, decompressed
  std::size_t path = 4096;
  // Beyond 64 MiB of content, at most this many bytes of it for one byte of the archive.
  std::uint64_t ratio = 2000;
};

// For each entry `on_entry`, then `on_data` with the pieces of a file's content.
struct ArchiveVisitor {
  std::function<Status(const ArchiveEntry&)> on_entry;
  std::function<Status(ByteView)> on_data;
};

// An archive file, from offset 0. `name` is what errors call it.
Status read_archive(int fd, const std::string& name, const ArchiveVisitor& visitor, const ArchiveLimits& limits = {});

// A tar archive, compressed or not, that arrives in pieces: each call gives the next one, valid
// until the call after it; an empty one is the end.
using ByteSource = std::function<Result<ByteView>()>;
Status read_tar_stream(const ByteSource& source, const std::string& name, const ArchiveVisitor& visitor,
                       const ArchiveLimits& limits = {});

// One compressed stream of at most `max` bytes once decompressed; bytes that no filter knows are a format fault.
Result<Bytes> decompress(ByteView compressed, std::uint64_t max);

}  // namespace hallmark
