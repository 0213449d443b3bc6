// Signing in two steps, so that the author's key never comes near the machine that builds: the signing material leaves
// it, a signature and the public key come back, and SIGSTRUCT is put together from them.
//
// The material is what the signature is over (Intel SDM volume 3D, "Enclave Signature Structure"): the first 128 bytes
// of SIGSTRUCT and its bytes 900 to 1027. The file with these 256 bytes is the one that `sgx_sign gendata` of the Intel
// SGX SDK 2.26 writes, and that any program signs with RSASSA-PKCS1-v1_5 and SHA-256.
#pragma once

#include "lib/crypto/rsa.h"
#include "lib/tee/sgx/sigstruct.h"

namespace hallmark::sgx {

// SIGSTRUCT's fields at their places in the material.
inline constexpr Layout<20> kSigningMaterial{"signing material",
                                             256,
                                             {{
                                                 {0, 12, "header"},
                                                 {12, 4, "type"},
                                                 {16, 4, "vendor"},
                                                 {20, 4, "date"},
                                                 {24, 16, "header2"},
                                                 {40, 4, "swdefined"},
                                                 {44, 84, "reserved_44", Is::reserved},
                                                 {128, 4, "miscselect"},
                                                 {132, 4, "miscmask"},
                                                 {136, 4, "cet"},
                                                 {140, 16, "isvfamilyid"},
                                                 {156, 8, "attributes"},
                                                 {164, 8, "xfrm"},
                                                 {172, 8, "attributes_mask"},
                                                 {180, 8, "xfrm_mask"},
                                                 {188, 32, "enclavehash"},
                                                 {220, 16, "reserved_220", Is::reserved},
                                                 {236, 16, "isvextprodid"},
                                                 {252, 2, "isvprodid"},
                                                 {254, 2, "isvsvn"},
                                             }}};

using SigningMaterial = Record<kSigningMaterial>;

// What the author chooses. The defaults give an enclave that cannot be debugged, runs in 64-bit mode, and may use the
// vector registers of AVX and AVX-512 where the host has them, as the Intel SGX SDK's do.
struct SigningFields {
  DigestOf<Alg::sha256> enclavehash{};
  std::uint32_t date = 0;  // as signing_date() gives it
  std::uint16_t isvprodid = 0, isvsvn = 0;
  std::uint32_t vendor = 0, swdefined = 0;
  std::uint32_t miscselect = 0, miscmask = 0xffffffff;
  std::uint64_t attributes = 0x4, attributes_mask = 0xffffffffffffffff;
  std::uint64_t xfrm = 0x3, xfrm_mask = 0xffffffffffffff1b;
  std::array<std::uint8_t, 16> isvfamilyid{}, isvextprodid{};
};

// SIGSTRUCT.DATE of "20261122": a day of the Gregorian calendar from 1900 on, in binary-coded decimal.
Result<std::uint32_t> signing_date(std::string_view yyyymmdd);

// The 256 bytes, from fields or from a SIGSTRUCT's own, which keeps all of them but the hash and the date.
Bytes signing_material(const SigningFields&);
Bytes signing_material(const Sigstruct&, const DigestOf<Alg::sha256>& enclavehash, std::uint32_t date);

// Parses, and refuses what no processor accepts.
Result<SigningMaterial> parse_signing_material(ByteView bytes);

// The 1808 bytes of SIGSTRUCT with q1 and q2. `signature` is big-endian, as PKCS #1 and so openssl write it. Refused,
// as a mismatch, unless the signature is by that key over that material.
Result<Bytes> assemble_sigstruct(const SigningMaterial&, ByteView signature, const Rsa3072Number& modulus);

}  // namespace hallmark::sgx
