// Reports of SEV-SNP of our own making: what AMD's chips, and their authority, do, under roots of our own. Keys of the
// authority are of P-384 here unless one is named "rsa4096"; AMD's are of RSA.
#pragma once

#include <map>
#include <optional>

#include "lib/tee/snp/evidence.h"
#include "tests/evidence/pki.h"

namespace hallmark::made {

inline constexpr UnixTime kSnpTime = 1769904000;  // 2026-02-01T00:00:00Z, at which all of it is in force
inline constexpr UnixTime kDay = 24 * 3600;

struct SnpCertificate {
  std::string subject, issuer;
  // Names of keys of pki.h: "rsa4096", or of one on a curve.
  std::string key, issuer_key;
  bool ca = false;
  std::int64_t serial = 1;
  UnixTime from = kSnpTime - 10 * kDay, until = kSnpTime + 100 * kDay;
  std::map<std::string, Bytes> extensions = {};  // by what follows 1.3.6.1.4.1.3704.1.
  bool p256 = false;                             // the curve of the key, where it is not P-384

  Bytes der() const;
};

// Serials 0x10000 and 0x10001.
SnpCertificate snp_ark(const std::string& line = "Milan");
SnpCertificate snp_ask(const std::string& subject = "SEV-Milan", const std::string& line = "Milan");
// For the firmware and the chip of SnpReport.
SnpCertificate snp_vcek();
SnpCertificate snp_vcek_of_turin();
SnpCertificate snp_vlek();

struct SnpRevocationList {
  std::string issuer = "ARK-Milan", issuer_key = "ark";
  std::vector<std::int64_t> serials = {};
  UnixTime from = kSnpTime - 5 * kDay, until = kSnpTime + 20 * kDay;

  Bytes der() const;
};

// a0, a1, and so on.
Bytes snp_hwid(std::size_t size);

// Of version 3, a guest on a Milan with SMT allowed.
struct SnpReport {
  RecordBuilder<snp::kReport> fields;
  std::optional<std::string> key = "vek";  // the name of the key that signs; none: zeros stand there

  SnpReport();
  static SnpReport of_turin();  // of version 5
  template <Name F>
  void fill(std::uint8_t byte) {
    std::array<std::uint8_t, field_of<snp::kReport, F>().size> value;
    value.fill(byte);
    fields.template set<F>(value);
  }
  void set_tcb(std::uint64_t tcb);  // all four
  void set_chip(ByteView id);       // with zeros behind it

  Bytes bytes() const;
};

// An IA5String, as the extensions have names.
Bytes der_ia5(std::string_view text);

// Certificates in DER as one file in PEM.
Bytes pem_file(const std::vector<Bytes>& certificates);

// A host's certificate table of these GUIDs and contents.
Bytes snp_table(const std::vector<std::pair<std::string, Bytes>>& parts);
inline constexpr const char* kGuidVcek = "63da758de6644564adc5f4b93be8accd";
inline constexpr const char* kGuidAsk = "4ab7b379bbac4fe4a02f05aef327c782";
inline constexpr const char* kGuidArk = "c0b406a4a803495297433fb6014cd0ae";
inline constexpr const char* kGuidExtra = "ecae0c0f950243b1afa20ae2e0d565b6";

}  // namespace hallmark::made
