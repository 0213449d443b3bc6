#include "lib/tee/snp/inspect.h"

#include <algorithm>

#include "lib/tee/snp/certificate_table.h"

namespace hallmark::snp {
namespace {

struct Bit {
  unsigned bit;
  std::string_view name;
};

// 56860, table "Guest Policy"; the first sixteen bits are the version of the ABI that the guest wants.
constexpr unsigned kFirstPolicyBit = 16;
constexpr std::array kPolicyBits{Bit{16, "smt"},
                                 Bit{18, "migrate_ma"},
                                 Bit{19, "debug"},
                                 Bit{20, "single_socket"},
                                 Bit{21, "cxl_allow"},
                                 Bit{22, "mem_aes_256_xts"},
                                 Bit{23, "rapl_dis"},
                                 Bit{24, "ciphertext_hiding_dram"},
                                 Bit{25, "page_swap_disable"}};
// 56860, table "PLATFORM_INFO Field".
constexpr std::array kPlatformBits{Bit{0, "smt_en"},
                                   Bit{1, "tsme_en"},
                                   Bit{2, "ecc_en"},
                                   Bit{3, "rapl_dis"},
                                   Bit{4, "ciphertext_hiding_dram_en"},
                                   Bit{5, "alias_check_complete"},
                                   Bit{7, "tio_en"}};
// SNP_HV_REPORT_REQ: the host asked, not the guest.
constexpr std::uint32_t kVmplOfHost = 0xffffffff;

std::vector<std::string> names_of(std::uint64_t value, unsigned from, std::span<const Bit> known) {
  std::vector<std::string> out;
  for (unsigned bit = from; bit < 64; bit++) {
    if ((value >> bit & 1) == 0) continue;
    const auto it = std::ranges::find(known, bit, &Bit::bit);
    out.push_back(it == known.end() ? "bit " + std::to_string(bit) : std::string(it->name));
  }
  return out;
}

std::string joined(const std::vector<std::string>& names) {
  std::string out;
  for (const std::string& name : names) out += (out.empty() ? "" : ", ") + name;
  return out.empty() ? "none" : out;
}

std::string policy_text(std::uint64_t policy) {
  return "ABI " + std::to_string(policy >> 8 & 0xff) + "." + std::to_string(policy & 0xff) + " or later; " +
         joined(policy_bits(policy));
}

std::string key_text(const KeyInfo& info) {
  std::string out = "signed by " + std::string(to_text(info.signing_key));
  if (info.author_key_enabled) out += ", with an author key";
  if (info.mask_chip_key) out += ", the chip's key is masked";
  return out;
}

}  // namespace

std::vector<std::string> policy_bits(std::uint64_t policy) {
  return names_of(policy & ~kPolicyMustBeOne, kFirstPolicyBit, kPolicyBits);
}

std::vector<std::string> platform_bits(std::uint64_t platform_info) {
  return names_of(platform_info, 0, kPlatformBits);
}

InspectedRecord inspect_report(const Report& report, std::uint64_t offset) {
  // Version 2 does not say what it runs on, and only an earlier line than Turin has it.
  const std::optional<Line> line = report.num<"version">() < 3 ? Line::milan : line_of(report);
  const bool has_cpuid = report.num<"version">() >= 3, has_mitigations = report.num<"version">() >= 5;
  return inspect_record<kReport>(
      std::string(kReport.name), offset, report.bytes(), [&](std::string_view field, ByteView value) -> std::string {
        if (field == "policy") return policy_text(report.num<"policy">());
        if (field == "platform_info") return joined(platform_bits(report.num<"platform_info">()));
        if (field == "signature_algo") return "ECDSA P-384 with SHA-384";
        if (field == "key_info") return key_text(key_info(report));
        if (field == "vmpl" && report.num<"vmpl">() == kVmplOfHost) return "asked for by the host";
        if (field.ends_with("_tcb"))
          return line ? describe_tcb(*line, value.first<8>()) : "of a processor that is not known";
        if (field == "cpuid_family" && has_cpuid) return line ? std::string(to_text(*line)) : "not known";
        if (field.starts_with("cpuid_") && !has_cpuid) return "reserved in this version";
        if (field.ends_with("_mit_vector") && !has_mitigations) return "reserved in this version";
        if (field == "chip_id" && chip_id_is_masked(report)) return "masked";
        if (field.starts_with("signature_")) return "little-endian";
        return {};
      });
}

Result<Inspection> inspect(ByteView bytes) {
  const ByteView head = bytes.first(std::min(bytes.size(), kReport.size));
  TRY(const Report report, parse_report(head));
  Inspection out{"amd-sev-snp", "snp-report", {inspect_report(report, 0)}};
  if (const ByteView rest = bytes.subspan(head.size()); !rest.empty()) {
    const bool zeros = std::ranges::all_of(rest, [](auto c) { return c == 0; });
    const char* what = zeros                        ? "zeros"
                       : is_certificate_table(rest) ? "a host's certificate table"
                                                    : "neither zeros nor a certificate table";
    out.records.push_back({"behind the report",
                           head.size(),
                           rest.size(),
                           {{"bytes", head.size(), rest.size(), zeros ? "00" : to_hex(rest), what}}});
  }
  return out;
}

}  // namespace hallmark::snp
