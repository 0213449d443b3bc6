// Keys that sign enclaves and that everybody has, because their private half lies in a public repository. MRSIGNER of
// such a key says nothing about who made an enclave.
#pragma once

#include <span>

#include "lib/crypto/digest.h"

namespace hallmark::sgx {

// MRSIGNER is SHA-256 over the modulus, 384 bytes little-endian, of the RSA key in that file of that commit.
struct KnownSigner {
  std::string_view mrsigner;  // hexadecimal
  std::string_view repository, path, commit;
};

// Ordered by MRSIGNER.
std::span<const KnownSigner> known_signers();

// The row of that MRSIGNER; null if the key is not known to be public, which does not mean that it is secret.
const KnownSigner* find_known_signer(const DigestOf<Alg::sha256>& mrsigner);

// "taikoxyz/raiko, docker/enclave-key.pem"
std::string describe(const KnownSigner&);

}  // namespace hallmark::sgx
