// The digests of files, whatever their size.
#pragma once

#include "lib/base/files.h"
#include "lib/crypto/digest.h"

namespace hallmark {

struct FileDigest {
  DigestOf<Alg::sha256> sha256{};
  std::uint64_t size = 0;
};

// Reads a regular file in pieces. Devices, FIFOs and folders are refused, as read_file() does.
Result<FileDigest> digest_file(const fs::path& path);

// Adds `size` bytes of the file from the offset on, in pieces; a file that ends before that is a format fault.
template <Alg A>
Status add_range(Hasher<A>& hash, const InputFile& file, std::uint64_t offset, std::uint64_t size);

}  // namespace hallmark
