#include "lib/crypto/key.h"

#include <algorithm>
#include <climits>

#include <fcntl.h>
#include <sys/stat.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/rand.h>
#include <openssl/x509.h>

#include "lib/crypto/openssl_handle.h"
#include "lib/crypto/pem.h"

namespace hallmark {
namespace {

// OWASP's 2023 figure for PBKDF2 with HMAC-SHA-256; a quarter of a second here.
constexpr int kPassphraseRounds = 600'000;
// A file that asks for more would hold us up for as long as it likes.
constexpr std::int64_t kMaxPassphraseRounds = 5'000'000;

// RFC 5480 section 2: SEQUENCE { SEQUENCE { id-ecPublicKey, secp256r1 }, BIT STRING 04 || x || y }
constexpr std::array<std::uint8_t, 27> kP256Prefix{0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48,
                                                   0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48,
                                                   0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04};
constexpr std::size_t kP256Size = kP256Prefix.size() + 64;
// RFC 8410 section 4: SEQUENCE { SEQUENCE { id-Ed25519 }, BIT STRING public key }
constexpr std::array<std::uint8_t, 12> kEd25519Prefix{0x30, 0x2a, 0x30, 0x05, 0x06, 0x03,
                                                      0x2b, 0x65, 0x70, 0x03, 0x21, 0x00};
constexpr std::size_t kEd25519Size = kEd25519Prefix.size() + 32;

using Bio = std::unique_ptr<BIO, Free<BIO_free>>;
using Pkcs8 = std::unique_ptr<PKCS8_PRIV_KEY_INFO, Free<PKCS8_PRIV_KEY_INFO_free>>;
using EncryptedPkcs8 = std::unique_ptr<X509_SIG, Free<X509_SIG_free>>;
using KeyContext = std::unique_ptr<EVP_PKEY_CTX, Free<EVP_PKEY_CTX_free>>;

std::shared_ptr<EVP_PKEY> own(EVP_PKEY* key) { return {key, EVP_PKEY_free}; }

bool starts_with(ByteView bytes, ByteView prefix) {
  return bytes.size() >= prefix.size() && std::equal(prefix.begin(), prefix.end(), bytes.begin());
}

Failure unsupported_key(const std::string& name) {
  return fail(Fault::unsupported, name + ": is neither a P-256 (named curve, uncompressed point) nor an Ed25519 key");
}

// The parameters of the algorithm if it is the one of that number.
template <class T, auto F>
std::unique_ptr<T, Free<F>> parameters_of(const X509_ALGOR* algorithm, int nid, const ASN1_ITEM* item) {
  const ASN1_OBJECT* id = nullptr;
  int type = 0;
  const void* parameters = nullptr;
  X509_ALGOR_get0(&id, &type, &parameters, algorithm);
  if (OBJ_obj2nid(id) != nid || type != V_ASN1_SEQUENCE) return nullptr;
  return std::unique_ptr<T, Free<F>>(
      static_cast<T*>(ASN1_item_unpack(static_cast<const ASN1_STRING*>(parameters), item)));
}

// RFC 8018, appendix A.4: PBES2 with PBKDF2, and not more rounds of that than a person waits for.
Status check_sealing(const X509_SIG* sealed, const std::string& name) {
  const X509_ALGOR* algorithm = nullptr;
  X509_SIG_get0(sealed, &algorithm, nullptr);
  const auto pbes2 = parameters_of<PBE2PARAM, PBE2PARAM_free>(algorithm, NID_pbes2, ASN1_ITEM_rptr(PBE2PARAM));
  const auto pbkdf2 =
      pbes2 ? parameters_of<PBKDF2PARAM, PBKDF2PARAM_free>(pbes2->keyfunc, NID_id_pbkdf2, ASN1_ITEM_rptr(PBKDF2PARAM))
            : nullptr;
  if (!pbkdf2)
    return fail(Fault::unsupported, name + ": is not sealed with PBES2 and PBKDF2; `openssl pkcs8 -topk8` seals it so");
  std::int64_t rounds = 0;
  if (ASN1_INTEGER_get_int64(&rounds, pbkdf2->iter) != 1 || rounds < 1 || rounds > kMaxPassphraseRounds)
    return fail(Fault::format,
                name + ": asks for more than " + std::to_string(kMaxPassphraseRounds) + " rounds of PBKDF2");
  return {};
}

std::string write_pem(std::string_view label, ByteView der) {
  const Bio bio(must(BIO_new(BIO_s_mem())));
  must(PEM_write_bio(bio.get(), std::string(label).c_str(), "", der.data(), static_cast<long>(der.size())) > 0);
  char* text = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &text);
  return std::string(text, static_cast<std::size_t>(size));
}

}  // namespace

