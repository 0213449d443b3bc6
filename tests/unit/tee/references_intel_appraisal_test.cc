// Oracle: intel/confidential-computing.tee.dcap at f0ed77e: qal_script.rego (what is asked), gen_payload.cpp and
// qve.cpp (bytes in reverse, statuses, names), SampleCode/QuoteAppraisalSample/Policies (notes).
#include <gtest/gtest.h>

#include "tests/unit/tee/references_made.h"

namespace hallmark::references {
namespace {

std::string hex(std::uint8_t byte, std::size_t size) { return to_hex(Bytes(size, byte)); }

// 01 02 03 … in memory, and as Intel writes it.
std::string counted(std::size_t size, bool theirs) {
  Bytes bytes(size);
  for (std::size_t i = 0; i < size; i++) bytes[i] = static_cast<std::uint8_t>(i + 1);
  if (theirs) std::ranges::reverse(bytes);
  return to_hex(bytes);
}

Json platform(const char* type) {
  return Json::object({{"sgx_type", 1},
                       {"dynamic_platform", type != std::string("static")},
                       {"cached_keys", false},
                       {"smt_enabled", true}});
}

Appraisal enclave() {
  Appraisal out = made::accepted_of("intel-sgx", "intel");
  out.tcb_status = "UpToDate";
  out.tcb_evaluation_number = 17;
  out.advisories = {"INTEL-SA-00289"};
  out.registers = {{"mrenclave", *from_hex(counted(32, false))}};
  out.identity = Json::object({{"mrsigner", hex(0xb1, 32)},
                               {"isvprodid", 3},
                               {"isvsvn", 2},
                               {"isv_family_id", counted(16, false)},
                               {"isv_ext_prod_id", hex(0xb3, 16)}});
  out.attested = Json::object({{"attributes", "0x0000000000000005"},
                               {"xfrm", "0x00000000000000e7"},
                               {"misc_select", "0x00000000"},
                               {"config_id", counted(64, false)},
                               {"config_svn", 6},
                               {"body", "SGX enclave report"}});
  out.tcb_details = Json::object({{"platform", platform("")}});
  return out;
}

Appraisal domain(const char* kind) {
  Appraisal out = made::accepted_of("intel-tdx", "intel");
  out.tcb_status = "UpToDate";
  out.tcb_evaluation_number = 17;
  out.registers = {{"mrtd", *from_hex(counted(48, false))}};
  for (std::uint8_t i = 0; i < 4; i++)
    out.registers.push_back({"rtmr" + std::to_string(i), Bytes(48, static_cast<std::uint8_t>(0xa1 + i))});
  out.attested = Json::object({{"tdattributes", "0000001000000000"},
                               {"xfam", "e742060000000000"},
                               {"mrconfigid", hex(0xb1, 48)},
                               {"mrowner", hex(0, 48)},
                               {"mrownerconfig", hex(0, 48)},
                               {"body", kind},
                               {"mrservicetd", hex(0, 48)}});
  out.tcb_details =
      Json::object({{"platform", platform("")}, {"qe_status", "UpToDate"}, {"qe_identity_evaluation_number", 17}});
  return out;
}

constexpr const char *kSgx = "3123ec35-8d38-4ea5-87a5-d6c48b567570", *kEnclave = "bef7cb8c-31aa-42c1-854c-10db005d5c41",
                     *kTdx10 = "9eec018b-7481-4b1c-8e1a-9f7c0c8c777f", *kTdx15 = "f708b97f-0fb2-4e6b-8b03-8a5bcd1221d3",
                     *kTdQe = "3769258c-75e6-4bc7-8d72-d2b0e224cad2", *kTd10 = "a1e4ee9c-a12e-48ac-bed0-e3f89297f687",
                     *kTd15 = "45b734fc-aa4e-4c3d-ad28-e43d08880e68";

std::string one(const std::string& id, const std::string& reference) {
  return R"({"environment": {"class_id": ")" + id + R"(", "description": "made"}, "reference": {)" + reference + "}}";
}
std::string file(const std::vector<std::string>& policies) {
  std::string out;
  for (const std::string& policy : policies) out += (out.empty() ? "" : ", ") + policy;
  return R"({"policy_array": [)" + out + "]}";
}

const std::string kAttributes = R"("sgx_attributes": "00000000000000030000000000000005",
  "sgx_attributes_mask": "FFFFFFFFFFFFFF1BFF00FFFFFFFFFFFD")";
std::string enclave_policy(const std::string& more) {
  return one(kEnclave, kAttributes + R"(, "sgx_mrenclave": ")" + counted(32, true) + "\"" + more);
}
std::string domain_policy(const char* id, const std::string& more) {
  std::string out = R"("tdx_mrtd": ")" + counted(48, true) + "\"";
  for (std::uint8_t i = 0; i < 4; i++)
    out += ", \"tdx_rtmr" + std::to_string(i) + "\": \"" + hex(static_cast<std::uint8_t>(0xa1 + i), 48) + "\"";
  return one(id, out + more);
}

