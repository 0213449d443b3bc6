// "hallmark-tar-1": the one canonical archive that source trees and root file systems are hashed as.
// specs/formats/hallmark-tar-1.md states it byte by byte.
//
// POSIX ustar (IEEE Std 1003.1-2017, pax), entries sorted bytewise by path with
// folders ending in '/', every folder with an entry of its own, uid = gid = mtime = 0, no user or
// group names, modes 0644, 0755 and 0777 (symbolic links), no devices, ended by two zero blocks and
// padded to 10,240 bytes. A pax extended header precedes an entry only when its path, link
// target or size does not fit its field, or its path is not ASCII, and holds only those records.
// GNU tar writes the same bytes when told all this on its command line; the tests ask it.
//
// Written by our own code and not by a library, because its bytes are what we
// hash: they may not change with the library's version. Decision 0003.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "lib/base/files.h"
#include "lib/crypto/digest.h"

namespace hallmark {

struct TarEntry {
  enum class Type { file, executable, folder, symlink, hardlink };
  std::string path;  // plain relative; a folder's without the final '/'
  Type type = Type::file;
  std::uint64_t size = 0;  // files only
  std::string target;      // symbolic link: as written; hard link: path of an earlier file entry

  friend bool operator==(const TarEntry&, const TarEntry&) = default;
};

// The order of entries: bytewise, with a folder's path taken with its final '/'.
bool tar_order(const TarEntry& a, const TarEntry& b);

struct TarTotals {
  std::uint64_t files = 0;  // entries that are no folders
  std::uint64_t bytes = 0;  // sum of the files' sizes
};

// Gives the archive's bytes to `sink`, in order. Entries must come sorted; one
// that is out of order, repeated, or not plain relative is a format fault. The
// folders above an entry need not be added: those that were not are put in before it.
class TarWriter {
 public:
  using Sink = std::function<Status(ByteView)>;
  explicit TarWriter(Sink sink);
  TarWriter(TarWriter&&) noexcept;
  ~TarWriter();

  Status add(const TarEntry& entry);  // a file's content follows through data(), exactly `size` bytes of it
  Status data(ByteView piece);
  Result<TarTotals> finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Reads a hallmark-tar-1 archive strictly: anything the writer would not write is a format
// fault with its offset. For each entry calls `on_entry`, then `on_data` with its pieces.
struct TarVisitor {
  std::function<Status(const TarEntry&)> on_entry;
  std::function<Status(ByteView)> on_data;
};
Result<TarTotals> read_tar(int fd, const std::string& name, const TarVisitor& visitor);

// Writes the archive's tree below the folder, in archive order and without following any link;
// nothing that is there already is replaced, but a folder may be. Modes as in the
// archive, whatever the umask; every entry gets the modification time `mtime`.
Result<TarTotals> unpack_tar(int fd, const std::string& name, int folder_fd, std::int64_t mtime);

// Archives a folder of the host: symbolic links as links, files that share an inode as hard links
// of the first. A file is executable if its owner may execute it. Devices, sockets and FIFOs are refused.
Result<TarTotals> write_tar_of_folder(const fs::path& folder, const TarWriter::Sink& sink);

struct TarDigest {
  DigestOf<Alg::sha256> sha256;
  TarTotals totals;
};
Result<TarDigest> digest_folder(const fs::path& folder);

}  // namespace hallmark
