// The cpio archives in which systemd-stub hands files to the initrd: "newc" (Documentation/driver-api/early-userspace/
// buffer-format.rst), written as src/boot/cpio.c of systemd does.
//
// Everything that could differ between two boots is fixed: owner, device and times are 0, every entry has one link,
// inodes are counted from 1, numbers are lower-case hexadecimal. The one exception is the size of the name in the
// trailer, whose text systemd holds ready with an upper-case B.
#pragma once

#include <string_view>

#include "lib/base/bytes.h"
#include "lib/base/result.h"

namespace hallmark {

class CpioWriter {
 public:
  // Permission bits alone; the path as it is written, without a NUL. Neither path nor contents may have 4 GiB.
  CpioWriter& folder(std::string_view path, std::uint32_t mode);
  CpioWriter& file(std::string_view path, std::uint32_t mode, ByteView contents);
  // The archive with its trailer; a multiple of 4 bytes.
  Bytes finish();

 private:
  void entry(std::string_view path, std::uint32_t mode, ByteView contents);
  void align();

  Bytes out_;
  std::uint32_t inode_ = 1;
};

}  // namespace hallmark
