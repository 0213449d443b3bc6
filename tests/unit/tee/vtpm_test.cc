// Quotes of a vTPM on Azure: each part, and all of them together under an authority of our own making.
#include <gmock/gmock.h>

#include "lib/tee/vtpm/appraise.h"
#include "lib/tee/vtpm/inspect.h"
#include "lib/tee/vtpm/verify.h"
#include "tests/evidence/dcap.h"
#include "tests/evidence/vtpm.h"
#include "tests/unit/tee/spec_tables.h"

namespace hallmark::vtpm {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

Bytes bytes_of(std::string_view text) { return Bytes(text.begin(), text.end()); }

Bytes with_le(Bytes bytes, std::size_t at, std::uint32_t value) {
  store_le(std::span(bytes).subspan(at), value);
  return bytes;
}

TEST(HclReport, HasItsParts) {
  const made::HclReport made;
  const Bytes bytes = made.bytes();
  const auto report = parse_hcl_report(bytes);
  ASSERT_TRUE(report) << report.error().message();
  EXPECT_EQ(report->version, 2u);
  EXPECT_EQ(report->hardware, Hardware::snp);
  EXPECT_EQ(report->hash, Alg::sha256);
  EXPECT_EQ(to_hex(report->hardware_report), to_hex(ByteView(bytes).subspan(32, 1184)));
  EXPECT_EQ(as_text(report->runtime_data), made.runtime);
  EXPECT_EQ(report->bytes.size(), 1236 + made.runtime.size());
}

TEST(HclReport, IsHeldToItsFormat) {
  const Bytes good = made::HclReport().bytes();
  const std::size_t end = 1236 + made::HclReport().runtime.size();
  Bytes not_zero = good;
  not_zero[end] = 1;
  Bytes other_magic = good;
  other_magic[3] = 'B';
  const struct {
    const char* code;
    Fault fault;
    Bytes bytes;
  } cases[] = {
      {"hcl.size", Fault::format, {}},
      {"hcl.size", Fault::format, Bytes(good.begin(), good.begin() + 1235)},
      {"hcl.size", Fault::format, Bytes(good.begin(), good.begin() + static_cast<std::ptrdiff_t>(end) - 1)},
      {"hcl.size", Fault::format, other_magic},
      {"hcl.size", Fault::format, not_zero},
      {"hcl.size", Fault::format, with_le(good, 8, 1235)},
      {"hcl.size", Fault::format, with_le(good, 1216, 20)},
      {"hcl.size", Fault::format, with_le(good, 1232, UINT32_MAX)},
      {"hcl.version", Fault::unsupported, with_le(good, 4, 0)},
      {"hcl.version", Fault::unsupported, with_le(good, 4, 3)},
      {"hcl.version", Fault::unsupported, with_le(good, 1220, 2)},
      {"hcl.report_type", Fault::unsupported, with_le(good, 1224, 1)},
      {"hcl.report_type", Fault::unsupported, with_le(good, 1224, 3)},
      {"hcl.hash_type", Fault::unsupported, with_le(good, 1228, 0)},
      {"hcl.hash_type", Fault::unsupported, with_le(good, 1228, 4)},
  };
  for (const auto& c : cases) {
    const auto report = parse_hcl_report(c.bytes);
    ASSERT_FALSE(report) << c.code;
    EXPECT_EQ(report.error().code, c.code) << report.error().message();
    EXPECT_EQ(report.error().fault, c.fault) << report.error().message();
  }
  EXPECT_TRUE(parse_hcl_report(ByteView(good).first(end)));
}

TEST(RuntimeData, HasOneAttestationKey) {
  const auto runtime = parse_runtime_data(as_bytes(made::HclReport().runtime));
  ASSERT_TRUE(runtime) << runtime.error().message();
  EXPECT_EQ(runtime->modulus.size(), 256u);
  EXPECT_EQ(to_hex(runtime->exponent), "010001");
  const std::string key = R"({"kid":"HCLAkPub","kty":"RSA","e":"AQAB","n":"AQAB"})";
  const struct {
    const char* code;
    std::string text;
  } cases[] = {
      {"hcl.runtime_data", ""},
      {"hcl.runtime_data", "{"},
      {"hcl.runtime_data", R"({"keys":[],"keys":[]})"},
      {"hcl.runtime_data", R"({"keys":[)" + std::string(17, '[') + std::string(17, ']') + "]}"},
      {"hcl.ak", "[]"},
      {"hcl.ak", "{}"},
      {"hcl.ak", R"({"keys":{}})"},
      {"hcl.ak", R"({"keys":[]})"},
      {"hcl.ak", R"({"keys":[1, "HCLAkPub"]})"},
      {"hcl.ak", R"({"keys":[)" + key + "," + key + "]}"},
      {"hcl.ak", R"({"keys":[{"kid":"HCLAkPub","kty":"EC","e":"AQAB","n":"AQAB"}]})"},
      {"hcl.ak", R"({"keys":[{"kid":"HCLAkPub","kty":"RSA","n":"AQAB"}]})"},
      {"hcl.ak", R"({"keys":[{"kid":"HCLAkPub","kty":"RSA","e":"AQAB","n":"A!AB"}]})"},
      {"hcl.ak", R"({"keys":[{"kid":"HCLAkPub","kty":"RSA","e":"AQAB","n":")" + std::string(1028, 'A') + R"("}]})"},
  };
  for (const auto& c : cases) {
    const auto refused = parse_runtime_data(as_bytes(c.text));
    ASSERT_FALSE(refused) << c.text;
    EXPECT_EQ(refused.error().code, c.code) << c.text;
  }
}

TEST(TpmQuote, HasItsFields) {
  const made::TpmQuote made;
  const Bytes bytes = made.message();
  const auto quote = parse_tpm_quote(bytes);
  ASSERT_TRUE(quote) << quote.error().message();
  EXPECT_EQ(to_hex(quote->qualified_signer), to_hex(Bytes(34, 0x5a)));
  EXPECT_EQ(to_hex(quote->extra_data), to_hex(made.nonce));
  EXPECT_EQ(quote->clock, 5000u);
  EXPECT_EQ(quote->reset_count, 2u);
  EXPECT_EQ(quote->restart_count, 1u);
  EXPECT_TRUE(quote->safe);
  EXPECT_EQ(quote->firmware_version, 0x2020031200120003u);
  ASSERT_EQ(quote->selections.size(), 1u);
  EXPECT_EQ(quote->selections[0].hash, kTpmSha256);
  EXPECT_THAT(quote->selections[0].pcrs, ElementsAre(0, 1, 4, 9, 11, 23));
  EXPECT_EQ(quote->pcr_digest.size(), 32u);
}

TEST(TpmQuote, IsHeldToItsFormat) {
  const Bytes good = made::TpmQuote().message();
  for (std::size_t size = 0; size < good.size(); size++) {
    const auto quote = parse_tpm_quote(ByteView(good).first(size));
    ASSERT_FALSE(quote) << size;
    EXPECT_THAT(quote.error().code, testing::AnyOf("tpm.truncated", "tpm.type")) << size;
  }
  const auto code_with = [&](std::size_t at, std::uint8_t value) {
    Bytes bytes = good;
    bytes[at] = value;
    const auto quote = parse_tpm_quote(bytes);
    return quote ? std::string("none") : quote.error().code;
  };
  const std::size_t clock = 6 + 2 + 34 + 2 + 48, select = clock + 17 + 8;
  EXPECT_EQ(code_with(0, 0), "tpm.malformed");
  EXPECT_EQ(code_with(5, 0x17), "tpm.type");                 // TPM_ST_ATTEST_CERTIFY
  EXPECT_EQ(code_with(6, 0xff), "tpm.malformed");            // qualifiedSigner of 65,314 bytes
  EXPECT_EQ(code_with(42, 0xff), "tpm.malformed");           // extraData
  EXPECT_EQ(code_with(clock + 16, 2), "tpm.malformed");      // safe is neither
  EXPECT_EQ(code_with(select, 0xff), "tpm.malformed");       // four billion banks
  EXPECT_EQ(code_with(select + 3, 17), "tpm.malformed");     // seventeen
  EXPECT_EQ(code_with(select + 6, 5), "tpm.malformed");      // five bytes of bits
  EXPECT_EQ(code_with(select + 10, 0xff), "tpm.malformed");  // pcrDigest
  Bytes longer = good;
  longer.push_back(0);
  EXPECT_EQ(parse_tpm_quote(longer).error().code, "tpm.malformed");
  // The same bank twice.
  Bytes twice(good.begin(), good.begin() + static_cast<std::ptrdiff_t>(select));
  std::ranges::copy(*from_hex("00000002"
                              "000b03010000"
                              "000b03010000"
                              "0000"),
                    std::back_inserter(twice));
  EXPECT_THAT(parse_tpm_quote(twice).error().message(), HasSubstr("selects one bank twice"));
  twice[twice.size() - 7] = 4;
  EXPECT_TRUE(parse_tpm_quote(twice));
}

TEST(TpmSignature, IsRawOrTagged) {
  Bytes raw(256, 7);
  EXPECT_TRUE(parse_tpm_signature(raw));
  EXPECT_FALSE(parse_tpm_signature(Bytes(255)));
  Bytes tagged = *from_hex("0014000b0100");
  tagged.insert(tagged.end(), raw.begin(), raw.end());
  ASSERT_TRUE(parse_tpm_signature(tagged));
  EXPECT_EQ(to_hex(*parse_tpm_signature(tagged)), to_hex(raw));
  tagged[3] = 4;  // SHA-1
  EXPECT_FALSE(parse_tpm_signature(tagged));
}

TEST(PcrValues, AreAllOfTheBank) {
  const made::TpmQuote made;
  const auto bank = parse_pcr_values(made.pcrs());
  ASSERT_TRUE(bank) << bank.error().message();
  EXPECT_EQ(*bank, made.values);
  for (const std::string text : {"", "[]", "{}", R"({"sha256":[]})", R"({"sha256":{}})", R"({"sha1":["00"]})"}) {
    const auto refused = parse_pcr_values(as_bytes(text));
    ASSERT_FALSE(refused) << text;
    EXPECT_EQ(refused.error().code, "tpm.pcrs") << text;
  }
  std::string text(as_text(made.pcrs()));
  text.replace(text.find("0101"), 2, "");
  EXPECT_THAT(parse_pcr_values(as_bytes(text)).error().message(), HasSubstr("sha256[1]"));
  text.replace(text.find("\"0202"), 66, "1");
  text.replace(text.find("\"01"), 64, "\"" + std::string(64, '0') + "\"");
  EXPECT_THAT(parse_pcr_values(as_bytes(text)).error().message(), HasSubstr("sha256[2]: is an integer"));
}

// All of it.

struct Case {
  made::HclReport hcl = {};
  made::TpmQuote quote = {};
  std::optional<Bytes> signature = {}, pcrs = {};
  std::vector<Bytes> endorsements = {made::snp_vcek().der(), made::snp_ask().der()};

