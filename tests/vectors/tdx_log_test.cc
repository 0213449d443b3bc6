// Logs and quotes of guests.
// Oracle: the quotes' own registers, which TDX modules filled, and PCRs that guests read from their TPM (vectors.json).
#include "lib/tee/tdx/log.h"
#include "lib/tee/tdx/report.h"

#include "tests/vectors/vectors.h"

namespace hallmark::tdx {
namespace {

class TdxLogVectors : public VectorsTest {
 protected:
  TdxLogVectors() : VectorsTest("tdx") {}

  std::vector<std::string> registers(const std::vector<Event>& events) const {
    std::vector<std::string> out;
    for (const auto& rtmr : fold(events)) out.push_back(to_hex(*rtmr));
    return out;
  }
  std::vector<std::string> rtmrs_of_quote(const std::string& file) const {
    std::vector<std::string> out;
    for (const char* name : {"rtmr0", "rtmr1", "rtmr2", "rtmr3"}) out.push_back(expected(file).find(name)->string());
    return out;
  }
};

TEST_F(TdxLogVectors, QuotesHaveTheExpectedFields) {
  for (const std::string file : {"cctrusted_quote.bin", "gce_cos113_quote.dat"}) {
    SCOPED_TRACE(file);
    const Bytes bytes = read(file);
    const auto quote = dcap::parse_quote(bytes);
    ASSERT_TRUE(quote) << quote.error().message();
    EXPECT_EQ(quote->version, 4);
    const auto r = quote->td_report();
    const Json& want = expected(file);
    for (const auto& [name, value] : {std::pair<const char*, ByteView>{"tee_tcb_svn", r.get<"tee_tcb_svn">()},
                                      {"mrseam", r.get<"mr_seam">()},
                                      {"mrsignerseam", r.get<"mr_signer_seam">()},
                                      {"seamattr", r.get<"seam_attributes">()},
                                      {"tdattributes", r.get<"td_attributes">()},
                                      {"xfam", r.get<"xfam">()},
                                      {"mrtd", r.get<"mr_td">()},
                                      {"mrconfigid", r.get<"mr_config_id">()},
                                      {"mrowner", r.get<"mr_owner">()},
                                      {"mrownerconfig", r.get<"mr_owner_config">()},
                                      {"rtmr0", r.get<"rtmr0">()},
                                      {"rtmr1", r.get<"rtmr1">()},
                                      {"rtmr2", r.get<"rtmr2">()},
                                      {"rtmr3", r.get<"rtmr3">()},
                                      {"reportdata", r.get<"report_data">()}})
      EXPECT_EQ(to_hex(value), want.find(name)->string()) << name;
  }
}

TEST_F(TdxLogVectors, OfGceGivesItsQuote) {
  const auto log = read_guest_log(read("gce_cos113_ccel.dat"));
  ASSERT_TRUE(log) << log.error().message();
  EXPECT_EQ(log->kind, LogKind::ccel);
  EXPECT_EQ(registers(log->events), rtmrs_of_quote("gce_cos113_quote.dat"));
}

TEST_F(TdxLogVectors, OfIntelsKernelGivesItsQuoteOnlyWithTheLogOfIma) {
  auto log = read_guest_log(read("cctrusted_ccel.bin"));
  ASSERT_TRUE(log) << log.error().message();
  const auto want = rtmrs_of_quote("cctrusted_quote.bin");
  auto without = registers(log->events);
  EXPECT_NE(without[2], want[2]);
  without[2] = want[2];
  EXPECT_EQ(without, want);
  const auto ima = read_ima_log(read("cctrusted_ima.log"));
  ASSERT_TRUE(ima) << ima.error().message();
  log->events.insert(log->events.end(), ima->begin(), ima->end());
  EXPECT_EQ(registers(log->events), want);
}

// By PCR and not by register: each log gives the PCRs that the guest read, but for PCR 10, which IMA extends.
TEST_F(TdxLogVectors, OfATpmGivesItsPcrs) {
  std::size_t logs = 0;
  for (const Json& entry : entries_) {
    const Json* pcrs = entry.find("expected")->find("pcr_sha384");
    if (pcrs == nullptr) continue;
    const std::string file = entry.find("file")->string();
    SCOPED_TRACE(file);
    logs++;
    const Bytes bytes = read(file);
    auto log = read_guest_log(bytes);
    ASSERT_TRUE(log) << log.error().message();
    EXPECT_EQ(log->kind, LogKind::tpm);
    for (const auto& [name, want] : pcrs->members())
      if (name != "10") {
        EXPECT_EQ(to_hex(log->pcrs[static_cast<std::uint32_t>(std::stoul(name))]), want.string()) << "PCR " << name;
      }
  }
  EXPECT_EQ(logs, 6u);
}

// The JSON has its own quote; run-time events of RTMR3 are computed again from name and payload while it is read.
TEST_F(TdxLogVectors, OfDstackGivesItsQuote) {
  const auto report = read_report({folder_ / "dstack_quote-report.json"});
  ASSERT_TRUE(report) << report.error().message();
  EXPECT_EQ(registers(*report->log), rtmrs_of_quote("dstack_quote-report.json"));
  EXPECT_FALSE(report->contradiction());
  EXPECT_EQ(to_hex(*report->mrtd), expected("dstack_quote-report.json").find("mrtd")->string());
}

TEST_F(TdxLogVectors, ALogAndTheQuoteOfAnotherGuestContradict) {
  const auto report = read_report({folder_ / "gce_cos113_ccel.dat", folder_ / "cctrusted_quote.bin"});
  ASSERT_TRUE(report) << report.error().message();
  EXPECT_EQ(report->contradiction(), 0u);
}

}  // namespace
}  // namespace hallmark::tdx
