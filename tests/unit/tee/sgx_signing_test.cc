#include "lib/tee/sgx/signing.h"

#include <gtest/gtest.h>

#include "lib/base/files.h"

namespace hallmark::sgx {
namespace {

// Signed by tests/vectors/sgx/make_enclaves.py with Python's integers; its fields are those of fields() below.
Bytes signature_file() {
  return *read_file(fs::path(HALLMARK_SOURCE_DIR) / "tests/vectors/sgx/stream.sig", kSigstruct.size);
}

Bytes material_of(ByteView file) {
  const ByteView header = file.first(128), body = file.subspan(900, 128);
  Bytes out(header.begin(), header.end());
  out.insert(out.end(), body.begin(), body.end());
  return out;
}

DigestOf<Alg::sha256> hash_of(ByteView file) {
  DigestOf<Alg::sha256> out;
  std::ranges::copy(file.subspan(960, 32), out.begin());
  return out;
}

struct Parts {
  Bytes material, signature;
  Rsa3072Number modulus{};

  explicit Parts(const Bytes& file) : material(material_of(file)) {
    signature.assign(file.rend() - 900, file.rend() - 516);
    std::copy_n(file.begin() + 128, modulus.size(), modulus.begin());
  }
  Result<Bytes> assemble() const {
    TRY(const SigningMaterial m, parse_signing_material(material));
    return assemble_sigstruct(m, signature, modulus);
  }
};

TEST(Signing, DatesAreDaysInBinaryCodedDecimal) {
  EXPECT_EQ(*signing_date("20261122"), 0x20261122u);
  EXPECT_EQ(*signing_date("20240229"), 0x20240229u);
  EXPECT_EQ(*signing_date("20000229"), 0x20000229u);
  for (const char* bad : {"", "2026112", "202611222", "2026-1-2", "20261322", "20260022", "20261100", "20261131",
                          "20230229", "21000229", "18991231", "2026112a", " 2026112", "+2026112"}) {
    const auto date = signing_date(bad);
    ASSERT_FALSE(date) << bad;
    EXPECT_EQ(date.error().fault, Fault::usage);
  }
  EXPECT_EQ(signing_date("20230229").error().message(), "date \"20230229\": is no day of the calendar");
  EXPECT_EQ(signing_date("today").error().message(), "date \"today\": is not of the form YYYYMMDD");
}

TEST(Signing, MaterialIsWhatTheSignatureIsOver) {
  const Bytes file = signature_file();
  const Sigstruct s = *parse_sigstruct(file);
  EXPECT_EQ(signing_material(s, hash_of(file), 0x20261122), material_of(file));
  SigningFields fields;
  fields.enclavehash = hash_of(file);
  fields.date = 0x20261122;
  fields.isvprodid = 3;
  fields.isvsvn = 2;
  EXPECT_EQ(signing_material(fields), material_of(file));
}

TEST(Signing, MaterialTakesTheComputedHashAndTheGivenDate) {
  const Bytes file = signature_file();
  DigestOf<Alg::sha256> hash;
  hash.fill(0xab);
  const Bytes made = signing_material(*parse_sigstruct(file), hash, 0x20200131);
  Bytes wanted = material_of(file);
  std::fill_n(wanted.begin() + 188, 32, std::uint8_t{0xab});
  std::ranges::copy(Bytes{0x31, 0x01, 0x20, 0x20}, wanted.begin() + 20);
  EXPECT_EQ(made, wanted);
}

TEST(Signing, EveryFieldHasItsPlace) {
  SigningFields f;
  f.vendor = 0x8086;
  f.swdefined = 7;
  f.miscselect = 1;
  f.miscmask = 0xfffffffe;
  f.attributes = 0x84;
  f.xfrm_mask = 0x1234;
  f.isvfamilyid.fill(0xfa);
  f.isvextprodid.fill(0xe1);
  const Bytes bytes = signing_material(f);
  const auto m = parse_signing_material(bytes);
  ASSERT_TRUE(m) << m.error().message();
  EXPECT_EQ(m->num<"vendor">(), 0x8086u);
  EXPECT_EQ(m->num<"swdefined">(), 7u);
  EXPECT_EQ(m->num<"miscselect">(), 1u);
  EXPECT_EQ(m->num<"miscmask">(), 0xfffffffeu);
  EXPECT_EQ(m->num<"attributes">(), 0x84u);
  EXPECT_EQ(m->num<"attributes_mask">(), 0xffffffffffffffffu);
  EXPECT_EQ(m->num<"xfrm">(), 3u);
  EXPECT_EQ(m->num<"xfrm_mask">(), 0x1234u);
  EXPECT_TRUE(std::ranges::equal(m->get<"isvfamilyid">(), f.isvfamilyid));
  EXPECT_TRUE(std::ranges::equal(m->get<"isvextprodid">(), f.isvextprodid));
}

TEST(Signing, AssemblesWhatAnotherSignerMade) {
  const Bytes file = signature_file();
  const auto made = Parts(file).assemble();
  ASSERT_TRUE(made) << made.error().message();
  EXPECT_EQ(*made, file);
}

// Whatever is changed, nothing comes out that would not verify.
TEST(Signing, RefusesPartsThatDoNotBelongTogether) {
  const Bytes file = signature_file();
  for (std::size_t at = 0; at < kSigningMaterial.size; at += 3) {
    Parts parts(file);
    parts.material[at] ^= 0x10;
    EXPECT_FALSE(parts.assemble()) << at;
  }
  Parts key(file), signature(file), reversed(file), cut(file), text(file);
  key.modulus[5] ^= 1;
  EXPECT_EQ(key.assemble().error().fault, Fault::mismatch);
  signature.signature[380] ^= 1;
  EXPECT_EQ(signature.assemble().error().message(),
            "the signature is not one by this key over this material (RSASSA-PKCS1-v1_5, SHA-256)");
  std::ranges::reverse(reversed.signature);
  EXPECT_EQ(reversed.assemble().error().fault, Fault::mismatch);
  cut.signature.pop_back();
  EXPECT_EQ(cut.assemble().error().message(),
            "signature: 383 bytes, 384 expected, as `openssl dgst -sha256 -sign` writes");
  text.signature.push_back('\n');
  EXPECT_EQ(text.assemble().error().fault, Fault::format);
}

TEST(Signing, MaterialIsReadStrictly) {
  const Bytes good = material_of(signature_file());
  const auto why = [&](std::size_t at) {
    Bytes bytes = good;
    bytes[at] ^= 1;
    const auto m = parse_signing_material(bytes);
    return m ? "accepted" : m.error().message();
  };
  EXPECT_EQ(why(0), "signing material: header at 0x0: is 07000000e100000000000100, not 06000000e100000000000100");
  EXPECT_EQ(why(39).find("signing material: header2 at 0x18: is "), 0u) << why(39);
  EXPECT_EQ(why(100), "signing material: reserved bytes at 0x2c are not zero");
  EXPECT_EQ(why(220), "signing material: reserved bytes at 0xdc are not zero");
  EXPECT_EQ(parse_signing_material(signature_file()).error().message(), "signing material: 1808 bytes, 256 expected");
}

}  // namespace
}  // namespace hallmark::sgx
