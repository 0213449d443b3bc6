#include "lib/formats/cpio.h"

namespace hallmark {
namespace {

constexpr std::string_view kMagic = "070701", kTrailer = "TRAILER!!!";
constexpr std::uint32_t kRegular = 0100000, kFolder = 0040000;

void append(Bytes& out, std::string_view text) { out.insert(out.end(), text.begin(), text.end()); }

void append_number(Bytes& out, std::uint32_t value) {
  for (int shift = 28; shift >= 0; shift -= 4)
    out.push_back(static_cast<std::uint8_t>("0123456789abcdef"[value >> shift & 0xf]));
}

}  // namespace

CpioWriter& CpioWriter::folder(std::string_view path, std::uint32_t mode) {
  entry(path, mode | kFolder, {});
  return *this;
}

CpioWriter& CpioWriter::file(std::string_view path, std::uint32_t mode, ByteView contents) {
  entry(path, mode | kRegular, contents);
  return *this;
}

void CpioWriter::entry(std::string_view path, std::uint32_t mode, ByteView contents) {
  append(out_, kMagic);
  const auto size = static_cast<std::uint32_t>(contents.size()), name = static_cast<std::uint32_t>(path.size() + 1);
  // ino, mode, uid, gid, nlink, mtime, filesize, devmajor, devminor, rdevmajor, rdevminor, namesize, check
  for (const std::uint32_t field : {inode_++, mode, 0u, 0u, 1u, 0u, size, 0u, 0u, 0u, 0u, name, 0u})
    append_number(out_, field);
  append(out_, path);
  out_.push_back(0);
  align();
  out_.insert(out_.end(), contents.begin(), contents.end());
  align();
}

void CpioWriter::align() {
  while (out_.size() % 4 != 0) out_.push_back(0);
}

Bytes CpioWriter::finish() {
  append(out_, kMagic);
  for (int field = 0; field < 13; field++)
    append(out_, field == 4 ? "00000001" : field == 11 ? "0000000B" : "00000000");
  append(out_, kTrailer);
  out_.push_back(0);
  align();
  return std::move(out_);
}

}  // namespace hallmark
