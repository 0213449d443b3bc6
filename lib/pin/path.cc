#include "lib/pin/path.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "lib/base/interrupt.h"
#include "lib/pin/git.h"

namespace hallmark::pin {
namespace {

constexpr std::size_t kPiece = std::size_t{1} << 20;
constexpr std::size_t kMaxTarget = 4096;

// A folder, and where it lies in the git work tree around it, if there is one.
struct Place {
  fs::path folder;
  std::optional<GitRepository> git;
  std::string inside;  // "" for the work tree's own folder

  std::string in_git(const std::string& path) const { return inside.empty() ? path : inside + "/" + path; }
};

Result<Place> find_place(const fs::path& folder) {
  std::error_code error;
  Place place;
  place.folder = fs::canonical(folder, error);
  if (error) return fail(Fault::environment, folder.string() + ": " + error.message());
  if (!fs::is_directory(place.folder, error)) return fail(Fault::usage, folder.string() + ": is not a folder");
  TRY(place.git, GitRepository::around(place.folder));
  if (!place.git) return place;
  const fs::path top = fs::canonical(place.git->work_tree(), error);
  const fs::path inside = place.folder.lexically_relative(top);
  // A bare repository, the inside of .git, or a core.worktree that points elsewhere.
  if (error || inside.empty() || *inside.begin() == ".." || *inside.begin() == ".git")
    place.git.reset();
  else if (inside != ".")
    place.inside = inside.string();
  return place;
}

// ── as it stands on the disk ──

class DiskWalk {
 public:
  DiskWalk(const Place& place, SourceArchive& archive, Progress& progress)
      : place_(place), archive_(archive), progress_(progress) {}

  // `prefix` is "" or ends in '/'.
  Status folder(const std::string& prefix) {
    TRY(const std::vector<TarEntry> entries, list(prefix));
    for (const TarEntry& entry : entries) {
      CHECK(not_interrupted());
      if (entry.type == TarEntry::Type::folder) {
        CHECK(folder(entry.path + "/"));
      } else if (entry.type == TarEntry::Type::symlink) {
        CHECK(link(entry));
      } else {
        CHECK(file(entry));
      }
    }
    return {};
  }

 private:
  // What counts in one folder, in the archive's order. Folders are not entries themselves: the
  // archive makes those that something stands in.
  Result<std::vector<TarEntry>> list(const std::string& prefix) {
    std::vector<TarEntry> entries;
    std::error_code error;
    for (fs::directory_iterator it(place_.folder / prefix, error), end; !error && it != end; it.increment(error)) {
      const std::string name = it->path().filename().string(), path = prefix + name;
      struct stat st {};
      if (lstat(it->path().c_str(), &st) != 0) return fail_errno(it->path().string() + ": cannot be examined", errno);
      const bool is_folder = S_ISDIR(st.st_mode);
      if (name == ".git" && prefix.empty() && place_.git) continue;
      TRY(const bool out, left_out(name, path, is_folder));
      if (out) continue;
      if (name == ".git")
        return fail(Fault::unsupported,
                    it->path().string() +
                        ": a git repository inside the source (a submodule?), which this version does not follow");
      if (!is_folder && !S_ISREG(st.st_mode) && !S_ISLNK(st.st_mode))
        return fail(Fault::unsupported,
                    printable(it->path().string()) + ": is neither a file nor a folder nor a symbolic link");
      entries.push_back({path,
                         is_folder                ? TarEntry::Type::folder
                         : S_ISLNK(st.st_mode)    ? TarEntry::Type::symlink
                         : (st.st_mode & S_IXUSR) ? TarEntry::Type::executable
                                                  : TarEntry::Type::file,
                         S_ISREG(st.st_mode) ? static_cast<std::uint64_t>(st.st_size) : 0,
                         {}});
    }
    if (error)
      return fail(Fault::environment, (place_.folder / prefix).string() + ": cannot be listed: " + error.message());
    std::sort(entries.begin(), entries.end(), tar_order);
    return entries;
  }

  Result<bool> left_out(const std::string& name, const std::string& path, bool folder) const {
    if (!folder && name == kLockFile) return true;
    if (!place_.git) return false;
    TRY(const bool tracked, place_.git->is_tracked(place_.in_git(path), folder));
    if (tracked) return false;
    return place_.git->is_ignored(place_.in_git(path), folder);
  }