std::vector<ReferenceValues> sets(const std::string& text) { return made::import("intel-appraisal", text).sets; }
std::string judge(const std::string& more) { return made::misses(sets(file({enclave_policy(more)})), enclave()); }

TEST(IntelAppraisal, EnclaveWithBytesInReverse) {
  EXPECT_EQ(judge(""), "");
  EXPECT_EQ(
      made::misses(sets(file({one(kEnclave, kAttributes + R"(, "sgx_mrenclave": ")" + counted(32, false) + "\"")})),
                   enclave()),
      "mrenclave");
  EXPECT_EQ(judge(R"(, "sgx_mrsigner": ")" + hex(0xb1, 32) + "\""), "");
  EXPECT_EQ(judge(R"(, "sgx_mrsigner": ")" + hex(0xb2, 32) + "\""), "mrsigner");
  EXPECT_EQ(judge(R"(, "sgx_isvprodid": 3, "sgx_isvsvn_min": 2)"), "");
  EXPECT_EQ(judge(R"(, "sgx_isvprodid": 0, "sgx_isvsvn_min": 3)"), "isvprodid isvsvn");
  EXPECT_EQ(
      judge(R"(, "sgx_isvfamilyid": ")" + counted(16, true) + R"(", "sgx_configid": ")" + counted(64, true) + "\""),
      "");
  EXPECT_EQ(judge(R"(, "sgx_isvextprodid": ")" + hex(0, 16) + R"(", "sgx_configsvn_min": 7)"),
            "isv_ext_prod_id config_svn");
  EXPECT_EQ(judge(R"(, "sgx_miscselect": "00000001", "sgx_miscselect_mask": "00000001")"), "misc_select");
  EXPECT_EQ(judge(R"(, "sgx_miscselect": "FFFFFFFF", "sgx_miscselect_mask": "00000000")"), "");
}

// One field of 16 bytes: XFRM is its end, and so stands first.
TEST(IntelAppraisal, AttributesUnderAMask) {
  const auto with = [](const std::string& value, const std::string& mask) {
    return made::misses(
        sets(file({one(kEnclave, R"("sgx_mrenclave": ")" + counted(32, true) + R"(", "sgx_attributes": ")" + value +
                                     R"(", "sgx_attributes_mask": ")" + mask + "\"")})),
        enclave());
  };
  EXPECT_EQ(with("00000000000000e70000000000000005", "ffffffffffffffffffffffffffffffff"), "");
  EXPECT_EQ(with("00000000000000e70000000000000015", "ffffffffffffffffffffffffffffffff"), "attributes");
  EXPECT_EQ(with("00000000000000e60000000000000005", "ffffffffffffffffffffffffffffffff"), "xfrm");
  EXPECT_EQ(with("00000000000000e60000000000000015", "fffffffffffffffeffffffffffffffef"), "");
  EXPECT_NE(made::failure("intel-appraisal", file({one(kEnclave, R"("sgx_mrenclave": ")" + counted(32, true) + "\"")}))
                .find("sgx_attributes"),
            std::string::npos);
}

