#include "lib/tee/dcap/inspect.h"

#include <algorithm>

#include "lib/tee/dcap/pck.h"
#include "lib/tee/dcap/signature_data.h"

namespace hallmark::dcap {
namespace {

struct Bit {
  unsigned bit;
  std::string_view name;
};
// Intel SDM volume 3D, "ATTRIBUTES"; Intel TDX Module ABI Reference Specification, "ATTRIBUTES"
constexpr std::array kSgxBits{Bit{0, "INIT"},           Bit{1, "DEBUG"}, Bit{2, "MODE64BIT"}, Bit{4, "PROVISIONKEY"},
                              Bit{5, "EINITTOKEN_KEY"}, Bit{6, "CET"},   Bit{7, "KSS"},       Bit{10, "AEXNOTIFY"}};
constexpr std::array kTdBits{Bit{0, "DEBUG"}, Bit{27, "LASS"}, Bit{28, "SEPT_VE_DISABLE"}, Bit{29, "MIGRATABLE"},
                             Bit{30, "PKS"},  Bit{31, "KL"},   Bit{63, "PERFMON"}};

std::string bits_of(ByteView value, std::span<const Bit> names) {
  std::string out;
  for (unsigned bit = 0; bit < 8 * value.size(); bit++) {
    if ((value[bit / 8] >> (bit % 8) & 1) == 0) continue;
    const auto it = std::ranges::find(names, bit, &Bit::bit);
    out += (out.empty() ? "" : ", ") + (it == names.end() ? "bit " + std::to_string(bit) : std::string(it->name));
  }
  return out.empty() ? "none" : out;
}

std::string explain_header(std::string_view field, ByteView value) {
  if (field == "att_key_type") return value[0] == 2 ? "ECDSA with P-256" : "";
  if (field == "tee_type") return value[0] == 0 ? "SGX" : value[0] == 0x81 ? "TDX" : "";
  return {};
}

std::string explain_report(std::string_view field, ByteView value) {
  if (field == "attributes") return bits_of(value, kSgxBits);
  if (field == "td_attributes") return bits_of(value, kTdBits);
  return {};
}

InspectedRecord bytes_record(std::string name, std::uint64_t offset, ByteView bytes) {
  return {std::move(name), offset, bytes.size(), {{"bytes", offset, bytes.size(), to_hex(bytes), {}}}};
}

// What the PCK certificate says of the platform; nothing where the quote does not carry a readable one.
std::optional<InspectedRecord> platform_record(const SignatureData& data) {
  if (data.cert_type != CertType::pck_chain && data.cert_type != CertType::pck_leaf) return std::nullopt;
  const auto chain = parse_certificates(data.cert_data, "PCK chain", 3);
  if (!chain) return std::nullopt;
  const auto value = chain->front().extension(kSgxExtension);
  if (!value) return std::nullopt;
  const auto pck = parse_pck_extension(*value);
  if (!pck) return std::nullopt;
  InspectedRecord out{"pck_certificate", 0, 0, {}};
  const auto add = [&](std::string name, std::string text, std::string meaning = {}) {
    out.fields.push_back({std::move(name), 0, 0, std::move(text), std::move(meaning)});
  };
  add("serial", to_hex(chain->front().serial()));
  add("not_before", format_time(chain->front().not_before()));
  add("not_after", format_time(chain->front().not_after()));
  if (chain->size() > 1) add("issuer", "", (*chain)[1].subject());
  add("ppid", to_hex(pck->ppid));
  add("fmspc", to_hex(pck->fmspc));
  add("pceid", to_hex(pck->pceid));
  add("components", to_hex(pck->components));
  add("pcesvn", std::to_string(pck->pcesvn));
  add("cpusvn", to_hex(pck->cpusvn));
  constexpr std::array<std::string_view, 3> kTypes{"standard", "scalable", "scalable with integrity"};
  add("sgx_type", std::to_string(pck->sgx_type), std::string(kTypes[pck->sgx_type]));
  if (pck->platform_instance_id) add("platform_instance_id", to_hex(*pck->platform_instance_id));
  for (const auto& [name, flag] :
       {std::pair{"dynamic_platform", pck->dynamic_platform}, std::pair{"cached_keys", pck->cached_keys},
        std::pair{"smt_enabled", pck->smt_enabled}})
    if (flag) add(name, *flag ? "true" : "false");
  return out;
}

}  // namespace

Result<Inspection> inspect_quote(ByteView bytes) {
  TRY(const Quote quote, parse_quote(bytes, Trailing::anything));
  TRY(const SignatureData data, parse_signature_data(quote));
  const auto offset = [&](ByteView part) { return static_cast<std::uint64_t>(part.data() - bytes.data()); };
  Inspection out{quote.is_td() ? "intel-tdx" : "intel-sgx", quote.is_td() ? "tdx-quote" : "sgx-quote", {}};
  out.records.push_back(inspect_record<kQuoteHeader>("header", 0, quote.header, explain_header));
  if (quote.is_td()) {
    out.records.push_back(inspect_record<kTdReport10>("td_report", quote.body_offset,
                                                      quote.body.first(kTdReport10.size), explain_report));
    if (const auto more = quote.td15())
      out.records.push_back(
          inspect_record<kTdReport15>("td_report_1_5", offset(more->bytes()), more->bytes(), explain_report));
    if (const auto more = quote.td15ex())
      out.records.push_back(
          inspect_record<kTdReport15Ex>("td_report_1_5_ex", offset(more->bytes()), more->bytes(), explain_report));
  } else {
    out.records.push_back(inspect_record<kSgxReport>("report", quote.body_offset, quote.body, explain_report));
  }
  out.records.push_back(bytes_record("signature", offset(data.signature), data.signature));
  out.records.push_back(bytes_record("attestation_key", offset(data.attestation_key), data.attestation_key));
  out.records.push_back(
      inspect_record<kSgxReport>("qe_report", offset(data.qe_report), data.qe_report, explain_report));
  out.records.push_back(
      bytes_record("qe_report_signature", offset(data.qe_report_signature), data.qe_report_signature));
  if (!data.qe_auth.empty()) out.records.push_back(bytes_record("qe_auth", offset(data.qe_auth), data.qe_auth));
  InspectedRecord certification{"certification_data", offset(data.cert_data), data.cert_data.size(), {}};
  certification.fields.push_back({"type", offset(data.cert_data) - 6, 2,
                                  std::to_string(static_cast<unsigned>(data.cert_type)),
                                  data.cert_type == CertType::pck_chain ? "PCK certificate chain in PEM" : ""});
  out.records.push_back(std::move(certification));
  if (auto platform = platform_record(data)) out.records.push_back(*std::move(platform));
  return out;
}

}  // namespace hallmark::dcap
