#include "lib/build/debroot.h"

#include <algorithm>

#include "lib/base/files.h"

namespace hallmark::build {
namespace {

using Type = RootNode::Type;
constexpr std::string_view kRules = "debroot-1";
constexpr int kMaxLinks = 40;  // as the kernel: path_resolution(7)

// Debian's merged /usr: these stand before any package, and every path is resolved through them.
constexpr std::string_view kMergedUsr[] = {"bin", "lib", "lib32", "lib64", "libx32", "sbin"};

// Mount points of the box, there whatever the packages ship.
constexpr std::string_view kFolders[] = {"build", "dev", "proc", "run", "tmp", "var/tmp"};

struct Generated {
  std::string_view path, text;
};
constexpr Generated kGenerated[] = {
    {"etc/group", "root:x:0:\nbuild:x:1000:\nnogroup:x:65534:\n"},
    {"etc/hosts", "127.0.0.1 localhost\n::1 localhost\n"},
    {"etc/passwd",
     "root:x:0:0:root:/root:/bin/sh\n"
     "build:x:1000:1000:build:/nonexistent:/bin/sh\n"
     "nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n"},
};

// The links that update-alternatives would make, each to the first candidate that is there:
// highest priority first, as the packages of Debian 12 state it.
struct Alternative {
  std::string_view folder, name;
  std::array<std::string_view, 3> candidates;  // in the same folder
};
constexpr Alternative kAlternatives[] = {
    {"usr/bin", "awk", {"gawk", "mawk", "original-awk"}},
    {"usr/bin", "c++", {"g++", "clang++"}},
    {"usr/bin", "c89", {"c89-gcc"}},
    {"usr/bin", "c99", {"c99-gcc"}},
    {"usr/bin", "cc", {"gcc", "clang"}},
    {"usr/bin", "f77", {"gfortran"}},
    {"usr/bin", "f95", {"gfortran"}},
    {"usr/bin", "faked", {"faked-sysv", "faked-tcp"}},
    {"usr/bin", "fakeroot", {"fakeroot-sysv", "fakeroot-tcp"}},
    {"usr/bin", "lzcat", {"xzcat"}},
    {"usr/bin", "lzma", {"xz"}},
    {"usr/bin", "nawk", {"gawk", "mawk", "original-awk"}},
    {"usr/bin", "unlzma", {"unxz"}},
    {"usr/bin", "which", {"which.debianutils"}},
    {"usr/bin", "yacc", {"bison.yacc", "byacc"}},
    {"usr/lib", "cpp", {"../bin/cpp"}},
};

Type type_of(const ArchiveEntry& entry) {
  switch (entry.type) {
    case ArchiveEntry::Type::folder: return Type::folder;
    case ArchiveEntry::Type::symlink: return Type::symlink;
    default: return (entry.mode & 0100) != 0 ? Type::executable : Type::file;
  }
}

bool is_file(const RootNode& node) { return node.type == Type::file || node.type == Type::executable; }

// Two packages may both ship an entry if it is the same one.
bool same(const RootNode& a, const RootNode& b) {
  return a.type == b.type && a.target == b.target && a.content.sha256 == b.content.sha256 && a.text == b.text;
}

std::vector<std::string> parts_of(std::string_view path) {
  std::vector<std::string> out;
  while (!path.empty()) {
    const auto slash = std::min(path.find('/'), path.size());
    if (slash != 0) out.emplace_back(path.substr(0, slash));
    path.remove_prefix(std::min(slash + 1, path.size()));
  }
  return out;
}

class Merger {
 public:
  RootTree take() { return std::move(tree_); }

  Status place(const std::string& path, RootNode node) {
    CHECK(make_parents(path, node.from));
    const auto [it, fresh] = tree_.try_emplace(path, node);
    if (fresh || same(it->second, node)) return {};
    return fail(Fault::format,
                node.from + " and " + it->second.from + " both have \"" + printable(path) + "\", and not the same");
  }

  Status add(const PackageFiles& package) {
    const auto refuse = [&](const ArchiveEntry& entry, const std::string& why) {
      return fail(Fault::format, "package " + package.name + ": entry \"" + printable(entry.path) + "\": " + why);
    };
    for (const auto& [entry, content] : package.items) {
      TRY(const std::string stated, plain(package, entry.path));
      if (stated.empty() && entry.type == ArchiveEntry::Type::folder) continue;  // the root itself
      if (stated.empty()) return refuse(entry, "stands where the root folder belongs");
      if (entry.type == ArchiveEntry::Type::other) return refuse(entry, "is neither a file, a folder nor a link");

      // A folder may stand where an earlier package, or the merged /usr, has a link to one.
      TRY(const std::string path, resolve(package, stated, entry.type == ArchiveEntry::Type::folder));
      RootNode node{
          .type = type_of(entry), .target = {}, .content = content, .text = {}, .from = "package " + package.name};
      if (entry.type == ArchiveEntry::Type::symlink) node.target = entry.target;
      if (entry.type == ArchiveEntry::Type::hardlink) {
        TRY(const std::string target, plain(package, entry.target));
        TRY(const std::string first, resolve(package, target, false));
        const auto found = tree_.find(first);
        if (found == tree_.end() || !is_file(found->second) || found->second.from != node.from)
          return refuse(entry,
                        "hard link to \"" + printable(entry.target) + "\", which is no earlier file of the package");
        node = found->second;
      }
      CHECK(place(path, std::move(node)));
    }
    return {};
  }

