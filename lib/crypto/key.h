// Signing keys: ECDSA P-256 and Ed25519.
//
// Private keys are PKCS#8 PEM (RFC 5958; RFC 7468 section 10), or its encrypted form (section 11).
// Public keys are SubjectPublicKeyInfo PEM (RFC 7468 section 13), and only in the one DER encoding
// that RFC 5480 (named curve, uncompressed point) and RFC 8410 give, so that a key has one key id.
#pragma once

#include <functional>
#include <memory>

#include "lib/base/files.h"
#include "lib/crypto/digest.h"

struct evp_pkey_st;

namespace hallmark {

enum class KeyType { p256, ed25519 };
std::string_view to_text(KeyType);  // "p256", "ed25519"
Result<KeyType> key_type_from_text(std::string_view);

// Bytes that are wiped at the end of their life: passphrases, and private keys as text.
class Secret {
 public:
  Secret() = default;
  explicit Secret(Bytes bytes) : bytes_(std::move(bytes)) {}
  Secret(Secret&& other) noexcept : bytes_(std::exchange(other.bytes_, {})) {}
  Secret& operator=(Secret&&) = delete;
  ~Secret();

  ByteView bytes() const { return bytes_; }
  bool empty() const { return bytes_.empty(); }

 private:
  Bytes bytes_;
};

// Asked for only when a private key turns out to be encrypted.
using AskPassphrase = std::function<Result<Secret>()>;

class PublicKey {
 public:
  // `name` says in messages where the text came from.
  static Result<PublicKey> parse(std::string_view pem, const std::string& name);
  std::string to_pem() const;

  KeyType type() const { return type_; }
  // Lower-case hexadecimal SHA-256 of the SubjectPublicKeyInfo in DER.
  const std::string& id() const { return id_; }
  evp_pkey_st* evp() const { return key_.get(); }

  friend bool operator==(const PublicKey& a, const PublicKey& b) { return a.der_ == b.der_; }

 private:
  friend class PrivateKey;
  PublicKey() = default;
  static Result<PublicKey> from_der(Bytes der, const std::string& name);

  KeyType type_ = KeyType::p256;
  Bytes der_;
  std::string id_;
  std::shared_ptr<evp_pkey_st> key_;
};

class PrivateKey {
 public:
  static PrivateKey generate(KeyType);
  static Result<PrivateKey> parse(const Secret& pem, const std::string& name, const AskPassphrase& ask);
  // A file that others may read is refused, as ssh does: its key is no longer only its owner's.
  static Result<PrivateKey> read(const fs::path& path, const AskPassphrase& ask);

  // With a passphrase: PBES2 with PBKDF2-HMAC-SHA-256 and AES-256-CBC (RFC 8018).
  Secret to_pem(const Secret* passphrase = nullptr) const;

  const PublicKey& public_key() const { return public_; }
  evp_pkey_st* evp() const { return key_.get(); }

 private:
  PrivateKey(std::shared_ptr<evp_pkey_st> key, PublicKey half) : key_(std::move(key)), public_(std::move(half)) {}
  static Result<PrivateKey> from_evp(std::shared_ptr<evp_pkey_st> key, const std::string& name);

  std::shared_ptr<evp_pkey_st> key_;
  PublicKey public_;
};

}  // namespace hallmark
