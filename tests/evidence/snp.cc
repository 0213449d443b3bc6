#include "tests/evidence/snp.h"

#include <algorithm>

namespace hallmark::made {
namespace {

Key key_of(const std::string& name) { return name == "rsa4096" ? Key::rsa4096() : Key::p384(name); }

// Authorities live longer than what they issue.
SnpCertificate authority(const std::string& subject, const std::string& issuer, const std::string& key,
                         std::int64_t serial) {
  SnpCertificate out{subject, issuer, key, "ark", true, serial};
  out.from -= 100 * kDay;
  out.until += 1000 * kDay;
  return out;
}

constexpr std::size_t kSignatureR = 672, kSignatureS = 744, kCurve = 48;

}  // namespace

Bytes SnpCertificate::der() const {
  CertificateSpec spec{.common_name = subject, .from = from, .until = until, .ca = ca, .serial = serial};
  for (const auto& [oid, value] : extensions) spec.extensions.emplace_back("1.3.6.1.4.1.3704.1." + oid, value);
  return make_certificate(spec, p256 ? Key::p256(key) : key_of(key), {issuer, key_of(issuer_key)});
}

SnpCertificate snp_ark(const std::string& line) { return authority("ARK-" + line, "ARK-" + line, "ark", 0x10000); }

SnpCertificate snp_ask(const std::string& subject, const std::string& line) {
  return authority(subject, "ARK-" + line, "ask", 0x10001);
}

SnpCertificate snp_vcek() {
  SnpCertificate out{"SEV-VCEK", "SEV-Milan", "vek", "ask", false, 0};
  out.extensions = {{"1", der_integer(1)},   {"2", der_ia5("Milan-B0")}, {"3.1", der_integer(3)},
                    {"3.2", der_integer(0)}, {"3.3", der_integer(8)},    {"3.8", der_integer(0xd1)},
                    {"4", snp_hwid(64)}};
  return out;
}

SnpCertificate snp_vcek_of_turin() {
  SnpCertificate out = snp_vcek();
  out.issuer = "SEV-Turin";
  out.extensions["2"] = der_ia5("Turin");
  out.extensions["3.9"] = der_integer(1);
  out.extensions["4"] = snp_hwid(8);
  return out;
}

SnpCertificate snp_vlek() {
  SnpCertificate out = snp_vcek();
  out.subject = "SEV-VLEK";
  out.issuer = "SEV-VLEK-Milan";
  out.extensions.erase("4");
  out.extensions["2"] = der_ia5("Milan");
  out.extensions["5"] = der_ia5("CN=cloud.example");
  return out;
}

Bytes SnpRevocationList::der() const {
  return make_revocation_list({issuer, key_of(issuer_key)}, from, until, serials);
}

Bytes snp_hwid(std::size_t size) {
  Bytes out(size);
  for (std::size_t i = 0; i < size; i++) out[i] = static_cast<std::uint8_t>(0xa0 + i);
  return out;
}

SnpReport::SnpReport() {
  fields.set<"version">(3).set<"policy">(0x30000).set<"signature_algo">(1).set<"platform_info">(0x25);
  fields.set<"guest_svn">(7).set<"cpuid_family">(0x19).set<"cpuid_model">(1).set<"cpuid_stepping">(1);
  fields.set<"current_build">(4).set<"current_minor">(52).set<"current_major">(1);
  fields.set<"committed_build">(4).set<"committed_minor">(52).set<"committed_major">(1);
  set_tcb(0xd108000000000003);
  set_chip(snp_hwid(64));
  fill<"measurement">(0x4d);
  fill<"report_data">(0x0d);
  fill<"host_data">(0x40);
}

SnpReport SnpReport::of_turin() {
  SnpReport out;
  out.fields.set<"version">(5).set<"cpuid_family">(0x1a).set<"cpuid_model">(2);
  out.fields.set<"launch_mit_vector">(3).set<"current_mit_vector">(7);
  out.set_tcb(0xd100000008000301);
  out.set_chip(snp_hwid(8));
  return out;
}

void SnpReport::set_tcb(std::uint64_t tcb) {
  fields.set<"current_tcb">(tcb).set<"reported_tcb">(tcb).set<"committed_tcb">(tcb).set<"launch_tcb">(tcb);
}

void SnpReport::set_chip(ByteView id) {
  std::array<std::uint8_t, 64> chip{};
  std::ranges::copy(id, chip.begin());
  fields.set<"chip_id">(chip);
}

Bytes SnpReport::bytes() const {
  Bytes out(fields.bytes().begin(), fields.bytes().end());
  if (!key) return out;
  const Bytes signature = Key::p384(*key).sign(ByteView(out).first(snp::kSignedSize));
  for (std::size_t i = 0; i < kCurve; i++) {
    out[kSignatureR + i] = signature[kCurve - 1 - i];
    out[kSignatureS + i] = signature[2 * kCurve - 1 - i];
  }
  return out;
}

Bytes der_ia5(std::string_view text) { return der(0x16, as_bytes(text)); }

Bytes pem_file(const std::vector<Bytes>& certificates) {
  std::string out;
  for (const Bytes& certificate : certificates) out += to_pem("CERTIFICATE", certificate);
  return {out.begin(), out.end()};
}

Bytes snp_table(const std::vector<std::pair<std::string, Bytes>>& parts) {
  Bytes out((parts.size() + 1) * 24);
  for (std::size_t i = 0; i < parts.size(); i++) {
    std::ranges::copy(*from_hex(parts[i].first), out.begin() + static_cast<std::ptrdiff_t>(24 * i));
    store_le(std::span(out).subspan(24 * i + 16), static_cast<std::uint32_t>(out.size()));
    store_le(std::span(out).subspan(24 * i + 20), static_cast<std::uint32_t>(parts[i].second.size()));
    out.insert(out.end(), parts[i].second.begin(), parts[i].second.end());
  }
  return out;
}

}  // namespace hallmark::made
