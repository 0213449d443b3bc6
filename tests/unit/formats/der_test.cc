#include "lib/formats/der.h"

#include <gtest/gtest.h>

namespace hallmark::der {
namespace {

Bytes bytes(std::string_view hex) { return *from_hex(hex); }

// X.690, section 8.19.5's example and the shortest forms of its rules.
TEST(Der, ReadsObjectIdentifiers) {
  for (const auto& [hex, text] : {std::pair{"06032a0304", "1.2.3.4"},
                                  {"0603883703", "2.999.3"},
                                  {"06092a864886f84d010d01", "1.2.840.113741.1.13.1"},
                                  {"060100", "0.0"},
                                  {"060127", "0.39"},
                                  {"060150", "2.0"}}) {
    const Bytes b = bytes(hex);
    Reader r(b, "test");
    EXPECT_EQ(r.oid("oid"), text);
    EXPECT_TRUE(r.finish(0));
  }
  for (const char* hex : {"0600", "060180", "06022a80", "06032a8001", "060b2affffffffffffffffff7f", "0403616263"}) {
    const Bytes b = bytes(hex);
    Reader r(b, "test");
    r.oid("oid");
    EXPECT_FALSE(r.ok()) << hex;
  }
}

TEST(Der, ReadsNumbersInTheirOneEncoding) {
  for (const auto& [hex, value] : {std::pair<const char*, std::uint64_t>{"020100", 0},
                                   {"02017f", 127},
                                   {"02020080", 128},
                                   {"020200ff", 255},
                                   {"02020100", 256},
                                   {"020900ffffffffffffffff", UINT64_MAX}}) {
    const Bytes b = bytes(hex);
    Reader r(b, "test");
    EXPECT_EQ(r.number(UINT64_MAX, "n"), value) << hex;
    EXPECT_TRUE(r.finish(0)) << hex;
  }
  for (const char* hex :
       {"0200", "0201ff", "02020001", "020a00ffffffffffffffffff", "0209ffffffffffffffffff", "0a0101"}) {
    const Bytes b = bytes(hex);
    Reader r(b, "test");
    r.number(UINT64_MAX, "n");
    EXPECT_FALSE(r.ok()) << hex;
  }
  const Bytes large = bytes("02020100");
  Reader r(large, "test");
  r.number(255, "n");
  EXPECT_FALSE(r.ok());
}

TEST(Der, RefusesLengthsThatAreNotDefiniteAndShortest) {
  for (const char* hex :
       {"04", "0480", "048101", "04817f", "0482007f", "04820080", "0485000000000100", "0402aa", "1f8101", "84ff"}) {
    const Bytes b = bytes(hex);
    Reader r(b, "test");
    r.next("value");
    EXPECT_FALSE(r.ok()) << hex;
  }
  Bytes long_form = bytes("048180");
  long_form.resize(3 + 128, 7);
  Reader r(long_form, "test");
  EXPECT_EQ(r.take(kOctetString, "value").size(), 128u);
  EXPECT_TRUE(r.finish(0));
}

TEST(Der, KeepsTheFirstFailureAndSaysWhere) {
  const Bytes b = bytes("010100010102020101");
  Reader r(b, "thing");
  EXPECT_FALSE(r.boolean("first"));
  r.boolean("second");
  r.boolean("third");
  const auto end = r.finish(0);
  ASSERT_FALSE(end);
  EXPECT_EQ(end.error().message(), "thing: second at 0x6: is neither 00 nor ff");
}

TEST(Der, LeavesNothingOver) {
  const Bytes b = bytes("0101ff00");
  Reader r(b, "thing");
  EXPECT_TRUE(r.boolean("flag"));
  EXPECT_FALSE(r.finish(0));
}

}  // namespace
}  // namespace hallmark::der
