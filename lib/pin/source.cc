#include "lib/pin/source.h"

#include "lib/base/suggest.h"
#include "lib/pin/archive_source.h"
#include "lib/pin/git.h"
#include "lib/pin/names.h"
#include "lib/pin/path.h"

namespace hallmark::pin {
namespace {

// A path in a specification or lock is meant from the folder it stands in; URLs stay as they are.
std::string from_folder(const std::string& address, const fs::path& folder) {
  return is_url(address) ? address : fs::absolute(folder / address).lexically_normal().string();
}

bool is_file(const fs::path& path) {
  std::error_code error;
  return fs::is_regular_file(path, error);
}

// ── pinning ──

struct Pinned {
  std::variant<GitPin, PathPin, ArchivePin> origin;
  SourceTree tree;
};

Result<Pinned> pin(const GitRequest& request, const fs::path& folder, SourceArchive archive, const Store& store,
                   Progress& progress) {
  TRY(const auto fetched, GitRepository::fetch(from_folder(request.url, folder), request.ref, store, progress));
  const GitCommit& commit = fetched.commit;
  CHECK(fetched.repository.archive_tree(commit.tree, {}, archive, progress));
  TRY(const SourceTree tree, archive.finish(nullptr));
  return Pinned{GitPin{request.url, request.ref, commit.commit, commit.tree, commit.committed}, tree};
}

Result<Pinned> pin(const ArchiveRequest& request, const fs::path& folder, SourceArchive archive, const Store& store,
                   Progress& progress) {
  const ArchivePin origin{request.urls, request.sha256, request.size, request.strip};
  CHECK(fetch_archive(origin, folder, store, progress));
  CHECK(archive_archive(origin, store, archive, progress));
  TRY(const SourceTree tree, archive.finish(nullptr));
  return Pinned{origin, tree};
}

// ── making a pinned source again ──

// Fills the archive from the caller's copy or the place that the lock names.
Status refill(const GitPin& pin, const fs::path& folder, const std::optional<fs::path>& copy, SourceArchive& archive,
              const Store& store, Progress& progress) {
  if (copy) {
    TRY(const auto git, GitRepository::around(*copy));
    if (git && git->has_tree(pin.tree)) return git->archive_tree(pin.tree, {}, archive, progress);
    return archive_folder(*copy, archive, progress);
  }
  const std::string url = from_folder(pin.url, folder);
  TRY(const auto mirror, GitRepository::mirror(url, store));
  if (mirror && mirror->has_tree(pin.tree)) return mirror->archive_tree(pin.tree, {}, archive, progress);
  // The commit may be on no branch any more but still be what a full ref names.
  auto fetched = GitRepository::fetch(url, pin.commit, store, progress);
  if (!fetched) fetched = GitRepository::fetch(url, pin.ref, store, progress);
  if (!fetched) return Failure(std::move(fetched).error());
  if (!fetched->repository.has_tree(pin.tree))
    return fail(Fault::mismatch, url + ": no longer has commit " + pin.commit);
  return fetched->repository.archive_tree(pin.tree, {}, archive, progress);
}

Status refill(const PathPin& pin, const fs::path& folder, const std::optional<fs::path>& copy, SourceArchive& archive,
              const Store&, Progress& progress) {
  const fs::path place = copy ? *copy : folder / pin.path;
  if (!pin.dirty) {
    // The commit need not be the one that is checked out.
    TRY(const auto git, GitRepository::around(place));
    if (git && git->has_tree(pin.tree)) return git->archive_tree(pin.tree, kLockFile, archive, progress);
  }
  return archive_folder(place, archive, progress);
}

Status refill(const ArchivePin& pin, const fs::path& folder, const std::optional<fs::path>& copy,
              SourceArchive& archive, const Store& store, Progress& progress) {
  if (copy && !is_file(*copy)) return archive_folder(*copy, archive, progress);
  ArchivePin from = pin;
  if (copy) from.urls = {fs::absolute(*copy).string()};
  CHECK(fetch_archive(from, folder, store, progress));
  return archive_archive(pin, store, archive, progress);
}

Status check_counts(const SourcePin& pin, const SourceTree& tree) {
  if (tree.files == pin.files && tree.bytes == pin.bytes) return {};
  return fail(Fault::mismatch, "source " + pin.name + ": has " + std::to_string(tree.files) + " files of " +
                                   std::to_string(tree.bytes) + " bytes; the lock says " + std::to_string(pin.files) +
                                   " of " + std::to_string(pin.bytes));
}

// The whole source, made again. Published only if it is the pinned one.
Status remake(const SourcePin& pin, const fs::path& folder, const std::optional<fs::path>& copy, const Store& store,
              Progress& progress) {
  const std::string where = "source " + pin.name;
  TRY(const Sha256 expected, digest_from_hex<Alg::sha256>(pin.tree_sha256));
  TRY(SourceArchive archive, SourceArchive::make(store, pin.allow_private_keys));
  CHECK(in(where, std::visit([&](const auto& origin) { return refill(origin, folder, copy, archive, store, progress); },
                             pin.origin)));
  auto finished = archive.finish(&expected);
  if (!finished && finished.error().fault == Fault::mismatch)
    return in(where + ": tree_sha256: what is there now is not what the lock pins",
              Status(Failure(std::move(finished).error())));
  TRY(const SourceTree tree, in(where, std::move(finished)));
  return check_counts(pin, tree);
}

// The commit has the tree and the time that the lock says of it.
Status check_commit(const GitPin& pin, const fs::path& folder, const Store& store, Progress& progress) {
  TRY(const auto fetched, GitRepository::fetch(from_folder(pin.url, folder), pin.commit, store, progress));
  if (fetched.commit.tree != pin.tree)
    return fail(Fault::mismatch,
                "tree: commit " + pin.commit + " has " + fetched.commit.tree + ", the lock says " + pin.tree);
  if (fetched.commit.committed != pin.committed)
    return fail(Fault::mismatch, "committed: commit " + pin.commit + " was made at " +
                                     std::to_string(fetched.commit.committed) + ", the lock says " +
                                     std::to_string(pin.committed));
  return {};
}

}  // namespace

Result<SourcePin> pin_source(const SourceRequest& request, const fs::path& folder, const PinOptions& options,
                             const Store& store, Progress& progress) {
  progress.phase("reading source " + request.name);
  const std::string where = "source " + request.name;
  TRY(SourceArchive archive, SourceArchive::make(store, request.allow_private_keys));
  Result<Pinned> pinned = Pinned{};
  if (const auto* path = std::get_if<PathRequest>(&request.origin)) {
    TRY(PinnedPath made, in(where, pin_path(path->path, folder / path->path, options.allow_dirty, options.previous,
                                            std::move(archive), progress)));
    pinned = Pinned{std::move(made.pin), made.tree};
  } else if (const auto* git = std::get_if<GitRequest>(&request.origin)) {
    pinned = pin(*git, folder, std::move(archive), store, progress);
  } else {
    pinned = pin(std::get<ArchiveRequest>(request.origin), folder, std::move(archive), store, progress);
  }
  TRY(Pinned made, in(where, std::move(pinned)));
  return SourcePin{
      request.name,    request.into,   std::move(made.origin), request.allow_private_keys, to_hex(made.tree.sha256),
      made.tree.files, made.tree.bytes};
}

Status fetch_source(const SourcePin& pin, const fs::path& folder, const std::map<std::string, fs::path>& copies,
                    const Store& store, Progress& progress) {
  TRY(const Sha256 expected, digest_from_hex<Alg::sha256>(pin.tree_sha256));
  if (store.has(expected)) return {};
  progress.phase("reading source " + pin.name);
  std::optional<fs::path> copy;
  if (auto given = copies.find(pin.name); given != copies.end()) copy = given->second;
  return remake(pin, folder, copy, store, progress);
}

Status check_source(const SourcePin& pin, const fs::path& folder, const Store& store, Progress& progress) {
  progress.phase("checking source " + pin.name);
  const std::string where = "source " + pin.name;
  TRY(const Sha256 expected, digest_from_hex<Alg::sha256>(pin.tree_sha256));
  if (store.has(expected)) {
    TRY(const Fd blob, in(where, store.open_blob(expected)));
    static_cast<void>(blob);
  }
  const auto* path = std::get_if<PathPin>(&pin.origin);
  if (!path) {
    if (const auto* git = std::get_if<GitPin>(&pin.origin))
      CHECK(in(where, check_commit(*git, folder, store, progress)));
    return remake(pin, folder, std::nullopt, store, progress);
  }
  const SourceRequest request{pin.name, pin.into, PathRequest{path->path}, pin.allow_private_keys};
  TRY(const SourcePin now,
      pin_source(request, folder, {.allow_dirty = path->dirty, .previous = &pin}, store, progress));
  if (now.tree_sha256 == pin.tree_sha256) return check_counts(pin, {expected, now.files, now.bytes});
  return fail(Fault::mismatch, where + ": tree_sha256: the folder now has " + now.tree_sha256 + ", the lock pins " +
                                   pin.tree_sha256 + "; run 'hallmark pin'");
}

Status check_copies(const std::vector<SourcePin>& sources, const std::map<std::string, fs::path>& copies) {
  std::vector<std::string> names;
  for (const SourcePin& source : sources) names.push_back(source.name);
  for (const auto& [name, path] : copies)
    if (std::find(names.begin(), names.end(), name) == names.end())
      return fail(Fault::usage,
                  "--source " + name + ": the lock has no source of that name" + did_you_mean(name, names));
  return {};
}

bool answers(const SourcePin& pin, const SourceRequest& request) {
  if (pin.name != request.name || pin.allow_private_keys != request.allow_private_keys) return false;
  if (const auto* git = std::get_if<GitRequest>(&request.origin)) {
    const auto* pinned = std::get_if<GitPin>(&pin.origin);
    return pinned && pinned->url == git->url && pinned->ref == git->ref;
  }
  if (const auto* path = std::get_if<PathRequest>(&request.origin)) {
    const auto* pinned = std::get_if<PathPin>(&pin.origin);
    return pinned && pinned->path == path->path;
  }
  const auto& archive = std::get<ArchiveRequest>(request.origin);
  const auto* pinned = std::get_if<ArchivePin>(&pin.origin);
  return pinned && pinned->sha256 == archive.sha256 && pinned->size == archive.size && pinned->strip == archive.strip;
}

Result<std::int64_t> epoch_of(const Spec& spec, const std::vector<SourcePin>& sources) {
  if (spec.epoch) return *spec.epoch;
  const SourcePin& first = sources.at(0);
  if (const auto* git = std::get_if<GitPin>(&first.origin)) return git->committed;
  if (const auto* path = std::get_if<PathPin>(&first.origin); path && !path->commit.empty()) return path->committed;
  return fail(Fault::usage, "build.epoch is \"commit\", but the first source, " + first.name +
                                ", has no commit; give a number of seconds instead");
}

Status check_layout(const std::vector<SourcePin>& sources, const Store& store) {
  for (const SourcePin& outer : sources)
    for (const SourcePin& inner : sources) {
      if (&outer == &inner) continue;
      const std::string base = outer.into == "." ? "" : outer.into + "/";
      if (!inner.into.starts_with(base) || inner.into == ".") continue;
      const std::string place = inner.into.substr(base.size());
      TarVisitor visitor;
      visitor.on_entry = [&](const TarEntry& entry) -> Status {
        const bool above = place.starts_with(entry.path + "/");
        const bool clash = entry.type == TarEntry::Type::folder ? false : above || entry.path == place;
        if (!clash && !entry.path.starts_with(place + "/")) return {};
        return fail(Fault::usage, "source " + inner.name + ": goes into " + inner.into + ", where source " +
                                      outer.name + " has " + printable(entry.path));
      };
      visitor.on_data = [](ByteView) -> Status { return {}; };
      TRY(const Sha256 digest, digest_from_hex<Alg::sha256>(outer.tree_sha256));
      TRY(const Fd blob, store.open_blob(digest));
      CHECK(read_tar(blob.get(), "source " + outer.name, visitor));
    }
  return {};
}

}  // namespace hallmark::pin
