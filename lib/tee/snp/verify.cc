#include "lib/tee/snp/verify.h"

#include <algorithm>

#include "lib/formats/der.h"
#include "lib/tee/snp/certificate_table.h"

namespace hallmark::snp {
namespace {

// Of a file, and of all files together: bounds the signatures that a heap of certificates makes us check.
constexpr std::size_t kMaxCertificates = 64, kMaxLists = 16;

constexpr const char* kProductName = "1.3.6.1.4.1.3704.1.2";
constexpr const char* kHwid = "1.3.6.1.4.1.3704.1.4";
constexpr const char* kCspId = "1.3.6.1.4.1.3704.1.5";
constexpr std::size_t kHwidSize = 64, kHwidSizeOfTurin = 8;

// SHA-256 of the SubjectPublicKeyInfo of AMD's roots, from the certificates ARK-Milan (69d063b4...), ARK-Genoa
// (4c6598d1...) and ARK-Turin (1f084161...) of AMD's key distribution service. The certificates for VCEK and VLEK are
// the same.
struct Root {
  Line line;
  std::string_view spki;
};
constexpr std::array kRoots{Root{Line::milan, "9f056bee44377e29308cb5ffa895bdfb62d18881fa6bed8d6f075b0204089cb9"},
                            Root{Line::genoa, "429a69c9422aa258ee4d8db5fcda9c6470ef15f8cd5a9cebd6cbc7d90b863831"},
                            Root{Line::turin, "4f125410563a2ab9a50356f9243f6fe0b6f73de98603f53f90339c70e9d7ad08"}};

bool is_pinned(const Certificate& ark, Line line) {
  return std::ranges::find(kRoots, line, &Root::line)->spki == to_hex(ark.spki_sha256());
}

// "Milan-B0" is a Milan of stepping B0. The steppings in certificates are known to be wrong for some chips, and say
// nothing that matters here.
std::optional<Line> line_of_product(std::string_view product) {
  const std::string_view name = product.substr(0, product.find('-'));
  for (const Line line : {Line::milan, Line::genoa, Line::turin})
    if (name == to_text(line)) return line;
  if (name == "Bergamo" || name == "Siena") return Line::genoa;
  return std::nullopt;
}

std::string common_name_of_intermediate(Line line, SigningKey key) {
  return (key == SigningKey::vlek ? "SEV-VLEK-" : "SEV-") + std::string(to_text(line));
}

Result<std::string> read_text_extension(const Certificate& certificate, const char* oid, std::string_view field) {
  const auto value = certificate.extension(oid);
  if (!value)
    return fail(Fault::format, "vek.extension",
                certificate.name() + ": has no " + std::string(field) + " (" + oid + ")");
  der::Reader r(*value, certificate.name());
  std::string text(as_text(r.take(der::kIa5String, field)));
  if (std::ranges::any_of(text, [](char c) { return c < 0x20 || c > 0x7e; })) r.reject(field, "is not printable ASCII");
  return r.finish(std::move(text));
}

// The bytes stand in the extension as they are. One that wraps them as an OCTET STRING is taken as well.
Result<Bytes> read_hwid(const Certificate& certificate, std::size_t size) {
  const auto value = certificate.extension(kHwid);
  if (!value)
    return fail(Fault::format, "vek.extension", certificate.name() + ": has no HWID (" + std::string(kHwid) + ")");
  if (value->size() == size) return *value;
  der::Reader r(*value, certificate.name());
  const ByteView inner = r.take(der::kOctetString, "HWID");
  if (r.ok() && inner.size() != size)
    r.reject("HWID", "has " + std::to_string(inner.size()) + " bytes, " + std::to_string(size) + " wanted");
  return r.finish(Bytes(inner.begin(), inner.end()));
}

Result<std::array<std::uint8_t, 8>> read_tcb(const Certificate& certificate, Line line) {
  std::array<std::uint8_t, 8> out{};
  for (const TcbComponent& component : tcb_components(line)) {
    const auto value = certificate.extension(component.oid);
    if (!value) {
      // Reserved numbers may be left out.
      if (component.name.starts_with("spl")) continue;
      return fail(Fault::format, "vek.extension",
                  certificate.name() + ": has no " + std::string(component.name) + " (" + component.oid + ")");
    }
    der::Reader r(*value, certificate.name());
    const auto number = r.number(0xff, component.name);
    TRY(out[component.at], r.finish(static_cast<std::uint8_t>(number)));
  }
  return out;
}

Result<VekClaims> read_claims(const Certificate& certificate) {
  VekClaims out;
  out.kind = certificate.subject() == "SEV-VLEK" ? SigningKey::vlek : SigningKey::vcek;
  TRY(out.product, read_text_extension(certificate, kProductName, "productName"));
  out.line = line_of_product(out.product);
  if (!out.line) return out;
  TRY(out.tcb, read_tcb(certificate, *out.line));
  if (out.kind == SigningKey::vcek) {
    TRY(out.hwid, read_hwid(certificate, *out.line == Line::turin ? kHwidSizeOfTurin : kHwidSize));
  } else {
    TRY(out.csp, read_text_extension(certificate, kCspId, "CSP_ID"));
    if (certificate.extension(kHwid))
      return fail(Fault::format, "vek.extension", certificate.name() + ": is for a VLEK, and has an HWID");
  }
  return out;
}

// 56860, table "ECDSA P-384 with SHA-384 Signature": R and S little-endian in 72 bytes each. Nothing where one of them
// has more than the curve's 48 bytes.
std::optional<std::array<std::uint8_t, 96>> signature_of(const Report& report) {
  std::array<std::uint8_t, 96> out{};
  auto to = out.begin();
  for (const ByteView number : {ByteView(report.get<"signature_r">()), ByteView(report.get<"signature_s">())}) {
    if (std::ranges::any_of(number.subspan(48), [](auto c) { return c != 0; })) return std::nullopt;
    to = std::reverse_copy(number.begin(), number.begin() + 48, to);
  }
  return out;
}

bool is_signed_by(const Report& report, const Certificate& vek) {
  const auto key = vek.key();
  const auto signature = signature_of(report);
  return key && signature && key->kind() == VerifyingKey::Kind::p384 &&
         key->verify_ecdsa(report.bytes().first(kSignedSize), *signature);
}

// On Turin an identifier of eight bytes stands in front of zeros.
bool is_chip(ByteView chip_id, ByteView hwid) {
  return hwid.size() <= chip_id.size() && std::ranges::equal(chip_id.first(hwid.size()), hwid) &&
         std::ranges::all_of(chip_id.subspan(hwid.size()), [](auto c) { return c == 0; });
}

bool tcb_equal(Tcb a, Tcb b) { return std::ranges::equal(a, b); }

class Verifier {
 public:
  Verifier(const Report& report, const Endorsements& endorsements, UnixTime at,
           const std::optional<Certificate>& anchor)
      : report_(report), endorsements_(endorsements), at_(at), anchor_(anchor), key_(key_info(report)) {}