TEST(IntelAppraisal, PlatformsRestrictionsAreHeldAgainstWhatRunsThere) {
  const auto on = [](const std::string& more, Appraisal a = enclave()) {
    return made::misses(sets(file({enclave_policy(""), one(kSgx, R"("accepted_tcb_status": ["UpToDate"])" + more)})),
                        std::move(a));
  };
  EXPECT_EQ(on(R"(, "collateral_grace_period": 0)"), "");
  EXPECT_EQ(on(R"(, "min_eval_num": 17)"), "");
  EXPECT_EQ(on(R"(, "min_eval_num": 18)"), "tcb_evaluation_data_number");
  EXPECT_EQ(on(R"(, "rejected_advisory_ids": ["intel-sa-00289"])"), "advisory_ids");
  EXPECT_EQ(on(R"(, "rejected_advisory_ids": ["INTEL-SA-00617"])"), "");
  EXPECT_EQ(on(R"(, "allow_dynamic_platform": false)"), "dynamic_platform");
  EXPECT_EQ(on(R"(, "allow_dynamic_platform": true, "allow_cached_keys": false)"), "");
  EXPECT_EQ(on(R"(, "allow_smt_enabled": false)"), "smt_enabled");
  EXPECT_EQ(on(R"(, "accepted_sgx_types": [0, 1])"), "");
  EXPECT_EQ(on(R"(, "accepted_sgx_types": 2)"), "sgx_type");
  Appraisal hardening = enclave();
  hardening.tcb_status = "SWHardeningNeeded";
  EXPECT_EQ(on("", hardening), "status");
}

TEST(IntelAppraisal, StatusesAreTakenApart) {
  const auto with = [](const std::string& accepted, const char* status) {
    Appraisal a = enclave();
    a.tcb_status = status;
    return made::misses(sets(file({enclave_policy(""), one(kSgx, R"("accepted_tcb_status": )" + accepted)})), a);
  };
  const std::string some = R"(["UpToDate", "SWHardeningNeeded", "OUTOFDATE"])";
  for (const char* status : {"UpToDate", "SWHardeningNeeded", "OutOfDate"}) EXPECT_EQ(with(some, status), "") << status;
  for (const char* status : {"ConfigurationNeeded", "ConfigurationAndSWHardeningNeeded", "OutOfDateConfigurationNeeded",
                             "TDRelaunchAdvised", "Revoked"})
    EXPECT_EQ(with(some, status), "status") << status;
  EXPECT_EQ(with(R"("UpToDate")", "UpToDate"), "");
  const auto told =
      made::import("intel-appraisal", file({enclave_policy(""), one(kSgx, R"("accepted_tcb_status": )" + some)}));
  EXPECT_NE(made::joined(told.not_taken).find("accept_tcb_status: [UpToDate, SWHardeningNeeded, OutOfDate]"),
            std::string::npos)
      << made::joined(told.not_taken);
  for (const char* bad : {R"(["SWHardeningNeeded"])", R"(["UpToDate", "Fine"])", "3"})
    EXPECT_NE(made::failure("intel-appraisal",
                            file({enclave_policy(""), one(kSgx, R"("accepted_tcb_status": )" + std::string(bad))}))
                  .find("accepted_tcb_status"),
              std::string::npos);
}

