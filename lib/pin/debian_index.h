// The two documents that describe a Debian archive: Release, which the archive signs, and Packages, which Release
// lists by digest. wiki.debian.org/DebianRepository/Format (edition of specs/references.md); Debian Policy, chapter 5.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <span>

#include "lib/base/clock.h"
#include "lib/pin/deb822.h"

namespace hallmark::pin {

struct ListedFile {
  std::string sha256;  // lower-case hex
  std::uint64_t size = 0;
};

struct ReleaseFile {
  std::string suite, codename;
  UnixTime date = 0;
  std::optional<UnixTime> valid_until;
  bool by_hash = false;  // Acquire-By-Hash: files can be asked for by digest
  std::vector<std::string> components;
  std::map<std::string, ListedFile> files;  // by path below dists/<suite>/
};

// `text` must be what a signature covers (gpgv.h); nothing here checks it.
Result<ReleaseFile> parse_release(std::string_view text, const std::string& what);

// "Sat, 11 Jul 2026 10:16:37 UTC", the one form in which archives write Date and Valid-Until.
Result<UnixTime> parse_release_date(std::string_view text);

// One paragraph of Packages; views into its text.
struct IndexEntry {
  std::string_view name, version, arch;
  std::string_view path;    // plain relative, below the mirror
  std::string_view sha256;  // lower-case hex
  std::uint64_t size = 0;
  bool essential = false;
};
Status read_packages(std::string_view text, const std::string& what,
                     const std::function<void(const IndexEntry&)>& each);

}  // namespace hallmark::pin
