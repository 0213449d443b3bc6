#include "tests/evidence/nitro.h"

#include "lib/formats/cbor.h"

namespace hallmark::made {
namespace {

using cbor::Major;

constexpr UnixTime kHour = 3600, kDay = 24 * kHour;

Issuer root_of(int number) {
  const std::string name = "made nitro root " + std::to_string(number);
  return {name, Key::p384(name)};
}

void append(Bytes& out, ByteView more) { out.insert(out.end(), more.begin(), more.end()); }

// A map or an array of `count` entries, which are encoded already.
Bytes container(Major major, std::size_t count, ByteView entries, bool indefinite) {
  Bytes out;
  if (indefinite)
    out.push_back(static_cast<std::uint8_t>(static_cast<unsigned>(major) << 5 | 31));
  else
    cbor::append_head(out, major, count);
  append(out, entries);
  if (indefinite) out.push_back(0xff);
  return out;
}

// RFC 9052 section 4.4
Bytes signed_bytes(ByteView protected_header, ByteView payload) {
  Bytes out{0x84};
  for (const Bytes& part : {cbor_text("Signature1"), cbor_bytes(protected_header), cbor_bytes({}), cbor_bytes(payload)})
    append(out, part);
  return out;
}

}  // namespace

Bytes cbor_text(std::string_view text) {
  Bytes out;
  cbor::append_string(out, Major::text, as_bytes(text));
  return out;
}
Bytes cbor_bytes(ByteView bytes) {
  Bytes out;
  cbor::append_string(out, Major::bytes, bytes);
  return out;
}
Bytes cbor_number(std::uint64_t number) {
  Bytes out;
  cbor::append_head(out, Major::uint, number);
  return out;
}

Bytes nitro_root(int number) {
  const Issuer root = root_of(number);
  // From 2019-10-28 to 2049-10-28.
  return make_certificate({.common_name = root.common_name, .from = 1572220800, .until = 2518992000, .ca = true},
                          root.key, root);
}

Bytes NitroDocument::bytes() const {
  const std::string instance = module_id.substr(0, module_id.find('-', 2));
  // With the lives that AWS gives them: three hours, a day, six days, twenty days.
  std::vector<NitroCertificate> chain{
      {module_id + ".test-region.aws", time - 3, time + 3 * kHour, false},
      {instance + ".test-region.aws.nitro-enclaves", time - 2 * kHour, time + 22 * kHour},
      {"zone.zonal.test-region.aws.nitro-enclaves", time - kDay, time + 5 * kDay},
      {"region.test-region.aws.nitro-enclaves", time - 5 * kDay, time + 15 * kDay}};
  chain[0].extensions = {{"2.5.29.15", *from_hex("03020780")}};  // keyUsage { digitalSignature }
  if (change_chain) change_chain(chain);
  Issuer issuer = root_of(root);
  std::vector<Bytes> bundle{nitro_root(root)};
  for (std::size_t i = chain.size(); i-- > 0;) {
    const NitroCertificate& one = chain[i];
    const Key key = one.p256 ? Key::p256(one.subject) : Key::p384(one.subject);
    bundle.push_back(make_certificate(
        {.common_name = one.subject, .from = one.from, .until = one.until, .ca = one.ca, .extensions = one.extensions},
        key, issuer));
    issuer = {one.subject, key};
  }
  const Bytes certificate = bundle.back();
  bundle.pop_back();
  if (change_bundle) change_bundle(bundle);

  Bytes registers, certificates, entries;
  for (const auto& [index, pcr] : pcrs) {
    append(registers, cbor_number(index));
    append(registers, cbor_bytes(pcr));
  }
  for (const Bytes& one : bundle) append(certificates, cbor_bytes(one));
  std::vector<Member> members{{"module_id", cbor_text(module_id)},
                              {"digest", cbor_text("SHA384")},
                              {"timestamp", cbor_number(static_cast<std::uint64_t>(time) * 1000)},
                              {"pcrs", container(Major::map, pcrs.size(), registers, indefinite)},
                              {"certificate", cbor_bytes(certificate)},
                              {"cabundle", container(Major::array, bundle.size(), certificates, indefinite)}};
  for (const auto& [name, value] : {std::pair("public_key", public_key), {"user_data", user_data}, {"nonce", nonce}})
    if (value || null_if_absent) members.emplace_back(name, value ? cbor_bytes(*value) : kCborNull);
  if (change_members) change_members(members);
  for (const auto& [name, value] : members) {
    append(entries, cbor_text(name));
    append(entries, value);
  }
  const Bytes payload = container(Major::map, members.size(), entries, indefinite);

  Bytes signature = issuer.key.sign(signed_bytes(protected_header, payload));
  signature.resize(96);  // of P-256 it is shorter, and documents have no place for that
  Bytes out{0x84};
  for (const Bytes& part :
       {cbor_bytes(protected_header), unprotected_header, cbor_bytes(payload), cbor_bytes(signature)})
    append(out, part);
  return out;
}

}  // namespace hallmark::made