TEST(IntelAppraisal, GraceIsNotTaken) {
  const auto told = [](const std::string& more) {
    return made::import("intel-appraisal", file({enclave_policy(""), one(kSgx, more)})).not_taken;
  };
  const auto platform = told(R"("accepted_tcb_status": ["UpToDate", "OutOfDate"], "platform_grace_period": 7776000,
                                "collateral_grace_period": 0)");
  // The period is the bound: a policy that accepts OutOfDate would have none.
  ASSERT_EQ(platform.size(), 1u) << made::joined(platform);
  EXPECT_NE(platform[0].find("with platform_grace_period: 7776000"), std::string::npos) << platform[0];
  const auto collateral = told(R"("accepted_tcb_status": ["UpToDate"], "collateral_grace_period": 60)");
  ASSERT_EQ(collateral.size(), 1u);
  EXPECT_NE(collateral[0].find("with collateral_grace_period: 60"), std::string::npos) << collateral[0];
  EXPECT_NE(made::failure("intel-appraisal", file({enclave_policy(""), one(kSgx, R"("accepted_tcb_status": ["UpToDate"],
                                "collateral_grace_period": 0, "min_eval_num": 1)")}))
                .find("min_eval_num"),
            std::string::npos);
}

TEST(IntelAppraisal, Domains) {
  const auto on = [](const std::string& more, const char* id = kTd15, const char* kind = "TD report 1.5") {
    return made::misses(sets(file({domain_policy(id, more)})), domain(kind));
  };
  EXPECT_EQ(on(""), "");
  EXPECT_EQ(on("", kTd15, "TD report 1.5 Ex"), "");
  EXPECT_EQ(on("", kTd10, "TD report 1.0"), "");
  EXPECT_EQ(on("", kTd10), "body");
  EXPECT_EQ(on("", kTd15, "TD report 1.0"), "body");
  EXPECT_EQ(on(R"(, "tdx_attributes": "0000000010000000", "tdx_attributes_mask": "FFFFFFFFFFFFFFFF")"), "");
  EXPECT_EQ(on(R"(, "tdx_attributes": "0000001000000000", "tdx_attributes_mask": "FFFFFFFFFFFFFFFF")"), "tdattributes");
  // Without a mask the upper half is not looked at.
  EXPECT_EQ(on(R"(, "tdx_attributes": "8000000010000000")"), "");
  EXPECT_EQ(on(R"(, "tdx_attributes": "0000000010000001")"), "tdattributes");
  EXPECT_EQ(on(R"(, "tdx_xfam": "00000000000642E7")"), "");
  EXPECT_EQ(on(R"(, "tdx_xfam": "80000000000642E7")"), "xfam");
  EXPECT_EQ(on(R"(, "tdx_xfam": "80000000000642E7", "tdx_xfam_mask": "000000000000000F")"), "");
  EXPECT_EQ(on(R"(, "tdx_mrconfigid": ")" + hex(0xb1, 48) + R"(", "tdx_mrowner": ")" + hex(1, 48) + "\""), "mrowner");
  // The second is what gen_payload writes.
  for (const char* key : {"tdx_mrservicetd", "tdx _mrservicetd"}) {
    EXPECT_EQ(on(", \"" + std::string(key) + "\": \"" + hex(0, 48) + "\""), "") << key;
    EXPECT_EQ(on(", \"" + std::string(key) + "\": \"" + hex(1, 48) + "\""), "mrservicetd") << key;
  }
  const auto both = sets(file({domain_policy(kTd10, ""), domain_policy(kTd15, ""),
                               one(kTdx15, R"("accepted_tcb_status": ["UpToDate"], "min_eval_num": 18)"),
                               one(kTdQe, R"("accepted_tcb_status": ["UpToDate"], "min_eval_num": 17)")}));
  ASSERT_EQ(both.size(), 2u);
  EXPECT_EQ(made::misses(both, domain("TD report 1.0")), "");
  EXPECT_EQ(made::misses({both[1]}, domain("TD report 1.5")), "tcb_evaluation_data_number");
  Appraisal old_qe = domain("TD report 1.0");
  old_qe.tcb_details["qe_status"] = "OutOfDate";
  EXPECT_EQ(made::misses(both, old_qe), "qe_status");
}

TEST(IntelAppraisal, RefusesWhatNothingIsHeldAgainst) {
  for (const char* policy : {R"("min_tcb_level_date": "2024-01-01T00:00:00Z")",
                             R"("accepted_platform_provider_ids": ["x"])", R"("allow_dynamic_plaform": false)"})
    EXPECT_EQ(made::failure("intel-appraisal",
                            file({enclave_policy(""),
                                  one(kSgx, R"("accepted_tcb_status": ["UpToDate"], )" + std::string(policy))}))
                  .substr(0, 12),
              "unsupported:")
        << policy;
  for (const std::string& text :
       {file({}), file({one(kSgx, R"("accepted_tcb_status": ["UpToDate"])")}), file({one(kEnclave, kAttributes)}),
        file({one(kTd15, R"("tdx_mrowner": ")" + hex(0, 48) + "\"")}), file({enclave_policy(""), enclave_policy("")}),
        file({enclave_policy(R"(, "sgx_ce_attributes": "00")")}), file({enclave_policy(R"(, "sgx_mrsigner": "00")")}),
        file({domain_policy(kTd10, R"(, "tdx_mrservicetd": ")" + hex(0, 48) + "\"")}),
        file({domain_policy(kTd15, R"(, "tdx_xfam_mask": "FFFFFFFFFFFFFFFF")")}),
        file({enclave_policy(""), one(kSgx, "")}), std::string(R"({"policy_array": [], "other": 1})"),
        std::string(R"({"policy_array": 1})")})
    EXPECT_EQ(made::failure("intel-appraisal", text).substr(0, 12), "format: file") << text;
  EXPECT_EQ(made::failure("intel-appraisal", file({one("00000000-0000-0000-0000-000000000000", "")})).substr(0, 12),
            "unsupported:");
  // A policy for a platform on which nothing runs asks for nothing, and that is said.
  const auto alone = made::import("intel-appraisal",
                                  file({enclave_policy(""), one(kTdx10, R"("accepted_tcb_status": ["UpToDate"])")}));
  ASSERT_EQ(alone.not_taken.size(), 1u);
  EXPECT_NE(alone.not_taken[0].find("TDX 1.0"), std::string::npos);
}

