#include "lib/tee/model/reference_values.h"

#include <gtest/gtest.h>

#include "lib/tee/appraisal_policy.h"
#include "lib/tee/references/native.h"

namespace hallmark {
namespace {

Appraisal report() {
  Appraisal out{.evidence = "snp-report", .tee = "amd-sev-snp", .vendor = "amd", .time = 1000};
  out.authentic.reached = out.tcb.reached = true;
  out.registers = {{"measurement", Bytes(48, 0x11)}};
  out.identity = Json::object({{"guest_svn", 3}});
  out.attested = Json::object({{"policy", "0x30000"}, {"host_data", "00ff"}, {"nothing", Json()}});
  out.tcb_details = Json::object({{"reported_tcb", Json::object({{"snp", 8}})}});
  out.report_data = {0x47, 0x11};
  return out;
}

bool holds(Requirement requirement) { return check(requirement, report()).matches; }
Requirement one_of(std::string name, std::vector<Json> values) {
  return {.name = std::move(name), .one_of = std::move(values)};
}
Requirement at_least(std::string name, Json least) { return {.name = std::move(name), .at_least = std::move(least)}; }
Requirement masked(std::string name, std::string mask, std::string value) {
  return {.name = std::move(name), .masked = Requirement::Masked{std::move(mask), std::move(value)}};
}

TEST(Requirement, OneOfIsEqualityWithAValueOfTheSameKind) {
  EXPECT_TRUE(holds(one_of("identity.guest_svn", {2, 3})));
  EXPECT_FALSE(holds(one_of("identity.guest_svn", {4})));
  EXPECT_FALSE(holds(one_of("identity.guest_svn", {"3"})));
  EXPECT_FALSE(holds(one_of("identity.guest_svn", {})));
  EXPECT_TRUE(holds(one_of("report_data", {"4711"})));
}

TEST(Requirement, LeastIsOfAnIntegerOrOfEachByte) {
  EXPECT_TRUE(holds(at_least("tcb.reported_tcb.snp", 8)));
  EXPECT_FALSE(holds(at_least("tcb.reported_tcb.snp", 9)));
  EXPECT_TRUE(holds(at_least("attested.host_data", "00fe")));
  // The second byte is enough, the first one is not.
  EXPECT_FALSE(holds(at_least("attested.host_data", "01fe")));
  EXPECT_FALSE(holds(at_least("attested.host_data", "00")));
  EXPECT_FALSE(holds(at_least("attested.host_data", "")));
  EXPECT_FALSE(holds(at_least("attested.host_data", 0)));
  EXPECT_FALSE(holds(at_least("tcb.reported_tcb.snp", "08")));
}

TEST(Requirement, MaskIsOfBytesOfOneLengthOrOfNumbers) {
  EXPECT_TRUE(holds(masked("attested.host_data", "000f", "00ff")));
  EXPECT_FALSE(holds(masked("attested.host_data", "00f0", "000f")));
  EXPECT_FALSE(holds(masked("attested.host_data", "0f", "0f")));
  EXPECT_FALSE(holds(masked("attested.host_data", "0x0", "0x0")));
  // The policy of a report is written without leading zeros, in an odd number of digits.
  EXPECT_TRUE(holds(masked("attested.policy", "0x10000", "0x10000")));
  EXPECT_TRUE(holds(masked("attested.policy", "0x0000000000080000", "0x0")));
  EXPECT_FALSE(holds(masked("attested.policy", "0x100000", "0x100000")));
  EXPECT_FALSE(holds(masked("attested.policy", "0x", "0x0")));
  EXPECT_FALSE(holds(masked("identity.guest_svn", "0x0", "0x0")));
}

TEST(Requirement, WhatTheEvidenceDoesNotHaveDoesNotHold) {
  for (const char* name : {"", ".", "attested", "attested.", "attested.other", "attested.nothing", "attested.policy.x",
                           "other.policy", "tcb.status", "tcb.tcb_evaluation_data_number"})
    for (const Requirement& r : {one_of(name, {"", Json(), 0}), at_least(name, 0), masked(name, "0x0", "0x0")})
      EXPECT_FALSE(check(r, report()).matches) << name;
  EXPECT_EQ(check(one_of("attested.other", {"a", "b"}), report()).need, "a or b");
  EXPECT_EQ(check(one_of("attested.other", {"a", "b"}), report()).name, "other");
}

std::string codes(const ReferenceValues& set, Appraisal appraisal) {
  appraisal.policy.reached = true;
  match_reference_values(std::span(&set, 1), {}, appraisal);
  std::string out;
  for (const Reason& reason : appraisal.match.reasons) out += (out.empty() ? "" : " ") + reason.code;
  return out;
}

TEST(ReferenceValues, AreHeldAgainstEvidenceAsAWhole) {
  ReferenceValues set{.name = "a", .tee = "amd-sev-snp"};
  set.registers["measurement"] = {Bytes(48, 0x22), Bytes(48, 0x11)};
  set.requirements = {at_least("tcb.reported_tcb.snp", 8)};
  EXPECT_EQ(codes(set, report()), "");
  set.requirements.push_back(one_of("identity.guest_svn", {1}));
  EXPECT_EQ(codes(set, report()), "match.guest_svn");
  set.requirements.clear();
  // Names that no platform here holds against evidence.
  set.policy["vmpl"] = 0;
  EXPECT_EQ(codes(set, report()), "match.identity");
}

TEST(ReferenceValues, EndWithTheirLastSecond) {
  ReferenceValues set{.name = "a", .tee = "amd-sev-snp", .valid_until = 1000};
  set.registers["measurement"] = {Bytes(48, 0x11)};
  EXPECT_EQ(codes(set, report()), "");
  set.valid_until = 999;
  EXPECT_EQ(codes(set, report()), "match.valid_until");
}

const char* const kFull = R"({"format": "reference-values-v1", "sets": [{
  "name": "a", "tee": "intel-tdx", "registers": {"mrtd": ["0011", "22"]}, "policy": {"xfam": "any"},
  "valid_until": "2026-11-22T10:00:00Z",
  "requirements": [{"name": "attested.xfam", "one_of": ["e7", 1, true]}, {"name": "attested.a", "at_least": 3},
                   {"name": "attested.b", "at_least": "0102"}, {"name": "attested.c", "mask": "0x7", "value": "0x1"}]},
  {"name": "b", "tee": "intel-sgx", "registers": {}, "identity": {"mrsigner": "aa"}}]})";

