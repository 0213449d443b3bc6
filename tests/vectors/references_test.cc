// Policies of other verifiers, made of what real quotes and reports say: they match these, and with one thing changed
// they do not. Oracle: the vectors' "identity", which other verifiers' test data says of them; for bytes in the order
// of Intel's appraisal, byte_to_hexstring() of its qve.cpp.
#include "lib/formats/textproto.h"
#include "lib/tee/appraisal_policy.h"
#include "lib/tee/dcap/appraise.h"
#include "lib/tee/references/reference_format.h"
#include "lib/tee/snp/appraise.h"
#include "tests/vectors/vectors.h"

namespace hallmark::references {
namespace {

class ReferenceVectors : public VectorsTest {
 protected:
  ReferenceVectors() : VectorsTest("quotes") {}

  const Json& entry(const std::string& id) const {
    for (const Json& e : entries_)
      if (e.find("id")->string() == id) return e;
    throw std::runtime_error("no vector " + id);
  }

  // At its first time at which it is verified.
  Appraisal appraised(const Json& e) const {
    const Bytes evidence = read(e.find("files")->items().at(0).find("file")->string());
    AppraiseRequest request{.evidence = evidence, .name = "evidence"};
    const bool snp = e.find("type")->string() == "snp-report";
    if (snp) {
      request.endorsements = {{"vek", read(e.find("files")->items().at(1).find("file")->string())},
                              {"chain", read(e.find("chain")->string())}};
    }
    for (const Json& kase : e.find("cases")->items())
      for (const Json& check : kase.find("checks")->items()) {
        if (check.find("expect")->find("result")->string() != "verified") continue;
        request.time = check.find("time")->integer();
        if (!snp) request.endorsements = {{"collateral", read(kase.find("collateral")->find("file")->string())}};
        auto out = snp ? snp::appraise(request) : dcap::appraise_quote(request);
        if (!out) throw std::runtime_error(out.error().message());
        return *std::move(out);
      }
    throw std::runtime_error("a vector that is never verified");
  }

  static std::string text(const Json& e, const char* name) { return e.find("identity")->find(name)->string(); }
  static std::string field(const std::string& theirs, const std::string& hex) {
    return theirs + ": " + textproto::literal(*from_hex(hex)) + "\n";
  }
  static std::string reversed(const std::string& hex) {
    Bytes bytes = *from_hex(hex);
    std::ranges::reverse(bytes);
    return to_hex(bytes);
  }

