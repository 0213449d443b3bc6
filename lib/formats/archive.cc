#include "lib/formats/archive.h"

#include <archive.h>
#include <archive_entry.h>
#include <locale.h>

#include <array>
#include <cerrno>
#include <memory>

#include "lib/base/files.h"
#include "lib/base/interrupt.h"

namespace hallmark {
namespace {

constexpr std::size_t kReadUnit = std::size_t{1} << 18;
constexpr std::uint64_t kRatioApplies = std::uint64_t{64} << 20;

// libarchive turns the UTF-8 names of pax and zip into the thread's character set. For the
// object's life that is UTF-8 and not whatever the user's locale says; C.UTF-8 is part of glibc.
class Utf8Names {
 public:
  Utf8Names()
      : locale_(newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr)), before_(locale_ ? uselocale(locale_) : nullptr) {}
  Utf8Names(const Utf8Names&) = delete;
  Utf8Names& operator=(const Utf8Names&) = delete;
  ~Utf8Names() {
    if (locale_ == nullptr) return;
    uselocale(before_);
    freelocale(locale_);
  }

 private:
  locale_t locale_, before_;
};

struct Free {
  void operator()(archive* a) const { archive_read_free(a); }
};
using Handle = std::unique_ptr<archive, Free>;

// What libarchive pulls its input from, and the first failure of that.
struct Input {
  ByteSource source;
  std::optional<Error> error;
};

la_ssize_t pull(archive* a, void* data, const void** buffer) {
  auto& input = *static_cast<Input*>(data);
  const auto piece = input.source();
  if (!piece) {
    input.error = piece.error();
    archive_set_error(a, EIO, "the input failed");
    return ARCHIVE_FATAL;
  }
  *buffer = piece->data();
  return static_cast<la_ssize_t>(piece->size());
}

void accept_filters(archive* a) {
  // Not support_filter_all(): that one runs other programs for the filters it lacks.
  archive_read_support_filter_gzip(a);
  archive_read_support_filter_bzip2(a);
  archive_read_support_filter_xz(a);
  archive_read_support_filter_lzma(a);
  archive_read_support_filter_zstd(a);
  archive_read_support_filter_lz4(a);
}

const char* or_empty(const char* text) { return text == nullptr ? "" : text; }

class Reader {
 public:
  Reader(std::string name, const ArchiveLimits& limits)
      : name_(std::move(name)), limits_(limits), archive_(archive_read_new()) {
    if (!archive_) throw std::bad_alloc();
    accept_filters(archive_.get());
  }

  archive* get() { return archive_.get(); }
  Input& input() { return input_; }

  // libarchive's verdict as ours. A warning is a failure too: it stands for a name or an attribute that was not
  // understood.
  Status must(int code) {
    if (code == ARCHIVE_OK) return {};
    if (input_.error) return Failure(*input_.error);
    const char* text = archive_error_string(archive_.get());
    const std::string where = entry_.empty() ? name_ : name_ + ": entry \"" + entry_ + "\"";
    return fail(Fault::format, where + ": " + printable(text == nullptr ? "is malformed" : text));
  }

  Status visit(const ArchiveVisitor& visitor) {
    archive_entry* raw = nullptr;
    for (std::uint64_t count = 0;; count++) {
      CHECK(not_interrupted());
      const int code = archive_read_next_header(archive_.get(), &raw);
      if (code == ARCHIVE_EOF) return {};
      if (raw != nullptr && code == ARCHIVE_WARN) entry_ = printable(or_empty(archive_entry_pathname(raw)));
      CHECK(must(code));
      if (count == limits_.entries) return exceeds("more than " + std::to_string(limits_.entries) + " entries");
      TRY(const ArchiveEntry entry, describe(raw));
      CHECK(visitor.on_entry(entry));
      CHECK(content(entry, visitor));
    }
  }

 private:
  Failure exceeds(const std::string& what) const {
    return fail(Fault::format, name_ + ": holds " + what + ", which is the limit here");
  }
  Failure refuse(const std::string& why) const {
    return fail(Fault::format, name_ + ": entry \"" + entry_ + "\": " + why);
  }

  Result<ArchiveEntry> describe(archive_entry* raw) {
    ArchiveEntry entry;
    entry.path = or_empty(archive_entry_pathname(raw));
    entry_ = printable(entry.path);
    entry.mode = archive_entry_perm(raw) & 07777;
    if (entry.path.empty() || entry.path.size() > limits_.path)
      return refuse("its path has " + std::to_string(entry.path.size()) + " bytes, 1 to " +
                    std::to_string(limits_.path) + " allowed");
    if (const char* first = archive_entry_hardlink(raw)) {
      entry.type = ArchiveEntry::Type::hardlink;
      entry.target = first;
    } else if (archive_entry_filetype(raw) == AE_IFLNK) {
      entry.type = ArchiveEntry::Type::symlink;
      entry.target = or_empty(archive_entry_symlink(raw));
    } else if (archive_entry_filetype(raw) == AE_IFDIR) {
      entry.type = ArchiveEntry::Type::folder;
    } else if (archive_entry_filetype(raw) == AE_IFREG) {
      const auto size = archive_entry_size(raw);
      if (archive_entry_size_is_set(raw)) {
        if (size < 0) return refuse("its size is negative");
        entry.size = static_cast<std::uint64_t>(size);
      }
    } else {
      entry.type = ArchiveEntry::Type::other;
    }
    if (entry.target.size() > limits_.path)
      return refuse("its link target has " + std::to_string(entry.target.size()) + " bytes");
    const bool link = entry.type == ArchiveEntry::Type::symlink || entry.type == ArchiveEntry::Type::hardlink;
    if (link && entry.target.empty()) return refuse("a link without a target");
    return entry;
  }

