#include "tests/evidence/dcap.h"

#include "lib/base/json.h"
#include "lib/crypto/digest.h"

namespace hallmark::made {
namespace {

class Writer {
 public:
  Writer& le(std::uint64_t value, std::size_t size) {
    for (std::size_t i = 0; i < size; i++) bytes_.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
    return *this;
  }
  Writer& raw(ByteView bytes) {
    bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
    return *this;
  }
  Writer& zeros(std::size_t n) { return raw(Bytes(n)); }
  Bytes take() { return std::move(bytes_); }

 private:
  Bytes bytes_;
};

// sgx_report_body_t
Bytes enclave_report(ByteView mrenclave, ByteView mrsigner, std::uint64_t attributes, std::uint64_t xfrm,
                     std::uint32_t misc_select, std::uint16_t isvprodid, std::uint16_t isvsvn, ByteView report_data) {
  return Writer()
      .zeros(16)
      .le(misc_select, 4)
      .zeros(28)
      .le(attributes, 8)
      .le(xfrm, 8)
      .raw(mrenclave)
      .zeros(32)
      .raw(mrsigner)
      .zeros(96)
      .le(isvprodid, 2)
      .le(isvsvn, 2)
      .zeros(60)
      .raw(report_data)
      .take();
}

Bytes body(const Dcap& d) {
  if (!d.tdx)
    return enclave_report(d.mrenclave, d.mrsigner, d.attributes, d.xfrm, d.misc_select, d.isvprodid, d.isvsvn,
                          d.report_data);
  Writer w;
  w.raw(d.tee_tcb_svn).raw(d.mrseam).raw(d.mrsignerseam).raw(d.seam_attributes).le(d.tdattributes, 8).le(d.xfam, 8);
  w.raw(d.mrtd).raw(d.mrconfigid).raw(d.mrowner).raw(d.mrownerconfig);
  for (const Bytes& rtmr : d.rtmrs) w.raw(rtmr);
  w.raw(d.report_data);
  if (d.body_type >= 3) w.raw(d.tee_tcb_svn2).raw(d.mrservicetd);
  if (d.body_type == 4) w.zeros(237);
  return w.take();
}

Bytes concat(std::initializer_list<ByteView> parts) {
  Bytes out;
  for (ByteView part : parts) out.insert(out.end(), part.begin(), part.end());
  return out;
}

// SEQUENCE { OID, value }
Bytes field(const std::string& oid, ByteView value) { return der(0x30, concat({der_oid(oid), value})); }

Bytes sgx_extension(const Dcap& d) {
  const std::string root = "1.2.840.113741.1.13.1";
  Bytes tcb;
  for (std::size_t i = 0; i < 16; i++)
    tcb = concat({tcb, field(root + ".2." + std::to_string(i + 1), der_integer(d.components[i]))});
  Bytes cpusvn;
  for (const unsigned svn : d.components) cpusvn.push_back(static_cast<std::uint8_t>(svn));
  tcb = concat({tcb, field(root + ".2.17", der_integer(d.pcesvn)), field(root + ".2.18", der(0x04, cpusvn))});
  return der(0x30, concat({field(root + ".1", der(0x04, d.ppid)), field(root + ".2", der(0x30, tcb)),
                           field(root + ".3", der(0x04, d.pceid)), field(root + ".4", der(0x04, d.fmspc)),
                           field(root + ".5", Bytes{0x0a, 0x01, 0x00})}));
}

std::string advisories(const Dcap& d) {
  if (d.advisories.empty()) return {};
  std::string out;
  for (const std::string& id : d.advisories) out += (out.empty() ? "\"" : ",\"") + id + "\"";
  return ",\"advisoryIDs\":[" + out + "]";
}

std::string svns(const std::vector<unsigned>& values) {
  std::string out;
  for (const unsigned svn : values) out += (out.empty() ? "" : ",") + ("{\"svn\":" + std::to_string(svn) + "}");
  return "[" + out + "]";
}

std::string dates(const Dcap& d) {
  return "\"issueDate\":\"" + format_time(d.issued) + "\",\"nextUpdate\":\"" + format_time(d.next_update) + "\"";
}

std::string level(const Dcap& d, unsigned svn, unsigned pcesvn, const std::string& status, const std::string& more) {
  std::string tcb =
      "\"sgxtcbcomponents\":" + svns(std::vector<unsigned>(16, svn)) + ",\"pcesvn\":" + std::to_string(pcesvn);
  if (d.tdx) {
    std::vector<unsigned> tdx(16, 0);
    tdx[0] = 6;
    tdx[1] = 1;
    tdx[2] = svn > 3 ? 3 : 1;
    tcb += ",\"tdxtcbcomponents\":" + svns(tdx);
  }
  return "{\"tcb\":{" + tcb + "},\"tcbDate\":\"2025-05-14T00:00:00Z\",\"tcbStatus\":\"" + status + "\"" + more + "}";
}

std::string tcb_info(const Dcap& d) {
  std::string out = std::string("{\"id\":\"") + (d.tdx ? "TDX" : "SGX") + "\",\"version\":3," + dates(d) +
                    ",\"fmspc\":\"" + to_hex(d.tcb_fmspc.empty() ? d.fmspc : d.tcb_fmspc) + "\",\"pceId\":\"" +
                    to_hex(d.pceid) +
                    "\",\"tcbType\":0,\"tcbEvaluationDataNumber\":" + std::to_string(d.evaluation_number);
  if (d.tdx) {
    const std::string module = "\"mrsigner\":\"" + std::string(96, '0') +
                               "\",\"attributes\":\"0000000000000000\",\"attributesMask\":\"FFFFFFFFFFFFFFFF\"";
    out += ",\"tdxModule\":{" + module + "},\"tdxModuleIdentities\":[{\"id\":\"TDX_01\"," + module +
           ",\"tcbLevels\":[{\"tcb\":{\"isvsvn\":5},\"tcbDate\":\"2025-05-14T00:00:00Z\",\"tcbStatus\":\"" +
           d.module_status +
           "\"},{\"tcb\":{\"isvsvn\":2},\"tcbDate\":\"2023-08-09T00:00:00Z\",\"tcbStatus\":" + "\"OutOfDate\"}]}]";
  }
  return out + ",\"tcbLevels\":[" + level(d, 5, 13, d.status, advisories(d)) + "," +
         level(d, 3, 11, "OutOfDate", ",\"advisoryIDs\":[\"INTEL-SA-00615\"]") + "]}";
}

constexpr std::string_view kQeSigner = "8c4f5775d796503e96137f77c68a829a0056ac8ded70140b081b094490c57bff";

std::string qe_identity(const Dcap& d) {
  return std::string("{\"id\":\"") + (d.tdx ? "TD_QE" : "QE") + "\",\"version\":2," + dates(d) +
         ",\"tcbEvaluationDataNumber\":" + std::to_string(d.evaluation_number) +
         ",\"miscselect\":\"00000000\",\"miscselectMask\":\"FFFFFFFF\",\"attributes\":"
         "\"11000000000000000000000000000000\","
         "\"attributesMask\":\"FBFFFFFFFFFFFFFF0000000000000000\",\"mrsigner\":\"" +
         std::string(kQeSigner) + "\",\"isvprodid\":" + (d.tdx ? "2" : "1") +
         ",\"tcbLevels\":[{\"tcb\":{\"isvsvn\":8},\"tcbDate\":\"2025-05-14T00:00:00Z\",\"tcbStatus\":\"" + d.qe_status +
         "\"},{\"tcb\":{\"isvsvn\":4},\"tcbDate\":\"2023-08-09T00:00:00Z\",\"tcbStatus\":\"OutOfDate\"}]}";
}

using Extensions = std::vector<std::pair<std::string, Bytes>>;

Bytes key_id(const Key& key) {
  const auto hash = digest<Alg::sha256>(key.spki());
  return {hash.begin(), hash.begin() + 20};
}

// RFC 5280, sections 4.2.1.1 and 4.2.1.2
Extensions key_ids(const Key& subject, const Key& issuer) {
  return {{"2.5.29.14", der(0x04, key_id(subject))}, {"2.5.29.35", der(0x30, der(0x80, key_id(issuer)))}};
}

}  // namespace

MadeEvidence make(const Dcap& d) {
  const Issuer root{d.root, Key::p256(d.root)}, ca{"Intel SGX PCK Platform CA", Key::p256(d.root + " PCK CA")};
  const Key signer = Key::p256(d.root + " TCB signer"), pck = Key::p256(d.root + " PCK " + to_hex(d.ppid)),
            attestation = Key::p256("attestation key");
  const UnixTime from = d.issued - 86'400, until = d.certificates_until;
  const Bytes root_certificate =
      make_certificate({d.root, from, until, true, 1, key_ids(root.key, root.key)}, root.key, root);
  const Key forger = Key::p256("forger");
  const Key& ca_signer = d.forge_ca ? forger : root.key;
  const Bytes ca_certificate = make_certificate({ca.common_name, from, until, true, 2, key_ids(ca.key, ca_signer)},
                                                ca.key, {root.common_name, ca_signer});
  const Bytes signer_certificate =
      make_certificate({"Intel SGX TCB Signing", from, until, false, 3, key_ids(signer, root.key)}, signer, root);
  Extensions pck_extensions = key_ids(pck, ca.key);
  pck_extensions.emplace_back("1.2.840.113741.1.13.1", sgx_extension(d));
  const Bytes pck_certificate =
      make_certificate({"Intel SGX PCK Certificate", from, until, false, 4, pck_extensions}, pck, ca);
  const auto pem = [](ByteView der) { return to_pem("CERTIFICATE", der); };

  MadeEvidence out{.evidence = {}, .collateral = {}, .root = root_certificate};
  std::string info = tcb_info(d);
  const std::string identity = qe_identity(d);
  Json json = Json::object();
  json["tcb_info_signature"] = to_hex(signer.sign(as_bytes(info)));
  if (d.change_tcb_info) d.change_tcb_info(info);
  json["tcb_info"] = info;
  json["tcb_info_issuer_chain"] = pem(signer_certificate) + pem(root_certificate);
  json["qe_identity"] = identity;
  json["qe_identity_signature"] = to_hex(signer.sign(as_bytes(identity)));
  json["qe_identity_issuer_chain"] = pem(signer_certificate) + pem(root_certificate);
  json["root_ca_crl"] = to_hex(make_revocation_list(
      root, d.issued, d.next_update, d.revoke_ca ? std::vector<std::int64_t>{2} : std::vector<std::int64_t>{}));
  json["pck_crl"] = to_hex(make_revocation_list(
      ca, d.issued, d.next_update, d.revoke_pck ? std::vector<std::int64_t>{4} : std::vector<std::int64_t>{}));
  json["pck_crl_issuer_chain"] = pem(ca_certificate) + pem(root_certificate);
  out.collateral = json.pretty() + "\n";

  Writer head;
  head.le(d.version, 2)
      .le(2, 2)
      .le(d.tdx ? 0x81 : 0, 4)
      .zeros(4)
      .raw(*from_hex("939a7233f79c4ca9940a0db3957f0607"))
      .zeros(20);
  const Bytes content = body(d);
  if (d.version == 5) head.le(d.body_type != 0 ? d.body_type : d.tdx ? 2u : 1u, 2).le(content.size(), 4);
  const Bytes signed_part = head.raw(content).take();

  Bytes bound(64);
  const auto hash = Hasher<Alg::sha256>().add(attestation.point()).add(d.qe_auth).finish();
  std::copy(hash.begin(), hash.end(), bound.begin());
  const std::uint16_t prod_id = d.qe_isvprodid != 0 ? d.qe_isvprodid : d.tdx ? 2 : 1;
  Bytes qe =
      enclave_report(Bytes(32, 0x9e), *from_hex(kQeSigner), d.qe_attributes, 0xe7, 0, prod_id, d.qe_isvsvn, bound);
  if (d.change_qe_report) d.change_qe_report(qe);

  const Bytes chain_pem = [&] {
    const std::string text = pem(pck_certificate) + pem(ca_certificate) + pem(root_certificate);
    return Bytes(text.begin(), text.end());
  }();
  const Bytes certification = Writer()
                                  .raw(qe)
                                  .raw(pck.sign(qe))
                                  .le(d.qe_auth.size(), 2)
                                  .raw(d.qe_auth)
                                  .le(5, 2)
                                  .le(chain_pem.size(), 4)
                                  .raw(chain_pem)
                                  .take();
  Writer signature;
  signature.raw(attestation.sign(signed_part)).raw(attestation.point());
  if (d.version != 3) signature.le(6, 2).le(certification.size(), 4);
  const Bytes data = signature.raw(certification).take();
  out.evidence = Writer().raw(signed_part).le(data.size(), 4).raw(data).take();
  return out;
}

}  // namespace hallmark::made
