#include "lib/pin/source_archive.h"

#include <algorithm>
#include <set>

#include "lib/pin/names.h"

namespace hallmark::pin {
namespace {

constexpr std::uint64_t kMaxSourceBytes = std::uint64_t{64} << 30;
constexpr std::uint64_t kMaxSourceEntries = 5'000'000;

// git-lfs specification, "The Pointer": the first line, and fewer than 1024 bytes in all.
constexpr std::string_view kLfsPointer = "version https://git-lfs.github.com/spec/v1\n";
constexpr std::uint64_t kLfsPointerSize = 1024;

}  // namespace

struct SourceArchive::State {
  State(Store::Writer w, const std::vector<std::string>& a)
      : blob(std::move(w)), tar([this](ByteView piece) { return blob.add(piece); }), allowed(a.begin(), a.end()) {}

  std::string where() const { return printable(entry.path); }

  // The file that data() was for has come to its end.
  Status end_file() {
    if (!in_file) return {};
    in_file = false;
    if (entry.size < kLfsPointerSize && head.starts_with(kLfsPointer))
      return fail(Fault::unsupported,
                  where() +
                      ": is a pointer of git LFS and not the file itself, and this version does not "
                      "fetch LFS objects; commit the file or take it from an archive");
    const auto key = scanner.finish();
    if (!key) return {};
    if (auto excuse = allowed.find(entry.path); excuse != allowed.end()) {
      used.insert(entry.path);
      return {};
    }
    return fail(Fault::mismatch, where() + ": holds " + *key +
                                     "; take it out of the source, or, if it is a test key that is no secret, "
                                     "list the file under allow_private_keys");
  }

  Store::Writer blob;
  TarWriter tar;
  std::set<std::string> allowed, used;
  TarEntry entry;
  bool in_file = false;
  std::string head;
  KeyScanner scanner;
  std::uint64_t entries = 0, bytes = 0;
};

Result<SourceArchive> SourceArchive::make(const Store& store, std::vector<std::string> allowed) {
  TRY(Store::Writer blob, store.writer());
  return SourceArchive(std::make_unique<State>(std::move(blob), allowed));
}
SourceArchive::SourceArchive(std::unique_ptr<State> state) : state_(std::move(state)) {}
SourceArchive::SourceArchive(SourceArchive&&) noexcept = default;
SourceArchive::~SourceArchive() = default;

Status SourceArchive::add(const TarEntry& entry) {
  State& s = *state_;
  CHECK(s.end_file());
  s.entry = entry;
  if (++s.entries > kMaxSourceEntries)
    return fail(Fault::unsupported,
                s.where() + ": the source has more than " + std::to_string(kMaxSourceEntries) + " entries");
  if (entry.type == TarEntry::Type::file || entry.type == TarEntry::Type::executable) {
    s.in_file = true;
    s.head.clear();
    if (entry.size > kMaxSourceBytes - s.bytes)
      return fail(Fault::unsupported,
                  s.where() + ": the source has more than " + std::to_string(kMaxSourceBytes) + " bytes");
    s.bytes += entry.size;
  }
  return s.tar.add(entry);
}

Status SourceArchive::data(ByteView piece) {
  State& s = *state_;
  if (s.head.size() < kLfsPointer.size())
    s.head += as_text(piece.first(std::min(piece.size(), kLfsPointer.size() - s.head.size())));
  s.scanner.add(piece);
  return s.tar.data(piece);
}

Result<SourceTree> SourceArchive::finish(const Sha256* expected) {
  State& s = *state_;
  CHECK(s.end_file());
  for (const std::string& path : s.allowed)
    if (!s.used.contains(path))
      return fail(Fault::usage,
                  "allow_private_keys lists " + in_quotes(path) + ", where no private key is; take it off the list");
  TRY(const TarTotals totals, s.tar.finish());
  TRY(const Sha256 sha256, s.blob.finish(expected));
  return SourceTree{sha256, totals.files, totals.bytes};
}

}  // namespace hallmark::pin
