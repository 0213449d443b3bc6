#include "lib/crypto/signature.h"

#include <openssl/evp.h>

#include "lib/crypto/openssl_handle.h"

namespace hallmark {
namespace {

using Context = std::unique_ptr<EVP_MD_CTX, Free<EVP_MD_CTX_free>>;

// EdDSA hashes the message itself.
const EVP_MD* hash_of(KeyType type) { return type == KeyType::p256 ? EVP_sha256() : nullptr; }

}  // namespace

Bytes sign_message(const PrivateKey& key, ByteView message) {
  const Context context(EVP_MD_CTX_new());
  must(context &&
       EVP_DigestSignInit(context.get(), nullptr, hash_of(key.public_key().type()), nullptr, key.evp()) == 1);
  std::size_t size = 0;
  must(EVP_DigestSign(context.get(), nullptr, &size, message.data(), message.size()) == 1);
  Bytes signature(size);
  must(EVP_DigestSign(context.get(), signature.data(), &size, message.data(), message.size()) == 1);
  signature.resize(size);
  return signature;
}

bool verify_signature(const PublicKey& key, ByteView message, ByteView signature) {
  const Context context(EVP_MD_CTX_new());
  must(context && EVP_DigestVerifyInit(context.get(), nullptr, hash_of(key.type()), nullptr, key.evp()) == 1);
  const int verdict =
      EVP_DigestVerify(context.get(), signature.data(), signature.size(), message.data(), message.size());
  ERR_clear_error();
  return verdict == 1;
}

}  // namespace hallmark
