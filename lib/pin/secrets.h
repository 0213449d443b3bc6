// Finds private keys in a file that passes by, so that none is sealed into a lock's bytes.
//
// Known: PEM (RFC 7468, every label that ends in "PRIVATE KEY" or "PRIVATE KEY BLOCK", encrypted
// ones too), OpenSSH, PuTTY, and DER files that are a PKCS #8, PKCS #1 or SEC 1 key and nothing
// else. It is a net against accidents and no proof: a key in another disguise passes.
#pragma once

#include <optional>
#include <string>

#include "lib/base/bytes.h"

namespace hallmark::pin {

class KeyScanner {
 public:
  void add(ByteView piece);
  // What was found, for a message: "a private key (RSA PRIVATE KEY) in line 3". Ends the file.
  std::optional<std::string> finish();

 private:
  void search(bool at_end);

  std::string window_;      // what may still belong to a find
  bool line_start_ = true;  // whether the window begins a line
  std::uint64_t line_ = 1;  // the line the window begins in
  Bytes whole_;             // the file, while it is small enough to be a key in DER
  bool small_ = true;
  std::optional<std::string> found_;
};

}  // namespace hallmark::pin