TEST(IntelAppraisal, NotesAndCommentsAreNotRead) {
  const std::string text = "{ /* as gen_payload writes \"policy\" */\n\"policy_array\": [ // and others\n" +
                           enclave_policy(R"(, "#NOTE": "one", "#NOTE": "two // three", "#sgx_mrsigner" : "00")") +
                           "]}";
  EXPECT_EQ(made::misses(sets(text), enclave()), "");
  // What is there twice otherwise is refused.
  EXPECT_FALSE(find_reference_format("intel-appraisal")
                   ->read(file({enclave_policy(R"(, "sgx_isvprodid": 3, "sgx_isvprodid": 3)")}), "file"));
  EXPECT_FALSE(find_reference_format("intel-appraisal")->read("{\"policy_array\": [", "file"));
  EXPECT_FALSE(find_reference_format("intel-appraisal")->read("/*", "file"));
}

std::string base64url(std::string_view text) {
  std::string out = to_base64(as_bytes(text));
  while (out.ends_with('=')) out.pop_back();
  std::ranges::replace(out, '+', '-');
  std::ranges::replace(out, '/', '_');
  return out;
}

TEST(IntelAppraisal, Tokens) {
  const std::string policy = file({enclave_policy("")});
  const std::string claim = Json::object({{"policy_payload", policy}}).canonical();
  const std::string none = base64url(R"({"alg":"none","typ":"JWT"})"),
                    es384 = base64url(R"({"alg":"ES384","jwk":"{}","typ":"JWT"})");
  for (const std::string& payload : {claim, policy}) {
    const auto plain = made::import("intel-appraisal", none + "." + base64url(payload) + ".\n");
    EXPECT_EQ(made::misses(plain.sets, enclave()), "");
    EXPECT_TRUE(plain.not_taken.empty());
    const auto token = made::import("intel-appraisal", es384 + "." + base64url(payload) + ".c2lnbmF0dXJl");
    EXPECT_EQ(made::misses(token.sets, enclave()), "");
    ASSERT_EQ(token.not_taken.size(), 1u);
    EXPECT_NE(token.not_taken[0].find("signature is not checked"), std::string::npos);
  }
  const auto fails = [](const std::string& text) { return made::failure("intel-appraisal", text); };
  EXPECT_EQ(fails(base64url(R"({"alg":"HS256"})") + "." + base64url(claim) + ".YQ").substr(0, 12), "unsupported:");
  EXPECT_EQ(fails(none + "." + base64url(claim) + ".YQ").substr(0, 7), "format:");
  EXPECT_EQ(fails(es384 + "." + base64url(claim) + ".").substr(0, 7), "format:");
  // A claim that nobody looks at may be one that limits the others.
  EXPECT_NE(fails(none + "." + base64url(Json::object({{"policy_payload", policy}, {"exp", 1}}).canonical()) + ".")
                .find("exp"),
            std::string::npos);
}

TEST(IntelAppraisal, IsReadBackAsItWasWritten) {
  const auto first = sets(file(
      {enclave_policy(R"(, "sgx_mrsigner": ")" + hex(0xb1, 32) + R"(", "sgx_isvprodid": 3, "sgx_isvsvn_min": 2,
        "sgx_miscselect": "00000000", "sgx_miscselect_mask": "FFFFFFFF", "sgx_isvfamilyid": ")" +
                      counted(16, true) + R"(", "sgx_configid": ")" + counted(64, true) +
                      R"(", "sgx_configsvn_min": 6)"),
       one(kSgx,
           R"("accepted_tcb_status": ["UpToDate", "SWHardeningNeeded"], "min_eval_num": 3, "allow_cached_keys": false,
        "rejected_advisory_ids": ["INTEL-SA-00617"], "accepted_sgx_types": [0, 1])"),
       domain_policy(kTd15,
                     R"(, "tdx_attributes": "0000000010000000", "tdx_xfam": "00000000000642E7", "tdx_mrservicetd": ")" +
                         hex(0, 48) + R"(", "tdx_mrconfigid": ")" + hex(0xb1, 48) + "\""),
       one(kTdx15, R"("accepted_tcb_status": ["UpToDate"], "collateral_grace_period": 0)"),
       one(kTdQe, R"("accepted_tcb_status": ["UpToDate"], "min_eval_num": 17)")}));
  const auto out = made::exported("intel-appraisal", first);
  EXPECT_TRUE(out.left_out.empty()) << made::joined(out.left_out);
  const auto again = sets(out.text);
  ASSERT_EQ(again.size(), 2u) << out.text;
  // Our own format has a place for all of it.
  const auto own = made::exported("reference-values-v1", first);
  EXPECT_TRUE(own.left_out.empty());
  EXPECT_EQ(made::import("reference-values-v1", own.text).sets.at(0).requirements, first[0].requirements);
  EXPECT_EQ(made::import("reference-values-v1", own.text).sets.at(1).requirements, first[1].requirements);
  for (std::size_t i = 0; i < 2; i++) {
    EXPECT_EQ(again[i].registers, first[i].registers);
    EXPECT_EQ(again[i].identity, first[i].identity);
    EXPECT_EQ(again[i].policy, first[i].policy);
    EXPECT_EQ(again[i].requirements.size(), first[i].requirements.size());
    for (const Requirement& r : first[i].requirements)
      EXPECT_NE(std::ranges::find(again[i].requirements, r), again[i].requirements.end()) << r.name;
  }
}

