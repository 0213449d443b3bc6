#include "lib/pin/git.h"

#include <git2.h>
#include <git2/sys/repository.h>

#include <algorithm>
#include <cstring>
#include <memory>

#include "lib/base/interrupt.h"
#include "lib/pin/names.h"

namespace hallmark::pin {
namespace {

constexpr std::uint64_t kMaxBlob = std::uint64_t{1} << 30;  // libgit2 hands a blob over in one piece
constexpr std::uint64_t kMaxTarget = 4096;                  // PATH_MAX
constexpr std::int64_t kLastSecondOfYear9999 = 253402300799;

template <auto F>
struct FreeWith {
  template <class T>
  void operator()(T* p) const {
    F(p);
  }
};
template <class T, auto F>
using Owned = std::unique_ptr<T, FreeWith<F>>;

using Object = Owned<git_object, git_object_free>;
using Tree = Owned<git_tree, git_tree_free>;
using Odb = Owned<git_odb, git_odb_free>;
using OdbObject = Owned<git_odb_object, git_odb_object_free>;
using Remote = Owned<git_remote, git_remote_free>;
using StatusList = Owned<git_status_list, git_status_list_free>;
using Index = Owned<git_index, git_index_free>;
using TreeEntry = Owned<git_tree_entry, git_tree_entry_free>;

// libgit2 is set up once, for the whole process.
void use_libgit2() {
  static const int ready = [] {
    git_libgit2_init();
    // Every object is hashed when it is read.
    git_libgit2_opts(GIT_OPT_ENABLE_STRICT_HASH_VERIFICATION, 1);
    // Git refuses a repository of another user because it would run that user's hooks and configured
    // commands. We run neither: objects are read by their hash, and a build often reads a clone that somebody else
    // made.
    git_libgit2_opts(GIT_OPT_SET_OWNER_VALIDATION, 0);
    // What is pinned follows from the repository alone, not from this machine's or user's git
    // configuration (url.insteadOf, core.excludesFile, core.autocrlf).
    for (int level :
         {GIT_CONFIG_LEVEL_PROGRAMDATA, GIT_CONFIG_LEVEL_SYSTEM, GIT_CONFIG_LEVEL_XDG, GIT_CONFIG_LEVEL_GLOBAL})
      git_libgit2_opts(GIT_OPT_SET_SEARCH_PATH, level, "");
    return 0;
  }();
  static_cast<void>(ready);
}

// What libgit2 says went wrong, as an error of ours.
Failure git_failure(const std::string& doing, int code, Fault fault = Fault::environment) {
  if (interrupted()) return fail(Fault::interrupted, "interrupted");
  const git_error* error = git_error_last();
  std::string why = error && error->message ? printable(error->message) : "libgit2 error " + std::to_string(code);
  git_error_clear();
  if (code == GIT_EAUTH)
    why = "the server asks who we are, and this version gives no credentials; pin from a local clone";
  if (why.find("repository extension") != why.npos || why.find("object format") != why.npos) fault = Fault::unsupported;
  return fail(fault, doing + ": " + why);
}

std::string hex_of(const git_oid* id) {
  char text[GIT_OID_HEXSZ + 1] = {};
  git_oid_tostr(text, sizeof text, id);
  return text;
}

Result<git_oid> oid_of(const std::string& hex) {
  git_oid id;
  if (!is_hex(hex, GIT_OID_HEXSZ) || git_oid_fromstr(&id, hex.c_str()) != 0)
    return fail(Fault::format, in_quotes(hex) + " is not a git object id");
  return id;
}

Result<GitCommit> describe_commit(git_commit* commit) {
  const std::int64_t time = git_commit_time(commit);
  const std::string id = hex_of(git_commit_id(commit));
  if (time < 0 || time > kLastSecondOfYear9999)
    return fail(Fault::unsupported, "commit " + id + ": its time, " + std::to_string(time) + ", is out of range");
  return GitCommit{id, hex_of(git_commit_tree_id(commit)), time};
}

// The commit that an object is or, for an annotated tag, points to in the end.
Result<GitCommit> peel_to_commit(git_repository* repository, const git_oid& id) {
  git_object* object = nullptr;
  if (int code = git_object_lookup(&object, repository, &id, GIT_OBJECT_ANY))
    return git_failure("object " + hex_of(&id), code);
  const Object owned(object);
  git_object* commit = nullptr;
  if (int code = git_object_peel(&commit, object, GIT_OBJECT_COMMIT))
    return git_failure("object " + hex_of(&id) + " is no commit", code, Fault::usage);
  const Object owned_commit(commit);
  return describe_commit(reinterpret_cast<git_commit*>(commit));
}

fs::path mirror_path(const std::string& url, const Store& store) {
  return store.root() / "git" / (to_hex(digest<Alg::sha256>(as_bytes(url))) + ".git");
}

// ── fetching ──

int on_transfer(const git_indexer_progress* stats, void* progress) {
  static_cast<Progress*>(progress)->advance(stats->received_objects, stats->total_objects);
  return interrupted() ? -1 : 0;
}
int on_sideband(const char*, int, void*) { return interrupted() ? -1 : 0; }

struct RemoteRef {
  std::string name;
  git_oid id;
};

// What the remote has; peeled duplicates ("refs/tags/v1^{}") left out.
Result<std::vector<RemoteRef>> list_refs(git_remote* remote, const std::string& url) {
  const git_remote_head** heads = nullptr;
  std::size_t count = 0;
  if (int code = git_remote_ls(&heads, &count, remote)) return git_failure(url, code);
  std::vector<RemoteRef> refs;
  for (std::size_t i = 0; i < count; i++)
    if (const std::string_view name = heads[i]->name; name == "HEAD" || (name.starts_with("refs/") && is_git_ref(name)))
      refs.push_back({std::string(name), heads[i]->oid});
  return refs;
}

// Which of the remote's refs is meant. A name that is both a branch and a tag is refused: git itself warns and guesses.
Result<RemoteRef> choose_ref(const std::vector<RemoteRef>& refs, const std::string& url, const std::string& ref) {
  std::vector<const RemoteRef*> found;
  for (const std::string& full : {ref, "refs/tags/" + ref, "refs/heads/" + ref})
    for (const RemoteRef& r : refs)
      if (r.name == full) found.push_back(&r);
  if (found.empty()) return fail(Fault::usage, url + ": has no branch, tag or ref " + in_quotes(ref));
  if (found.size() > 1)
    return fail(Fault::usage,
                url + ": has both " + found[0]->name + " and " + found[1]->name + "; write out the one that is meant");
  return *found[0];
}

// Each goes to a name of its own made from a hash, because refs that came and went (a, then a/b) collide as paths.
Status download(git_remote* remote, const std::vector<RemoteRef>& refs, const std::string& url, Progress& progress) {
  std::vector<std::string> specs;
  for (const RemoteRef& r : refs)
    specs.push_back("+" + r.name + ":refs/hallmark/" + to_hex(digest<Alg::sha256>(as_bytes(r.name))));
  std::vector<char*> pointers;
  for (std::string& spec : specs) pointers.push_back(spec.data());
  const git_strarray array{pointers.data(), pointers.size()};
  git_fetch_options options = GIT_FETCH_OPTIONS_INIT;
  options.callbacks.transfer_progress = on_transfer;
  options.callbacks.sideband_progress = on_sideband;
  options.callbacks.payload = &progress;
  options.download_tags = GIT_REMOTE_DOWNLOAD_TAGS_NONE;
  options.update_fetchhead = 0;
  options.proxy_opts.type = GIT_PROXY_AUTO;
  if (int code = git_remote_fetch(remote, &array, &options, nullptr)) return git_failure(url, code);
  return {};
}

Result<git_repository*> open_or_make_mirror(const fs::path& path) {
  git_repository* repository = nullptr;
  if (git_repository_open_bare(&repository, path.c_str()) == 0) return repository;
  // Whatever stands there is not a whole mirror: it is a copy, so it is made again.
  CHECK(remove_tree(path));
  CHECK(make_folders(path.parent_path()));
  if (int code = git_repository_init(&repository, path.c_str(), 1))
    return git_failure(path.string() + ": cannot be made", code);
  return repository;
}

// ── reading ──

Result<OdbObject> read_object(git_odb* odb, const git_oid* id, git_object_t type, std::uint64_t max,
                              const std::string& path) {
  std::size_t size = 0;
  git_object_t is = GIT_OBJECT_INVALID;
  if (int code = git_odb_read_header(&size, &is, odb, id)) return git_failure(path + ": object " + hex_of(id), code);
  if (is != type)
    return fail(Fault::format, path + ": object " + hex_of(id) + " is a " + git_object_type2string(is) + ", not a " +
                                   git_object_type2string(type));
  if (size > max)
    return fail(Fault::unsupported,
                path + ": has " + std::to_string(size) + " bytes, at most " + std::to_string(max) + " allowed");
  git_odb_object* object = nullptr;
  if (int code = git_odb_read(&object, odb, id)) return git_failure(path + ": object " + hex_of(id), code);
  return OdbObject(object);
}

ByteView content_of(const OdbObject& object) {
  return {static_cast<const std::uint8_t*>(git_odb_object_data(object.get())), git_odb_object_size(object.get())};
}

// Walks a tree in git's own order, which is the archive's: bytewise, folders with a '/' at the end.
struct TreeWalk {
  git_repository* repository;
  git_odb* odb;
  std::string_view but;
  SourceArchive& archive;
  Progress& progress;
  std::uint64_t entries = 0;

