#include "tests/evidence/vtpm.h"

#include <algorithm>
#include <memory>
#include <stdexcept>

#include <openssl/evp.h>
#include <openssl/rsa.h>

#include "lib/base/json.h"

namespace hallmark::made {
namespace {

void must(bool ok) {
  if (!ok) throw std::runtime_error("OpenSSL refused what a test asks for");
}

EVP_PKEY* key_of(TpmKey which) {
  static const std::shared_ptr<EVP_PKEY> attestation(EVP_RSA_gen(2048), EVP_PKEY_free),
      other(EVP_RSA_gen(2048), EVP_PKEY_free);
  must(attestation && other);
  return which == TpmKey::attestation ? attestation.get() : other.get();
}

std::string base64url(ByteView bytes) {
  std::string out = to_base64(bytes);
  for (char& c : out) c = c == '+' ? '-' : c == '/' ? '_' : c;
  out.erase(out.find_last_not_of('=') + 1);
  return out;
}

void append_be(Bytes& out, std::uint64_t value, std::size_t size) {
  for (std::size_t i = size; i-- > 0;) out.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
}

void append_le32(Bytes& out, std::size_t value) {
  for (std::size_t i = 0; i < 4; i++) out.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
}

void append_sized(Bytes& out, ByteView bytes) {
  append_be(out, bytes.size(), 2);
  out.insert(out.end(), bytes.begin(), bytes.end());
}

}  // namespace

TpmQuote::TpmQuote() {
  for (std::size_t i = 0; i < values.size(); i++) values[i].fill(static_cast<std::uint8_t>(i));
}

Bytes TpmQuote::message() const {
  Bytes out;
  append_be(out, 0xff544347, 4);
  append_be(out, 0x8018, 2);
  append_sized(out, Bytes(34, 0x5a));
  append_sized(out, nonce);
  append_be(out, 5000, 8);  // clock
  append_be(out, 2, 4);     // resets
  append_be(out, 1, 4);     // restarts
  append_be(out, 1, 1);     // safe
  append_be(out, 0x2020031200120003, 8);
  append_be(out, 1, 4);
  append_be(out, bank, 2);
  std::uint32_t mask = 0;
  Hasher<Alg::sha256> hasher;
  for (const unsigned pcr : selected) {
    mask |= 1u << pcr;
    hasher.add(values[pcr]);
  }
  append_be(out, 3, 1);
  for (unsigned i = 0; i < 3; i++) append_be(out, mask >> (8 * i) & 0xff, 1);
  append_sized(out, hasher.finish());
  return out;
}

Bytes TpmQuote::signature() const {
  const Bytes bytes = message();
  const std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX*)> context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
  std::size_t size = 256;
  Bytes out(size);
  must(EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, key_of(key)) == 1);
  must(EVP_DigestSign(context.get(), out.data(), &size, bytes.data(), bytes.size()) == 1);
  return out;
}

Bytes TpmQuote::pcrs() const {
  Json bank_values = Json::array();
  for (const auto& value : values) bank_values.push_back(to_hex(value));
  const std::string text = Json::object({{"sha256", std::move(bank_values)}}).pretty();
  return {text.begin(), text.end()};
}

std::string runtime_data(TpmKey key) {
  BIGNUM* n = nullptr;
  must(EVP_PKEY_get_bn_param(key_of(key), "n", &n) == 1);
  Bytes modulus(static_cast<std::size_t>(BN_num_bytes(n)));
  BN_bn2bin(n, modulus.data());
  BN_free(n);
  return R"({"keys":[{"kid":"HCLAkPub","key_ops":["sign"],"kty":"RSA","e":"AQAB","n":")" + base64url(modulus) +
         R"("},{"kid":"HCLEkPub","key_ops":["encrypt"],"kty":"RSA","e":"AQAB","n":"AQAB"}],)"
         R"("vm-configuration":{"secure-boot":true},"user-data":"00"})";
}

Bytes HclReport::bytes() const {
  SnpReport hardware = report;
  std::array<std::uint8_t, 64> data{};
  const auto put = [&](const auto& hash) { std::ranges::copy(hash, data.begin()); };
  if (hash_type == 1) put(digest<Alg::sha256>(as_bytes(runtime)));
  if (hash_type == 2) put(digest<Alg::sha384>(as_bytes(runtime)));
  if (hash_type == 3) put(digest<Alg::sha512>(as_bytes(runtime)));
  hardware.fields.set<"report_data">(data);
  Bytes area = hardware.bytes();
  if (report_type == 4) {
    // A TDREPORT, whose REPORTDATA stands at 128; 1024 bytes of the area.
    area.assign(area.size(), 0);
    std::ranges::copy(data, area.begin() + 128);
  }

  Bytes out{'H', 'C', 'L', 'A'};
  append_le32(out, version);
  append_le32(out, 1236 + runtime.size());
  append_le32(out, 2);
  out.resize(32);
  out.insert(out.end(), area.begin(), area.end());
  append_le32(out, 20 + runtime.size());
  append_le32(out, 1);
  append_le32(out, report_type);
  append_le32(out, hash_type);
  append_le32(out, runtime.size());
  out.insert(out.end(), runtime.begin(), runtime.end());
  out.resize(std::max<std::size_t>(out.size(), 2600));
  return out;
}

}  // namespace hallmark::made
