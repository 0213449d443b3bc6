#include "lib/base/bytes.h"

#include <gtest/gtest.h>

namespace hallmark {
namespace {

TEST(Hex, RoundTripsAndRefuses) {
  const Bytes bytes{0x00, 0x0f, 0xa5, 0xff};
  EXPECT_EQ(to_hex(bytes), "000fa5ff");
  EXPECT_EQ(*from_hex("000FA5ff"), bytes);
  EXPECT_FALSE(from_hex("0"));
  EXPECT_FALSE(from_hex("0g"));
  EXPECT_FALSE(from_hex("0x00"));
}

// RFC 4648 section 10.
TEST(Base64, Rfc4648Vectors) {
  for (auto [plain, coded] : {std::pair{"", ""},
                              {"f", "Zg=="},
                              {"fo", "Zm8="},
                              {"foo", "Zm9v"},
                              {"foob", "Zm9vYg=="},
                              {"fooba", "Zm9vYmE="},
                              {"foobar", "Zm9vYmFy"}}) {
    EXPECT_EQ(to_base64(as_bytes(plain)), coded);
    auto back = from_base64(coded);
    ASSERT_TRUE(back) << coded;
    EXPECT_EQ(as_text(*back), plain);
  }
}

TEST(Base64, ReadsTheUrlSafeAlphabetWithoutPadding) {
  EXPECT_EQ(*from_base64("-_8"), (Bytes{0xfb, 0xff}));
  EXPECT_EQ(*from_base64("+/8="), (Bytes{0xfb, 0xff}));
}

TEST(Base64, RefusesWhatNoEncoderWrites) {
  for (const char* bad : {"Z", "Zg=", "Zh==", "Zm9=", "====", "Zg==Zg==", "Zm 9", "Zm9v\n", "Zg==="})
    EXPECT_FALSE(from_base64(bad)) << bad;
}

TEST(Arithmetic, SeesOverflow) {
  EXPECT_EQ(align_up(1, 4096), 4096u);
  EXPECT_EQ(align_up(4096, 4096), 4096u);
  EXPECT_EQ(align_up(UINT64_MAX, 4096), std::nullopt);
  EXPECT_EQ(checked_add(UINT64_MAX, 1), std::nullopt);
  EXPECT_EQ(checked_mul(std::uint64_t{1} << 32, std::uint64_t{1} << 32), std::nullopt);
  EXPECT_EQ(checked_mul(0, UINT64_MAX), 0u);
}

TEST(ByteReader, KeepsTheFirstFailureWithFieldAndOffset) {
  const Bytes bytes{'A', 'B', 1, 0, 9};
  ByteReader r(bytes, "thing");
  r.literal("AB", "magic");
  EXPECT_EQ(r.at(2).le<std::uint16_t>("version"), 1);
  EXPECT_EQ(r.be<std::uint32_t>("length"), 0u);
  EXPECT_EQ(r.le<std::uint8_t>("after"), 0u);
  EXPECT_EQ(r.finish(0).error().message(), "thing: length at 0x4: needs 4 bytes, 1 left");
}

TEST(ByteReader, BoundsWhatTheFileStates) {
  const Bytes bytes{33, 0};
  ByteReader r(bytes, "thing");
  EXPECT_EQ(r.le_at_most<std::uint16_t>(32, "count"), 0);
  EXPECT_EQ(r.finish(0).error().message(), "thing: count at 0x0: is 33, at most 32 allowed");
}

TEST(ByteReader, RefusesAWrongLayoutAndTrailingBytes) {
  const Bytes bytes{1, 2, 3};
  ByteReader wrong(bytes, "thing");
  wrong.at(1);
  EXPECT_FALSE(wrong.ok());
  ByteReader rest(bytes, "thing");
  rest.skip(1, "one");
  EXPECT_EQ(rest.finish_exactly(0).error().message(), "thing: end at 0x1: 2 trailing bytes");
}

}  // namespace
}  // namespace hallmark
