// Keys, certificates and revocation lists under roots of our own, as a vendor would sign them. Part of the tests alone:
// the product signs no evidence.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "lib/base/bytes.h"
#include "lib/base/clock.h"

struct evp_pkey_st;

namespace hallmark::made {

class Key {
 public:
  // The same name gives the same key, so that roots can be named in files.
  static Key p256(const std::string& name);
  static Key p384(const std::string& name);
  static Key rsa4096();  // made once a process

  Bytes spki() const;
  Bytes point() const;                       // x || y
  Bytes sign(ByteView message) const;        // ECDSA, r || s
  Bytes sign_pkcs1(ByteView message) const;  // RSASSA-PKCS1-v1_5 with SHA-256
  Bytes modulus() const;

  evp_pkey_st* evp() const { return key_.get(); }

 private:
  explicit Key(evp_pkey_st* key);
  std::shared_ptr<evp_pkey_st> key_;
};

struct Issuer {
  std::string common_name;
  Key key;
};

struct CertificateSpec {
  std::string common_name;
  UnixTime from = 0, until = 0;
  bool ca = false;
  std::int64_t serial = 1;
  std::vector<std::pair<std::string, Bytes>> extensions = {};  // OID and value, not critical
};

// In DER. RSA keys sign with PSS and SHA-384, P-384 with SHA-384, P-256 with SHA-256.
Bytes make_certificate(const CertificateSpec& spec, const Key& subject, const Issuer& issuer);
Bytes make_revocation_list(const Issuer& issuer, UnixTime from, UnixTime until,
                           const std::vector<std::int64_t>& serials);

std::string to_pem(const std::string& label, ByteView der);

// DER for the extensions of vendors.
Bytes der(std::uint8_t tag, ByteView content);
Bytes der_oid(const std::string& dotted);  // tag and all
Bytes der_integer(std::uint64_t value);

}  // namespace hallmark::made
