#include <cstdlib>

#include "lib/crypto/signature.h"

// A key that is accepted writes itself as text that gives the same key, and a private one signs for its public half.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace hallmark;
  const ByteView input{data, size};
  if (const auto key = PublicKey::parse(as_text(input), "input")) {
    const auto again = PublicKey::parse(key->to_pem(), "again");
    if (!again || !(*again == *key)) std::abort();
  }
  const Secret pem(Bytes(input.begin(), input.end()));
  const auto key = PrivateKey::parse(pem, "input", [] { return Result<Secret>(fail(Fault::usage, "no passphrase")); });
  if (key && !verify_signature(key->public_key(), input, sign_message(*key, input))) std::abort();
  return 0;
}
