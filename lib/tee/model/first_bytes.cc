#include "lib/tee/model/first_bytes.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

namespace hallmark {

Result<Bytes> first_bytes(const fs::path& path) {
  // O_NONBLOCK: opening a FIFO must not wait for a writer.
  TRY(const Fd file, open_file(path, O_RDONLY | O_NONBLOCK));
  struct stat st {};
  if (fstat(file.get(), &st) != 0) return fail_errno("cannot be examined", errno);
  if (!S_ISREG(st.st_mode)) return fail(Fault::environment, "is not a regular file");
  Bytes out(4096);
  const ssize_t n = pread(file.get(), out.data(), out.size(), 0);
  if (n < 0) return fail_errno("cannot be read", errno);
  out.resize(static_cast<std::size_t>(n));
  return out;
}

}  // namespace hallmark