  Verification run() {
    if (!choose_vek()) return std::move(out_);
    // INVARIANT: there is a certificate for a key that signs reports; nothing is known of it.
    out_.line = report_.num<"version">() < 3 ? line_of_vek() : line_of(report_);
    // The chain is the certificate's own matter; that it is of the report's processor is another question.
    if (const auto line = line_of_vek() ? line_of_vek() : out_.line) check_chain_and_revocation(*line);
    check_product();
    check_claims();
    check_signature();
    return std::move(out_);
  }

 private:
  void reason(std::string code, std::string detail, std::string have = {}, std::string need = {}) {
    out_.reasons.push_back({std::move(code), std::move(detail), std::move(have), std::move(need)});
  }

  SigningKey kind_of_vek() const { return out_.vek ? out_.vek->kind : key_.signing_key; }
  std::optional<Line> line_of_vek() const { return out_.vek ? out_.vek->line : std::nullopt; }

  // Several chips' certificates may have come, or one chip's for several versions of its firmware. The best is taken,
  // and held to everything.
  bool choose_vek() {
    if (key_.signing_key == SigningKey::none) {
      reason("snp.unsigned", "the report says that no key signed it");
      return false;
    }
    int best = -1;
    for (const Certificate& certificate : endorsements_.certificates) {
      if (!is_vek(certificate)) continue;
      const auto claims = parse_vek(certificate);
      const bool is_signed = is_signed_by(report_, certificate);
      int score = is_signed ? 4 : 0;
      if (claims && claims->kind == key_.signing_key) score += 8;
      if (claims && !claims->hwid.empty() && is_chip(report_.get<"chip_id">(), claims->hwid)) score += 2;
      if (claims && tcb_equal(claims->tcb, report_.get<"reported_tcb">())) score += 1;
      if (score <= best) continue;
      best = score;
      vek_ = &certificate;
      signed_by_vek_ = is_signed;
    }
    if (vek_ == nullptr) {
      const std::string kind(to_text(key_.signing_key));
      reason("snp.vek_missing", "no certificate for a " + kind + " was given, whose key signed the report", "none",
             kind);
      return false;
    }
    auto claims = parse_vek(*vek_);
    if (claims)
      out_.vek = *std::move(claims);
    else
      out_.reasons.push_back(reason_of(claims.error()));
    return true;
  }

