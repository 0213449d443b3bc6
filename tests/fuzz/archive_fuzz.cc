#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>

#include "lib/base/files.h"
#include "lib/formats/archive.h"
#include "lib/formats/deb.h"

using namespace hallmark;

namespace {

// Holds a reader to its limits and to what it promises of entries.
struct Watch {
  ArchiveLimits limits{.entries = 1000, .bytes = 1 << 20, .path = 256};
  std::uint64_t entries = 0, bytes = 0, left = 0;
  bool counted = false, file = false;

  ArchiveVisitor visitor{.on_entry = [this](const ArchiveEntry& entry) -> Status {
                           if (counted && left != 0) std::abort();
                           if (++entries > limits.entries || entry.path.empty() || entry.path.size() > limits.path)
                             std::abort();
                           file = entry.type == ArchiveEntry::Type::file;
                           counted = file && entry.size.has_value();
                           left = entry.size.value_or(0);
                           return {};
                         },
                         .on_data = [this](ByteView piece) -> Status {
                           bytes += piece.size();
                           if (!file || bytes > limits.bytes || (counted && piece.size() > left)) std::abort();
                           if (counted) left -= piece.size();
                           return {};
                         }};
};

}  // namespace

// An archive, a package and a compressed stream: hostile ones end in an error and within the limits.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Fd fd(memfd_create("archive", MFD_CLOEXEC));
  if (!write_all(fd.get(), {data, size})) std::abort();
  for (const bool deb : {false, true}) {
    if (lseek(fd.get(), 0, SEEK_SET) != 0) std::abort();
    Watch watch;
    static_cast<void>(deb ? read_deb(fd.get(), "fuzz", watch.visitor, watch.limits)
                          : read_archive(fd.get(), "fuzz", watch.visitor, watch.limits));
  }
  if (const auto plain = decompress({data, size}, 1 << 20); plain && plain->size() > 1 << 20) std::abort();
  return 0;
}
