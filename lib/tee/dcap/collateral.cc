#include "lib/tee/dcap/collateral.h"

#include <algorithm>
#include <array>
#include <mutex>

namespace hallmark::dcap {
namespace {

constexpr std::size_t kMaxChain = 3;

// SHA-256 of the SubjectPublicKeyInfo of "Intel SGX Root CA": the key 04 0ba9c4c0…4ae7394 on P-256, which Intel
// publishes as Intel_SGX_Provisioning_Certification_RootCA.cer.
constexpr std::string_view kIntelRoot = "a0af031289f5d5d4132f9186068a7fc13628633ba235777472e29b6b6c67a49e";

// SHA-256 of that file.
constexpr std::string_view kIntelRootCertificate = "44a0196b2b99f889b8e149e95b807a350e7424964399e885a7cbb8ccfab674d3";

// Text of a JSON object in which one of these stands.
bool is_object_with(ByteView bytes, std::initializer_list<std::string_view> keys) {
  const std::string_view text = as_text(bytes);
  const auto start = text.find_first_not_of(" \t\r\n");
  return start != text.npos && text[start] == '{' &&
         std::ranges::any_of(keys, [&](std::string_view key) { return text.find(key) != text.npos; });
}

template <class T>
Status set_once(std::optional<T>& slot, T value, const std::string& name, std::string_view what) {
  if (slot) return fail(Fault::usage, name + ": is a second " + std::string(what));
  slot = std::move(value);
  return {};
}

// What has been read of the parts, whichever file they stood in.
struct Parts {
  std::optional<std::string> tcb_info, qe_identity;
  std::optional<Bytes> tcb_info_signature, qe_identity_signature;
  std::optional<std::vector<Certificate>> tcb_info_chain, qe_identity_chain, pck_crl_chain, pck_chain;
  std::optional<RevocationList> root_crl, pck_crl;
};

Result<Bytes> signature_from_hex(const Json& value, const std::string& name) {
  if (!value.is_string()) return fail(Fault::format, name + ": is no text");
  TRY(Bytes out, in(name, from_hex(value.string())));
  if (out.size() != 64) return fail(Fault::format, name + ": has " + std::to_string(out.size()) + " bytes, 64 wanted");
  return out;
}

// The members of sgx_ql_qve_collateral_t, under the names that Intel's libraries give them.
Status read_bundle(const Json& json, const std::string& name, Parts& out) {
  const auto text = [&](const char* key) -> const std::string* {
    const Json* value = json.find(key);
    return value != nullptr && value->is_string() ? &value->string() : nullptr;
  };
  for (const auto& [key, document, signature] :
       {std::tuple{"tcb_info", &out.tcb_info, &out.tcb_info_signature},
        std::tuple{"qe_identity", &out.qe_identity, &out.qe_identity_signature}}) {
    const std::string* content = text(key);
    if (content == nullptr) continue;
    CHECK(set_once(*document, *content, name, key));
    const std::string signed_by = std::string(key) + "_signature";
    const Json* value = json.find(signed_by);
    if (value == nullptr) return fail(Fault::format, name + ": has no \"" + signed_by + "\"");
    TRY(Bytes bytes, signature_from_hex(*value, name + ": " + signed_by));
    *signature = std::move(bytes);
  }
  for (const auto& [key, chain] :
       {std::pair{"tcb_info_issuer_chain", &out.tcb_info_chain},
        std::pair{"qe_identity_issuer_chain", &out.qe_identity_chain},
        std::pair{"pck_crl_issuer_chain", &out.pck_crl_chain}, std::pair{"pck_certificate_chain", &out.pck_chain}}) {
    const std::string* pem = text(key);
    if (pem == nullptr || pem->empty()) continue;
    TRY(std::vector<Certificate> certificates, parse_certificates(as_bytes(*pem), name + ": " + key, kMaxChain));
    CHECK(set_once(*chain, std::move(certificates), name, key));
  }
  for (const auto& [key, list] : {std::pair{"root_ca_crl", &out.root_crl}, std::pair{"pck_crl", &out.pck_crl}}) {
    const std::string* crl = text(key);
    if (crl == nullptr) continue;
    TRY(RevocationList parsed, RevocationList::parse(as_bytes(*crl), name + ": " + key));
    CHECK(set_once(*list, std::move(parsed), name, key));
  }
  return {};
}

// An answer of Intel's service: the signature covers the inner object as it was served.
Status read_response(std::string_view text, const Json& json, const std::string& name, Parts& out) {
  const bool tcb = json.find("tcbInfo") != nullptr;
  const Json* signature = json.find("signature");
  if (signature == nullptr) return fail(Fault::format, name + ": has no \"signature\"");
  TRY(Bytes bytes, signature_from_hex(*signature, name + ": signature"));
  const auto document = member_text(text, tcb ? "tcbInfo" : "enclaveIdentity");
  if (!document) return fail(Fault::format, name + ": spells a name with escapes");
  CHECK(set_once(tcb ? out.tcb_info : out.qe_identity, std::string(*document), name, tcb ? "TCB info" : "QE identity"));
  (tcb ? out.tcb_info_signature : out.qe_identity_signature) = std::move(bytes);
  return {};
}

Status read_chain(std::vector<Certificate> chain, const std::string& name, Parts& out) {
  const std::string leaf = chain.front().subject();
  if (leaf.find("TCB Signing") != leaf.npos) {
    if (!out.qe_identity_chain) out.qe_identity_chain = chain;
    return set_once(out.tcb_info_chain, std::move(chain), name, "chain of the TCB signer");
  }
  if (leaf.find("PCK Certificate") != leaf.npos) return set_once(out.pck_chain, std::move(chain), name, "PCK chain");
  return set_once(out.pck_crl_chain, std::move(chain), name, "chain of a PCK CA");
}

Status read_file(const Endorsement& file, Parts& out) {
  std::string_view text = as_text(file.bytes);
  if (const auto start = text.find_first_not_of(" \t\r\n"); start != text.npos && text[start] == '{') {
    TRY(const Json json, in(file.name, parse_json(text, {.bytes = kMaxEvidence})));
    if (json.find("tcbInfo") != nullptr || json.find("enclaveIdentity") != nullptr)
      return read_response(text, json, file.name, out);
    return read_bundle(json, file.name, out);
  }
  if (auto list = RevocationList::parse(file.bytes, file.name)) {
    // Which of the two it is, its issuer tells, once the chains are known; the root's own certificates are no PCK's.
    if (out.root_crl && out.pck_crl) return fail(Fault::usage, file.name + ": is a third revocation list");
    (out.pck_crl ? out.root_crl : out.pck_crl) = *std::move(list);
    return {};
  }
  auto chain = parse_certificates(file.bytes, file.name, kMaxChain);
  if (chain) return read_chain(*std::move(chain), file.name, out);
  return fail(Fault::format,
              file.name + ": is no collateral: neither Intel's JSON nor certificates or a revocation list");
}

// Which certificate of the root has been seen to sign itself: once is enough for its bytes, and Intel's own was seen
// when it was pinned.
AnchorSignature anchor_of(const Certificate& root, const Bytes& verified) {
  return root.der() == verified || root.sha256() == intel_root_certificate() ? AnchorSignature::verified
                                                                             : AnchorSignature::check;
}

bool same_chain(std::span<const Certificate> a, std::span<const Certificate> b) {
  return std::ranges::equal(a, b, {}, &Certificate::der, &Certificate::der);
}

// Looks at documents at one time, and notes what it finds.
struct Examination {
  UnixTime at;
  std::int64_t grace;
  std::vector<Reason>& reasons;
  Validity& validity;
  std::vector<Expiry>& expiries;

