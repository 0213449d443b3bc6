#include "lib/build/inside.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/fsuid.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "lib/base/interrupt.h"
#include "lib/build/world.h"
#include "lib/formats/tar.h"

namespace hallmark::build {
namespace {

constexpr std::uint64_t kMaxOutput = std::uint64_t{16} << 30;

// Makes and opens files as `owner` while it lives: this thread's file system ids (setfsuid(2)). To
// anyone but root this changes nothing.
class ActingAs {
 public:
  explicit ActingAs(Owner owner) {
    setfsgid(owner.gid);
    setfsuid(owner.uid);
  }
  ~ActingAs() {
    setfsuid(geteuid());
    setfsgid(getegid());
  }
  ActingAs(const ActingAs&) = delete;
  ActingAs& operator=(const ActingAs&) = delete;
};

// An empty Fd, and errno, where it cannot be opened without leaving the folder or following a link.
Fd open_beneath(int folder, const std::string& path, int flags) {
  open_how how{};
  how.flags = static_cast<std::uint64_t>(flags | O_CLOEXEC);
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV;
  return Fd(static_cast<int>(syscall(SYS_openat2, folder, path.c_str(), &how, sizeof how)));
}

Status take_output(const std::string& path, int build_folder, const fs::path& out) {
  if (!is_plain_relative(path)) return fail(Fault::usage, "is not a plain relative path");
  // O_PATH opens nothing but the name: a FIFO or a socket cannot make us wait.
  const Fd found = open_beneath(build_folder, path, O_PATH | O_NOFOLLOW);
  if (!found) {
    if (errno == ENOENT || errno == ENOTDIR)
      return fail(Fault::mismatch, "was not made: the steps ended and it is not there");
    if (errno == ELOOP)
      return fail(Fault::mismatch,
                  "a part of its path is a symbolic link; an output must be a regular file in a plain folder");
    return fail_errno("cannot be found", errno);
  }
  struct stat st {};
  if (fstat(found.get(), &st) != 0) return fail_errno("cannot be examined", errno);
  if (S_ISLNK(st.st_mode)) return fail(Fault::mismatch, "is a symbolic link; an output must be a regular file");
  if (S_ISDIR(st.st_mode)) return fail(Fault::mismatch, "is a folder; an output must be a regular file");
  if (!S_ISREG(st.st_mode))
    return fail(Fault::mismatch, "is a FIFO, a socket or a device; an output must be a regular file");
  if ((st.st_mode & S_IRUSR) == 0) return fail(Fault::mismatch, "is not readable by the box's own user");
  if (static_cast<std::uint64_t>(st.st_size) > kMaxOutput)
    return fail(Fault::mismatch,
                "has " + std::to_string(st.st_size) + " bytes, at most " + std::to_string(kMaxOutput) + " allowed");

  const Fd from = open_beneath(build_folder, path, O_RDONLY | O_NONBLOCK);
  if (!from) return fail_errno("cannot be opened", errno);
  CHECK(make_folders((out / path).parent_path()));
  TRY(const Fd to, open_file(out / path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600));
  std::vector<std::uint8_t> buffer(std::size_t{1} << 20);
  for (;;) {
    CHECK(not_interrupted());
    const ssize_t n = read(from.get(), buffer.data(), buffer.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail_errno("cannot be read", errno);
    if (n == 0) break;
    CHECK(write_all(to.get(), ByteView(buffer).first(static_cast<std::size_t>(n))));
  }
  if (fchmod(to.get(), (st.st_mode & S_IXUSR) != 0 ? 0755 : 0644) != 0) return fail_errno("cannot set its mode", errno);
  if (fsync(to.get()) != 0) return fail_errno("cannot flush", errno);
  return {};
}

}  // namespace

Result<Fd> open_build_folder(pid_t pid) {
  const ActingAs as_box(box_owner());
  return open_file("/proc/" + std::to_string(pid) + "/root" + std::string(kBuildFolder),
                   O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
}

Status put_sources(const BoxRequest& request, int build_folder) {
  for (const Mount& source : request.sources) {
    TRY(const Fd archive, open_file(source.archive, O_RDONLY));
    const ActingAs as_box(box_owner());
    if (source.into != ".") {
      if (!is_plain_relative(source.into))
        return fail(Fault::usage, "source folder \"" + printable(source.into) + "\" is not a plain relative path");
      for (std::size_t end = 0; end != std::string::npos;) {
        end = source.into.find('/', end + 1);
        const std::string part = source.into.substr(0, end);
        if (mkdirat(build_folder, part.c_str(), 0755) != 0 && errno != EEXIST)
          return fail_errno("/build/" + part + ": cannot be made", errno);
      }
    }
    const Fd folder = open_beneath(build_folder, source.into, O_RDONLY | O_DIRECTORY);
    if (!folder) return fail_errno("/build/" + source.into + ": cannot be opened", errno);
    CHECK(unpack_tar(archive.get(), source.archive.string(), folder.get(), request.epoch));
  }
  return {};
}

Status take_outputs(const BoxRequest& request, int build_folder) {
  for (const std::string& path : request.outputs)
    CHECK(in("output " + printable(path), take_output(path, build_folder, request.out)));
  return {};
}

}  // namespace hallmark::build