  Status link(TarEntry entry) {
    const fs::path path = place_.folder / entry.path;
    std::string target(kMaxTarget + 1, '\0');
    const ssize_t n = readlink(path.c_str(), target.data(), target.size());
    if (n < 0) return fail_errno(path.string() + ": cannot be read", errno);
    target.resize(static_cast<std::size_t>(n));
    entry.target = std::move(target);
    return archive_.add(entry);
  }

  Status file(const TarEntry& entry) {
    const fs::path path = place_.folder / entry.path;
    TRY(const Fd fd, open_file(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK));
    CHECK(archive_.add(entry));
    progress_.advance(++files_, 0);
    Bytes piece(static_cast<std::size_t>(std::min<std::uint64_t>(kPiece, entry.size + 1)));
    std::uint64_t left = entry.size;
    for (;;) {
      const ssize_t n = read(fd.get(), piece.data(), piece.size());
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return fail_errno(path.string() + ": cannot be read", errno);
      const auto got = static_cast<std::uint64_t>(n);
      if (got > left || (got == 0 && left > 0))
        return fail(Fault::environment, path.string() + ": changed while it was read");
      if (got == 0) return {};
      CHECK(archive_.data(ByteView(piece).first(static_cast<std::size_t>(got))));
      left -= got;
    }
  }

  const Place& place_;
  SourceArchive& archive_;
  Progress& progress_;
  std::uint64_t files_ = 0;
};

// ── as committed ──

constexpr std::size_t kShown = 5;

std::string name_some(const std::vector<std::string>& paths) {
  std::string out;
  for (std::size_t i = 0; i < std::min(paths.size(), kShown); i++) out += (i == 0 ? "" : ", ") + printable(paths[i]);
  return paths.size() > kShown ? out + " and more" : out;
}

// Why the commit that is checked out is not the whole truth about the folder, if it is not.
Result<std::optional<std::string>> why_dirty(const Place& place, const std::optional<GitCommit>& head) {
  if (!place.git) return "is not in a git work tree";
  if (!head) return place.inside.empty() ? "has no commit yet" : "is not in the commit that is checked out";
  TRY(const std::vector<std::string> changes, place.git->changes(place.inside, kLockFile, kShown + 1));
  if (changes.empty()) return std::nullopt;
  return "has changes that no commit holds: " + name_some(changes);
}

}  // namespace

Result<PinnedPath> pin_path(const std::string& path, const fs::path& folder, bool allow_dirty,
                            const SourcePin* previous, SourceArchive archive, Progress& progress) {
  TRY(const Place place, find_place(folder));
  std::optional<GitCommit> head;
  if (place.git) {
    TRY(head, place.git->head(place.inside));
  }
  TRY(const std::optional<std::string> dirty, in(place.folder.string(), why_dirty(place, head)));
  if (dirty && !allow_dirty)
    return fail(Fault::usage, place.folder.string() + ": " + *dirty +
                                  "; commit it, or pin the folder as it stands with --allow-dirty");

  PathPin pin{path, dirty.has_value(), {}, {}, 0};
  if (head) {
    pin.commit = head->commit;
    pin.tree = head->tree;
    pin.committed = head->committed;
  }
  CHECK(dirty ? DiskWalk(place, archive, progress).folder("")
              : place.git->archive_tree(head->tree, kLockFile, archive, progress));
  TRY(const SourceTree tree, archive.finish(nullptr));
  const auto* before = previous ? std::get_if<PathPin>(&previous->origin) : nullptr;
  const bool unchanged =
      before && before->path == path && !before->dirty && !dirty && previous->tree_sha256 == to_hex(tree.sha256);
  if (unchanged && place.git->has_in_history(before->commit)) return PinnedPath{*before, tree};
  return PinnedPath{std::move(pin), tree};
}

Status archive_folder(const fs::path& folder, SourceArchive& archive, Progress& progress) {
  TRY(const Place place, find_place(folder));
  return DiskWalk(place, archive, progress).folder("");
}

}  // namespace hallmark::pin