  void dates(const std::string& code, const std::string& what, UnixTime issued, UnixTime next) {
    validity.narrow(what, issued, next + grace);
    expiries.push_back({what, next});
    if (at < issued)
      reasons.push_back({code + ".not_yet_valid", what + " was issued later", format_time(at), format_time(issued)});
    if (at > next + grace)
      reasons.push_back(
          {code + ".expired", what + " has expired: newer collateral is needed", format_time(next), format_time(at)});
  }

  void list(const std::string& code, const std::string& what, const std::optional<RevocationList>& crl,
            const Certificate& issuer) {
    if (!crl) return reasons.push_back({code + ".missing", what + " was not given"});
    if (!crl->issued_by(issuer)) return reasons.push_back({code + ".issuer", what + " is of another CA"});
    if (!crl->signed_by(issuer))
      return reasons.push_back({code + ".signature", what + ": its signature does not verify"});
    dates(code, what, crl->this_update(), crl->next_update());
  }
};

// Whether a document's chain is its signer and the root, and the signer signed it. `good` is a chain that was found to
// be good before, so that one which signed both documents is checked once.
bool check_signer(Examination& examination, const SignedDocument& document, std::string_view code,
                  const DigestOf<Alg::sha256>& root, const RevocationList* root_crl, std::span<const Certificate> good,
                  Bytes& verified_root) {
  const std::string family(code);
  const auto& chain = document.issuer_chain;
  const auto refuse = [&](Reason reason) {
    reason.code = family + reason.code;
    examination.reasons.push_back(std::move(reason));
    return false;
  };
  if (chain.size() != 2)
    return refuse(
        {".issuer_chain", "its issuer chain is not a signer and the root", std::to_string(chain.size()), "2"});
  if (chain.back().spki_sha256() != root)
    return refuse({".root_untrusted", "its issuer chain ends in another root than the trusted one",
                   to_hex(chain.back().spki_sha256()), to_hex(root)});
  if (const auto fault = same_chain(chain, good)
                             ? std::nullopt
                             : check_chain(chain, examination.at, anchor_of(chain.back(), verified_root)))
    return refuse({(fault->index == 0 ? ".signer." : ".root.") + std::string(to_text(fault->is)), fault->detail});
  verified_root = chain.back().der();
  if (chain.front().subject().find("SGX TCB Signing") == std::string::npos)
    return refuse({".signer.role", "was signed by a certificate that is not for that", chain.front().subject(),
                   "Intel SGX TCB Signing"});
  if (root_crl != nullptr && root_crl->lists(chain.front()))
    return refuse({".signer.revoked", "the signer's certificate is revoked"});
  for (const Certificate& certificate : chain)
    examination.validity.narrow(certificate.name(), certificate.not_before(), certificate.not_after());
  const auto key = chain.front().key();
  if (!key || !key->verify_ecdsa(as_bytes(document.text), document.signature))
    return refuse({".signature", "its signature does not verify"});
  return true;
}

}  // namespace

const DigestOf<Alg::sha256>& intel_root() {
  static const DigestOf<Alg::sha256> root = *digest_from_hex<Alg::sha256>(kIntelRoot);
  return root;
}

const DigestOf<Alg::sha256>& intel_root_certificate() {
  static const DigestOf<Alg::sha256> certificate = *digest_from_hex<Alg::sha256>(kIntelRootCertificate);
  return certificate;
}

bool is_bundle(ByteView bytes) { return is_object_with(bytes, {"\"tcb_info\""}); }

bool is_collateral_json(ByteView bytes) {
  return is_object_with(bytes, {"\"tcb_info\"", "\"tcbInfo\"", "\"enclaveIdentity\""});
}

Result<Collateral> read_collateral(std::span<const Endorsement> files) {
  Parts parts;
  for (const Endorsement& file : files) CHECK(read_file(file, parts));
  Collateral out;
  if (parts.tcb_info) out.tcb_info = {*std::move(parts.tcb_info), *std::move(parts.tcb_info_signature), {}};
  if (parts.qe_identity) out.qe_identity = {*std::move(parts.qe_identity), *std::move(parts.qe_identity_signature), {}};
  if (parts.tcb_info_chain) out.tcb_info.issuer_chain = *std::move(parts.tcb_info_chain);
  if (parts.qe_identity_chain) out.qe_identity.issuer_chain = *std::move(parts.qe_identity_chain);
  if (parts.pck_crl_chain) out.pck_crl_chain = *std::move(parts.pck_crl_chain);
  out.pck_chain = std::move(parts.pck_chain);
  out.root_crl = std::move(parts.root_crl);
  out.pck_crl = std::move(parts.pck_crl);
  // Two lists that came as files are told apart by who issued them.
  if (out.root_crl && out.pck_crl && !out.pck_crl_chain.empty() && out.root_crl->issued_by(out.pck_crl_chain.front()))
    std::swap(out.root_crl, out.pck_crl);
  return out;
}

struct VerifiedCollateral::KnownCas {
  struct Entry {
    Bytes ca, root;
    PckCa found;
  };
  static constexpr std::size_t kMost = 8;
  std::mutex mutex;
  std::vector<Entry> good;
};

PckCa VerifiedCollateral::check_pck_ca(const Certificate& ca, const Certificate& root, UnixTime at) const {
  const std::lock_guard lock(known_cas_->mutex);
  auto& good = known_cas_->good;
  for (const KnownCas::Entry& entry : good)
    if (entry.ca == ca.der() && entry.root == root.der() && entry.found.validity.from <= at &&
        at <= entry.found.validity.until)
      return entry.found;

  PckCa out;
  if (!ca.is_ca())
    out.fault = ChainFault{ChainFault::Is::not_a_ca, 0, ca.name() + ": issues certificates and is no CA"};
  else
    out.fault = check_chain(std::array{ca, root}, at, anchor_of(root, root_certificate_));
  if (out.fault) return out;
  for (const Certificate& certificate : {ca, root})
    out.validity.narrow(certificate.name(), certificate.not_before(), certificate.not_after());
  std::vector<Expiry> expiries;
  Examination{at, grace_, out.list, out.validity, expiries}.list("crl.pck", "the PCK revocation list",
                                                                 collateral_->pck_crl, ca);
  if (!expiries.empty()) out.list_expires = expiries.front();
  if (out.good()) {
    if (good.size() == KnownCas::kMost) good.erase(good.begin());
    good.push_back({ca.der(), root.der(), out});
  }
  return out;
}

VerifiedCollateral VerifiedCollateral::verify(std::shared_ptr<const Collateral> collateral, UnixTime at,
                                              const DigestOf<Alg::sha256>& root, std::int64_t grace) {
  VerifiedCollateral out;
  out.collateral_ = std::move(collateral);
  out.root_ = root;
  out.grace_ = grace;
  out.known_cas_ = std::make_shared<KnownCas>();
  const Collateral& c = *out.collateral_;
  auto& reasons = out.reasons_;
  Examination examination{at, grace, reasons, out.validity_, out.expiries_};

  const RevocationList* revoked = c.root_crl ? &*c.root_crl : nullptr;
  if (c.tcb_info.text.empty()) {
    reasons.push_back({"tcb_info.missing", "no TCB info was given"});
  } else if (check_signer(examination, c.tcb_info, "tcb_info", root, revoked, {}, out.root_certificate_)) {
    auto info = parse_tcb_info(c.tcb_info.text);
    if (!info) {
      reasons.push_back({"tcb_info.malformed", info.error().message()});
    } else {
      examination.dates("tcb_info", "the TCB info", info->issued, info->next_update);
      out.tcb_info_ = *std::move(info);
    }
  }
  // Any of the chains ends in the root's certificate.
  const Certificate* root_certificate = nullptr;
  for (const auto* chain : {&c.tcb_info.issuer_chain, &c.qe_identity.issuer_chain, &c.pck_crl_chain})
    if (!chain->empty() && chain->back().spki_sha256() == root) root_certificate = &chain->back();
  if (root_certificate != nullptr)
    examination.list("crl.root", "the root's revocation list", c.root_crl, *root_certificate);

  // Where the TCB info's chain was refused, the same chain is refused again, under its own name.
  const bool signer_is_good = out.tcb_info_.has_value();
  if (c.qe_identity.text.empty()) {
    reasons.push_back({"qe_identity.missing", "no QE identity was given"});
  } else if (check_signer(examination, c.qe_identity, "qe_identity", root, revoked,
                          signer_is_good ? std::span(c.tcb_info.issuer_chain) : std::span<const Certificate>(),
                          out.root_certificate_)) {
    auto identity = parse_qe_identity(c.qe_identity.text);
    if (!identity) {
      reasons.push_back({"qe_identity.malformed", identity.error().message()});
    } else {
      examination.dates("qe_identity", "the QE identity", identity->issued, identity->next_update);
      out.qe_identity_ = *std::move(identity);
    }
  }
  return out;
}

}  // namespace hallmark::dcap
