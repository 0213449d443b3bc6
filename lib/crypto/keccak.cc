#include "lib/crypto/keccak.h"

#include <cryptopp/keccak.h>

namespace hallmark {

Keccak256Digest keccak256(ByteView bytes) {
  Keccak256Digest out{};
  static_assert(CryptoPP::Keccak_256::DIGESTSIZE == std::tuple_size_v<Keccak256Digest>);
  CryptoPP::Keccak_256 hash;
  hash.Update(bytes.data(), bytes.size());
  hash.Final(out.data());
  return out;
}

}  // namespace hallmark
