#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>

#include "lib/formats/tar.h"

using namespace hallmark;

// Whatever the strict reader accepts, the writer writes again, byte for byte.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Fd fd(memfd_create("tar", MFD_CLOEXEC));
  if (!write_all(fd.get(), {data, size}) || lseek(fd.get(), 0, SEEK_SET) != 0) std::abort();
  Bytes again;
  TarWriter writer([&](ByteView piece) -> Status {
    again.insert(again.end(), piece.begin(), piece.end());
    return {};
  });
  const auto read = read_tar(fd.get(), "fuzz",
                             {.on_entry = [&](const TarEntry& entry) { return writer.add(entry); },
                              .on_data = [&](ByteView piece) { return writer.data(piece); }});
  if (!read) return 0;
  if (!writer.finish() || !std::equal(again.begin(), again.end(), data, data + size)) std::abort();
  return 0;
}
