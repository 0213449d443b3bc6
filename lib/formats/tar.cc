#include "lib/formats/tar.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <map>
#include <unordered_map>

#include "lib/base/interrupt.h"
#include "lib/base/layout.h"

namespace hallmark {
namespace {

constexpr std::size_t kBlock = 512;
constexpr std::size_t kRecord = 20 * kBlock;  // the whole archive is a multiple of this
constexpr std::size_t kField = 100;           // of name and linkname
constexpr std::size_t kMaxTarget = 4096;
constexpr std::uint64_t kMaxOctal = 077777777777;  // what the size field holds: 8 GiB - 1
constexpr std::uint64_t kMaxSize = std::uint64_t{1} << 50;
constexpr std::size_t kMaxPax = 2 * 4096 + 3 * 64;  // both names and their keys
constexpr std::string_view kPaxName = "././@PaxHeader";

// IEEE Std 1003.1-2017, utility pax, "ustar Interchange Format".
constexpr Layout<17> kHeader{"ustar header",
                             kBlock,
                             {{
                                 {0, 100, "name"},
                                 {100, 8, "mode"},
                                 {108, 8, "uid"},
                                 {116, 8, "gid"},
                                 {124, 12, "size"},
                                 {136, 12, "mtime"},
                                 {148, 8, "chksum"},
                                 {156, 1, "typeflag"},
                                 {157, 100, "linkname"},
                                 {257, 6, "magic"},
                                 {263, 2, "version"},
                                 {265, 32, "uname"},
                                 {297, 32, "gname"},
                                 {329, 8, "devmajor"},
                                 {337, 8, "devminor"},
                                 {345, 155, "prefix"},
                                 {500, 12, "padding"},
                             }}};
static_assert(kHeader.tiles());
using Header = Record<kHeader>;

std::size_t padding_after(std::uint64_t size, std::size_t unit) { return (unit - size % unit) % unit; }

bool is_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

std::string sort_key(const TarEntry& entry) {
  return entry.type == TarEntry::Type::folder ? entry.path + "/" : entry.path;
}

std::string octal(std::uint64_t value, std::size_t digits) {
  std::string out(digits, '0');
  for (std::size_t i = digits; i-- > 0; value >>= 3) out[i] = static_cast<char>('0' + (value & 7));
  return out;
}

// The octal digits at the start of a field.
std::uint64_t from_octal(ByteView field) {
  std::uint64_t value = 0;
  for (const auto c : field) {
    if (c < '0' || c > '7') break;
    value = value << 3 | (c - '0');
  }
  return value;
}

std::string until_nul(ByteView field) {
  const auto end = std::find(field.begin(), field.end(), 0);
  return {field.begin(), end};
}

Block<kBlock> encode_header(std::string_view name, std::uint32_t mode, std::uint64_t size, char type,
                            std::string_view target) {
  const auto write = [&](std::string_view checksum) {
    Block<kBlock> b;
    b.text(name.substr(0, kField));
    b.seek(100).text(octal(mode, 7));
    b.seek(108).text(octal(0, 7));
    b.seek(116).text(octal(0, 7));
    b.seek(124).text(octal(size, 11));
    b.seek(136).text(octal(0, 11));
    b.seek(148).text(checksum);
    b.seek(156).text({&type, 1});
    b.text(target.substr(0, kField));
    b.seek(257).text("ustar").seek(263).text("00");
    if (type != 'x') b.seek(329).text(octal(0, 7)).seek(337).text(octal(0, 7));
    return b;
  };
  // "The chksum field shall be [...] the simple sum of all octets in the header logical record. [...]
  //  When calculating the checksum, the chksum field is treated as if it were all spaces."
  const Block<kBlock> blank = write("        ");
  std::uint32_t sum = 0;
  for (const auto c : blank.bytes()) sum += c;
  return write(octal(sum, 6) + std::string("\0 ", 2));
}

// "%d %s=%s\n", <length>, <keyword>, <value>: the length counts its own digits.
std::string pax_record(std::string_view key, std::string_view value) {
  const std::string rest = " " + std::string(key) + "=" + std::string(value) + "\n";
  std::size_t length = rest.size() + 1;
  while (std::to_string(length).size() + rest.size() != length) length++;
  return std::to_string(length) + rest;
}

char type_flag(TarEntry::Type type) {
  switch (type) {
    case TarEntry::Type::hardlink: return '1';
    case TarEntry::Type::symlink: return '2';
    case TarEntry::Type::folder: return '5';
    default: return '0';
  }
}

// All that stands before the entry's content.
Bytes encode_entry(const TarEntry& entry, std::uint32_t mode) {
  const std::string path = sort_key(entry);
  std::string records;
  if (entry.target.size() > kField) records += pax_record("linkpath", entry.target);
  if (path.size() > kField || !is_ascii(path)) records += pax_record("path", path);
  if (entry.size > kMaxOctal) records += pax_record("size", std::to_string(entry.size));

  Bytes out;
  const auto append = [&out](ByteView bytes) { out.insert(out.end(), bytes.begin(), bytes.end()); };
  if (!records.empty()) {
    append(encode_header(kPaxName, 0644, records.size(), 'x', {}).bytes());
    append(as_bytes(records));
    out.resize(out.size() + padding_after(records.size(), kBlock));
  }
  append(
      encode_header(path, mode, entry.size > kMaxOctal ? 0 : entry.size, type_flag(entry.type), entry.target).bytes());
  return out;
}

// What holds between the entries of one archive, for its writer and its reader alike.
class Sequence {
 public:
  // The folders above `path` that have no entry yet, outermost first. In sorted order a folder
  // has one exactly if the last entry was the folder or below it.
  std::vector<std::string> missing_folders(std::string_view path) const {
    std::vector<std::string> out;
    for (auto slash = path.find('/'); slash != path.npos; slash = path.find('/', slash + 1))
      if (!last_.starts_with(path.substr(0, slash + 1))) out.emplace_back(path.substr(0, slash));
    return out;
  }

