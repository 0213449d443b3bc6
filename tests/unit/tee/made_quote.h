// Quotes of our own making, with bodies whose bytes tell where they stood.
#pragma once

#include "lib/base/bytes.h"

namespace hallmark::dcap {

struct MadeQuote {
  std::uint16_t version = 4;
  std::uint32_t tee_type = 0x81;
  // Of version 5; as many bytes as `body` has if `stated_size` is 0.
  std::uint16_t body_type = 2;
  std::uint32_t stated_size = 0;
  Bytes body = pattern(584);
  Bytes signature = Bytes(100, 0x5a);

  static Bytes pattern(std::size_t size) {
    Bytes out(size);
    for (std::size_t i = 0; i < size; i++) out[i] = static_cast<std::uint8_t>(i * 7 + (i >> 8));
    return out;
  }

  Bytes bytes() const {
    Bytes out;
    const auto le = [&](auto value) {
      out.resize(out.size() + sizeof(value));
      store_le(std::span(out).last(sizeof(value)), value);
    };
    const auto raw = [&](ByteView more) { out.insert(out.end(), more.begin(), more.end()); };
    le(version);
    le(std::uint16_t{2});  // ECDSA with P-256
    le(tee_type);
    raw(Bytes(4));
    raw(*from_hex("939a7233f79c4ca9940a0db3957f0607"));
    raw(Bytes(20, 0xdd));
    if (version == 5) {
      le(body_type);
      le(stated_size != 0 ? stated_size : static_cast<std::uint32_t>(body.size()));
    }
    raw(body);
    le(static_cast<std::uint32_t>(signature.size()));
    raw(signature);
    return out;
  }
};

}  // namespace hallmark::dcap
