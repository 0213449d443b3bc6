// The content-addressed store: every byte that pin fetched or made, under its SHA-256.
//
//   $HALLMARK_STORE, else $XDG_DATA_HOME/hallmark, else ~/.local/share/hallmark
//     hallmark-store-1        empty; says that this folder is a store, and of which layout
//     blobs/sha256/ab/cdef…   one file a blob, mode 0444, named by the digest of its bytes
//     git/<sha256(url)>.git   bare mirrors; never trusted, always re-hashed on use
//     trees/<kind>/<name>/    published folders (unpacked root file systems), made whole or not at all
//     partial/<digest>        a download that was cut short; the next one asks for the rest (lib/pin/fetch.h)
//     tmp/<session>/          work in progress of one process, which holds flock(2) on it
//     locks/                  one flock(2) file for each tree or mirror being made
//
// Safe under concurrent use and kill -9 at any moment: everything is made in a session's
// folder and rename(2)d into place, and a session that nobody holds any more is removed
// by the next process that opens the store.
//
// Power may fail too. Nothing is flushed on the way, because nothing is trusted on the way back:
// a blob is hashed whenever it is read, and who uses a tree hashes that. So a torn blob
// is an error that names it, never an input. flush() makes what was put survive; `pin` calls
// it once, before it writes the lock. Decision 0012.
#pragma once

#include <functional>
#include <memory>

#include "lib/base/files.h"
#include "lib/crypto/digest.h"

namespace hallmark {

using Sha256 = DigestOf<Alg::sha256>;

class Store {
 public:
  // Opens the store at `root`, or makes one in a folder that is empty or not there yet. Any other
  // folder is refused, and so is the store of another user: its owner could change what we hash.
  static Result<Store> open(const fs::path& root);
  // The place that the environment asks for; an environment fault if there is none (no HOME).
  static Result<fs::path> default_root();

  // The store at `root`, or where that is empty, at the default place.
  static Result<Store> open_or_default(const fs::path& root);

  const fs::path& root() const { return root_; }

  bool has(const Sha256& digest) const;
  fs::path blob_path(const Sha256& digest) const;  // where it is, or would be

  Result<Sha256> put(ByteView bytes) const;
  // Reads the blob and checks that its bytes still have this digest. A damaged
  // blob is removed, so that it can be fetched again, and is a mismatch.
  Result<Bytes> get(const Sha256& digest, std::uint64_t max) const;
  // The same without holding it in memory: checks the bytes, then gives an open descriptor at offset 0.
  Result<Fd> open_blob(const Sha256& digest) const;

  // A blob that arrives piece by piece.
  class Writer {
   public:
    Writer(Writer&&) noexcept;
    ~Writer();  // an unfinished blob leaves nothing behind
    Status add(ByteView piece);
    // Publishes the blob and returns its digest. With `expected`, other bytes are
    // refused as a mismatch and not published.
    Result<Sha256> finish(const Sha256* expected = nullptr);

   private:
    friend class Store;
    struct State;
    explicit Writer(std::unique_ptr<State>);
    std::unique_ptr<State> state_;
  };
  Result<Writer> writer() const;

  // The published folder trees/<kind>/<name>, made by `fill` if it is not there yet.
  // `fill` gets an empty folder of its own; only one process fills a tree at a time and
  // the others wait for it. After a failure nothing of it is left. The folder itself ends up
  // with mode 0755; what is in it keeps the modes and owners that `fill` gave it.
  Result<fs::path> tree(std::string_view kind, std::string_view name,
                        const std::function<Status(const fs::path&)>& fill) const;
  fs::path tree_path(std::string_view kind, std::string_view name) const;
  // Takes a tree that turned out to be damaged out of the store.
  Status drop_tree(std::string_view kind, std::string_view name) const;

  // A folder for work in progress on the store's own file system (so that rename works). It
  // ends with the store that gave it.
  Result<TemporaryFolder> workspace(std::string_view prefix) const;

  // Held while it lives; waits for another holder, telling `waiting` once if it has to.
  Result<Fd> lock(std::string_view name, const std::function<void()>& waiting = {}) const;

  // When it returns, everything put before is on disk.
  Status flush() const;

 private:
  class Session;
  explicit Store(fs::path root);

  fs::path root_;
  std::shared_ptr<Session> session_;
};

}  // namespace hallmark