  // Refuses an entry that may not come next. Returns its mode.
  Result<std::uint32_t> admit(const TarEntry& entry) {
    const auto refuse = [&](const std::string& why) {
      return fail(Fault::format, "entry \"" + printable(entry.path) + "\": " + why);
    };
    if (!is_plain_relative(entry.path)) return refuse("is not a plain relative path");
    const std::string key = sort_key(entry);
    if (key == last_) return refuse("is repeated");
    if (key < last_) return refuse("comes after \"" + printable(last_) + "\", which sorts behind it");
    if (const auto missing = missing_folders(entry.path); !missing.empty())
      return refuse("its folder \"" + printable(missing.front()) + "\" has no entry before it");

    const bool file = entry.type == TarEntry::Type::file || entry.type == TarEntry::Type::executable;
    const bool link = entry.type == TarEntry::Type::symlink || entry.type == TarEntry::Type::hardlink;
    if (entry.size > (file ? kMaxSize : 0)) return refuse("its size " + std::to_string(entry.size) + " is not allowed");
    if (link != !entry.target.empty())
      return refuse(link ? "a link without a target" : "has a link target but is no link");
    if (entry.target.size() > kMaxTarget || entry.target.find('\0') != std::string::npos)
      return refuse("its link target is longer than 4096 bytes or holds a NUL");

    std::uint32_t mode = 0755;
    if (entry.type == TarEntry::Type::folder) {
      if (leaves_.contains(entry.path)) return refuse("is a folder and was something else before");
    } else {
      if (entry.type == TarEntry::Type::file) mode = 0644;
      if (entry.type == TarEntry::Type::symlink) mode = 0777;
      if (entry.type == TarEntry::Type::hardlink) {
        const auto first = leaves_.find(entry.target);
        if (first == leaves_.end() ||
            (first->second != TarEntry::Type::file && first->second != TarEntry::Type::executable))
          return refuse("hard link to \"" + printable(entry.target) + "\", which is no earlier file");
        if (first->second == TarEntry::Type::file) mode = 0644;
      }
      leaves_.emplace(entry.path, entry.type);
      totals_.files++;
      totals_.bytes += entry.size;
    }
    last_ = key;
    return mode;
  }

