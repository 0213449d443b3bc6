#include "lib/formats/deb.h"

#include <unistd.h>

#include <cerrno>

#include "lib/base/files.h"
#include "lib/base/layout.h"

namespace hallmark {
namespace {

constexpr std::string_view kMagic = "!<arch>\n";
constexpr std::size_t kReadUnit = std::size_t{1} << 18;

// ar(5), the common format: "Each file is preceded by a header line [...] of ASCII characters".
constexpr Layout<7> kMember{"ar header",
                            60,
                            {{
                                {0, 16, "name"},
                                {16, 12, "date"},
                                {28, 6, "uid"},
                                {34, 6, "gid"},
                                {40, 8, "mode"},
                                {48, 10, "size"},
                                {58, 2, "end"},
                            }}};
using Member = Record<kMember>;

class Package {
 public:
  Package(int fd, const std::string& name) : fd_(fd), name_(name), buffer_(kReadUnit) {}

  Failure refuse(std::uint64_t at, const std::string& why) const {
    return fail(Fault::format, name_ + ": at " + hex_offset(at) + ": " + why);
  }
  std::uint64_t offset() const { return offset_; }

  // At most `n` bytes; fewer only before the file's end.
  Result<ByteView> some(std::uint64_t n) {
    for (;;) {
      const ssize_t got =
          read(fd_, buffer_.data(), static_cast<std::size_t>(std::min<std::uint64_t>(n, buffer_.size())));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return fail_errno(name_ + ": cannot be read", errno);
      offset_ += static_cast<std::uint64_t>(got);
      return ByteView(buffer_).first(static_cast<std::size_t>(got));
    }
  }

  Result<std::string> text(std::uint64_t n) {
    std::string out;
    while (out.size() < n) {
      TRY(const ByteView piece, some(n - out.size()));
      if (piece.empty()) return refuse(offset_, "the package ends " + std::to_string(n - out.size()) + " bytes early");
      out += as_text(piece);
    }
    return out;
  }

  // The next member's name, without its padding; its content follows.
  Result<std::string> member() {
    const std::uint64_t start = offset_;
    TRY(const std::string bytes, text(kMember.size));
    TRY(const Member header, Member::parse(as_bytes(bytes)));
    if (as_text(header.get<"end">()) != "`\n") return refuse(start + 58, "an ar header does not end as one");
    std::string name(as_text(header.get<"name">()));
    name.erase(name.find_last_not_of(' ') + 1);
    if (name.ends_with('/')) name.pop_back();  // as GNU ar ends a name

    size_ = 0;
    std::string_view digits = as_text(header.get<"size">());
    digits = digits.substr(0, digits.find_last_not_of(' ') + 1);
    if (digits.empty()) return refuse(start + 48, "member \"" + printable(name) + "\" has no size");
    for (const char c : digits) {
      if (c < '0' || c > '9')
        return refuse(start + 48, "the size of member \"" + printable(name) + "\" is not a number");
      size_ = size_ * 10 + static_cast<std::uint64_t>(c - '0');
    }
    return name;
  }
  std::uint64_t size() const { return size_; }

  // The rest of the member, piece by piece, then an empty one.
  Result<ByteView> content() {
    TRY(const ByteView piece, some(size_));
    if (piece.empty() && size_ != 0)
      return refuse(offset_, "the package ends " + std::to_string(size_) + " bytes early");
    size_ -= piece.size();
    return piece;
  }

  // "Objects in the archive are always an even number of bytes long; [...] padded with a newline".
  Status skip_rest(std::uint64_t size) {
    while (size_ != 0) CHECK(content());
    if (size % 2 != 0) CHECK(text(1));
    return {};
  }

 private:
  int fd_;
  const std::string& name_;
  Bytes buffer_;
  std::uint64_t offset_ = 0;
  std::uint64_t size_ = 0;  // bytes of the current member still to come
};

bool is_tar(std::string_view name, std::string_view base) {
  if (!name.starts_with(base)) return false;
  name.remove_prefix(base.size());
  for (const std::string_view suffix : {"", ".gz", ".xz", ".zst", ".bz2", ".lzma"})
    if (name == suffix) return true;
  return false;
}

}  // namespace

Status read_deb(int fd, const std::string& name, const ArchiveVisitor& visitor, const ArchiveLimits& limits) {
  Package package(fd, name);
  TRY(const std::string magic, package.text(kMagic.size()));
  if (magic != kMagic) return package.refuse(0, "is not an ar archive");

  // deb(5): "The first member is named debian-binary and contains a series of lines, separated by newlines.
  // Currently only one line is present, the format version number [...] Programs which read new-format
  // archives should be prepared for the minor number to be increased and new lines to be present".
  TRY(const std::string first, package.member());
  if (first != "debian-binary")
    return package.refuse(kMagic.size(), "the first member is \"" + printable(first) + "\", not \"debian-binary\"");
  if (package.size() > 1024)
    return package.refuse(kMagic.size(), "debian-binary has " + std::to_string(package.size()) + " bytes");
  const std::uint64_t version_size = package.size();
  TRY(const std::string version, package.text(static_cast<std::size_t>(version_size)));
  if (version.compare(0, 2, "2.") != 0)
    return fail(Fault::unsupported, name + ": is of format " + printable(version.substr(0, version.find('\n'))) +
                                        ", and only 2.x is known here");
  if (version_size % 2 != 0) CHECK(package.text(1));

  // "[...] programs must ignore any members whose names start with an underscore"
  const auto next = [&](std::string_view base) -> Result<std::string> {
    for (;;) {
      const std::uint64_t start = package.offset();
      TRY(std::string member, package.member());
      if (is_tar(member, base)) return member;
      if (!member.starts_with('_'))
        return package.refuse(start,
                              "member \"" + printable(member) + "\" stands where " + std::string(base) + " belongs");
      CHECK(package.skip_rest(package.size()));
    }
  };
  CHECK(next("control.tar"));
  CHECK(package.skip_rest(package.size()));
  TRY(const std::string data, next("data.tar"));
  return read_tar_stream([&] { return package.content(); }, name + ": " + data, visitor, limits);
}

}  // namespace hallmark
