#include "lib/tee/committee.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace hallmark {
namespace {

CommitteeMember member(const char* vendor, const char* machine, std::uint8_t binding = 7, std::size_t size = 64) {
  Bytes report_data(size, 0);
  std::fill_n(report_data.begin(), std::min<std::size_t>(size, 32), binding);
  return {.name = machine, .accepted = true, .vendor = vendor, .machine = machine, .report_data = report_data};
}

std::string codes(const std::vector<Reason>& reasons) {
  std::string out;
  for (const Reason& reason : reasons) out += (out.empty() ? "" : " ") + reason.code;
  return out;
}

std::string codes(const CommitteeVerdict& verdict) { return codes(verdict.reasons); }

TEST(Committee, CountsVendorsAndMachines) {
  const std::vector<CommitteeMember> members{member("intel", "a"), member("amd", "b"), member("aws", "c", 7, 40)};
  const CommitteeVerdict verdict = decide({.threshold = 3, .min_vendors = 3}, members);
  EXPECT_EQ(codes(verdict), "");
  EXPECT_EQ(verdict.counted, 3u);
  EXPECT_EQ(verdict.vendors, (std::vector<std::string>{"amd", "aws", "intel"}));
  EXPECT_EQ(verdict.binding, Bytes(32, 7));
}

TEST(Committee, CountsAMachineOnce) {
  const std::vector<CommitteeMember> members{member("intel", "a"), member("intel", "a"), member("amd", "b")};
  EXPECT_EQ(codes(decide({.threshold = 2}, members)), "");
  const CommitteeVerdict verdict = decide({.threshold = 3}, members);
  EXPECT_EQ(codes(verdict), "committee.threshold");
  EXPECT_EQ(verdict.of_members[1]->code, "committee.same_machine");
  EXPECT_FALSE(verdict.of_members[0]);
}

TEST(Committee, WantsVendorsToDiffer) {
  const std::vector<CommitteeMember> members{member("intel", "a"), member("intel", "b"), member("intel", "c")};
  EXPECT_EQ(codes(decide({.threshold = 2, .min_vendors = 2}, members)), "committee.vendors");
  const CommitteeVerdict verdict = decide({.threshold = 2, .max_per_vendor = 1}, members);
  EXPECT_EQ(codes(verdict), "committee.threshold");
  EXPECT_EQ(verdict.of_members[2]->code, "committee.vendor_full");
}

TEST(Committee, CountsOnlyWhatWasAccepted) {
  std::vector<CommitteeMember> members{member("intel", "a"), member("amd", "b")};
  members[1].accepted = false;
  const CommitteeVerdict verdict = decide({.threshold = 2}, members);
  EXPECT_EQ(codes(verdict), "committee.threshold");
  EXPECT_EQ(verdict.of_members[1]->code, "committee.refused");
  EXPECT_EQ(codes(decide({.threshold = 1}, {})), "committee.threshold committee.vendors");
}

TEST(Committee, WantsOneBinding) {
  const std::vector<CommitteeMember> members{member("intel", "a", 1), member("amd", "b", 2), member("aws", "c", 2)};
  const CommitteeVerdict verdict = decide({.threshold = 2}, members);
  EXPECT_EQ(codes(verdict), "");
  EXPECT_EQ(verdict.binding, Bytes(32, 2));
  EXPECT_EQ(verdict.of_members[0]->code, "committee.other_binding");
  EXPECT_EQ(codes(decide({.threshold = 3}, members)), "committee.threshold");
}

TEST(Committee, TakesNothingForABinding) {
  const std::vector<CommitteeMember> members{member("intel", "a", 0), member("amd", "b", 0), member("aws", "c", 0, 0)};
  const CommitteeVerdict verdict = decide({.threshold = 1}, members);
  EXPECT_EQ(codes(verdict), "committee.threshold committee.vendors");
  for (const auto& why : verdict.of_members) EXPECT_EQ(why->code, "committee.unbound");
}

TEST(Committee, DecidesNothingTwice) {
  const std::vector<CommitteeMember> members{member("intel", "a", 1), member("amd", "b", 1), member("intel", "c", 2),
                                             member("amd", "d", 2)};
  EXPECT_EQ(codes(decide({.threshold = 2}, members)), "committee.ambiguous");
}

TEST(Committee, DoesNotCountAMachineThatItCannotTell) {
  const std::vector<CommitteeMember> members{member("amd", ""), member("amd", "")};
  EXPECT_EQ(decide({.threshold = 1}, members).of_members[0]->code, "committee.machine_unknown");
}

// The order of the files is nobody's: the count is the same.
TEST(Committee, CountsAlikeInAnyOrder) {
  std::vector<CommitteeMember> members{member("intel", "a"), member("intel", "a"), member("intel", "b"),
                                       member("amd", "c"), member("aws", "d", 9)};
  std::ranges::sort(members, {}, &CommitteeMember::name);
  do {
    const CommitteeVerdict verdict = decide({.threshold = 2, .max_per_vendor = 1}, members);
    EXPECT_EQ(verdict.counted, 2u);
    EXPECT_EQ(codes(verdict), "");
  } while (std::ranges::next_permutation(members, {}, &CommitteeMember::name).found);
}

}  // namespace
}  // namespace hallmark
