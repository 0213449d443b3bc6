#include "lib/tee/sgx/signing.h"

#include <algorithm>

namespace hallmark::sgx {
namespace {

// Where the material's second half begins, in SIGSTRUCT and in the material.
constexpr std::size_t kBody = field_of<kSigstruct, "miscselect">().offset;
constexpr std::size_t kHalf = field_of<kSigningMaterial, "miscselect">().offset;

// The rows of the material are rows of SIGSTRUCT, moved.
constexpr bool is_part_of_sigstruct() {
  for (const Field& f : kSigningMaterial.fields) {
    const std::size_t offset = f.offset < kHalf ? f.offset : f.offset - kHalf + kBody;
    const auto same = [&](const Field& s) { return s.offset == offset && s.size == f.size && s.is == f.is; };
    if (std::find_if(kSigstruct.fields.begin(), kSigstruct.fields.end(), same) == kSigstruct.fields.end()) return false;
  }
  return true;
}
static_assert(is_part_of_sigstruct());

constexpr bool is_leap(unsigned year) { return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0; }

constexpr unsigned days_of(unsigned year, unsigned month) {
  constexpr std::array<unsigned, 12> kDays{31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  return month == 2 && is_leap(year) ? 29 : kDays[month - 1];
}

}  // namespace

Result<std::uint32_t> signing_date(std::string_view text) {
  const auto wrong = [&](const std::string& why) {
    return fail(Fault::usage, "date \"" + std::string(text) + "\": " + why);
  };
  if (text.size() != 8 || !std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; }))
    return wrong("is not of the form YYYYMMDD");
  const auto number = [&](std::size_t at, std::size_t size) {
    unsigned n = 0;
    for (char c : text.substr(at, size)) n = 10 * n + static_cast<unsigned>(c - '0');
    return n;
  };
  const unsigned year = number(0, 4), month = number(4, 2), day = number(6, 2);
  if (year < 1900 || month < 1 || month > 12 || day < 1 || day > days_of(year, month))
    return wrong("is no day of the calendar");
  std::uint32_t bcd = 0;
  for (char c : text) bcd = bcd << 4 | static_cast<std::uint32_t>(c - '0');
  return bcd;
}

Bytes signing_material(const SigningFields& f) {
  RecordBuilder<kSigningMaterial> out;  // "type" stays 0: no debug signature
  out.set<"header">(kSigstructHeader).set<"header2">(kSigstructHeader2);
  out.set<"vendor">(f.vendor).set<"date">(f.date).set<"swdefined">(f.swdefined);
  out.set<"miscselect">(f.miscselect).set<"miscmask">(f.miscmask);
  out.set<"isvfamilyid">(f.isvfamilyid).set<"isvextprodid">(f.isvextprodid);
  out.set<"attributes">(f.attributes).set<"attributes_mask">(f.attributes_mask);
  out.set<"xfrm">(f.xfrm).set<"xfrm_mask">(f.xfrm_mask);
  out.set<"enclavehash">(f.enclavehash).set<"isvprodid">(f.isvprodid).set<"isvsvn">(f.isvsvn);
  return {out.bytes().begin(), out.bytes().end()};
}

Bytes signing_material(const Sigstruct& s, const DigestOf<Alg::sha256>& enclavehash, std::uint32_t date) {
  const ByteView header = s.bytes().first(kHalf), body = s.bytes().subspan(kBody, kHalf);
  Bytes out(kSigningMaterial.size);
  std::ranges::copy(body, std::ranges::copy(header, out.begin()).out);
  constexpr Field kDate = field_of<kSigningMaterial, "date">(), kHash = field_of<kSigningMaterial, "enclavehash">();
  store_le(std::span(out).subspan<kDate.offset, kDate.size>(), date);
  std::ranges::copy(enclavehash, out.begin() + kHash.offset);
  return out;
}

Result<SigningMaterial> parse_signing_material(ByteView bytes) {
  TRY(SigningMaterial m, SigningMaterial::parse(bytes));
  CHECK(in(kSigningMaterial.name, check_headers(m.get<"header">(), m.get<"header2">())));
  return m;
}

Result<Bytes> assemble_sigstruct(const SigningMaterial& material, ByteView signature, const Rsa3072Number& modulus) {
  if (signature.size() != kRsa3072Size)
    return fail(Fault::format, "signature: " + std::to_string(signature.size()) + " bytes, " +
                                   std::to_string(kRsa3072Size) + " expected, as `openssl dgst -sha256 -sign` writes");
  Rsa3072Number number;
  std::copy(signature.rbegin(), signature.rend(), number.begin());
  const Rsa3072Cube cube = verify_rsa3072_e3(modulus, number, digest<Alg::sha256>(material.bytes()));
  if (!cube.verifies)
    return fail(Fault::mismatch,
                "the signature is not one by this key over this material (RSASSA-PKCS1-v1_5, SHA-256)");

  Block<kSigstruct.size> out;
  out.raw(material.bytes().first(kHalf)).raw(modulus).le(std::uint32_t{3}).raw(number);
  out.raw(material.bytes().subspan(kHalf)).seek(field_of<kSigstruct, "q1_q2">().offset).raw(cube.q1).raw(cube.q2);
  const ByteView bytes = out.bytes();
  // What is handed out is what any reader of it will find to hold.
  TRY(const Sigstruct made, parse_sigstruct(bytes));
  const SignatureCheck check = check_signature(made);
  if (!check.rsa || !check.quotients) return fail(Fault::mismatch, "SIGSTRUCT: does not verify once it is assembled");
  return Bytes(bytes.begin(), bytes.end());
}

}  // namespace hallmark::sgx
