// What Automata's contracts would say of quotes under a root of our own. Oracle: the contracts' source at the commits
// that the profiles name, followed by hand for each of these quotes; nobody ran them.
#include "lib/tee/dcap/profile.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "lib/tee/dcap/appraise.h"
#include "tests/evidence/dcap.h"

namespace hallmark::dcap {
namespace {

using made::Dcap;

struct Asked {
  Appraisal appraisal;
  Prediction prediction;
};

Asked ask(const std::string& profile, const Dcap& dcap,
          const std::function<void(AppraiseRequest&, Bytes&)>& change = {}) {
  made::MadeEvidence evidence = make(dcap);
  AppraiseRequest request{.name = "quote", .time = dcap.now(), .profile = profile};
  request.endorsements.push_back({"collateral", Bytes(evidence.collateral.begin(), evidence.collateral.end())});
  request.trust_anchor = evidence.root;
  if (change) change(request, evidence.evidence);
  request.evidence = evidence.evidence;
  auto out = appraise_quote(request);
  EXPECT_TRUE(out && out->prediction) << (out ? "no prediction" : out.error().message());
  return out && out->prediction ? Asked{*out, *out->prediction} : Asked{};
}

// "accepted TCB_OUT_OF_DATE", "refused X509VE", "accepted TCBR"
std::string said(const Prediction& p) {
  return p.outcome + (p.tcb_status ? " " + p.tcb_status->name : "") + (p.output.empty() ? "" : " " + p.output);
}

std::string differences(const Prediction& p) {
  std::string out;
  for (const auto& d : p.differences) out += (out.empty() ? "" : " ") + d.code;
  return out;
}

std::string why(const Prediction& p, const std::string& code) {
  const auto it = std::ranges::find(p.differences, code, &Prediction::Difference::code);
  return it == p.differences.end() ? "" : it->why;
}

std::vector<unsigned> old_platform() {
  std::vector<unsigned> out(16, 5);
  out[0] = 4;
  return out;
}

TEST(DcapProfile, IsFoundByName) {
  EXPECT_EQ(profile_names(), (std::vector<std::string>{"automata-v1.0", "automata-v1.1", "automata-v1.1.2"}));
  for (const Profile& profile : profiles()) {
    EXPECT_EQ(find_profile(profile.name), &profile);
    EXPECT_EQ(profile.commit.size(), 40u);
    EXPECT_EQ(profile.pccs_commit.size(), 40u);
  }
  EXPECT_EQ(find_profile("automata-v2"), nullptr);
  const made::MadeEvidence evidence = made::make({});
  const auto got = appraise_quote({.evidence = evidence.evidence, .name = "quote", .profile = "automata-v2"});
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().fault, Fault::usage);
}

TEST(DcapProfile, AgreesOnWhatIsGood) {
  const std::pair<const char*, Dcap> cases[] = {
      {"SGX, version 3", {.version = 3}},
      {"SGX, version 4", {.version = 4}},
      {"TDX, version 4", {.version = 4, .tdx = true}},
      {"authentication data of another length", {.qe_auth = Bytes(100, 1)}},
      {"SGX, version 5", {.version = 5}},
      {"TDX 1.0, version 5", {.version = 5, .tdx = true}},
      {"TDX 1.5, version 5", {.version = 5, .tdx = true, .body_type = 3}},
  };
  for (const auto& [name, dcap] : cases)
    for (const Profile& profile : profiles()) {
      SCOPED_TRACE(name + std::string(" for ") + std::string(profile.name));
      const Asked got = ask(std::string(profile.name), dcap);
      // V5QuoteVerifier is of v1.1.
      const bool read = dcap.version < 5 || profile.name != "automata-v1.0";
      EXPECT_EQ(said(got.prediction), read ? "accepted OK" : "refused") << got.prediction.detail;
      EXPECT_EQ(differences(got.prediction), read ? "" : "verdict");
      EXPECT_EQ(got.appraisal.tcb_status, "UpToDate");
      EXPECT_FALSE(got.prediction.assumptions.empty());
    }
}

// One row a quote: what ours comes to, and each release.
TEST(DcapProfile, FollowsTheContractsByHand) {
  const struct {
    const char* name;
    Dcap dcap;
    const char* ours;
    const char *v10, *v10_differs, *v11, *v11_differs;
  } cases[] = {
      // TCBInfoV3Base: all sixteen components, where Intel leaves two to the module's identity
      {"a module of SVN 5 under levels that say 6",
       {.tdx = true, .tee_tcb_svn = *from_hex("05010300000000000000000000000000")},
       "UpToDate",
       "refused",
       "verdict",
       "refused TCBR",
       "verdict"},
      // V3QuoteVerifier, V4QuoteVerifier: `return (statusFound, …)`
      {"a revoked platform, version 3",
       {.version = 3, .status = "Revoked"},
       "Revoked",
       "accepted",
       "tcb.status",
       "accepted TCBR",
       "tcb.status"},
      {"a revoked platform, version 4",
       {.version = 4, .status = "Revoked"},
       "Revoked",
       "accepted",
       "tcb.status",
       "accepted TCBR",
       "tcb.status"},
      {"a revoked platform, version 5",
       {.version = 5, .status = "Revoked"},
       "Revoked",
       "refused",
       "",
       "refused TCBR",
       ""},
      {"a revoked domain", {.tdx = true, .status = "Revoked"}, "Revoked", "refused", "", "refused TCBR", ""},
      {"a revoked module", {.tdx = true, .module_status = "Revoked"}, "Revoked", "refused", "", "refused TCBR", ""},
      {"a revoked quoting enclave, version 3",
       {.version = 3, .qe_status = "Revoked"},
       "Revoked",
       "accepted",
       "tcb.status",
       "refused QEIDVE",
       ""},
      {"a revoked quoting enclave, version 4",
       {.version = 4, .qe_status = "Revoked"},
       "Revoked",
       "refused",
       "",
       "refused QEIDVE",
       ""},
      // convergeTcbStatusWith…: in v1.0 the result of two that are OutOfDate is never set
      {"one OutOfDate",
       {.tdx = true, .module_status = "OutOfDate"},
       "OutOfDate",
       "accepted TCB_OUT_OF_DATE",
       "tcb.open",
       "accepted TCB_OUT_OF_DATE",
       "tcb.open"},
      {"platform and module OutOfDate",
       {.tdx = true, .components = old_platform(), .module_status = "OutOfDate"},
       "OutOfDate",
       "accepted OK",
       "tcb.status",
       "accepted TCB_OUT_OF_DATE",
       "tcb.open"},
      {"platform and quoting enclave OutOfDate",
       {.version = 4, .components = old_platform(), .qe_status = "OutOfDate"},
       "OutOfDate",
       "accepted OK",
       "tcb.status",
       "accepted TCB_OUT_OF_DATE",
       "tcb.open"},
      {"configuration needed, module OutOfDate",
       {.tdx = true, .status = "ConfigurationNeeded", .module_status = "OutOfDate"},
       "OutOfDateConfigurationNeeded",
       "accepted TCB_OUT_OF_DATE_CONFIGURATION_NEEDED",
       "tcb.open",
       "accepted TCB_OUT_OF_DATE_CONFIGURATION_NEEDED",
       "tcb.open"},
      // advisoryIDs: of the platform's level, and none for version 3
      {"an old platform, version 3",
       {.version = 3, .components = old_platform()},
       "OutOfDate",
       "accepted TCB_OUT_OF_DATE",
       "tcb.open advisories",
       "accepted TCB_OUT_OF_DATE",
       "tcb.open advisories"},
      {"an old platform, version 4",
       {.version = 4, .components = old_platform()},
       "OutOfDate",
       "accepted TCB_OUT_OF_DATE",
       "tcb.open",
       "accepted TCB_OUT_OF_DATE",
       "tcb.open"},
      {"a platform below every level, version 4",
       {.version = 4, .components = std::vector<unsigned>(16, 1)},
       "",
       "refused",
       "",
       "refused TCBR",
       ""},
      {"a platform below every level, version 5",
       {.version = 5, .components = std::vector<unsigned>(16, 1)},
       "",
       "refused",
       "",
       "reverted",
       ""},
      {"debug", {.version = 3, .attributes = 0x7}, "UpToDate", "accepted OK", "sgx.debug", "accepted OK", "sgx.debug"},
      {"a domain in debug mode",
       {.tdx = true, .tdattributes = 1},
       "UpToDate",
       "accepted OK",
       "td.debug td.sept_ve_disable_off",
       "accepted OK",
       "td.debug td.sept_ve_disable_off"},
      {"the end of the report data",
       {.change_qe_report = [](Bytes& qe) { qe[383] = 1; }},
       "",
       "accepted OK",
       "qe_report.report_data",
       "accepted OK",
       "qe_report.report_data"},
      {"the attestation key is another",
       {.change_qe_report = [](Bytes& qe) { qe[320] ^= 1; }},
       "",
       "refused",
       "",
       "refused QEVE",
       ""},
      {"another quoting enclave",
       {.change_qe_report = [](Bytes& qe) { qe[128] ^= 1; }},
       "",
       "refused",
       "",
       "refused QEIDVE",
       ""},
      {"a quoting enclave in debug mode", {.qe_attributes = 0x17}, "", "refused", "", "refused QEIDVE", ""},
      {"another signer of the module",
       {.tdx = true, .mrsignerseam = Bytes(48, 1)},
       "",
       "refused",
       "",
       "refused TDMF",
       ""},
      {"a module that nobody names",
       {.tdx = true, .tee_tcb_svn = *from_hex("06020300000000000000000000000000")},
       "",
       "refused",
       "",
       "refused TCBR",
       ""},
      {"a revoked certificate", {.revoke_pck = true}, "", "refused", "", "refused X509VE", ""},
      {"a revoked CA", {.revoke_ca = true}, "", "refused", "", "refused X509VE", ""},
      // What its PCCS would not have stored is not what it reads.
      {"another signature over TCB info",
       {.change_tcb_info = [](std::string& info) { info.insert(1, " "); }},
       "",
       "unknown",
       "",
       "unknown",
       ""},
      {"TCB info of another platform", {.tcb_fmspc = Bytes(6, 0x77)}, "", "unknown", "", "unknown", ""},
      {"a body that it does not know",
       {.version = 5, .tdx = true, .body_type = 4},
       "UpToDate",
       "refused",
       "verdict",
       "refused QBF",
       "verdict"},
      // V5QuoteVerifier: the status of the relaunch check is overwritten, its failure is not
      {"a domain that should be started again",
       {.version = 5,
        .tdx = true,
        .body_type = 3,
        .tee_tcb_svn = *from_hex("06010200000000000000000000000000"),
        .tee_tcb_svn2 = *from_hex("06010300000000000000000000000000")},
       "TDRelaunchAdvised",
       "refused",
       "verdict",
       "accepted TCB_OUT_OF_DATE",
       "tcb.status tcb.open"},
      {"TEE_TCB_SVN2 of a module that nobody names",
       {.version = 5,
        .tdx = true,
        .body_type = 3,
        .tee_tcb_svn2 = *from_hex("06020300000000000000000000000000"),
        .module_status = "OutOfDate"},
       "OutOfDate",
       "refused",
       "verdict",
       "refused TDRF",
       "verdict"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    const Asked old = ask("automata-v1.0", c.dcap), newer = ask("automata-v1.1", c.dcap),
                newest = ask("automata-v1.1.2", c.dcap);
    EXPECT_EQ(newer.appraisal.tcb_status, c.ours);
    EXPECT_EQ(said(old.prediction), c.v10) << old.prediction.detail;
    EXPECT_EQ(differences(old.prediction), c.v10_differs);
    EXPECT_EQ(said(newer.prediction), c.v11) << newer.prediction.detail;
    EXPECT_EQ(differences(newer.prediction), c.v11_differs);
    // They differ in the chain alone.
    EXPECT_EQ(said(newest.prediction), c.v11);
    EXPECT_EQ(differences(newest.prediction), c.v11_differs);
  }
}

TEST(DcapProfile, NamesTheRuleThatMakesTheDifference) {
  const auto of = [](const std::string& profile, const Dcap& dcap, const std::string& code) {
    return why(ask(profile, dcap).prediction, code);
  };
  EXPECT_NE(of("automata-v1.1", {.tdx = true, .tee_tcb_svn = *from_hex("05010300000000000000000000000000")}, "verdict")
                .find("components 1 and 2"),
            std::string::npos);
  EXPECT_NE(of("automata-v1.0", {.tdx = true, .components = old_platform(), .module_status = "OutOfDate"}, "tcb.status")
                .find("first value"),
            std::string::npos);
  EXPECT_NE(of("automata-v1.1",
               {.version = 5,
                .tdx = true,
                .body_type = 3,
                .tee_tcb_svn = *from_hex("06010200000000000000000000000000"),
                .tee_tcb_svn2 = *from_hex("06010300000000000000000000000000")},
               "tcb.status")
                .find("TEE_TCB_SVN2"),
            std::string::npos);
}

// PCCSRouter of v1.0: `timestamp >= issuedAt || timestamp <= expiredAt`
TEST(DcapProfile, UsesExpiredCollateralInVersion10) {
  const auto late = [](AppraiseRequest& request, Bytes&) { request.time = Dcap().next_update + 1; };
  const Asked old = ask("automata-v1.0", {}, late);
  EXPECT_EQ(said(old.prediction), "accepted OK");
  EXPECT_EQ(differences(old.prediction), "crl.pck.expired tcb_info.expired crl.root.expired qe_identity.expired");
  EXPECT_FALSE(old.appraisal.authentic.ok());
  const Asked newer = ask("automata-v1.1", {}, late);
  EXPECT_EQ(said(newer.prediction), "refused QEIDVE");
  EXPECT_EQ(differences(newer.prediction), "");
  // What a policy of ours gives time, neither knows of.
  const auto forgiven = [](AppraiseRequest& request, Bytes&) {
    request.time = Dcap().next_update + 1;
    request.collateral_grace = 3600;
  };
  EXPECT_EQ(differences(ask("automata-v1.0", {}, forgiven).prediction), "");
  const Asked strict = ask("automata-v1.1", {}, forgiven);
  EXPECT_TRUE(strict.appraisal.authentic.ok());
  EXPECT_EQ(said(strict.prediction), "refused QEIDVE");
  EXPECT_NE(why(strict.prediction, "verdict").find("grace"), std::string::npos);
}

// X509ChainBase before d0ac9fd: `block.timestamp < validityNotAfter`
TEST(DcapProfile, DoesNotCountTheLastSecondBefore112) {
  Dcap dcap;
  dcap.certificates_until = dcap.now();
  EXPECT_EQ(said(ask("automata-v1.0", dcap).prediction), "refused");
  const Asked got = ask("automata-v1.1", dcap);
  EXPECT_EQ(said(got.prediction), "refused X509VE");
  EXPECT_EQ(differences(got.prediction), "verdict");
  EXPECT_EQ(said(ask("automata-v1.1.2", dcap).prediction), "accepted OK");
}

// X509ChainBase before 268a403 and 5061d48: a CA's certificate that names another issuer keeps the leaf's result.
TEST(DcapProfile, LetsAForgedCaThroughBefore112) {
  const Dcap forged{.version = 3, .forge_ca = true};
  for (const char* profile : {"automata-v1.0", "automata-v1.1"}) {
    SCOPED_TRACE(profile);
    const Asked got = ask(profile, forged);
    EXPECT_FALSE(got.appraisal.authentic.ok());
    EXPECT_EQ(said(got.prediction), "accepted OK") << got.prediction.detail;
    EXPECT_TRUE(differences(got.prediction).starts_with("pck.intermediate.")) << differences(got.prediction);
  }
  EXPECT_EQ(said(ask("automata-v1.1.2", forged).prediction), "refused X509VE");
}

TEST(DcapProfile, DoesNotReadWhatIsLeftOver) {
  for (const std::uint16_t version : {std::uint16_t{3}, std::uint16_t{4}}) {
    SCOPED_TRACE(version);
    const Dcap dcap{.version = version};
    const Asked trailing = ask("automata-v1.1", dcap, [](AppraiseRequest&, Bytes& quote) { quote.push_back('x'); });
    EXPECT_TRUE(trailing.appraisal.malformed);
    EXPECT_EQ(said(trailing.prediction), "accepted OK");
    EXPECT_EQ(differences(trailing.prediction), "quote.trailing");
    const Asked inside = ask("automata-v1.1", dcap, [](AppraiseRequest&, Bytes& quote) {
      quote[48 + 384]++;  // the length of the signature data
      quote.push_back('x');
    });
    EXPECT_EQ(said(inside.prediction), "accepted OK") << inside.prediction.detail;
    EXPECT_EQ(differences(inside.prediction), "quote.auth_data");
  }
}

TEST(DcapProfile, ReadsTheChainFromTheQuoteAlone) {
  const Asked got = ask("automata-v1.1", {.version = 3}, [](AppraiseRequest& request, Bytes& quote) {
    constexpr std::size_t kType = 48 + 384 + 4 + 576 + 2 + 32;
    ASSERT_EQ(quote[kType], 5);
    quote[kType] = 1;
    Json json = *parse_json(as_text(request.endorsements[0].bytes), {});
    json["pck_certificate_chain"] = std::string(as_text(ByteView(quote).subspan(kType + 6)));
    const std::string text = json.pretty();
    request.endorsements[0].bytes.assign(text.begin(), text.end());
  });
  EXPECT_EQ(got.appraisal.tcb_status, "UpToDate");
  EXPECT_EQ(said(got.prediction), "refused ADF");
  EXPECT_EQ(differences(got.prediction), "verdict");
}

TEST(DcapProfile, CannotTellWithoutCollateral) {
  const Asked got = ask("automata-v1.1", {}, [](AppraiseRequest& request, Bytes&) { request.endorsements.clear(); });
  EXPECT_EQ(said(got.prediction), "unknown");
  EXPECT_EQ(differences(got.prediction), "");
  // What is not even a quote to read is refused with whatever collateral.
  const Asked cut = ask("automata-v1.1", {}, [](AppraiseRequest&, Bytes& quote) { quote.resize(600); });
  EXPECT_EQ(said(cut.prediction).substr(0, 7), "refused");
}

TEST(DcapProfile, ChangesNothingOfTheVerdict) {
  const Dcap dcap{.tdx = true, .components = old_platform()};
  const made::MadeEvidence evidence = make(dcap);
  AppraiseRequest request{.evidence = evidence.evidence, .name = "quote", .time = dcap.now()};
  request.endorsements.push_back({"collateral", Bytes(evidence.collateral.begin(), evidence.collateral.end())});
  request.trust_anchor = evidence.root;
  const auto without = appraise_quote(request);
  request.profile = "automata-v1.0";
  const auto with = appraise_quote(request);
  ASSERT_TRUE(without && with);
  EXPECT_FALSE(without->prediction);
  EXPECT_EQ(with->tcb_status, without->tcb_status);
  EXPECT_EQ(with->tcb.reasons, without->tcb.reasons);
  EXPECT_EQ(with->authentic.reasons, without->authentic.reasons);
  EXPECT_EQ(with->tcb_details, without->tcb_details);
}

}  // namespace
}  // namespace hallmark::dcap