  void check_product() {
    if (out_.line && out_.vek && line_of_vek() != out_.line) {
      reason("snp.product", "the report is of a processor of another line than the certificate of its key",
             out_.vek->product, std::string(to_text(*out_.line)));
    } else if (!out_.line && report_.num<"version">() >= 3) {
      reason("snp.product", "CPUID family " + hex_offset(report_.num<"cpuid_family">()) + ", model " +
                                hex_offset(report_.num<"cpuid_model">()) + ": is no processor that is known");
    } else if (!out_.line && out_.vek) {
      reason("snp.product", vek_->name() + ": is for a product that is not known: " + out_.vek->product);
    }
  }

  // The certificate of AMD's root for this line; one that is not AMD's only if there is no other.
  const Certificate* find_ark(Line line) {
    if (anchor_) return &*anchor_;
    const Certificate* any = nullptr;
    for (const Certificate& certificate : endorsements_.certificates) {
      if (is_pinned(certificate, line)) return &certificate;
      if (any == nullptr && certificate.subject() == "ARK-" + std::string(to_text(line))) any = &certificate;
    }
    if (any == nullptr)
      reason("ark.missing", "no certificate of the root ARK-" + std::string(to_text(line)) + " was given");
    else
      reason("ark.not_pinned", any->name() + ": is not AMD's root: its public key is another",
             to_hex(any->spki_sha256()), std::string(std::ranges::find(kRoots, line, &Root::line)->spki));
    return any;
  }

  // Nothing for a good chain.
  std::optional<Reason> chain_fault(const Certificate& ask, const Certificate& ark) const {
    const std::array<Certificate, 3> chain{*vek_, ask, ark};
    const auto fault = check_chain(chain, at_);
    if (!fault) return std::nullopt;
    static constexpr std::array<std::string_view, 3> kRoles{"vek", "ask", "ark"};
    return Reason{std::string(kRoles.at(fault->index)) + "." + std::string(to_text(fault->is)), fault->detail};
  }

  void check_chain_and_revocation(Line line) {
    const std::string name = common_name_of_intermediate(line, kind_of_vek());
    const Certificate* ark = find_ark(line);
    if (ark == nullptr) return;
    // Of several with the name, one that leads to the root.
    const Certificate* ask = nullptr;
    std::optional<Reason> fault;
    for (const Certificate& certificate : endorsements_.certificates) {
      if (certificate.subject() != name) continue;
      auto found = chain_fault(certificate, *ark);
      if (ask != nullptr && found) continue;
      fault = std::move(found);
      ask = &certificate;
      if (!fault) break;
    }
    if (ask == nullptr) {
      reason("ask.missing", "no certificate of the intermediate " + name + " was given", "none", name);
      return;
    }
    if (fault) out_.reasons.push_back(*std::move(fault));
    narrow("the certificate of the " + std::string(to_text(kind_of_vek())), *vek_);
    narrow("the certificate of " + name, *ask);
    narrow("the certificate of the root", *ark);
    check_revocation(*ask, *ark);
  }

  void narrow(const std::string& what, const Certificate& certificate) {
    out_.validity.narrow(what, certificate.not_before(), certificate.not_after());
  }

  // The root's list names intermediates. AMD revokes no VCEK: a newer version of the firmware takes its place. Lists of
  // others are for other evidence, and say nothing here.
  void check_revocation(const Certificate& ask, const Certificate& ark) {
    for (const RevocationList& list : endorsements_.lists) {
      if (!list.issued_by(ark)) continue;
      out_.revocation_checked = true;
      if (!list.signed_by(ark)) {
        reason("crl.signature", "the revocation list is not signed by " + ark.subject());
        continue;
      }
      if (at_ < list.this_update())
        reason("crl.not_yet_valid", "the revocation list is of a later time than " + format_time(at_), format_time(at_),
               format_time(list.this_update()));
      if (at_ > list.next_update())
        reason("crl.expired", "the revocation list should have been renewed before " + format_time(at_),
               format_time(list.next_update()), format_time(at_));
      out_.validity.narrow("the revocation list", list.this_update(), list.next_update());
      if (list.lists(ask)) reason("ask.revoked", ask.name() + ": is revoked");
      if (list.lists(ark)) reason("ark.revoked", ark.name() + ": is revoked");
    }
  }