  Status folder(const git_oid* id, const std::string& prefix) {
    git_tree* tree = nullptr;
    if (int code = git_tree_lookup(&tree, repository, id))
      return git_failure(printable(prefix) + ": tree " + hex_of(id), code);
    const Tree owned(tree);
    for (std::size_t i = 0; i < git_tree_entrycount(tree); i++) CHECK(entry(git_tree_entry_byindex(tree, i), prefix));
    return {};
  }

  Status entry(const git_tree_entry* entry, const std::string& prefix) {
    CHECK(not_interrupted());
    progress.advance(++entries, 0);
    const std::string name = git_tree_entry_name(entry), path = prefix + name, shown = printable(path);
    const git_oid* id = git_tree_entry_id(entry);
    switch (static_cast<unsigned>(git_tree_entry_filemode_raw(entry))) {
      case GIT_FILEMODE_TREE: CHECK(archive.add({path, TarEntry::Type::folder})); return folder(id, path + "/");
      case GIT_FILEMODE_BLOB:
      case 0100664:  // written by git before 2005
      case GIT_FILEMODE_BLOB_EXECUTABLE: {
        if (name == but) return {};
        TRY(const OdbObject blob, read_object(odb, id, GIT_OBJECT_BLOB, kMaxBlob, shown));
        const bool executable = git_tree_entry_filemode_raw(entry) == GIT_FILEMODE_BLOB_EXECUTABLE;
        CHECK(archive.add(
            {path, executable ? TarEntry::Type::executable : TarEntry::Type::file, content_of(blob).size(), {}}));
        return archive.data(content_of(blob));
      }
      case GIT_FILEMODE_LINK: {
        TRY(const OdbObject blob, read_object(odb, id, GIT_OBJECT_BLOB, kMaxTarget, shown));
        return archive.add({path, TarEntry::Type::symlink, 0, std::string(as_text(content_of(blob)))});
      }
      case GIT_FILEMODE_COMMIT:
        return fail(Fault::unsupported, shown +
                                            ": is a git submodule, which this version does not follow; list it as a "
                                            "source of its own, into the same folder");
      default: return fail(Fault::format, shown + ": has a file mode that git does not have");
    }
  }
};

std::string with_slash(const std::string& folder) { return folder.empty() ? folder : folder + "/"; }

}  // namespace

GitRepository::GitRepository(GitRepository&& other) noexcept : repository_(std::exchange(other.repository_, nullptr)) {}
GitRepository& GitRepository::operator=(GitRepository&& other) noexcept {
  std::swap(repository_, other.repository_);
  return *this;
}
GitRepository::~GitRepository() { git_repository_free(repository_); }

Result<std::optional<GitRepository>> GitRepository::around(const fs::path& folder) {
  use_libgit2();
  git_repository* repository = nullptr;
  const int code = git_repository_open_ext(&repository, folder.c_str(), GIT_REPOSITORY_OPEN_CROSS_FS, nullptr);
  if (code == GIT_ENOTFOUND) return std::nullopt;
  if (code != 0) return git_failure(folder.string() + ": its git repository cannot be opened", code);
  return GitRepository(repository);
}

Result<std::optional<GitRepository>> GitRepository::mirror(const std::string& url, const Store& store) {
  use_libgit2();
  git_repository* repository = nullptr;
  if (git_repository_open_bare(&repository, mirror_path(url, store).c_str()) != 0) return std::nullopt;
  return GitRepository(repository);
}

Result<GitRepository::Fetched> GitRepository::fetch(const std::string& url, const std::string& ref, const Store& store,
                                                    Progress& progress) {
  use_libgit2();
  const fs::path path = mirror_path(url, store);
  TRY(const Fd lock, store.lock("git-" + path.stem().string(),
                                [&] { progress.note(url + ": another hallmark is fetching it; waiting"); }));
  TRY(git_repository * opened, open_or_make_mirror(path));
  GitRepository repository(opened);

  // A commit is what it is: the remote need not be asked for one that is here.
  const bool by_commit = is_hex(ref, GIT_OID_HEXSZ);
  if (by_commit)
    if (auto here = repository.commit(ref); here && repository.has_tree(here->tree))
      return Fetched{std::move(repository), *here};

  progress.phase("fetching " + printable(url));
  git_remote* remote = nullptr;
  git_remote_create_options create = GIT_REMOTE_CREATE_OPTIONS_INIT;
  create.repository = opened;
  create.flags = GIT_REMOTE_CREATE_SKIP_INSTEADOF | GIT_REMOTE_CREATE_SKIP_DEFAULT_FETCHSPEC;
  if (int code = git_remote_create_with_opts(&remote, url.c_str(), &create)) return git_failure(url, code);
  const Remote owned(remote);
  git_remote_callbacks callbacks = GIT_REMOTE_CALLBACKS_INIT;
  git_proxy_options proxy = GIT_PROXY_OPTIONS_INIT;
  proxy.type = GIT_PROXY_AUTO;
  if (int code = git_remote_connect(remote, GIT_DIRECTION_FETCH, &callbacks, &proxy, nullptr))
    return git_failure(url, code);
  TRY(std::vector<RemoteRef> refs, list_refs(remote, url));
  if (by_commit) {
    std::erase_if(refs, [](const RemoteRef& r) {
      return !r.name.starts_with("refs/heads/") && !r.name.starts_with("refs/tags/");
    });
    if (refs.empty()) return fail(Fault::usage, url + ": has no branch and no tag");
    CHECK(download(remote, refs, url, progress));
    TRY(const GitCommit commit, in(url + ": not on any branch or tag", repository.commit(ref)));
    return Fetched{std::move(repository), commit};
  }
  TRY(const RemoteRef chosen, choose_ref(refs, url, ref));
  CHECK(download(remote, {chosen}, url, progress));
  TRY(const GitCommit commit, in(url + ": " + ref, peel_to_commit(opened, chosen.id)));
  return Fetched{std::move(repository), commit};
}

fs::path GitRepository::work_tree() const {
  const char* path = git_repository_workdir(repository_);
  return path ? path : "";
}

bool GitRepository::has_tree(const std::string& tree) const {
  const auto id = oid_of(tree);
  git_tree* found = nullptr;
  if (!id || git_tree_lookup(&found, repository_, &*id) != 0) return false;
  git_tree_free(found);
  return true;
}

Result<GitCommit> GitRepository::commit(const std::string& id) const {
  TRY(const git_oid oid, oid_of(id));
  git_commit* commit = nullptr;
  if (int code = git_commit_lookup(&commit, repository_, &oid)) return git_failure("commit " + id, code);
  const Owned<git_commit, git_commit_free> owned(commit);
  return describe_commit(commit);
}

Result<std::optional<GitCommit>> GitRepository::head(const std::string& folder) const {
  git_oid id;
  const int code = git_reference_name_to_id(&id, repository_, "HEAD");
  if (code == GIT_ENOTFOUND || code == GIT_EUNBORNBRANCH) return std::nullopt;
  if (code != 0) return git_failure("HEAD", code);
  TRY(GitCommit head, peel_to_commit(repository_, id));
  if (folder.empty()) return head;
  TRY(const git_oid root, oid_of(head.tree));
  git_tree* tree = nullptr;
  if (int found = git_tree_lookup(&tree, repository_, &root)) return git_failure("tree " + head.tree, found);
  const Tree owned(tree);
  git_tree_entry* entry = nullptr;
  if (git_tree_entry_bypath(&entry, tree, folder.c_str()) != 0) return std::nullopt;
  const TreeEntry owned_entry(entry);
  if (git_tree_entry_type(entry) != GIT_OBJECT_TREE) return std::nullopt;
  head.tree = hex_of(git_tree_entry_id(entry));
  return head;
}

bool GitRepository::has_in_history(const std::string& commit) const {
  const auto id = oid_of(commit);
  git_oid head;
  if (!id || git_reference_name_to_id(&head, repository_, "HEAD") != 0) return false;
  return git_oid_equal(&head, &*id) != 0 || git_graph_descendant_of(repository_, &head, &*id) == 1;
}

Result<std::vector<std::string>> GitRepository::changes(const std::string& folder, std::string_view but,
                                                        std::size_t max) const {
  git_status_options options = GIT_STATUS_OPTIONS_INIT;
  options.show = GIT_STATUS_SHOW_INDEX_AND_WORKDIR;
  options.flags =
      GIT_STATUS_OPT_INCLUDE_UNTRACKED | GIT_STATUS_OPT_RECURSE_UNTRACKED_DIRS | GIT_STATUS_OPT_DISABLE_PATHSPEC_MATCH;
  std::string spec = folder;
  char* pointer = spec.data();
  if (!folder.empty()) options.pathspec = {&pointer, 1};
  git_status_list* list = nullptr;
  if (int code = git_status_list_new(&list, repository_, &options))
    return git_failure("comparing the work tree with HEAD", code);
  const StatusList owned(list);
  std::vector<std::string> paths;
  for (std::size_t i = 0; i < git_status_list_entrycount(list) && paths.size() < max; i++) {
    const git_status_entry* entry = git_status_byindex(list, i);
    const git_diff_delta* delta = entry->index_to_workdir ? entry->index_to_workdir : entry->head_to_index;
    if (entry->status == GIT_STATUS_CURRENT || entry->status == GIT_STATUS_IGNORED || delta == nullptr) continue;
    const std::string path = delta->new_file.path ? delta->new_file.path : delta->old_file.path;
    if (fs::path(path).filename() != but) paths.push_back(path);
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

Result<bool> GitRepository::is_tracked(const std::string& path, bool folder) const {
  git_index* index = nullptr;
  if (int code = git_repository_index(&index, repository_)) return git_failure("the index", code);
  const Index owned(index);
  if (folder) return git_index_find_prefix(nullptr, index, with_slash(path).c_str()) == 0;
  return git_index_get_bypath(index, path.c_str(), 0) != nullptr;
}

Result<bool> GitRepository::is_ignored(const std::string& path, bool folder) const {
  int ignored = 0;
  if (int code = git_ignore_path_is_ignored(&ignored, repository_, (folder ? with_slash(path) : path).c_str()))
    return git_failure(path, code);
  return ignored != 0;
}

Status GitRepository::archive_tree(const std::string& tree, std::string_view but, SourceArchive& archive,
                                   Progress& progress) const {
  TRY(const git_oid id, oid_of(tree));
  git_odb* odb = nullptr;
  if (int code = git_repository_odb(&odb, repository_)) return git_failure("the object database", code);
  const Odb owned(odb);
  TreeWalk walk{repository_, odb, but, archive, progress};
  return walk.folder(&id, "");
}

}  // namespace hallmark::pin