std::string_view to_text(KeyType type) { return type == KeyType::p256 ? "p256" : "ed25519"; }

Result<KeyType> key_type_from_text(std::string_view text) {
  if (text == "p256") return KeyType::p256;
  if (text == "ed25519") return KeyType::ed25519;
  return fail(Fault::usage, "key type \"" + std::string(text) + "\" is not known: p256 or ed25519");
}

Secret::~Secret() { OPENSSL_cleanse(bytes_.data(), bytes_.size()); }

Result<PublicKey> PublicKey::from_der(Bytes der, const std::string& name) {
  DropErrors drop;
  PublicKey key;
  if (der.size() == kP256Size && starts_with(der, kP256Prefix))
    key.type_ = KeyType::p256;
  else if (der.size() == kEd25519Size && starts_with(der, kEd25519Prefix))
    key.type_ = KeyType::ed25519;
  else
    return unsupported_key(name);
  const unsigned char* at = der.data();
  key.key_ = own(d2i_PUBKEY(nullptr, &at, static_cast<long>(der.size())));
  // d2i has checked that the point lies on the curve.
  if (!key.key_) return fail(Fault::format, name + ": holds no valid public key");
  key.id_ = to_hex(digest<Alg::sha256>(der));
  key.der_ = std::move(der);
  return key;
}

Result<PublicKey> PublicKey::parse(std::string_view pem, const std::string& name) {
  TRY(PemBlock block, read_pem(as_bytes(pem), name));
  if (block.label == "PRIVATE KEY" || block.label == "ENCRYPTED PRIVATE KEY")
    return fail(Fault::usage, name + ": is a private key where a public one is wanted");
  if (block.label != "PUBLIC KEY")
    return fail(Fault::unsupported, name + ": is a PEM block \"" + printable(block.label) + "\", not \"PUBLIC KEY\"");
  return from_der(block.der, name);
}

std::string PublicKey::to_pem() const { return write_pem("PUBLIC KEY", der_); }

Result<PrivateKey> PrivateKey::from_evp(std::shared_ptr<evp_pkey_st> key, const std::string& name) {
  DropErrors drop;
  unsigned char* data = nullptr;
  const int size = i2d_PUBKEY(key.get(), &data);
  if (size <= 0) return unsupported_key(name);
  Bytes der(data, data + size);
  OPENSSL_free(data);
  TRY(PublicKey half, PublicKey::from_der(std::move(der), name));
  // A P-256 file states both halves; a signature under halves that do not belong together can give the key away.
  const KeyContext context(must(EVP_PKEY_CTX_new(key.get(), nullptr)));
  if (half.type() == KeyType::p256 && EVP_PKEY_check(context.get()) != 1)
    return fail(Fault::format, name + ": its private and public halves do not belong together");
  return PrivateKey(std::move(key), std::move(half));
}

PrivateKey PrivateKey::generate(KeyType type) {
  EVP_PKEY* key = type == KeyType::p256 ? EVP_EC_gen("P-256") : EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519");
  return *from_evp(own(must(key)), "a new key");
}

