// SIGSTRUCT, the enclave's signature.
// Intel SDM volume 3D, section "Enclave Signature Structure (SIGSTRUCT)", table "Layout of Enclave Signature
// Structure".
#pragma once

#include "lib/base/json.h"
#include "lib/base/layout.h"
#include "lib/crypto/digest.h"

namespace hallmark::sgx {

inline constexpr Layout<25> kSigstruct{"SIGSTRUCT",
                                       1808,
                                       {{
                                           {0, 12, "header"},
                                           {12, 4, "type"},
                                           {16, 4, "vendor"},
                                           {20, 4, "date"},
                                           {24, 16, "header2"},
                                           {40, 4, "swdefined"},
                                           {44, 84, "reserved_44", Is::reserved},
                                           {128, 384, "modulus"},
                                           {512, 4, "exponent"},
                                           {516, 384, "signature"},
                                           {900, 4, "miscselect"},
                                           {904, 4, "miscmask"},
                                           {908, 4, "cet"},
                                           {912, 16, "isvfamilyid"},
                                           {928, 8, "attributes"},
                                           {936, 8, "xfrm"},
                                           {944, 8, "attributes_mask"},
                                           {952, 8, "xfrm_mask"},
                                           {960, 32, "enclavehash"},
                                           {992, 16, "reserved_992", Is::reserved},
                                           {1008, 16, "isvextprodid"},
                                           {1024, 2, "isvprodid"},
                                           {1026, 2, "isvsvn"},
                                           {1028, 12, "reserved_1028", Is::reserved},
                                           {1040, 768, "q1_q2"},
                                       }}};

using Sigstruct = Record<kSigstruct>;

// HEADER and HEADER2 must hold exactly these values. The last four bytes of HEADER are counted as TYPE here, because
// older signing tools set its top bit for a debug signature.
inline constexpr std::array<std::uint8_t, 12> kSigstructHeader{0x06, 0, 0, 0, 0xe1, 0, 0, 0, 0, 0, 0x01, 0};
inline constexpr std::array<std::uint8_t, 16> kSigstructHeader2{0x01, 0x01, 0, 0, 0x60, 0, 0, 0,
                                                                0x60, 0,    0, 0, 0x01, 0, 0, 0};
// Whether they do; both stand at the same offsets in SIGSTRUCT and in its signed part.
Status check_headers(ByteView header, ByteView header2);

inline constexpr std::uint64_t kAttributeDebug = 0x2;

// Whether these bytes begin as every SIGSTRUCT does.
bool is_sigstruct(ByteView first_bytes);

// Parses, and refuses what no processor accepts: a header or exponent other than the architectural one.
Result<Sigstruct> parse_sigstruct(ByteView bytes);

struct SignatureCheck {
  bool rsa = false;        // the RSA signature over header and body verifies
  bool quotients = false;  // q1 and q2 are those of this signature, so that EINIT can verify it
};
SignatureCheck check_signature(const Sigstruct&);

// MRSIGNER: SHA-256 over the modulus as it stands.
DigestOf<Alg::sha256> mrsigner(const Sigstruct&);

// Whether EINIT lets an enclave with this signature run with ATTRIBUTES.DEBUG set.
bool debug_launchable(const Sigstruct&);

// For Measurement.identity and .policy.
Json identity_of(const Sigstruct&);
Json policy_of(const Sigstruct&);

}  // namespace hallmark::sgx
