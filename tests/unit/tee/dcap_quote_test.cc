// Quotes of every version, and what is none. Offsets are those of Intel's "Quote Format" pages, by hand.
#include "lib/tee/dcap/quote.h"

#include <gtest/gtest.h>

#include "tests/unit/tee/made_quote.h"

namespace hallmark::dcap {
namespace {

constexpr std::uint32_t kSgx = 0, kTdx = 0x81;

Error refused(ByteView quote) {
  const auto parsed = parse_quote(quote);
  EXPECT_FALSE(parsed);
  return parsed ? Error{} : parsed.error();
}

MadeQuote enclave(std::uint16_t version) {
  return {.version = version, .tee_type = kSgx, .body_type = 1, .body = MadeQuote::pattern(384)};
}

TEST(Quote, OfEveryVersionHasItsBody) {
  const struct {
    MadeQuote made;
    Body type;
    std::size_t offset;
  } cases[] = {
      {enclave(3), Body::sgx, 48},
      {enclave(4), Body::sgx, 48},
      {enclave(5), Body::sgx, 54},
      {{.version = 4}, Body::td10, 48},
      {{.version = 5, .body_type = 2}, Body::td10, 54},
      {{.version = 5, .body_type = 3, .body = MadeQuote::pattern(648)}, Body::td15, 54},
      {{.version = 5, .body_type = 4, .body = MadeQuote::pattern(885)}, Body::td15ex, 54},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(std::string(to_text(c.type)) + ", version " + std::to_string(c.made.version));
    const Bytes bytes = c.made.bytes();
    EXPECT_TRUE(is_quote(bytes));
    const auto quote = parse_quote(bytes);
    ASSERT_TRUE(quote) << quote.error().message();
    EXPECT_EQ(quote->version, c.made.version);
    EXPECT_EQ(quote->body_type, c.type);
    EXPECT_EQ(quote->body_offset, c.offset);
    EXPECT_EQ(to_hex(quote->body), to_hex(c.made.body));
    EXPECT_EQ(to_hex(quote->signature), to_hex(c.made.signature));
    EXPECT_EQ(to_hex(quote->signed_part), to_hex(ByteView(bytes).first(c.offset + c.made.body.size())));
    EXPECT_EQ(to_hex(Record<kQuoteHeader>::parse(quote->header)->get<"user_data">()), to_hex(Bytes(20, 0xdd)));
  }
}

TEST(Quote, FieldsOfATdStandWhereIntelPutsThem) {
  for (const MadeQuote& made : {MadeQuote{}, MadeQuote{.version = 5},
                                MadeQuote{.version = 5, .body_type = 3, .body = MadeQuote::pattern(648)}}) {
    const Bytes bytes = made.bytes();
    const auto quote = parse_quote(bytes);
    ASSERT_TRUE(quote) << quote.error().message();
    const auto report = quote->td_report();
    const auto at = [&](std::size_t offset, std::size_t size) {
      return to_hex(ByteView(made.body).subspan(offset, size));
    };
    EXPECT_EQ(to_hex(report.get<"mr_seam">()), at(16, 48));
    EXPECT_EQ(to_hex(report.get<"td_attributes">()), at(120, 8));
    EXPECT_EQ(to_hex(report.get<"mr_td">()), at(136, 48));
    EXPECT_EQ(to_hex(report.get<"mr_config_id">()), at(184, 48));
    EXPECT_EQ(to_hex(report.get<"rtmr0">()), at(328, 48));
    EXPECT_EQ(to_hex(report.get<"rtmr3">()), at(472, 48));
    EXPECT_EQ(to_hex(report.get<"report_data">()), at(520, 64));
  }
}

TEST(Quote, FieldsOfAnEnclaveStandWhereIntelPutsThem) {
  const MadeQuote made = enclave(3);
  const Bytes bytes = made.bytes();
  const auto quote = parse_quote(bytes);
  ASSERT_TRUE(quote) << quote.error().message();
  const auto report = quote->sgx_report();
  EXPECT_EQ(to_hex(report.get<"mr_enclave">()), to_hex(ByteView(made.body).subspan(64, 32)));
  EXPECT_EQ(to_hex(report.get<"mr_signer">()), to_hex(ByteView(made.body).subspan(128, 32)));
  EXPECT_EQ(to_hex(report.get<"isv_svn">()), to_hex(ByteView(made.body).subspan(258, 2)));
  EXPECT_EQ(to_hex(report.get<"report_data">()), to_hex(ByteView(made.body).subspan(320, 64)));
}

TEST(Quote, HeaderIsHeldToItsFormat) {
  const struct {
    const char* message;
    Fault fault;
    MadeQuote made;
  } cases[] = {
      {"version at 0x0: is 2", Fault::unsupported, {.version = 2}},
      {"version at 0x0: is 6", Fault::unsupported, {.version = 6}},
      {"version at 0x0: is 65535", Fault::unsupported, {.version = 0xffff}},
      {"tee_type at 0x4: is 0x81", Fault::format, {.version = 3}},
      {"tee_type at 0x4: is 0x1", Fault::format, {.tee_type = 1}},
      {"tee_type at 0x4: is 0xffffffff", Fault::format, {.tee_type = UINT32_MAX}},
      {"body type at 0x30: is 0", Fault::unsupported, {.version = 5, .body_type = 0}},
      {"body type at 0x30: is 5", Fault::unsupported, {.version = 5, .body_type = 5}},
      {"body size at 0x32: is 584", Fault::format, {.version = 5, .body_type = 4}},
      {"body type at ", Fault::format, {.version = 5, .body_type = 1, .body = MadeQuote::pattern(384)}},
      {"body type at ", Fault::format, {.version = 5, .tee_type = kSgx}},
      {"body size at ", Fault::format, {.version = 5, .stated_size = 583}},
      {"body size at ", Fault::format, {.version = 5, .stated_size = 648, .body = MadeQuote::pattern(648)}},
      {"body size at ", Fault::format, {.version = 5, .stated_size = UINT32_MAX}},
  };
  for (const auto& c : cases) {
    const Error error = refused(c.made.bytes());
    EXPECT_EQ(error.fault, c.fault) << c.message;
    EXPECT_NE(error.message().find(c.message), std::string::npos) << error.message();
  }
}

TEST(Quote, SignatureDataIsBounded) {
  const std::size_t length_at = 48 + 584;
  for (const std::uint32_t length :
       {std::uint32_t{101}, std::uint32_t{1 << 20}, std::uint32_t{(1 << 20) + 1}, UINT32_MAX}) {
    Bytes bytes = MadeQuote().bytes();
    store_le(std::span(bytes).subspan(length_at), length);
    const Error error = refused(bytes);
    EXPECT_EQ(error.fault, Fault::format);
    EXPECT_NE(error.message().find("signature data"), std::string::npos) << error.message();
  }
  const Bytes unsigned_quote = MadeQuote{.signature = {}}.bytes();
  EXPECT_TRUE(parse_quote(unsigned_quote));
  EXPECT_NE(refused(Bytes(kMaxQuote + 1)).what.find("at most 1048576 allowed"), std::string::npos);
}

TEST(Quote, CutAnywhereIsRefused) {
  for (const MadeQuote& made : {enclave(3), MadeQuote{}, MadeQuote{.version = 5}}) {
    const Bytes bytes = made.bytes();
    for (std::size_t size = 0; size < bytes.size(); size++)
      EXPECT_FALSE(parse_quote(ByteView(bytes).first(size))) << size;
    EXPECT_TRUE(parse_quote(bytes));
  }
}

TEST(Quote, OnlyZerosFollow) {
  Bytes bytes = MadeQuote().bytes();
  const std::size_t end = bytes.size();
  bytes.resize(8000);
  const auto quote = parse_quote(bytes);
  ASSERT_TRUE(quote) << quote.error().message();
  EXPECT_EQ(quote->signature.size(), 100u);
  bytes.back() = 1;
  EXPECT_NE(refused(bytes).what.find("from " + hex_offset(end)), std::string::npos) << refused(bytes).what;
}

TEST(Quote, IsKnownByItsVersionAndVendor) {
  const Bytes good = MadeQuote().bytes();
  EXPECT_FALSE(is_quote({}));
  EXPECT_FALSE(is_quote(ByteView(good).first(47)));
  EXPECT_TRUE(is_quote(ByteView(good).first(48)));
  Bytes other_vendor = good;
  other_vendor[12] ^= 1;
  EXPECT_FALSE(is_quote(other_vendor));
  EXPECT_FALSE(is_quote(MadeQuote{.version = 2}.bytes()));
  EXPECT_FALSE(is_quote(MadeQuote{.version = 6}.bytes()));
}

}  // namespace
}  // namespace hallmark::dcap
