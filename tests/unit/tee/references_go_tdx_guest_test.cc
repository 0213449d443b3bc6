// Oracle: google/go-tdx-guest at 91f9a52, validate/validate.go (what it compares, lengths, what it leaves open) and
// proto/checkconfig.proto.
#include <gtest/gtest.h>

#include "lib/formats/textproto.h"
#include "tests/unit/tee/references_made.h"

namespace hallmark::references {
namespace {

std::string field(const char* name, std::uint8_t byte, std::size_t size) {
  return std::string(name) + ": " + textproto::literal(Bytes(size, byte)) + "\n";
}

std::string hex(std::uint8_t byte, std::size_t size) { return to_hex(Bytes(size, byte)); }

// Of TDX 1.0: register n is 48 times 0xa0 + n.
Appraisal domain() {
  Appraisal out = made::accepted_of("intel-tdx", "intel");
  out.tcb_status = "UpToDate";
  out.registers = {{"mrtd", Bytes(48, 0xa0)}};
  for (std::uint8_t i = 0; i < 4; i++)
    out.registers.push_back({"rtmr" + std::to_string(i), Bytes(48, static_cast<std::uint8_t>(0xa1 + i))});
  out.attested = Json::object({{"tdattributes", "0000001000000000"},
                               {"xfam", "e742060000000000"},
                               {"mrconfigid", hex(0xb1, 48)},
                               {"mrowner", hex(0xb2, 48)},
                               {"mrownerconfig", hex(0xb3, 48)},
                               {"mrseam", hex(0xb4, 48)},
                               {"tee_tcb_svn", "05010200000000000000000000000000"}});
  return out;
}

std::string registers() {
  std::string out = field("mr_td", 0xa0, 48);
  for (std::uint8_t i = 0; i < 4; i++) out += field("rtmrs", static_cast<std::uint8_t>(0xa1 + i), 48);
  return out;
}

std::string body(const std::string& more) { return "td_quote_body_policy {\n" + registers() + more + "}\n"; }

std::string judge(const std::string& text) { return made::misses(made::import("go-tdx-guest", text).sets, domain()); }

TEST(GoTdxGuest, RegistersAreHeldAgainstTheDomains) {
  EXPECT_EQ(judge(body("")), "");
  EXPECT_EQ(judge("# the whole message of the tool\npolicy {" + body("") + "}\nroot_of_trust { check_crl: true }"), "");
  EXPECT_EQ(judge("td_quote_body_policy {" + field("mr_td", 0xff, 48) + "}"), "mrtd rtmr0 rtmr1 rtmr2 rtmr3");
  // An empty RTMR is not looked at there; here a register that nobody names is a mismatch.
  EXPECT_EQ(judge("td_quote_body_policy {" + field("mr_td", 0xa0, 48) + field("rtmrs", 0xa1, 48) + "rtmrs: '' " +
                  field("rtmrs", 0xa3, 48) + "rtmrs: ['']}"),
            "rtmr1 rtmr3");
}

TEST(GoTdxGuest, AnyMrtdIsOneOfThese) {
  const auto with = [](const std::string& more) {
    return "td_quote_body_policy {" + registers().substr(registers().find("rtmrs")) + more + "}";
  };
  EXPECT_EQ(judge(with(field("any_mr_td", 0xff, 48) + field("any_mr_td", 0xa0, 48))), "");
  EXPECT_EQ(judge(with(field("any_mr_td", 0xff, 48) + field("any_mr_td", 0xfe, 48))), "mrtd");
  // Both have to hold.
  EXPECT_EQ(judge(with(field("any_mr_td", 0xff, 48) + field("any_mr_td", 0xa0, 48) + field("mr_td", 0xa0, 48))), "");
  EXPECT_EQ(judge(with(field("any_mr_td", 0xff, 48) + field("any_mr_td", 0xa0, 48) + field("mr_td", 0xff, 48))),
            "mrtd");
  EXPECT_EQ(made::failure("go-tdx-guest", with(field("any_mr_td", 0xff, 48) + field("mr_td", 0xa0, 48))).substr(0, 7),
            "format:");
}

TEST(GoTdxGuest, OtherFieldsAreHeldAgainstWhatIsAttested) {
  EXPECT_EQ(judge(body(R"(td_attributes: "\x00\x00\x00\x10\x00\x00\x00\x00" xfam: "\xe7\x42\x06\0\0\0\0\0")")), "");
  EXPECT_EQ(judge(body(R"(td_attributes: "\x00\x00\x00\x00\x10\x00\x00\x00")")), "tdattributes");
  EXPECT_EQ(judge(body(R"(xfam: "\xe7\x02\x06\0\0\0\0\0")")), "xfam");
  for (const auto& [name, ours, byte] :
       {std::tuple{"mr_config_id", "mrconfigid", 0xb1}, std::tuple{"mr_owner", "mrowner", 0xb2},
        std::tuple{"mr_owner_config", "mrownerconfig", 0xb3}, std::tuple{"mr_seam", "mrseam", 0xb4}}) {
    EXPECT_EQ(judge(body(field(name, static_cast<std::uint8_t>(byte), 48))), "") << name;
    EXPECT_EQ(judge(body(field(name, 0, 48))), ours);
  }
  EXPECT_EQ(judge(body(field("report_data", 0x77, 64))), "");
  EXPECT_EQ(judge(body(field("report_data", 0x78, 64))), "report_data");
  // Byte by byte, not as one number.
  EXPECT_EQ(judge(body(R"(minimum_tee_tcb_svn: "\x05\x01\x02\0\0\0\0\0\0\0\0\0\0\0\0\0")")), "");
  EXPECT_EQ(judge(body(R"(minimum_tee_tcb_svn: "\x04\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0")")), "");
  EXPECT_EQ(judge(body(R"(minimum_tee_tcb_svn: "\0\x02\0\0\0\0\0\0\0\0\0\0\0\0\0\0")")), "tee_tcb_svn");
  EXPECT_EQ(judge(body(R"(minimum_tee_tcb_svn: "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01")")), "tee_tcb_svn");
}

TEST(GoTdxGuest, DebugIsRefusedWhereAskedFor) {
  const auto asks = made::import("go-tdx-guest", body("enable_td_debug_check: true"));
  EXPECT_EQ(made::misses(asks.sets, domain()), "");
  Appraisal debug = domain();
  debug.attested["tdattributes"] = "0100001000000000";
  EXPECT_EQ(made::misses(asks.sets, debug), "tdattributes");
  EXPECT_TRUE(asks.not_taken.empty());
  const auto lets = made::import("go-tdx-guest", body("enable_td_debug_check: false"));
  EXPECT_EQ(made::misses(lets.sets, debug), "");
  ASSERT_EQ(lets.not_taken.size(), 1u);
  EXPECT_NE(lets.not_taken[0].find("forgive: [td.debug]"), std::string::npos);
}

TEST(GoTdxGuest, HeaderOfAQuote) {
  // Intel's QE, which every authentic quote has.
  EXPECT_EQ(judge(body("") + "header_policy { minimum_qe_svn: 0 qe_vendor_id: "
                             "'\\x93\\x9a\\x72\\x33\\xf7\\x9c\\x4c\\xa9\\x94\\x0a\\x0d\\xb3\\x95\\x7f\\x06\\x07' }"),
            "");
  for (const char* header : {"minimum_qe_svn: 1", "minimum_pce_svn: 13", "qe_vendor_id: '0123456789abcdef'"}) {
    const std::string why = made::failure("go-tdx-guest", "header_policy {" + std::string(header) + "}" + body(""));
    EXPECT_TRUE(why.starts_with("unsupported: file:1: header_policy." + std::string(header).substr(0, 10))) << why;
  }
}

TEST(GoTdxGuest, RefusesWhatThePeerDoesOrNobodyHolds) {
  for (const char* text : {"", "policy {}", "header_policy {}", "td_quote_body_policy { report_data: 'short' }",
                           "td_quote_body_policy { mr_td: '' }", "td_quote_body_policy { any_mr_td: '' }",
                           "td_quote_body_policy { xfam: 'ab' }", "td_quote_body_policy { mr_ted: 'a' }",
                           "header_policy { minimum_qe_svn: 65536 }", "root_of_trust {}"})
    EXPECT_EQ(made::failure("go-tdx-guest", text).substr(0, 12), "format: file") << text;
  EXPECT_EQ(made::failure("go-tdx-guest", body("rtmrs: ''")).substr(0, 12), "format: file");
  EXPECT_NE(made::failure("go-tdx-guest", body("") + std::string(std::size_t{1} << 20, ' ')).find("at most 1048576"),
            std::string::npos);
  // Nothing but the requirements: any domain would do.
  EXPECT_NE(
      made::failure("go-tdx-guest", "td_quote_body_policy {" + field("mr_seam", 1, 48) + "}").find("names no register"),
      std::string::npos);
  const std::string roots = made::failure("go-tdx-guest", "policy {" + body("") + "} root_of_trust { cabundles: 'x' }");
  EXPECT_TRUE(roots.starts_with("unsupported: file:")) << roots;
  EXPECT_NE(roots.find("--trust-anchor"), std::string::npos);
}

TEST(GoTdxGuest, IsReadBackAsItWasWritten) {
  const auto sets =
      made::import("go-tdx-guest",
                   body(field("report_data", 0x77, 64) + field("mr_seam", 0xb4, 48) + field("mr_owner", 0xb2, 48) +
                        R"(minimum_tee_tcb_svn: "\x04\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0" enable_td_debug_check: true)"))
          .sets;
  const auto out = made::exported("go-tdx-guest", sets);
  EXPECT_TRUE(out.left_out.empty()) << made::joined(out.left_out);
  const auto again = made::import("go-tdx-guest", out.text).sets;
  ASSERT_EQ(again.size(), 1u);
  EXPECT_EQ(again[0].registers, sets[0].registers);
  EXPECT_EQ(again[0].policy, sets[0].policy);
  EXPECT_EQ(made::misses(again, domain()), "");
  for (const Requirement& r : sets[0].requirements)
    EXPECT_NE(std::ranges::find(again[0].requirements, r), again[0].requirements.end()) << r.name;
}

TEST(GoTdxGuest, SaysWhatItLeavesOut) {
  ReferenceValues set{.name = "certificate", .tee = "intel-tdx"};
  set.valid_until = 1;
  set.registers = {{"mrtd", {Bytes(48, 1), Bytes(48, 2)}}};
  set.policy = Json::object({{"tdattributes", "any"},
                             {"mrsignerseam", hex(0, 48)},
                             {"xfam", Json::array({"e702060000000000", "e742060000000000"})}});
  set.requirements = {{.name = "tcb.status", .one_of = {"UpToDate"}, .none_of = {}, .at_least = {}, .masked = {}}};
  const auto out = made::exported("go-tdx-guest", {set});
  EXPECT_EQ(made::import("go-tdx-guest", out.text).sets.at(0).registers, set.registers);
  const std::string left = made::joined(out.left_out);
  for (const char* what : {"mrsignerseam", "xfam", "tcb.status", "rtmr0", "rtmr3", "until when it is good"})
    EXPECT_NE(left.find(what), std::string::npos) << what << " in " << left;
  EXPECT_EQ(left.find("tdattributes"), std::string::npos) << left;
  // Debug mode, which nobody asked to let pass, does not.
  EXPECT_NE(out.text.find("enable_td_debug_check: true"), std::string::npos);

  const auto write = find_reference_format("go-tdx-guest")->write;
  EXPECT_FALSE(write(std::vector{set, set}));
  ReferenceValues other = set;
  other.tee = "intel-sgx";
  EXPECT_FALSE(write(std::vector{other}));
  other = set;
  other.registers["rtmr1"] = {Bytes(48, 1), Bytes(48, 2)};
  EXPECT_FALSE(write(std::vector{other}));
  other = set;
  other.registers["pcr0"] = {Bytes(48, 1)};
  EXPECT_FALSE(write(std::vector{other}));
  EXPECT_FALSE(write({}));
}

}  // namespace
}  // namespace hallmark::references