  // Links of the merged /usr to folders that no package has.
  void drop_unused_links() {
    for (const std::string_view name : kMergedUsr)
      if (!tree_.contains("usr/" + std::string(name))) tree_.erase(std::string(name));
  }

  Status add_alternatives() {
    for (const auto& [folder, name, candidates] : kAlternatives) {
      const std::string link = std::string(folder) + "/" + std::string(name);
      if (tree_.contains(link)) continue;
      for (const std::string_view candidate : candidates) {
        const std::string target = candidate.starts_with("../") ? "usr" + std::string(candidate.substr(2))
                                                                : std::string(folder) + "/" + std::string(candidate);
        if (candidate.empty() || !tree_.contains(target)) continue;
        CHECK(place(link, {.type = Type::symlink,
                           .target = std::string(candidate),
                           .content = {},
                           .text = {},
                           .from = std::string(kRules)}));
        break;
      }
    }
    return {};
  }

 private:
  // "./usr/bin/" as "usr/bin". What is left must be a plain relative path, or empty for the root.
  static Result<std::string> plain(const PackageFiles& package, std::string_view path) {
    std::string_view rest = path;
    if (rest.starts_with("./")) rest.remove_prefix(2);
    if (rest.ends_with('/')) rest.remove_suffix(1);
    if (rest.empty() || rest == ".") return std::string();
    if (!is_plain_relative(rest))
      return fail(Fault::format,
                  "package " + package.name + ": entry \"" + printable(path) + "\": is not a plain relative path");
    return std::string(rest);
  }

  // The path with every link on the way followed, and the last component too if `whole`. As in a
  // changed root: "/" and ".." lead no further up than the tree's own root.
  Result<std::string> resolve(const PackageFiles& package, const std::string& path, bool whole) const {
    std::vector<std::string> todo = parts_of(path);
    std::reverse(todo.begin(), todo.end());
    std::string done;
    for (int links = 0; !todo.empty();) {
      const std::string part = std::move(todo.back());
      todo.pop_back();
      if (part == ".") continue;
      if (part == "..") {
        done.resize(done.find('/') == done.npos ? 0 : done.rfind('/'));
        continue;
      }
      const std::string next = done.empty() ? part : done + "/" + part;
      const auto node = tree_.find(next);
      if (node == tree_.end() || node->second.type != Type::symlink || (todo.empty() && !whole)) {
        done = next;
        continue;
      }
      if (++links > kMaxLinks)
        return fail(Fault::format, "package " + package.name + ": entry \"" + printable(path) +
                                       "\": more than 40 symbolic links on the way");
      if (node->second.target.starts_with('/')) done.clear();
      const std::vector<std::string> target = parts_of(node->second.target);
      todo.insert(todo.end(), target.rbegin(), target.rend());
    }
    if (!is_plain_relative(done))
      return fail(Fault::format, "package " + package.name + ": entry \"" + printable(path) +
                                     "\": does not lead to a place below the root");
    return done;
  }

  // Packages list every folder, but one that is reached through a link may be listed under another name.
  Status make_parents(const std::string& path, const std::string& from) {
    for (auto slash = path.find('/'); slash != path.npos; slash = path.find('/', slash + 1)) {
      const auto [it, fresh] = tree_.try_emplace(
          path.substr(0, slash), RootNode{.type = Type::folder, .target = {}, .content = {}, .text = {}, .from = from});
      if (it->second.type != Type::folder)
        return fail(Fault::format, from + ": entry \"" + printable(path) + "\": \"" + printable(it->first) + "\" of " +
                                       it->second.from + " is no folder");
    }
    return {};
  }

  RootTree tree_;
};

}  // namespace

Result<RootTree> merge_packages(const std::vector<PackageFiles>& packages) {
  Merger root;
  const std::string rules(kRules);
  for (const std::string_view name : kMergedUsr)
    CHECK(root.place(
        std::string(name),
        {.type = Type::symlink, .target = "usr/" + std::string(name), .content = {}, .text = {}, .from = rules}));
  for (const PackageFiles& package : packages) CHECK(root.add(package));
  root.drop_unused_links();
  // Beyond this point the packages have said all they have to say; what follows adds to it.
  for (const std::string_view folder : kFolders)
    CHECK(root.place(std::string(folder),
                     {.type = Type::folder, .target = {}, .content = {}, .text = {}, .from = rules}));
  for (const auto& [path, text] : kGenerated)
    CHECK(
        root.place(std::string(path), {.type = Type::file, .target = {}, .content = {}, .text = text, .from = rules}));
  CHECK(root.add_alternatives());
  return root.take();
}

}  // namespace hallmark::build
