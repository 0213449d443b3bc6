// hallmark.yaml: what its author wants built, from what, with what. specs/formats/spec.md
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "lib/base/files.h"
#include "lib/crypto/digest.h"
#include "lib/pin/recipe.h"

namespace hallmark::pin {

struct GitRequest {
  std::string url;  // a URL, or a path (absolute, or relative to the specification's folder)
  std::string ref;  // a full ref ("refs/tags/v1.2"), a branch or tag name, or a commit id
};
struct PathRequest {
  std::string path;  // relative to the specification's folder: a git work tree or a folder in one
};
inline constexpr std::int64_t kMaxArchive = std::int64_t{64} << 30;  // bytes

struct ArchiveRequest {
  std::vector<std::string> urls;  // https:// or file:// URLs or paths of files; the first that answers is used
  std::string sha256;             // lower-case hex
  std::uint64_t size = 0;         // bytes
  std::uint32_t strip = 0;        // leading path components to drop
};

struct SourceRequest {
  std::string name;
  std::string into = ".";  // folder below /build, plain relative; "." is /build itself
  std::variant<GitRequest, PathRequest, ArchiveRequest> origin;
  std::vector<std::string> allow_private_keys;  // files of it that may hold one (test keys), sorted
};

struct SuiteRequest {
  std::string suite;                    // "bookworm", "bookworm-security"
  std::vector<std::string> components;  // default: main
  std::vector<std::string> mirrors;     // empty: those that the machine's apt uses for this suite
};

struct DebianRequest {
  std::string
      keyring;  // path, relative to the specification's folder; default /usr/share/keyrings/debian-archive-keyring.gpg
  std::uint32_t require_signers = 1;
  std::vector<SuiteRequest> suites;
  std::vector<std::string> packages;  // as `apt-get install` takes them: name or name=version
};

struct Spec {
  std::string name;
  std::vector<SourceRequest> sources;
  DebianRequest debian;
  std::optional<std::int64_t> epoch;  // SOURCE_DATE_EPOCH; absent: the commit time of the first source
  Recipe recipe;
};

// `text` is YAML. `name` is the file's name, for messages.
Result<Spec> parse_spec(std::string_view text, const std::string& name);
Result<Spec> read_spec(const fs::path& file);
Json to_json(const Spec&);

// SHA-256 of the canonical JSON of the specification: comments, order of keys and
// spelling do not count, every default does.
DigestOf<Alg::sha256> spec_digest(const Spec&);

}  // namespace hallmark::pin
