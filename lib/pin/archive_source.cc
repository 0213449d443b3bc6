#include "lib/pin/archive_source.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <map>

#include "lib/base/interrupt.h"
#include "lib/formats/archive.h"
#include "lib/pin/fetch.h"
#include "lib/pin/names.h"

namespace hallmark::pin {
namespace {

constexpr std::size_t kPiece = std::size_t{1} << 20;
constexpr ArchiveLimits kLimits{.entries = 1'000'000, .bytes = std::uint64_t{16} << 30};

// ── the file ──

// A file on this machine, copied into the store if it is the one that is meant.
Status take_file(const fs::path& path, const ArchivePin& pin, const Sha256& expected, const Store& store) {
  TRY(const Fd file, open_file(path, O_RDONLY | O_NONBLOCK));
  struct stat st {};
  if (fstat(file.get(), &st) != 0) return fail_errno(path.string() + ": cannot be examined", errno);
  if (!S_ISREG(st.st_mode)) return fail(Fault::environment, path.string() + ": is not a regular file");
  TRY(Store::Writer blob, store.writer());
  Bytes piece(kPiece);
  std::uint64_t size = 0;
  for (;;) {
    CHECK(not_interrupted());
    const ssize_t n = read(file.get(), piece.data(), piece.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail_errno(path.string() + ": cannot be read", errno);
    if (n == 0) break;
    size += static_cast<std::uint64_t>(n);
    if (size > pin.size) break;
    CHECK(blob.add(ByteView(piece).first(static_cast<std::size_t>(n))));
  }
  if (size != pin.size)
    return fail(Fault::mismatch, path.string() + ": size: has " + (size > pin.size ? "more than " : "") +
                                     std::to_string(std::min(size, pin.size)) + " bytes, " + std::to_string(pin.size) +
                                     " wanted");
  TRY(const Sha256 got, in(path.string() + ": sha256", blob.finish(&expected)));
  static_cast<void>(got);
  return {};
}

// ── what is in it ──

struct Item {
  TarEntry entry;
  std::uint64_t offset = 0;  // of a file's content in the spool
};

// The path that an entry has in the source: without "./" and a final '/', and without the
// first `strip` parts. Nothing if no part is left, as for the folders that are stripped.
Result<std::optional<std::string>> source_path(std::string_view stated, std::uint32_t strip) {
  std::string_view path = stated;
  while (path.starts_with("./")) path.remove_prefix(2);
  while (path.ends_with('/')) path.remove_suffix(1);
  if (path.empty() || path == ".") return std::nullopt;
  if (!is_plain_relative(path)) return fail(Fault::format, in_quotes(stated) + " is not a path inside the archive");
  for (std::uint32_t i = 0; i < strip; i++) {
    const auto slash = path.find('/');
    if (slash == path.npos) return std::nullopt;
    path.remove_prefix(slash + 1);
  }
  return std::string(path);
}

// Archives come in any order and state a size only sometimes: contents wait in a file
// without a name, until all paths are known and can be sorted.
class Collector {
 public:
  Collector(const ArchivePin& pin, Fd spool, Progress& progress)
      : pin_(pin), spool_(std::move(spool)), progress_(progress) {}

  Status add(const ArchiveEntry& stated) {
    CHECK(not_interrupted());
    progress_.advance(++entries_, 0);
    current_ = nullptr;
    TRY(const std::optional<std::string> path, source_path(stated.path, pin_.strip));
    if (!path) {
      if (stated.type == ArchiveEntry::Type::folder) return {};
      return fail(Fault::usage, printable(stated.path) +
                                    ": lies above the folders that strip: " + std::to_string(pin_.strip) + " leaves");
    }
    TRY(Item item, item_for(stated, *path));
    auto [at, is_new] = items_.try_emplace(*path, std::move(item));
    if (!is_new && (stated.type != ArchiveEntry::Type::folder || at->second.entry.type != TarEntry::Type::folder))
      return fail(Fault::format, printable(stated.path) + ": is in the archive twice");
    if (stated.type == ArchiveEntry::Type::file) current_ = &at->second;
    return {};
  }

  Status data(ByteView piece) {
    if (!current_) return {};
    CHECK(in("the workspace of the store", write_all(spool_.get(), piece)));
    current_->entry.size += piece.size();
    end_ += piece.size();
    return {};
  }

  Status write(SourceArchive& archive) {
    std::vector<const Item*> sorted;
    for (const auto& [path, item] : items_) {
      CHECK(check_above(path));
      sorted.push_back(&item);
    }
    std::sort(sorted.begin(), sorted.end(), [](const Item* a, const Item* b) { return tar_order(a->entry, b->entry); });
    for (const Item* item : sorted) {
      CHECK(not_interrupted());
      CHECK(archive.add(item->entry));
      CHECK(copy_content(*item, archive));
    }
    return {};
  }

 private:
  Result<Item> item_for(const ArchiveEntry& stated, const std::string& path) {
    const TarEntry::Type file = (stated.mode & 0100) != 0 ? TarEntry::Type::executable : TarEntry::Type::file;
    switch (stated.type) {
      case ArchiveEntry::Type::file: return Item{{path, file, 0, {}}, end_};
      case ArchiveEntry::Type::folder: return Item{{path, TarEntry::Type::folder, 0, {}}};
      case ArchiveEntry::Type::symlink: return Item{{path, TarEntry::Type::symlink, 0, stated.target}};
      case ArchiveEntry::Type::hardlink: {
        TRY(const std::optional<std::string> target, source_path(stated.target, pin_.strip));
        const auto found = target ? items_.find(*target) : items_.end();
        if (found == items_.end() || (found->second.entry.type != TarEntry::Type::file &&
                                      found->second.entry.type != TarEntry::Type::executable))
          return fail(Fault::format, printable(stated.path) + ": is a hard link to " + in_quotes(stated.target) +
                                         ", which is no file before it");
        Item copy = found->second;
        copy.entry.path = path;
        return copy;
      }
      case ArchiveEntry::Type::other: break;
    }
    return fail(Fault::unsupported, printable(stated.path) + ": is neither a file nor a folder nor a link");
  }

  // Everything above a path is a folder: a symbolic link there could lead anywhere.
  Status check_above(const std::string& path) const {
    for (auto slash = path.find('/'); slash != path.npos; slash = path.find('/', slash + 1))
      if (auto above = items_.find(path.substr(0, slash));
          above != items_.end() && above->second.entry.type != TarEntry::Type::folder)
        return fail(Fault::format,
                    printable(path) + ": lies below " + printable(above->first) + ", which is no folder");
    return {};
  }

  Status copy_content(const Item& item, SourceArchive& archive) {
    Bytes piece(static_cast<std::size_t>(std::min<std::uint64_t>(kPiece, item.entry.size)));
    for (std::uint64_t done = 0; done < item.entry.size;) {
      const auto want = static_cast<std::size_t>(std::min<std::uint64_t>(piece.size(), item.entry.size - done));
      const ssize_t n = pread(spool_.get(), piece.data(), want, static_cast<off_t>(item.offset + done));
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) return fail_errno("the workspace of the store cannot be read", n < 0 ? errno : EIO);
      CHECK(archive.data(ByteView(piece).first(static_cast<std::size_t>(n))));
      done += static_cast<std::uint64_t>(n);
    }
    return {};
  }

  const ArchivePin& pin_;
  Fd spool_;
  Progress& progress_;
  std::map<std::string, Item> items_;
  Item* current_ = nullptr;  // the file that data() is for; map nodes do not move
  std::uint64_t end_ = 0, entries_ = 0;
};

}  // namespace

Status fetch_archive(const ArchivePin& pin, const fs::path& folder, const Store& store, Progress& progress) {
  TRY(const Sha256 expected, digest_from_hex<Alg::sha256>(pin.sha256));
  if (store.has(expected)) return {};
  Download download{.name = pin.urls.front(), .urls = {}, .sha256 = expected, .size = pin.size};
  for (const std::string& address : pin.urls) {
    std::error_code error;
    if (is_url(address))
      download.urls.push_back(address);
    else if (fs::exists(folder / address, error))
      return take_file(folder / address, pin, expected, store);
  }
  if (download.urls.empty()) return fail(Fault::environment, (folder / pin.urls.front()).string() + ": is not there");
  return fetch_all(store, std::span(&download, 1), progress);
}

Status archive_archive(const ArchivePin& pin, const Store& store, SourceArchive& archive, Progress& progress) {
  TRY(const Sha256 digest, digest_from_hex<Alg::sha256>(pin.sha256));
  TRY(const Fd file, store.open_blob(digest));
  TRY(const TemporaryFolder work, store.workspace("archive"));
  TRY(Fd spool, open_file(work.path() / "spool", O_RDWR | O_CREAT | O_EXCL, 0600));
  Collector collector(pin, std::move(spool), progress);
  const ArchiveVisitor visitor{[&](const ArchiveEntry& entry) { return collector.add(entry); },
                               [&](ByteView piece) { return collector.data(piece); }};
  CHECK(read_archive(file.get(), printable(pin.urls.front()), visitor, kLimits));
  return in(printable(pin.urls.front()), collector.write(archive));
}

}  // namespace hallmark::pin
