// The rules "debroot-1": what the files of Debian packages become when no maintainer script runs.
// Pure: entries in, tree out; rootfs.h does the unpacking. specs/formats/debroot.md
#pragma once

#include <map>
#include <string>
#include <vector>

#include "lib/crypto/digest.h"
#include "lib/formats/archive.h"

namespace hallmark::build {

// The content of a file that has been unpacked somewhere.
struct Content {
  std::string staged;  // where; empty for an entry that is no file
  DigestOf<Alg::sha256> sha256{};
};

struct PackageFiles {
  std::string name;  // for messages: "gcc-12 12.2.0-14 (amd64)"
  struct Item {
    ArchiveEntry entry;
    Content content;
  };
  std::vector<Item> items;  // in the order of data.tar
};

struct RootNode {
  enum class Type { file, executable, folder, symlink };
  Type type = Type::folder;
  std::string target;     // symbolic link
  Content content;        // file; two nodes with one `staged` are hard links of each other
  std::string_view text;  // the whole content of a file that the rules generate (`staged` is empty)
  std::string from;       // the package it came from, or "debroot-1"
};

// By plain relative path; the folder of every node is in it, as a folder.
using RootTree = std::map<std::string, RootNode>;

// The packages in the lock's order. An entry that cannot be placed (a device, a path that leaves the root,
// two packages with different files of one name) is a format fault that names package and path.
Result<RootTree> merge_packages(const std::vector<PackageFiles>& packages);

}  // namespace hallmark::build
