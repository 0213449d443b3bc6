// Whether a program knows a UEFI protocol: its GUID stands in the code, or nobody could ask for the protocol.
//
// A compiler puts a GUID (UEFI specification, appendix A: 16 bytes, the first three fields little-endian) among the
// constants, or moves its two halves to the stack as immediate operands of 8 bytes.
#pragma once

#include <array>

#include "lib/base/bytes.h"

namespace hallmark {

using GuidBytes = std::array<std::uint8_t, 16>;

// 96751a3d-72f4-41a6-a794-ed5d0e67ae6b: UEFI specification 2.10, section 38.2.
inline constexpr GuidBytes kCcMeasurementProtocol{0x3d, 0x1a, 0x75, 0x96, 0xf4, 0x72, 0xa6, 0x41,
                                                  0xa7, 0x94, 0xed, 0x5d, 0x0e, 0x67, 0xae, 0x6b};
// 607f766c-7455-42be-930b-e4d76db2720f: TCG EFI Protocol Specification, section 6.
inline constexpr GuidBytes kTcg2Protocol{0x6c, 0x76, 0x7f, 0x60, 0x55, 0x74, 0xbe, 0x42,
                                         0x93, 0x0b, 0xe4, 0xd7, 0x6d, 0xb2, 0x72, 0x0f};

inline bool knows_guid(ByteView code, const GuidBytes& guid) {
  const auto has = [&](ByteView part) {
    return std::search(code.begin(), code.end(), part.begin(), part.end()) != code.end();
  };
  return has(ByteView(guid).first(8)) && has(ByteView(guid).last(8));
}

}  // namespace hallmark
