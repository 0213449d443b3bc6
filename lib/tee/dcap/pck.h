// What Intel's certificate of a platform (PCK: provisioning certification key) says of the platform.
//
// Intel SGX PCK Certificate and Certificate Revocation List Profile Specification, section 1.3.5 "SGX Extensions":
// SEQUENCE OF SEQUENCE { OBJECT IDENTIFIER, value } under 1.2.840.113741.1.13.1.
#pragma once

#include <array>
#include <optional>

#include "lib/crypto/x509.h"

namespace hallmark::dcap {

inline constexpr const char* kSgxExtension = "1.2.840.113741.1.13.1";
inline constexpr std::size_t kComponents = 16;

using Svns = std::array<std::uint8_t, kComponents>;

struct PckExtension {
  std::array<std::uint8_t, 16> ppid{};    // .1: of the one platform
  Svns components{};                      // .2.1 to .2.16
  std::uint16_t pcesvn = 0;               // .2.17
  std::array<std::uint8_t, 16> cpusvn{};  // .2.18
  std::array<std::uint8_t, 2> pceid{};    // .3
  std::array<std::uint8_t, 6> fmspc{};    // .4
  std::uint64_t sgx_type = 0;             // .5: 0 standard, 1 scalable, 2 scalable with integrity
  // Of platforms with more than one processor package, which the Platform CA certifies:
  std::optional<std::array<std::uint8_t, 16>> platform_instance_id;  // .6
  std::optional<bool> dynamic_platform, cached_keys, smt_enabled;    // .7.1 to .7.3
};

// The value of the extension. A field that is missing or there twice is a failure.
Result<PckExtension> parse_pck_extension(ByteView der);

}  // namespace hallmark::dcap
