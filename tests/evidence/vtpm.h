// The parts of a vTPM's quote on Azure of our own making: what the paravisor and its TPM do.
#pragma once

#include "lib/tee/vtpm/evidence.h"
#include "tests/evidence/snp.h"

namespace hallmark::made {

// RSA keys of 2048 bits that live as long as the process: one that attests, and another.
enum class TpmKey { attestation, other };

struct TpmQuote {
  TpmKey key = TpmKey::attestation;
  Bytes nonce = Bytes(48, 0x0e);
  std::uint16_t bank = 0x000b;
  std::vector<unsigned> selected = {0, 1, 4, 9, 11, 23};
  vtpm::PcrBank values;  // each has its index in every byte

  TpmQuote();
  Bytes message() const;
  Bytes signature() const;  // 256 bytes
  Bytes pcrs() const;       // JSON
};

std::string runtime_data(TpmKey key);

struct HclReport {
  SnpReport report = {};
  std::string runtime = runtime_data(TpmKey::attestation);
  std::uint32_t version = 2, report_type = 2, hash_type = 1;

  Bytes bytes() const;  // 2600 bytes, as the TPM's index has
};

}  // namespace hallmark::made
