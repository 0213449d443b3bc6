#include "lib/tee/nitro/verify.h"

#include <algorithm>

#include "lib/formats/der.h"

namespace hallmark::nitro {
namespace {

// RFC 9052 section 4.4:
//   Sig_structure = [context: "Signature" / "Signature1", body_protected: empty_or_serialized_map,
//                    ? sign_protected: empty_or_serialized_map, external_aad: bstr, payload: bstr]
// with the context "Signature1" and no sign_protected for COSE_Sign1; its own encoding is deterministic (section 9).
Bytes signed_bytes(const Document& document) {
  Bytes out;
  cbor::append_head(out, cbor::Major::array, 4);
  cbor::append_string(out, cbor::Major::text, as_bytes("Signature1"));
  cbor::append_string(out, cbor::Major::bytes, document.protected_header);
  cbor::append_string(out, cbor::Major::bytes, {});
  cbor::append_string(out, cbor::Major::bytes, document.payload);
  return out;
}

// "For the target certificate: Key usage: digitalSignature bit is present". Without the extension a key may be used for
// anything (RFC 5280 section 4.2.1.3), and what may issue certificates is not what signs documents.
bool signs_documents(const Certificate& certificate) {
  if (certificate.is_ca()) return false;
  const auto usage = certificate.extension("2.5.29.15");
  if (!usage) return true;
  constexpr std::uint8_t kBitString = 0x03, kDigitalSignature = 0x80;
  der::Reader reader(*usage, "keyUsage");
  const ByteView bits = reader.take(kBitString, "bits");  // the number of unused bits comes first
  return reader.ok() && bits.size() >= 2 && (bits[1] & kDigitalSignature) != 0;
}

// Certificates of documents are issued to "MODULE.REGION.aws". A key that is taken out of one instance does not speak
// for others.
bool is_for_module(const Certificate& certificate, const std::string& module_id) {
  const std::string subject = certificate.subject();
  const std::string_view instance = instance_of(subject);
  return instance.empty() || instance == instance_of(module_id);
}

}  // namespace

Result<std::vector<Certificate>> read_chain(const Document& document) {
  std::vector<Certificate> out;
  const auto add = [&](ByteView der, const std::string& name) -> Status {
    auto certificate = Certificate::parse(der, name);
    if (!certificate) {
      certificate.error().code = "nitro.cert.malformed";
      return Failure(std::move(certificate).error());
    }
    out.push_back(*std::move(certificate));
    return {};
  };
  CHECK(add(document.certificate, "certificate"));
  for (std::size_t i = document.cabundle.size(); i-- > 0;)
    CHECK(add(document.cabundle[i], "cabundle[" + std::to_string(i) + "]"));
  return out;
}

std::optional<Reason> verify_document(const Document& document, std::span<const Certificate> chain,
                                      const DigestOf<Alg::sha256>& root_key, UnixTime at) {
  const Certificate &leaf = chain.front(), &root = chain.back();
  if (root.spki_sha256() != root_key)
    return Reason{"nitro.root_untrusted", root.name() + " is not the root that is trusted",
                  "public key " + to_hex(root.spki_sha256()), "public key " + to_hex(root_key)};
  if (const auto fault = check_chain(chain, at))
    return Reason{"nitro.cert." + std::string(to_text(fault->is)), fault->detail};
  if (!signs_documents(leaf))
    return Reason{"nitro.cert.usage", "the key of " + leaf.name() + " is not one that signs documents"};
  const auto key = leaf.key();
  if (!key || key->kind() != VerifyingKey::Kind::p384)
    return Reason{"nitro.cert.key", "the key of " + leaf.name() + " is none for ES384"};
  if (!is_for_module(leaf, document.module_id))
    return Reason{"nitro.cert.module", "the document is of another instance than the certificate that it came with",
                  document.module_id, leaf.subject()};
  if (!key->verify_ecdsa(signed_bytes(document), document.signature))
    return Reason{"cose.signature", "the signature does not verify under the key of " + leaf.name()};
  return std::nullopt;
}

std::string_view instance_of(std::string_view name) {
  if (!name.starts_with("i-")) return {};
  const std::size_t end = std::min(name.find_first_not_of("0123456789abcdef", 2), name.size());
  // "-encID" or "-tpmID" of a module, ".REGION.aws" of a certificate
  const std::string_view rest = name.substr(end);
  if (end == 2 || !(rest.empty() || rest.starts_with("-enc") || rest.starts_with("-tpm") || rest.starts_with(".")))
    return {};
  return name.substr(0, end);
}

}  // namespace hallmark::nitro
