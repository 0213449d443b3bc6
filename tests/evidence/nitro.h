// Attestation documents of AWS Nitro of our own making: what the hypervisor does, under a root of our own.
#pragma once

#include <functional>
#include <map>
#include <optional>

#include "tests/evidence/pki.h"

namespace hallmark::made {

// The certificate, in DER, of the root that documents of this number are made under.
Bytes nitro_root(int number = 0);

// A certificate of a document's chain.
struct NitroCertificate {
  std::string subject;
  UnixTime from = 0, until = 0;
  bool ca = true;
  std::vector<std::pair<std::string, Bytes>> extensions = {};  // OID and value
  bool p256 = false;                                           // the key's curve, where it is not P-384
};

struct NitroDocument {
  using Member = std::pair<std::string, Bytes>;  // a name, and an encoded value

  std::map<std::uint32_t, Bytes> pcrs = {
      {0, Bytes(48, 0xa0)}, {1, Bytes(48, 0xa1)}, {2, Bytes(48, 0xa2)}, {3, Bytes(48)}, {4, Bytes(48, 0xa4)}};
  std::optional<Bytes> public_key, user_data, nonce;
  UnixTime time = 1767225600;  // when it is made: 2026-01-01T00:00:00Z. Its certificate ends three hours later
  std::string module_id = "i-0123456789abcdef0-enc0123456789abcdef";
  int root = 0;

  bool null_if_absent = true;  // members without a value are null; otherwise they are not there
  bool indefinite = false;     // the lengths of the payload's map, and of the map and the array in it
  Bytes protected_header = {0xa1, 0x01, 0x38, 0x22};  // {1: -35}
  Bytes unprotected_header = {0xa0};                  // encoded

  // What a test changes before it is signed: the chain from the certificate that signs the document up, without the
  // root; the bundle with the root first, in DER; the members, with names that may repeat.
  std::function<void(std::vector<NitroCertificate>&)> change_chain;
  std::function<void(std::vector<Bytes>&)> change_bundle;
  std::function<void(std::vector<Member>&)> change_members;

  Bytes bytes() const;
};

// Encoded CBOR, for members.
Bytes cbor_text(std::string_view text);
Bytes cbor_bytes(ByteView bytes);
Bytes cbor_number(std::uint64_t number);
inline const Bytes kCborNull = {0xf6};

}  // namespace hallmark::made
