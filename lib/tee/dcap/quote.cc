#include "lib/tee/dcap/quote.h"

#include <algorithm>

namespace hallmark::dcap {
namespace {

constexpr std::uint32_t kSgx = 0, kTdx = 0x81;  // tee_type
// 939a7233-f79c-4ca9-940a-0db3957f0607, as its bytes stand.
constexpr std::array<std::uint8_t, 16> kIntelQe{0x93, 0x9a, 0x72, 0x33, 0xf7, 0x9c, 0x4c, 0xa9,
                                                0x94, 0x0a, 0x0d, 0xb3, 0x95, 0x7f, 0x06, 0x07};
constexpr std::size_t kVendorAt = 12;
constexpr std::uint16_t kEcdsaP256 = 2;  // att_key_type
constexpr std::size_t kTd15 = kTdReport10.size + kTdReport15.size, kTd15Ex = kTd15 + kTdReport15Ex.size;

// Of version 5: the type of the body, and its size.
struct Kind {
  std::uint16_t type;
  Body body;
  std::size_t size;
};
constexpr std::array kKinds{Kind{1, Body::sgx, kSgxReport.size}, Kind{2, Body::td10, kTdReport10.size},
                            Kind{3, Body::td15, kTd15}, Kind{4, Body::td15ex, kTd15Ex}};

}  // namespace

std::string_view to_text(Body body) {
  switch (body) {
    case Body::sgx: return "SGX enclave report";
    case Body::td10: return "TD report 1.0";
    case Body::td15: return "TD report 1.5";
    case Body::td15ex: return "TD report 1.5 Ex";
  }
  return {};
}

// The body has the size of its type.
Record<kTdReport10> Quote::td_report() const { return *Record<kTdReport10>::parse(body.first(kTdReport10.size)); }
Record<kSgxReport> Quote::sgx_report() const { return *Record<kSgxReport>::parse(body); }

std::optional<Record<kTdReport15>> Quote::td15() const {
  if (body.size() < kTd15) return std::nullopt;
  return *Record<kTdReport15>::parse(body.subspan(kTdReport10.size, kTdReport15.size));
}
std::optional<Record<kTdReport15Ex>> Quote::td15ex() const {
  if (body.size() < kTd15Ex) return std::nullopt;
  return *Record<kTdReport15Ex>::parse(body.subspan(kTd15, kTdReport15Ex.size));
}

bool is_quote(ByteView bytes) {
  if (bytes.size() < kQuoteHeader.size) return false;
  const auto version = load_le<std::uint16_t>(bytes);
  return version >= 3 && version <= 5 && std::ranges::equal(bytes.subspan(kVendorAt, kIntelQe.size()), kIntelQe);
}

namespace {

struct Shape {
  Body body = Body::sgx;
  std::size_t size = 0;
};

Result<Shape> read_header(ByteView bytes, Quote& out) {
  TRY(const auto header, Record<kQuoteHeader>::parse(bytes));
  out.header = bytes;
  out.version = header.num<"version">();
  const auto tee = header.num<"tee_type">();
  if (out.version < 3 || out.version > 5)
    return fail(Fault::unsupported, "version",
                "quote: version at 0x0: is " + std::to_string(out.version) + ", 3 to 5 are known");
  if (const auto type = header.num<"att_key_type">(); type != kEcdsaP256)
    return fail(Fault::unsupported, "att_key_type",
                "quote: att_key_type at 0x2: is " + std::to_string(type) + ", only 2 (ECDSA with P-256) is known");
  // Version 3 has no tee_type: the bytes are reserved.
  if ((out.version == 3 && tee != kSgx) || (tee != kSgx && tee != kTdx))
    return fail(Fault::format, "tee_type",
                "quote: tee_type at 0x4: is " + hex_offset(tee) + ", not that of a quote of version " +
                    std::to_string(out.version));
  if (!std::ranges::equal(header.get<"qe_vendor_id">(), kIntelQe))
    return fail(Fault::unsupported, "qe_vendor",
                "quote: qe_vendor_id at 0xc: is " + to_hex(header.get<"qe_vendor_id">()) + ", not Intel's");
  return tee == kTdx ? Shape{Body::td10, kTdReport10.size} : Shape{Body::sgx, kSgxReport.size};
}

// Version 5 states what the body is.
Result<Shape> read_body_type(ByteReader& r, Shape of_header) {
  const auto type = r.le<std::uint16_t>("body type");
  const auto size = r.le<std::uint32_t>("body size");
  CHECK(r.finish(0));
  const auto kind = std::ranges::find(kKinds, type, &Kind::type);
  if (kind == kKinds.end())
    return fail(Fault::unsupported, "body_type",
                "quote: body type at 0x30: is " + std::to_string(type) + ", 1 to 4 are known");
  if ((kind->body == Body::sgx) != (of_header.body == Body::sgx))
    return fail(Fault::format, "body_type",
                "quote: body type at 0x30: is " + std::to_string(type) + ", not of the header's tee_type");
  if (size != kind->size)
    return fail(Fault::format, "body_size",
                "quote: body size at 0x32: is " + std::to_string(size) + ", " + std::to_string(kind->size) + " wanted");
  return Shape{kind->body, kind->size};
}

Result<Quote> read_quote(ByteView bytes, Trailing trailing) {
  if (bytes.size() > kMaxQuote)
    return fail(
        Fault::format, "size",
        "quote: has " + std::to_string(bytes.size()) + " bytes, at most " + std::to_string(kMaxQuote) + " allowed");
  ByteReader r(bytes, "quote");
  Quote out;
  const ByteView header = r.view(kQuoteHeader.size, "header");
  CHECK(r.finish(0));
  TRY(Shape shape, read_header(header, out));
  if (out.version == 5) {
    TRY(shape, read_body_type(r, shape));
  }
  out.body_type = shape.body;
  out.body_offset = r.offset();
  out.body = r.view(shape.size, "body");
  out.signed_part = bytes.first(r.offset());
  const auto length = r.le<std::uint32_t>("signature data length");
  out.signature_offset = r.offset();
  out.signature = r.view(length, "signature data");
  CHECK(r.finish(0));
  const ByteView rest = bytes.subspan(r.offset());
  out.trailing = rest.size();
  if (trailing == Trailing::zeros && std::ranges::any_of(rest, [](auto c) { return c != 0; }))
    return fail(Fault::format, "trailing",
                "quote: " + std::to_string(rest.size()) + " bytes that are not zero follow the signature data, from " +
                    hex_offset(r.offset()));
  return out;
}

}  // namespace

Result<Quote> parse_quote(ByteView bytes, Trailing trailing) { return coded("quote", read_quote(bytes, trailing)); }

}  // namespace hallmark::dcap
