#include "lib/crypto/file_digest.h"

#include "lib/base/interrupt.h"

namespace hallmark {
namespace {

constexpr std::size_t kPiece = std::size_t{1} << 20;

}  // namespace

Result<FileDigest> digest_file(const fs::path& path) {
  TRY(const InputFile file, InputFile::open(path));
  Hasher<Alg::sha256> hash;
  CHECK(add_range(hash, file, 0, file.size()));
  return FileDigest{hash.finish(), file.size()};
}

template <Alg A>
Status add_range(Hasher<A>& hash, const InputFile& file, std::uint64_t offset, std::uint64_t size) {
  Bytes piece(static_cast<std::size_t>(std::min<std::uint64_t>(size, kPiece)));
  while (size != 0) {
    CHECK(not_interrupted());
    const auto n = static_cast<std::size_t>(std::min<std::uint64_t>(size, piece.size()));
    CHECK(file.read_at(offset, std::span(piece).first(n)));
    hash.add(ByteView(piece).first(n));
    offset += n;
    size -= n;
  }
  return {};
}

template Status add_range(Hasher<Alg::sha256>&, const InputFile&, std::uint64_t, std::uint64_t);
template Status add_range(Hasher<Alg::sha384>&, const InputFile&, std::uint64_t, std::uint64_t);

}  // namespace hallmark
