// What a guest reports: which register each record extends, what is believed of its data, and what is refused.
#include "lib/tee/tdx/log.h"

#include <gtest/gtest.h>

#include "tests/unit/formats/made_log.h"
#include "tests/unit/tee/made_quote.h"

namespace hallmark::tdx {
namespace {

const Bytes kZeros(4);

GuestLog read(const MadeLog& made) {
  auto log = read_guest_log(made.bytes);
  EXPECT_TRUE(log) << log.error().message();
  return log ? *std::move(log) : GuestLog{};
}
bool authenticated(const Event& event) { return event.inputs.find("authenticated")->boolean(); }

TEST(GuestLog, OfACcelCountsFromMrtd) {
  MadeLog made;
  for (const std::uint32_t index : {4u, 3u, 1u, 2u}) made.event(index, tcg::kSeparator, kZeros);
  const GuestLog log = read(made);
  EXPECT_EQ(log.kind, LogKind::ccel);
  EXPECT_TRUE(log.pcrs.empty());
  std::vector<unsigned> rtmrs;
  for (const Event& e : log.events) rtmrs.push_back(e.rtmr);
  EXPECT_EQ(rtmrs, (std::vector<unsigned>{3, 2, 0, 1}));
}

// pcrIndex of the first record, the algorithms, and registers that are extended. edk2's first record has 1, that of a
// TPM's log 0, and td-shim's too (its crate cc-measurement).
TEST(GuestLog, IsOfWhomItsRecordsSay) {
  const MadeLog::Algorithms alone{{MadeLog::kSha384, 48}}, both{{MadeLog::kSha256, 32}, {MadeLog::kSha384, 48}};
  const struct {
    const char* what;
    MadeLog::Algorithms algorithms;
    std::uint32_t first;
    std::vector<std::uint32_t> extended;
    LogKind kind;
  } cases[] = {
      {"edk2 in a domain", alone, 1, {1, 2, 3}, LogKind::ccel},
      {"td-shim", alone, 0, {1, 2, 3}, LogKind::ccel},
      {"a TPM with SHA-384 alone, whose log ends early", alone, 0, {0, 1, 2, 3, 4}, LogKind::tpm},
      {"a TPM with SHA-384 alone, but for PCR 0", alone, 0, {1, 7}, LogKind::tpm},
      {"a TPM with two banks, whose log ends early", both, 0, {1, 2, 3, 4}, LogKind::tpm},
  };
  for (const auto& c : cases) {
    MadeLog made(c.algorithms, c.first);
    // Not extended, so that they say nothing.
    for (const std::uint32_t index : {0u, 7u, UINT32_MAX}) made.event(index, tcg::kNoAction, kZeros);
    for (const std::uint32_t index : c.extended) made.event(index, tcg::kSeparator, kZeros);
    EXPECT_EQ(read(made).kind, c.kind) << c.what;
  }
}

// A register that is not there was not extended, whatever the log says.
TEST(GuestLog, OfARegisterThatIsNotThereIsRefused) {
  const MadeLog::Algorithms alone{{MadeLog::kSha384, 48}};
  const struct {
    std::uint32_t first, index;
    const char* why;
  } cases[] = {
      {1, 0, "MRTD, which nothing extends"},         {1, 5, "a domain has 1 to 4"},
      {1, UINT32_MAX - 1, "a domain has 1 to 4"},    {0, 24, "a TPM has PCRs 0 to 23"},
      {0, UINT32_MAX - 1, "a TPM has PCRs 0 to 23"},
  };
  for (const auto& c : cases) {
    MadeLog made(alone, c.first);
    made.event(1, tcg::kSeparator, kZeros);
    const std::string at = "pcrIndex at " + hex_offset(made.bytes.size()) + ": is " + std::to_string(c.index) + ", ";
    const auto log = read_guest_log(made.event(c.index, tcg::kSeparator, kZeros).bytes);
    ASSERT_FALSE(log) << c.index;
    EXPECT_EQ(log.error().fault, Fault::format);
    EXPECT_NE(log.error().message().find(at + c.why), std::string::npos) << log.error().message();
  }
  const auto nobodys = read_guest_log(MadeLog(alone, 2).event(1, tcg::kSeparator, kZeros).bytes);
  ASSERT_FALSE(nobodys);
  EXPECT_EQ(nobodys.error().fault, Fault::format);
  EXPECT_NE(nobodys.error().message().find("pcrIndex at 0x0: is 2"), std::string::npos) << nobodys.error().message();
}

// edk2, OvmfPkg/Tcg/TdTcg2Dxe: PCR 0 is MRTD; 1 and 7 RTMR0; 2 to 6 RTMR1; 8 to 15 RTMR2.
TEST(GuestLog, OfATpmGoesByEdk2sMap) {
  MadeLog made(MadeLog::Algorithms{{MadeLog::kSha384, 48}}, 0);
  for (std::uint32_t pcr = 0; pcr < 24; pcr++) made.event(pcr, tcg::kSeparator, kZeros);
  const GuestLog log = read(made);
  EXPECT_EQ(log.kind, LogKind::tpm);
  EXPECT_EQ(log.pcrs.size(), 24u);
  std::vector<std::pair<std::int64_t, unsigned>> map;
  for (const Event& e : log.events) map.emplace_back(e.inputs.find("pcr")->integer(), e.rtmr);
  EXPECT_EQ(map, (std::vector<std::pair<std::int64_t, unsigned>>{{1, 0},
                                                                 {2, 1},
                                                                 {3, 1},
                                                                 {4, 1},
                                                                 {5, 1},
                                                                 {6, 1},
                                                                 {7, 0},
                                                                 {8, 2},
                                                                 {9, 2},
                                                                 {10, 2},
                                                                 {11, 2},
                                                                 {12, 2},
                                                                 {13, 2},
                                                                 {14, 2},
                                                                 {15, 2}}));
}

TEST(GuestLog, LeavesOutWhatIsNotExtended) {
  const MadeLog made = MadeLog().event(1, tcg::kNoAction, kZeros).event(1, tcg::kSeparator, kZeros);
  EXPECT_EQ(read(made).events.size(), 1u);
}

// A label that its digest does not cover is somebody's word, whatever it says.
TEST(GuestLog, SaysWhoseDataItsDigestCovers) {
  const std::string_view text = "Calling EFI Application from Boot Option";
  const MadeLog made = MadeLog()
                           .event(2, tcg::kEfiAction, as_bytes(text))
                           .event(2, tcg::kEfiAction, digest<Alg::sha384>(as_bytes("another")), as_bytes(text));
  const GuestLog log = read(made);
  ASSERT_EQ(log.events.size(), 2u);
  EXPECT_EQ(log.events[0].description, log.events[1].description);
  EXPECT_TRUE(authenticated(log.events[0]));
  EXPECT_FALSE(authenticated(log.events[1]));
  EXPECT_EQ(log.events[0].provenance, Provenance::supplied);
  EXPECT_EQ(log.events[1].digest, digest<Alg::sha384>(as_bytes("another")));
}

// sha384sum of 48 zero bytes and the 48 bytes of sha384sum of four zero bytes, by coreutils.
TEST(GuestLog, FoldsToWhatSha384sumGives) {
  const Rtmrs rtmrs = fold(read(MadeLog().event(1, tcg::kSeparator, kZeros)).events);
  EXPECT_EQ(to_hex(*rtmrs[0]),
            "518923b0f955d08da077c96aaba522b9decede61c599cea6c41889cfbea4ae4d50529d96fe4d1afdafb65e7f95bf23c4");
  EXPECT_EQ(to_hex(*rtmrs[1]), std::string(96, '0'));
}

// PC Client Platform Firmware Profile 1.06, 10.4.5.3: PCR 0 begins with the locality, here 3.
// Oracle: sha384sum, of 47 zero bytes, 03, and the digest of four zero bytes.
TEST(GuestLog, OfATpmBeginsAtItsLocality) {
  Bytes locality(as_bytes("StartupLocality").begin(), as_bytes("StartupLocality").end());
  locality.insert(locality.end(), {0, 3});
  MadeLog made(MadeLog::Algorithms{{MadeLog::kSha384, 48}}, 0);
  made.event(0, tcg::kNoAction, DigestOf<Alg::sha384>{}, locality).event(0, tcg::kSeparator, kZeros);
  made.event(7, tcg::kSeparator, kZeros);
  EXPECT_EQ(to_hex(read(made).pcrs[0]),
            "2dce70254953468bcf3e66e2874c219ea7bd6ca9f375fd6668b22cd112f6710a1145a2f1d3be258e82f37e6034760d23");
  EXPECT_EQ(to_hex(read(made).pcrs[7]),
            "518923b0f955d08da077c96aaba522b9decede61c599cea6c41889cfbea4ae4d50529d96fe4d1afdafb65e7f95bf23c4");
}

TEST(GuestLog, WithoutSha384IsUnsupported) {
  MadeLog made(MadeLog::Algorithms{{MadeLog::kSha256, 32}}, 0);
  const std::string offset = hex_offset(made.bytes.size());
  made.le(std::uint32_t{7})
      .le(tcg::kSeparator)
      .le(std::uint32_t{1})
      .le(MadeLog::kSha256)
      .raw(Bytes(32))
      .le(std::uint32_t{0});
  const auto log = read_guest_log(made.bytes);
  ASSERT_FALSE(log);
  EXPECT_EQ(log.error().fault, Fault::unsupported);
  EXPECT_NE(log.error().message().find("record at " + offset), std::string::npos) << log.error().message();
}

// The first record decides how long a digest is, and can lie.
TEST(GuestLog, WithASha384OfAnotherSizeIsUnsupported) {
  for (const std::uint16_t size : std::initializer_list<std::uint16_t>{32, 47, 49, 64}) {
    MadeLog made(MadeLog::Algorithms{{MadeLog::kSha384, size}});
    made.le(std::uint32_t{1})
        .le(tcg::kSeparator)
        .le(std::uint32_t{1})
        .le(MadeLog::kSha384)
        .raw(Bytes(size))
        .le(std::uint32_t{0});
    const auto log = read_guest_log(made.bytes);
    ASSERT_FALSE(log) << size;
    EXPECT_EQ(log.error().fault, Fault::unsupported);
  }
}

TEST(ImaLog, IsALineForEachEvent) {
  const std::string digest = to_hex(hallmark::digest<Alg::sha384>(as_bytes("entry")));
  const auto log = read_ima_log(as_bytes("2 " + digest + " ima-ng sha384:00 boot_aggregate\n 3 " + digest + " x\n"));
  ASSERT_TRUE(log) << log.error().message();
  ASSERT_EQ(log->size(), 2u);
  EXPECT_EQ((*log)[0].rtmr, 2u);
  EXPECT_EQ((*log)[0].digest, hallmark::digest<Alg::sha384>(as_bytes("entry")));
  EXPECT_EQ((*log)[0].description, "IMA: ima-ng sha384:00 boot_aggregate");
  EXPECT_EQ((*log)[1].rtmr, 3u);
  EXPECT_TRUE(read_ima_log({})->empty());
}

TEST(ImaLog, OfAnythingElseIsRefusedWithItsLine) {
  const std::string digest(96, 'a');
  const std::string good = "2 " + digest + " x\n";
  for (const std::string& bad :
       {"4 " + digest + " x", "-1 " + digest + " x", "22 " + digest + " x", "2" + digest, "2  " + digest + " x",
        "2 " + digest.substr(2) + " x", "2 " + digest + "aa x", "2 g" + digest.substr(1) + " x", std::string("2"),
        std::string("2 "), std::string(" "), std::string(1, '\0'), std::string("10 67c7ee ima-ng sha1:00 x")}) {
    const auto log = read_ima_log(as_bytes(good + bad + "\n"));
    ASSERT_FALSE(log) << bad;
    EXPECT_NE(log.error().message().find("line 2: "), std::string::npos) << log.error().message();
  }
}

TEST(QuoteFile, IsBinaryHexadecimalOrBase64) {
  const Bytes quote = dcap::MadeQuote().bytes();
  const auto lines = [](std::string text) {
    for (std::size_t at = 64; at < text.size(); at += 66) text.insert(at, "\r\n");
    return text + "\n";
  };
  for (const std::string& text : {std::string(as_text(quote)), to_hex(quote), "0x" + to_hex(quote),
                                  lines(to_hex(quote)), to_base64(quote), lines(to_base64(quote))}) {
    EXPECT_TRUE(holds_quote(as_bytes(text)));
    const auto bytes = quote_bytes(as_bytes(text));
    ASSERT_TRUE(bytes) << bytes.error().message();
    EXPECT_EQ(*bytes, quote);
  }
}

TEST(QuoteFile, OfAnythingElseIsNone) {
  const Bytes quote = dcap::MadeQuote().bytes();
  for (const std::string& text :
       {std::string(), std::string("0x"), std::string("hello"), to_hex(quote).substr(2), to_hex(quote).substr(0, 94),
        to_hex(quote) + "g", std::string(1000, ' '), std::string(3 * dcap::kMaxQuote + 1, 'A')})
    EXPECT_FALSE(holds_quote(as_bytes(text))) << text.substr(0, 40);
}

TEST(QuoteFile, RegistersAreThoseOfADomain) {
  const dcap::MadeQuote made;
  const Bytes bytes = made.bytes();
  const auto rtmrs = registers_of(*dcap::parse_quote(bytes));
  ASSERT_TRUE(rtmrs) << rtmrs.error().message();
  for (unsigned r = 0; r < kRtmrs; r++)
    EXPECT_EQ(to_hex(*(*rtmrs)[r]), to_hex(ByteView(made.body).subspan(328 + 48 * r, 48)));
  const Bytes enclave = dcap::MadeQuote{.version = 3, .tee_type = 0, .body = Bytes(384)}.bytes();
  EXPECT_EQ(registers_of(*dcap::parse_quote(enclave)).error().fault, Fault::unsupported);
}

}  // namespace
}  // namespace hallmark::tdx
