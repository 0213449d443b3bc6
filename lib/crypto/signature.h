// Signatures over a whole message.
//
// P-256: ECDSA with SHA-256, ASN.1 DER (FIPS 186-5; RFC 3279 section 2.2.3). A signature that is not
// the DER encoding of its two numbers does not verify. Ed25519: PureEdDSA (RFC 8032), 64 bytes.
#pragma once

#include "lib/crypto/key.h"

namespace hallmark {

Bytes sign_message(const PrivateKey& key, ByteView message);
bool verify_signature(const PublicKey& key, ByteView message, ByteView signature);

}  // namespace hallmark
