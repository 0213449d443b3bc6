#include "lib/tee/nitro/inspect.h"

#include <algorithm>

#include "lib/crypto/x509.h"
#include "lib/tee/nitro/evidence.h"

namespace hallmark::nitro {
namespace {

using cbor::Kind;
using cbor::Value;

// A string without its head; anything else as the item stands.
InspectedField field_of(std::string name, const Value& value, std::string meaning = {}) {
  const std::uint64_t head =
      value.kind == Kind::bytes || value.kind == Kind::text ? value.size - value.content.size() : 0;
  InspectedField out{std::move(name), value.offset + head, value.size - head, {}, std::move(meaning)};
  if (value.kind == Kind::bytes || value.kind == Kind::text) out.value = to_hex(value.content);
  if (value.kind == Kind::uint) out.value = hex_offset(value.number);
  if (value.kind == Kind::null) out.meaning = "null";
  return out;
}

std::string certificate_text(ByteView der) {
  const auto certificate = Certificate::parse(der, "certificate");
  if (!certificate) return "no certificate";
  return certificate->subject() + ", from " + format_time(certificate->not_before()) + " to " +
         format_time(certificate->not_after());
}

InspectedRecord record_of(std::string name, const Value& value) {
  return {std::move(name), value.offset, value.size, {}};
}

InspectedRecord pcrs_of(const std::string& name, const Value& map) {
  InspectedRecord out = record_of(name, map);
  for (std::size_t i = 0; i < map.items.size(); i += 2) {
    const bool zero = std::ranges::all_of(map.items[i + 1].content, [](std::uint8_t byte) { return byte == 0; });
    out.fields.push_back(field_of("pcr" + std::to_string(map.items[i].number), map.items[i + 1], zero ? "zeros" : ""));
  }
  return out;
}

InspectedRecord bundle_of(const Value& array) {
  InspectedRecord out = record_of("cabundle", array);
  for (const Value& item : array.items)
    out.fields.push_back(
        field_of("cabundle[" + std::to_string(out.fields.size()) + "]", item, certificate_text(item.content)));
  return out;
}

}  // namespace

Result<Inspection> inspect_bytes(ByteView bytes) {
  TRY(const Document document, parse_document(bytes, true));
  const Value& message = document.message.kind == Kind::tag ? document.message.items.front() : document.message;
  InspectedRecord outer = record_of("COSE_Sign1", document.message);
  outer.fields = {field_of("protected", message.items[0], "algorithm -35 (ES384)"),
                  field_of("unprotected", message.items[1],
                           std::to_string(message.items[1].items.size() / 2) + " parameters, not signed"),
                  field_of("payload", message.items[2], "below"), field_of("signature", message.items[3], "r, s")};
  outer.fields[2].value.clear();

  std::vector<InspectedRecord> inner;
  InspectedRecord members = record_of("attestation document", document.members);
  for (std::size_t i = 0; i < document.members.items.size(); i += 2) {
    const std::string name(as_text(document.members.items[i].content));
    const Value& value = document.members.items[i + 1];
    if (value.kind == Kind::map || value.kind == Kind::array) {
      members.fields.push_back(field_of(name, value, "below"));
      inner.push_back(value.kind == Kind::map ? pcrs_of(name, value) : bundle_of(value));
      continue;
    }
    std::string meaning;
    if (value.kind == Kind::text) meaning = as_text(value.content);
    if (name == "timestamp") meaning = format_time(static_cast<UnixTime>(document.timestamp_ms / 1000));
    if (name == "certificate") meaning = certificate_text(document.certificate);
    members.fields.push_back(field_of(name, value, std::move(meaning)));
  }

  Inspection out{"aws-nitro", "nitro-document", {std::move(outer), std::move(members)}};
  out.records.insert(out.records.end(), std::make_move_iterator(inner.begin()), std::make_move_iterator(inner.end()));
  return out;
}

}  // namespace hallmark::nitro
