#include "lib/cert/bundle.h"

namespace hallmark::cert {
namespace {

Result<Envelope> bundle_from_json(const Json& json, const std::string& name) {
  const Json* type = json.find("mediaType");
  if (!type->is_string() || type->string() != kBundleType)
    return fail(Fault::unsupported, name + ": mediaType is not \"" + std::string(kBundleType) + "\"");
  const Json* material = json.find("verificationMaterial");
  const Json* key = material ? material->find("publicKey") : nullptr;
  const Json* hint = key ? key->find("hint") : nullptr;
  if (!hint || !hint->is_string())
    return fail(Fault::unsupported, name +
                                        ": verificationMaterial.publicKey.hint: is missing; only bundles signed with "
                                        "a key of one's own are known, not those of a certificate authority");
  const Json* content = json.find("dsseEnvelope");
  if (!content)
    return fail(Fault::unsupported,
                name + ": dsseEnvelope: is missing; a signature over bare bytes certifies no build");
  TRY(Envelope envelope, envelope_from_json(*content, name + ": dsseEnvelope"));
  // sigstore_bundle.proto: the hint and the envelope's keyid are the same identifier.
  if (hint->string() != envelope.keyid)
    return fail(Fault::format, name + ": verificationMaterial.publicKey.hint is \"" + printable(hint->string()) +
                                   "\", the signature's keyid is \"" + printable(envelope.keyid) + "\"");
  return envelope;
}

}  // namespace

Json to_bundle(const Envelope& envelope) {
  return Json::object({{"mediaType", kBundleType},
                       {"verificationMaterial", Json::object({{"publicKey", Json::object({{"hint", envelope.keyid}})},
                                                              {"tlogEntries", Json::array()}})},
                       {"dsseEnvelope", to_json(envelope)}});
}

Result<Envelope> parse_signed_document(std::string_view text, const std::string& name) {
  TRY(const Json json, in(name, parse_json(text, {.bytes = kMaxDocument, .depth = 16})));
  if (json.find("mediaType")) return bundle_from_json(json, name);
  return envelope_from_json(json, name);
}

}  // namespace hallmark::cert
