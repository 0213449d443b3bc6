// Event logs of our own making, field by field as specs/formats/event-log.md has them.
#pragma once

#include <utility>
#include <vector>

#include "lib/base/bytes.h"
#include "lib/crypto/digest.h"
#include "lib/formats/event_log.h"
#include "lib/formats/tcg_event.h"

namespace hallmark {

class MadeLog {
 public:
  using Algorithms = std::vector<std::pair<std::uint16_t, std::uint16_t>>;
  static constexpr std::uint16_t kSha256 = 0xb, kSha384 = 0xc;
  // Where fields of the first record lie.
  static constexpr std::size_t kEventType = 4, kEventDataSize = 28, kSignature = 32, kCount = 56, kAlgorithms = 60;

  explicit MadeLog(const Algorithms& algorithms = {{kSha384, 48}}, std::uint32_t index = 1) {
    le(index).le(tcg::kNoAction).raw(Bytes(20));
    le(static_cast<std::uint32_t>(29 + 4 * algorithms.size()));
    raw(as_bytes("Spec ID Event03")).raw(Bytes(1));
    le(std::uint32_t{0}).raw(Bytes{0, 2, 0, 2}).le(static_cast<std::uint32_t>(algorithms.size()));
    for (const auto& [algorithm, size] : algorithms) le(algorithm).le(size);
    raw(Bytes(1));
  }

  // Appends to whatever is there.
  template <std::unsigned_integral T>
  MadeLog& le(T value) {
    Bytes encoded(sizeof(T));
    store_le(std::span(encoded), value);
    return raw(encoded);
  }
  MadeLog& raw(ByteView more) {
    bytes.insert(bytes.end(), more.begin(), more.end());
    return *this;
  }
  template <std::unsigned_integral T>
  MadeLog& put(std::size_t at, T value) {
    store_le(std::span(bytes).subspan(at, sizeof(T)), value);
    return *this;
  }

  MadeLog& event(std::uint32_t index, std::uint32_t type, const DigestOf<Alg::sha384>& digest, ByteView data) {
    return le(index).le(type).le(std::uint32_t{1}).le(kSha384).raw(digest).le(std::uint32_t(data.size())).raw(data);
  }
  // One whose digest is that of its data.
  MadeLog& event(std::uint32_t index, std::uint32_t type, ByteView data) {
    return event(index, type, digest<Alg::sha384>(data), data);
  }

  Bytes bytes;
};

}  // namespace hallmark
