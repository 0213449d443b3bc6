#include "lib/tee/appraisal_policy.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "lib/tee/sgx/known_signers.h"

namespace hallmark {
namespace {

std::string codes(const std::vector<Reason>& reasons) {
  std::string out;
  for (const Reason& reason : reasons) out += (out.empty() ? "" : " ") + reason.code;
  return out;
}

Appraisal enclave() {
  Appraisal out{.evidence = "sgx-quote", .tee = "intel-sgx", .vendor = "intel", .tcb_status = "UpToDate"};
  out.authentic.reached = out.tcb.reached = true;
  out.tcb_evaluation_number = 17;
  out.registers = {{"mrenclave", Bytes(32, 0xe1)}};
  out.identity = Json::object({{"mrsigner", std::string(64, 'a')}, {"isvprodid", 3}, {"isvsvn", 2}});
  out.attested = Json::object(
      {{"attributes", "0x0000000000000005"}, {"xfrm", "0x00000000000000e7"}, {"misc_select", "0x00000000"}});
  out.report_data = Bytes(64);
  out.report_data[0] = 0x42;
  return out;
}

ReferenceValues certified() {
  ReferenceValues out{.name = "certificate", .tee = "intel-sgx"};
  out.registers["mrenclave"] = {Bytes(32, 0xe1)};
  out.identity = Json::object({{"mrsigner", std::string(64, 'a')}, {"isvprodid", 3}, {"isvsvn", 2}});
  out.policy = Json::object({{"attributes", "0x0000000000000004"},
                             {"attributes_mask", "0xfffffffffffffffd"},
                             {"xfrm", "0x0000000000000003"},
                             {"xfrm_mask", "0xffffffffffffff1b"},
                             {"misc_select", "0x00000000"},
                             {"misc_mask", "0xffffffff"}});
  return out;
}

AppraisalPolicy policy(const std::string& lines) {
  auto out = parse_appraisal_policy("format: appraisal-policy-v1\n" + lines, "policy");
  EXPECT_TRUE(out) << out.error().message();
  return out ? *std::move(out) : AppraisalPolicy{};
}

std::string judged(const AppraisalPolicy& policy, Appraisal appraisal) {
  apply_policy(policy, appraisal, appraisal.time);
  return codes(appraisal.policy.reasons);
}

std::string matched(const ReferenceValues& reference, const AppraisalPolicy& policy, Appraisal appraisal) {
  apply_policy(policy, appraisal, appraisal.time);
  match_reference_values(std::span(&reference, 1), policy, appraisal);
  EXPECT_TRUE(appraisal.match.reached);
  return codes(appraisal.match.reasons);
}

TEST(AppraisalPolicy, ForgivesOnlyWhatItNames) {
  EXPECT_EQ(judged({}, enclave()), "");
  Appraisal debug = enclave();
  debug.flags = {{"sgx.debug", ""}, {"sgx.provision_key", ""}};
  EXPECT_EQ(judged({}, debug), "sgx.debug sgx.provision_key");
  EXPECT_EQ(judged(policy("forgive: [sgx.debug]"), debug), "sgx.provision_key");
}

TEST(AppraisalPolicy, TakesUpToDateAloneUnlessTold) {
  for (const char* status : {"SWHardeningNeeded", "ConfigurationNeeded", "OutOfDate", "Revoked", "TDRelaunchAdvised"}) {
    Appraisal appraisal = enclave();
    appraisal.tcb_status = status;
    EXPECT_EQ(judged({}, appraisal), "tcb.status") << status;
    EXPECT_EQ(judged(policy("accept_tcb_status: [UpToDate, " + std::string(status) + "]"), appraisal), "");
  }
  EXPECT_EQ(judged(policy("accept_tcb_status: [OutOfDate]"), enclave()), "tcb.status");
}

// Intel's platform_grace_period: so many seconds after the date of the TCB that the platform has.
TEST(AppraisalPolicy, GivesAPlatformTimeToBeUpdated) {
  Appraisal old = enclave();
  old.tcb_status = "OutOfDate";
  old.tcb_date = old.time - 1000;
  EXPECT_EQ(judged(policy("platform_grace_period: 999"), old), "tcb.status");
  EXPECT_EQ(judged(policy("platform_grace_period: 1000"), old), "");
  apply_policy(policy("platform_grace_period: 1500"), old, old.time);
  EXPECT_EQ(old.validity.until, old.time + 500);
  EXPECT_EQ(old.validity.until_what, "the platform's time of grace");

  // It is for want of updates alone.
  old.tcb_status = "OutOfDateConfigurationNeeded";
  EXPECT_EQ(judged(policy("platform_grace_period: 1000"), old), "tcb.status");
  EXPECT_EQ(judged(policy("platform_grace_period: 1000\naccept_tcb_status: [UpToDate, ConfigurationNeeded]"), old), "");
  for (const char* status : {"Revoked", "ConfigurationNeeded", "TDRelaunchAdvised"}) {
    old.tcb_status = status;
    EXPECT_EQ(judged(policy("platform_grace_period: 1000"), old), "tcb.status") << status;
  }
  old.tcb_status = "OutOfDate";
  old.tcb_date.reset();
  EXPECT_EQ(judged(policy("platform_grace_period: 1000"), old), "tcb.status");
  EXPECT_FALSE(parse_appraisal_policy(
      "format: appraisal-policy-v1\nplatform_grace_period: 1\naccept_tcb_status: [OutOfDate]", "policy"));
}

TEST(AppraisalPolicy, AsksHowOldEvidenceIs) {
  const AppraisalPolicy hour = policy("max_evidence_age: 3600");
  EXPECT_EQ(judged({}, enclave()), "");
  EXPECT_EQ(judged(hour, enclave()), "freshness.unknown");
  Appraisal document = enclave();
  document.made = document.time - 3600;
  EXPECT_EQ(judged(hour, document), "");
  document.made = document.time - 3601;
  EXPECT_EQ(judged(hour, document), "freshness.too_old");
  document.made = document.time + 60;
  EXPECT_EQ(judged(hour, document), "");
  document.made = document.time + 61;
  EXPECT_EQ(judged(hour, document), "freshness.future");

  // Appraised at its own time, it is as old as the clock says.
  document.made = document.time;
  apply_policy(hour, document, document.time + 3601);
  EXPECT_EQ(codes(document.policy.reasons), "freshness.too_old");
}

TEST(AppraisalPolicy, HoldsTheCollateralToItsEvaluation) {
  EXPECT_EQ(judged(policy("min_tcb_evaluation_number: 17"), enclave()), "");
  EXPECT_EQ(judged(policy("min_tcb_evaluation_number: 18"), enclave()), "tcb.evaluation_number");
  Appraisal advised = enclave();
  advised.advisories = {"INTEL-SA-00837"};
  // An up-to-date platform may have some: they are no fault by themselves.
  EXPECT_EQ(judged({}, advised), "");
  EXPECT_EQ(judged(policy("refuse_advisories: [INTEL-SA-00837]"), advised), "tcb.advisory");
}

TEST(AppraisalPolicy, WantsTheBindingAndNothingBehindIt) {
  EXPECT_EQ(judged(policy("report_data: '42'"), enclave()), "");
  EXPECT_EQ(judged(policy("report_data: '43'"), enclave()), "binding.report_data");
  EXPECT_EQ(judged(policy("report_data: '4200'"), enclave()), "");
  Appraisal more = enclave();
  more.report_data[40] = 1;
  EXPECT_EQ(judged(policy("report_data: '42'"), more), "binding.report_data");
  EXPECT_EQ(judged(policy("require_report_data: true"), enclave()), "binding.not_given");
}

// The certificate asks, the verifier says for what.
TEST(AppraisalPolicy, WantsABindingWhereTheCertificateDoes) {
  ReferenceValues bound = certified();
  bound.policy["report_data"] = "required";
  EXPECT_EQ(matched(certified(), {}, enclave()), "");
  EXPECT_EQ(matched(bound, {}, enclave()), "match.report_data");
  EXPECT_EQ(matched(bound, policy("signer_match: {min_isvsvn: 1}"), enclave()), "match.report_data");
  EXPECT_EQ(matched(bound, policy("report_data: '42'"), enclave()), "");
  EXPECT_EQ(judged(policy("report_data: '43'"), enclave()), "binding.report_data");
}

// MRSIGNER of taikoxyz/raiko's docker/enclave-key.pem, the key of the incident of June 2026, is in the table.
TEST(AppraisalPolicy, RefusesAKeyThatEverybodyHas) {
  EXPECT_EQ(judged({}, enclave()), "");
  const auto known = sgx::known_signers();
  const auto raiko = std::ranges::find(known, std::string_view("taikoxyz/raiko"), &sgx::KnownSigner::repository);
  ASSERT_NE(raiko, known.end());
  Appraisal appraisal = enclave();
  appraisal.identity["mrsigner"] = raiko->mrsigner;
  EXPECT_EQ(judged({}, appraisal), "sgx.public_signer");
  EXPECT_EQ(judged(policy("forgive: [sgx.public_signer]"), appraisal), "");
}

TEST(AppraisalPolicy, IsNotAskedOfWhatIsNotAuthentic) {
  Appraisal forged = enclave();
  forged.authentic.reasons = {{"quote.signature", ""}};
  apply_policy({}, forged, forged.time);
  EXPECT_FALSE(forged.policy.reached);
  EXPECT_FALSE(forged.policy.ok());
  const ReferenceValues reference = certified();
  match_reference_values(std::span(&reference, 1), {}, forged);
  EXPECT_FALSE(forged.match.reached);
  EXPECT_FALSE(accepted(forged, true));
}

TEST(AppraisalPolicy, IsReadStrictly) {
  for (const char* lines : {"accept: [UpToDate]", "min_tcb_evaluation_number: x", "report_data: zz", "report_data: ''",
                            "committee: {threshold: 0}", "committee: {threshold: 1, min_vendors: 2}", "committee: {}",
                            "signer_match: {}", "min_snp_tcb: {microcode: 256}", "forgive: sgx.debug"})
    EXPECT_FALSE(parse_appraisal_policy("format: appraisal-policy-v1\n" + std::string(lines), "policy")) << lines;
  EXPECT_FALSE(parse_appraisal_policy("format: appraisal-policy-v2\n", "policy"));
  EXPECT_FALSE(parse_appraisal_policy("", "policy"));
}

TEST(Match, WantsEveryRegisterOnBothSides) {
  EXPECT_EQ(matched(certified(), {}, enclave()), "");
  ReferenceValues other = certified();
  other.registers["mrenclave"] = {Bytes(32, 0xe2)};
  EXPECT_EQ(matched(other, {}, enclave()), "match.mrenclave");
  other.registers["mrenclave"] = {Bytes(32, 0xe2), Bytes(32, 0xe1)};
  EXPECT_EQ(matched(other, {}, enclave()), "");
  other.registers["unknown"] = {Bytes(32)};
  EXPECT_EQ(matched(other, {}, enclave()), "match.unknown");
  ReferenceValues none = certified();
  none.registers.clear();
  EXPECT_EQ(matched(none, {}, enclave()), "match.mrenclave");
  EXPECT_EQ(matched(none, policy("open_registers: [mrenclave]"), enclave()), "");
  ReferenceValues domain = certified();
  domain.tee = "intel-tdx";
  EXPECT_EQ(matched(domain, {}, enclave()), "match.tee");
}

TEST(Match, HoldsSignerAndAttributesToTheCertificate) {
  for (const auto& [name, value] : std::vector<std::pair<const char*, Json>>{
           {"mrsigner", std::string(64, 'b')}, {"isvprodid", 4}, {"isvsvn", 3}, {"isvsvn", 1}}) {
    Appraisal changed = enclave();
    changed.identity[name] = value;
    EXPECT_EQ(matched(certified(), {}, changed), "match." + std::string(name));
  }
  Appraisal changed = enclave();
  changed.attested["attributes"] = "0x0000000000000025";
  EXPECT_EQ(matched(certified(), {}, changed), "match.attributes");
  changed = enclave();
  // Outside the mask: SIGSTRUCT lets it be.
  changed.attested["attributes"] = "0x0000000000000007";
  EXPECT_EQ(matched(certified(), {}, changed), "");
  changed.attested["misc_select"] = "0x00000001";
  EXPECT_EQ(matched(certified(), {}, changed), "match.misc_select");
  changed = enclave();
  changed.attested = Json::object();
  EXPECT_EQ(matched(certified(), {}, changed), "match.attributes match.xfrm match.misc_select");
}

TEST(Match, AsksForTheSignerAloneOnlyWhenToldTo) {
  Appraisal other = enclave();
  other.registers = {{"mrenclave", Bytes(32, 0x99)}};
  EXPECT_EQ(matched(certified(), {}, other), "match.mrenclave");
  EXPECT_EQ(matched(certified(), policy("signer_match: {min_isvsvn: 2}"), other), "");
  EXPECT_EQ(matched(certified(), policy("signer_match: {min_isvsvn: 3}"), other), "match.isvsvn");
  other.identity["isvprodid"] = 9;
  EXPECT_EQ(matched(certified(), policy("signer_match: {min_isvsvn: 2}"), other), "match.isvprodid");
  ReferenceValues unsigned_one = certified();
  unsigned_one.identity = Json::object();
  EXPECT_EQ(matched(unsigned_one, policy("signer_match: {min_isvsvn: 0}"), enclave()),
            "match.mrsigner match.isvprodid");
}

TEST(Match, TakesAnyOfTheCertificatesAndNamesTheClosest) {
  ReferenceValues far = certified(), near = certified();
  far.registers["mrenclave"] = {Bytes(32, 1)};
  far.identity["isvsvn"] = 9;
  near.name = "near";
  near.registers["mrenclave"] = {Bytes(32, 2)};
  Appraisal appraisal = enclave();
  apply_policy({}, appraisal, appraisal.time);
  const std::vector<ReferenceValues> references{far, near};
  EXPECT_EQ(match_reference_values(references, {}, appraisal).reference, "near");
  EXPECT_EQ(codes(appraisal.match.reasons), "match.mrenclave");
  Appraisal empty = enclave();
  apply_policy({}, empty, empty.time);
  match_reference_values({}, {}, empty);
  EXPECT_EQ(codes(empty.match.reasons), "match.no_reference");
}

TEST(Match, HoldsADomainToItsConfiguration) {
  Appraisal td{.evidence = "tdx-quote", .tee = "intel-tdx", .vendor = "intel", .tcb_status = "UpToDate"};
  td.authentic.reached = td.tcb.reached = true;
  ReferenceValues reference{.name = "c", .tee = "intel-tdx"};
  for (const char* name : {"mrtd", "rtmr0", "rtmr1", "rtmr2", "rtmr3"}) {
    td.registers.push_back({name, Bytes(48, 1)});
    reference.registers[name] = {Bytes(48, 1)};
  }
  const std::string zeros(96, '0'), ones(96, '1');
  td.attested = Json::object({{"tdattributes", "0000001000000000"},
                              {"xfam", "e702060000000000"},
                              {"mrconfigid", zeros},
                              {"mrowner", zeros},
                              {"mrownerconfig", zeros},
                              {"mrseam", ones},
                              {"mrsignerseam", zeros}});
  reference.policy = Json::object({{"tdattributes", "0000001000000000"},
                                   {"xfam", "any"},
                                   {"mrconfigid", zeros},
                                   {"mrowner", zeros},
                                   {"mrownerconfig", zeros},
                                   {"mrseam", "any"},
                                   {"mrsignerseam", zeros},
                                   {"debug_allowed", false}});
  EXPECT_EQ(matched(reference, {}, td), "");
  for (const char* name : {"tdattributes", "mrconfigid", "mrowner", "mrownerconfig", "mrsignerseam"}) {
    Appraisal changed = td;
    changed.attested[name] = std::string(changed.attested.find(name)->string().size(), '2');
    EXPECT_EQ(matched(reference, {}, changed), "match." + std::string(name));
  }
  for (std::size_t i = 0; i < td.registers.size(); i++) {
    Appraisal changed = td;
    changed.registers[i].digest[47] ^= 1;
    EXPECT_EQ(matched(reference, {}, changed), "match." + td.registers[i].name);
  }
  reference.policy["mrseam"] = Json::array({zeros, ones});
  EXPECT_EQ(matched(reference, {}, td), "");
  reference.policy["mrseam"] = Json::array({zeros});
  EXPECT_EQ(matched(reference, {}, td), "match.mrseam");
}

}  // namespace
}  // namespace hallmark