  std::vector<Bytes> parts() const {
    return {hcl.bytes(), quote.message(), signature.value_or(quote.signature()), pcrs.value_or(quote.pcrs())};
  }
  static Result<Appraisal> appraise(const Bytes& evidence, const std::vector<Bytes>& files) {
    AppraiseRequest request{.evidence = evidence, .name = "evidence", .time = made::kSnpTime};
    for (const Bytes& file : files)
      request.endorsements.push_back({"file " + std::to_string(request.endorsements.size()), file});
    request.trust_anchor = made::snp_ark().der();
    return vtpm::appraise(request);
  }
  Appraisal appraise() const {
    std::vector<Bytes> files = parts();
    const Bytes evidence = files[0];
    files.erase(files.begin());
    files.insert(files.end(), endorsements.begin(), endorsements.end());
    return *appraise(evidence, files);
  }
};

std::vector<std::string> codes(const Appraisal& appraisal) {
  std::vector<std::string> out;
  for (const Reason& reason : appraisal.authentic.reasons) out.push_back(reason.code);
  EXPECT_EQ(appraisal.tcb.reached, appraisal.authentic.ok());
  return out;
}

std::string tpm_quote(const Appraisal& a) { return a.tcb_details.find("tpm_quote")->canonical(); }
constexpr const char* kAllHold = R"({"pcr_digest":true,"runtime_data_bound":true,"signature":true})";

std::vector<std::string> names(const Appraisal& a) {
  std::vector<std::string> out;
  for (const Register& r : a.registers) out.push_back(r.name);
  return out;
}

TEST(Vtpm, GoodQuoteIsAuthentic) {
  const Case c;
  const Appraisal a = c.appraise();
  EXPECT_THAT(codes(a), IsEmpty());
  EXPECT_TRUE(a.authentic.ok());
  EXPECT_TRUE(a.tcb.ok());
  EXPECT_EQ(a.evidence, "vtpm-quote");
  EXPECT_EQ(a.tee, "azure-snp-vtpm");
  EXPECT_EQ(a.vendor, "amd");
  EXPECT_EQ(tpm_quote(a), kAllHold);
  EXPECT_EQ(a.tcb_details.find("product")->string(), "Milan-B0");
  EXPECT_EQ(to_hex(a.report_data), to_hex(c.quote.nonce));
  EXPECT_THAT(names(a), ElementsAre("pcr0", "pcr1", "pcr4", "pcr9", "pcr11", "pcr23", "measurement"));
  EXPECT_EQ(to_hex(a.registers[2].digest), to_hex(Bytes(32, 4)));
  EXPECT_EQ(to_hex(a.registers[6].digest), to_hex(Bytes(48, 0x4d)));
  EXPECT_EQ(a.machine, "amd-chip:" + to_hex(made::snp_hwid(64)));
  EXPECT_EQ(a.private_anchor.size(), 64u);
  EXPECT_EQ(a.validity.until, made::snp_vcek().until);
  EXPECT_EQ(a.attested.find("runtime")->canonical(), R"({"user-data":"00","vm-configuration":{"secure-boot":true}})");
  EXPECT_EQ(a.attested.find("hardware")->find("tee")->string(), "amd-sev-snp");
}

TEST(Vtpm, PartsComeInAnyOrder) {
  const Case c;
  std::vector<Bytes> files = c.parts();
  files.insert(files.end(), c.endorsements.begin(), c.endorsements.end());
  // The quote as the evidence, and everything else backwards.
  const Bytes quote = files[1];
  files.erase(files.begin() + 1);
  std::ranges::reverse(files);
  EXPECT_THAT(codes(*Case::appraise(quote, files)), IsEmpty());
  for (std::size_t i = 2; i < files.size(); i++) {
    std::vector<Bytes> twice = files;
    twice.push_back(files[i]);
    const auto refused = Case::appraise(quote, twice);
    ASSERT_FALSE(refused) << i;
    EXPECT_EQ(refused.error().fault, Fault::usage);
    EXPECT_THAT(refused.error().message(), HasSubstr("second"));
  }
  EXPECT_EQ(Case::appraise(quote, {quote}).error().fault, Fault::usage);
  EXPECT_FALSE(Case::appraise(quote, {Bytes{1, 2, 3}}));
}

TEST(Vtpm, EveryPartIsNeeded) {
  const Case c;
  const std::vector<Bytes> parts = c.parts();
  const auto without = [&](std::size_t gone) {
    std::vector<Bytes> files = c.endorsements;
    for (std::size_t i = 1; i < parts.size(); i++)
      if (i != gone) files.push_back(parts[i]);
    return *Case::appraise(parts[0], files);
  };
  EXPECT_THAT(codes(without(1)), ElementsAre("tpm.quote_missing"));
  EXPECT_THAT(codes(without(2)), ElementsAre("tpm.signature_missing"));
  EXPECT_THAT(codes(without(3)), ElementsAre("tpm.pcrs_missing"));
  EXPECT_THAT(names(without(3)), ElementsAre("measurement"));
  EXPECT_THAT(codes(*Case::appraise(parts[1], {parts[2], parts[3]})), ElementsAre("hcl.missing"));
  EXPECT_EQ(Case::appraise(parts[1], {})->vendor, "amd");
  // Without the hardware's word the TPM's stands for nothing; what was found of it is told.
  Case bare;
  bare.endorsements = {};
  const Appraisal a = bare.appraise();
  EXPECT_THAT(codes(a), ElementsAre());
  ASSERT_EQ(a.flags.size(), 1u);
  EXPECT_EQ(a.flags.front().code, "vtpm.hardware_unverified");
  EXPECT_EQ(a.machine, "");  // as it says itself, and nobody else
  EXPECT_EQ(tpm_quote(a), kAllHold);
  // Where anything else is wrong, that is among its reasons.
  bare.signature = bare.quote.signature();
  (*bare.signature)[100] ^= 1;
  EXPECT_THAT(codes(bare.appraise()), ElementsAre("tpm.signature", "snp.vek_missing"));
}

TEST(Vtpm, EachLinkIsChecked) {
  Case c;
  c.signature = c.quote.signature();
  (*c.signature)[100] ^= 1;
  EXPECT_THAT(codes(c.appraise()), ElementsAre("tpm.signature"));
  EXPECT_EQ(tpm_quote(c.appraise()), R"({"pcr_digest":true,"runtime_data_bound":true,"signature":false})");

  c = {};
  c.quote.key = made::TpmKey::other;
  EXPECT_THAT(codes(c.appraise()), ElementsAre("tpm.signature"));

  c = {};
  made::TpmQuote other_values;
  other_values.values[4].fill(0xee);
  c.pcrs = other_values.pcrs();
  EXPECT_THAT(codes(c.appraise()), ElementsAre("tpm.pcr_digest"));
  EXPECT_THAT(names(c.appraise()), ElementsAre("measurement"));

  // A value that the quote does not cover may be any, and is no register.
  c = {};
  other_values = {};
  other_values.values[5].fill(0xee);
  c.pcrs = other_values.pcrs();
  EXPECT_THAT(codes(c.appraise()), IsEmpty());
  EXPECT_THAT(names(c.appraise()), testing::Not(Contains("pcr5")));

  c = {};
  c.quote.bank = 0x000c;
  EXPECT_THAT(codes(c.appraise()), ElementsAre("tpm.pcr_select"));

  // Another TPM's key, put in after the hardware had spoken.
  c = {};
  std::vector<Bytes> files = c.parts();
  files.insert(files.end(), c.endorsements.begin(), c.endorsements.end());
  Bytes hcl = files[0];
  files.erase(files.begin());
  made::HclReport other;
  other.runtime = made::runtime_data(made::TpmKey::other);
  ASSERT_EQ(other.runtime.size(), c.hcl.runtime.size());
  std::ranges::copy(other.runtime, hcl.begin() + 1236);
  const Appraisal swapped = *Case::appraise(hcl, files);
  EXPECT_THAT(codes(swapped), ElementsAre("hcl.report_data", "tpm.signature"));

  c = {};
  c.hcl.report.key = "other";
  EXPECT_THAT(codes(c.appraise()), ElementsAre("snp.signature"));
}

TEST(Vtpm, HashIsTheOneThatTheReportNames) {
  for (const std::uint32_t hash : {2u, 3u}) {
    Case c;
    c.hcl.hash_type = hash;
    EXPECT_THAT(codes(c.appraise()), IsEmpty()) << hash;
  }
  // REPORT_DATA with the right hash and something behind it.
  Case c;
  const auto hash = digest<Alg::sha256>(as_bytes(c.hcl.runtime));
  const Bytes bytes = c.hcl.bytes();
  const auto report = parse_hcl_report(bytes);
  std::array<std::uint8_t, 64> data{};
  std::ranges::copy(hash, data.begin());
  EXPECT_TRUE(check_runtime_data(*report, data));
  data[63] = 1;
  EXPECT_EQ(check_runtime_data(*report, data).error().code, "hcl.report_data");
}

TEST(Vtpm, FlagsAreTheHardwares) {
  Case c;
  c.hcl.report.fields.set<"policy">(0xb0000);
  const Appraisal a = c.appraise();
  EXPECT_THAT(codes(a), IsEmpty());
  ASSERT_EQ(a.flags.size(), 1u);
  EXPECT_EQ(a.flags[0].code, "snp.debug");
}

TEST(Vtpm, HardwareThatIsNotSupportedIsNamed) {
  Case c;
  c.hcl.report.fields.set<"version">(9);
  EXPECT_THAT(codes(c.appraise()), Contains("snp.version"));
  EXPECT_TRUE(c.appraise().malformed);
}

// On TDX: the paravisor's TDREPORT, and the TD quote that was made of it.
struct TdxCase {
  made::HclReport hcl = {.report_type = 4};
  made::TpmQuote quote = {};
  made::Dcap dcap = {.tdx = true, .report_data = bound_to(hcl.runtime)};
  bool with_td_quote = true;

