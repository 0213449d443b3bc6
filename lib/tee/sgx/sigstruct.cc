#include "lib/tee/sgx/sigstruct.h"

#include "lib/crypto/rsa.h"

namespace hallmark::sgx {
namespace {

Status expect(std::string_view field, std::size_t offset, ByteView found, ByteView wanted) {
  if (std::ranges::equal(found, wanted)) return {};
  return fail(Fault::format,
              std::string(field) + " at " + hex_offset(offset) + ": is " + to_hex(found) + ", not " + to_hex(wanted));
}

}  // namespace

bool is_sigstruct(ByteView first_bytes) {
  return first_bytes.size() >= kSigstructHeader.size() &&
         std::equal(kSigstructHeader.begin(), kSigstructHeader.end(), first_bytes.begin());
}

Status check_headers(ByteView header, ByteView header2) {
  CHECK(expect("header", 0, header, kSigstructHeader));
  return expect("header2", 24, header2, kSigstructHeader2);
}

Result<Sigstruct> parse_sigstruct(ByteView bytes) {
  TRY(Sigstruct s, Sigstruct::parse(bytes));
  CHECK(in("SIGSTRUCT", check_headers(s.get<"header">(), s.get<"header2">())));
  if (s.num<"exponent">() != 3)
    return fail(Fault::format, "SIGSTRUCT: exponent at 0x200: is " + std::to_string(s.num<"exponent">()) + ", not 3");
  return s;
}

SignatureCheck check_signature(const Sigstruct& s) {
  // SIGNATURE is over the header (bytes 0 to 127) and the body (bytes 900 to 1027), without key, signature, q1 and q2.
  const auto message = Hasher<Alg::sha256>().add(s.bytes().subspan(0, 128)).add(s.bytes().subspan(900, 128)).finish();
  const Rsa3072Cube cube = verify_rsa3072_e3(s.get<"modulus">(), s.get<"signature">(), message);
  const auto held = s.get<"q1_q2">();
  return {.rsa = cube.verifies,
          .quotients = std::equal(cube.q1.begin(), cube.q1.end(), held.begin()) &&
                       std::equal(cube.q2.begin(), cube.q2.end(), held.begin() + kRsa3072Size)};
}

DigestOf<Alg::sha256> mrsigner(const Sigstruct& s) { return digest<Alg::sha256>(s.get<"modulus">()); }

// EINIT wants SECS.ATTRIBUTES and SIGSTRUCT.ATTRIBUTES to agree in every bit that SIGSTRUCT.ATTRIBUTEMASK sets.
bool debug_launchable(const Sigstruct& s) {
  return (s.num<"attributes_mask">() & kAttributeDebug) == 0 || (s.num<"attributes">() & kAttributeDebug) != 0;
}

Json identity_of(const Sigstruct& s) {
  return Json::object({{"mrsigner", to_hex(mrsigner(s))},
                       {"isvprodid", int{s.num<"isvprodid">()}},
                       {"isvsvn", int{s.num<"isvsvn">()}},
                       {"isv_family_id", to_hex(s.get<"isvfamilyid">())},
                       {"isv_ext_prod_id", to_hex(s.get<"isvextprodid">())},
                       {"vendor", hex_offset(s.num<"vendor">())},
                       // Binary-coded decimal yyyymmdd. Some signing tools wrote it in another byte order.
                       {"date", hex_number(s.num<"date">(), 8).substr(2)}});
}

Json policy_of(const Sigstruct& s) {
  return Json::object({{"attributes", hex_number(s.num<"attributes">(), 16)},
                       {"attributes_mask", hex_number(s.num<"attributes_mask">(), 16)},
                       {"xfrm", hex_number(s.num<"xfrm">(), 16)},
                       {"xfrm_mask", hex_number(s.num<"xfrm_mask">(), 16)},
                       {"misc_select", hex_number(s.num<"miscselect">(), 8)},
                       {"misc_mask", hex_number(s.num<"miscmask">(), 8)},
                       {"debug_launchable", debug_launchable(s)}});
}

}  // namespace hallmark::sgx
