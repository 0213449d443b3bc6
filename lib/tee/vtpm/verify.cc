#include "lib/tee/vtpm/verify.h"

#include <algorithm>

#include "lib/crypto/verifying_key.h"

namespace hallmark::vtpm {
namespace {

Bytes hash_of(ByteView bytes, Alg alg) {
  const auto bytes_of = [](const auto& digest) { return Bytes(digest.begin(), digest.end()); };
  switch (alg) {
    case Alg::sha256: return bytes_of(digest<Alg::sha256>(bytes));
    case Alg::sha384: return bytes_of(digest<Alg::sha384>(bytes));
    case Alg::sha512: return bytes_of(digest<Alg::sha512>(bytes));
  }
  return {};
}

}  // namespace

Status check_runtime_data(const HclReport& report, std::span<const std::uint8_t, 64> report_data) {
  Bytes wanted = hash_of(report.runtime_data, report.hash);
  wanted.resize(report_data.size());
  if (std::ranges::equal(wanted, report_data)) return {};
  return fail(Fault::mismatch, "hcl.report_data",
              "the hardware's report does not vouch for the runtime data: REPORT_DATA is " + to_hex(report_data) +
                  ", the hash of the runtime data " + to_hex(wanted));
}

Status check_quote_signature(const TpmQuote& quote, ByteView signature, const RuntimeData& runtime) {
  auto key = VerifyingKey::rsa(runtime.modulus, runtime.exponent);
  if (!key) {
    key.error().code = "hcl.ak";
    return Failure(in("runtime data: HCLAkPub", std::move(key)).error());
  }
  if (key->verify_rsa_pkcs1_sha256(quote.bytes, signature)) return {};
  return fail(Fault::mismatch, "tpm.signature",
              "the TPM's quote is not signed by HCLAkPub, the key that the runtime data has");
}

Status check_pcr_digest(const TpmQuote& quote, const PcrBank& values) {
  Hasher<Alg::sha256> hasher;
  for (const PcrSelection& selection : quote.selections) {
    if (selection.hash != kTpmSha256 && !selection.pcrs.empty())
      return fail(Fault::unsupported, "tpm.pcr_select",
                  "the quote is of PCR bank " + hex_offset(selection.hash) + ", only that of SHA-256 (0xb) is read");
    for (const unsigned pcr : selection.pcrs) hasher.add(values[pcr]);
  }
  const auto computed = hasher.finish();
  if (std::ranges::equal(computed, quote.pcr_digest)) return {};
  return fail(Fault::mismatch, "tpm.pcr_digest",
              "the values are not those that the TPM quoted: their digest is " + to_hex(computed) + ", the quote has " +
                  to_hex(quote.pcr_digest));
}

}  // namespace hallmark::vtpm
