// Quotes of vTPMs on Azure. Oracle: the reference implementation that came with the vectors; the genuine quote is test
// data of a verifier that accepts it. The certificate of the chip is not among the vectors, so that only the TPM's part
// of the verdict can be the expected one.
#include "lib/tee/vtpm/appraise.h"

#include "lib/tee/vtpm/evidence.h"
#include "tests/vectors/vectors.h"

namespace hallmark::vtpm {
namespace {

class VtpmVectors : public VectorsTest {
 protected:
  VtpmVectors() : VectorsTest("quotes") {}

  static const Json& one(const Json& entry, const char* key) { return *entry.find(key); }

  std::vector<Bytes> files(const Json& entry) const {
    std::vector<Bytes> out;
    for (const Json& file : one(entry, "files").items()) out.push_back(read(file.find("file")->string()));
    return out;
  }
  static Appraisal appraise(const Bytes& evidence, const std::vector<Bytes>& others) {
    AppraiseRequest request{.evidence = evidence, .name = "evidence", .time = 1767225600};
    for (const Bytes& bytes : others)
      request.endorsements.push_back({"file " + std::to_string(request.endorsements.size()), bytes});
    const auto appraisal = vtpm::appraise(request);
    if (!appraisal) throw std::runtime_error(appraisal.error().message());
    return *appraisal;
  }
};

bool tpm_part_holds(const Appraisal& got) {
  return got.tcb_details.find("tpm_quote")->canonical() ==
         R"({"pcr_digest":true,"runtime_data_bound":true,"signature":true})";
}

TEST_F(VtpmVectors, GiveTheExpectedResultForTheTpm) {
  std::size_t verified = 0, rejected = 0;
  for (const Json& entry : entries_) {
    if (one(entry, "type").string() != "vtpm-quote") continue;
    SCOPED_TRACE(one(entry, "id").string());
    std::vector<Bytes> parts = files(entry);
    const Bytes hcl = parts.front();
    parts.erase(parts.begin());
    const Json& expect = one(one(one(entry, "cases").items().front(), "checks").items().front(), "expect");
    const Appraisal got = appraise(hcl, parts);
    const bool verified_as_given = expect.find("result")->string() == "verified";
    EXPECT_EQ(got.authentic.ok(), verified_as_given);
    EXPECT_EQ(got.tcb.ok(), verified_as_given);
    // Nobody was asked about the hardware, whatever the TPM's part: a policy has to take that, and none does by itself.
    if (verified_as_given) {
      ASSERT_FALSE(got.flags.empty());
      EXPECT_EQ(got.flags.back().code, "vtpm.hardware_unverified");
    } else {
      EXPECT_EQ(got.authentic.reasons.back().code, "snp.vek_missing");
    }
    EXPECT_EQ(got.machine.empty(), verified_as_given);
    EXPECT_FALSE(got.malformed);
    if (expect.find("result")->string() == "rejected") {
      EXPECT_FALSE(tpm_part_holds(got));
      EXPECT_EQ(got.authentic.reasons.front().code, expect.find("reason")->string());
      rejected++;
      continue;
    }
    EXPECT_TRUE(tpm_part_holds(got));
    EXPECT_EQ(to_hex(got.report_data), expect.find("nonce")->string());
    const Json& selection = one(expect, "pcr_select").items().front();
    EXPECT_EQ(selection.items().at(0).integer(), kTpmSha256);
    std::vector<std::string> want, names;
    for (const Json& pcr : selection.items().at(1).items()) want.push_back("pcr" + std::to_string(pcr.integer()));
    want.push_back("measurement");
    for (const Register& r : got.registers) names.push_back(r.name);
    EXPECT_EQ(names, want);
    verified++;
  }
  EXPECT_GE(verified, 1u);
  EXPECT_GE(rejected, 2u);
}

TEST_F(VtpmVectors, PartsOfDifferentMachinesDoNotFit) {
  const Json *good = nullptr, *other = nullptr;
  for (const Json& entry : entries_) {
    if (one(entry, "id").string() == "vtpm-az-snp-v2") good = &entry;
    if (one(entry, "id").string() == "vtpm-az-snp-genoa-badsig") other = &entry;
  }
  ASSERT_NE(good, nullptr);
  ASSERT_NE(other, nullptr);
  const std::vector<Bytes> parts = files(*good), others = files(*other);
  const auto codes = [](const Appraisal& got) {
    std::vector<std::string> out;
    for (const Reason& reason : got.authentic.reasons) out.push_back(reason.code);
    for (const Flag& flag : got.flags) out.push_back(flag.code);
    return out;
  };
  using Codes = std::vector<std::string>;
  // The quote as the evidence, and the rest in another order.
  EXPECT_EQ(codes(appraise(parts[1], {parts[3], parts[0], parts[2]})), (Codes{"vtpm.hardware_unverified"}));
  EXPECT_EQ(codes(appraise(others[0], {parts[1], parts[2], parts[3]})), (Codes{"tpm.signature", "snp.vek_missing"}));
  EXPECT_EQ(codes(appraise(parts[0], {parts[1], parts[2], others[3]})), (Codes{"tpm.pcr_digest", "snp.vek_missing"}));
}

}  // namespace
}  // namespace hallmark::vtpm
