// Keccak-256: the function that its authors submitted to the competition for SHA-3, with a rate of 136 bytes and a
// digest of 32. FIPS 202 later put two bits before the padding, whose first byte is 0x01 here and 0x06 in SHA3-256: the
// digests of the same bytes are different. Ethereum chose the function before that standard, and what was made for
// Ethereum goes on with it.
//
// The Keccak reference, version 3.0 (keccak.team), 1.1.2 and 1.2: Keccak[c = 512], multi-rate padding.
#pragma once

#include <array>

#include "lib/base/bytes.h"

namespace hallmark {

using Keccak256Digest = std::array<std::uint8_t, 32>;

Keccak256Digest keccak256(ByteView bytes);

}  // namespace hallmark
