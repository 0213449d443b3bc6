#include "lib/base/files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <system_error>

#include "lib/base/json.h"

namespace hallmark {
namespace {

constexpr std::size_t kReadUnit = std::size_t{1} << 20;

// Reads to the end, or refuses once more than `max` bytes have come.
Result<Bytes> read_all(int fd, std::uint64_t max, std::uint64_t expected, const std::string& name) {
  Bytes out;
  out.resize(static_cast<std::size_t>(std::min(expected, max)) + 1);  // one more, to see the end at once
  std::size_t have = 0;
  for (;;) {
    if (have == out.size()) out.resize(out.size() + kReadUnit);
    const ssize_t n = read(fd, out.data() + have, out.size() - have);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail_errno(name + ": cannot be read", errno);
    if (n == 0) break;
    have += static_cast<std::size_t>(n);
    if (have > max)
      return fail(Fault::format, name + ": is larger than the " + std::to_string(max) + " bytes allowed here");
  }
  out.resize(have);
  return out;
}

Status sync_folder(const fs::path& folder) {
  TRY(Fd fd, open_file(folder, O_RDONLY | O_DIRECTORY));
  if (fsync(fd.get()) != 0 && errno != EINVAL && errno != EROFS)
    return fail_errno(folder.string() + ": cannot be flushed", errno);
  return {};
}

}  // namespace

void Fd::reset(int fd) {
  if (fd_ >= 0) close(fd_);
  fd_ = fd;
}

Result<Fd> open_file(const fs::path& path, int flags, mode_t mode) {
  int fd = -1;
  do fd = open(path.c_str(), flags | O_CLOEXEC, mode);
  while (fd < 0 && errno == EINTR);
  if (fd < 0) return fail_errno(path.string() + ": cannot be opened", errno);
  return Fd(fd);
}

Result<InputFile> InputFile::open(const fs::path& path) {
  // O_NONBLOCK: opening a FIFO must not wait for a writer.
  TRY(Fd fd, open_file(path, O_RDONLY | O_NONBLOCK));
  struct stat st {};
  if (fstat(fd.get(), &st) != 0) return fail_errno(path.string() + ": cannot be examined", errno);
  if (!S_ISREG(st.st_mode)) return fail(Fault::environment, path.string() + ": is not a regular file");
  return InputFile(path, std::move(fd), static_cast<std::uint64_t>(st.st_size));
}

Status InputFile::read_at(std::uint64_t offset, std::span<std::uint8_t> into) const {
  while (!into.empty()) {
    const ssize_t n = pread(fd_.get(), into.data(), into.size(), static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail_errno(path_.string() + ": cannot be read", errno);
    if (n == 0) return fail(Fault::format, path_.string() + ": ends at " + hex_offset(offset));
    offset += static_cast<std::uint64_t>(n);
    into = into.subspan(static_cast<std::size_t>(n));
  }
  return {};
}

Result<Bytes> InputFile::read_at(std::uint64_t offset, std::size_t size) const {
  Bytes out(size);
  CHECK(read_at(offset, out));
  return out;
}

Result<Bytes> read_file(const fs::path& path, std::uint64_t max) {
  TRY(const InputFile file, InputFile::open(path));
  if (file.size() > max)
    return fail(Fault::format, path.string() + ": has " + std::to_string(file.size()) + " bytes, at most " +
                                   std::to_string(max) + " allowed here");
  return read_all(file.fd(), max, file.size(), path.string());
}

Result<std::string> read_text(const fs::path& path, std::uint64_t max) {
  TRY(const Bytes bytes, read_file(path, max));
  return std::string(as_text(bytes));
}

Result<Bytes> read_input(const std::string& path_or_dash, std::uint64_t max) {
  if (path_or_dash == "-") return read_all(STDIN_FILENO, max, 0, "standard input");
  return read_file(path_or_dash, max);
}

Status write_all(int fd, ByteView bytes) {
  while (!bytes.empty()) {
    const ssize_t n = write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail_errno("cannot write", errno);
    bytes = bytes.subspan(static_cast<std::size_t>(n));
  }
  return {};
}

namespace {

Status write_whole(const fs::path& path, ByteView bytes, mode_t mode, bool replace) {
  const fs::path folder = path.has_parent_path() ? path.parent_path() : fs::path(".");
  std::string name = (folder / ("." + path.filename().string() + ".XXXXXX")).string();
  Fd fd(mkostemp(name.data(), O_CLOEXEC));
  if (!fd) return fail_errno(path.string() + ": cannot be written: no temporary file beside it", errno);
  auto give_up = [&](Failure failure) {
    unlink(name.c_str());
    failure.value().context.emplace_back("writing " + path.string());
    return failure;
  };
  if (auto written = write_all(fd.get(), bytes); !written) return give_up(Failure(std::move(written).error()));
  if (fchmod(fd.get(), mode) != 0) return give_up(fail_errno("cannot set its mode", errno));
  if (fsync(fd.get()) != 0) return give_up(fail_errno("cannot flush", errno));
  if (replace) {
    if (rename(name.c_str(), path.c_str()) != 0) return give_up(fail_errno("cannot move it into place", errno));
  } else {
    // link(2), unlike rename(2), refuses a name that is taken.
    if (link(name.c_str(), path.c_str()) != 0) return give_up(fail_errno("cannot put it in place", errno));
    unlink(name.c_str());
  }
  return sync_folder(folder);
}

}  // namespace

Status write_file(const fs::path& path, ByteView bytes, mode_t mode) { return write_whole(path, bytes, mode, true); }

Status write_new_file(const fs::path& path, ByteView bytes, mode_t mode) {
  return write_whole(path, bytes, mode, false);
}

Status make_folders(const fs::path& path) {
  std::error_code error;
  fs::create_directories(path, error);
  if (error) return fail(Fault::environment, path.string() + ": cannot be made: " + error.message());
  return {};
}

Status remove_tree(const fs::path& path) {
  std::error_code error;
  const fs::file_status status = fs::symlink_status(path, error);
  if (status.type() == fs::file_type::not_found) return {};
  if (status.type() == fs::file_type::directory) {
    // Folders of an unpacked tree are read-only; only their owner may empty them.
    chmod(path.c_str(), 0700);
    for (fs::directory_iterator it(path, error), end; !error && it != end; it.increment(error))
      CHECK(remove_tree(it->path()));
    if (error) return fail(Fault::environment, path.string() + ": cannot be listed: " + error.message());
  }
  if (::remove(path.c_str()) != 0 && errno != ENOENT) return fail_errno(path.string() + ": cannot be removed", errno);
  return {};
}

Result<TemporaryFolder> TemporaryFolder::make(const fs::path& parent, std::string_view prefix) {
  std::string name = (parent / (std::string(prefix) + ".XXXXXX")).string();
  if (mkdtemp(name.data()) == nullptr)
    return fail_errno(parent.string() + ": no temporary folder can be made in it", errno);
  return TemporaryFolder(name);
}

Result<TemporaryFolder> TemporaryFolder::make(std::string_view prefix) {
  const char* root = std::getenv("TMPDIR");
  return make(root != nullptr && *root != '\0' ? root : "/tmp", prefix);
}

TemporaryFolder::~TemporaryFolder() {
  if (!path_.empty()) static_cast<void>(remove_tree(path_));  // nothing is left to do about a failure here
}

bool is_plain_relative(std::string_view path) {
  if (path.empty() || path.size() > 4096 || path.find('\0') != path.npos) return false;
  for (;;) {
    const auto slash = path.find('/');
    const std::string_view part = path.substr(0, slash);
    if (part.empty() || part == "." || part == ".." || part.size() > 255) return false;
    if (slash == path.npos) return true;
    path.remove_prefix(slash + 1);
  }
}

std::string printable(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size();) {
    const auto c = static_cast<unsigned char>(text[i]);
    std::size_t n = c < 0x80 ? 1 : c >= 0xF0 ? 4 : c >= 0xE0 ? 3 : 2;
    const std::string_view one = text.substr(i, n);
    // U+0080..U+009F are control characters too: C2 80 .. C2 9F.
    const bool c1 = one.size() == 2 && c == 0xC2 && static_cast<unsigned char>(one[1]) < 0xA0;
    if (c == '\n' || c == '\t' || (c >= 0x20 && c != 0x7F && one.size() == n && !c1 && is_utf8(one))) {
      out += one;
      i += n;
    } else {
      out += "\\x" + to_hex(as_bytes(text.substr(i, 1)));
      i++;
    }
  }
  return out;
}

}  // namespace hallmark