  static Bytes bound_to(const std::string& runtime) {
    const auto hash = digest<Alg::sha256>(as_bytes(runtime));
    Bytes out(hash.begin(), hash.end());
    out.resize(64);
    return out;
  }
  Result<Appraisal> ask() const {
    const made::MadeEvidence td = make(dcap);
    AppraiseRequest request{.evidence = {}, .name = "evidence", .time = dcap.now()};
    const Bytes evidence = hcl.bytes();
    request.evidence = evidence;
    request.endorsements = {{"quote", quote.message()}, {"signature", quote.signature()}, {"pcrs", quote.pcrs()}};
    if (with_td_quote) {
      request.endorsements.push_back({"td quote", td.evidence});
      request.endorsements.push_back({"collateral", Bytes(td.collateral.begin(), td.collateral.end())});
    }
    request.trust_anchor = td.root;
    return vtpm::appraise(request);
  }
  Appraisal appraise() const {
    auto out = ask();
    if (!out) throw std::runtime_error(out.error().message());
    return *std::move(out);
  }
};

TEST(Vtpm, RestsOnATdQuoteWhereTheHardwareIsIntels) {
  TdxCase c;
  const Appraisal a = c.appraise();
  EXPECT_THAT(codes(a), IsEmpty());
  EXPECT_TRUE(a.tcb.ok());
  EXPECT_EQ(a.tee, "azure-tdx-vtpm");
  EXPECT_EQ(a.vendor, "intel");
  EXPECT_EQ(a.tcb_status, "UpToDate");
  EXPECT_EQ(a.tcb_evaluation_number, 17);
  EXPECT_EQ(tpm_quote(a), kAllHold);
  EXPECT_THAT(names(a), ElementsAre("pcr0", "pcr1", "pcr4", "pcr9", "pcr11", "pcr23", "mrtd", "rtmr0", "rtmr1", "rtmr2",
                                    "rtmr3"));
  EXPECT_EQ(a.machine, "intel-ppid:" + to_hex(c.dcap.ppid));
  EXPECT_EQ(to_hex(a.report_data), to_hex(c.quote.nonce));
  EXPECT_EQ(a.validity.until, c.dcap.next_update);
  EXPECT_EQ(a.private_anchor.size(), 64u);

  c.dcap.report_data = Bytes(64, 1);
  EXPECT_THAT(codes(c.appraise()), ElementsAre("hcl.report_data"));
  c = {};
  c.dcap.status = "OutOfDate";
  EXPECT_THAT(codes(c.appraise()), IsEmpty());
  EXPECT_EQ(c.appraise().tcb_status, "OutOfDate");
  c = {};
  c.dcap.tdattributes |= 1;
  ASSERT_EQ(c.appraise().flags.size(), 1u);
  EXPECT_EQ(c.appraise().flags[0].code, "td.debug");
  c = {};
  c.dcap.revoke_pck = true;
  EXPECT_THAT(codes(c.appraise()), ElementsAre("pck.leaf.revoked"));
  c = {};
  c.quote.key = made::TpmKey::other;
  EXPECT_THAT(codes(c.appraise()), ElementsAre("tpm.signature"));
  c = {};
  c.dcap.tdx = false;
  EXPECT_THAT(codes(c.appraise()), ElementsAre("hcl.td_quote"));

  // The TDREPORT alone is nobody's word but its own machine's.
  c = {};
  c.with_td_quote = false;
  const Appraisal bare = c.appraise();
  EXPECT_THAT(codes(bare), IsEmpty());
  EXPECT_EQ(tpm_quote(bare), kAllHold);
  ASSERT_EQ(bare.flags.size(), 1u);
  EXPECT_EQ(bare.flags.front().code, "vtpm.hardware_unverified");
}

TEST(Vtpm, MalformedPartIsAnAnswer) {
  const Case c;
  std::vector<Bytes> parts = c.parts();
  parts[1].pop_back();
  const Bytes hcl = parts[0];
  parts.erase(parts.begin());
  parts.insert(parts.end(), c.endorsements.begin(), c.endorsements.end());
  const Appraisal a = *Case::appraise(hcl, parts);
  EXPECT_THAT(codes(a), ElementsAre("tpm.truncated"));
  EXPECT_TRUE(a.malformed);
}

TEST(Vtpm, InspectionShowsTheParts) {
  const made::HclReport hcl;
  const auto inspection = inspect(hcl.bytes());
  ASSERT_TRUE(inspection) << inspection.error().message();
  ASSERT_EQ(inspection->records.size(), 4u);
  std::uint64_t end = 0;
  for (const InspectedRecord& record : inspection->records) {
    EXPECT_EQ(record.offset, end) << record.name;
    end = record.offset + record.size;
  }
  EXPECT_EQ(end, 1236 + hcl.runtime.size());
  EXPECT_THAT(inspection->records[3].fields[0].meaning, HasSubstr("HCLAkPub"));

  const made::TpmQuote quote;
  const auto fields = inspect(quote.message())->records.at(0).fields;
  ASSERT_EQ(fields.size(), 11u);
  EXPECT_EQ(fields[3].value, to_hex(quote.nonce));
  EXPECT_EQ(fields[8].value, "2020031200120003");
  EXPECT_EQ(fields[9].meaning, "SHA-256: 0 1 4 9 11 23");
  EXPECT_EQ(fields[10].offset + fields[10].size, quote.message().size());
  EXPECT_FALSE(inspect(bytes_of("HCLA")));
  EXPECT_FALSE(inspect({}));
}

TEST(Vtpm, IsKnownByItsFirstBytes) {
  EXPECT_TRUE(is_evidence(made::HclReport().bytes()));
  EXPECT_TRUE(is_evidence(made::TpmQuote().message()));
  EXPECT_FALSE(is_evidence(made::TpmQuote().pcrs()));
  EXPECT_FALSE(is_evidence({}));
}

TEST(Vtpm, PageHasTheTablesOfTheCode) {
  const std::string page = spec_page("tee/vtpm.md");
  expect_table<kHclHeader>(page);
  expect_table<kHclData>(page);
}

}  // namespace
}  // namespace hallmark::vtpm
