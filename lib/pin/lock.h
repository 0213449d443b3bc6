// hallmark.lock: the exact bytes that a build may see. specs/formats/lock.md
//
// YAML text with one source, package or output a line, so that a difference reads well and git
// merges it; its identity is not the text but SHA-256 of the canonical JSON of this model. The
// text ends with that digest, so that an edit by hand is noticed (decision 0020). It carries the
// recipe too: a lock (inside a certificate) is all that a rebuilder needs besides the pinned bytes.
#pragma once

#include "lib/pin/spec.h"
#include "lib/store/store.h"

namespace hallmark::pin {

// Every behaviour of ours that can move a digest has a name, and the lock records which were used.
inline constexpr std::string_view kTarRules = "hallmark-tar-1";
inline constexpr std::string_view kRootRules = "debroot-1";
inline constexpr std::string_view kBoxRules = "box-1";

struct GitPin {
  std::string url, ref, commit, tree;  // object ids in lower-case hex
  std::int64_t committed = 0;          // the commit's time
};
struct PathPin {
  std::string path;
  bool dirty = false;          // made from what stood on the disk, which no commit holds
  std::string commit, tree;    // of HEAD, and the folder in it; empty where there is none
  std::int64_t committed = 0;  // the commit's time; 0 where there is none
};
struct ArchivePin {
  std::vector<std::string> urls;
  std::string sha256;
  std::uint64_t size = 0;
  std::uint32_t strip = 0;
};

struct SourcePin {
  std::string name, into;
  std::variant<GitPin, PathPin, ArchivePin> origin;
  std::vector<std::string> allow_private_keys;  // as the specification says
  // SHA-256 of the source as a hallmark-tar-1 archive. The archive itself is the
  // store's blob of that digest, whatever kind of source it came from.
  std::string tree_sha256;
  std::uint64_t files = 0, bytes = 0;  // regular files and symbolic links; sum of their sizes
};

struct IndexPin {
  std::string file;  // as InRelease names it: "main/binary-amd64/Packages"
  std::string sha256;
  std::uint64_t size = 0;
};
struct SuitePin {
  std::string suite;
  std::vector<std::string> mirrors;  // only those that the specification names
  std::string inrelease_sha256;
  std::string date;                  // RFC 3339, from its Date field
  std::vector<std::string> signers;  // fingerprints of the pinned keys that signed it, upper-case hex, sorted
  std::vector<IndexPin> indexes;
};
struct PackagePin {
  std::string name, version, arch;
  std::string suite, path;  // path below the mirror: "pool/main/g/gcc-12/…_amd64.deb"
  std::string sha256;
  std::uint64_t size = 0;
};
struct DebianPin {
  std::string arch = "amd64";
  std::string keyring_sha256;
  std::vector<std::string> requested;  // the specification's packages
  std::vector<SuitePin> suites;
  std::vector<PackagePin> packages;  // sorted by name, then architecture
};
struct RootPin {
  std::string sha256;  // of the unpacked root file system as a hallmark-tar-1 archive
  std::uint64_t files = 0, bytes = 0;
};

struct Lock {
  std::string name;
  std::string spec_sha256;
  std::int64_t epoch = 0;
  std::vector<SourcePin> sources;
  DebianPin debian;
  RootPin root;
  Recipe recipe;
};

// `text` is YAML. A lock whose last line is not the digest of what stands above it is a format fault.
Result<Lock> parse_lock(std::string_view text, const std::string& name);
// The same for a file. pin leaves every lock it makes in the store, so that here the
// message about an edited one names the first line that was changed.
Result<Lock> read_lock(const fs::path& file, const Store& store);

std::string write_lock(const Lock&);  // YAML text
Json to_json(const Lock&);
Result<Lock> lock_from_json(const Json&, const std::string& what);  // as a certificate carries it
DigestOf<Alg::sha256> lock_digest(const Lock&);

// The lock must come from this very specification; the message names the first thing that
// changed and says what to run. A usage fault.
Status check_spec(const Lock&, const Spec&);

// What differs between two locks, one line each: "source zlib: commit 1234… → 5678…",
// "package gcc-12: 12.2.0-14 → 12.2.0-14+deb12u1".
std::vector<std::string> describe_changes(const Lock& from, const Lock& to);

}  // namespace hallmark::pin
