#include "lib/pin/deb822.h"

#include <gtest/gtest.h>

namespace hallmark::pin {
namespace {

std::string error_of(std::string_view text) {
  ParagraphReader reader(text, "Packages");
  Paragraph paragraph;
  while (true) {
    auto any = reader.next(paragraph);
    if (!any) return any.error().message();
    if (!*any) return "";
  }
}

TEST(Deb822, ReadsParagraphsAndContinuations) {
  ParagraphReader reader("\n\nPackage: make\nDescription:  short \n long\n .\n\tmore  \nEmpty:\n\n \nPackage: gcc",
                         "Packages");
  Paragraph p;
  ASSERT_TRUE(*reader.next(p));
  EXPECT_EQ(p.find("package"), "make");
  EXPECT_EQ(p.find("DESCRIPTION"), "short \n long\n .\n\tmore");
  EXPECT_EQ(p.find("Empty"), "");
  EXPECT_EQ(p.find("Depends"), std::nullopt);
  EXPECT_EQ(p.where(), "Packages:3");
  EXPECT_EQ(p.fields()[1].line, 4U);
  ASSERT_TRUE(*reader.next(p));
  EXPECT_EQ(p.find("Package"), "gcc");
  EXPECT_EQ(p.where(), "Packages:11");
  EXPECT_FALSE(*reader.next(p));
  EXPECT_FALSE(*reader.next(p));
}

TEST(Deb822, ValueMayBeginOnTheNextLine) {
  ParagraphReader reader("SHA256:\n a 1 x\n b 2 y\n", "Release");
  Paragraph p;
  ASSERT_TRUE(*reader.next(p));
  EXPECT_EQ(p.find("SHA256"), "a 1 x\n b 2 y");
}

TEST(Deb822, NamesWhatIsWrongAndWhere) {
  EXPECT_EQ(error_of("A: b\nA: c\n"), "Packages:2: field \"A\" stands twice in a paragraph");
  EXPECT_EQ(error_of("A: b\na: c\n"), "Packages:2: field \"a\" stands twice in a paragraph");
  EXPECT_EQ(error_of("A: b\n\n c\n"), "Packages:3: continues a field, but none stands before it");
  EXPECT_EQ(error_of("A: b\nnonsense\n"), "Packages:2: is \"nonsense\", wanted \"name: value\"");
  EXPECT_EQ(error_of("# comment: no\n"), "Packages:1: \"# comment\" cannot be the name of a field");
  EXPECT_EQ(error_of("-A: b\n"), "Packages:1: \"-A\" cannot be the name of a field");
  EXPECT_EQ(error_of(": b\n"), "Packages:1: \"\" cannot be the name of a field");
  EXPECT_EQ(error_of(std::string_view("A: b\0\n", 6)), "Packages:1: holds a NUL byte");
  std::string many;
  for (int i = 0; i < 201; i++) many += "F" + std::to_string(i) + ": x\n";
  EXPECT_EQ(error_of(many), "Packages:201: the paragraph has more than 200 fields");
}

TEST(Deb822, OneLineMeansOneLine) {
  ParagraphReader reader("A: b\nB: c\n d\nC:\n", "Packages");
  Paragraph p;
  ASSERT_TRUE(*reader.next(p));
  EXPECT_EQ(*p.one_line("A"), "b");
  EXPECT_EQ(p.one_line("B").error().message(), "Packages:1: B has more than one line");
  EXPECT_EQ(p.one_line("C").error().message(), "Packages:1: the paragraph has no C");
  EXPECT_EQ(p.one_line("D").error().message(), "Packages:1: the paragraph has no D");
}

}  // namespace
}  // namespace hallmark::pin
