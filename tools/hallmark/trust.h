// Certificates as commands take them: read from a file, and believed only as far as they were checked.
#pragma once

#include "lib/cert/bundle.h"
#include "lib/cert/statement.h"
#include "lib/pin/lock.h"

namespace hallmark::cli {

struct OpenCertificate {
  cert::Certificate certificate;
  pin::Lock lock;
  std::string sha256;  // of the signed bytes: what an approval or a log refers to
  std::optional<std::string>
      signer;  // id of the given key under which the signature holds; nothing if no key was given
};

Result<std::vector<PublicKey>> read_public_keys(const std::vector<std::string>& files);

// Reads an envelope or a bundle ("-" is standard input). Without keys the signature is not checked, and `signer` stays
// empty: the caller says so to the user.
Result<OpenCertificate> open_certificate(const std::string& file, std::span<const PublicKey> keys);

// "signed by key …", "by builder …", "hallmark.lock …": who states what.
std::string describe(const OpenCertificate&);
Json to_json(const OpenCertificate&);

}  // namespace hallmark::cli
