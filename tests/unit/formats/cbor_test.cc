// Oracle: RFC 8949, appendix A (what encodings mean) and appendix F.1 (what is not well-formed).
#include "lib/formats/cbor.h"

#include <gtest/gtest.h>

namespace hallmark::cbor {
namespace {

// In the diagnostic notation of section 8.
std::string notation(const Value& v) {
  std::string out;
  const auto list = [&](std::size_t n) {
    for (std::size_t i = 0; i < v.items.size(); i++) {
      if (i > 0) out += i % n == 0 ? ", " : ": ";
      out += notation(v.items[i]);
    }
  };
  switch (v.kind) {
    case Kind::uint: return std::to_string(v.number);
    case Kind::nint: return v.number == UINT64_MAX ? "-18446744073709551616" : "-" + std::to_string(v.number + 1);
    case Kind::bytes: return "h'" + to_hex(v.content) + "'";
    case Kind::text: return "\"" + std::string(as_text(v.content)) + "\"";
    case Kind::array:
      out = "[";
      list(1);
      return out + "]";
    case Kind::map:
      out = "{";
      list(2);
      return out + "}";
    case Kind::tag: return std::to_string(v.number) + "(" + notation(v.items.at(0)) + ")";
    case Kind::boolean: return v.number != 0 ? "true" : "false";
    case Kind::null: return "null";
    case Kind::undefined: return "undefined";
  }
  return {};
}

std::string read(const std::string& hex) {
  const Bytes bytes = *from_hex(hex);
  const auto value = parse(bytes, "item");
  return value ? notation(*value) : value.error().message();
}

Error refused(ByteView bytes) {
  const auto value = parse(bytes, "thing");
  EXPECT_FALSE(value) << to_hex(bytes);
  return value ? Error{} : value.error();
}
Error refused(const std::string& hex) { return refused(*from_hex(hex)); }

TEST(Cbor, ReadsTheExamplesOfTheRfc) {
  const std::pair<const char*, const char*> examples[] = {
      {"00", "0"},
      {"01", "1"},
      {"0a", "10"},
      {"17", "23"},
      {"1818", "24"},
      {"1819", "25"},
      {"1864", "100"},
      {"1903e8", "1000"},
      {"1a000f4240", "1000000"},
      {"1b000000e8d4a51000", "1000000000000"},
      {"1bffffffffffffffff", "18446744073709551615"},
      {"c249010000000000000000", "2(h'010000000000000000')"},
      {"3bffffffffffffffff", "-18446744073709551616"},
      {"20", "-1"},
      {"29", "-10"},
      {"3863", "-100"},
      {"3903e7", "-1000"},
      {"f4", "false"},
      {"f5", "true"},
      {"f6", "null"},
      {"f7", "undefined"},
      {"c074323031332d30332d32315432303a30343a30305a", "0(\"2013-03-21T20:04:00Z\")"},
      {"c11a514b67b0", "1(1363896240)"},
      {"d818456449455446", "24(h'6449455446')"},
      {"40", "h''"},
      {"4401020304", "h'01020304'"},
      {"60", "\"\""},
      {"6449455446", "\"IETF\""},
      {"62225c", "\"\"\\\""},
      {"62c3bc", "\"\xc3\xbc\""},
      {"63e6b0b4", "\"\xe6\xb0\xb4\""},
      {"64f0908591", "\"\xf0\x90\x85\x91\""},
      {"80", "[]"},
      {"83010203", "[1, 2, 3]"},
      {"8301820203820405", "[1, [2, 3], [4, 5]]"},
      {"98190102030405060708090a0b0c0d0e0f101112131415161718181819",
       "[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25]"},
      {"a0", "{}"},
      {"a201020304", "{1: 2, 3: 4}"},
      {"a26161016162820203", "{\"a\": 1, \"b\": [2, 3]}"},
      {"826161a161626163", "[\"a\", {\"b\": \"c\"}]"},
      {"9fff", "[]"},
      {"9f018202039f0405ffff", "[1, [2, 3], [4, 5]]"},
      {"9f01820203820405ff", "[1, [2, 3], [4, 5]]"},
      {"83018202039f0405ff", "[1, [2, 3], [4, 5]]"},
      {"83019f0203ff820405", "[1, [2, 3], [4, 5]]"},
      {"bf61610161629f0203ffff", "{\"a\": 1, \"b\": [2, 3]}"},
      {"826161bf61626163ff", "[\"a\", {\"b\": \"c\"}]"},
      {"bf6346756ef563416d7421ff", "{\"Fun\": true, \"Amt\": -2}"},
  };
  for (const auto& [hex, meaning] : examples) EXPECT_EQ(read(hex), meaning) << hex;
}

TEST(Cbor, RefusesAsUnsupportedWhatDocumentsHaveNoUseFor) {
  const std::pair<const char*, const char*> examples[] = {
      {"f90000", "floating-point"},
      {"fa47c35000", "floating-point"},
      {"fb3ff199999999999a", "floating-point"},
      {"f97e00", "floating-point"},
      {"c1fb41d452d9ec200000", "floating-point"},
      {"f0", "simple value 16"},
      {"f8ff", "simple value 255"},
      {"5f42010243030405ff", "chunks"},
      {"7f657374726561646d696e67ff", "chunks"},
      {"a1f601", "key 0 at 0x1: is null"},
      {"a18001", "key 0 at 0x1: is an array"},
      {"a1c10001", "key 0 at 0x1: is a tag"},
  };
  for (const auto& [hex, why] : examples) {
    const Error error = refused(hex);
    EXPECT_EQ(error.fault, Fault::unsupported) << hex;
    EXPECT_EQ(error.code, "unsupported") << hex;
    EXPECT_NE(error.what.find(why), std::string::npos) << error.what;
  }
}

TEST(Cbor, RefusesWhatEndsTooEarly) {
  for (const char* hex : {"",
                          "18",
                          "19",
                          "1a",
                          "1b",
                          "1901",
                          "1a0102",
                          "1b01020304050607",
                          "38",
                          "58",
                          "78",
                          "98",
                          "9a01ff00",
                          "b8",
                          "d8",
                          "f8",
                          "f900",
                          "fa0000",
                          "fb000000",
                          "41",
                          "61",
                          "5affffffff00",
                          "5bffffffffffffffff010203",
                          "7affffffff00",
                          "7b7fffffffffffffff010203",
                          "81",
                          "818181818181818181",
                          "8200",
                          "a1",
                          "a20102",
                          "a100",
                          "a2000000",
                          "c0",
                          "9f",
                          "9f0102",
                          "bf",
                          "bf01020304",
                          "819f",
                          "9f8000",
                          "9f9f9f9f9fffffffff",
                          "9f819f819f9fffffff"})
    EXPECT_EQ(refused(hex).code, "truncated") << hex << ": " << refused(hex).what;
}

TEST(Cbor, RefusesWhatIsNotWellFormed) {
  for (const char* hex :
       {"1c",     "1d",         "1e",   "3c",     "3d",     "3e",     "5c",     "5d",         "5e",
        "7c",     "7d",         "7e",   "9c",     "9d",     "9e",     "bc",     "bd",         "be",
        "dc",     "dd",         "de",   "fc",     "fd",     "fe",     "f800",   "f801",       "f818",
        "f81f",   "ff",         "81ff", "8200ff", "a1ff00", "a100ff", "9f81ff", "a20000ff00", "9f829f819f9fffffffff",
        "bf00ff", "bf000101ff", "1f",   "3f",     "df",     "c0ff"}) {
    const Error error = refused(hex);
    EXPECT_EQ(error.fault, Fault::format) << hex;
    EXPECT_EQ(error.code, "") << hex << ": " << error.what;
  }
  // Chunks are not looked into.
  for (const char* hex : {"5f00ff", "5f21ff", "5f6100ff", "5f80ff", "5fa0ff", "5fc000ff", "5fe0ff", "7f4100ff",
                          "5f5f4100ffff", "7f7f6100ffff", "5f4100", "7f6100"})
    EXPECT_EQ(refused(hex).code, "unsupported") << hex;
}

TEST(Cbor, RefusesTextThatIsNotUtf8) {
  for (const char* hex : {"61ff", "62c328", "63eda080", "62c080", "64f4908080"})
    EXPECT_NE(refused(hex).what.find("is text that is not UTF-8"), std::string::npos) << hex;
}

TEST(Cbor, RefusesWhatFollows) {
  const Error error = refused("8000");
  EXPECT_EQ(error.code, "trailing");
  EXPECT_EQ(error.what, "thing: end at 0x1: 1 trailing bytes");
  const Bytes bytes{0x82, 1, 2, 0xff, 0xff};
  const auto first = parse_first(bytes, "thing");
  ASSERT_TRUE(first) << first.error().message();
  EXPECT_EQ(first->size, 3u);
}

TEST(Cbor, AKeyStandsOnceHoweverItIsEncoded) {
  for (const char* hex : {"a201000100", "a20100180100", "a2010019000100", "a22000380000", "a2616100616100",
                          "a261610078016100", "a241010058010100", "bf01000100ff", "bf01020102"}) {
    EXPECT_EQ(refused(hex).code, "duplicate_key") << hex << ": " << refused(hex).what;
  }
  EXPECT_EQ(read("a201002100"), "{1: 0, -2: 0}");
  EXPECT_EQ(read("a2616100416100"), "{\"a\": 0, h'61': 0}");
  EXPECT_EQ(read("a201a101020200"), "{1: {1: 2}, 2: 0}");
}

TEST(Cbor, DepthIsBounded) {
  Bytes arrays(kMaxDepth - 1, 0x81), tags(kMaxDepth - 1, 0xc1);
  arrays.push_back(0);
  tags.push_back(0);
  EXPECT_TRUE(parse(arrays, "thing"));
  EXPECT_TRUE(parse(tags, "thing"));
  for (Bytes* deep : {&arrays, &tags}) {
    deep->insert(deep->begin(), deep->front());
    EXPECT_NE(refused(*deep).what.find("is nested deeper than 16"), std::string::npos);
  }
  // As deep as input gets.
  for (const std::uint8_t head : Bytes{0x81, 0x9f, 0xa1, 0xbf, 0xc1})
    EXPECT_EQ(refused(Bytes(1 << 20, head)).code, "unsupported") << int{head};
}

TEST(Cbor, ItemsAreBounded) {
  const auto array_of = [](std::size_t n) {
    Bytes out;
    append_head(out, Major::array, n);
    out.resize(out.size() + n);
    return out;
  };
  EXPECT_TRUE(parse(array_of(kMaxItems - 1), "thing"));
  EXPECT_EQ(refused(array_of(kMaxItems)).code, "unsupported");
}

TEST(Cbor, ErrorsNamePlaceAndOffset) {
  EXPECT_EQ(refused("a1656365727473820041").what, "thing: certs[1] at 0xa: needs 1 bytes, 0 left");
  EXPECT_EQ(refused("a165636572747382001c").what, "thing: certs[1] at 0x9: has the reserved additional information 28");
  EXPECT_EQ(refused("a107a13863f90000").what, "thing: 7.-100 at 0x5: is a floating-point number");
  EXPECT_EQ(refused("8200f0").what, "thing: item 1 at 0x2: is the simple value 16");
  EXPECT_EQ(refused("a107a200000000").what, "thing: key 1 of 7 at 0x5: stands in the map before");
  // A key that a terminal or a reader could be misled by is not repeated.
  EXPECT_EQ(refused("a1621b5bf0").what, "thing: value of the key at 0x1 at 0x4: is the simple value 16");
  const Bytes bytes{0x81, 0x1c};
  EXPECT_EQ(parse(bytes, "thing", 0x100).error().what,
            "thing: item 0 at 0x101: has the reserved additional information 28");
}

TEST(Cbor, EveryItemKnowsItsBytes) {
  const Bytes bytes = *from_hex("a2616118ff61629f4401020304ff");
  const auto value = parse(bytes, "thing", 0x40);
  ASSERT_TRUE(value) << value.error().message();
  const auto where = [](const Value& v) { return std::pair(v.offset - 0x40, v.size); };
  using Where = std::pair<std::uint64_t, std::uint64_t>;
  EXPECT_EQ(where(*value), Where(0, 14));
  EXPECT_EQ(where(value->items.at(1)), Where(3, 2));
  EXPECT_EQ(where(value->items.at(3)), Where(7, 7));
  EXPECT_EQ(where(value->items.at(3).items.at(0)), Where(8, 5));
  EXPECT_EQ(value->items.at(3).items.at(0).content.data(), bytes.data() + 9);
}

TEST(Cbor, IntegersThatFitAreTold) {
  const auto integer = [](const char* hex) { return parse(*from_hex(hex), "thing")->integer(); };
  EXPECT_EQ(integer("3822"), -35);
  EXPECT_EQ(integer("390022"), -35);
  EXPECT_EQ(integer("1b7fffffffffffffff"), INT64_MAX);
  EXPECT_EQ(integer("3b7fffffffffffffff"), INT64_MIN);
  EXPECT_FALSE(integer("1b8000000000000000"));
  EXPECT_FALSE(integer("3b8000000000000000"));
  EXPECT_FALSE(integer("4101"));
}

// Oracle: the same appendix A, whose integers have the shortest heads.
TEST(Cbor, HeadsAreWrittenInTheirShortestForm) {
  const std::pair<std::uint64_t, const char*> examples[] = {
      {0, "00"},
      {23, "17"},
      {24, "1818"},
      {100, "1864"},
      {1000, "1903e8"},
      {1000000, "1a000f4240"},
      {UINT64_MAX, "1bffffffffffffffff"},
      {1000000000000, "1b000000e8d4a51000"},
      {255, "18ff"},
      {256, "190100"},
      {65535, "19ffff"},
      {65536, "1a00010000"},
      {UINT32_MAX, "1affffffff"},
      {std::uint64_t{1} << 32, "1b0000000100000000"},
  };
  for (const auto& [number, hex] : examples) {
    Bytes out;
    append_head(out, Major::uint, number);
    EXPECT_EQ(to_hex(out), hex);
  }
  Bytes out;
  append_head(out, Major::array, 4);
  append_string(out, Major::text, as_bytes("IETF"));
  append_string(out, Major::bytes, Bytes(300));
  EXPECT_EQ(to_hex(ByteView(out).first(9)), "84644945544659012c");
}

}  // namespace
}  // namespace hallmark::cbor
