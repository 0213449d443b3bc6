// OpenPGP cleartext signatures (RFC 9580, section 7), checked by gpgv(1) against exactly one keyring.
#pragma once

#include <string>
#include <vector>

#include "lib/base/bytes.h"
#include "lib/base/clock.h"
#include "lib/base/result.h"

namespace hallmark::pin {

struct SignedText {
  std::string text;                  // what was signed, as gpgv gives it out; nothing else of the file is ever read
  std::vector<std::string> signers;  // fingerprints of the primary keys of the valid signatures; sorted, no repeats
};

struct SignaturePolicy {
  std::uint32_t require_signers = 1;  // distinct primary keys of the keyring
  // Takes a signature whose key has expired since: for a document that was pinned while it was valid.
  bool expired_keys = false;
};

// `keyring` holds OpenPGP certificates, binary or armoured. Signatures by other keys count for nothing; one
// that is wrong, or revoked, or made over MD5, SHA-1 or RIPEMD-160, spoils the document or does not count, never the
// reverse. Too few valid signatures are a mismatch, and the message names the keys that were seen. `what` names the
// document.
Result<SignedText> verify_cleartext(ByteView document, ByteView keyring, const std::string& what,
                                    const SignaturePolicy& policy = {});

// Binary certificates out of armour (RFC 9580, section 6.2), one block after another; binary input is given back as it
// is.
Result<Bytes> dearmour(ByteView keyring, const std::string& what);

}  // namespace hallmark::pin
