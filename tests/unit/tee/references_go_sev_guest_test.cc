// Oracle: google/go-sev-guest at af1c107, validate/validate.go (validatePolicy, validatePlatformInfo, validateTcb,
// validateVersion, validateKeys), abi/abi.go (bits) and proto/check.proto.
#include <gtest/gtest.h>

#include "lib/formats/textproto.h"
#include "tests/unit/tee/references_made.h"

namespace hallmark::references {
namespace {

std::string field(const char* name, std::uint8_t byte, std::size_t size) {
  return std::string(name) + ": " + textproto::literal(Bytes(size, byte)) + "\n";
}

std::string hex(std::uint8_t byte, std::size_t size) { return to_hex(Bytes(size, byte)); }

// Policy: SMT, ABI 0.31; the firmware 1.55, build 21, is the committed one.
Appraisal guest() {
  Appraisal out = made::accepted_of("amd-sev-snp", "amd");
  out.registers = {{"measurement", Bytes(48, 0xa0)}};
  out.identity = Json::object({{"family_id", hex(1, 16)}, {"image_id", hex(2, 16)}, {"guest_svn", 4}});
  out.attested = Json::object({{"policy", "0x000000000003001f"},
                               {"policy_abi", 31},
                               {"platform_info", "0x0000000000000025"},
                               {"vmpl", 0},
                               {"firmware_version", 256 + 55},
                               {"firmware_build", 21},
                               {"reported_tcb", "04000000000018d9"},
                               {"launch_tcb", "04000000000017d9"},
                               {"author_key_en", true},
                               {"host_data", hex(3, 32)},
                               {"id_key_digest", hex(0xb1, 48)},
                               {"author_key_digest", hex(0xb2, 48)},
                               {"report_id", hex(4, 32)},
                               {"report_id_ma", hex(5, 32)},
                               {"chip_id", hex(6, 64)}});
  out.tcb_details = Json::object({{"product_line", "Milan"},
                                  {"provisional", false},
                                  {"revocation_checked", false},
                                  {"cpuid", Json::object({{"family", 25}, {"model", 1}, {"stepping", 1}})}});
  return out;
}

std::string with(const std::string& more) { return field("measurement", 0xa0, 48) + "policy: 0x3001f\n" + more; }

std::vector<ReferenceValues> sets(const std::string& text) { return made::import("go-sev-guest", text).sets; }
std::string judge(const std::string& text) { return made::misses(sets(text), guest()); }

TEST(GoSevGuest, Measurement) {
  EXPECT_EQ(judge(with("")), "");
  EXPECT_EQ(judge("root_of_trust { product_line: 'Milan' disallow_network: true } policy {" + with("") + "}"), "");
  EXPECT_EQ(judge("policy: 0x3001f " + field("measurement", 0xa1, 48)), "measurement");
}

// "Maximum" of what a guest may do, minimum of what it must have.
TEST(GoSevGuest, GuestPolicy) {
  const auto policies = [](const char* need, const char* have) {
    Appraisal a = guest();
    a.attested["policy"] = have;
    a.attested["policy_abi"] = 31;
    return made::misses(sets(field("measurement", 0xa0, 48) + "policy: " + need), a);
  };
  EXPECT_EQ(policies("0x2001f", "0x000000000002001f"), "");
  EXPECT_EQ(policies("0x2001f", "0x000000000003001f"), "policy");  // SMT
  EXPECT_EQ(policies("0x3001f", "0x000000000002001f"), "");        // may, and does not
  EXPECT_EQ(policies("0x3001f", "0x000000000007001f"), "policy");  // migration agent
  EXPECT_EQ(policies("0x7001f", "0x000000000007001f"), "");
  EXPECT_EQ(policies("0x3001f", "0x00000000000b001f"), "policy");  // debug
  EXPECT_EQ(policies("0xb001f", "0x00000000000b001f"), "");
  EXPECT_EQ(policies("0x3001f", "0x000000000023001f"), "policy");  // CXL
  EXPECT_EQ(policies("0x23001f", "0x000000000023001f"), "");
  for (const unsigned must : {20u, 22u, 23u, 24u, 25u}) {
    const std::string need = hex_offset(0x3001f | std::uint64_t{1} << must);
    EXPECT_EQ(policies(need.c_str(), "0x000000000003001f"), "policy") << must;
    EXPECT_EQ(policies(need.c_str(), ("0x" + std::string(18 - need.size(), '0') + need.substr(2)).c_str()), "") << must;
    EXPECT_EQ(policies("0x3001f", ("0x" + std::string(18 - need.size(), '0') + need.substr(2)).c_str()), "") << must;
  }
  EXPECT_EQ(policies("0x30020", "0x000000000003001f"), "policy_abi");
  EXPECT_EQ(policies("0x30100", "0x000000000003001f"), "policy_abi");
  const auto lets = made::import("go-sev-guest", field("measurement", 0xa0, 48) + "policy: 0xf0000").not_taken;
  EXPECT_EQ(lets.size(), 2u);
  EXPECT_NE(made::joined(lets).find("forgive: [snp.debug]"), std::string::npos);
  EXPECT_NE(made::joined(lets).find("forgive: [snp.migrate_ma]"), std::string::npos);
}

TEST(GoSevGuest, PlatformInfo) {
  const auto infos = [](const std::string& need, const char* have) {
    Appraisal a = guest();
    a.attested["platform_info"] = have;
    return made::misses(sets(with("platform_info { value: " + need + " }")), a);
  };
  EXPECT_EQ(infos("0x25", "0x0000000000000025"), "");
  EXPECT_EQ(infos("0x0", "0x0000000000000024"), "");
  EXPECT_EQ(infos("0x0", "0x0000000000000001"), "platform_info");  // SMT
  EXPECT_EQ(infos("0x0", "0x0000000000000002"), "platform_info");  // TSME
  EXPECT_EQ(infos("0x0", "0x0000000000000080"), "platform_info");  // TIO
  for (const char* need : {"0x4", "0x8", "0x10", "0x20"}) EXPECT_EQ(infos(need, "0x0000000000000000"), "platform_info");
  EXPECT_EQ(infos("0x7", "0x0000000000000044"), "platform_info");  // a bit that the peer does not know
  EXPECT_EQ(judge(with("platform_info {}")), "platform_info");     // 0, and the guest's platform has SMT
}

TEST(GoSevGuest, LevelsOfFirmware) {
  // The highest byte is the microcode's: byte by byte, on every line.
  EXPECT_EQ(judge(with("minimum_tcb: 0xd918000000000004")), "");
  EXPECT_EQ(judge(with("minimum_tcb: 0xd818000000000004")), "");
  EXPECT_EQ(judge(with("minimum_tcb: 0x0018000000000005")), "reported_tcb");
  EXPECT_EQ(judge(with("minimum_tcb: 0xda00000000000000")), "reported_tcb");
  EXPECT_EQ(judge(with("minimum_launch_tcb: 0xd917000000000004")), "");
  EXPECT_EQ(judge(with("minimum_launch_tcb: 0xd918000000000004")), "launch_tcb");
  EXPECT_EQ(judge(with("minimum_build: 21 minimum_version: '1.55'")), "");
  EXPECT_EQ(judge(with("minimum_build: 22")), "firmware_build");
  EXPECT_EQ(judge(with("minimum_version: '1.56'")), "firmware_version");
  EXPECT_EQ(judge(with("minimum_version: '2.0'")), "firmware_version");
  EXPECT_EQ(judge(with("minimum_version: '0.200'")), "");
  EXPECT_EQ(judge(with("minimum_guest_svn: 4")), "");
  EXPECT_EQ(judge(with("minimum_guest_svn: 5")), "guest_svn");
  Appraisal provisional = guest();
  provisional.tcb_details["provisional"] = true;
  EXPECT_EQ(made::misses(sets(with("")), provisional), "provisional");
  EXPECT_EQ(made::misses(sets(with("permit_provisional_firmware: true")), provisional), "");
}

TEST(GoSevGuest, FieldsThatAreComparedWhole) {
  for (const auto& [name, byte, size] :
       {std::tuple{"family_id", 1, 16}, std::tuple{"image_id", 2, 16}, std::tuple{"host_data", 3, 32},
        std::tuple{"report_id", 4, 32}, std::tuple{"report_id_ma", 5, 32}, std::tuple{"chip_id", 6, 64},
        std::tuple{"report_data", 0x77, 64}}) {
    EXPECT_EQ(judge(with(field(name, static_cast<std::uint8_t>(byte), static_cast<std::size_t>(size)))), "") << name;
    EXPECT_EQ(judge(with(field(name, 0x99, static_cast<std::size_t>(size)))), name);
    EXPECT_EQ(made::failure("go-sev-guest", with(field(name, 1, 15))).substr(0, 12), "format: file") << name;
  }
  EXPECT_EQ(judge(with("vmpl { value: 0 }")), "");
  EXPECT_EQ(judge(with("vmpl {}")), "");
  const auto one = made::import("go-sev-guest", with("vmpl { value: 1 }"));
  EXPECT_EQ(made::misses(one.sets, guest()), "vmpl");
  EXPECT_NE(made::joined(one.not_taken).find("forgive: [snp.vmpl]"), std::string::npos);
  EXPECT_EQ(judge(with("product { name: SEV_PRODUCT_MILAN machine_stepping { value: 1 } }")), "");
  EXPECT_EQ(judge(with("product { name: SEV_PRODUCT_GENOA }")), "product_line");
  EXPECT_EQ(judge(with("product { machine_stepping { value: 0 } }")), "stepping");
  EXPECT_EQ(judge("root_of_trust { check_crl: true } policy {" + with("") + "}"), "revocation_checked");
}

TEST(GoSevGuest, KeysOfTheIdBlock) {
  const std::string author = field("trusted_author_key_hashes", 0xb2, 48),
                    id = field("trusted_id_key_hashes", 0xb1, 48),
                    other = field("trusted_author_key_hashes", 0xb9, 48) + field("trusted_id_key_hashes", 0xb9, 48);
  EXPECT_EQ(judge(with("require_author_key: true " + other + author)), "");
  EXPECT_EQ(judge(with("require_author_key: true " + other + id)), "author_key_digest");
  EXPECT_EQ(judge(with("require_id_block: true " + id)), "");
  EXPECT_EQ(judge(with("require_id_block: true " + author)), "");
  EXPECT_EQ(judge(with("require_id_block: true " + other + id)), "");
  EXPECT_EQ(judge(with("require_id_block: true " + other + author)), "");
  EXPECT_NE(judge(with("require_id_block: true " + other)), "");
  Appraisal unsigned_key = guest();
  unsigned_key.attested["author_key_en"] = false;
  EXPECT_EQ(made::misses(sets(with("require_id_block: true " + author)), unsigned_key), "author_key_en");
  // Without either, the peer does not look.
  const auto unasked = made::import("go-sev-guest", with(other));
  EXPECT_EQ(made::misses(unasked.sets, guest()), "");
  EXPECT_EQ(unasked.not_taken.size(), 1u);
  for (const char* none : {"require_author_key: true", "require_id_block: true"})
    EXPECT_NE(made::failure("go-sev-guest", with(none)).find("nothing would be accepted"), std::string::npos);
  EXPECT_EQ(made::failure("go-sev-guest", with("trusted_id_keys: 'x'")).substr(0, 12), "unsupported:");
}

TEST(GoSevGuest, RefusesWhatThePeerDoesOrNobodyHolds) {
  for (const std::string& text :
       {std::string("policy: 0x30000"), field("measurement", 1, 48), field("measurement", 1, 48) + "policy: 0",
        field("measurement", 1, 48) + "policy: 0x10000", field("measurement", 1, 48) + "policy: 0x4030000",
        field("measurement", 1, 47) + "policy: 0x30000", with("minimum_build: 256"), with("minimum_version: '1'"),
        with("minimum_version: '1.256'"), with("minimum_version: '1.2.3'"), with("minimum_version: '-1.2'"),
        with("vmpl { value: 4 }"), with("platform_info { value: 0x40 }"), with("platform_info { value: 0x100 }"),
        with("require_id_block: true trusted_id_key_hashes: 'x'"), with("policies: 1"), std::string("policy {}")})
    EXPECT_EQ(made::failure("go-sev-guest", text).substr(0, 12), "format: file") << text;
  for (const char* root : {"cabundle_paths: 'x'", "cabundles: 'x'", "product_line: 'Naples'"})
    EXPECT_EQ(made::failure("go-sev-guest", "root_of_trust {" + std::string(root) + "} policy {" + with("") + "}")
                  .substr(0, 12),
              "unsupported:");
  EXPECT_EQ(made::failure("go-sev-guest", with("product { stepping: 1 }")).substr(0, 12), "unsupported:");
}

TEST(GoSevGuest, IsReadBackAsItWasWritten) {
  const std::string text =
      "root_of_trust { product_line: 'Milan' check_crl: true } policy {" + field("measurement", 0xa0, 48) +
      "policy: 0x113001f minimum_tcb: 0xd918000000000004 minimum_launch_tcb: 4 minimum_build: 3 minimum_version: '1.2' "
      "minimum_guest_svn: 2 vmpl { value: 0 } platform_info { value: 0x25 } require_author_key: true "
      "product { machine_stepping { value: 1 } }" +
      field("family_id", 1, 16) + field("report_data", 0x77, 64) + field("trusted_author_key_hashes", 0xb2, 48) + "}";
  const auto first = sets(text);
  const auto out = made::exported("go-sev-guest", first);
  EXPECT_TRUE(out.left_out.empty()) << made::joined(out.left_out);
  const auto again = sets(out.text);
  ASSERT_EQ(again.size(), 1u) << out.text;
  EXPECT_EQ(again[0].registers, first[0].registers);
  EXPECT_EQ(again[0].requirements.size(), first[0].requirements.size());
  for (const Requirement& r : first[0].requirements)
    EXPECT_NE(std::ranges::find(again[0].requirements, r), again[0].requirements.end()) << r.name;
}

TEST(GoSevGuest, SaysWhatItLeavesOut) {
  ReferenceValues set{.name = "certificate", .tee = "amd-sev-snp"};
  set.registers = {{"measurement", {Bytes(48, 1)}}};
  set.requirements = {{.name = "tcb.csp", .one_of = {"AWS"}, .none_of = {}, .at_least = {}, .masked = {}},
                      {.name = "attested.policy",
                       .one_of = {},
                       .none_of = {},
                       .at_least = {},
                       .masked = Requirement::Masked{"0x0000000000010000", "0x0000000000010000"}}};
  const auto out = made::exported("go-sev-guest", {set});
  const std::string left = made::joined(out.left_out);
  EXPECT_NE(left.find("tcb.csp"), std::string::npos) << left;
  EXPECT_NE(left.find("guest policy"), std::string::npos) << left;
  // The peer asks for a policy: the one that appraisals are content with.
  EXPECT_NE(out.text.find("policy: 0x0000000000230000"), std::string::npos) << out.text;
  set.registers["measurement"].push_back(Bytes(48, 2));
  EXPECT_FALSE(find_reference_format("go-sev-guest")->write(std::vector{set}));
}

}  // namespace
}  // namespace hallmark::references