  void check_claims() {
    if (!out_.vek) return;
    const VekClaims& vek = *out_.vek;
    if (vek.kind != key_.signing_key)
      reason("snp.signing_key", "the report was signed by a key of another kind than the certificate's",
             std::string(to_text(vek.kind)), std::string(to_text(key_.signing_key)));
    if (!out_.line || vek.line != out_.line) return;

    const Line line = *out_.line;
    const Tcb reported = report_.get<"reported_tcb">(), committed = report_.get<"committed_tcb">(),
              current = report_.get<"current_tcb">();
    if (!tcb_equal(reported, vek.tcb))
      reason("snp.tcb_mismatch", "the certificate is for another version of the firmware than REPORTED_TCB",
             describe_tcb(line, vek.tcb), describe_tcb(line, reported));
    check_order("REPORTED_TCB", reported, "COMMITTED_TCB", committed);
    check_order("COMMITTED_TCB", committed, "CURRENT_TCB", current);
    // A host may mask CHIP_ID (SNP_CONFIG, MASK_CHIP_ID): then it is zeros, and only the certificate tells the chip.
    if (vek.kind == SigningKey::vcek && !chip_id_is_masked(report_) && !is_chip(report_.get<"chip_id">(), vek.hwid))
      reason("snp.chip_id", "the certificate is for another chip than the report's", to_hex(vek.hwid),
             to_hex(report_.get<"chip_id">()));
  }

  void check_order(std::string_view low_name, Tcb low, std::string_view high_name, Tcb high) {
    for (std::size_t i = 0; i < low.size(); i++) {
      if (low[i] <= high[i]) continue;
      reason("snp.tcb_order", std::string(low_name) + " is above " + std::string(high_name),
             describe_tcb(*out_.line, low), describe_tcb(*out_.line, high));
      return;
    }
  }

  void check_signature() {
    const auto key = vek_->key();
    if (!key || key->kind() != VerifyingKey::Kind::p384) {
      reason("vek.key", vek_->name() + ": its key is none of P-384");
      return;
    }
    if (signed_by_vek_) return;
    // 56860 section 3.6: with MASK_CHIP_KEY the chip's key signs nothing.
    const auto signature = signature_of(report_);
    const bool absent = signature && std::ranges::all_of(*signature, [](auto c) { return c == 0; });
    reason("snp.signature", absent ? "the report carries zeros in the place of a signature"
                                   : "the signature of the report is not by the key of " + vek_->name());
  }

  const Report& report_;
  const Endorsements& endorsements_;
  const UnixTime at_;
  const std::optional<Certificate>& anchor_;
  const KeyInfo key_;
  const Certificate* vek_ = nullptr;
  bool signed_by_vek_ = false;
  Verification out_;
};

Status add_one(ByteView bytes, const std::string& name, Endorsements& into) {
  auto certificates = parse_certificates(bytes, name, kMaxCertificates);
  if (certificates) {
    if (into.certificates.size() + certificates->size() > kMaxCertificates)
      return fail(Fault::usage, name + ": more than " + std::to_string(kMaxCertificates) + " certificates were given");
    std::ranges::move(*certificates, std::back_inserter(into.certificates));
    return {};
  }
  auto list = RevocationList::parse(bytes, name);
  if (!list) {
    // A list in DER and a certificate in DER begin alike; text tells which of the two it was to be.
    if (as_text(bytes).find("BEGIN CERTIFICATE") != std::string_view::npos) return Failure(certificates.error());
    return fail(Fault::format, name + ": is neither certificates, a revocation list nor a host's certificate table");
  }
  if (into.lists.size() == kMaxLists)
    return fail(Fault::usage, name + ": more than " + std::to_string(kMaxLists) + " revocation lists were given");
  into.lists.push_back(*std::move(list));
  return {};
}

}  // namespace

Status add_endorsement(ByteView bytes, const std::string& name, Endorsements& into) {
  if (!is_certificate_table(bytes)) return add_one(bytes, name, into);
  TRY(const auto parts, in(name, parse_certificate_table(bytes)));
  for (const TablePart& part : parts)
    if (part.entry != TableEntry::other) CHECK(add_one(part.bytes, name, into));
  return {};
}

bool is_vek(const Certificate& certificate) {
  const std::string name = certificate.subject();
  return name == "SEV-VCEK" || name == "SEV-VLEK";
}

Result<VekClaims> parse_vek(const Certificate& certificate) {
  auto out = read_claims(certificate);
  if (!out) out.error().code = "vek.extension";
  return out;
}

Verification verify_report(const Report& report, const Endorsements& endorsements, UnixTime at,
                           const std::optional<Certificate>& anchor) {
  return Verifier(report, endorsements, at, anchor).run();
}

}  // namespace hallmark::snp
