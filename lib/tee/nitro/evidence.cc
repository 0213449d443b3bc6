#include "lib/tee/nitro/evidence.h"

#include <algorithm>
#include <set>

namespace hallmark::nitro {
namespace {

using cbor::Kind;
using cbor::Value;

constexpr std::uint64_t kCoseSign1Tag = 18;           // RFC 9052, table 1
constexpr std::int64_t kAlgorithm = 1, kEs384 = -35;  // RFC 9052, table 3; RFC 9053, table 1
constexpr std::uint64_t kMaxTimestamp = std::uint64_t{1} << 53;

Failure refuse(std::string_view what, std::string_view field, const Value& at, const std::string& why,
               std::string_view code = {}, Fault fault = Fault::format) {
  return fail(fault, code, std::string(what) + ": " + std::string(field) + " at " + hex_offset(at.offset) + ": " + why);
}

Status expect(std::string_view what, std::string_view field, const Value& value, Kind kind) {
  if (value.kind == kind) return {};
  return refuse(what, field, value,
                "is " + std::string(to_text(value.kind)) + ", " + std::string(to_text(kind)) + " wanted");
}

Result<ByteView> bytes_of(std::string_view what, std::string_view field, const Value& value, std::size_t least,
                          std::size_t most) {
  CHECK(expect(what, field, value, Kind::bytes));
  const std::size_t size = value.content.size();
  if (size < least || size > most)
    return refuse(what, field, value,
                  "has " + std::to_string(size) + " bytes, " +
                      (least == most ? std::to_string(most) : std::to_string(least) + " to " + std::to_string(most)) +
                      " wanted");
  return value.content;
}

constexpr std::string_view kMessage = "COSE_Sign1", kMembers = "attestation document";

std::uint64_t offset_in(ByteView file, ByteView part) { return static_cast<std::uint64_t>(part.data() - file.data()); }

// RFC 9052 section 4.2: COSE_Sign1 = [Headers, payload: bstr / nil, signature: bstr], and section 3:
// Headers = (protected: empty_or_serialized_map, unprotected: header_map).
// The unprotected map is not signed: nothing in it is looked at.
Status read_message(Document& out) {
  const Value* message = &out.message;
  if (message->kind == Kind::tag) {
    if (message->number != kCoseSign1Tag)
      return refuse(kMessage, "tag", *message, "is " + std::to_string(message->number) + ", not 18");
    message = &message->items.front();
  }
  CHECK(expect(kMessage, "message", *message, Kind::array));
  const auto& items = message->items;
  if (items.size() != 4)
    return refuse(kMessage, "message", *message, "has " + std::to_string(items.size()) + " items, 4 wanted");
  TRY(out.protected_header, bytes_of(kMessage, "protected header", items[0], 0, kMaxPayload));
  CHECK(expect(kMessage, "unprotected header", items[1], Kind::map));
  TRY(out.payload, bytes_of(kMessage, "payload", items[2], 1, kMaxPayload));
  TRY(out.signature, bytes_of(kMessage, "signature", items[3], kSignatureSize, kSignatureSize));
  return {};
}

// What is signed has to say which algorithm signs it, and nothing more: a parameter that is critical (RFC 9052, label
// 2) could change what the signature means.
Status read_protected_header(const Value& header) {
  constexpr std::string_view kField = "protected header";
  CHECK(expect(kMessage, kField, header, Kind::map));
  if (header.items.size() != 2 || header.items[0].integer() != kAlgorithm)
    return refuse(kMessage, kField, header, "is not a map of the algorithm alone");
  const Value& algorithm = header.items[1];
  if (const auto n = algorithm.integer(); n != kEs384)
    return refuse(kMessage, "algorithm", algorithm,
                  "is " + (n ? std::to_string(*n) : std::string(to_text(algorithm.kind))) + ", not -35 (ES384)",
                  "algorithm", Fault::unsupported);
  return {};
}

// The members of the payload. Each that is there must be asked for.
class Members {
 public:
  explicit Members(const Value& map) : map_(map) {}

  // Nothing if the member is absent or null.
  const Value* find(std::string_view name) {
    asked_.insert(name);
    for (std::size_t i = 0; i + 1 < map_.items.size(); i += 2) {
      const Value &key = map_.items[i], &value = map_.items[i + 1];
      if (key.kind == Kind::text && as_text(key.content) == name) return value.kind == Kind::null ? nullptr : &value;
    }
    return nullptr;
  }
  Result<const Value*> require(std::string_view name, Kind kind) {
    const Value* value = find(name);
    if (value == nullptr) return refuse(kMembers, name, map_, "is missing");
    CHECK(expect(kMembers, name, *value, kind));
    return value;
  }
  Result<std::optional<ByteView>> optional_bytes(std::string_view name, std::size_t most) {
    const Value* value = find(name);
    if (value == nullptr) return std::nullopt;
    TRY(const ByteView out, bytes_of(kMembers, name, *value, 0, most));
    return out;
  }
  Status all_asked_for() const {
    for (std::size_t i = 0; i < map_.items.size(); i += 2) {
      const Value& key = map_.items[i];
      if (key.kind != Kind::text || !asked_.contains(as_text(key.content)))
        return refuse(kMembers, "key", key, "is not that of a member of attestation documents");
    }
    return {};
  }

