// Quotes under a root of our own, each with one thing changed, and what is said of it. The cases are those in which
// real verifiers went wrong. Oracle: Intel's documents, by the reason's name.
#include "lib/tee/dcap/appraise.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/evidence/dcap.h"

namespace hallmark::dcap {
namespace {

using made::Dcap;

AppraiseRequest request_for(const Dcap& dcap, const made::MadeEvidence& evidence) {
  AppraiseRequest out{.evidence = evidence.evidence, .name = "quote", .time = dcap.now()};
  out.endorsements.push_back({"collateral", Bytes(evidence.collateral.begin(), evidence.collateral.end())});
  out.trust_anchor = evidence.root;
  return out;
}

Appraisal appraised(const Dcap& dcap) {
  const made::MadeEvidence evidence = make(dcap);
  auto out = appraise_quote(request_for(dcap, evidence));
  EXPECT_TRUE(out) << out.error().message();
  return out ? *std::move(out) : Appraisal{};
}

std::string codes(const std::vector<Reason>& reasons) {
  std::string out;
  for (const Reason& reason : reasons) out += (out.empty() ? "" : " ") + reason.code;
  return out;
}

std::string flags(const Appraisal& appraisal) {
  std::string out;
  for (const Flag& flag : appraisal.flags) out += (out.empty() ? "" : " ") + flag.code;
  return out;
}

TEST(DcapVerify, AcceptsEveryVersionAndBody) {
  const std::pair<const char*, Dcap> cases[] = {
      {"SGX, version 3", {.version = 3}},
      {"SGX, version 4", {.version = 4}},
      {"SGX, version 5", {.version = 5}},
      {"TDX, version 4", {.version = 4, .tdx = true}},
      {"TDX 1.0, version 5", {.version = 5, .tdx = true}},
      {"TDX 1.5, version 5", {.version = 5, .tdx = true, .body_type = 3}},
      {"TDX 1.5 Ex, version 5", {.version = 5, .tdx = true, .body_type = 4}},
      {"authentication data of another length", {.qe_auth = Bytes(100, 1)}},
      {"no authentication data", {.qe_auth = {}}},
  };
  for (const auto& [name, dcap] : cases) {
    SCOPED_TRACE(name);
    const Appraisal got = appraised(dcap);
    EXPECT_EQ(codes(got.authentic.reasons), "");
    EXPECT_EQ(codes(got.tcb.reasons), "");
    EXPECT_TRUE(got.authentic.ok() && got.tcb.ok());
    EXPECT_EQ(got.tcb_status, "UpToDate");
    EXPECT_EQ(flags(got), "");
    EXPECT_EQ(to_hex(got.report_data), to_hex(dcap.report_data));
    EXPECT_EQ(got.machine, "intel-ppid:" + to_hex(dcap.ppid));
    EXPECT_EQ(got.tee, dcap.tdx ? "intel-tdx" : "intel-sgx");
  }
}

TEST(DcapVerify, RefusesWhatIsNotAuthentic) {
  const std::pair<const char*, Dcap> cases[] = {
      {"qe_report.report_data", {.change_qe_report = [](Bytes& qe) { qe[320] ^= 1; }}},
      // Intel's own library does not look at the second half.
      {"qe_report.report_data", {.change_qe_report = [](Bytes& qe) { qe[383] = 1; }}},
      {"qe.mrsigner", {.change_qe_report = [](Bytes& qe) { qe[128] ^= 1; }}},
      {"qe.attributes", {.qe_attributes = 0x17}},
      {"qe.miscselect", {.change_qe_report = [](Bytes& qe) { qe[16] = 1; }}},
      {"qe.isvprodid", {.qe_isvprodid = 9}},
      {"tcb_info.fmspc_mismatch", {.tcb_fmspc = Bytes(6, 0x77)}},
      {"tcb_info.signature",
       {.change_tcb_info = [](std::string& info) { info.replace(info.find("UpToDate"), 8, "UpToDatf"); }}},
      {"tcb_info.signature", {.change_tcb_info = [](std::string& info) { info.insert(1, " "); }}},
      {"pck.leaf.revoked", {.revoke_pck = true}},
      {"pck.intermediate.revoked", {.revoke_ca = true}},
      {"tdx_module.mrsigner", {.tdx = true, .mrsignerseam = Bytes(48, 1)}},
      {"tdx_module.attributes", {.tdx = true, .seam_attributes = Bytes(8, 1)}},
      {"tdx_module.identity_missing", {.tdx = true, .tee_tcb_svn = *from_hex("06020300000000000000000000000000")}},
  };
  for (const auto& [code, dcap] : cases) {
    SCOPED_TRACE(code);
    const Appraisal got = appraised(dcap);
    EXPECT_EQ(codes(got.authentic.reasons), code);
    EXPECT_FALSE(got.tcb.reached);
    EXPECT_EQ(got.tcb_status, "");
  }
}

TEST(DcapVerify, HoldsEveryDocumentToItsDates) {
  const Dcap dcap;
  const made::MadeEvidence evidence = make(dcap);
  AppraiseRequest request = request_for(dcap, evidence);
  const struct {
    UnixTime time;
    const char* codes;
  } cases[] = {
      {dcap.issued, ""},
      {dcap.next_update, ""},
      {dcap.issued - 1,
       "crl.pck.not_yet_valid tcb_info.not_yet_valid crl.root.not_yet_valid qe_identity.not_yet_valid"},
      {dcap.next_update + 1, "crl.pck.expired tcb_info.expired crl.root.expired qe_identity.expired"},
      {dcap.certificates_until + 1, "pck.root.expired tcb_info.root.expired crl.root.expired qe_identity.root.expired"},
  };
  for (const auto& c : cases) {
    request.time = c.time;
    const auto got = appraise_quote(request);
    ASSERT_TRUE(got);
    EXPECT_EQ(codes(got->authentic.reasons), c.codes) << c.time;
  }
}

// The vendor's root is pinned: names are nothing.
TEST(DcapVerify, TrustsNoOtherRoot) {
  const Dcap dcap;
  const made::MadeEvidence evidence = make(dcap), other = made::make({.root = "Intel SGX Root CA"});
  AppraiseRequest request = request_for(dcap, evidence);
  request.trust_anchor = other.root;
  EXPECT_EQ(codes(appraise_quote(request)->authentic.reasons),
            "pck.root_untrusted tcb_info.root_untrusted qe_identity.root_untrusted");
  request.trust_anchor.reset();
  const auto pinned = appraise_quote(request);
  EXPECT_EQ(codes(pinned->authentic.reasons), "pck.root_untrusted tcb_info.root_untrusted qe_identity.root_untrusted");
  EXPECT_EQ(pinned->private_anchor, "");
  // Another platform's collateral, under another root.
  request.trust_anchor = evidence.root;
  request.endorsements = {{"collateral", Bytes(other.collateral.begin(), other.collateral.end())}};
  EXPECT_FALSE(appraise_quote(request)->authentic.ok());
}

TEST(DcapVerify, NeedsEveryPartOfTheCollateral) {
  const Dcap dcap;
  const made::MadeEvidence evidence = make(dcap);
  const std::pair<const char*, const char*> cases[] = {
      {"tcb_info", "tcb_info.missing"},
      {"qe_identity", "qe_identity.missing"},
      {"root_ca_crl", "crl.root.missing"},
      {"pck_crl", "crl.pck.missing"},
      {"tcb_info_issuer_chain", "tcb_info.issuer_chain"},
      {"qe_identity_issuer_chain", "qe_identity.issuer_chain"},
  };
  for (const auto& [member, code] : cases) {
    Json json = *parse_json(evidence.collateral);
    std::erase_if(json.members(), [&](const Json::Member& m) { return m.key == member; });
    AppraiseRequest request = request_for(dcap, evidence);
    const std::string text = json.pretty();
    request.endorsements = {{"collateral", Bytes(text.begin(), text.end())}};
    const auto got = appraise_quote(request);
    ASSERT_TRUE(got) << got.error().message();
    EXPECT_EQ(codes(got->authentic.reasons), code);
  }
  AppraiseRequest nothing = request_for(dcap, evidence);
  nothing.endorsements.clear();
  EXPECT_FALSE(appraise_quote(nothing)->authentic.ok());
}

// As Intel's service answers, file by file, instead of one document.
TEST(DcapVerify, TakesCollateralInPieces) {
  const Dcap dcap;
  const made::MadeEvidence evidence = make(dcap);
  const Json json = *parse_json(evidence.collateral);
  const auto text = [&](const char* key) { return json.find(key)->string(); };
  const auto file = [](const std::string& name, const std::string& content) {
    return Endorsement{name, Bytes(content.begin(), content.end())};
  };
  std::vector<Endorsement> pieces{
      file("tcb", "{\"tcbInfo\":" + text("tcb_info") + ",\"signature\":\"" + text("tcb_info_signature") + "\"}"),
      file("qe", "{ \"signature\" : \"" + text("qe_identity_signature") +
                     "\", \"enclaveIdentity\": " + text("qe_identity") + " }\n"),
      file("signer", text("tcb_info_issuer_chain")),
      file("ca", text("pck_crl_issuer_chain")),
      file("crl1", text("root_ca_crl")),
      file("crl2", text("pck_crl")),
  };
  AppraiseRequest request = request_for(dcap, evidence);
  std::ranges::sort(pieces, {}, &Endorsement::name);
  do {
    request.endorsements = pieces;
    const auto got = appraise_quote(request);
    ASSERT_TRUE(got) << got.error().message();
    EXPECT_EQ(codes(got->authentic.reasons), "");
  } while (std::ranges::next_permutation(pieces, {}, &Endorsement::name).found && pieces.front().name == "ca");
}

TEST(DcapVerify, ShowsWhatMustBeForgiven) {
  constexpr std::uint64_t kSept = std::uint64_t{1} << 28;
  const std::pair<const char*, Dcap> cases[] = {
      {"sgx.debug", {.attributes = 0x7}},
      {"sgx.not_initialised", {.attributes = 0x4}},
      {"sgx.provision_key", {.attributes = 0x15}},
      {"sgx.einittoken_key", {.attributes = 0x25}},
      // Offsets differ in version 5: a check at a fixed offset misses it.
      {"sgx.debug", {.version = 5, .attributes = 0x7}},
      {"td.debug", {.tdx = true, .tdattributes = kSept | 1}},
      {"td.untrusted", {.tdx = true, .tdattributes = kSept | 0x80}},
      {"td.sept_ve_disable_off", {.tdx = true, .tdattributes = 0}},
      {"td.migratable", {.tdx = true, .tdattributes = kSept | std::uint64_t{1} << 29}},
      {"td.service_td", {.version = 5, .tdx = true, .body_type = 3, .mrservicetd = Bytes(48, 1)}},
  };
  for (const auto& [flag, dcap] : cases) {
    const Appraisal got = appraised(dcap);
    EXPECT_EQ(codes(got.authentic.reasons), "") << flag;
    EXPECT_EQ(flags(got), flag);
  }
}

TEST(DcapVerify, ConvergesAsIntelsLibraryDoes) {
  using enum TcbStatus;
  const struct {
    TcbStatus platform, component, both;
  } cases[] = {
      {up_to_date, up_to_date, up_to_date},
      {up_to_date, out_of_date, out_of_date},
      {sw_hardening_needed, up_to_date, sw_hardening_needed},
      {sw_hardening_needed, out_of_date, out_of_date},
      {configuration_needed, out_of_date, out_of_date_configuration_needed},
      {configuration_and_sw_hardening_needed, out_of_date, out_of_date_configuration_needed},
      {out_of_date, out_of_date, out_of_date},
      {out_of_date_configuration_needed, out_of_date, out_of_date_configuration_needed},
      {up_to_date, revoked, revoked},
      {revoked, out_of_date, revoked},
      {revoked, up_to_date, revoked},
  };
  for (const auto& c : cases) EXPECT_EQ(converge(c.platform, c.component), c.both);
}

TEST(DcapVerify, SaysWhatFallsShort) {
  Dcap dcap;
  dcap.components[2] = 4;
  dcap.pcesvn = 12;
  const Appraisal got = appraised(dcap);
  EXPECT_EQ(got.tcb_status, "OutOfDate");
  EXPECT_EQ(got.advisories, std::vector<std::string>{"INTEL-SA-00615"});
  EXPECT_EQ(got.tcb_details.find("shortfall")->canonical(),
            R"([{"component":"SGX component 3","have":4,"need":5},{"component":"PCESVN","have":12,"need":13}])");
}

TEST(DcapVerify, RefusesAPlatformBelowEveryLevel) {
  Dcap dcap;
  dcap.components[15] = 2;
  const Appraisal got = appraised(dcap);
  EXPECT_TRUE(got.authentic.ok());
  EXPECT_EQ(codes(got.tcb.reasons), "tcb.not_supported");
  EXPECT_EQ(got.tcb_status, "");
  EXPECT_EQ(codes(appraised({.qe_isvsvn = 3}).tcb.reasons), "qe.not_supported");
  EXPECT_EQ(codes(appraised({.tdx = true, .tee_tcb_svn = *from_hex("01010300000000000000000000000000")}).tcb.reasons),
            "tdx_module.not_supported");
}

// The first two of the TDX components are the module's where it has an identity of its own.
TEST(DcapVerify, LeavesTheModulesComponentsToItsIdentity) {
  EXPECT_EQ(appraised({.tdx = true, .tee_tcb_svn = *from_hex("05010300000000000000000000000000")}).tcb_status,
            "UpToDate");
  EXPECT_EQ(appraised({.tdx = true, .tee_tcb_svn = *from_hex("04010300000000000000000000000000")}).tcb_status,
            "OutOfDate");
  EXPECT_EQ(appraised({.tdx = true, .status = "ConfigurationNeeded", .module_status = "OutOfDate"}).tcb_status,
            "OutOfDateConfigurationNeeded");
}

TEST(DcapVerify, AdvisesToRelaunchADomainThatThePlatformOutgrew) {
  Dcap dcap{.version = 5,
            .tdx = true,
            .body_type = 3,
            .tee_tcb_svn = *from_hex("06010100000000000000000000000000"),
            .tee_tcb_svn2 = *from_hex("06010300000000000000000000000000")};
  EXPECT_EQ(appraised(dcap).tcb_status, "TDRelaunchAdvised");
  dcap.status = "ConfigurationNeeded";
  EXPECT_EQ(appraised(dcap).tcb_status, "TDRelaunchAdvisedConfigurationNeeded");
  dcap.status = "UpToDate";
  dcap.tee_tcb_svn2 = dcap.tee_tcb_svn;
  EXPECT_EQ(appraised(dcap).tcb_status, "OutOfDate");
  // By a module that Intel does not name, nothing is better.
  dcap.tee_tcb_svn2 = *from_hex("06770300000000000000000000000000");
  EXPECT_EQ(appraised(dcap).tcb_status, "OutOfDate");
  // The quoting enclave is what is out of date: no relaunch helps.
  dcap.tee_tcb_svn2 = *from_hex("06010300000000000000000000000000");
  dcap.qe_status = "OutOfDate";
  EXPECT_EQ(appraised(dcap).tcb_status, "OutOfDate");
}

// One bit anywhere in a quote: it is refused, or it was not part of what is signed.
TEST(DcapVerify, LetsNoBitFlip) {
  const Dcap dcap{.tdx = true};
  const made::MadeEvidence evidence = make(dcap);
  std::size_t accepted = 0;
  for (std::size_t at = 0; at < evidence.evidence.size(); at += 7) {
    Bytes flipped = evidence.evidence;
    flipped[at] ^= static_cast<std::uint8_t>(1 << (at % 8));
    AppraiseRequest request = request_for(dcap, evidence);
    request.evidence = flipped;
    const auto got = appraise_quote(request);
    ASSERT_TRUE(got);
    if (got->authentic.ok()) accepted++;
  }
  EXPECT_EQ(accepted, 0u);
}

TEST(DcapVerify, UsesVerifiedCollateralForManyQuotes) {
  const Dcap first, second{.ppid = Bytes(16, 2)};
  const made::MadeEvidence a = make(first), b = make(second);
  const auto root = Certificate::parse(a.root, "root")->spki_sha256();
  const Endorsement file{"collateral", Bytes(a.collateral.begin(), a.collateral.end())};
  const auto verified = VerifiedCollateral::verify(
      std::make_shared<const Collateral>(*read_collateral(std::span(&file, 1))), first.now(), root);
  EXPECT_EQ(codes(verified.reasons()), "");
  for (const auto* evidence : {&a, &b}) {
    const Appraisal got =
        appraise_quote({.evidence = evidence->evidence, .name = "quote", .time = first.now()}, verified);
    EXPECT_EQ(codes(got.authentic.reasons), "");
    EXPECT_EQ(got.tcb_status, "UpToDate");
  }
}

// Documents and lists get the grace that the caller gives, and no certificate does.
TEST(DcapVerify, GivesCollateralGraceWhereItIsTold) {
  const Dcap dcap;
  const made::MadeEvidence evidence = make(dcap);
  AppraiseRequest request = request_for(dcap, evidence);
  request.collateral_grace = 100;
  for (const UnixTime late : {0, 1, 100, 101}) {
    request.time = dcap.next_update + late;
    const auto got = appraise_quote(request);
    ASSERT_TRUE(got);
    EXPECT_EQ(codes(got->authentic.reasons),
              late == 101 ? "crl.pck.expired tcb_info.expired crl.root.expired qe_identity.expired" : "")
        << late;
    EXPECT_EQ(got->lapsed.size(), late == 1 || late == 100 ? 4u : 0u) << late;
    EXPECT_EQ(got->validity.until, dcap.next_update + 100) << late;
  }
  const Dcap brief{.certificates_until = dcap.issued + 86'400 + 10};
  const made::MadeEvidence other = make(brief);
  request = request_for(brief, other);
  request.collateral_grace = 100;
  request.time = brief.certificates_until + 1;
  const auto got = appraise_quote(request);
  ASSERT_TRUE(got);
  EXPECT_FALSE(got->authentic.ok());
}

// What is remembered of a CA holds for its bytes, and for the time of what it rests on.
TEST(DcapVerify, RemembersOfACaNoMoreThanItFound) {
  const Dcap dcap;
  const made::MadeEvidence made = make(dcap);
  const auto root = Certificate::parse(made.root, "root")->spki_sha256();
  const Endorsement file{"collateral", Bytes(made.collateral.begin(), made.collateral.end())};
  const auto verified = VerifiedCollateral::verify(
      std::make_shared<const Collateral>(*read_collateral(std::span(&file, 1))), dcap.now(), root);
  const auto appraised = [&](ByteView evidence, UnixTime at) {
    return appraise_quote({.evidence = evidence, .name = "quote", .time = at}, verified);
  };
  const Appraisal good = appraised(made.evidence, dcap.now());
  ASSERT_EQ(codes(good.authentic.reasons), "");
  EXPECT_EQ(good.validity.until, dcap.next_update);
  EXPECT_EQ(codes(appraised(made.evidence, dcap.next_update).authentic.reasons), "");
  EXPECT_EQ(codes(appraised(made.evidence, dcap.next_update + 1).authentic.reasons),
            "crl.pck.expired collateral.other_time");
  EXPECT_EQ(codes(appraised(made.evidence, dcap.issued - 1).authentic.reasons),
            "crl.pck.not_yet_valid collateral.other_time");

  // The last byte of each certificate in the quote is one of its signature.
  const std::string text(as_text(made.evidence));
  const auto ends = [&] {
    std::vector<std::size_t> out;
    for (std::size_t at = 0; (at = text.find("-----END", at)) != text.npos; at++) out.push_back(at);
    return out;
  }();
  ASSERT_EQ(ends.size(), 3u);
  const std::array<std::string, 3> expected{"pck.leaf.signature", "pck.intermediate.signature", "pck.root.signature"};
  for (std::size_t i = 0; i < 3; i++) {
    // The last group before white space and padding: another bit of it is another last byte.
    std::size_t at = text.find_last_not_of("=\n", ends[i] - 1) - 2;
    Bytes changed = made.evidence;
    changed[at] = changed[at] == 'A' ? 'B' : 'A';
    EXPECT_EQ(codes(appraised(changed, dcap.now()).authentic.reasons), expected[i]) << i;
  }
}

}  // namespace
}  // namespace hallmark::dcap
