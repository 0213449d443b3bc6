// Quotes of SGX and TDX under a root of our own, with the collateral that Intel would publish for such a platform.
#pragma once

#include <functional>

#include "tests/evidence/pki.h"

namespace hallmark::made {

// A platform whose TCB is up to date, and an enclave or a domain on it. Tests change one thing.
struct Dcap {
  std::uint16_t version = 4;
  bool tdx = false;
  std::uint16_t body_type = 0;  // of version 5: 1 to 4; 0: the oldest of its TEE

  // The body: an enclave's, or a domain's.
  Bytes mrenclave = Bytes(32, 0xe1), mrsigner = Bytes(32, 0x51);
  std::uint16_t isvprodid = 0, isvsvn = 1;
  std::uint64_t attributes = 0x5, xfrm = 0xe7;
  std::uint32_t misc_select = 0;
  Bytes mrtd = Bytes(48, 0xd0), mrseam = Bytes(48, 0x5e);
  std::vector<Bytes> rtmrs{Bytes(48, 0xa0), Bytes(48, 0xa1), Bytes(48, 0xa2), Bytes(48, 0xa3)};
  Bytes mrsignerseam = Bytes(48), mrconfigid = Bytes(48), mrowner = Bytes(48), mrownerconfig = Bytes(48),
        mrservicetd = Bytes(48), seam_attributes = Bytes(8);
  std::uint64_t tdattributes = std::uint64_t{1} << 28, xfam = 0x602e7;
  Bytes tee_tcb_svn = *from_hex("06010300000000000000000000000000"), tee_tcb_svn2 = tee_tcb_svn;
  Bytes report_data = Bytes(64, 0x7d);

  // The platform.
  std::string root = "Made SGX Root CA";  // names the key: another name is another root
  Bytes ppid = Bytes(16, 0x01), fmspc = *from_hex("00906ed50000"), pceid = Bytes(2);
  std::vector<unsigned> components = std::vector<unsigned>(16, 5);
  unsigned pcesvn = 13;
  std::uint16_t qe_isvsvn = 8, qe_isvprodid = 0;  // 0: that of the TEE's quoting enclave
  std::uint64_t qe_attributes = 0x15;
  Bytes qe_auth = Bytes(32, 0xaa);

  // What Intel publishes.
  UnixTime issued = 1'767'225'600, next_update = 1'769'817'600;  // 2026-01-01, 2026-01-31
  UnixTime certificates_until = 1'893'456'000;                   // 2030-01-01
  std::string status = "UpToDate", module_status = "UpToDate", qe_status = "UpToDate";
  Bytes tcb_fmspc;  // of the TCB info; empty: the platform's
  int evaluation_number = 17;
  std::vector<std::string> advisories;
  bool revoke_pck = false, revoke_ca = false;
  // The CA's certificate is not the root's work: another key signed it, and it names another issuer's key.
  bool forge_ca = false;

  // The last word, before the quoting enclave and the attestation key sign.
  std::function<void(Bytes& qe_report)> change_qe_report;
  std::function<void(std::string& tcb_info)> change_tcb_info;

  UnixTime now() const { return issued + 86'400; }
};

struct MadeEvidence {
  Bytes evidence;
  std::string collateral;  // Intel's JSON
  Bytes root;              // the root's certificate, DER
};

MadeEvidence make(const Dcap& dcap);

}  // namespace hallmark::made
