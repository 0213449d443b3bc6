// Files: read within a bound, written whole or not at all.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>
#include <string_view>

#include "lib/base/bytes.h"
#include "lib/base/result.h"

namespace hallmark {

namespace fs = std::filesystem;

// Owns a file descriptor.
class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    if (this != &other) reset(std::exchange(other.fd_, -1));
    return *this;
  }
  ~Fd() { reset(); }

  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  int release() { return std::exchange(fd_, -1); }
  void reset(int fd = -1);

 private:
  int fd_ = -1;
};

// open(2) with O_CLOEXEC; the error names the path.
Result<Fd> open_file(const fs::path& path, int flags, mode_t mode = 0);

// A regular file that is read in places, for one that is too large to be held whole. Two threads may read at once.
class InputFile {
 public:
  // Devices, FIFOs and folders are refused, as read_file() does.
  static Result<InputFile> open(const fs::path& path);

  const fs::path& path() const { return path_; }
  std::uint64_t size() const { return size_; }  // when it was opened
  // All of `into` from the offset on; a file that ends before that is a format fault.
  Status read_at(std::uint64_t offset, std::span<std::uint8_t> into) const;
  // The same into a new buffer; the caller has bounded `size`.
  Result<Bytes> read_at(std::uint64_t offset, std::size_t size) const;
  int fd() const { return fd_.get(); }

 private:
  InputFile(fs::path path, Fd fd, std::uint64_t size) : path_(std::move(path)), fd_(std::move(fd)), size_(size) {}
  fs::path path_;
  Fd fd_;
  std::uint64_t size_;
};

// A regular file of at most `max` bytes. Devices, FIFOs and folders are refused:
// reading one could block or never end.
Result<Bytes> read_file(const fs::path& path, std::uint64_t max);
Result<std::string> read_text(const fs::path& path, std::uint64_t max);
// The same for "-" (standard input) as well as a path.
Result<Bytes> read_input(const std::string& path_or_dash, std::uint64_t max);

// All of `bytes`, through short writes and interruptions.
Status write_all(int fd, ByteView bytes);

// Writes a temporary neighbour, flushes it to disk and renames it into place:
// readers see the old file or the new one, never a part. `mode` is exact
// whatever the umask.
Status write_file(const fs::path& path, ByteView bytes, mode_t mode = 0644);
inline Status write_file(const fs::path& path, std::string_view text, mode_t mode = 0644) {
  return write_file(path, as_bytes(text), mode);
}
// The same, but a `path` that is there already stays as it is and is an error.
Status write_new_file(const fs::path& path, ByteView bytes, mode_t mode = 0644);

Status make_folders(const fs::path& path);  // mkdir -p

// Removes a tree, also one whose folders are not writable. Symbolic links are
// removed, not followed. A path that is not there is a success.
Status remove_tree(const fs::path& path);

// A fresh folder (mode 0700) that is removed with everything in it at the end
// of the object's life.
class TemporaryFolder {
 public:
  static Result<TemporaryFolder> make(const fs::path& parent, std::string_view prefix);
  // Under $TMPDIR, or /tmp.
  static Result<TemporaryFolder> make(std::string_view prefix);
  TemporaryFolder(TemporaryFolder&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  TemporaryFolder& operator=(TemporaryFolder&&) = delete;
  ~TemporaryFolder();

  const fs::path& path() const { return path_; }
  fs::path release() { return std::exchange(path_, {}); }

 private:
  explicit TemporaryFolder(fs::path path) : path_(std::move(path)) {}
  fs::path path_;
};

// Whether `path`, as written in an archive or a lock, stays below the folder it
// is put in: relative, not empty, no "..", no ".", no empty part, no NUL.
bool is_plain_relative(std::string_view path);

// Text from outside made fit for a terminal: control characters (but not
// newline and tab) and bytes that are not UTF-8 become \xNN.
std::string printable(std::string_view text);

}  // namespace hallmark
