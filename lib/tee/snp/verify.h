// Whether AMD's hardware signed a report: the chain from the chip's key to AMD's root, revocation, and what the key's
// certificate says of the platform.
//
// Versioned Chip Endorsement Key (VCEK) Certificate and KDS Interface Specification (AMD 57230) and its like for the
// VLEK. Three certificates: a root ARK for each line of processors, pinned here by the SHA-256 of its public key; an
// intermediate, ASK for chips (VCEK) and ASVK for cloud providers (VLEK); and the key that signs reports, whose
// extensions name the firmware that it stands for.
#pragma once

#include <vector>

#include "lib/crypto/x509.h"
#include "lib/tee/model/appraisal.h"
#include "lib/tee/snp/evidence.h"

namespace hallmark::snp {

struct Endorsements {
  std::vector<Certificate> certificates;
  std::vector<RevocationList> lists;
};

// Adds what a file holds: certificates in DER or PEM, one revocation list, or a host's certificate table. One that is
// none of these is a fault of whoever gave it.
Status add_endorsement(ByteView bytes, const std::string& name, Endorsements& into);

// What the extensions of a VCEK's or VLEK's certificate say (1.3.6.1.4.1.3704.1).
struct VekClaims {
  SigningKey kind = SigningKey::vcek;  // by the common name, SEV-VCEK or SEV-VLEK
  std::string product;                 // "Milan-B0", "Genoa", "Turin"
  std::optional<Line> line;            // nothing for a product that is not known
  std::array<std::uint8_t, 8> tcb{};   // as a TCB_VERSION of that line
  Bytes hwid;                          // of a VCEK: 64 bytes, 8 on Turin
  std::string csp;                     // of a VLEK: the provider
};
// Whether a certificate is for a key that signs reports, by its common name.
bool is_vek(const Certificate& certificate);
// Fails with the code vek.extension.
Result<VekClaims> parse_vek(const Certificate& certificate);

struct Verification {
  std::vector<Reason> reasons;  // none: it is authentic
  std::optional<Line> line;     // by CPUID, or for version 2 by the key's certificate
  std::optional<VekClaims> vek;
  Validity validity;
  bool revocation_checked = false;
};

// Everything that is wrong, in the order: certificates that are missing, the root, the chain, revocation, the key's
// claims against the report, the report's own signature. `anchor` stands in for AMD's root.
Verification verify_report(const Report& report, const Endorsements& endorsements, UnixTime at,
                           const std::optional<Certificate>& anchor);

}  // namespace hallmark::snp