  const TarTotals& totals() const { return totals_; }

 private:
  std::string last_;
  std::unordered_map<std::string, TarEntry::Type> leaves_;
  TarTotals totals_;
};

}  // namespace

bool tar_order(const TarEntry& a, const TarEntry& b) { return sort_key(a) < sort_key(b); }

struct TarWriter::State {
  Sink sink;
  Sequence sequence;
  std::uint64_t missing = 0;  // bytes of the current file still to come
  std::uint64_t written = 0;

  Status put(ByteView bytes) {
    written += bytes.size();
    return sink(bytes);
  }
  Status pad(std::size_t unit) {
    static constexpr std::array<std::uint8_t, kRecord> kZeros{};
    return put(ByteView(kZeros).first(padding_after(written, unit)));
  }
  Status complete() const {
    if (missing != 0)
      return fail(Fault::format, "the file's content is " + std::to_string(missing) + " bytes short of its size");
    return {};
  }
};

TarWriter::TarWriter(Sink sink) : state_(new State{std::move(sink), {}, 0, 0}) {}
TarWriter::TarWriter(TarWriter&&) noexcept = default;
TarWriter::~TarWriter() = default;

Status TarWriter::add(const TarEntry& entry) {
  CHECK(state_->complete());
  if (is_plain_relative(entry.path))
    for (const std::string& folder : state_->sequence.missing_folders(entry.path))
      CHECK(add({.path = folder, .type = TarEntry::Type::folder, .size = 0, .target = {}}));
  TRY(const std::uint32_t mode, state_->sequence.admit(entry));
  state_->missing = entry.size;
  return state_->put(encode_entry(entry, mode));
}

Status TarWriter::data(ByteView piece) {
  if (piece.empty()) return {};
  if (piece.size() > state_->missing)
    return fail(Fault::format, "the file's content is " + std::to_string(piece.size() - state_->missing) +
                                   " bytes longer than its size");
  state_->missing -= piece.size();
  CHECK(state_->put(piece));
  return state_->missing == 0 ? state_->pad(kBlock) : Status{};
}

Result<TarTotals> TarWriter::finish() {
  CHECK(state_->complete());
  // "At the end of the archive file there shall be two 512-octet logical records filled with binary zeros."
  const std::array<std::uint8_t, 2 * kBlock> end{};
  CHECK(state_->put(end));
  CHECK(state_->pad(kRecord));
  return state_->sequence.totals();
}

namespace {

// The archive's bytes with their offset.
class Input {
 public:
  Input(int fd, const std::string& name) : fd_(fd), name_(name), buffer_(std::size_t{256} << 10) {}

  std::uint64_t offset() const { return offset_; }
  std::size_t buffer_size() const { return buffer_.size(); }

  // The next `n` bytes, at most buffer_size(); valid until the next call.
  Result<ByteView> take(std::size_t n) {
    while (end_ - start_ < n) {
      TRY(const bool more, fill());
      if (!more)
        return fail(Fault::format,
                    name_ + ": ends at " + hex_offset(offset_ + (end_ - start_)) + " in the middle of the archive");
    }
    const ByteView out = ByteView(buffer_).subspan(start_, n);
    start_ += n;
    offset_ += n;
    return out;
  }

  Result<bool> at_end() {
    if (start_ != end_) return false;
    TRY(const bool more, fill());
    return !more;
  }

  Failure fault(std::uint64_t at, const std::string& why) const {
    return fail(Fault::format, name_ + ": at " + hex_offset(at) + ": " + why);
  }

