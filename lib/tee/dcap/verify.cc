#include "lib/tee/dcap/verify.h"

#include <algorithm>

namespace hallmark::dcap {
namespace {

constexpr std::size_t kPckChain = 3;  // PCK certificate, CA, root

// The PCK certificate's chain: the quote carries it, or the collateral does.
Result<std::vector<Certificate>> pck_chain(const SignatureData& data, const Collateral& collateral) {
  switch (data.cert_type) {
    case CertType::pck_chain: return parse_certificates(data.cert_data, "the PCK chain in the quote", kPckChain);
    case CertType::pck_leaf: {
      TRY(std::vector<Certificate> chain, parse_certificates(data.cert_data, "the PCK certificate in the quote", 1));
      chain.insert(chain.end(), collateral.pck_crl_chain.begin(), collateral.pck_crl_chain.end());
      return chain;
    }
    default:
      if (collateral.pck_chain) return *collateral.pck_chain;
      return fail(Fault::unsupported, "missing",
                  "the quote does not carry its PCK certificate (certification data type " +
                      std::to_string(static_cast<unsigned>(data.cert_type)) +
                      "), and the collateral has no pck_certificate_chain");
  }
}

std::string fault_code(const ChainFault& fault) {
  constexpr std::array<std::string_view, kPckChain> kRoles{"pck.leaf.", "pck.intermediate.", "pck.root."};
  return std::string(kRoles[std::min(fault.index, kRoles.size() - 1)]) + std::string(to_text(fault.is));
}

void append(std::vector<Reason>& to, const std::vector<Reason>& from) { to.insert(to.end(), from.begin(), from.end()); }

void note_grace(const Expiry& expiry, const VerifiedCollateral& collateral, UnixTime at, QuoteVerdict& out) {
  if (at > expiry.time && at <= expiry.time + collateral.grace()) out.lapsed.push_back(expiry);
}

// RFC 5280 to the trusted root, each with the role that it plays, none revoked.
void check_pck_chain(const std::vector<Certificate>& chain, const VerifiedCollateral& collateral, UnixTime at,
                     QuoteVerdict& out) {
  if (chain.size() != kPckChain)
    return out.reasons.push_back({"pck.chain", "the chain is not a PCK certificate, its CA and the root",
                                  std::to_string(chain.size()), std::to_string(kPckChain)});
  const Certificate &leaf = chain[0], &ca = chain[1], &root = chain[2];
  if (root.spki_sha256() != collateral.root())
    return out.reasons.push_back({"pck.root_untrusted", "the PCK chain ends in another root than the trusted one",
                                  to_hex(root.spki_sha256()), to_hex(collateral.root())});
  const PckCa issuer = collateral.check_pck_ca(ca, root, at);
  auto fault = issuer.fault;
  if (fault)
    fault->index++;
  else
    fault = check_issued(leaf, ca, at);
  if (fault) return out.reasons.push_back({fault_code(*fault), fault->detail});
  out.validity.narrow(leaf.name(), leaf.not_before(), leaf.not_after());
  out.validity.narrow(issuer.validity);
  if (leaf.subject().find("SGX PCK Certificate") == std::string::npos)
    return out.reasons.push_back(
        {"pck.leaf.role", "the certificate is not for a platform", leaf.subject(), "Intel SGX PCK Certificate"});
  out.pck_ca = ca.subject();

  append(out.reasons, issuer.list);
  if (issuer.list_expires) note_grace(*issuer.list_expires, collateral, at, out);
  const auto& crl = collateral.collateral().pck_crl;
  if (crl && crl->lists(leaf))
    out.reasons.push_back({"pck.leaf.revoked", "Intel has revoked the certificate of this platform"});
  if (const auto& root_crl = collateral.collateral().root_crl; root_crl && root_crl->lists(ca))
    out.reasons.push_back({"pck.intermediate.revoked", "the CA of the PCK certificate is revoked"});
}

// The collateral must be about this platform and this kind of quote.
void check_subject(const Quote& quote, const PckExtension& pck, const VerifiedCollateral& collateral,
                   std::vector<Reason>& reasons) {
  const TcbInfo& info = collateral.tcb_info();
  const QeIdentity& identity = collateral.qe_identity();
  const auto name = [](bool tdx) { return tdx ? "TDX" : "SGX"; };
  if (info.tdx != quote.is_td())
    reasons.push_back({"tcb_info.id_mismatch", "the TCB info is for another TEE", name(info.tdx), name(quote.is_td())});
  if (identity.tdx != quote.is_td())
    reasons.push_back({"qe_identity.id_mismatch", "the QE identity is for another TEE", identity.tdx ? "TD_QE" : "QE",
                       quote.is_td() ? "TD_QE" : "QE"});
  if (info.fmspc != pck.fmspc)
    reasons.push_back({"tcb_info.fmspc_mismatch", "the TCB info is for another family of platforms", to_hex(info.fmspc),
                       to_hex(pck.fmspc)});
  if (info.pceid != pck.pceid)
    reasons.push_back(
        {"tcb_info.pceid_mismatch", "the TCB info is for another PCE", to_hex(info.pceid), to_hex(pck.pceid)});
}

// The PCK key signed the quoting enclave's report, and the report names the attestation key:
// REPORTDATA = SHA-256(attestation key || authentication data) || 32 zeros
void check_qe_report(const SignatureData& data, const Certificate& pck, std::vector<Reason>& reasons) {
  const auto key = pck.key();
  if (!key || !key->verify_ecdsa(data.qe_report, data.qe_report_signature))
    reasons.push_back({"qe_report.signature", "the platform did not sign the quoting enclave's report"});
  const auto bound = Hasher<Alg::sha256>().add(data.attestation_key).add(data.qe_auth).finish();
  const auto report_data = data.qe().get<"report_data">();
  if (!std::ranges::equal(report_data.first<32>(), bound) ||
      std::ranges::any_of(report_data.last<32>(), [](auto c) { return c != 0; }))
    reasons.push_back({"qe_report.report_data", "the quoting enclave's report is not about the attestation key",
                       to_hex(report_data), to_hex(bound) + std::string(64, '0')});
}

void check_signature(const Quote& quote, const SignatureData& data, std::vector<Reason>& reasons) {
  const auto key =
      VerifyingKey::p256(std::span<const std::uint8_t, 64>(data.attestation_key.data(), data.attestation_key.size()));
  if (!key) return reasons.push_back({"quote.attestation_key", "the attestation key is no point of P-256"});
  if (!key->verify_ecdsa(quote.signed_part, data.signature))
    reasons.push_back({"quote.signature", "the attestation key did not sign this quote"});
}

}  // namespace

TcbInputs tcb_inputs(const Quote& quote, const SignatureData& data, const PckExtension& pck) {
  TcbInputs out{.pck = pck, .qe_isvsvn = data.qe().num<"isv_svn">()};
  if (!quote.is_td()) return out;
  std::ranges::copy(quote.td_report().get<"tee_tcb_svn">(), out.tee_tcb_svn.emplace().begin());
  if (const auto more = quote.td15())
    std::ranges::copy(more->get<"tee_tcb_svn2">(), out.tee_tcb_svn2.emplace().begin());
  return out;
}

QuoteVerdict verify_quote(const Quote& quote, const SignatureData& data, const VerifiedCollateral& collateral,
                          UnixTime at) {
  QuoteVerdict out;
  out.validity = collateral.validity();
  for (const Expiry& expiry : collateral.expiries()) note_grace(expiry, collateral, at, out);
  const auto chain = pck_chain(data, collateral.collateral());
  if (!chain) {
    out.reasons.push_back(
        {"pck." + (chain.error().code.empty() ? "malformed" : chain.error().code), chain.error().message()});
    append(out.reasons, collateral.reasons());
    return out;
  }
  check_pck_chain(*chain, collateral, at, out);
  append(out.reasons, collateral.reasons());
  const Validity& verified = collateral.validity();
  if (collateral.reasons().empty() && (at < verified.from || at > verified.until))
    out.reasons.push_back({"collateral.other_time", "the collateral was verified for other times", format_time(at),
                           format_time(verified.from) + " to " + format_time(verified.until)});

  if (const auto extension = chain->front().extension(kSgxExtension)) {
    auto pck = parse_pck_extension(*extension);
    if (pck)
      out.pck = *std::move(pck);
    else
      out.reasons.push_back({"pck.leaf.extension", pck.error().message()});
  } else {
    out.reasons.push_back({"pck.leaf.extension", "the PCK certificate lacks Intel's extension"});
  }
  check_qe_report(data, chain->front(), out.reasons);
  check_signature(quote, data, out.reasons);

  // What Intel says of the quoting enclave and of the module is believed only from good collateral.
  if (!out.pck || !collateral.reasons().empty()) return out;
  check_subject(quote, *out.pck, collateral, out.reasons);
  append(out.reasons, check_qe(collateral.qe_identity(), data.qe()));
  if (quote.is_td() && collateral.tcb_info().tdx)
    append(out.reasons, check_tdx_module(collateral.tcb_info(), quote.td_report()));
  // From here on the quote is authentic: its hardware's, and about what it says.
  if (out.reasons.empty())
    out.tcb = evaluate(collateral.tcb_info(), collateral.qe_identity(), tcb_inputs(quote, data, *out.pck));
  return out;
}

}  // namespace hallmark::dcap
