// Whether documents are authentic. Made here: the chain's faults, which real documents do not have. That real ones
// verify, and at which times, is in tests/vectors/nitro_test.cc.
#include "lib/tee/nitro/appraise.h"

#include <gtest/gtest.h>

#include "lib/tee/nitro/verify.h"
#include "tests/evidence/nitro.h"

namespace hallmark::nitro {
namespace {

using Chain = std::vector<made::NitroCertificate>;

constexpr UnixTime kHour = 3600;

AppraiseRequest request_of(ByteView bytes, UnixTime time) {
  return {.evidence = bytes, .name = "document", .time = time, .endorsements = {}, .trust_anchor = made::nitro_root()};
}

Appraisal appraised(const AppraiseRequest& request) {
  auto out = appraise(request);
  EXPECT_TRUE(out) << out.error().message();
  return out ? *std::move(out) : Appraisal{};
}
Appraisal appraised(const made::NitroDocument& made) {
  const Bytes bytes = made.bytes();
  return appraised(request_of(bytes, made.time));
}

// The code of the one reason why it is not authentic; empty if it is.
std::string verdict(const Appraisal& appraisal) {
  EXPECT_TRUE(appraisal.authentic.reached);
  EXPECT_EQ(appraisal.tcb.reached, appraisal.authentic.ok());
  EXPECT_LE(appraisal.authentic.reasons.size(), 1u);
  return appraisal.authentic.ok() ? "" : appraisal.authentic.reasons.front().code;
}
std::string verdict(const made::NitroDocument& made) { return verdict(appraised(made)); }

std::string verdict_with_chain(std::function<void(Chain&)> change) {
  made::NitroDocument made;
  made.change_chain = std::move(change);
  return verdict(made);
}

std::vector<std::string> flags(const Appraisal& appraisal) {
  std::vector<std::string> out;
  for (const Flag& flag : appraisal.flags) out.push_back(flag.code);
  return out;
}

TEST(NitroAppraisal, SaysWhatIsAttested) {
  const made::NitroDocument made{.public_key = Bytes{1, 2}, .user_data = Bytes(40, 0xdd), .nonce = std::nullopt};
  const Appraisal a = appraised(made);
  EXPECT_EQ(verdict(a), "");
  EXPECT_FALSE(a.malformed);
  EXPECT_EQ(a.evidence, "nitro-document");
  EXPECT_EQ(a.tee, "aws-nitro");
  EXPECT_EQ(a.vendor, "aws");
  EXPECT_EQ(a.time, made.time);
  EXPECT_TRUE(a.tcb.ok());
  EXPECT_EQ(a.tcb_status, "");
  EXPECT_EQ(a.tcb_details.canonical(), R"({"chain_len":5})");
  EXPECT_TRUE(a.flags.empty());
  // PCR3 is not set.
  const std::vector<Register> registers{
      {"pcr0", Bytes(48, 0xa0)}, {"pcr1", Bytes(48, 0xa1)}, {"pcr2", Bytes(48, 0xa2)}, {"pcr4", Bytes(48, 0xa4)}};
  EXPECT_EQ(a.registers, registers);
  EXPECT_EQ(a.attested.canonical(), R"({"digest":"SHA384","module_id":"i-0123456789abcdef0-enc0123456789abcdef",)"
                                    R"("nonce":null,"pcrs_of":"enclave","public_key":"0102","timestamp_ms":)"
                                    R"(1767225600000,"user_data":")" +
                                        std::string(80, 'd') + "\"}");
  EXPECT_EQ(to_hex(a.report_data), std::string(80, 'd'));
  EXPECT_EQ(a.machine, "aws-module:i-0123456789abcdef0");
  EXPECT_EQ(a.validity.from, made.time - 3);
  EXPECT_EQ(a.validity.until, made.time + 3 * kHour);
  EXPECT_EQ(a.validity.until_what, "the certificate of i-0123456789abcdef0-enc0123456789abcdef.test-region.aws");
}

TEST(NitroAppraisal, HoldsWhileEveryCertificateDoes) {
  const made::NitroDocument made;
  const Bytes bytes = made.bytes();
  const auto at = [&](UnixTime time) { return verdict(appraised(request_of(bytes, time))); };
  EXPECT_EQ(at(made.time - 3), "");
  EXPECT_EQ(at(made.time - 4), "nitro.cert.not_yet_valid");
  EXPECT_EQ(at(made.time + 3 * kHour), "");
  EXPECT_EQ(at(made.time + 3 * kHour + 1), "nitro.cert.expired");
  // Any of them bounds it, and the bound is reported.
  for (std::size_t i = 0; i < 4; i++) {
    made::NitroDocument shorter;
    shorter.change_chain = [&](Chain& chain) {
      chain[i].from = made.time - 1;
      chain[i].until = made.time + 1;
    };
    const Bytes short_bytes = shorter.bytes();
    for (const auto& [time, want] : {std::pair<UnixTime, const char*>{made.time - 2, "nitro.cert.not_yet_valid"},
                                     {made.time - 1, ""},
                                     {made.time + 1, ""},
                                     {made.time + 2, "nitro.cert.expired"}}) {
      const Appraisal a = appraised(request_of(short_bytes, time));
      EXPECT_EQ(verdict(a), want) << "certificate " << i;
      EXPECT_EQ(a.validity.from, made.time - 1);
      EXPECT_EQ(a.validity.until, made.time + 1);
    }
  }
}

TEST(NitroAppraisal, TrustsTheKeyOfOneRoot) {
  const made::NitroDocument made, other{.root = 1};
  const Bytes bytes = made.bytes(), bytes_of_other = other.bytes();
  AppraiseRequest request = request_of(bytes, made.time);
  const Appraisal a = appraised(request);
  EXPECT_EQ(verdict(a), "");
  EXPECT_EQ(a.private_anchor.size(), 64u);
  // AWS's own root is the one that is trusted where none is given.
  request.trust_anchor.reset();
  const Appraisal without = appraised(request);
  EXPECT_EQ(verdict(without), "nitro.root_untrusted");
  EXPECT_EQ(without.authentic.reasons[0].need, "public key " + to_hex(kAwsRootKey));
  EXPECT_EQ(without.private_anchor, "");
  EXPECT_EQ(verdict(appraised(request_of(bytes_of_other, other.time))), "nitro.root_untrusted");
  // The same names, another key.
  made::NitroDocument swapped;
  swapped.change_bundle = [](std::vector<Bytes>& bundle) { bundle[0] = made::nitro_root(1); };
  EXPECT_EQ(verdict(swapped), "nitro.root_untrusted");
  // A root that is trusted, above certificates of another.
  made::NitroDocument confused{.root = 1};
  confused.change_bundle = [](std::vector<Bytes>& bundle) { bundle[0] = made::nitro_root(0); };
  EXPECT_EQ(verdict(confused), "nitro.cert.issuer");
}

TEST(NitroAppraisal, AnchorThatIsNoCertificateIsTheCallersFault) {
  const Bytes bytes = made::NitroDocument{}.bytes();
  AppraiseRequest request = request_of(bytes, 0);
  request.trust_anchor = Bytes{0x30, 0x00};
  const auto out = appraise(request);
  ASSERT_FALSE(out);
  EXPECT_NE(out.error().message().find("trust anchor"), std::string::npos);
}

TEST(NitroAppraisal, ChainIsTheWholeBundleInItsOrder) {
  const auto with_bundle = [](std::function<void(std::vector<Bytes>&)> change) {
    made::NitroDocument made;
    made.change_bundle = std::move(change);
    return verdict(made);
  };
  EXPECT_EQ(with_bundle([](auto& b) { std::ranges::reverse(b); }), "nitro.root_untrusted");
  EXPECT_EQ(with_bundle([](auto& b) { std::swap(b[1], b[2]); }), "nitro.cert.issuer");
  EXPECT_EQ(with_bundle([](auto& b) { b.erase(b.begin() + 1); }), "nitro.cert.issuer");
  EXPECT_EQ(with_bundle([](auto& b) { b.pop_back(); }), "nitro.cert.issuer");
  EXPECT_EQ(with_bundle([](auto& b) { b.resize(1); }), "nitro.cert.issuer");
  EXPECT_EQ(with_bundle([](auto& b) { b.insert(b.begin() + 1, made::nitro_root(1)); }), "nitro.cert.issuer");
  // One bit of a signature over a certificate.
  EXPECT_EQ(with_bundle([](auto& b) { b[2].back() ^= 1; }), "nitro.cert.signature");
}

TEST(NitroAppraisal, OnlyAuthoritiesIssueAndOnlySignersSign) {
  const std::pair<std::string, Bytes> constraints{"2.5.29.19", *from_hex("30030101ff")};
  const auto usage = [](const char* bits) {
    return std::vector<std::pair<std::string, Bytes>>{{"2.5.29.15", *from_hex(bits)}};
  };
  EXPECT_EQ(verdict_with_chain([](Chain& c) { c[1].ca = false; }), "nitro.cert.not_a_ca");
  // An authority by its constraints, whose key signs no certificates.
  EXPECT_EQ(verdict_with_chain([&](Chain& c) {
              c[2].ca = false;
              c[2].extensions = usage("03020780");
              c[2].extensions.push_back(constraints);
            }),
            "nitro.cert.not_a_ca");
  EXPECT_EQ(verdict_with_chain([](Chain& c) {
              c[0].ca = true;
              c[0].extensions.clear();
            }),
            "nitro.cert.usage");
  // keyAgreement; digitalSignature and nonRepudiation, as AWS has it; no extension
  EXPECT_EQ(verdict_with_chain([&](Chain& c) { c[0].extensions = usage("03020308"); }), "nitro.cert.usage");
  EXPECT_EQ(verdict_with_chain([&](Chain& c) { c[0].extensions = usage("030206c0"); }), "");
  EXPECT_EQ(verdict_with_chain([](Chain& c) { c[0].extensions.clear(); }), "");
}

TEST(NitroAppraisal, KeyOfAnotherCurveSignsNoDocument) {
  EXPECT_EQ(verdict_with_chain([](Chain& c) { c[0].p256 = true; }), "nitro.cert.key");
}

// A key that was taken from one instance makes no documents of others.
TEST(NitroAppraisal, CertificateIsOfTheSameInstance) {
  EXPECT_EQ(verdict_with_chain([](Chain& c) { c[0].subject = "i-0123456789abcdef1-enc0.test-region.aws"; }),
            "nitro.cert.module");
  EXPECT_EQ(verdict_with_chain([](Chain& c) { c[0].subject = "i-0123456789abcdef0-enc0.test-region.aws"; }), "");
  EXPECT_EQ(verdict_with_chain([](Chain& c) { c[0].subject = "a signer of a private PKI"; }), "");
}

TEST(NitroAppraisal, EveryByteIsSignedOrHeldToItsPlace) {
  const made::NitroDocument made{.user_data = Bytes(32, 7)};
  const Bytes bytes = made.bytes();
  // A prime, so that all kinds of fields are met.
  for (std::size_t at = 0; at < bytes.size(); at += 31) {
    Bytes changed = bytes;
    changed[at] ^= 0x40;
    EXPECT_FALSE(appraised(request_of(changed, made.time)).authentic.ok()) << at;
  }
  for (const std::size_t at : {bytes.size() - 1, bytes.size() - 96}) {
    Bytes changed = bytes;
    changed[at] ^= 1;
    EXPECT_EQ(verdict(appraised(request_of(changed, made.time))), "cose.signature");
  }
  // r = s = 0, which careless verifiers accept.
  Bytes zeros = bytes;
  std::fill(zeros.end() - 96, zeros.end(), std::uint8_t{0});
  EXPECT_EQ(verdict(appraised(request_of(zeros, made.time))), "cose.signature");
}

// What is not signed may be anything, and changes nothing.
TEST(NitroAppraisal, UnprotectedHeaderAndTagChangeNothing) {
  EXPECT_EQ(verdict(made::NitroDocument{.unprotected_header = *from_hex("a2013822044162")}), "");
  const made::NitroDocument made;
  Bytes tagged = made.bytes();
  tagged.insert(tagged.begin(), 0xd2);
  EXPECT_EQ(verdict(appraised(request_of(tagged, made.time))), "");
  // Another spelling of the protected header is another message: it verifies as the bytes that were signed.
  EXPECT_EQ(verdict(made::NitroDocument{.protected_header = *from_hex("a101390022")}), "");
}

TEST(NitroAppraisal, MalformedIsAVerdictAndNoError) {
  const made::NitroDocument made;
  const Bytes bytes = made.bytes();
  const auto malformed = [&](ByteView evidence) {
    const Appraisal a = appraised(request_of(evidence, made.time));
    EXPECT_TRUE(a.malformed);
    EXPECT_TRUE(a.registers.empty());
    return verdict(a);
  };
  EXPECT_EQ(malformed({}), "cbor.truncated");
  EXPECT_EQ(malformed(ByteView(bytes).first(1000)), "cbor.truncated");
  Bytes longer = bytes;
  longer.push_back(0);
  EXPECT_EQ(malformed(longer), "cbor.trailing");
  AppraiseRequest request = request_of(longer, made.time);
  request.allow_trailing = true;
  EXPECT_EQ(verdict(appraised(request)), "");
  made::NitroDocument no_certificate;
  no_certificate.change_bundle = [](std::vector<Bytes>& bundle) { bundle[2] = Bytes{0x30, 0x00}; };
  const Appraisal a = appraised(no_certificate);
  EXPECT_TRUE(a.malformed);
  EXPECT_EQ(verdict(a), "nitro.cert.malformed");
  EXPECT_NE(a.authentic.reasons[0].detail.find("cabundle[2]"), std::string::npos);
}

// Cantina's review of base/nitro-validator, 3.2.1: documents of debug mode are genuine, and measure nothing.
TEST(NitroAppraisal, DebugModeIsFlagged) {
  const auto flags_of = [](std::map<std::uint32_t, Bytes> pcrs) {
    const Appraisal a = appraised(made::NitroDocument{.pcrs = pcrs});
    EXPECT_EQ(verdict(a), "");
    // Those of the image are shown, zeros or not.
    for (std::uint32_t index = 0; index < 3; index++)
      EXPECT_EQ(std::ranges::count(a.registers, "pcr" + std::to_string(index), &Register::name),
                std::ptrdiff_t(pcrs.count(index)));
    return flags(a);
  };
  const std::vector<std::string> debug{"nitro.debug"}, none;
  const Bytes zero(48), set(48, 1);
  EXPECT_EQ(flags_of({{0, zero}, {1, zero}, {2, zero}, {4, set}}), debug);
  EXPECT_EQ(flags_of({{0, zero}, {1, set}, {2, set}}), debug);
  EXPECT_EQ(flags_of({{0, set}, {1, set}, {2, zero}}), debug);
  // 3.1.1: registers need not be there. Others of zeros were not set.
  EXPECT_EQ(flags_of({{1, set}, {8, zero}}), none);
  EXPECT_EQ(flags_of({{0, set}, {1, set}, {2, set}, {3, zero}, {31, zero}}), none);
  // A TPM has no such mode.
  made::NitroDocument tpm{.pcrs = {{0, set}, {1, zero}}};
  tpm.module_id = "i-0123456789abcdef0-tpm0000000000000000";
  tpm.change_members = [](auto& members) { members[3].first = "nitrotpm_pcrs"; };
  const Appraisal a = appraised(tpm);
  EXPECT_EQ(verdict(a), "");
  EXPECT_EQ(flags(a), none);
  EXPECT_EQ(a.attested.find("pcrs_of")->string(), "nitrotpm");
  EXPECT_EQ(a.machine, "aws-module:i-0123456789abcdef0");
}

TEST(NitroAppraisal, EnclavesOfOneInstanceAreOneMachine) {
  EXPECT_EQ(instance_of("i-0123456789abcdef0-enc0123456789abcdef"), "i-0123456789abcdef0");
  EXPECT_EQ(instance_of("i-0123456789abcdef0-tpm0000000000000000"), "i-0123456789abcdef0");
  EXPECT_EQ(instance_of("i-04fd1671.eu-west-1.aws"), "i-04fd1671");
  EXPECT_EQ(instance_of("i-04fd1671"), "i-04fd1671");
  for (const char* other :
       {"", "i-", "i--enc0", "i-xyz-enc0", "i-04fd1671-other0", "i-04FD1671-enc0", "j-04fd1671-enc0"})
    EXPECT_EQ(instance_of(other), "") << other;
  // A module of which we cannot tell the machine is not counted as one of its own.
  made::NitroDocument made;
  made.module_id = "m-1";
  const Appraisal a = appraised(made);
  EXPECT_EQ(verdict(a), "");
  EXPECT_EQ(a.machine, "");
}

}  // namespace
}  // namespace hallmark::nitro