 private:
  Result<bool> fill() {
    CHECK(not_interrupted());
    std::memmove(buffer_.data(), buffer_.data() + start_, end_ - start_);
    end_ -= std::exchange(start_, 0);
    const ssize_t n = read(fd_, buffer_.data() + end_, buffer_.size() - end_);
    if (n < 0 && errno == EINTR) return true;
    if (n < 0) return fail_errno(name_ + ": cannot be read", errno);
    end_ += static_cast<std::size_t>(n);
    return n > 0;
  }

  int fd_;
  const std::string& name_;
  Bytes buffer_;
  std::size_t start_ = 0, end_ = 0;
  std::uint64_t offset_ = 0;
};

struct PaxValues {
  std::optional<std::string> linkpath, path;
  std::optional<std::uint64_t> size;
};

// What the records say; that they are spelt and ordered as ours is checked later, by encoding the entry again.
std::optional<PaxValues> parse_pax(std::string_view text) {
  const auto number = [](std::string_view digits) -> std::optional<std::uint64_t> {
    if (digits.empty() || digits.size() > 18) return std::nullopt;
    std::uint64_t value = 0;
    for (const char c : digits) {
      if (c < '0' || c > '9') return std::nullopt;
      value = value * 10 + static_cast<std::uint64_t>(c - '0');
    }
    return value;
  };
  PaxValues out;
  while (!text.empty()) {
    const auto space = text.find(' ');
    const auto length = space == text.npos ? std::nullopt : number(text.substr(0, space));
    if (!length || *length > text.size() || *length < space + 2 || text[*length - 1] != '\n') return std::nullopt;
    const std::string_view pair = text.substr(space + 1, *length - space - 2);
    const auto equals = pair.find('=');
    if (equals == pair.npos) return std::nullopt;
    const std::string_view key = pair.substr(0, equals), value = pair.substr(equals + 1);
    if (key == "linkpath")
      out.linkpath = value;
    else if (key == "path")
      out.path = value;
    else if (key == "size" && number(value))
      out.size = number(value);
    else
      return std::nullopt;
    text.remove_prefix(*length);
  }
  return out;
}

// One entry as its header states it, with the header's own bytes.
struct RawEntry {
  TarEntry entry;
  Bytes bytes;
};

Result<RawEntry> read_entry(Input& input, ByteView first, std::uint64_t start) {
  RawEntry raw;
  raw.bytes.assign(first.begin(), first.end());
  PaxValues pax;
  TRY(Header header, Header::parse(raw.bytes));
  if (header.get<"typeflag">()[0] == 'x') {
    const std::uint64_t size = from_octal(header.get<"size">());
    if (size == 0 || size > kMaxPax)
      return input.fault(start + 124, "a pax header of " + std::to_string(size) + " bytes");
    TRY(const ByteView records, input.take(static_cast<std::size_t>(size) + padding_after(size, kBlock)));
    const auto values = parse_pax(as_text(records.first(static_cast<std::size_t>(size))));
    if (!values)
      return input.fault(start + kBlock, "the pax header holds more than path, linkpath and size, or is malformed");
    pax = *values;
    raw.bytes.insert(raw.bytes.end(), records.begin(), records.end());
    TRY(const ByteView block, input.take(kBlock));
    raw.bytes.insert(raw.bytes.end(), block.begin(), block.end());
  }
  TRY(header, Header::parse(ByteView(raw.bytes).last(kBlock)));

  TarEntry& entry = raw.entry;
  switch (header.get<"typeflag">()[0]) {
    case '0':
      entry.type = from_octal(header.get<"mode">()) == 0755 ? TarEntry::Type::executable : TarEntry::Type::file;
      break;
    case '1': entry.type = TarEntry::Type::hardlink; break;
    case '2': entry.type = TarEntry::Type::symlink; break;
    case '5': entry.type = TarEntry::Type::folder; break;
    default:
      return input.fault(start + raw.bytes.size() - kBlock + 156, "the entry's type is not a file, folder or link");
  }
  entry.path = pax.path.value_or(until_nul(header.get<"name">()));
  entry.target = pax.linkpath.value_or(until_nul(header.get<"linkname">()));
  entry.size = pax.size.value_or(from_octal(header.get<"size">()));
  if (entry.type == TarEntry::Type::folder && entry.path.ends_with('/')) entry.path.pop_back();
  return raw;
}

// Where two encodings of an entry part, in words.
std::string describe_difference(ByteView found, ByteView wanted) {
  const auto [at, _] = std::mismatch(found.begin(), found.end(), wanted.begin(), wanted.end());
  const auto offset = static_cast<std::size_t>(at - found.begin());
  if (found.size() != wanted.size()) return "a pax header where none belongs, or none where one does";
  const bool in_records = found.size() > kBlock && offset >= kBlock && offset < found.size() - kBlock;
  if (in_records) return "the pax header is not in canonical form";
  for (const Field& field : kHeader.fields)
    if (offset % kBlock < field.offset + field.size) return std::string(field.name) + " is not in canonical form";
  return "is not in canonical form";
}

}  // namespace

Result<TarTotals> read_tar(int fd, const std::string& name, const TarVisitor& visitor) {
  Input input(fd, name);
  Sequence sequence;
  for (;;) {
    const std::uint64_t start = input.offset();
    TRY(const ByteView first, input.take(kBlock));
    if (all_zero(first)) {
      const std::uint64_t rest = kBlock + padding_after(start + 2 * kBlock, kRecord);
      TRY(const ByteView end, input.take(static_cast<std::size_t>(rest)));
      if (!all_zero(end)) return input.fault(start + kBlock, "bytes that are not zero after the archive's end");
      TRY(const bool ended, input.at_end());
      if (!ended) return input.fault(input.offset(), "bytes after the archive's end");
      return sequence.totals();
    }

    // An entry is accepted if we would have written these very bytes for it, here.
    TRY(const RawEntry raw, read_entry(input, first, start));
    const TarEntry& entry = raw.entry;
    TRY(const std::uint32_t mode, in(name + ": at " + hex_offset(start), sequence.admit(entry)));
    const Bytes wanted = encode_entry(entry, mode);
    if (raw.bytes != wanted)
      return input.fault(start, "entry \"" + printable(entry.path) + "\": " + describe_difference(raw.bytes, wanted));

    CHECK(visitor.on_entry(entry));
    for (std::uint64_t left = entry.size; left > 0;) {
      TRY(const ByteView piece,
          input.take(static_cast<std::size_t>(std::min<std::uint64_t>(left, input.buffer_size()))));
      CHECK(visitor.on_data(piece));
      left -= piece.size();
    }
    TRY(const ByteView padding, input.take(padding_after(entry.size, kBlock)));
    if (!all_zero(padding)) return input.fault(input.offset() - padding.size(), "padding that is not zero");
  }
}

namespace {

class Unpacker {
 public:
  Unpacker(int root, std::int64_t mtime) : root_(root), times_{{mtime, 0}, {mtime, 0}} {}

