// The evidence of a confidential guest on Azure, parsed and not verified: a TPM's quote, and the report that vouches
// for the TPM.
//
// The guest does not speak to the hardware. Below it, in the same protected memory, runs Microsoft's paravisor (HCL,
// OpenHCL), which has a TPM of software. When it starts it makes the TPM's attestation key and asks the hardware for a
// report whose REPORT_DATA is the hash of a JSON document with that key: the runtime data. Both stand in the TPM's
// index 0x01400001, the HCL report. What the guest itself runs is in the TPM's registers alone, which the key quotes.
//
// HCL report: Microsoft OpenVMM, igvm_attest (`IgvmAttestRequest`); little-endian. TPM: TCG TPM 2.0 Library, part 2
// "Structures", 10.12 "Attestation Structures" and 11.3 "Signatures"; big-endian.
#pragma once

#include <vector>

#include "lib/base/json.h"
#include "lib/base/layout.h"
#include "lib/crypto/digest.h"

namespace hallmark::vtpm {

inline constexpr Layout<6> kHclHeader{"HCL header",
                                      32,
                                      {{
                                          {0, 4, "signature"},  // "HCLA"
                                          {4, 4, "version"},
                                          {8, 4, "report_size"},
                                          {12, 4, "request_type"},
                                          {16, 4, "status"},
                                          {20, 12, "reserved_20"},
                                      }}};

// Behind the header and 1184 bytes of the hardware's report.
inline constexpr Layout<5> kHclData{"HCL data",
                                    20,
                                    {{
                                        {0, 4, "data_size"},
                                        {4, 4, "version"},
                                        {8, 4, "report_type"},
                                        {12, 4, "hash_type"},
                                        {16, 4, "runtime_data_size"},
                                    }}};

inline constexpr std::size_t kHardwareReportAt = 32, kHardwareReportSize = 1184;
inline constexpr std::size_t kHclDataAt = kHardwareReportAt + kHardwareReportSize;
inline constexpr std::size_t kRuntimeDataAt = kHclDataAt + kHclData.size;
// More than the TPM's index can hold.
inline constexpr std::size_t kMaxRuntimeData = std::size_t{64} << 10;

enum class Hardware { snp, tdx };
std::string_view to_text(Hardware);  // "SEV-SNP report", "TDX TDREPORT"

struct HclReport {
  ByteView bytes;
  std::uint32_t version = 0;
  Hardware hardware = Hardware::snp;
  Alg hash = Alg::sha256;    // of the runtime data in REPORT_DATA
  ByteView hardware_report;  // kHardwareReportSize bytes
  ByteView runtime_data;     // JSON text
};

bool is_hcl_report(ByteView bytes);
// `bytes` must outlive the result. Zeros may follow, as in the TPM's index. Codes: hcl.size, hcl.version,
// hcl.report_type, hcl.hash_type.
Result<HclReport> parse_hcl_report(ByteView bytes);

struct RuntimeData {
  Json json;
  Bytes modulus, exponent;  // of the attestation key HCLAkPub: RSA, big-endian
};
// Codes: hcl.runtime_data, hcl.ak.
Result<RuntimeData> parse_runtime_data(ByteView text);

// The registers of one bank that a quote has selected, by index.
struct PcrSelection {
  std::uint16_t hash = 0;  // TPM_ALG_ID: 0x000b is SHA-256
  std::vector<unsigned> pcrs;
};
inline constexpr std::uint16_t kTpmSha256 = 0x000b;
inline constexpr unsigned kPcrs = 24;

// TPMS_ATTEST of a quote (TPM_ST_ATTEST_QUOTE).
struct TpmQuote {
  ByteView bytes;
  ByteView qualified_signer, extra_data;
  std::uint64_t clock = 0;
  std::uint32_t reset_count = 0, restart_count = 0;
  bool safe = false;
  std::uint64_t firmware_version = 0;
  std::vector<PcrSelection> selections;
  ByteView pcr_digest;
};
bool is_tpm_quote(ByteView bytes);
// `bytes` must outlive the result. Codes: tpm.truncated, tpm.malformed; tpm.type for another attestation than a
// quote.
Result<TpmQuote> parse_tpm_quote(ByteView bytes);

// 256 bytes of RSASSA-PKCS1-v1_5, or the same as a TPMT_SIGNATURE with SHA-256 (what `tpm2_quote` writes).
inline constexpr std::size_t kSignatureSize = 256;
bool is_tpm_signature(ByteView bytes);
// The 256 bytes.
Result<ByteView> parse_tpm_signature(ByteView bytes);

using PcrBank = std::array<DigestOf<Alg::sha256>, kPcrs>;
// {"sha256": [24 digests in hexadecimal]}; other banks may stand beside it and are not read. Code: tpm.pcrs.
bool is_pcr_values(ByteView bytes);
Result<PcrBank> parse_pcr_values(ByteView text);

}  // namespace hallmark::vtpm