 private:
  const Value& map_;
  std::set<std::string_view> asked_;
};

// pcrs: { + index => pcr }, index = 0..31. Not every register needs to be there.
Status read_pcrs(Document& out, Members& members) {
  const Value *enclave = members.find("pcrs"), *tpm = members.find("nitrotpm_pcrs");
  if (enclave != nullptr && tpm != nullptr)
    return refuse(kMembers, "nitrotpm_pcrs", *tpm, "stands beside pcrs, where one of them is wanted");
  out.tpm = tpm != nullptr;
  const std::string name = out.tpm ? "nitrotpm_pcrs" : "pcrs";
  TRY(const Value* map, members.require(name, Kind::map));
  if (map->items.empty()) return refuse(kMembers, name, *map, "has no register");
  for (std::size_t i = 0; i < map->items.size(); i += 2) {
    const Value& index = map->items[i];
    if (index.kind != Kind::uint || index.number > kMaxPcr)
      return refuse(kMembers, name, index, "has a key that is no number from 0 to " + std::to_string(kMaxPcr));
    TRY(const ByteView pcr,
        bytes_of(kMembers, name + "." + std::to_string(index.number), map->items[i + 1], kPcrSize, kPcrSize));
    out.pcrs.emplace(static_cast<std::uint32_t>(index.number), pcr);
  }
  return {};
}

Status read_certificates(Document& out, Members& members) {
  TRY(const Value* certificate, members.require("certificate", Kind::bytes));
  TRY(out.certificate, bytes_of(kMembers, "certificate", *certificate, 1, kMaxCertificate));
  TRY(const Value* bundle, members.require("cabundle", Kind::array));
  if (bundle->items.empty() || bundle->items.size() > kMaxBundle)
    return refuse(kMembers, "cabundle", *bundle,
                  "has " + std::to_string(bundle->items.size()) + " certificates, 1 to " + std::to_string(kMaxBundle) +
                      " wanted");
  for (const Value& item : bundle->items) {
    const std::string name = "cabundle[" + std::to_string(out.cabundle.size()) + "]";
    TRY(const ByteView der, bytes_of(kMembers, name, item, 1, kMaxCertificate));
    out.cabundle.push_back(der);
  }
  return {};
}

// Sections 2.2 and 3.2.2 of the NSM's documentation, but for what real documents have and it denies: members that are
// null.
Status read_members(Document& out) {
  CHECK(expect(kMembers, "payload", out.members, Kind::map));
  Members members(out.members);
  TRY(const Value* module_id, members.require("module_id", Kind::text));
  if (module_id->content.empty()) return refuse(kMembers, "module_id", *module_id, "is empty");
  out.module_id = as_text(module_id->content);
  TRY(const Value* digest, members.require("digest", Kind::text));
  if (as_text(digest->content) != "SHA384")
    return refuse(kMembers, "digest", *digest, "is not SHA384", "digest", Fault::unsupported);
  TRY(const Value* timestamp, members.require("timestamp", Kind::uint));
  if (timestamp->number == 0 || timestamp->number > kMaxTimestamp)
    return refuse(kMembers, "timestamp", *timestamp,
                  "is " + std::to_string(timestamp->number) + ", no time in milliseconds since 1970");
  out.timestamp_ms = timestamp->number;
  CHECK(read_pcrs(out, members));
  CHECK(read_certificates(out, members));
  TRY(out.public_key, members.optional_bytes("public_key", 1024));
  TRY(out.user_data, members.optional_bytes("user_data", 512));
  TRY(out.nonce, members.optional_bytes("nonce", 512));
  return members.all_asked_for();
}

}  // namespace

ByteView Document::binding() const {
  if (user_data && !user_data->empty()) return *user_data;
  return nonce.value_or(ByteView{});
}

bool is_document(ByteView bytes) {
  if (!bytes.empty() && bytes[0] == 0xd2) bytes = bytes.subspan(1);                          // tag 18
  return bytes.size() >= 2 && (bytes[0] == 0x84 || bytes[0] == 0x9f) && bytes[1] >> 5 == 2;  // array of a byte string
}

Result<Document> parse_document(ByteView bytes, bool allow_trailing) {
  const auto parse = [](ByteView of, std::string_view what, std::uint64_t base = 0) {
    return coded("cbor", cbor::parse(of, what, base));
  };
  Document out;
  TRY(out.message, allow_trailing ? coded("cbor", cbor::parse_first(bytes, kMessage)) : parse(bytes, kMessage));
  CHECK(coded("cose", read_message(out)));
  TRY(const Value header, parse(out.protected_header, "protected header", offset_in(bytes, out.protected_header)));
  CHECK(coded("cose", read_protected_header(header)));
  TRY(out.members, parse(out.payload, kMembers, offset_in(bytes, out.payload)));
  CHECK(coded("nitro", read_members(out)));
  return out;
}

}  // namespace hallmark::nitro
