#include "lib/base/json.h"

#include <gtest/gtest.h>

namespace hallmark {
namespace {

std::string why(std::string_view text, JsonLimits limits = {}) {
  auto value = parse_json(text, limits);
  return value ? "accepted: " + value->canonical() : value.error().message();
}

TEST(Json, RefusesWhatHasTwoMeanings) {
  EXPECT_EQ(why(R"({"a":1,"b":{"a":2}})"), R"(accepted: {"a":1,"b":{"a":2}})");
  EXPECT_EQ(why(R"({"a":1,"a":2})"), "JSON: repeated key \"a\"");
  EXPECT_EQ(why(R"({"a":1,"\u0061":2})"), "JSON: repeated key \"a\"");
  EXPECT_EQ(why("1.0"), "JSON: the number 1.0 is not an integer");
  EXPECT_EQ(why("1e3"), "JSON: the number 1e3 is not an integer");
  EXPECT_EQ(why("9007199254740993"), "JSON: the integer 9007199254740993 is beyond 2^53");
  EXPECT_EQ(why("18446744073709551616"), "JSON: the number 18446744073709551616 is not an integer");
  EXPECT_EQ(why("\xEF\xBB\xBF{}"), "JSON: begins with a byte order mark");
  for (const char* bad : {"", "{}x", "{} {}", "[1,]", "{\"a\":1,}", "NaN", "'a'", "\"\xff\"", "\"\\ud800\"", "// c\n1"})
    EXPECT_FALSE(parse_json(bad)) << bad;
}

TEST(Json, IsBounded) {
  EXPECT_EQ(why(std::string(33, '[') + std::string(33, ']')), "JSON: nested deeper than 32 levels");
  EXPECT_FALSE(parse_json(std::string(1000000, '['), {.bytes = std::size_t{16} << 20, .depth = 32}));
  EXPECT_EQ(why("[1,2,3]", {.bytes = 3, .depth = 32}), "JSON text has 7 bytes, at most 3 allowed");
}

// RFC 8785 section 3.2.3: the keys of its sorting example.
TEST(Json, SortsByUtf16CodeUnits) {
  const Json j = Json::object({{"\u20ac", "Euro Sign"},
                               {"\r", "Carriage Return"},
                               {"\ufb33", "Hebrew"},
                               {"1", "One"},
                               {"\U0001f600", "Emoji"},
                               {"\u0080", "Control"},
                               {"\u00f6", "o"}});
  EXPECT_EQ(j.canonical(),
            "{\"\\r\":\"Carriage Return\",\"1\":\"One\",\"\u0080\":\"Control\",\"\u00f6\":\"o\","
            "\"\u20ac\":\"Euro Sign\",\"\U0001f600\":\"Emoji\",\"\ufb33\":\"Hebrew\"}");
}

// RFC 8785 section 3.2.2.2.
TEST(Json, EscapesAsRfc8785Does) {
  EXPECT_EQ(Json("\u20ac$\x0f\nA'B\"\\\\\"/\x7f").canonical(), "\"\u20ac$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\x7f\"");
}

TEST(Json, PrintsForPeople) {
  EXPECT_EQ(Json::object({{"b", Json::array({1, Json::object()})}, {"a", Json::array()}}).pretty(),
            "{\n  \"b\": [\n    1,\n    {}\n  ],\n  \"a\": []\n}");
}

struct Sample {
  std::string name;
  std::int64_t n = 0;
  std::vector<std::string> inner;
};
Result<Sample> read_sample(const Json& json) {
  Fields f(json, "sample");
  Sample s;
  s.name = f.text("name");
  s.n = f.integer_or("n", 1, 9, 5);
  for (Fields i : f.objects("inner", 2)) s.inner.push_back(i.hex("digest", 2, "sha256:"));
  return f.finish(std::move(s));
}
std::string sample(const char* text) {
  auto s = read_sample(*parse_json(text));
  return s ? s->name + std::to_string(s->n) : s.error().message();
}

TEST(Fields, ReadEveryMemberOrRefuse) {
  EXPECT_EQ(sample(R"({"name":"x","inner":[{"digest":"sha256:00ff"}]})"), "x5");
  EXPECT_EQ(sample(R"({"inner":[]})"), "sample: has no \"name\"");
  EXPECT_EQ(sample(R"({"nmae":"x"})"), "sample: has no \"name\" (there is \"nmae\")");
  EXPECT_EQ(sample(R"({"name":3,"inner":[]})"), "sample: name: is an integer, not a string (quote it)");
  EXPECT_EQ(sample(R"({"name":"","inner":[]})"), "sample: name: is empty");
  EXPECT_EQ(sample(R"({"name":"x","n":10,"inner":[]})"), "sample: n: is 10, must be from 1 to 9");
  EXPECT_EQ(sample(R"({"name":"x","inner":{}})"), "sample: inner: is an object, not a list");
  EXPECT_EQ(sample(R"({"name":"x","inner":[1]})"), "sample: inner[0]: is an integer, not a map");
  EXPECT_EQ(sample(R"({"name":"x","inner":[{},{},{}]})"), "sample: inner: has 3 items, at most 2 allowed");
  EXPECT_EQ(sample(R"({"name":"x","inner":[{"digest":"sha256:00FF"}]})"),
            "sample: inner[0].digest: is not 2 bytes of lower-case hexadecimal");
  EXPECT_EQ(sample(R"({"name":"x","inner":[{"digest":"00ff"}]})"),
            "sample: inner[0].digest: does not begin with \"sha256:\"");
  EXPECT_EQ(sample(R"({"name":"x","inner":[],"nmae":1})"), "sample: unknown key \"nmae\", did you mean \"name\"?");
  EXPECT_EQ(sample(R"({"name":"x","inner":[{"digest":"sha256:00ff","z":1}]})"), "sample: inner[0]: unknown key \"z\"");
  EXPECT_EQ(sample("[]"), "sample: is an array, not an object");
}

// What a signature over a part of a document covers: the very bytes, white space inside included.
TEST(MemberText, GivesThePartAsItStands) {
  const std::string text =
      R"( { "a" : { "x": "}\\", "y" : [ 1, {"z":"]"} ] } ,"b":"t\"u,}", "c":12 , "d":null,"e":[]} )";
  ASSERT_TRUE(parse_json(text));
  EXPECT_EQ(member_text(text, "a"), R"({ "x": "}\\", "y" : [ 1, {"z":"]"} ] })");
  EXPECT_EQ(member_text(text, "b"), R"("t\"u,}")");
  EXPECT_EQ(member_text(text, "c"), "12");
  EXPECT_EQ(member_text(text, "d"), "null");
  EXPECT_EQ(member_text(text, "e"), "[]");
  EXPECT_FALSE(member_text(text, "x"));
  EXPECT_FALSE(member_text("[1]", "a"));
  EXPECT_FALSE(member_text("{}", "a"));
  for (const char* cut : {"", "{", "{\"a", "{\"a\"", "{\"a\":", "{\"a\":[", "{\"a\":\"", "{\"a\":\"\\"})
    (void)member_text(cut, "b");
}

TEST(Utf8, KnowsWellFormedText) {
  for (const char* good : {"", "a", "é", "€", "\U0001f600"}) EXPECT_TRUE(is_utf8(good)) << good;
  for (const char* bad :
       {"\x80", "\xc0\xaf", "\xe0\x80\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xc3"})
    EXPECT_FALSE(is_utf8(bad)) << to_hex(as_bytes(bad));
}

}  // namespace
}  // namespace hallmark
