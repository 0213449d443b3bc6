// What is one text and what is not: protobuf.dev, "Text Format Language Specification".
#include "lib/formats/textproto.h"

#include <gtest/gtest.h>

#include <array>

namespace hallmark::textproto {
namespace {

constexpr std::array<std::string_view, 3> kWords{"NONE", "ONE", "TWO"};
constexpr std::array kInnerFields{Field{"value", 1, Kind::uint32}};
constexpr MessageType kInner{"Inner", kInnerFields};
constexpr std::array kOuterFields{
    Field{"flag", 1, Kind::boolean},
    Field{"small", 2, Kind::uint32},
    Field{"large", 3, Kind::uint64},
    Field{"words", 4, Kind::text},
    Field{"digest", 5, Kind::bytes},
    Field{"digests", 6, Kind::bytes, true},
    Field{"inner", 7, Kind::message, false, &kInner},
    Field{"inners", 8, Kind::message, true, &kInner},
    Field{"word", 9, Kind::word, false, nullptr, kWords},
};
constexpr MessageType kOuter{"Outer", kOuterFields};

std::string read(std::string_view text) {
  const auto json = parse(text, kOuter);
  return json ? json->canonical() : "fails: " + json.error().what;
}

TEST(Textproto, ReadsEveryKind) {
  EXPECT_EQ(read(""), "{}");
  EXPECT_EQ(read("flag: true small: 7, large: 18446744073709551615; words: \"\\303\\266\""),
            R"({"flag":true,"large":"0xffffffffffffffff","small":7,"words":"ö"})");
  EXPECT_EQ(read("small: 0x10 large: 010"), R"({"large":"0x0000000000000008","small":16})");
  EXPECT_EQ(read(R"(digest: "\x01\002\n" 'a' "\"" )"), R"({"digest":"01020a6122"})");
  EXPECT_EQ(read("digest: ''"), R"({"digest":""})");
  EXPECT_EQ(read("# a note\ndigests: ['a', \"b\"] digests: 'c' # another"), R"({"digests":["61","62","63"]})");
  EXPECT_EQ(read("inner { value: 3 } inners: [{value: 1}, <value: 2>] inners {}"),
            R"({"inner":{"value":3},"inners":[{"value":1},{"value":2},{}]})");
  EXPECT_EQ(read("word: TWO"), R"({"word":"TWO"})");
}

TEST(Textproto, FailsWithLineAndColumn) {
  EXPECT_EQ(read("flag: true\n  smal: 7"),
            "fails: textproto: line 2, column 7: Message type \"Outer\" has no field named \"smal\".");
  EXPECT_TRUE(read("small: 7\nsmall: 7").starts_with("fails: textproto: line 2")) << read("small: 7\nsmall: 7");
  for (const char* text : {"small: -1",
                           "small: 4294967296",
                           "large: 18446744073709551616",
                           "small: 1.0",
                           "small: '1'",
                           "flag: 2",
                           "word: THREE",
                           "word: 3",
                           "digest: abc",
                           "digest: 'a",
                           "digest: '\\q'",
                           "words: '\\377'",
                           "inner { value: 1",
                           "inner: 3",
                           "digests: ['a'",
                           "small 7",
                           "2: 7",
                           "[google.protobuf.Any] {}",
                           "inner { [type.googleapis.com/Inner] { value: 1 } }",
                           "{}",
                           "flag: true }",
                           "small: 1\x01"})
    EXPECT_TRUE(read(text).starts_with("fails: textproto: ")) << text << ": " << read(text);
  EXPECT_FALSE(parse(std::string_view("small: 1\0", 9), kOuter));
}

TEST(Textproto, ValuesHaveTheirLines) {
  const auto json = parse("\nsmall: 1\ninner {\n  value: 2\n}\n", kOuter);
  ASSERT_TRUE(json) << json.error().message();
  EXPECT_EQ(json->find("small")->line(), 2u);
  EXPECT_EQ(json->find("inner")->line(), 3u);
  EXPECT_EQ(json->find("inner")->find("value")->line(), 4u);
}

TEST(Textproto, FirstName) {
  EXPECT_EQ(first_name("# header_policy\n\t policy { }"), "policy");
  EXPECT_EQ(first_name("# only a note"), "");
  EXPECT_EQ(first_name("{\"policy\": 1}"), "");
  EXPECT_EQ(first_name(""), "");
}

TEST(Textproto, LiteralIsReadBack) {
  Bytes all(256);
  for (std::size_t i = 0; i < all.size(); i++) all[i] = static_cast<std::uint8_t>(i);
  const auto json = parse("digest: " + literal(all), kOuter);
  ASSERT_TRUE(json) << json.error().message();
  EXPECT_EQ(json->find("digest")->string(), to_hex(all));
}

}  // namespace
}  // namespace hallmark::textproto
