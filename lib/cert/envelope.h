// A signed document as others carry and check it: DSSE v1.0.2 (secure-systems-lab/dsse, protocol.md
// and envelope.md), bare or inside a Sigstore bundle v0.3 (bundle.h).
//
// An envelope of ours has exactly one signature. DSSE allows more, Sigstore's bundle does not, and
// several signatures on one statement would say that several builders made one observation.
#pragma once

#include <span>

#include "lib/base/json.h"
#include "lib/crypto/signature.h"

namespace hallmark::cert {

inline constexpr std::string_view kPayloadType = "application/vnd.in-toto+json";
inline constexpr std::size_t kMaxPayload = std::size_t{8} << 20;
// Base64 makes four bytes of three; the rest is the envelope's own members and white space.
inline constexpr std::size_t kMaxDocument = kMaxPayload / 3 * 4 + (std::size_t{64} << 10);

struct Envelope {
  std::string payload_type;
  Bytes payload;
  std::string keyid;  // a hint about the key; no signature covers it, and nothing is decided by it
  Bytes signature;
};

// protocol.md, "Signature Definition": the bytes that are signed.
Bytes pae(std::string_view type, ByteView body);

Envelope seal(const PrivateKey& key, std::string_view payload_type, Bytes payload);
// The first of the keys under which the signature holds; a mismatch fault if there is none.
Result<const PublicKey*> check_signature(const Envelope& envelope, std::span<const PublicKey> keys);

Json to_json(const Envelope&);
// Members that DSSE does not know are ignored, as envelope.md demands; they are not signed.
Result<Envelope> envelope_from_json(const Json& json, const std::string& name);

}  // namespace hallmark::cert