TEST(IntelAppraisal, CertificatesBecomePolicies) {
  ReferenceValues set{.name = "certificate", .tee = "intel-tdx"};
  set.registers = {{"mrtd", {*from_hex(counted(48, false))}}};
  set.policy = Json::object({{"tdattributes", "0000001000000000"}, {"xfam", "any"}, {"mrseam", hex(1, 48)}});
  const auto out = made::exported("intel-appraisal", {set});
  // A domain of either kind.
  const auto again = sets(out.text);
  ASSERT_EQ(again.size(), 2u);
  EXPECT_EQ(made::misses(again, domain("TD report 1.0")), "rtmr0 rtmr1 rtmr2 rtmr3");
  EXPECT_EQ(made::misses(again, domain("TD report 1.5")), "rtmr0 rtmr1 rtmr2 rtmr3");
  EXPECT_NE(made::joined(out.left_out).find("mrseam"), std::string::npos);
  EXPECT_NE(out.text.find("\"tdx_attributes\": \"0000000010000000\""), std::string::npos) << out.text;

  const auto write = find_reference_format("intel-appraisal")->write;
  EXPECT_FALSE(write(std::vector{set, set}));
  EXPECT_FALSE(write({}));
  ReferenceValues other{.name = "certificate", .tee = "intel-sgx"};
  other.registers = {{"mrenclave", {Bytes(32, 1)}}};
  EXPECT_FALSE(write(std::vector{other}));  // no attributes: Intel's appraisal would accept nothing
  other.tee = "amd-sev-snp";
  EXPECT_FALSE(write(std::vector{other}));
}

}  // namespace
}  // namespace hallmark::references
