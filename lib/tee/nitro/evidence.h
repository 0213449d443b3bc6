// Attestation documents of AWS Nitro Enclaves and of NitroTPM: parsed, and not verified.
//
// The security module (NSM) of an enclave, or the TPM of an instance, answers a request with a COSE_Sign1 object (RFC
// 9052 section 4.2) whose payload is a CBOR map (aws-nitro-enclaves-nsm-api, "Nitro Enclaves Attestation Process",
// sections 2.2 and 3.2.2; Amazon EC2 User Guide, "Validate a NitroTPM Attestation Document"). The hypervisor signs it
// with a key that lives for three hours, and puts the certificates of that key into the same map.
//
// Who reads a document believes it only once it is verified (verify.h).
#pragma once

#include <map>
#include <optional>

#include "lib/formats/cbor.h"

namespace hallmark::nitro {

inline constexpr std::size_t kMaxPayload = 16384;  // bytes of the map
inline constexpr std::size_t kMaxCertificate = 1024;
inline constexpr std::size_t kMaxBundle = 16;      // certificates in it; documents have four
inline constexpr std::size_t kSignatureSize = 96;  // ES384
inline constexpr std::size_t kPcrSize = 48;        // SHA-384
inline constexpr std::uint32_t kMaxPcr = 31;       // the highest index

struct Document {
  // The COSE_Sign1 object.
  ByteView protected_header, payload, signature;  // the contents of its byte strings

  // The payload's members.
  std::string module_id;
  std::uint64_t timestamp_ms = 0;          // since 1970; at most 2^53
  bool tpm = false;                        // of NitroTPM: its registers are the member nitrotpm_pcrs
  std::map<std::uint32_t, ByteView> pcrs;  // by index; those that the document has
  ByteView certificate;                    // of the key that signed, DER
  std::vector<ByteView> cabundle;          // of its issuers, the root first
  // What the software asked to be signed with it. Nothing where the member is null or absent.
  std::optional<ByteView> public_key, user_data, nonce;

  // The same, item by item at its place in the file.
  cbor::Value message, members;

  // What the software bound the document to: user_data if there is any byte of it, else the nonce, else nothing.
  ByteView binding() const;
};

// Whether bytes begin as a document does: an array, tagged 18 or not, whose first item is a byte string.
bool is_document(ByteView bytes);

// `bytes` must outlive the result. Nothing may follow the document, zeros neither, unless `allow_trailing`.
//
// The errors have codes: cbor.*, cose.malformed, cose.algorithm, nitro.malformed, nitro.digest.
Result<Document> parse_document(ByteView bytes, bool allow_trailing = false);

}  // namespace hallmark::nitro
