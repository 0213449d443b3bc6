#include "lib/tee/dcap/service.h"

#include "lib/tee/dcap/signature_data.h"

namespace hallmark::dcap {
namespace {

// RFC 3986 section 2.1; services write a space as "%20" or as "+".
Result<std::string> url_decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); i++) {
    if (text[i] != '%') {
      out += text[i] == '+' ? ' ' : text[i];
      continue;
    }
    const auto byte = from_hex(text.substr(std::min(i + 1, text.size()), 2));
    if (!byte || byte->size() != 1) return fail(Fault::format, "the issuer chain is not URL-encoded text");
    out += static_cast<char>(byte->front());
    i += 2;
  }
  return out;
}

// A chain in base64 has '+' in it, which the decoding above takes for a space: such services encode the '+' itself.
Result<std::string> chain_of(const ServiceAnswer& answer, const std::string& url) {
  if (answer.issuer_chain.empty()) return fail(Fault::format, url + ": answered without its issuer chain");
  TRY(std::string pem, in(url, url_decoded(answer.issuer_chain)));
  TRY(const auto certificates, parse_certificates(as_bytes(pem), url + ": issuer chain", 3));
  (void)certificates;
  return pem;
}

struct Part {
  std::string document, signature, chain;
};

// {"tcbInfo": …, "signature": …}
Result<Part> signed_part(const Ask& ask, const std::string& url, const std::string& header, const char* member) {
  TRY(const ServiceAnswer answer, ask(url, header));
  const std::string_view text = as_text(answer.body);
  TRY(const Json json, in(url, parse_json(text, {.bytes = kMaxEvidence})));
  const auto document = member_text(text, member);
  const Json* signature = json.find("signature");
  if (!document || signature == nullptr || !signature->is_string())
    return fail(Fault::format, url + ": the answer has no \"" + member + "\" with a signature");
  TRY(std::string chain, chain_of(answer, url));
  return Part{std::string(*document), signature->string(), std::move(chain)};
}

}  // namespace

Result<Platform> platform_of(ByteView bytes) {
  TRY(const Quote quote, parse_quote(bytes, Trailing::anything));
  TRY(const SignatureData data, parse_signature_data(quote));
  if (data.cert_type != CertType::pck_chain && data.cert_type != CertType::pck_leaf)
    return fail(Fault::unsupported, "the quote does not carry its PCK certificate: its platform cannot be told");
  TRY(const auto chain, parse_certificates(data.cert_data, "the PCK chain in the quote", 3));
  const auto extension = chain.front().extension(kSgxExtension);
  if (!extension) return fail(Fault::format, "the PCK certificate lacks Intel's extension");
  TRY(const PckExtension pck, parse_pck_extension(*extension));
  const bool processor = chain.size() > 1 && chain[1].subject().find("Processor") != std::string::npos;
  return Platform{quote.is_td(), pck.fmspc, processor ? "processor" : "platform"};
}

Result<std::string> ask_for_collateral(const Platform& platform, const ServiceUrls& urls, const Ask& ask) {
  std::string service = urls.service;
  while (service.ends_with('/')) service.pop_back();
  const std::string sgx = service + "/sgx/certification/v4/",
                    tee = service + (platform.tdx ? "/tdx" : "/sgx") + "/certification/v4/";
  TRY(const Part tcb, signed_part(ask, tee + "tcb?fmspc=" + to_hex(platform.fmspc) + "&update=" + urls.update,
                                  "TCB-Info-Issuer-Chain", "tcbInfo"));
  TRY(const Part qe, signed_part(ask, tee + "qe/identity?update=" + urls.update, "SGX-Enclave-Identity-Issuer-Chain",
                                 "enclaveIdentity"));
  const std::string crl_url = sgx + "pckcrl?ca=" + platform.ca + "&encoding=der";
  TRY(const ServiceAnswer crl, ask(crl_url, "SGX-PCK-CRL-Issuer-Chain"));
  TRY(const std::string crl_chain, chain_of(crl, crl_url));
  TRY(const ServiceAnswer root_crl, ask(urls.root_crl, ""));
  // Either is DER or its hexadecimal; the file has hexadecimal.
  const auto hex = [](const Bytes& body) {
    const std::string_view text = as_text(body);
    return text.starts_with("30") ? std::string(text) : to_hex(body);
  };
  Json out = Json::object({{"tcb_info", tcb.document},
                           {"tcb_info_signature", tcb.signature},
                           {"tcb_info_issuer_chain", tcb.chain},
                           {"qe_identity", qe.document},
                           {"qe_identity_signature", qe.signature},
                           {"qe_identity_issuer_chain", qe.chain},
                           {"root_ca_crl", hex(root_crl.body)},
                           {"pck_crl", hex(crl.body)},
                           {"pck_crl_issuer_chain", crl_chain}});
  std::string text = out.pretty() + "\n";
  const Endorsement file{"the service's answers", Bytes(text.begin(), text.end())};
  CHECK(read_collateral(std::span(&file, 1)));
  return text;
}

}  // namespace hallmark::dcap