  Status entry(const TarEntry& entry) {
    CHECK(finish_file());
    path_ = entry.path;
    TRY(const auto place, locate(entry.path));
    const auto [folder, name] = place;
    switch (entry.type) {
      case TarEntry::Type::folder:
        if (mkdirat(folder, name.c_str(), 0700) != 0 && errno != EEXIST) return error("cannot be made");
        folders_.push_back(entry.path);
        return {};
      case TarEntry::Type::symlink:
        if (symlinkat(entry.target.c_str(), folder, name.c_str()) != 0) return error("cannot be made");
        if (utimensat(folder, name.c_str(), times_, AT_SYMLINK_NOFOLLOW) != 0) return error("cannot set its time");
        return {};
      case TarEntry::Type::hardlink: {
        // locate() may move the descriptor of the folder it found before.
        const Fd here(dup(folder));
        if (!here) return error("cannot be made");
        TRY(const auto first, locate(entry.target));
        if (linkat(first.first, first.second.c_str(), here.get(), name.c_str(), 0) != 0) return error("cannot be made");
        return {};
      }
      default:
        file_.reset(openat(folder, name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
        if (!file_) return error("cannot be made");
        mode_ = entry.type == TarEntry::Type::executable ? 0755 : 0644;
        return {};
    }
  }

  Status data(ByteView piece) { return in(printable(path_), write_all(file_.get(), piece)); }

  // Folders get their mode and time last, innermost first: making an entry in one changes its time.
  Status finish() {
    CHECK(finish_file());
    for (auto it = folders_.rbegin(); it != folders_.rend(); ++it) {
      path_ = *it;
      TRY(const auto place, locate(*it));
      const Fd folder(openat(place.first, place.second.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
      if (!folder || fchmod(folder.get(), 0755) != 0 || futimens(folder.get(), times_) != 0)
        return error("cannot set its mode and time");
    }
    return {};
  }

 private:
  Failure error(std::string_view what) const { return fail_errno(printable(path_) + ": " + std::string(what), errno); }

  Status finish_file() {
    if (!file_) return {};
    if (fchmod(file_.get(), mode_) != 0 || futimens(file_.get(), times_) != 0)
      return error("cannot set its mode and time");
    file_.reset();
    return {};
  }

  // The folder of `path`, opened one component at a time so that no link is ever followed, and its last component.
  Result<std::pair<int, std::string>> locate(const std::string& path) {
    const auto slash = path.rfind('/');
    if (slash == path.npos) return std::pair(root_, path);
    const std::string parent = path.substr(0, slash);
    if (parent != parent_ || !parent_fd_) {
      Fd at;
      for (std::size_t begin = 0; begin <= parent.size();) {
        const auto end = std::min(parent.find('/', begin), parent.size());
        const std::string part = parent.substr(begin, end - begin);
        Fd next(openat(at ? at.get() : root_, part.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
        if (!next) return error("its folder cannot be opened");
        at = std::move(next);
        begin = end + 1;
      }
      parent_fd_ = std::move(at);
      parent_ = parent;
    }
    return std::pair(parent_fd_.get(), path.substr(slash + 1));
  }

  const int root_;
  const timespec times_[2];
  std::string path_;
  Fd file_;
  mode_t mode_ = 0;
  std::string parent_;
  Fd parent_fd_;
  std::vector<std::string> folders_;
};

}  // namespace

Result<TarTotals> unpack_tar(int fd, const std::string& name, int folder_fd, std::int64_t mtime) {
  Unpacker unpacker(folder_fd, mtime);
  const TarVisitor visitor{
      .on_entry = [&](const TarEntry& entry) { return in("unpacking " + name, unpacker.entry(entry)); },
      .on_data = [&](ByteView piece) { return in("unpacking " + name, unpacker.data(piece)); },
  };
  TRY(const TarTotals totals, read_tar(fd, name, visitor));
  CHECK(in("unpacking " + name, unpacker.finish()));
  return totals;
}

namespace {

class FolderArchiver {
 public:
  FolderArchiver(fs::path root, const TarWriter::Sink& sink)
      : root_(std::move(root)), writer_(sink), buffer_(std::size_t{256} << 10) {}

  Result<TarTotals> run() {
    TRY(Fd folder, open_file(root_, O_RDONLY | O_DIRECTORY));
    CHECK(archive(std::move(folder), ""));
    return writer_.finish();
  }

 private:
  struct Child {
    std::string name;  // with a final '/' if it is a folder
    struct stat st;
  };

  Failure error(const std::string& path, std::string_view what) const {
    return fail_errno(printable((root_ / path).string()) + ": " + std::string(what), errno);
  }

  // All entries of the folder, and those below it. `prefix` is its path with a final '/', or empty.
  Status archive(Fd folder, const std::string& prefix) {
    CHECK(not_interrupted());
    TRY(const std::vector<Child> children, list(folder.get(), prefix));
    for (const Child& child : children) CHECK(archive_child(folder.get(), prefix, child));
    return {};
  }

  Result<std::vector<Child>> list(int folder, const std::string& prefix) const {
    const int copy = fcntl(folder, F_DUPFD_CLOEXEC, 0);
    const std::unique_ptr<DIR, int (*)(DIR*)> stream(copy < 0 ? nullptr : fdopendir(copy), closedir);
    if (!stream) return error(prefix, "cannot be listed");
    std::vector<Child> out;
    for (;;) {
      errno = 0;
      const dirent* found = readdir(stream.get());
      if (found == nullptr && errno != 0) return error(prefix, "cannot be listed");
      if (found == nullptr) break;
      Child child{found->d_name, {}};
      if (child.name == "." || child.name == "..") continue;
      if (fstatat(folder, found->d_name, &child.st, AT_SYMLINK_NOFOLLOW) != 0)
        return error(prefix + child.name, "cannot be examined");
      if (S_ISDIR(child.st.st_mode)) child.name += '/';
      out.push_back(std::move(child));
    }
    std::sort(out.begin(), out.end(), [](const Child& a, const Child& b) { return a.name < b.name; });
    return out;
  }

  Status archive_child(int folder, const std::string& prefix, const Child& child) {
    const std::string path = prefix + child.name;
    switch (child.st.st_mode & S_IFMT) {
      case S_IFDIR: {
        CHECK(writer_.add(
            {.path = path.substr(0, path.size() - 1), .type = TarEntry::Type::folder, .size = 0, .target = {}}));
        Fd inner(openat(folder, child.name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
        if (!inner) return error(path, "cannot be opened");
        return archive(std::move(inner), path);
      }
      case S_IFLNK: {
        std::string target(kMaxTarget + 1, '\0');
        const ssize_t n = readlinkat(folder, child.name.c_str(), target.data(), target.size());
        if (n < 0) return error(path, "cannot be read");
        target.resize(static_cast<std::size_t>(n));
        return writer_.add({.path = path, .type = TarEntry::Type::symlink, .size = 0, .target = target});
      }
      case S_IFREG: {
        if (child.st.st_nlink > 1) {
          const auto [first, fresh] = first_.try_emplace({child.st.st_dev, child.st.st_ino}, path);
          if (!fresh)
            return writer_.add({.path = path, .type = TarEntry::Type::hardlink, .size = 0, .target = first->second});
        }
        Fd file(openat(folder, child.name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
        if (!file) return error(path, "cannot be opened");
        return archive_file(file.get(), path, child.st);
      }
      default:
        return fail(Fault::unsupported,
                    printable((root_ / path).string()) + ": is neither a file, a folder nor a symbolic link");
    }
  }

  Status archive_file(int file, const std::string& path, const struct stat& st) {
    const auto size = static_cast<std::uint64_t>(st.st_size);
    const auto type = (st.st_mode & S_IXUSR) != 0 ? TarEntry::Type::executable : TarEntry::Type::file;
    CHECK(writer_.add({.path = path, .type = type, .size = size, .target = {}}));
    for (std::uint64_t done = 0;;) {
      const ssize_t n = read(file, buffer_.data(), buffer_.size());
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return error(path, "cannot be read");
      done += static_cast<std::uint64_t>(n);
      if (done > size || (n == 0 && done < size))
        return fail(Fault::environment, printable((root_ / path).string()) + ": changed while it was read");
      if (n == 0) return {};
      CHECK(writer_.data(ByteView(buffer_).first(static_cast<std::size_t>(n))));
    }
  }

  const fs::path root_;
  TarWriter writer_;
  Bytes buffer_;
  std::map<std::pair<dev_t, ino_t>, std::string> first_;  // of files with several links
};

}  // namespace

Result<TarTotals> write_tar_of_folder(const fs::path& folder, const TarWriter::Sink& sink) {
  return FolderArchiver(folder, sink).run();
}

Result<TarDigest> digest_folder(const fs::path& folder) {
  Hasher<Alg::sha256> hash;
  TRY(const TarTotals totals, write_tar_of_folder(folder, [&](ByteView piece) -> Status {
        hash.add(piece);
        return {};
      }));
  return TarDigest{hash.finish(), totals};
}

}  // namespace hallmark
