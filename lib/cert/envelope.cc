#include "lib/cert/envelope.h"

namespace hallmark::cert {
namespace {

Bytes base64_member(Fields& fields, std::string_view key) {
  const std::string text = fields.text(key);
  if (!fields.ok()) return {};
  auto bytes = from_base64(text);
  if (bytes) return *std::move(bytes);
  fields.reject(key, "is not base64");
  return {};
}

void ignore_unknown_members(Fields& fields, const Json& json) {
  if (!json.is_object()) return;
  for (const Json::Member& member : json.members()) fields.raw(member.key);
}

}  // namespace

Bytes pae(std::string_view type, ByteView body) {
  // PAE(type, body) = "DSSEv1" + SP + LEN(type) + SP + type + SP + LEN(body) + SP + body
  const std::string head =
      "DSSEv1 " + std::to_string(type.size()) + " " + std::string(type) + " " + std::to_string(body.size()) + " ";
  Bytes out(head.begin(), head.end());
  out.insert(out.end(), body.begin(), body.end());
  return out;
}

Envelope seal(const PrivateKey& key, std::string_view payload_type, Bytes payload) {
  Bytes signature = sign_message(key, pae(payload_type, payload));
  return {std::string(payload_type), std::move(payload), key.public_key().id(), std::move(signature)};
}

Result<const PublicKey*> check_signature(const Envelope& envelope, std::span<const PublicKey> keys) {
  const Bytes message = pae(envelope.payload_type, envelope.payload);
  for (const PublicKey& key : keys)
    if (verify_signature(key, message, envelope.signature)) return &key;
  std::string given;
  for (const PublicKey& key : keys) {
    if (key.id() == envelope.keyid)
      return fail(Fault::mismatch, "the signature does not hold under key " + key.id() +
                                       ", which it names: the document or the signature was changed");
    given += (given.empty() ? "" : ", ") + key.id();
  }
  return fail(Fault::mismatch, "the signature does not hold under any given key (" + given + "); it names " +
                                   (envelope.keyid.empty() ? "none" : "key " + printable(envelope.keyid)));
}

Json to_json(const Envelope& envelope) {
  return Json::object(
      {{"payload", to_base64(envelope.payload)},
       {"payloadType", envelope.payload_type},
       {"signatures",
        Json::array({Json::object({{"keyid", envelope.keyid}, {"sig", to_base64(envelope.signature)}})})}});
}

Result<Envelope> envelope_from_json(const Json& json, const std::string& name) {
  Fields fields(json, name);
  ignore_unknown_members(fields, json);
  Envelope envelope;
  envelope.payload_type = fields.text("payloadType");
  envelope.payload = base64_member(fields, "payload");
  if (envelope.payload.size() > kMaxPayload)
    fields.reject("payload", "has " + std::to_string(envelope.payload.size()) + " bytes, at most " +
                                 std::to_string(kMaxPayload) + " allowed");
  const Json* signatures = json.find("signatures");
  if (signatures && signatures->is_array() && signatures->items().size() != 1)
    fields.reject("signatures",
                  "has " + std::to_string(signatures->items().size()) + " entries, exactly one is wanted");
  for (Fields signature : fields.objects("signatures", 1)) {
    ignore_unknown_members(signature, signatures->items().front());
    // envelope.md: "An unset field MUST be treated the same as set-but-empty."
    const Json& keyid = signature.raw("keyid");
    if (keyid.is_string())
      envelope.keyid = keyid.string();
    else if (!keyid.is_null())
      signature.reject("keyid", "is " + std::string(keyid.kind()) + ", not a string");
    envelope.signature = base64_member(signature, "sig");
  }
  return fields.finish(std::move(envelope));
}

}  // namespace hallmark::cert
