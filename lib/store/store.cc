#include "lib/store/store.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <mutex>
#include <optional>

#include "lib/base/interrupt.h"

namespace hallmark {
namespace {

constexpr const char* kMarker = "hallmark-store-1";
constexpr std::size_t kReadUnit = std::size_t{1} << 18;

// flock(2) on an open file. False: another holds it (only with LOCK_NB).
Result<bool> lock_file(int fd, int operation, const fs::path& name) {
  while (flock(fd, operation) != 0) {
    if (errno == EWOULDBLOCK) return false;
    if (errno != EINTR) return fail_errno(name.string() + ": cannot be locked", errno);
    CHECK(not_interrupted());
  }
  return true;
}

bool is_plain_name(std::string_view name) { return is_plain_relative(name) && name.find('/') == name.npos; }

Status make_folder(const fs::path& path) {
  if (mkdir(path.c_str(), 0755) != 0 && errno != EEXIST) return fail_errno(path.string() + ": cannot be made", errno);
  return {};
}

bool is_folder(const fs::path& path) {
  struct stat st {};
  return lstat(path.c_str(), &st) == 0 && S_ISDIR(st.st_mode);
}

// Reads the whole file into `sink`.
Status read_pieces(int fd, const std::function<void(ByteView)>& sink) {
  Bytes buffer(kReadUnit);
  for (;;) {
    CHECK(not_interrupted());
    const ssize_t n = read(fd, buffer.data(), buffer.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail_errno("cannot be read", errno);
    if (n == 0) return {};
    sink(ByteView(buffer).first(static_cast<std::size_t>(n)));
  }
}

// Removes the sessions under `tmp` that no process holds any more.
void remove_dead_sessions(const fs::path& tmp) {
  std::vector<std::pair<fs::path, Fd>> dead;
  {
    // Who makes a session holds tmp/ shared until it holds the session itself, so that one
    // that is seen here and is not locked has no owner.
    auto guard = open_file(tmp, O_RDONLY | O_DIRECTORY);
    if (!guard || !lock_file(guard->get(), LOCK_EX | LOCK_NB, tmp).value_or(false)) return;
    std::error_code error;
    for (fs::directory_iterator it(tmp, error), end; !error && it != end; it.increment(error)) {
      auto session = open_file(it->path(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
      if (session && lock_file(session->get(), LOCK_EX | LOCK_NB, it->path()).value_or(false))
        dead.emplace_back(it->path(), std::move(*session));
    }
  }
  for (const auto& [path, lock] : dead) static_cast<void>(remove_tree(path));  // the next opener tries again
}

}  // namespace

// The folder under tmp/ that this process works in; made when it is first needed, so that a
// store that cannot be written to can still be read.
class Store::Session {
 public:
  explicit Session(fs::path tmp) : tmp_(std::move(tmp)) {}
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  ~Session() {
    if (!folder_.empty()) static_cast<void>(remove_tree(folder_));
  }

  Result<fs::path> folder() {
    const std::lock_guard<std::mutex> only_one(mutex_);
    if (!folder_.empty()) return folder_;
    TRY(const Fd guard, open_file(tmp_, O_RDONLY | O_DIRECTORY));
    CHECK(lock_file(guard.get(), LOCK_SH, tmp_));
    TRY(TemporaryFolder made, TemporaryFolder::make(tmp_, std::to_string(getpid())));
    TRY(lock_, open_file(made.path(), O_RDONLY | O_DIRECTORY));
    CHECK(lock_file(lock_.get(), LOCK_EX, made.path()));
    folder_ = made.release();
    return folder_;
  }

 private:
  const fs::path tmp_;
  std::mutex mutex_;
  fs::path folder_;
  Fd lock_;
};

Store::Store(fs::path root) : root_(std::move(root)), session_(std::make_shared<Session>(root_ / "tmp")) {}

Result<Store> Store::open(const fs::path& root) {
  const std::string where = "opening the store " + root.string();
  CHECK(in(where, make_folders(root)));
  std::error_code error;
  const fs::path path = fs::canonical(root, error);
  if (error) return fail(Fault::environment, where + ": " + error.message());

  TRY(const Fd folder, in(where, open_file(path, O_RDONLY | O_DIRECTORY)));
  struct stat st {};
  if (fstat(folder.get(), &st) != 0) return fail_errno(where + ": cannot be examined", errno);
  if (st.st_uid != geteuid())
    return fail(Fault::environment, where + ": it belongs to user id " + std::to_string(st.st_uid) +
                                        ", and this is user id " + std::to_string(geteuid()) +
                                        "; set HALLMARK_STORE to a folder of your own");

  if (!fs::exists(path / kMarker, error)) {
    CHECK(in(where, lock_file(folder.get(), LOCK_EX, path)));
    if (!fs::exists(path / kMarker, error)) {
      if (!fs::is_empty(path, error))
        return fail(Fault::environment,
                    where + ": the folder is neither empty nor a store (it has no " + kMarker + ")");
      CHECK(in(where, open_file(path / kMarker, O_WRONLY | O_CREAT, 0444)));
    }
  }
  for (const char* part : {"blobs", "blobs/sha256", "git", "trees", "tmp", "locks"})
    if (!is_folder(path / part)) CHECK(in(where, make_folder(path / part)));

  remove_dead_sessions(path / "tmp");
  return Store(path);
}

Result<Store> Store::open_or_default(const fs::path& root) {
  if (!root.empty()) return open(root);
  TRY(const fs::path place, default_root());
  return open(place);
}

Result<fs::path> Store::default_root() {
  const auto variable = [](const char* name) {
    const char* value = std::getenv(name);
    return fs::path(value == nullptr ? "" : value);
  };
  if (const fs::path store = variable("HALLMARK_STORE"); !store.empty()) return store;
  // XDG Base Directory Specification: "All paths set in these environment variables must be absolute.
  // If an implementation encounters a relative path [...] it should consider the path invalid and ignore it."
  if (const fs::path data = variable("XDG_DATA_HOME"); data.is_absolute()) return data / "hallmark";
  if (const fs::path home = variable("HOME"); home.is_absolute()) return home / ".local/share/hallmark";
  return fail(Fault::environment, "no place for the store: set HALLMARK_STORE, XDG_DATA_HOME or HOME");
}

fs::path Store::blob_path(const Sha256& digest) const {
  const std::string name = to_hex(digest);
  return root_ / "blobs/sha256" / name.substr(0, 2) / name.substr(2);
}

bool Store::has(const Sha256& digest) const {
  struct stat st {};
  return lstat(blob_path(digest).c_str(), &st) == 0 && S_ISREG(st.st_mode);
}

Result<Fd> Store::open_blob(const Sha256& digest) const {
  const fs::path path = blob_path(digest);
  const std::string what = "blob sha256:" + to_hex(digest);
  Fd fd(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!fd && errno == ENOENT) return fail(Fault::environment, what + " is not in the store " + root_.string());
  if (!fd) return fail_errno(what + ": " + path.string() + ": cannot be opened", errno);

  Hasher<Alg::sha256> hash;
  CHECK(in(what, read_pieces(fd.get(), [&](ByteView piece) { hash.add(piece); })));
  if (hash.finish() == digest) {
    if (lseek(fd.get(), 0, SEEK_SET) != 0) return fail_errno(what + ": cannot be read again", errno);
    return fd;
  }

  // Another process may have put a sound one in its place by now: that one stays.
  struct stat ours {
  }, there{};
  const bool same = fstat(fd.get(), &ours) == 0 && lstat(path.c_str(), &there) == 0 && ours.st_ino == there.st_ino &&
                    ours.st_dev == there.st_dev;
  const bool removed = same && unlink(path.c_str()) == 0;
  return fail(Fault::mismatch, what + " was damaged in the store " + root_.string() +
                                   (removed ? ": it has been removed and must be fetched again" : ": fetch it again"));
}

Result<Bytes> Store::get(const Sha256& digest, std::uint64_t max) const {
  const std::string what = "blob sha256:" + to_hex(digest);
  TRY(const Fd fd, open_blob(digest));
  struct stat st {};
  if (fstat(fd.get(), &st) != 0) return fail_errno(what + ": cannot be examined", errno);
  const auto size = static_cast<std::uint64_t>(st.st_size);
  if (size > max)
    return fail(Fault::format,
                what + ": has " + std::to_string(size) + " bytes, at most " + std::to_string(max) + " allowed here");
  Bytes out;
  out.reserve(static_cast<std::size_t>(size));
  CHECK(in(what, read_pieces(fd.get(), [&](ByteView piece) { out.insert(out.end(), piece.begin(), piece.end()); })));
  return out;
}

struct Store::Writer::State {
  const Store store;  // keeps the session alive
  fs::path path;
  Fd fd;
  Hasher<Alg::sha256> hash;

  ~State() {
    if (!path.empty()) unlink(path.c_str());
  }
  std::string where() const { return "writing to the store " + store.root().string(); }
};

Store::Writer::Writer(std::unique_ptr<State> state) : state_(std::move(state)) {}
Store::Writer::Writer(Writer&&) noexcept = default;
Store::Writer::~Writer() = default;

Result<Store::Writer> Store::writer() const {
  auto state = std::unique_ptr<Writer::State>(new Writer::State{*this, {}, {}, {}});
  TRY(const fs::path folder, in(state->where(), session_->folder()));
  std::string name = (folder / "blob.XXXXXX").string();
  state->fd.reset(mkostemp(name.data(), O_CLOEXEC));
  if (!state->fd) return fail_errno(state->where() + ": no temporary file can be made in it", errno);
  state->path = name;
  return Writer(std::move(state));
}

Status Store::Writer::add(ByteView piece) {
  state_->hash.add(piece);
  return in(state_->where(), write_all(state_->fd.get(), piece));
}

Result<Sha256> Store::Writer::finish(const Sha256* expected) {
  const auto state = std::move(state_);  // nothing more can be added
  const Sha256 digest = state->hash.finish();
  if (expected != nullptr && *expected != digest)
    return fail(Fault::mismatch, "has sha256:" + to_hex(digest) + ", expected sha256:" + to_hex(*expected));

  const fs::path path = state->store.blob_path(digest);
  CHECK(in(state->where(), make_folder(path.parent_path())));
  if (fchmod(state->fd.get(), 0444) != 0) return fail_errno(state->where() + ": cannot set a mode", errno);
  // One that is there already is replaced, which heals a damaged one.
  if (rename(state->path.c_str(), path.c_str()) != 0)
    return fail_errno(state->where() + ": cannot move a blob into place", errno);
  state->path.clear();
  return digest;
}

Result<Sha256> Store::put(ByteView bytes) const {
  TRY(Writer blob, writer());
  CHECK(blob.add(bytes));
  return blob.finish();
}

fs::path Store::tree_path(std::string_view kind, std::string_view name) const { return root_ / "trees" / kind / name; }

Result<fs::path> Store::tree(std::string_view kind, std::string_view name,
                             const std::function<Status(const fs::path&)>& fill) const {
  if (!is_plain_name(kind) || !is_plain_name(name))
    return fail(Fault::usage,
                "\"" + printable(kind) + "\", \"" + printable(name) + "\" cannot name a tree of the store");
  const fs::path path = tree_path(kind, name);
  if (is_folder(path)) return path;

  TRY(const Fd held, lock(std::string(kind) + "-" + std::string(name)));
  if (is_folder(path)) return path;
  TRY(TemporaryFolder made, workspace("tree"));
  CHECK(fill(made.path()));
  if (chmod(made.path().c_str(), 0755) != 0) return fail_errno(made.path().string() + ": cannot set its mode", errno);
  CHECK(make_folder(path.parent_path()));
  if (rename(made.path().c_str(), path.c_str()) != 0)
    return fail_errno(path.string() + ": cannot be moved into place", errno);
  static_cast<void>(made.release());
  return path;
}

Status Store::drop_tree(std::string_view kind, std::string_view name) const {
  const fs::path path = tree_path(kind, name);
  TRY(const TemporaryFolder grave, workspace("dropped"));
  // Out of the way at once and as a whole; removing it takes longer.
  if (rename(path.c_str(), (grave.path() / "tree").c_str()) != 0 && errno != ENOENT)
    return fail_errno(path.string() + ": cannot be moved away", errno);
  return {};
}

Result<TemporaryFolder> Store::workspace(std::string_view prefix) const {
  TRY(const fs::path folder, in("writing to the store " + root_.string(), session_->folder()));
  return TemporaryFolder::make(folder, prefix);
}

Result<Fd> Store::lock(std::string_view name, const std::function<void()>& waiting) const {
  if (!is_plain_name(name)) return fail(Fault::usage, "\"" + printable(name) + "\" cannot name a lock of the store");
  const fs::path path = root_ / "locks" / name;
  TRY(Fd fd, open_file(path, O_RDWR | O_CREAT | O_NOFOLLOW, 0644));
  TRY(const bool free, lock_file(fd.get(), LOCK_EX | LOCK_NB, path));
  if (free) return fd;
  if (waiting) waiting();
  CHECK(lock_file(fd.get(), LOCK_EX, path));
  return fd;
}

Status Store::flush() const {
  TRY(const Fd fd, open_file(root_, O_RDONLY | O_DIRECTORY));
  if (syncfs(fd.get()) != 0) return fail_errno("flushing the store " + root_.string() + " to disk", errno);
  return {};
}

}  // namespace hallmark