Result<PrivateKey> PrivateKey::parse(const Secret& pem, const std::string& name, const AskPassphrase& ask) {
  DropErrors drop;
  TRY(PemBlock block, read_pem(pem.bytes(), name));
  const unsigned char* at = block.der.data();
  const unsigned char* end = at + block.der.size();
  Pkcs8 plain;
  if (block.label == "PRIVATE KEY") {
    plain.reset(d2i_PKCS8_PRIV_KEY_INFO(nullptr, &at, static_cast<long>(block.der.size())));
  } else if (block.label == "ENCRYPTED PRIVATE KEY") {
    const EncryptedPkcs8 sealed(d2i_X509_SIG(nullptr, &at, static_cast<long>(block.der.size())));
    if (!sealed) return fail(Fault::format, name + ": is not an encrypted PKCS#8 key");
    CHECK(check_sealing(sealed.get(), name));
    TRY(const Secret passphrase, in("the passphrase of " + name, ask()));
    const std::string_view text = as_text(passphrase.bytes());
    if (text.size() > INT_MAX) return fail(Fault::usage, "the passphrase of " + name + ": is too long");
    plain.reset(PKCS8_decrypt(sealed.get(), text.data(), static_cast<int>(text.size())));
    if (!plain) return fail(Fault::usage, name + ": the passphrase does not open it");
  } else if (block.label == "PUBLIC KEY") {
    return fail(Fault::usage, name + ": is a public key where a private one is wanted");
  } else {
    return fail(Fault::unsupported, name + ": is a PEM block \"" + printable(block.label) +
                                        "\", not \"PRIVATE KEY\"; `openssl pkcs8 -topk8` converts a key to PKCS#8");
  }
  if (!plain || at != end) return fail(Fault::format, name + ": is not a PKCS#8 key");
  const auto key = own(EVP_PKCS82PKEY(plain.get()));
  if (!key) return fail(Fault::format, name + ": holds no private key that can be read");
  return from_evp(key, name);
}

Result<PrivateKey> PrivateKey::read(const fs::path& path, const AskPassphrase& ask) {
  struct stat st {};
  if (stat(path.c_str(), &st) != 0) return fail_errno(path.string() + ": cannot be opened", errno);
  if (S_ISREG(st.st_mode) && (st.st_mode & 077) != 0)
    return fail(Fault::environment, path.string() +
                                        ": others than its owner may read this private key; `chmod 600` it, "
                                        "and replace the key if someone could have");
  TRY(Bytes text, read_file(path, kMaxPem));
  const Secret pem(std::move(text));
  return parse(pem, path.string(), ask);
}

Secret PrivateKey::to_pem(const Secret* passphrase) const {
  const Pkcs8 plain(must(EVP_PKEY2PKCS8(key_.get())));
  Bytes der;
  std::string_view label = "PRIVATE KEY";
  const auto encode = [&der](auto* value, auto i2d) {
    der.resize(static_cast<std::size_t>(must(std::max(i2d(value, nullptr), 0))));
    unsigned char* at = der.data();
    i2d(value, &at);
  };
  if (passphrase) {
    label = "ENCRYPTED PRIVATE KEY";
    std::array<unsigned char, 16> salt{};
    must(RAND_bytes(salt.data(), salt.size()) == 1);
    X509_ALGOR* how = must(
        PKCS5_pbe2_set_iv(EVP_aes_256_cbc(), kPassphraseRounds, salt.data(), salt.size(), nullptr, NID_hmacWithSHA256));
    const std::string_view text = as_text(passphrase->bytes());
    const EncryptedPkcs8 sealed(must(PKCS8_set0_pbe(text.data(), static_cast<int>(text.size()), plain.get(), how)));
    encode(sealed.get(), i2d_X509_SIG);
  } else {
    encode(plain.get(), i2d_PKCS8_PRIV_KEY_INFO);
  }
  const Secret wiped(std::move(der));
  std::string pem = write_pem(label, wiped.bytes());
  Secret out(Bytes(pem.begin(), pem.end()));
  OPENSSL_cleanse(pem.data(), pem.size());
  return out;
}

}  // namespace hallmark
