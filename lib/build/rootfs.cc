#include "lib/build/rootfs.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <future>
#include <mutex>
#include <numeric>
#include <thread>

#include "lib/base/interrupt.h"
#include "lib/build/debroot.h"
#include "lib/formats/deb.h"
#include "lib/formats/tar.h"

namespace hallmark::build {
namespace {

// 1980-01-02T00:00:00Z, the modification time of everything in a root: older than any source, and
// what zip can still hold in every time zone.
constexpr std::int64_t kRootTime = 315'619'200;

// What this process may use, and more threads only wait for the disk.
constexpr unsigned kMaxThreads = 8;

constexpr ArchiveLimits kPackageLimits{.entries = 500'000, .bytes = std::uint64_t{8} << 30};

std::string describe(const pin::PackagePin& package) {
  return package.name + " " + package.version + " (" + package.arch + ")";
}

// Unpacks one package's files into the staging folder, as "<prefix>-<number>".
Result<PackageFiles> stage_package(const Store& store, const pin::PackagePin& package, int staging,
                                   const std::string& prefix) {
  TRY(const Sha256 digest, digest_from_hex<Alg::sha256>(package.sha256));
  TRY(const Fd blob, store.open_blob(digest));

  PackageFiles out{.name = describe(package), .items = {}};
  Fd file;
  Hasher<Alg::sha256> hash;
  const auto finish_file = [&] {
    if (!file) return;
    out.items.back().content.sha256 = hash.finish();
    hash = {};
    file.reset();
  };
  CHECK(read_deb(blob.get(), "data of the package",
                 {.on_entry = [&](const ArchiveEntry& entry) -> Status {
                    finish_file();
                    out.items.push_back({entry, {}});
                    if (entry.type != ArchiveEntry::Type::file) return {};
                    const std::string name = prefix + "-" + std::to_string(out.items.size());
                    file.reset(openat(staging, name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
                    if (!file) return fail_errno(printable(entry.path) + ": cannot be unpacked", errno);
                    out.items.back().content.staged = name;
                    return {};
                  },
                  .on_data = [&](ByteView piece) -> Status {
                    hash.add(piece);
                    return in(printable(out.items.back().entry.path), write_all(file.get(), piece));
                  }},
                 kPackageLimits));
  finish_file();
  return out;
}

// All packages, in the lock's order, by as many threads as there are processors: where a file is staged and what
// becomes of it later does not depend on which thread was first.
Result<std::vector<PackageFiles>> stage_packages(const Store& store, const std::vector<pin::PackagePin>& packages,
                                                 int staging, Progress& progress) {
  // The largest first, so that no thread is left alone with one at the end.
  std::vector<std::size_t> order(packages.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](auto a, auto b) { return packages[a].size > packages[b].size; });
  const std::uint64_t total = std::accumulate(packages.begin(), packages.end(), std::uint64_t{0},
                                              [](auto sum, const auto& p) { return sum + p.size; });

  std::vector<PackageFiles> out(packages.size());
  std::atomic<std::size_t> next = 0;
  std::atomic<bool> failed = false;
  std::mutex mutex;  // of `progress` and `done`
  std::uint64_t done = 0;
  const auto work = [&]() -> Status {
    for (std::size_t i = 0; !failed && (i = next++) < order.size();) {
      const std::size_t n = order[i];
      auto staged =
          in("package " + describe(packages[n]), stage_package(store, packages[n], staging, std::to_string(n)));
      if (!staged) {
        failed = true;
        return Failure(std::move(staged).error());
      }
      out[n] = *std::move(staged);
      const std::lock_guard<std::mutex> only_one(mutex);
      progress.advance(done += packages[n].size, total);
    }
    return {};
  };

  const unsigned threads = std::clamp(std::thread::hardware_concurrency(), 1u, kMaxThreads);
  std::vector<std::future<Status>> workers;
  for (unsigned i = 0; i < threads; i++) workers.push_back(std::async(std::launch::async, work));
  Status first;
  for (auto& worker : workers)
    if (Status ended = worker.get(); !ended && first) first = std::move(ended);
  if (!first) return Failure(std::move(first).error());
  return out;
}

// Makes the tree's nodes on the disk.
class Builder {
 public:
  Builder(int root, int staging, Owner owner) : root_(root), staging_(staging), owner_(owner) {}

  Status build(const RootTree& tree) {
    for (const auto& [path, node] : tree) {
      CHECK(not_interrupted());
      if (!make(path, node)) return fail_errno(printable(path) + ": cannot be made", errno);
    }
    // Folders last and from the inside out: making an entry in one changes its time.
    for (auto it = tree.rbegin(); it != tree.rend(); ++it)
      if (it->second.type == RootNode::Type::folder && !finish(it->first.c_str(), 0755))
        return fail_errno(printable(it->first) + ": cannot be finished", errno);
    if (!finish(".", 0755)) return fail_errno("the root folder cannot be finished", errno);
    return {};
  }

 private:
  bool make(const std::string& path, const RootNode& node) {
    const char* at = path.c_str();
    switch (node.type) {
      case RootNode::Type::folder: return mkdirat(root_, at, 0700) == 0;
      case RootNode::Type::symlink: return symlinkat(node.target.c_str(), root_, at) == 0 && set_owner_and_time(at);
      default: break;
    }
    if (node.content.staged.empty()) {
      const Fd file(openat(root_, at, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
      return file && write_all(file.get(), as_bytes(node.text)) && finish(at, 0644);
    }
    const auto [first, fresh] = placed_.try_emplace(node.content.staged, path);
    if (!fresh) return linkat(root_, first->second.c_str(), root_, at, 0) == 0;
    return renameat(staging_, node.content.staged.c_str(), root_, at) == 0 &&
           finish(at, node.type == RootNode::Type::executable ? 0755 : 0644);
  }

  // The owner first: changing it may take permission bits away.
  bool finish(const char* path, mode_t mode) { return set_owner_and_time(path) && fchmodat(root_, path, mode, 0) == 0; }

  bool set_owner_and_time(const char* path) {
    const timespec times[2] = {{kRootTime, 0}, {kRootTime, 0}};
    return fchownat(root_, path, owner_.uid, owner_.gid, AT_SYMLINK_NOFOLLOW) == 0 &&
           utimensat(root_, path, times, AT_SYMLINK_NOFOLLOW) == 0;
  }

  const int root_, staging_;
  const Owner owner_;
  std::map<std::string, std::string> placed_;  // staged file → path of its first node
};

// Unpacks into an empty folder and hashes what then stands there.
Result<TarDigest> unpack_into(const fs::path& into, const Store& store, const pin::Lock& lock, Owner owner,
                              Progress& progress) {
  progress.phase("unpacking " + std::to_string(lock.debian.packages.size()) + " packages");
  TRY(const Fd root, open_file(into, O_RDONLY | O_DIRECTORY));
  {
    TRY(const TemporaryFolder staging_folder, TemporaryFolder::make(into, ".staging"));
    TRY(const Fd staging, open_file(staging_folder.path(), O_RDONLY | O_DIRECTORY));
    TRY(const std::vector<PackageFiles> packages, stage_packages(store, lock.debian.packages, staging.get(), progress));
    TRY(const RootTree tree, merge_packages(packages));
    CHECK(in("unpacking to " + into.string(), Builder(root.get(), staging.get(), owner).build(tree)));
  }
  // The staging folder was in it: its removal has changed the time.
  const timespec times[2] = {{kRootTime, 0}, {kRootTime, 0}};
  if (futimens(root.get(), times) != 0) return fail_errno(into.string() + ": cannot set its time", errno);
  return digest_folder(into);
}

Result<pin::RootPin> check_pin(const TarDigest& found, const pin::Lock& lock) {
  const pin::RootPin pin{.sha256 = to_hex(found.sha256), .files = found.totals.files, .bytes = found.totals.bytes};
  if (!lock.root.sha256.empty() && lock.root.sha256 != pin.sha256)
    return fail(Fault::mismatch, "the root file system of the pinned packages is sha256:" + pin.sha256 +
                                     ", and the lock pins sha256:" + lock.root.sha256);
  return pin;
}

// Names the tree by what it is made from, so that it can be found before its own digest is known.
std::string tree_name(const pin::Lock& lock, Owner owner) {
  Json::Array packages;
  for (const auto& package : lock.debian.packages) packages.emplace_back(package.sha256);
  const std::string inputs = Json(std::move(packages)).canonical();
  return to_hex(digest<Alg::sha256>(as_bytes(inputs))) + "-" + std::to_string(owner.uid) + "-" +
         std::to_string(owner.gid);
}

}  // namespace

Result<Root> assemble_root(const Store& store, const pin::Lock& lock, Owner owner, Progress& progress) {
  const std::string name = tree_name(lock, owner);
  for (int attempt = 1;; attempt++) {
    std::optional<TarDigest> found;
    TRY(const fs::path tree, store.tree(pin::kRootRules, name, [&](const fs::path& made) -> Status {
      CHECK(make_folders(made / "root"));
      TRY(found, unpack_into(made / "root", store, lock, owner, progress));
      return write_file(made / "sha256", to_hex(found->sha256) + "\n");
    }));
    if (!found) {
      progress.phase("checking the root file system");
      TRY(found, digest_folder(tree / "root"));
      const auto recorded = read_text(tree / "sha256", 128);
      if (!recorded || *recorded != to_hex(found->sha256) + "\n") {
        if (attempt > 1) return fail(Fault::environment, tree.string() + ": changes while it is used");
        progress.note("the root file system in the store is not what was unpacked; it is made again");
        CHECK(store.drop_tree(pin::kRootRules, name));
        continue;
      }
    }
    TRY(pin::RootPin pin, check_pin(*found, lock));
    return Root{tree / "root", std::move(pin)};
  }
}

Status unpack_root(const Store& store, const pin::Lock& lock, Owner owner, const fs::path& into, Progress& progress) {
  TRY(const TarDigest found, unpack_into(into, store, lock, owner, progress));
  CHECK(check_pin(found, lock));
  return {};
}

}  // namespace hallmark::build
