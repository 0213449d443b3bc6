// The Sigstore bundle v0.3 (sigstore/protobuf-specs, sigstore_bundle.proto): an envelope together with
// what a Sigstore verifier needs to find the key. Ours says only which key it is (publicKey.hint): the
// verifier brings the key itself, and there is no certificate authority, log or time stamp to ask.
#pragma once

#include "lib/cert/envelope.h"

namespace hallmark::cert {

inline constexpr std::string_view kBundleType = "application/vnd.dev.sigstore.bundle.v0.3+json";

Json to_bundle(const Envelope&);

// The envelope in a file that is either a bare DSSE envelope or a bundle. A bundle's log entries and time
// stamps are not looked at: they are claims about when, and a certificate is trusted for its key alone.
Result<Envelope> parse_signed_document(std::string_view text, const std::string& name);

}  // namespace hallmark::cert
