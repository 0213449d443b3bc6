// Source trees out of git: as raw blobs of the object database, through libgit2.
//
// Nothing is ever checked out, so neither .gitattributes nor the machine's configuration (filters,
// line ends, export-subst) has a say in what is hashed. No hook and no command of a
// repository's configuration is run.
#pragma once

#include "lib/base/progress.h"
#include "lib/pin/source_archive.h"

struct git_repository;

namespace hallmark::pin {

struct GitCommit {
  std::string commit, tree;    // lower-case hex; `tree` is the commit's, or that of a folder in it
  std::int64_t committed = 0;  // seconds since 1970, by the committer
};

// An open repository. Objects read from it are hashed again by libgit2, so a damaged or forged one is an error.
class GitRepository {
 public:
  // The repository whose work tree `folder` lies in, or nothing if it lies in none.
  static Result<std::optional<GitRepository>> around(const fs::path& folder);
  // The store's mirror of `url` (an address, or the path of a local repository) with `ref` brought up to date. The
  // commit is what the remote says `ref` is now, annotated tags followed to what they tag.
  struct Fetched;
  static Result<Fetched> fetch(const std::string& url, const std::string& ref, const Store& store, Progress& progress);
  // The store's mirror as it stands, or nothing if there is none.
  static Result<std::optional<GitRepository>> mirror(const std::string& url, const Store& store);

  GitRepository(GitRepository&&) noexcept;
  GitRepository& operator=(GitRepository&&) noexcept;
  ~GitRepository();

  fs::path work_tree() const;  // empty for a bare repository

  // Whether the commit's tree is here.
  bool has_tree(const std::string& tree) const;
  Result<GitCommit> commit(const std::string& id) const;
  // HEAD's commit and the tree of a folder in it ("" for the whole), or nothing where either is missing.
  Result<std::optional<GitCommit>> head(const std::string& folder) const;

  // Whether HEAD is the commit or comes after it.
  bool has_in_history(const std::string& commit) const;

  // Below `folder`: paths that differ from HEAD or are in no commit and not ignored, sorted, at most `max`.
  // Files named `but` do not count.
  Result<std::vector<std::string>> changes(const std::string& folder, std::string_view but, std::size_t max) const;

  // Whether a path of the work tree is tracked (for a folder: has anything tracked in it), or ignored.
  Result<bool> is_tracked(const std::string& path, bool folder) const;
  Result<bool> is_ignored(const std::string& path, bool folder) const;

  // Everything in the tree, in order, except files named `but`.
  Status archive_tree(const std::string& tree, std::string_view but, SourceArchive& archive, Progress& progress) const;

 private:
  explicit GitRepository(git_repository* repository) : repository_(repository) {}
  git_repository* repository_;
};

struct GitRepository::Fetched {
  GitRepository repository;
  GitCommit commit;
};

}  // namespace hallmark::pin
