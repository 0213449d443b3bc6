#include "lib/base/yaml.h"

#include <gtest/gtest.h>

namespace hallmark {
namespace {

std::string read(std::string_view text, JsonLimits limits = {}) {
  auto value = parse_yaml(text, limits);
  return value ? value->canonical() : value.error().message();
}

TEST(Yaml, ReadsWhatHasOneMeaning) {
  EXPECT_EQ(read("a: 1\nb: [x, \"2\", true]\nc: {d: 'e'}\n"), R"({"a":1,"b":["x","2",true],"c":{"d":"e"}})");
  EXPECT_EQ(read("- no\n- 1.10\n- 0755\n- 0x10\n- 1e3\n- +1\n- -1\n"), R"(["no","1.10","0755","0x10","1e3","+1",-1])");
  EXPECT_EQ(read("s: |\n  make\n  echo\n"), R"({"s":"make\necho\n"})");
  EXPECT_EQ(read("u: https://example.org/a?b=c\n"), R"({"u":"https://example.org/a?b=c"})");
}

TEST(Yaml, RefusesTheRestWithItsLine) {
  EXPECT_EQ(read("a: 1\nb: 2\na: 3\n"), "line 3: repeated key \"a\"");
  EXPECT_EQ(read("a: &x 1\n"), "line 1: anchors are not allowed");
  EXPECT_EQ(read("a: 1\nb: *x\n").substr(0, 6), "line 2");
  EXPECT_EQ(read("a: !!str 1\n"), "line 1: tags are not allowed");
  EXPECT_EQ(read("a:\n"), "line 1: has no value");
  EXPECT_EQ(read("a: ~\n"), "line 1: has no value");
  EXPECT_EQ(read("[a]: 1\n"), "line 1: a key must be a single word or string");
  EXPECT_EQ(read("a: 1\n---\nb: 1\n"), "YAML text has more than one document");
  EXPECT_EQ(read(""), "YAML text is empty");
  EXPECT_EQ(read("a: \xff\n"), "YAML text is not UTF-8");
  EXPECT_EQ(read("a: 9007199254740993\n"), "line 1: the integer 9007199254740993 is beyond 2^53");
  EXPECT_EQ(read("a: [1\n").substr(0, 5), "line ");
  EXPECT_EQ(read(std::string(33, '[') + std::string(33, ']')), "line 1: nested deeper than 32 levels");
  EXPECT_FALSE(parse_yaml(std::string(100000, '[')));
}

TEST(Yaml, KnowsTheLineOfEveryValue) {
  auto value = parse_yaml("a: 1\nb:\n  - x\n  - {c: y}\n");
  ASSERT_TRUE(value);
  EXPECT_EQ(value->find("b")->items()[1].find("c")->line(), 4u);
  Fields f(*value, "f.yaml");
  f.raw("a");
  auto inner = f.objects("b", 9);
  EXPECT_EQ(f.finish(0).error().message(), "f.yaml:3: b[0]: is a string, not a map");
}

TEST(Yaml, WritesScalarsThatComeBackAsTheyWere) {
  for (std::string_view s : {"",
                             "plain",
                             "1.2-3+deb12u1",
                             "12",
                             "-1",
                             "true",
                             "null",
                             "Null",
                             "NULL",
                             "~",
                             "a: b",
                             "# x",
                             "a,b",
                             "[x]",
                             "é",
                             "a\nb",
                             "1:2.3",
                             "/usr/bin",
                             "-x",
                             "\"q\"",
                             "a b",
                             "\x7f",
                             "@x",
                             "%x",
                             "pool/main/g/x_1%3a2.deb"}) {
    auto back = parse_yaml("{k: " + yaml_scalar(s) + "}\n");
    ASSERT_TRUE(back) << yaml_scalar(s) << ": " << back.error().message();
    ASSERT_TRUE(back->find("k")->is_string()) << yaml_scalar(s);
    EXPECT_EQ(back->find("k")->string(), s);
  }
  EXPECT_EQ(yaml_scalar("12.2.0-14+deb12u1"), "12.2.0-14+deb12u1");
}

}  // namespace
}  // namespace hallmark
