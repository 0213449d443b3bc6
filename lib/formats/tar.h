// "hallmark-tar-1": the one canonical archive that source trees and root file systems are hashed as.
// specs/formats/hallmark-tar-1.md states it byte by byte.
//
// POSIX ustar (IEEE Std 1003.1-2017, pax), entries sorted bytewise by path with
// folders ending in '/', uid = gid = 0, no user or group names, one fixed mtime,
// modes 0644, 0755 and 0777 (symbolic links), no devices, ended by two zero blocks and
// padded to 10,240 bytes. A pax extended header precedes an entry only when its path, link
// target or size does not fit, and holds only those records.
//
// Written by our own code and not by a library, because its bytes are what we
// hash: they may not change with the library's version. Decision 0003.
#pragma once

#include <functional>
#include <map>
#include <string>

#include "lib/base/files.h"
#include "lib/crypto/digest.h"

namespace hallmark {

struct TarEntry {
  enum class Type { file, executable, folder, symlink, hardlink };
  std::string path;    // plain relative; a folder's without the final '/'
  Type type = Type::file;
  std::uint64_t size = 0;  // files only
  std::string target;      // symbolic link: as written; hard link: path of an earlier file entry
};

// Gives the archive's bytes to `sink`, in order. Entries must come sorted; one
// that is out of order, repeated, or not plain relative is a format fault.
class TarWriter {
 public:
  using Sink = std::function<Status(ByteView)>;
  explicit TarWriter(Sink sink, std::int64_t mtime = 0);
  Status add(const TarEntry& entry);  // a file's content follows through data(), exactly `size` bytes of it
  Status data(ByteView piece);
  Status finish();

 private:
  Status pad(std::uint64_t unit);
  Sink sink_;
  std::int64_t mtime_;
  std::string last_;
  std::uint64_t missing_ = 0, written_ = 0;
};

// The order of entries: bytewise, with a folder's path taken with its final '/'.
bool tar_order(const TarEntry& a, const TarEntry& b);

// Reads a hallmark-tar-1 archive strictly (anything the writer would not write is
// a format fault with its offset). For each entry calls `on_entry`, then `on_data` with its pieces.
struct TarVisitor {
  std::function<Status(const TarEntry&)> on_entry;
  std::function<Status(ByteView)> on_data;
};
Status read_tar(int fd, const std::string& name, const TarVisitor& visitor);

// Writes the archive's tree below `folder`, which must be empty, in archive order and
// without following any link. Modes as in the archive, whatever the umask.
Status unpack_tar(int fd, const std::string& name, int folder_fd);

// Archives a folder of the host (symbolic links as links, hard links by inode, no devices).
Status write_tar_of_folder(const fs::path& folder, std::int64_t mtime, const TarWriter::Sink& sink);

struct TarDigest {
  DigestOf<Alg::sha256> sha256;
  std::uint64_t files = 0, bytes = 0;
};
Result<TarDigest> digest_folder(const fs::path& folder, std::int64_t mtime = 0);

}  // namespace hallmark