  // The reasons why it does not match, without "match.".
  static std::string misses(const std::string& format, const std::string& file, Appraisal a) {
    const auto found = detect_reference_format(file, "file");
    if (!found || (*found)->name != format) return "is not found to be " + format;
    const auto read = (*found)->read(file, "file");
    if (!read) return read.error().message();
    apply_policy({}, a, a.time);
    match_reference_values(read->sets, {}, a);
    EXPECT_TRUE(a.match.reached);
    std::string out;
    for (const Reason& reason : a.match.reasons) out += (out.empty() ? "" : " ") + reason.code.substr(6);
    return out;
  }
  // With the last digit of a value another one.
  static std::string changed(std::string hex) {
    hex.back() = hex.back() == '0' ? '1' : '0';
    return hex;
  }
};

TEST_F(ReferenceVectors, GoTdxGuest) {
  const Json& e = entry("real-tdx10-v4-12b401a8");
  const auto policy = [&](const std::string& change) {
    std::string out = "policy { td_quote_body_policy {\n";
    for (const auto& [theirs, ours] :
         {std::pair{"mr_td", "mrtd"}, std::pair{"mr_seam", "mrseam"}, std::pair{"td_attributes", "td_attributes"},
          std::pair{"xfam", "xfam"}, std::pair{"mr_config_id", "mrconfigid"}, std::pair{"mr_owner", "mrowner"},
          std::pair{"rtmrs", "rtmr0"}, std::pair{"rtmrs", "rtmr1"}, std::pair{"rtmrs", "rtmr2"},
          std::pair{"rtmrs", "rtmr3"}, std::pair{"report_data", "report_data"},
          std::pair{"minimum_tee_tcb_svn", "tee_tcb_svn"}}) {
      const std::string value = text(e, ours);
      out += field(theirs, change == ours ? changed(value) : value);
    }
    return out + "} }";
  };
  const Appraisal a = appraised(e);
  EXPECT_EQ(misses("go-tdx-guest", policy(""), a), "");
  for (const char* name :
       {"mrtd", "mrseam", "xfam", "mrconfigid", "mrowner", "rtmr0", "rtmr3", "report_data", "tee_tcb_svn"})
    EXPECT_EQ(misses("go-tdx-guest", policy(name), a), name);
  EXPECT_EQ(misses("go-tdx-guest", policy("td_attributes"), a), "tdattributes");
}

TEST_F(ReferenceVectors, GoSevGuest) {
  const Json& e = entry("snp-milan-vcek-v2");
  const auto policy = [&](const std::string& change, const std::string& more) {
    std::string out = more;
    for (const char* name : {"measurement", "family_id", "image_id", "host_data", "chip_id", "report_data"})
      out += field(name, change == name ? changed(text(e, name)) : text(e, name));
    return out;
  };
  // Its current TCB is not the committed one, and its key is of TCB 03 00 … 08 73.
  const std::string rest =
      "policy: 0x3001f permit_provisional_firmware: true minimum_tcb: 0x7308000000000003\n"
      "platform_info { value: 1 } minimum_guest_svn: 4 vmpl {} product { name: SEV_PRODUCT_MILAN }\n" +
      std::string("require_id_block: true ") + field("trusted_id_key_hashes", text(e, "id_key_digest"));
  const Appraisal a = appraised(e);
  EXPECT_EQ(misses("go-sev-guest", policy("", rest), a), "");
  for (const char* name : {"measurement", "family_id", "image_id", "host_data", "chip_id", "report_data"})
    EXPECT_EQ(misses("go-sev-guest", policy(name, rest), a), name);
  const std::string plain = "permit_provisional_firmware: true ";
  EXPECT_EQ(misses("go-sev-guest", policy("", "policy: 0x2001f " + plain), a), "policy");
  EXPECT_EQ(misses("go-sev-guest", policy("", "policy: 0x30020 " + plain), a), "policy_abi");
  EXPECT_EQ(misses("go-sev-guest", policy("", "policy: 0x3001f "), a), "provisional");
  EXPECT_EQ(misses("go-sev-guest", policy("", "policy: 0x3001f platform_info {} " + plain), a), "platform_info");
  EXPECT_EQ(misses("go-sev-guest", policy("", "policy: 0x3001f minimum_tcb: 0x7408000000000003 " + plain), a),
            "reported_tcb");
  EXPECT_EQ(misses("go-sev-guest", policy("", "policy: 0x3001f minimum_version: '1.53' " + plain), a),
            "firmware_version");
}

TEST_F(ReferenceVectors, IntelAppraisalOfAnEnclave) {
  const Json& e = entry("real-sgx-v3-743a7a64");
  const auto policy = [&](const std::string& change) {
    Json reference = Json::object();
    for (const auto& [theirs, ours] :
         {std::pair{"sgx_mrenclave", "mrenclave"}, std::pair{"sgx_mrsigner", "mrsigner"},
          std::pair{"sgx_attributes", "attributes"}, std::pair{"sgx_configid", "config_id"}})
      reference[theirs] = reversed(change == ours ? changed(text(e, ours)) : text(e, ours));
    reference["sgx_attributes_mask"] = std::string(32, 'F');
    reference["sgx_isvprodid"] = *e.find("identity")->find("isv_prod_id");
    return Json::object({{"policy_array",
                          Json::array({Json::object(
                              {{"environment", Json::object({{"class_id", "bef7cb8c-31aa-42c1-854c-10db005d5c41"}})},
                               {"reference", std::move(reference)}})})}})
        .pretty();
  };
  const Appraisal a = appraised(e);
  EXPECT_EQ(misses("intel-appraisal", policy(""), a), "");
  for (const char* name : {"mrenclave", "mrsigner", "config_id"})
    EXPECT_EQ(misses("intel-appraisal", policy(name), a), name);
  // The last byte of the sixteen is XFRM's.
  EXPECT_EQ(misses("intel-appraisal", policy("attributes"), a), "xfrm");
}

TEST_F(ReferenceVectors, IntelAppraisalOfADomain) {
  const Json& e = entry("real-tdx10-v4-12b401a8");
  const auto policy = [&](const std::string& change, const char* id) {
    Json reference = Json::object();
    for (const auto& [theirs, ours] :
         {std::pair{"tdx_mrtd", "mrtd"}, std::pair{"tdx_rtmr0", "rtmr0"}, std::pair{"tdx_rtmr1", "rtmr1"},
          std::pair{"tdx_rtmr2", "rtmr2"}, std::pair{"tdx_rtmr3", "rtmr3"},
          std::pair{"tdx_attributes", "td_attributes"}, std::pair{"tdx_xfam", "xfam"},
          std::pair{"tdx_mrconfigid", "mrconfigid"}, std::pair{"tdx_mrowner", "mrowner"}})
      reference[theirs] = reversed(change == ours ? changed(text(e, ours)) : text(e, ours));
    return Json::object({{"policy_array", Json::array({Json::object({{"environment", Json::object({{"class_id", id}})},
                                                                     {"reference", std::move(reference)}})})}})
        .pretty();
  };
  constexpr const char *k10 = "a1e4ee9c-a12e-48ac-bed0-e3f89297f687", *k15 = "45b734fc-aa4e-4c3d-ad28-e43d08880e68";
  const Appraisal a = appraised(e);
  EXPECT_EQ(misses("intel-appraisal", policy("", k10), a), "");
  EXPECT_EQ(misses("intel-appraisal", policy("", k15), a), "body");
  for (const char* name : {"mrtd", "rtmr0", "rtmr2", "xfam", "mrconfigid", "mrowner"})
    EXPECT_EQ(misses("intel-appraisal", policy(name, k10), a), name);
}

}  // namespace
}  // namespace hallmark::references
