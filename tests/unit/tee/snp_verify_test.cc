// Reports under an authority of our own making, and everything that can be wrong with one. OpenSSL alone made the
// signatures; what the verdict must be follows from what was changed.
#include <gmock/gmock.h>

#include "lib/tee/snp/appraise.h"
#include "tests/evidence/snp.h"

namespace hallmark::snp {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

struct Case {
  made::SnpReport report = {};
  made::SnpCertificate vek = made::snp_vcek(), ask = made::snp_ask(), ark = made::snp_ark();
  std::vector<Bytes> more = {};  // endorsements besides the three certificates
  UnixTime time = made::kSnpTime;

  static Case of_turin() {
    return {made::SnpReport::of_turin(), made::snp_vcek_of_turin(), made::snp_ask("SEV-Turin", "Turin"),
            made::snp_ark("Turin")};
  }
  static Case of_vlek() {
    Case out{{}, made::snp_vlek(), made::snp_ask("SEV-VLEK-Milan")};
    out.report.fields.set<"key_info">(1 << 2);
    return out;
  }
  static AppraiseRequest request(ByteView evidence, std::vector<Bytes> endorsements, UnixTime time = made::kSnpTime) {
    AppraiseRequest out{.evidence = evidence, .name = "report", .time = time};
    for (Bytes& bytes : endorsements)
      out.endorsements.push_back({"file " + std::to_string(out.endorsements.size()), std::move(bytes)});
    return out;
  }
  Appraisal appraise() const {
    const Bytes evidence = report.bytes();
    std::vector<Bytes> files{vek.der(), ask.der()};
    files.insert(files.end(), more.begin(), more.end());
    AppraiseRequest r = request(evidence, files, time);
    r.trust_anchor = ark.der();
    return *snp::appraise(r);
  }
};

std::vector<std::string> codes(const Appraisal& appraisal) {
  std::vector<std::string> out;
  for (const Reason& reason : appraisal.authentic.reasons) out.push_back(reason.code);
  EXPECT_EQ(appraisal.tcb.reached, appraisal.authentic.ok());
  return out;
}

std::vector<std::string> flag_codes(const Appraisal& appraisal) {
  std::vector<std::string> out;
  for (const Flag& flag : appraisal.flags) out.push_back(flag.code);
  return out;
}

TEST(SnpVerify, GoodReportIsAuthentic) {
  const Case c;
  const Appraisal a = c.appraise();
  EXPECT_THAT(codes(a), IsEmpty());
  EXPECT_TRUE(a.authentic.ok());
  EXPECT_TRUE(a.tcb.ok());
  EXPECT_FALSE(a.malformed);
  EXPECT_EQ(a.evidence, "snp-report");
  EXPECT_EQ(a.tee, "amd-sev-snp");
  EXPECT_EQ(a.vendor, "amd");
  EXPECT_EQ(a.tcb_status, "");
  EXPECT_EQ(a.tcb_details.canonical(),
            R"({"committed_tcb":{"bootloader":3,"microcode":209,"snp":8,"tee":0},)"
            R"("cpuid":{"family":25,"model":1,"stepping":1},)"
            R"("current_tcb":{"bootloader":3,"microcode":209,"snp":8,"tee":0},)"
            R"("firmware":{"committed":"1.52.4","current":"1.52.4"},)"
            R"("launch_tcb":{"bootloader":3,"microcode":209,"snp":8,"tee":0},"product":"Milan-B0","product_line":"Milan","provisional":false,)"
            R"("reported_tcb":{"bootloader":3,"microcode":209,"snp":8,"tee":0},"revocation_checked":false,)"
            R"("signing_key":"VCEK"})");
  ASSERT_EQ(a.registers.size(), 1u);
  EXPECT_EQ(a.registers[0].name, "measurement");
  EXPECT_EQ(to_hex(a.registers[0].digest), to_hex(Bytes(48, 0x4d)));
  EXPECT_EQ(to_hex(a.report_data), to_hex(Bytes(64, 0x0d)));
  EXPECT_EQ(a.attested.find("host_data")->string(), to_hex(Bytes(32, 0x40)));
  EXPECT_EQ(a.machine, "amd-chip:" + to_hex(made::snp_hwid(64)));
  EXPECT_EQ(a.validity.from, c.vek.from);
  EXPECT_EQ(a.validity.until, c.vek.until);
  EXPECT_THAT(flag_codes(a), IsEmpty());
}

// AMD's own authority has RSA keys and signs with PSS.
TEST(SnpVerify, AuthorityMayBeOfRsa) {
  Case c;
  c.ark.key = c.ark.issuer_key = c.ask.issuer_key = "rsa4096";
  c.more = {made::SnpRevocationList{.issuer_key = "rsa4096"}.der()};
  const Appraisal a = c.appraise();
  EXPECT_THAT(codes(a), IsEmpty());
  EXPECT_TRUE(a.tcb_details.find("revocation_checked")->boolean());
}

TEST(SnpVerify, VersionTwoTakesItsLineFromTheCertificate) {
  Case c;
  c.report.fields.set<"version">(2).set<"cpuid_family">(0).set<"cpuid_model">(0).set<"cpuid_stepping">(0);
  EXPECT_THAT(codes(c.appraise()), IsEmpty());
  c.vek.extensions["2"] = made::der_ia5("Naples");
  EXPECT_THAT(codes(c.appraise()), ElementsAre("snp.product"));
}

TEST(SnpVerify, TurinHasPlacesOfItsOwn) {
  Case c = Case::of_turin();
  const Appraisal a = c.appraise();
  EXPECT_THAT(codes(a), IsEmpty());
  EXPECT_EQ(a.machine, "amd-chip:" + to_hex(made::snp_hwid(8)));
  EXPECT_EQ(a.tcb_details.find("reported_tcb")->canonical(),
            R"({"bootloader":3,"fmc":1,"microcode":209,"snp":8,"tee":0})");
  EXPECT_EQ(a.tcb_details.find("mitigations")->canonical(), R"({"current":"0x7","launch":"0x3"})");
  // The certificate of a chip with the right numbers and another FMC.
  c.vek.extensions["3.9"] = made::der_integer(2);
  EXPECT_THAT(codes(c.appraise()), ElementsAre("snp.tcb_mismatch"));
  c = Case::of_turin();
  c.vek.extensions.erase("3.9");
  EXPECT_THAT(codes(c.appraise()), ElementsAre("vek.extension"));
  // A chip whose identifier is not eight bytes and zeros.
  c = Case::of_turin();
  c.report.set_chip(made::snp_hwid(64));
  EXPECT_THAT(codes(c.appraise()), ElementsAre("snp.chip_id"));
  // What the line reserves is part of REPORTED_TCB all the same.
  c = Case::of_turin();
  c.report.set_tcb(0xd100010008000301);
  EXPECT_THAT(codes(c.appraise()), ElementsAre("snp.tcb_mismatch"));
}

TEST(SnpVerify, ProvidersKeyHasNoChip) {
  Case c = Case::of_vlek();
  Appraisal a = c.appraise();
  EXPECT_THAT(codes(a), IsEmpty());
  EXPECT_EQ(a.tcb_details.find("signing_key")->string(), "VLEK");
  EXPECT_EQ(a.tcb_details.find("csp")->string(), "CN=cloud.example");
  EXPECT_EQ(a.machine, "amd-chip:" + to_hex(made::snp_hwid(64)));
  c.report.set_chip({});
  a = c.appraise();
  EXPECT_THAT(codes(a), IsEmpty());
  EXPECT_EQ(a.machine, "");
  // A chip's intermediate does not issue for providers.
  c = Case::of_vlek();
  c.ask = made::snp_ask();
  EXPECT_THAT(codes(c.appraise()), ElementsAre("ask.missing"));
  c = Case::of_vlek();
  c.vek.extensions["4"] = made::snp_hwid(64);
  EXPECT_THAT(codes(c.appraise()), ElementsAre("vek.extension"));
  c = Case::of_vlek();
  c.vek.extensions.erase("5");
  EXPECT_THAT(codes(c.appraise()), ElementsAre("vek.extension"));
}

TEST(SnpVerify, SigningKeyAgreesWithTheCertificate) {
  Case c;
  c.report.fields.set<"key_info">(1 << 2);
  EXPECT_THAT(codes(c.appraise()), ElementsAre("snp.signing_key"));
  c.report.fields.set<"key_info">(7 << 2);
  EXPECT_THAT(codes(c.appraise()), ElementsAre("snp.unsigned"));
}

TEST(SnpVerify, ChainIsWholeAndInTime) {
  const auto after = [](auto change) {
    Case c;
    change(c);
    return codes(c.appraise());
  };
  EXPECT_THAT(after([](Case& c) { c.time = c.vek.until + 1; }), ElementsAre("vek.expired"));
  EXPECT_THAT(after([](Case& c) { c.time = c.vek.from - 1; }), ElementsAre("vek.not_yet_valid"));
  EXPECT_THAT(after([](Case& c) { c.ask.until = made::kSnpTime - 1; }), ElementsAre("ask.expired"));
  EXPECT_THAT(after([](Case& c) { c.ark.until = made::kSnpTime - 1; }), ElementsAre("ark.expired"));
  EXPECT_THAT(after([](Case& c) { c.vek.issuer_key = "other"; }), ElementsAre("vek.signature"));
  EXPECT_THAT(after([](Case& c) { c.ask.issuer_key = "other"; }), ElementsAre("ask.signature"));
  EXPECT_THAT(after([](Case& c) { c.ask.ca = false; }), ElementsAre("ask.not_a_ca"));
  EXPECT_THAT(after([](Case& c) { c.vek.issuer = "SEV-Genoa"; }), ElementsAre("vek.issuer"));
  EXPECT_THAT(after([](Case& c) { c.ask.subject = "SEV-Genoa"; }), ElementsAre("ask.missing"));
  EXPECT_THAT(after([](Case& c) { c.vek.subject = "SEV-OTHER"; }), ElementsAre("snp.vek_missing"));
  // The reasons of the chain stand in front of the report's.
  EXPECT_THAT(after([](Case& c) {
                c.time = c.vek.until + 1;
                c.report.set_chip(made::snp_hwid(8));
                c.report.key = "other";
              }),
              ElementsAre("vek.expired", "snp.chip_id", "snp.signature"));
}

TEST(SnpVerify, RootIsPinned) {
  const Case c;
  const Bytes report = c.report.bytes(), ark = c.ark.der();
  const auto without_anchor = [&](std::vector<Bytes> files) {
    return codes(*appraise(Case::request(report, std::move(files))));
  };
  EXPECT_THAT(without_anchor({c.vek.der(), c.ask.der(), c.ark.der()}), ElementsAre("ark.not_pinned"));
  EXPECT_THAT(without_anchor({c.vek.der(), c.ask.der()}), ElementsAre("ark.missing"));
  EXPECT_THAT(without_anchor({c.vek.der()}), ElementsAre("ark.missing"));
  EXPECT_THAT(without_anchor({c.ask.der(), c.ark.der()}), ElementsAre("snp.vek_missing"));
  EXPECT_THAT(without_anchor({}), ElementsAre("snp.vek_missing"));
  AppraiseRequest named = Case::request(report, {c.vek.der(), c.ask.der()});
  named.trust_anchor = ark;
  EXPECT_THAT(codes(*appraise(named)), IsEmpty());
  EXPECT_EQ(appraise(named)->private_anchor, to_hex(digest<Alg::sha256>(ark)));
  // An anchor stands alone: the right root among the endorsements does not help a wrong one.
  AppraiseRequest request = Case::request(report, {c.vek.der(), c.ask.der(), c.ark.der()});
  made::SnpCertificate other = made::snp_ark();
  other.key = other.issuer_key = "other";
  request.trust_anchor = other.der();
  EXPECT_THAT(codes(*appraise(request)), ElementsAre("ask.signature"));
  request.trust_anchor = Bytes{1, 2, 3};
  EXPECT_FALSE(appraise(request));
}

TEST(SnpVerify, ReportIsThePlatformsOfTheCertificate) {
  const auto after = [](auto change) {
    Case c;
    change(c);
    return codes(c.appraise());
  };
  EXPECT_THAT(after([](Case& c) { c.vek.extensions["3.3"] = made::der_integer(9); }), ElementsAre("snp.tcb_mismatch"));
  EXPECT_THAT(after([](Case& c) { c.vek.extensions["3.4"] = made::der_integer(1); }), ElementsAre("snp.tcb_mismatch"));
  EXPECT_THAT(after([](Case& c) { c.vek.extensions["3.4"] = made::der_integer(0); }), IsEmpty());
  // REPORTED above COMMITTED, in a component that is not the first of the number.
  EXPECT_THAT(after([](Case& c) { c.report.fields.set<"committed_tcb">(0xff07000000000003); }),
              ElementsAre("snp.tcb_order", "snp.tcb_order"));
  EXPECT_THAT(after([](Case& c) { c.report.fields.set<"current_tcb">(0xd207000000000003); }),
              ElementsAre("snp.tcb_order"));
  EXPECT_THAT(after([](Case& c) { c.report.fields.set<"current_tcb">(0xd209000000000003); }), IsEmpty());
  EXPECT_THAT(after([](Case& c) { c.report.set_chip(made::snp_hwid(63)); }), ElementsAre("snp.chip_id"));
  EXPECT_THAT(after([](Case& c) { c.report.fields.set<"cpuid_model">(0x11); }), ElementsAre("snp.product"));
  EXPECT_THAT(after([](Case& c) { c.report.fields.set<"cpuid_family">(0x1b); }), ElementsAre("snp.product"));
  EXPECT_THAT(after([](Case& c) { c.report.key = "other"; }), ElementsAre("snp.signature"));
  EXPECT_THAT(after([](Case& c) { c.report.key.reset(); }), ElementsAre("snp.signature"));
  EXPECT_THAT(after([](Case& c) { c.vek.p256 = true; }), ElementsAre("vek.key"));
}

TEST(SnpVerify, ExtensionsAreReadToTheirEnd) {
  const auto after = [](const char* oid, std::optional<Bytes> value) {
    Case c;
    if (value)
      c.vek.extensions[oid] = *value;
    else
      c.vek.extensions.erase(oid);
    return codes(c.appraise());
  };
  for (const char* oid : {"2", "3.1", "3.2", "3.3", "3.8", "4"})
    EXPECT_THAT(after(oid, std::nullopt), ElementsAre("vek.extension")) << oid;
  EXPECT_THAT(after("3.8", Bytes{2, 1, 0xd1}), ElementsAre("vek.extension"));        // negative
  EXPECT_THAT(after("3.8", Bytes{2, 2, 1, 0}), ElementsAre("vek.extension"));        // 256
  EXPECT_THAT(after("3.8", Bytes{2, 2, 0, 0xd1, 0}), ElementsAre("vek.extension"));  // more behind it
  EXPECT_THAT(after("3.1", Bytes{4, 1, 3}), ElementsAre("vek.extension"));
  EXPECT_THAT(after("2", Bytes{0x0c, 5, 'M', 'i', 'l', 'a', 'n'}), ElementsAre("vek.extension"));
  EXPECT_THAT(after("2", made::der_ia5("Mil\nan")), ElementsAre("vek.extension"));
  EXPECT_THAT(after("4", made::snp_hwid(63)), ElementsAre("vek.extension"));
  EXPECT_THAT(after("4", Bytes{}), ElementsAre("vek.extension"));
  Bytes wrapped{4, 64};
  std::ranges::copy(made::snp_hwid(64), std::back_inserter(wrapped));
  EXPECT_THAT(after("4", wrapped), IsEmpty());
}

TEST(SnpVerify, SignatureHasNoMoreThanItsCurve) {
  const Case c;
  Bytes report = c.report.bytes();
  const auto codes_of = [&] {
    AppraiseRequest request = Case::request(report, {c.vek.der(), c.ask.der()});
    request.trust_anchor = c.ark.der();
    return codes(*appraise(request));
  };
  EXPECT_THAT(codes_of(), IsEmpty());
  for (const std::size_t at : {0x2a0 + 48, 0x2a0 + 71, 0x2e8 + 48, 0x2e8 + 71}) {
    report[at] = 1;
    EXPECT_THAT(codes_of(), ElementsAre("snp.signature")) << at;
    report[at] = 0;
  }
}

TEST(SnpVerify, EveryBitOfTheSignedPartIsSigned) {
  const Case c;
  const Bytes report = c.report.bytes();
  Endorsements endorsements;
  for (const Bytes& der : {c.vek.der(), c.ask.der()}) ASSERT_TRUE(add_endorsement(der, "file", endorsements));
  const std::optional<Certificate> anchor = *Certificate::parse(c.ark.der(), "anchor");
  for (std::size_t at = 0; at < kSignedSize; at += 5) {
    Bytes changed = report;
    changed[at] ^= static_cast<std::uint8_t>(1 << (at % 8));
    EXPECT_FALSE(appraise_report(changed, endorsements, made::kSnpTime, anchor).authentic.ok()) << at;
  }
}

TEST(SnpVerify, EndorsementsComeInAnyOrderAndForm) {
  const Case c;
  const Bytes report = c.report.bytes(), vek = c.vek.der(), ask = c.ask.der(), ark = c.ark.der();
  Case other_chip;
  other_chip.vek.extensions["4"] = made::snp_hwid(63);
  other_chip.vek.extensions["4"].push_back(0);
  Case old_firmware;
  old_firmware.vek.extensions["3.8"] = made::der_integer(0xd0);
  const std::vector<std::vector<Bytes>> ways{
      {ark, ask, vek},
      {made::pem_file({ask, ark}), made::pem_file({vek})},
      {made::pem_file({vek, ask, ark})},
      {made::snp_table(
          {{made::kGuidVcek, vek}, {made::kGuidExtra, {1, 2, 3}}, {made::kGuidAsk, ask}, {made::kGuidArk, ark}})},
      {made::snp_table({{made::kGuidVcek, made::pem_file({vek})}, {made::kGuidAsk, ask}, {made::kGuidArk, ark}})},
      {vek, vek, ask, ask},
      {other_chip.vek.der(), old_firmware.vek.der(), made::snp_vlek().der(), vek, made::snp_ask("SEV-VLEK-Milan").der(),
       ask},
  };
  for (std::size_t i = 0; i < ways.size(); i++) {
    AppraiseRequest request = Case::request(report, ways[i]);
    request.trust_anchor = ark;
    const auto appraisal = appraise(request);
    ASSERT_TRUE(appraisal) << i << ": " << appraisal.error().message();
    EXPECT_THAT(codes(*appraisal), IsEmpty()) << i;
  }
  // An intermediate of the same name that did not issue the key's certificate stands in nobody's way.
  made::SnpCertificate impostor = made::snp_ask();
  impostor.key = impostor.issuer_key = "other";
  AppraiseRequest request = Case::request(report, {vek, impostor.der(), ask});
  request.trust_anchor = ark;
  EXPECT_THAT(codes(*appraise(request)), IsEmpty());
}

TEST(SnpVerify, WhatIsNoEndorsementIsTheCallersMistake) {
  const Bytes report = made::SnpReport().bytes();
  Bytes bad_table = made::snp_table({{made::kGuidVcek, {1, 2, 3}}});
  const Bytes good_list = made::SnpRevocationList{"ARK-Milan", "ark"}.der();
  for (const Bytes& bad :
       {Bytes{}, Bytes{1, 2, 3}, bad_table,
        Bytes(as_bytes("-----BEGIN CERTIFICATE-----\n").begin(), as_bytes("-----BEGIN CERTIFICATE-----\n").end()),
        Bytes(good_list.begin(), good_list.end() - 1)}) {
    const auto appraisal = appraise(Case::request(report, {bad}));
    ASSERT_FALSE(appraisal);
    EXPECT_EQ(appraisal.error().fault, Fault::format);
    EXPECT_THAT(appraisal.error().message(), HasSubstr("file 0"));
  }
  const Bytes ask = made::snp_ask().der();
  EXPECT_EQ(appraise(Case::request(report, std::vector<Bytes>(65, ask))).error().fault, Fault::usage);
  EXPECT_EQ(appraise(Case::request(report, std::vector<Bytes>(17, good_list))).error().fault, Fault::usage);
}

TEST(SnpVerify, RevocationListIsHeldToItsIssuerAndTime) {
  const auto with = [](const made::SnpRevocationList& list) {
    Case c;
    c.more = {list.der()};
    return c.appraise();
  };
  const made::SnpRevocationList good{"ARK-Milan", "ark", {0x10101, 7}};
  const Appraisal checked = with(good);
  EXPECT_THAT(codes(checked), IsEmpty());
  EXPECT_TRUE(checked.tcb_details.find("revocation_checked")->boolean());
  EXPECT_EQ(checked.validity.until, good.until);
  EXPECT_EQ(checked.validity.until_what, "the revocation list");

  made::SnpRevocationList list = good;
  list.serials = {0x10001};
  EXPECT_THAT(codes(with(list)), ElementsAre("ask.revoked"));
  list.serials = {0x10000};
  EXPECT_THAT(codes(with(list)), ElementsAre("ark.revoked"));
  list = good;
  list.issuer_key = "other";
  EXPECT_THAT(codes(with(list)), ElementsAre("crl.signature"));
  list = good;
  list.until = made::kSnpTime - 1;
  EXPECT_THAT(codes(with(list)), ElementsAre("crl.expired"));
  list = good;
  list.from = made::kSnpTime + 1;
  EXPECT_THAT(codes(with(list)), ElementsAre("crl.not_yet_valid"));
  list = good;
  list.issuer = "ARK-Genoa";
  // A list of another line says nothing of this one, and stands beside the right one.
  const Appraisal of_another = with(list);
  EXPECT_THAT(codes(of_another), IsEmpty());
  EXPECT_FALSE(of_another.tcb_details.find("revocation_checked")->boolean());
  Case c;
  list.serials = {0x10001};
  c.more = {list.der(), good.der()};
  EXPECT_THAT(codes(c.appraise()), IsEmpty());
}

TEST(SnpVerify, FlagsAreWhatAPolicyHasToForgive) {
  const auto after = [](auto change) {
    Case c;
    change(c.report);
    const Appraisal a = c.appraise();
    EXPECT_THAT(codes(a), IsEmpty());
    return flag_codes(a);
  };
  EXPECT_THAT(after([](made::SnpReport& r) { r.fields.set<"policy">(0xb0000); }), ElementsAre("snp.debug"));
  EXPECT_THAT(after([](made::SnpReport& r) { r.fields.set<"policy">(0x70000); }), ElementsAre("snp.migrate_ma"));
  EXPECT_THAT(after([](made::SnpReport& r) { r.fields.set<"policy">(0x4030000); }), ElementsAre("snp.policy_reserved"));
  EXPECT_THAT(after([](made::SnpReport& r) { r.fields.set<"policy">(0x8000000000030000); }),
              ElementsAre("snp.policy_reserved"));
  EXPECT_THAT(after([](made::SnpReport& r) { r.fields.set<"policy">(0x3f30000); }), IsEmpty());
  EXPECT_THAT(after([](made::SnpReport& r) { r.fields.set<"vmpl">(1); }), ElementsAre("snp.vmpl"));
  EXPECT_THAT(after([](made::SnpReport& r) { r.fields.set<"vmpl">(UINT32_MAX); }), ElementsAre("snp.vmpl"));
  EXPECT_THAT(after([](made::SnpReport& r) { r.fields.set<"key_info">(2); }), ElementsAre("snp.mask_chip_key"));
  // Firmware that can still be rolled back is told, and is no flag.
  Case c;
  c.report.fields.set<"current_tcb">(0xd208000000000003);
  EXPECT_TRUE(c.appraise().tcb_details.find("provisional")->boolean());
  EXPECT_THAT(flag_codes(c.appraise()), IsEmpty());
}

TEST(SnpVerify, MaskedChipIsKnownByItsCertificate) {
  Case c;
  c.report.set_chip({});
  const Appraisal a = c.appraise();
  EXPECT_THAT(codes(a), IsEmpty());
  EXPECT_EQ(a.machine, "amd-chip:" + to_hex(made::snp_hwid(64)));
}

TEST(SnpVerify, OnlyZerosOrATableFollowAReport) {
  const Case c;
  const Bytes report = c.report.bytes();
  const auto with = [&](const Bytes& behind, bool allow, std::vector<Bytes> files) {
    Bytes evidence = report;
    evidence.insert(evidence.end(), behind.begin(), behind.end());
    AppraiseRequest request = Case::request(evidence, std::move(files));
    request.trust_anchor = c.ark.der();
    request.allow_trailing = allow;
    const Appraisal a = *appraise(request);
    EXPECT_EQ(a.malformed, !a.authentic.ok());
    return codes(a);
  };
  const std::vector<Bytes> chain{c.vek.der(), c.ask.der()};
  EXPECT_THAT(with(Bytes(2816), false, chain), IsEmpty());
  EXPECT_THAT(with({1}, false, chain), ElementsAre("snp.trailing"));
  EXPECT_THAT(with({1}, true, chain), IsEmpty());
  EXPECT_THAT(with(made::snp_table({{made::kGuidVcek, chain[0]}, {made::kGuidAsk, chain[1]}}), false, {}), IsEmpty());
  Bytes cut = made::snp_table({{made::kGuidVcek, chain[0]}, {made::kGuidAsk, chain[1]}});
  cut.pop_back();
  EXPECT_THAT(with(cut, false, {}), ElementsAre("snp.certificate_table"));
  EXPECT_THAT(with(made::snp_table({{made::kGuidVcek, {1, 2, 3}}}), false, {}), ElementsAre("snp.certificate_table"));
}

TEST(SnpVerify, MalformedEvidenceIsAnAnswer) {
  const Bytes report = made::SnpReport().bytes();
  const auto a = appraise(Case::request(ByteView(report).first(1183), {}));
  ASSERT_TRUE(a);
  EXPECT_TRUE(a->malformed);
  EXPECT_TRUE(a->authentic.reached);
  EXPECT_THAT(codes(*a), ElementsAre("snp.size"));
  EXPECT_EQ(a->tee, "amd-sev-snp");
  EXPECT_EQ(a->time, made::kSnpTime);
  const auto empty = appraise(Case::request({}, {}));
  ASSERT_TRUE(empty);
  EXPECT_THAT(codes(*empty), ElementsAre("snp.size"));
}

}  // namespace
}  // namespace hallmark::snp
