#include "lib/tee/dcap/signature_data.h"

namespace hallmark::dcap {
namespace {

constexpr std::uint16_t kQeReportCertData = 6;

bool is_cert_type(std::uint16_t type) { return (type >= 1 && type <= 5) || type == 7; }

// The report of the quoting enclave and what it stands on: the end of version 3, the content of type 6 later.
void read_qe(ByteReader& r, SignatureData& out, std::uint16_t& type) {
  out.qe_report = r.view(kSgxReport.size, "QE report");
  out.qe_report_signature = r.view(64, "QE report signature");
  out.qe_auth = r.view(r.le<std::uint16_t>("QE authentication data size"), "QE authentication data");
  type = r.le<std::uint16_t>("certification data type");
  out.cert_data = r.view(r.le<std::uint32_t>("certification data size"), "certification data");
}

Result<SignatureData> read_signature_data(const Quote& quote) {
  ByteReader r(quote.signature, "signature data");
  SignatureData out;
  std::uint16_t type = 0;
  out.signature = r.view(64, "signature");
  out.attestation_key = r.view(64, "attestation key");
  if (quote.version == 3) {
    read_qe(r, out, type);
  } else {
    const auto outer = r.le<std::uint16_t>("certification data type");
    const ByteView content = r.view(r.le<std::uint32_t>("certification data size"), "certification data");
    CHECK(r.finish(0));
    if (outer != kQeReportCertData)
      return fail(Fault::format, "cert_type",
                  "signature data: certification data type at 0x80: is " + std::to_string(outer) + ", 6 wanted");
    ByteReader inner(content, "QE report certification data");
    read_qe(inner, out, type);
    CHECK(inner.finish(0));
    if (inner.left() != 0)
      return fail(Fault::format, "auth_data",
                  "QE report certification data: " + std::to_string(inner.left()) + " trailing bytes");
  }
  CHECK(r.finish(0));
  if (r.left() != 0)
    return fail(Fault::format, "auth_data", "signature data: " + std::to_string(r.left()) + " trailing bytes");
  if (!is_cert_type(type))
    return fail(Fault::unsupported, "cert_type",
                "signature data: certification data type: is " + std::to_string(type) + ", 1 to 5 and 7 are known");
  out.cert_type = static_cast<CertType>(type);
  return out;
}

}  // namespace

// It has the size of an enclave's report.
Record<kSgxReport> SignatureData::qe() const { return *Record<kSgxReport>::parse(qe_report); }

Result<SignatureData> parse_signature_data(const Quote& quote) {
  return in("quote", coded("quote", read_signature_data(quote)));
}

}  // namespace hallmark::dcap
