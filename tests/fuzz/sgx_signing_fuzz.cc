#include <cstdlib>

#include "lib/tee/sgx/signing.h"

// Material, signature and modulus, one after the other. What is assembled verifies and gives the material back.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace hallmark;
  const ByteView input{data, size};
  const auto cut = [&](std::size_t at, std::size_t n) {
    return at >= size ? ByteView() : input.subspan(at, std::min(n, size - at));
  };
  if (const auto date = sgx::signing_date(as_text(cut(0, 8))); date && *date < 0x19000101) std::abort();
  const auto material = sgx::parse_signing_material(cut(0, sgx::kSigningMaterial.size));
  if (!material || size < sgx::kSigningMaterial.size + 2 * kRsa3072Size) return 0;
  Rsa3072Number modulus;
  std::ranges::copy(cut(sgx::kSigningMaterial.size + kRsa3072Size, kRsa3072Size), modulus.begin());
  const auto bytes = sgx::assemble_sigstruct(*material, cut(sgx::kSigningMaterial.size, kRsa3072Size), modulus);
  if (!bytes) return 0;
  const auto s = sgx::parse_sigstruct(*bytes);
  if (!s || !sgx::check_signature(*s).rsa || !sgx::check_signature(*s).quotients) std::abort();
  DigestOf<Alg::sha256> hash;
  std::ranges::copy(s->get<"enclavehash">(), hash.begin());
  const Bytes again = sgx::signing_material(*s, hash, s->num<"date">());
  if (!std::ranges::equal(again, material->bytes())) std::abort();
  return 0;
}
