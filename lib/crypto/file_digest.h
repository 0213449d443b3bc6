// The SHA-256 of a file, whatever its size.
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

}  // namespace hallmark
