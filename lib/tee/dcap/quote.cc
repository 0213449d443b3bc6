#include "lib/tee/dcap/quote.h"

#include <algorithm>

namespace hallmark::dcap {
namespace {

constexpr std::uint32_t kSgx = 0, kTdx = 0x81;  // tee_type
// 939a7233-f79c-4ca9-940a-0db3957f0607, as its bytes stand.
constexpr std::array<std::uint8_t, 16> kIntelQe{0x93, 0x9a, 0x72, 0x33, 0xf7, 0x9c, 0x4c, 0xa9,
                                                0x94, 0x0a, 0x0d, 0xb3, 0x95, 0x7f, 0x06, 0x07};
constexpr std::size_t kVendorAt = 12;
constexpr std::size_t kTd15 = kTdReport10.size + kTdReport15.size;

// Of version 5: the type of the body, and its size.
struct Kind {
  std::uint16_t type;
  Body body;
  std::size_t size;
};
constexpr std::array kKinds{Kind{1, Body::sgx, kSgxReport.size}, Kind{2, Body::td10, kTdReport10.size},
                            Kind{3, Body::td15, kTd15}};

}  // namespace

std::string_view to_text(Body body) {
  switch (body) {
    case Body::sgx: return "SGX enclave report";
    case Body::td10: return "TD report 1.0";
    case Body::td15: return "TD report 1.5";
  }
  return {};
}

// The body has the size of its type.
Record<kTdReport10> Quote::td_report() const { return *Record<kTdReport10>::parse(body.first(kTdReport10.size)); }
Record<kSgxReport> Quote::sgx_report() const { return *Record<kSgxReport>::parse(body); }

bool is_quote(ByteView bytes) {
  if (bytes.size() < kQuoteHeader.size) return false;
  const auto version = load_le<std::uint16_t>(bytes);
  return version >= 3 && version <= 5 && std::ranges::equal(bytes.subspan(kVendorAt, kIntelQe.size()), kIntelQe);
}

Result<Quote> parse_quote(ByteView bytes) {
  if (bytes.size() > kMaxQuote)
    return fail(Fault::format, "quote: has " + std::to_string(bytes.size()) + " bytes, at most " +
                                   std::to_string(kMaxQuote) + " allowed");
  ByteReader r(bytes, "quote");
  Quote out;
  out.header = r.view(kQuoteHeader.size, "header");
  CHECK(r.finish(0));
  TRY(const auto header, Record<kQuoteHeader>::parse(out.header));
  out.version = header.num<"version">();
  const auto tee = header.num<"tee_type">();
  if (out.version < 3 || out.version > 5)
    return fail(Fault::unsupported, "quote: version at 0x0: is " + std::to_string(out.version) + ", 3 to 5 are known");
  // Version 3 has no tee_type: the bytes are reserved.
  if ((out.version == 3 && tee != kSgx) || (tee != kSgx && tee != kTdx))
    return fail(Fault::format, "quote: tee_type at 0x4: is " + hex_offset(tee) + ", not that of a quote of version " +
                                   std::to_string(out.version));
  std::size_t size = tee == kTdx ? kTdReport10.size : kSgxReport.size;
  out.body_type = tee == kTdx ? Body::td10 : Body::sgx;
  if (out.version == 5) {
    const auto type = r.le<std::uint16_t>("body type");
    const auto kind = std::ranges::find(kKinds, type, &Kind::type);
    if (r.ok() && kind == kKinds.end())
      return fail(Fault::unsupported, "quote: body type at 0x30: is " + std::to_string(type) + ", 1 to 3 are known");
    const auto stated = r.le<std::uint32_t>("body size");
    if (r.ok()) {
      size = kind->size;
      out.body_type = kind->body;
      if (stated != size)
        r.reject("body size", "is " + std::to_string(stated) + ", " + std::to_string(size) + " wanted");
      if ((out.body_type == Body::sgx) != (tee == kSgx)) r.reject("body type", "is not of the header's tee_type");
    }
  }
  out.body_offset = r.offset();
  out.body = r.view(size, "body");
  out.signed_part = bytes.first(r.offset());
  const auto length = r.le_at_most<std::uint32_t>(static_cast<std::uint32_t>(kMaxQuote), "signature data length");
  out.signature = r.view(length, "signature data");
  CHECK(r.finish(0));
  const ByteView rest = bytes.subspan(r.offset());
  if (std::ranges::any_of(rest, [](auto c) { return c != 0; }))
    return fail(Fault::format, "quote: " + std::to_string(rest.size()) + " bytes that are not zero follow the " +
                                   "signature data, from " + hex_offset(r.offset()));
  return out;
}

}  // namespace hallmark::dcap
