#include "lib/crypto/file_digest.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "lib/base/interrupt.h"

namespace hallmark {

Result<FileDigest> digest_file(const fs::path& path) {
  TRY(const Fd fd, open_file(path, O_RDONLY | O_NONBLOCK));
  struct stat st {};
  if (fstat(fd.get(), &st) != 0) return fail_errno(path.string() + ": cannot be examined", errno);
  if (!S_ISREG(st.st_mode)) return fail(Fault::environment, path.string() + ": is not a regular file");
  FileDigest out;
  Hasher<Alg::sha256> hash;
  Bytes piece(std::size_t{1} << 20);
  for (;;) {
    CHECK(not_interrupted());
    const ssize_t n = read(fd.get(), piece.data(), piece.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail_errno(path.string() + ": cannot be read", errno);
    if (n == 0) break;
    hash.add(ByteView(piece).first(static_cast<std::size_t>(n)));
    out.size += static_cast<std::uint64_t>(n);
  }
  out.sha256 = hash.finish();
  return out;
}

}  // namespace hallmark
