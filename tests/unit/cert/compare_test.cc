#include "lib/cert/compare.h"

#include <gtest/gtest.h>

#include "tests/unit/cert/sample.h"

namespace hallmark::cert {
namespace {

constexpr Sides kSides{"certified", "rebuilt"};

class Comparisons : public testing::Test {
 protected:
  const Outputs a_ = sample_certificate().outputs;
  Outputs b_ = a_;
  std::vector<OutputComparison> compare() const { return compare_outputs(a_, b_, kSides); }
};

TEST_F(Comparisons, SameBytesAreIdentical) {
  const auto result = compare();
  ASSERT_EQ(result.size(), 2u);
  for (const auto& output : result) {
    EXPECT_EQ(output.verdict, Verdict::identical);
    EXPECT_TRUE(output.differences.empty());
  }
  EXPECT_TRUE(agree(result));
  EXPECT_FALSE(agree({}));
}

TEST_F(Comparisons, OtherBytesUnderEqualRegistersAreMeasurementEqual) {
  b_.files[0].sha256 = std::string(64, '9');
  b_.measurements[0].identity["date"] = "2026-01-01";
  const auto result = compare();
  EXPECT_EQ(result[0].verdict, Verdict::measurement_equal);
  EXPECT_EQ(
      result[0].differences,
      (std::vector<std::string>{"sha256: " + std::string(64, '1') + " certified, " + std::string(64, '9') + " rebuilt",
                                "identity.date: absent certified, \"2026-01-01\" rebuilt"}));
  EXPECT_TRUE(agree(result));
}

TEST_F(Comparisons, OtherBytesOfAnythingElseAreDifferent) {
  b_.files[1].sha256 = std::string(64, '9');
  EXPECT_EQ(compare()[1].verdict, Verdict::different);
  EXPECT_FALSE(agree(compare()));
}

TEST_F(Comparisons, OneOtherRegisterIsDifferent) {
  b_.files[0].sha256 = std::string(64, '9');
  b_.measurements[0].registers[0].digest[0] ^= 1;
  const auto result = compare();
  EXPECT_EQ(result[0].verdict, Verdict::different);
  EXPECT_TRUE(result[0].differences[1].starts_with("mrenclave: ed62")) << result[0].differences[1];
}

// Neither an account that measured less nor one that measured more agrees with the other.
TEST_F(Comparisons, TheRegistersAreTheSameSet) {
  b_.files[0].sha256 = std::string(64, '9');
  b_.measurements[0].registers.push_back({"other", {1}});
  EXPECT_EQ(compare()[0].verdict, Verdict::different);
  EXPECT_EQ(compare_outputs(b_, a_, kSides)[0].verdict, Verdict::different);
  b_.measurements.clear();
  EXPECT_EQ(compare()[0].verdict, Verdict::different);
}

TEST_F(Comparisons, SameBytesThatMeasureDifferentlyAreDifferent) {
  b_.measurements[0].registers[0].digest[0] ^= 1;
  EXPECT_EQ(compare()[0].verdict, Verdict::different);
}

TEST_F(Comparisons, MissingAndAdditionalOutputsAreDifferent) {
  b_.files[1].path = "out/tool2";
  const auto result = compare();
  ASSERT_EQ(result.size(), 3u);
  EXPECT_EQ(result[1].differences, std::vector<std::string>{"only certified"});
  EXPECT_EQ(result[2].differences, std::vector<std::string>{"only rebuilt"});
  EXPECT_FALSE(agree(result));
}

TEST_F(Comparisons, ASignatureFileFollowsItsImage) {
  Outputs a = a_;
  a.measurements[0].companions = b_.measurements[0].companions = {{"sigstruct", "out/tool"}};
  b_.files[1].sha256 = std::string(64, '9');
  EXPECT_EQ(compare_outputs(a, b_, kSides)[1].verdict, Verdict::measurement_equal);
  b_.files[0].sha256 = std::string(64, '9');
  b_.measurements[0].registers[0].digest[0] ^= 1;
  EXPECT_EQ(compare_outputs(a, b_, kSides)[1].verdict, Verdict::different);
}

TEST(Differences, NameThePlace) {
  const Json a = Json::object({{"a", 1}, {"b", Json::array({1, 2})}, {"c", Json::object({{"d", "x"}})}});
  const Json b = Json::object({{"b", Json::array({1, 3, 4})}, {"c", Json::object({{"d", "y"}})}, {"e", true}});
  EXPECT_EQ(describe_differences(a, b, kSides, 9),
            (std::vector<std::string>{"a: 1 certified, absent rebuilt", "b[1]: 2 certified, 3 rebuilt",
                                      "b[2]: absent certified, 4 rebuilt", "c.d: \"x\" certified, \"y\" rebuilt",
                                      "e: absent certified, true rebuilt"}));
  EXPECT_EQ(describe_differences(a, b, kSides, 2).size(), 2u);
  EXPECT_TRUE(describe_differences(a, a, kSides, 9).empty());
}

}  // namespace
}  // namespace hallmark::cert
