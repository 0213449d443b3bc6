#include "lib/tee/snp/evidence.h"

#include <algorithm>

namespace hallmark::snp {
namespace {

constexpr std::uint32_t kEcdsaP384Sha384 = 1;

// Versioned Chip Endorsement Key (VCEK) Certificate and KDS Interface Specification (AMD 57230), table "VCEK
// Certificate Extensions", and TCB_VERSION of 56860 for the places.
constexpr std::array kEarlierTcb{
    TcbComponent{"bootloader", 0, "1.3.6.1.4.1.3704.1.3.1"}, TcbComponent{"tee", 1, "1.3.6.1.4.1.3704.1.3.2"},
    TcbComponent{"spl4", 2, "1.3.6.1.4.1.3704.1.3.4"},       TcbComponent{"spl5", 3, "1.3.6.1.4.1.3704.1.3.5"},
    TcbComponent{"spl6", 4, "1.3.6.1.4.1.3704.1.3.6"},       TcbComponent{"spl7", 5, "1.3.6.1.4.1.3704.1.3.7"},
    TcbComponent{"snp", 6, "1.3.6.1.4.1.3704.1.3.3"},        TcbComponent{"microcode", 7, "1.3.6.1.4.1.3704.1.3.8"}};
constexpr std::array kTurinTcb{
    TcbComponent{"fmc", 0, "1.3.6.1.4.1.3704.1.3.9"}, TcbComponent{"bootloader", 1, "1.3.6.1.4.1.3704.1.3.1"},
    TcbComponent{"tee", 2, "1.3.6.1.4.1.3704.1.3.2"}, TcbComponent{"snp", 3, "1.3.6.1.4.1.3704.1.3.3"},
    TcbComponent{"microcode", 7, "1.3.6.1.4.1.3704.1.3.8"}};

Failure refuse(Fault fault, std::string_view code, std::string_view field, std::size_t at, const std::string& why) {
  return fail(fault, code,
              std::string(kReport.name) + ": " + std::string(field) + " at " + hex_offset(at) + ": " + why);
}

std::uint32_t signing_key_bits(std::uint32_t key_info) { return key_info >> 2 & 7; }

}  // namespace

std::string_view to_text(SigningKey key) {
  switch (key) {
    case SigningKey::vcek: return "VCEK";
    case SigningKey::vlek: return "VLEK";
    case SigningKey::none: return "none";
  }
  return {};
}

std::string_view to_text(Line line) {
  switch (line) {
    case Line::milan: return "Milan";
    case Line::genoa: return "Genoa";
    case Line::turin: return "Turin";
  }
  return {};
}

std::optional<Line> line_of_cpu(std::uint8_t family, std::uint8_t model) {
  if (family == 0x19 && model <= 0x0f) return Line::milan;
  if (family == 0x19 && ((model >= 0x10 && model <= 0x1f) || (model >= 0xa0 && model <= 0xaf))) return Line::genoa;
  if (family == 0x1a && model <= 0x11) return Line::turin;
  return std::nullopt;
}

std::span<const TcbComponent> tcb_components(Line line) {
  if (line == Line::turin) return kTurinTcb;
  return kEarlierTcb;
}

std::string describe_tcb(Line line, Tcb tcb) {
  const auto components = tcb_components(line);
  std::string out;
  const auto add = [&](const std::string& item) { out += (out.empty() ? "" : ", ") + item; };
  for (const TcbComponent& c : components)
    if (tcb[c.at] != 0 || !c.name.starts_with("spl")) add(std::string(c.name) + " " + std::to_string(tcb[c.at]));
  for (std::size_t i = 0; i < tcb.size(); i++)
    if (tcb[i] != 0 && std::ranges::find(components, i, &TcbComponent::at) == components.end())
      add("byte " + std::to_string(i) + " is " + std::to_string(tcb[i]));
  return out;
}

bool looks_like_report(ByteView bytes) {
  if (bytes.size() == kReport.size) return true;
  constexpr Field policy = field_of<kReport, "policy">(), algorithm = field_of<kReport, "signature_algo">();
  if (bytes.size() < algorithm.offset + algorithm.size) return false;
  const auto version = load_le<std::uint32_t>(bytes);
  return version >= 1 && version <= 0xff &&
         load_le<std::uint32_t>(bytes.subspan(algorithm.offset)) == kEcdsaP384Sha384 &&
         (load_le<std::uint64_t>(bytes.subspan(policy.offset)) & kPolicyMustBeOne) != 0 &&
         load_le<std::uint64_t>(bytes.subspan(policy.offset)) >> 32 == 0;
}

Result<Report> parse_report(ByteView bytes) {
  if (bytes.size() != kReport.size)
    return fail(Fault::format, "snp.size",
                std::string(kReport.name) + ": has " + std::to_string(bytes.size()) + " bytes, " +
                    std::to_string(kReport.size) + " wanted");
  const auto version = load_le<std::uint32_t>(bytes);
  if (version < kMinVersion || version > kMaxVersion)
    return refuse(Fault::unsupported, "snp.version", "version", 0,
                  "is " + std::to_string(version) + ", " + std::to_string(kMinVersion) + " to " +
                      std::to_string(kMaxVersion) + " are known");
  constexpr Field algorithm = field_of<kReport, "signature_algo">();
  if (const auto n = load_le<std::uint32_t>(bytes.subspan(algorithm.offset)); n != kEcdsaP384Sha384)
    return refuse(Fault::unsupported, "snp.sig_algo", algorithm.name, algorithm.offset,
                  "is " + std::to_string(n) + ", 1 (ECDSA P-384 with SHA-384) wanted");
  auto parsed = Record<kReport>::parse(bytes);
  if (!parsed) return fail(Fault::format, "snp.reserved", parsed.error().what);
  const Report& report = *parsed;

  constexpr Field cpuid = field_of<kReport, "cpuid_family">(), mitigations = field_of<kReport, "launch_mit_vector">();
  if (version < 3 && !all_zero(bytes.subspan(cpuid.offset, 3)))
    return refuse(Fault::format, "snp.reserved", cpuid.name, cpuid.offset, "is not zero in version 2");
  if (version < 5 && !all_zero(bytes.subspan(mitigations.offset, 16)))
    return refuse(Fault::format, "snp.reserved", mitigations.name, mitigations.offset,
                  "is not zero in version " + std::to_string(version));
  constexpr Field policy = field_of<kReport, "policy">(), key = field_of<kReport, "key_info">();
  if ((report.num<"policy">() & kPolicyMustBeOne) == 0)
    return refuse(Fault::format, "snp.policy", policy.name, policy.offset, "bit 17 is not one");
  const auto info = report.num<"key_info">();
  if (info >> 5 != 0)
    return refuse(Fault::format, "snp.reserved", key.name, key.offset,
                  "is " + hex_offset(info) + ", five bits allowed");
  if (const auto bits = signing_key_bits(info); bits > 1 && bits != 7)
    return refuse(Fault::unsupported, "snp.signing_key", key.name, key.offset,
                  "SIGNING_KEY is " + std::to_string(bits) + "; 0 (VCEK), 1 (VLEK) and 7 (none) are known");
  return report;
}

KeyInfo key_info(const Report& report) {
  const auto info = report.num<"key_info">();
  return {(info & 1) != 0, (info & 2) != 0, static_cast<SigningKey>(signing_key_bits(info))};
}

std::optional<Line> line_of(const Report& report) {
  if (report.num<"version">() < 3) return std::nullopt;
  return line_of_cpu(report.num<"cpuid_family">(), report.num<"cpuid_model">());
}

bool chip_id_is_masked(const Report& report) { return all_zero(report.get<"chip_id">()); }

}  // namespace hallmark::snp
