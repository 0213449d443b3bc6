// Globally unique identifiers in the byte order of UEFI (UEFI specification 2.10, appendix A): of the text
// "01234567-89ab-cdef-0123-456789abcdef" the first three fields are stored little-endian, the rest as it stands.
#pragma once

#include <array>
#include <string>
#include <string_view>

#include "lib/base/bytes.h"

namespace hallmark {

using Guid = std::array<std::uint8_t, 16>;

// The text of a GUID that the program knows; anything else does not compile.
consteval Guid guid(std::string_view text) {
  constexpr std::array<std::size_t, 16> kAt{6, 4, 2, 0, 11, 9, 16, 14, 19, 21, 24, 26, 28, 30, 32, 34};
  const auto digit = [](char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    throw "no digit of a GUID";
  };
  if (text.size() != 36 || text[8] != '-' || text[13] != '-' || text[18] != '-' || text[23] != '-')
    throw "no text of a GUID";
  Guid out{};
  for (std::size_t i = 0; i < out.size(); i++)
    out[i] = static_cast<std::uint8_t>(digit(text[kAt[i]]) << 4 | digit(text[kAt[i] + 1]));
  return out;
}

// The GUID that 16 bytes are; the caller has as many.
inline Guid guid_at(ByteView bytes) {
  Guid out;
  std::copy_n(bytes.begin(), out.size(), out.begin());
  return out;
}

// Lower-case text.
std::string to_text(const Guid&);

}  // namespace hallmark