TEST(NativeReferences, AreReadAsTheyWereWritten) {
  const auto read = references::read_native(kFull, "a.json");
  ASSERT_TRUE(read) << read.error().message();
  ASSERT_EQ(read->sets.size(), 2u);
  const ReferenceValues& set = read->sets.front();
  EXPECT_EQ(set.registers.at("mrtd"), (std::vector<Bytes>{{0x00, 0x11}, {0x22}}));
  EXPECT_EQ(set.valid_until, 1795341600);  // date -u -d 2026-11-22T10:00:00Z +%s
  ASSERT_EQ(set.requirements.size(), 4u);
  EXPECT_EQ(set.requirements[1].at_least, Json(3));
  EXPECT_EQ(set.requirements[3].masked->mask, "0x7");
  const auto written = references::write_native(read->sets);
  ASSERT_TRUE(written);
  EXPECT_TRUE(written->left_out.empty());
  EXPECT_TRUE(references::recognises_native(written->text));
  const auto again = references::read_native(written->text, "b.json");
  ASSERT_TRUE(again) << again.error().message();
  EXPECT_EQ(references::write_native(again->sets)->text, written->text);
  EXPECT_EQ(again->sets.front().requirements, set.requirements);
}

std::string refusal(const std::string& set) {
  const auto read = references::read_native(R"({"format": "reference-values-v1", "sets": [)" + set + "]}", "a.json");
  return read ? "" : read.error().message();
}

TEST(NativeReferences, RefuseWhatWouldAcceptAnythingOrIsNotHeld) {
  const auto with = [](const std::string& more) {
    return R"({"name": "a", "tee": "intel-sgx", "registers": {"mrenclave": ["00"]})" + more + "}";
  };
  EXPECT_EQ(refusal(with("")), "");
  EXPECT_NE(refusal(""), "");
  EXPECT_NE(refusal(R"({"name": "a", "tee": "intel-sgx", "registers": {}})"), "");
  EXPECT_NE(refusal(R"({"name": "a", "tee": "intel-tdx", "registers": {}, "identity": {"mrsigner": "aa"}})"), "");
  EXPECT_NE(refusal(R"({"name": "a", "tee": "intel-sgx", "registers": {"mrenclave": []}})"), "");
  EXPECT_NE(refusal(R"({"name": "a", "tee": "intel-sgx", "registers": {"mrenclave": ["0"]}})"), "");
  EXPECT_NE(refusal(with(R"(, "identity": {"mrsiger": "aa"})")), "");
  EXPECT_NE(refusal(with(R"(, "policy": {"xfam": "aa"})")), "");
  EXPECT_NE(refusal(with(R"(, "other": 1)")), "");
  EXPECT_NE(refusal(with(R"(, "valid_until": "tomorrow")")), "");
  for (const char* r : {R"({"name": "a"})", R"({"name": "a", "one_of": []})", R"({"name": "a", "one_of": [null]})",
                        R"({"name": "a", "one_of": ["x"], "at_least": 1})", R"({"name": "a", "at_least": "xy"})",
                        R"({"name": "a", "at_least": true})", R"({"name": "a", "mask": "ff"})",
                        R"({"name": "a", "mask": "ff", "value": ""})"})
    EXPECT_NE(refusal(with(R"(, "requirements": [)" + std::string(r) + "]")), "") << r;
}

}  // namespace
}  // namespace hallmark
