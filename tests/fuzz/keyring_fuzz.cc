#include <cstdlib>
#include <string>

#include "lib/pin/gpgv.h"

// Bytes put into armour come out of it again, whatever they are; anything else is read or refused.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace hallmark;
  const ByteView bytes{data, size};
  static_cast<void>(pin::dearmour(bytes, "keyring"));
  std::string armour = "-----BEGIN PGP PUBLIC KEY BLOCK-----\nComment: x\n\n";
  const std::string base64 = to_base64(bytes);
  for (std::size_t at = 0; at < base64.size(); at += 64) armour += base64.substr(at, 64) + "\n";
  armour += "=abcd\n-----END PGP PUBLIC KEY BLOCK-----\n";
  const auto again = pin::dearmour(as_bytes(armour), "keyring");
  if (size != 0 && (!again || *again != Bytes(bytes.begin(), bytes.end()))) std::abort();
  return 0;
}
