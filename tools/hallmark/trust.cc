#include "tools/hallmark/trust.h"

#include "tools/hallmark/definition.h"

namespace hallmark::cli {

Result<std::vector<PublicKey>> read_public_keys(const std::vector<std::string>& files) {
  std::vector<PublicKey> keys;
  for (const std::string& file : files) {
    TRY(const std::string pem, read_text(file, std::uint64_t{64} << 10));
    TRY(PublicKey key, PublicKey::parse(pem, file));
    keys.push_back(std::move(key));
  }
  return keys;
}

Result<OpenCertificate> open_certificate(const std::string& file, std::span<const PublicKey> keys) {
  const std::string name = file == "-" ? "standard input" : file;
  TRY(const Bytes text, read_input(file, cert::kMaxDocument));
  TRY(const cert::Envelope envelope, cert::parse_signed_document(as_text(text), name));
  OpenCertificate out;
  if (!keys.empty()) {
    TRY(const PublicKey* signer, in(name, cert::check_signature(envelope, keys)));
    out.signer = signer->id();
  }
  // From here on the very bytes under the signature are read.
  if (envelope.payload_type != cert::kPayloadType)
    return fail(Fault::unsupported, name + ": payloadType is \"" + printable(envelope.payload_type) + "\", not \"" +
                                        std::string(cert::kPayloadType) + "\"");
  TRY(out.certificate, cert::parse_certificate(envelope.payload, name));
  TRY(out.lock, lock_of(out.certificate, name));
  out.sha256 = to_hex(digest<Alg::sha256>(envelope.payload));
  return out;
}

std::string describe(const OpenCertificate& open) {
  const cert::Certificate& c = open.certificate;
  std::string out = "certificate " + open.sha256 + "\n";
  out += open.signer ? "    signed by key " + *open.signer + "\n" : "    SIGNATURE NOT CHECKED\n";
  out += "    builder   " + printable(c.builder_id) + "\n";
  out += "    built     " + format_time(c.finished) + ", " + printable(open.lock.name) + " from lock " +
         cert::lock_sha256(c) + "\n";
  return out;
}

Json to_json(const OpenCertificate& open) {
  const cert::Certificate& c = open.certificate;
  return Json::object({{"sha256", open.sha256},
                       {"signer", open.signer ? Json(*open.signer) : Json()},
                       {"builder", c.builder_id},
                       {"started", format_time(c.started)},
                       {"finished", format_time(c.finished)},
                       {"name", open.lock.name},
                       {"lock_sha256", cert::lock_sha256(c)},
                       {"compare_digest", cert::compare_digest(c)}});
}

}  // namespace hallmark::cli
