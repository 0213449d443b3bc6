#include "lib/crypto/keccak.h"

#include <gtest/gtest.h>

namespace hallmark {
namespace {

std::string keccak(std::string_view text) { return to_hex(keccak256(as_bytes(text))); }

// The known answers of the function as it was submitted; SHA3-256 of nothing is a7ffc6f8….
TEST(Keccak256, IsNotSha3) {
  EXPECT_EQ(keccak(""), "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470");
  EXPECT_EQ(keccak("abc"), "4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45");
}

// Around one block, of 136 bytes, where the padding is one byte, a block of its own, or most of the second. Oracle:
// python3-pycryptodome, keccak.new(digest_bits=256, data=bytes(i % 251 for i in range(size))).
TEST(Keccak256, PadsToTheBlock) {
  for (const auto& [size, want] : {
           std::pair{135u, "cbdfd9dee5faad3818d6b06f95a219fd290b0e1706f6a82e5a595b9ce9faca62"},
           {136u, "7ce759f1ab7f9ce437719970c26b0a66ff11fe3e38e17df89cf5d29c7d7f807e"},
           {137u, "ac73d4fae68b8453f764007c1a20ce95994187861f0c3227a3a8e99a73a3b1db"},
           {272u, "8e2476e65823b24d96ebe239f2c1534cdf763e689e2410c3b1cb0c74e6177bfc"},
           {1'000'000u, "2cc947428a556b8e8d857d7c0b28314752606e9ad988ffa524eee08132f28027"},
       }) {
    Bytes bytes(size);
    for (std::size_t i = 0; i < bytes.size(); i++) bytes[i] = static_cast<std::uint8_t>(i % 251);
    EXPECT_EQ(to_hex(keccak256(bytes)), want) << size;
  }
}

}  // namespace
}  // namespace hallmark
