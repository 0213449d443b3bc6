// Reports of SEV-SNP at pinned times. Oracle: the reference implementation that came with the vectors, which holds them
// to AMD's specifications; the genuine ones are test data of other verifiers that accept them.
#include "lib/tee/snp/appraise.h"

#include "tests/vectors/vectors.h"

namespace hallmark::snp {
namespace {

class SnpVectors : public VectorsTest {
 protected:
  SnpVectors() : VectorsTest("quotes") {}

  static const Json& one(const Json& entry, const char* key) { return *entry.find(key); }

  // The report and the certificates; roots of the vectors' own stand in for AMD's.
  AppraiseRequest request(const Json& entry, const Bytes& report) const {
    AppraiseRequest out{.evidence = report, .name = "report"};
    const std::string chain = one(entry, "chain").string();
    out.endorsements = {{"vek", read(one(entry, "files").items().at(1).find("file")->string())},
                        {"chain", read(chain)}};
    if (chain.find("_test_") == chain.npos) return out;
    const auto certificates = parse_certificates(out.endorsements[1].bytes, "chain", 4);
    for (const Certificate& c : *certificates)
      if (c.self_issued()) out.trust_anchor = c.der();
    return out;
  }

  // Calls back for every check of every report.
  template <class Check>
  std::size_t each(Check check) const {
    std::size_t checks = 0;
    for (const Json& entry : entries_) {
      if (one(entry, "type").string() != "snp-report") continue;
      const Bytes report = read(one(entry, "files").items().front().find("file")->string());
      AppraiseRequest r = request(entry, report);
      for (const Json& item : one(one(entry, "cases").items().front(), "checks").items()) {
        r.time = one(item, "time").integer();
        SCOPED_TRACE(one(entry, "id").string() + " at " + std::to_string(r.time));
        const auto appraisal = appraise(r);
        EXPECT_TRUE(appraisal) << appraisal.error().message();
        if (appraisal) check(entry, one(item, "expect"), *appraisal);
        checks++;
      }
    }
    return checks;
  }
};

std::string codes(const std::vector<Reason>& reasons) {
  std::string out;
  for (const Reason& reason : reasons) out += reason.code + " (" + reason.detail + ") ";
  return out;
}

TEST_F(SnpVectors, GiveTheExpectedResultAndFlags) {
  std::size_t verified = 0, rejected = 0;
  const std::size_t checks = each([&](const Json& entry, const Json& expect, const Appraisal& got) {
    EXPECT_EQ(got.private_anchor.empty(), one(entry, "chain").string().find("_test_") == std::string::npos);
    if (expect.find("result")->string() == "rejected") {
      rejected++;
      ASSERT_FALSE(got.authentic.ok());
      EXPECT_EQ(got.authentic.reasons.front().code, expect.find("reason")->string()) << codes(got.authentic.reasons);
      return;
    }
    verified++;
    ASSERT_TRUE(got.authentic.ok()) << codes(got.authentic.reasons);
    EXPECT_TRUE(got.tcb.ok());
    EXPECT_EQ(*got.tcb_details.find("product"), *expect.find("product"));
    EXPECT_EQ(*got.tcb_details.find("signing_key"), *expect.find("signing_key"));
    std::vector<std::string> flags, want;
    for (const Json& item : expect.find("flags")->items()) want.push_back("snp." + item.string());
    for (const Flag& flag : got.flags) flags.push_back(flag.code);
    EXPECT_EQ(flags, want);
  });
  EXPECT_GE(checks, 32u);
  EXPECT_GE(verified, 6u);
  EXPECT_GE(rejected, 26u);
}

TEST_F(SnpVectors, SayWhatTheReportSays) {
  std::size_t said = 0;
  each([&](const Json& entry, const Json&, const Appraisal& got) {
    const Json* identity = entry.find("identity");
    if (identity == nullptr || !identity->is_object() || got.malformed) return;
    EXPECT_EQ(to_hex(got.registers.at(0).digest), identity->find("measurement")->string());
    EXPECT_EQ(to_hex(got.report_data), identity->find("report_data")->string());
    for (const char* name : {"version", "vmpl", "host_data", "id_key_digest", "author_key_digest", "chip_id"})
      EXPECT_EQ(*got.attested.find(name), *identity->find(name)) << name;
    for (const char* name : {"family_id", "image_id", "guest_svn"})
      EXPECT_EQ(*got.identity.find(name), *identity->find(name)) << name;
    EXPECT_EQ(got.attested.find("policy")->string(),
              hex_offset(static_cast<std::uint64_t>(identity->find("policy")->integer())));
    EXPECT_EQ(got.attested.find("platform_info")->string(),
              hex_offset(static_cast<std::uint64_t>(identity->find("platform_info")->integer())));
    for (const char* name : {"reported_tcb", "launch_tcb"})
      EXPECT_EQ(*got.attested.find(name), *identity->find(name)) << name;
    said++;
  });
  EXPECT_GE(said, 26u);
}

// AMD's roots are pinned: under the vectors' own they are refused unless the caller names these.
TEST_F(SnpVectors, OwnRootIsNotAmds) {
  std::size_t tried = 0;
  for (const Json& entry : entries_) {
    if (one(entry, "type").string() != "snp-report") continue;
    const Bytes report = read(one(entry, "files").items().front().find("file")->string());
    AppraiseRequest r = request(entry, report);
    if (!r.trust_anchor) continue;
    const Json& check = one(one(entry, "cases").items().front(), "checks").items().front();
    r.time = one(check, "time").integer();
    r.trust_anchor.reset();
    const auto appraisal = appraise(r);
    ASSERT_TRUE(appraisal) << appraisal.error().message();
    if (appraisal->malformed) continue;
    EXPECT_EQ(appraisal->authentic.reasons.front().code, "ark.not_pinned") << one(entry, "id").string();
    tried++;
  }
  EXPECT_GE(tried, 6u);
}

// A chain of another line, and of the other kind of key, does not vouch for a report.
TEST_F(SnpVectors, ChainIsOfTheLineAndOfTheKindOfKey) {
  const Json* milan = nullptr;
  for (const Json& entry : entries_)
    if (one(entry, "id").string() == "snp-milan-vcek-v2") milan = &entry;
  ASSERT_NE(milan, nullptr);
  const Bytes report = read(one(*milan, "files").items().front().find("file")->string());
  const UnixTime time = one(one(*milan, "cases").items().front(), "checks").items().front().find("time")->integer();
  for (const auto& [chain, reason] : {std::pair{"snp/ask_ark_genoa.pem", "ark.missing"},
                                      {"snp/ask_ark_turin_vcek.pem", "ark.missing"},
                                      {"snp/ask_ark_milan_vlek.pem", "ask.missing"},
                                      {"snp/ask_ark_test_milan.pem", "ark.not_pinned"}}) {
    AppraiseRequest r = request(*milan, report);
    r.time = time;
    r.endorsements[1].bytes = read(chain);
    const auto appraisal = appraise(r);
    ASSERT_TRUE(appraisal) << appraisal.error().message();
    ASSERT_FALSE(appraisal->authentic.ok()) << chain;
    EXPECT_EQ(appraisal->authentic.reasons.front().code, reason) << chain;
  }
}

// A verdict says until when it holds: one second later the same evidence is refused.
TEST_F(SnpVectors, HoldUntilTheTimeThatTheySay) {
  std::size_t tried = 0;
  for (const Json& entry : entries_) {
    if (one(entry, "type").string() != "snp-report") continue;
    const Json& check = one(one(entry, "cases").items().front(), "checks").items().front();
    if (one(check, "expect").find("result")->string() != "verified") continue;
    SCOPED_TRACE(one(entry, "id").string());
    const Bytes report = read(one(entry, "files").items().front().find("file")->string());
    AppraiseRequest r = request(entry, report);
    r.time = one(check, "time").integer();
    const Validity validity = appraise(r)->validity;
    for (const auto& [time, good] : {std::pair{validity.from, true},
                                     {validity.until, true},
                                     {validity.from - 1, false},
                                     {validity.until + 1, false}}) {
      r.time = time;
      EXPECT_EQ(appraise(r)->authentic.ok(), good) << time;
    }
    tried++;
  }
  EXPECT_GE(tried, 6u);
}

}  // namespace
}  // namespace hallmark::snp
