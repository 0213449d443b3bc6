// Attestation reports of AMD SEV-SNP: parsed, and not verified.
//
// SEV Secure Nested Paging Firmware ABI Specification (AMD 56860), tables "ATTESTATION_REPORT", "TCB_VERSION", "Guest
// Policy". The AMD Secure Processor measures a guest while the hypervisor launches it, and signs on the guest's demand
// a report of 1184 bytes: the launch measurement, 64 bytes of the guest's own, and what the platform is. Integers are
// little-endian. The chip's key depends on the versions of the firmware (REPORTED_TCB), so a key of old firmware cannot
// sign for new.
#pragma once

#include <optional>

#include "lib/base/layout.h"

namespace hallmark::snp {

inline constexpr Layout<40> kReport{"ATTESTATION_REPORT",
                                    1184,
                                    {{
                                        {0, 4, "version"},
                                        {4, 4, "guest_svn"},
                                        {8, 8, "policy"},
                                        {16, 16, "family_id"},
                                        {32, 16, "image_id"},
                                        {48, 4, "vmpl"},
                                        {52, 4, "signature_algo"},
                                        {56, 8, "current_tcb"},
                                        {64, 8, "platform_info"},
                                        {72, 4, "key_info"},
                                        {76, 4, "reserved_76", Is::reserved},
                                        {80, 64, "report_data"},
                                        {144, 48, "measurement"},
                                        {192, 32, "host_data"},
                                        {224, 48, "id_key_digest"},
                                        {272, 48, "author_key_digest"},
                                        {320, 32, "report_id"},
                                        {352, 32, "report_id_ma"},
                                        {384, 8, "reported_tcb"},
                                        {392, 1, "cpuid_family"},    // from version 3 on
                                        {393, 1, "cpuid_model"},     // from version 3 on
                                        {394, 1, "cpuid_stepping"},  // from version 3 on
                                        {395, 21, "reserved_395", Is::reserved},
                                        {416, 64, "chip_id"},
                                        {480, 8, "committed_tcb"},
                                        {488, 1, "current_build"},
                                        {489, 1, "current_minor"},
                                        {490, 1, "current_major"},
                                        {491, 1, "reserved_491", Is::reserved},
                                        {492, 1, "committed_build"},
                                        {493, 1, "committed_minor"},
                                        {494, 1, "committed_major"},
                                        {495, 1, "reserved_495", Is::reserved},
                                        {496, 8, "launch_tcb"},
                                        {504, 8, "launch_mit_vector"},   // from version 5 on
                                        {512, 8, "current_mit_vector"},  // from version 5 on
                                        {520, 152, "reserved_520", Is::reserved},
                                        {672, 72, "signature_r"},
                                        {744, 72, "signature_s"},
                                        {816, 368, "reserved_816", Is::reserved},
                                    }}};

using Report = Record<kReport>;

// What the key signs: all before the signature.
inline constexpr std::size_t kSignedSize = 672;

inline constexpr std::uint32_t kMinVersion = 2, kMaxVersion = 5;

// Guest policy.
inline constexpr std::uint64_t kPolicySmt = 1ull << 16, kPolicyMustBeOne = 1ull << 17, kPolicyMigrateMa = 1ull << 18,
                               kPolicyDebug = 1ull << 19;
// The least ABI version that the guest wants: minor version in the low byte, major above it.
inline constexpr std::uint64_t kPolicyAbi = 0xffff;
// Bits from here on have no meaning in the editions that this is written against.
inline constexpr unsigned kPolicyKnownBits = 26;

enum class SigningKey { vcek = 0, vlek = 1, none = 7 };
std::string_view to_text(SigningKey);  // "VCEK", "VLEK", "none"

struct KeyInfo {
  bool author_key_enabled = false;
  bool mask_chip_key = false;
  SigningKey signing_key = SigningKey::none;
};

// A family of processors with one root key of AMD.
enum class Line { milan, genoa, turin };
std::string_view to_text(Line);  // "Milan", as AMD's certificates name it

// The family by the combined CPUID family and model: Genoa is also the name for Bergamo and Siena.
std::optional<Line> line_of_cpu(std::uint8_t family, std::uint8_t model);

// One byte of a TCB_VERSION.
struct TcbComponent {
  std::string_view name;
  std::size_t at;   // in the eight bytes
  const char* oid;  // the extension of a key's certificate that has the same number
};
// Those of a line: Turin has a component more, and the others moved for it.
std::span<const TcbComponent> tcb_components(Line);

using Tcb = std::span<const std::uint8_t, 8>;
// "bootloader 3, tee 0, snp 8, microcode 115"; a byte that is reserved and not zero as well ("byte 2 is 7").
std::string describe_tcb(Line, Tcb);

// Whether bytes look like a report, or like one that was cut: reports have no magic number.
bool looks_like_report(ByteView bytes);

// Exactly one report; `bytes` must outlive it. Refuses with the codes snp.size, snp.version (fault: unsupported),
// snp.sig_algo (the same), snp.signing_key, snp.policy (bit 17 is not one) and snp.reserved (a byte that the report's
// version reserves is not zero).
Result<Report> parse_report(ByteView bytes);

// Of a report that parsed.
KeyInfo key_info(const Report&);
// By CPUID; nothing for version 2, which does not have it, and for processors that are not known.
std::optional<Line> line_of(const Report&);
bool chip_id_is_masked(const Report&);

}  // namespace hallmark::snp
