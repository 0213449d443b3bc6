// PEM, the text form of keys: RFC 7468.
#pragma once

#include <string>

#include "lib/base/bytes.h"

namespace hallmark {

// More than any key has.
inline constexpr std::size_t kMaxPem = std::size_t{64} << 10;

// It may hold a private key: its bytes are wiped at the end of their life.
struct PemBlock {
  std::string label;
  Bytes der;
  PemBlock() = default;
  PemBlock(PemBlock&&) = default;
  PemBlock& operator=(PemBlock&&) = delete;
  ~PemBlock();
};

// Exactly one block, and nothing around it: OpenSSL alone would skip to the first block of a file and ignore the rest.
// `name` says in messages where the text came from.
Result<PemBlock> read_pem(ByteView text, const std::string& name);

}  // namespace hallmark
