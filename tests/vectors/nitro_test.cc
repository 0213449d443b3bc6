// Attestation documents of enclaves that others ran, and some of them damaged (quotes/vectors.json), each at the times
// that are pinned there.
// Oracle: vectors.json, made with another implementation, and AWS's root certificate.
#include <gtest/gtest.h>

#include "lib/tee/nitro/appraise.h"
#include "lib/tee/nitro/verify.h"
#include "tests/vectors/vectors.h"

namespace hallmark::nitro {
namespace {

class NitroVectors : public VectorsTest {
 protected:
  NitroVectors() : VectorsTest("quotes") {}

  std::vector<const Json*> documents() const {
    std::vector<const Json*> out;
    for (const Json& entry : entries_)
      if (entry.find("type")->string() == "nitro-attestation") out.push_back(&entry);
    return out;
  }
  Bytes document_of(const Json& entry) const { return read(entry.find("files")->items().at(0).find("file")->string()); }

  static Appraisal appraised(ByteView bytes, UnixTime time) {
    const auto out =
        appraise({.evidence = bytes, .name = "document", .time = time, .endorsements = {}, .trust_anchor = {}});
    if (!out) throw std::runtime_error(out.error().message());
    return *out;
  }
};

void expect_identity(const Appraisal& a, const Json& want) {
  EXPECT_EQ(a.attested.find("module_id")->string(), want.find("module_id")->string());
  EXPECT_EQ(a.attested.find("timestamp_ms")->integer(), want.find("timestamp_ms")->integer());
  for (const char* name : {"public_key", "user_data", "nonce"})
    EXPECT_EQ(*a.attested.find(name), *want.find(name)) << name;
  // The vectors leave out registers above 2 that are zero, as we do.
  Json pcrs = Json::object();
  for (const Register& r : a.registers) pcrs[r.name.substr(3)] = to_hex(r.digest);
  EXPECT_EQ(pcrs.canonical(), want.find("pcrs")->canonical());
  EXPECT_EQ(a.machine, "aws-module:" + want.find("module_id")->string().substr(0, 19));
}

TEST_F(NitroVectors, HaveTheirVerdicts) {
  std::size_t checks = 0, verified = 0, debug = 0;
  for (const Json* entry : documents()) {
    SCOPED_TRACE(entry->find("id")->string());
    const Bytes bytes = document_of(*entry);
    for (const Json& one : entry->find("cases")->items())
      for (const Json& check : one.find("checks")->items()) {
        const Appraisal a = appraised(bytes, check.find("time")->integer());
        const Json& want = *check.find("expect");
        checks++;
        if (want.find("result")->string() != "verified") {
          ASSERT_EQ(a.authentic.reasons.size(), 1u);
          EXPECT_EQ(a.authentic.reasons[0].code, want.find("reason")->string()) << a.authentic.reasons[0].detail;
          EXPECT_FALSE(a.tcb.reached);
          continue;
        }
        verified++;
        EXPECT_TRUE(a.authentic.ok()) << a.authentic.reasons.at(0).detail;
        EXPECT_TRUE(a.tcb.ok());
        debug += want.find("debug")->boolean();
        EXPECT_EQ(!a.flags.empty(), want.find("debug")->boolean());
        EXPECT_EQ(a.tcb_details.find("chain_len")->integer(), want.find("chain_len")->integer());
        const auto& window = entry->find("window")->items();
        const auto time = [](std::string text) { return *parse_time(text.replace(text.find('+'), 6, "Z")); };
        EXPECT_EQ(a.validity.from, time(window.at(0).string()));
        EXPECT_EQ(a.validity.until, time(window.at(1).string()));
      }
    if (const Json* identity = entry->find("identity")) expect_identity(appraised(bytes, 0), *identity);
  }
  EXPECT_GE(checks, 28u);
  EXPECT_GE(verified, 8u);
  EXPECT_GE(debug, 3u);
}

TEST_F(NitroVectors, PinnedKeyIsThatOfAwsRoot) {
  const auto roots = parse_certificates(read("nitro/aws-root-g1.pem"), "AWS root", 1);
  ASSERT_TRUE(roots) << roots.error().message();
  EXPECT_EQ(to_hex(roots->at(0).spki_sha256()), to_hex(kAwsRootKey));
  // As AWS publishes it, and as verify.h repeats it.
  EXPECT_EQ(to_hex(roots->at(0).sha256()), "641a0321a3e244efe456463195d606317ed7cdcc3c1756e09893f3c68f79bb5b");
}

// What AWS did not sign: tag, unprotected header, and how the outer array has its length.
TEST_F(NitroVectors, VerifyInEveryEncodingOfTheMessage) {
  const Bytes bytes = read("nitro/nitro-8ff485d8.cbor");
  constexpr UnixTime kTime = 1668034320;
  const auto changed = [&](std::size_t at, std::size_t size, const char* hex) {
    Bytes out = bytes;
    const Bytes with = *from_hex(hex);
    const auto begin = out.begin() + static_cast<std::ptrdiff_t>(at);
    out.insert(out.erase(begin, begin + static_cast<std::ptrdiff_t>(size)), with.begin(), with.end());
    return out;
  };
  Bytes open = changed(0, 1, "9f");
  open.push_back(0xff);
  for (const Bytes& encoding :
       {bytes, changed(0, 0, "d2"), changed(0, 1, "9804"), changed(1, 1, "5804"), changed(6, 1, "a104426964"),
        changed(6, 1, "bfff"), changed(7, 3, "5a00001101"), open}) {
    const Appraisal a = appraised(encoding, kTime);
    EXPECT_TRUE(a.authentic.ok()) << to_hex(ByteView(encoding).first(16)) << ": " << a.authentic.reasons.at(0).detail;
  }
  // AWS signed the bytes of its own protected header, and no other of the same meaning.
  EXPECT_EQ(appraised(changed(1, 5, "45a101390022"), kTime).authentic.reasons.at(0).code, "cose.signature");
}

TEST_F(NitroVectors, FollowedByAnythingAreRefused) {
  Bytes bytes = read("nitro/nitro-8ff485d8.cbor");
  bytes.push_back(0);
  EXPECT_EQ(appraised(bytes, 1668034320).authentic.reasons.at(0).code, "cbor.trailing");
}

}  // namespace
}  // namespace hallmark::nitro
