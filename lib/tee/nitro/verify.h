// Whether AWS signed an attestation document: the chain of its certificates, and the signature over its bytes.
//
// aws-nitro-enclaves-nsm-api, "Nitro Enclaves Attestation Process", section 3.2.3; RFC 9052 section 4.4. AWS publishes
// no revocation lists for this chain: its keys live for hours and days instead, and the root is known beforehand.
#pragma once

#include "lib/crypto/x509.h"
#include "lib/tee/model/appraisal.h"
#include "lib/tee/nitro/evidence.h"

namespace hallmark::nitro {

// The SHA-256 of the SubjectPublicKeyInfo of AWS Nitro Enclaves Root-G1 (P-384, CN=aws.nitro-enclaves, valid from
// 2019-10-28 to 2049-10-28): what is trusted is the key, whatever certificate of it comes along. The certificate that
// AWS publishes has the SHA-256 641a0321a3e244efe456463195d606317ed7cdcc3c1756e09893f3c68f79bb5b.
inline constexpr DigestOf<Alg::sha256> kAwsRootKey{0xf2, 0xca, 0xf5, 0xec, 0xc6, 0x19, 0x0b, 0x4a, 0x83, 0x99, 0xb7,
                                                   0x8b, 0xc5, 0x8a, 0x2b, 0xbc, 0xd0, 0x38, 0x23, 0x75, 0xdb, 0x8a,
                                                   0x1b, 0xfd, 0x78, 0xa8, 0x27, 0x43, 0x87, 0x4f, 0xd2, 0x25};

// The document's certificates from the one that signed it up to the root: `certificate`, then `cabundle` from its last
// to its first. A failure has the code nitro.cert.malformed.
Result<std::vector<Certificate>> read_chain(const Document& document);

// Why the document is not authentic at that time; nothing if it is. `chain` is the document's, `root_key` the SHA-256
// of the SubjectPublicKeyInfo that its last certificate must have.
//
// Codes, in the order in which they are asked: nitro.root_untrusted; nitro.cert.* with the last part as in to_text() of
// ChainFault::Is; nitro.cert.usage and nitro.cert.key (the certificate is not one for signing documents);
// nitro.cert.module (it names another instance than the document); cose.signature.
std::optional<Reason> verify_document(const Document& document, std::span<const Certificate> chain,
                                      const DigestOf<Alg::sha256>& root_key, UnixTime at);

// The name of the instance that a module_id or the common name of a certificate begins with, "i-" and hexadecimal
// digits; empty if it does not begin so.
std::string_view instance_of(std::string_view name);

}  // namespace hallmark::nitro