  Status content(const ArchiveEntry& entry, const ArchiveVisitor& visitor) {
    std::uint64_t position = 0;
    for (;;) {
      const void* data = nullptr;
      std::size_t size = 0;
      la_int64_t offset = 0;
      const int code = archive_read_data_block(archive_.get(), &data, &size, &offset);
      if (code == ARCHIVE_EOF) break;
      CHECK(must(code));
      if (size == 0 && static_cast<std::uint64_t>(offset) == position) continue;
      if (entry.type != ArchiveEntry::Type::file) return refuse("has content but is no file");
      if (offset < 0 || static_cast<std::uint64_t>(offset) < position) return refuse("its pieces are out of order");
      // Before the piece is handed on: a visitor may rely on the size that it was told.
      const std::uint64_t end = static_cast<std::uint64_t>(offset) + size;
      if (entry.size && end > *entry.size)
        return refuse("has more bytes than the " + std::to_string(*entry.size) + " of its header");
      const std::uint64_t hole = static_cast<std::uint64_t>(offset) - position;
      CHECK(account(hole));
      CHECK(account(size));
      CHECK(zeros(hole, visitor));
      if (size != 0) CHECK(visitor.on_data({static_cast<const std::uint8_t*>(data), size}));
      position = end;
    }
    // A sparse file may end in a hole, which no block stands for.
    if (entry.size && position < *entry.size && position != 0) {
      CHECK(account(*entry.size - position));
      CHECK(zeros(*entry.size - position, visitor));
      position = *entry.size;
    }
    if (entry.size && position != *entry.size)
      return refuse("has " + std::to_string(position) + " bytes, and its header says " + std::to_string(*entry.size));
    return {};
  }

  Status zeros(std::uint64_t count, const ArchiveVisitor& visitor) {
    static constexpr std::array<std::uint8_t, 4096> kZeros{};
    for (; count != 0;) {
      const auto n = static_cast<std::size_t>(std::min<std::uint64_t>(count, kZeros.size()));
      CHECK(visitor.on_data(ByteView(kZeros).first(n)));
      count -= n;
    }
    return {};
  }

  Status account(std::uint64_t bytes) {
    if (bytes > limits_.bytes - total_) return exceeds("more than " + std::to_string(limits_.bytes) + " bytes");
    total_ += bytes;
    const auto consumed = archive_filter_bytes(archive_.get(), -1);  // -1: of the archive itself, before any filter
    if (total_ > kRatioApplies && consumed > 0 && total_ / static_cast<std::uint64_t>(consumed) >= limits_.ratio)
      return exceeds(std::to_string(limits_.ratio) + " times as many bytes as it has");
    return {};
  }

  const std::string name_;
  const ArchiveLimits limits_;
  const Utf8Names utf8_;
  Input input_;
  Handle archive_;
  std::string entry_;  // the current one's path, printable
  std::uint64_t total_ = 0;
};

}  // namespace

Status read_archive(int fd, const std::string& name, const ArchiveVisitor& visitor, const ArchiveLimits& limits) {
  Reader reader(name, limits);
  archive_read_support_format_tar(reader.get());
  archive_read_support_format_zip_seekable(reader.get());
  CHECK(reader.must(archive_read_open_fd(reader.get(), fd, kReadUnit)));
  return reader.visit(visitor);
}

Status read_tar_stream(const ByteSource& source, const std::string& name, const ArchiveVisitor& visitor,
                       const ArchiveLimits& limits) {
  Reader reader(name, limits);
  archive_read_support_format_tar(reader.get());
  reader.input().source = source;
  CHECK(reader.must(archive_read_open(reader.get(), &reader.input(), nullptr, pull, nullptr)));
  return reader.visit(visitor);
}

Result<Bytes> decompress(ByteView compressed, std::uint64_t max) {
  Reader reader("compressed data", {.entries = 1, .bytes = max});
  archive_read_support_format_raw(reader.get());
  archive_read_support_format_empty(reader.get());
  CHECK(reader.must(archive_read_open_memory(reader.get(), compressed.data(), compressed.size())));
  Bytes out;
  CHECK(reader.visit({.on_entry = [](const ArchiveEntry&) -> Status { return {}; },
                      .on_data = [&out](ByteView piece) -> Status {
                        out.insert(out.end(), piece.begin(), piece.end());
                        return {};
                      }}));
  if (archive_filter_count(reader.get()) < 2)
    return fail(Fault::format, "is not compressed in any way that is known here");
  return out;
}

}  // namespace hallmark
