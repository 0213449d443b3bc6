// Documents as the NSM's documentation has them, and what is none.
#include "lib/tee/nitro/evidence.h"

#include <gtest/gtest.h>

#include "lib/tee/nitro/inspect.h"
#include "tests/evidence/nitro.h"

namespace hallmark::nitro {
namespace {

using Members = std::vector<made::NitroDocument::Member>;

Error refused(ByteView bytes, bool allow_trailing = false) {
  const auto document = parse_document(bytes, allow_trailing);
  EXPECT_FALSE(document);
  return document ? Error{} : document.error();
}

// A document in which the value of a member is another, or which has one more.
Bytes with(const std::string& name, const Bytes& value) {
  made::NitroDocument made;
  made.change_members = [&](Members& members) {
    for (auto& [key, old] : members)
      if (key == name) {
        old = value;
        return;
      }
    members.emplace_back(name, value);
  };
  return made.bytes();
}
Bytes without(const std::string& name) {
  made::NitroDocument made;
  made.change_members = [&](Members& members) {
    std::erase_if(members, [&](const auto& m) { return m.first == name; });
  };
  return made.bytes();
}
Bytes with_pcrs(const std::string& hex_of_map) { return with("pcrs", *from_hex(hex_of_map)); }

Bytes joined(std::initializer_list<ByteView> parts) {
  Bytes out;
  for (const ByteView part : parts) out.insert(out.end(), part.begin(), part.end());
  return out;
}

TEST(NitroDocument, HasItsMembers) {
  const made::NitroDocument made{.public_key = Bytes(1024, 1), .user_data = Bytes(512, 2), .nonce = Bytes(512, 3)};
  const Bytes bytes = made.bytes();
  EXPECT_TRUE(is_document(bytes));
  const auto document = parse_document(bytes);
  ASSERT_TRUE(document) << document.error().message();
  EXPECT_EQ(to_hex(document->protected_header), "a1013822");
  EXPECT_EQ(document->signature.size(), 96u);
  EXPECT_EQ(document->signature.data() + 96, bytes.data() + bytes.size());
  EXPECT_EQ(document->module_id, "i-0123456789abcdef0-enc0123456789abcdef");
  EXPECT_EQ(document->timestamp_ms, 1767225600000u);
  EXPECT_FALSE(document->tpm);
  ASSERT_EQ(document->pcrs.size(), 5u);
  EXPECT_EQ(to_hex(document->pcrs.at(4)), to_hex(Bytes(48, 0xa4)));
  ASSERT_EQ(document->cabundle.size(), 4u);
  EXPECT_EQ(document->public_key->size(), 1024u);
  EXPECT_EQ(to_hex(*document->user_data), to_hex(Bytes(512, 2)));
  EXPECT_EQ(to_hex(*document->nonce), to_hex(Bytes(512, 3)));
}

// RFC 8949 knows many encodings of one value, and RFC 9052 two of the whole.
TEST(NitroDocument, IsReadInEveryEncoding) {
  const made::NitroDocument definite, indefinite{.indefinite = true};
  for (const made::NitroDocument* made : {&definite, &indefinite}) {
    const Bytes plain = made->bytes();
    const Bytes tag{0xd2};
    Bytes open = plain;
    open[0] = 0x9f;
    open.push_back(0xff);
    for (const Bytes& bytes : {plain, joined({tag, plain}), open, joined({tag, open})}) {
      EXPECT_TRUE(is_document(bytes));
      const auto document = parse_document(bytes);
      ASSERT_TRUE(document) << document.error().message();
      EXPECT_EQ(document->pcrs.size(), 5u);
      EXPECT_EQ(document->cabundle.size(), 4u);
    }
  }
  EXPECT_TRUE(parse_document(made::NitroDocument{.protected_header = *from_hex("bf1801390022ff")}.bytes()));
}

TEST(NitroDocument, MembersWithoutAValueAreNullOrAbsent) {
  for (const bool null : {true, false}) {
    const Bytes bytes = made::NitroDocument{.null_if_absent = null}.bytes();
    const auto document = parse_document(bytes);
    ASSERT_TRUE(document) << document.error().message();
    EXPECT_FALSE(document->public_key || document->user_data || document->nonce);
  }
  const Bytes empty = with("user_data", made::cbor_bytes({}));
  EXPECT_EQ(parse_document(empty)->user_data->size(), 0u);
}

TEST(NitroDocument, RegistersAreThoseThatItHas) {
  const std::string pcr(96, 'c');
  const Bytes sparse = with_pcrs("a3005830" + pcr + "181f5830" + pcr + "085830" + pcr);
  const auto document = parse_document(sparse);
  ASSERT_TRUE(document) << document.error().message();
  ASSERT_EQ(document->pcrs.size(), 3u);
  EXPECT_EQ(document->pcrs.begin()->first, 0u);
  EXPECT_EQ(document->pcrs.rbegin()->first, 31u);
}

TEST(NitroDocument, OfATpmHasThemUnderAnotherName) {
  made::NitroDocument made;
  made.change_members = [](Members& members) {
    for (auto& [name, value] : members)
      if (name == "pcrs") name = "nitrotpm_pcrs";
  };
  const Bytes bytes = made.bytes();
  const auto document = parse_document(bytes);
  ASSERT_TRUE(document) << document.error().message();
  EXPECT_TRUE(document->tpm);
  EXPECT_EQ(document->pcrs.size(), 5u);
  EXPECT_NE(refused(with("nitrotpm_pcrs", *from_hex("a1005830" + std::string(96, '0')))).what.find("beside pcrs"),
            std::string::npos);
}

TEST(NitroDocument, IsBoundByUserDataOrElseByTheNonce) {
  const auto binding = [](std::optional<Bytes> user_data, std::optional<Bytes> nonce) {
    const Bytes bytes = made::NitroDocument{.user_data = std::move(user_data), .nonce = std::move(nonce)}.bytes();
    return to_hex(parse_document(bytes)->binding());
  };
  EXPECT_EQ(binding(Bytes{1}, Bytes{2}), "01");
  EXPECT_EQ(binding(Bytes{1}, std::nullopt), "01");
  EXPECT_EQ(binding(Bytes{}, Bytes{2}), "02");
  EXPECT_EQ(binding(std::nullopt, Bytes{2}), "02");
  EXPECT_EQ(binding(std::nullopt, std::nullopt), "");
}

TEST(NitroDocument, CutOffAnywhereIsTruncated) {
  const Bytes bytes = made::NitroDocument{.indefinite = true}.bytes();
  for (std::size_t size = 0; size < bytes.size(); size++) {
    const Error error = refused(ByteView(bytes).first(size));
    ASSERT_EQ(error.code, "cbor.truncated") << size << ": " << error.what;
  }
}

TEST(NitroDocument, HasNothingBehindIt) {
  const Bytes bytes = made::NitroDocument{}.bytes();
  for (const std::uint8_t more : Bytes{0, 1}) {
    const Bytes longer = joined({bytes, Bytes{more}});
    EXPECT_EQ(refused(longer).code, "cbor.trailing");
    EXPECT_TRUE(parse_document(longer, true));
  }
  // Inside, nothing makes up for it.
  made::NitroDocument made{.protected_header = {0xa1, 0x01, 0x38, 0x22, 0x00}};
  EXPECT_EQ(refused(made.bytes(), true).code, "cbor.trailing");
}

TEST(NitroDocument, MessageIsHeldToItsFormat) {
  const made::NitroDocument made;
  const Bytes bytes = made.bytes();
  const auto changed = [&](std::size_t at, std::uint8_t to) {
    Bytes out = bytes;
    out[at] = to;
    return out;
  };
  const Bytes tag19{0xd3};
  // Without the signature and its head.
  const Bytes three = joined({Bytes{0x83}, ByteView(bytes).subspan(1, bytes.size() - 99)});
  Bytes short_signature = changed(bytes.size() - 97, 95);
  short_signature.pop_back();
  const struct {
    const char *code, *message;
    Bytes bytes;
  } cases[] = {
      {"cose.malformed", "COSE_Sign1: tag at 0x0: is 19, not 18", joined({tag19, bytes})},
      {"cose.malformed", "COSE_Sign1: message at 0x0: is a map, an array wanted", {0xa0}},
      {"cose.malformed", "COSE_Sign1: message at 0x0: has 3 items, 4 wanted", three},
      {"cose.malformed", "COSE_Sign1: signature at ", short_signature},
      {"cose.malformed", "COSE_Sign1: unprotected header at 0x6: is an array, a map wanted", changed(6, 0x80)},
      {"cose.malformed", "COSE_Sign1: payload at 0x7: has 0 bytes, 1 to 16384 wanted",
       joined({*from_hex("8444a1013822a0405860"), Bytes(96)})},
      {"cose.malformed", "COSE_Sign1: payload at 0x7: is null, a byte string wanted",
       joined({*from_hex("8444a1013822a0f65860"), Bytes(96)})},
      {"cose.malformed", "COSE_Sign1: payload at 0x7: has 16385 bytes, 1 to 16384 wanted",
       joined({*from_hex("8444a1013822a0594001"), Bytes(16385), *from_hex("5860"), Bytes(96)})},
      {"cose.algorithm", "COSE_Sign1: algorithm at 0x4: is -7, not -35 (ES384)",
       made::NitroDocument{.protected_header = *from_hex("a10126")}.bytes()},
      {"cose.algorithm", "COSE_Sign1: algorithm at 0x4: is a text string, not -35 (ES384)",
       made::NitroDocument{.protected_header = *from_hex("a1016161")}.bytes()},
      {"cose.malformed", "COSE_Sign1: protected header at 0x2: is not a map of the algorithm alone",
       made::NitroDocument{.protected_header = *from_hex("a0")}.bytes()},
      // With crit: [5]
      {"cose.malformed", "COSE_Sign1: protected header at 0x2: is not a map of the algorithm alone",
       made::NitroDocument{.protected_header = *from_hex("a2013822028105")}.bytes()},
      {"cbor.truncated", "protected header: item at 0x2: needs 1 bytes, 0 left",
       made::NitroDocument{.protected_header = {}}.bytes()},
      {"cbor.duplicate_key", "protected header: key 1 at ",
       made::NitroDocument{.protected_header = *from_hex("a2013822013822")}.bytes()},
  };
  for (const auto& c : cases) {
    const Error error = refused(c.bytes);
    EXPECT_EQ(error.code, c.code) << error.what;
    EXPECT_EQ(error.what.substr(0, std::string(c.message).size()), c.message);
  }
}

// Cantina's review of base/nitro-validator, 3.2.4: the unprotected header was taken to be empty.
TEST(NitroDocument, UnprotectedHeaderIsSkipped) {
  for (const char* hex : {"a10443616263", "a20120046161", "bf04a10102ff"}) {
    const Bytes bytes = made::NitroDocument{.unprotected_header = *from_hex(hex)}.bytes();
    const auto document = parse_document(bytes);
    ASSERT_TRUE(document) << document.error().message();
    EXPECT_EQ(document->pcrs.size(), 5u);
  }
}

TEST(NitroDocument, MembersAreHeldToTheirFormat) {
  const std::string pcr = "5830" + std::string(96, 'c');
  const struct {
    const char *code, *message;
    Bytes bytes;
  } cases[] = {
      {"nitro.malformed", "module_id at 0xa: is missing", without("module_id")},
      {"nitro.malformed", "is missing", without("digest")},
      {"nitro.malformed", "timestamp at 0xa: is missing", without("timestamp")},
      {"nitro.malformed", "pcrs at 0xa: is missing", without("pcrs")},
      {"nitro.malformed", "certificate at 0xa: is missing", without("certificate")},
      {"nitro.malformed", "cabundle at 0xa: is missing", without("cabundle")},
      {"nitro.malformed", "cabundle at 0xa: is missing", with("cabundle", made::kCborNull)},
      {"nitro.malformed", "is empty", with("module_id", made::cbor_text(""))},
      {"nitro.malformed", "is a byte string, a text string wanted", with("module_id", made::cbor_bytes(Bytes{1}))},
      {"nitro.digest", "is not SHA384", with("digest", made::cbor_text("SHA256"))},
      {"nitro.malformed", "is 0, no time", with("timestamp", made::cbor_number(0))},
      {"nitro.malformed", "is 9007199254740993, no time", with("timestamp", made::cbor_number((1ull << 53) + 1))},
      {"nitro.malformed", "is a negative integer, an unsigned", with("timestamp", {0x20})},
      {"nitro.malformed", "has no register", with_pcrs("a0")},
      {"nitro.malformed", "is an array, a map wanted", with_pcrs("80")},
      {"nitro.malformed", "has a key that is no number from 0 to 31", with_pcrs("a11820" + pcr)},
      {"nitro.malformed", "has a key that is no number from 0 to 31", with_pcrs("a120" + pcr)},
      {"nitro.malformed", "has a key that is no number from 0 to 31", with_pcrs("a16130" + pcr)},
      {"nitro.malformed", "pcrs.7 at ", with_pcrs("a1075820" + std::string(64, 'c'))},
      {"nitro.malformed", "has 32 bytes, 48 wanted", with_pcrs("a1075820" + std::string(64, 'c'))},
      {"nitro.malformed", "pcrs.7 at ", with_pcrs("a107f6")},
      {"cbor.duplicate_key", "key 1 of pcrs", with_pcrs("a207" + pcr + "1807" + pcr)},
      {"nitro.malformed", "certificate at ", with("certificate", made::cbor_bytes({}))},
      {"nitro.malformed", "has 1025 bytes, 1 to 1024 wanted", with("certificate", made::cbor_bytes(Bytes(1025)))},
      {"nitro.malformed", "has 0 certificates, 1 to 16 wanted", with("cabundle", {0x80})},
      {"nitro.malformed", "has 17 certificates, 1 to 16 wanted",
       with("cabundle", joined({Bytes{0x91}, Bytes(17, 0x40)}))},
      {"nitro.malformed", "cabundle[1] at ", with("cabundle", *from_hex("82410040"))},
      {"nitro.malformed", "has 1025 bytes, 0 to 1024 wanted", with("public_key", made::cbor_bytes(Bytes(1025)))},
      {"nitro.malformed", "has 513 bytes, 0 to 512 wanted", with("user_data", made::cbor_bytes(Bytes(513)))},
      {"nitro.malformed", "has 513 bytes, 0 to 512 wanted", with("nonce", made::cbor_bytes(Bytes(513)))},
      {"nitro.malformed", "is a text string, a byte string wanted", with("nonce", made::cbor_text("nonce"))},
      {"nitro.malformed", "nonce at ", with("nonce", {0xf7})},
      {"nitro.malformed", "is not that of a member of attestation documents", with("debug", {0xf4})},
      {"cbor.trailing", "attestation document: end at ", with("nonce", {0xf6, 0x00})},
      {"cbor.unsupported", "is a floating-point number", with("nonce", *from_hex("f90000"))},
  };
  for (const auto& c : cases) {
    const Error error = refused(c.bytes);
    EXPECT_EQ(error.code, c.code) << error.what;
    EXPECT_NE(error.what.find(c.message), std::string::npos) << error.what << "\nwanted: " << c.message;
  }
}

TEST(NitroDocument, MemberTwiceIsRefused) {
  made::NitroDocument made;
  made.change_members = [](Members& members) { members.push_back(members[0]); };
  EXPECT_EQ(refused(made.bytes()).code, "cbor.duplicate_key");
}

TEST(NitroDocument, IsToldFromOtherEvidence) {
  for (const char* hex : {"", "84", "d2", "d284", "8480", "d38440", "0300020000000000", "a0", "3082010a"}) {
    const auto bytes = from_hex(hex);
    EXPECT_FALSE(bytes && is_document(*bytes)) << hex;
  }
}

TEST(NitroDocument, IsInspectedAtItsPlaces) {
  made::NitroDocument made{.user_data = Bytes{0xaa, 0xbb}};
  made.pcrs[0] = Bytes(48);
  const Bytes bytes = made.bytes();
  const auto inspection = inspect_bytes(bytes);
  ASSERT_TRUE(inspection) << inspection.error().message();
  EXPECT_EQ(inspection->tee, "aws-nitro");
  EXPECT_EQ(inspection->format, "nitro-document");
  std::vector<std::string> names;
  for (const InspectedRecord& record : inspection->records) {
    names.push_back(record.name);
    EXPECT_LE(record.offset + record.size, bytes.size());
    for (const InspectedField& field : record.fields) {
      // What is shown as bytes are those at the place that is shown with them.
      ASSERT_LE(field.offset + field.size, bytes.size());
      if (!field.value.empty() && !field.value.starts_with("0x")) {
        EXPECT_EQ(field.value, to_hex(ByteView(bytes).subspan(field.offset, field.size))) << field.name;
      }
    }
  }
  EXPECT_EQ(names, (std::vector<std::string>{"COSE_Sign1", "attestation document", "pcrs", "cabundle"}));
  const auto field = [&](std::size_t record, std::string_view name) {
    const auto& fields = inspection->records.at(record).fields;
    const auto it = std::ranges::find(fields, name, &InspectedField::name);
    return it == fields.end() ? InspectedField{} : *it;
  };
  EXPECT_EQ(field(0, "signature").size, 96u);
  EXPECT_EQ(field(1, "module_id").meaning, "i-0123456789abcdef0-enc0123456789abcdef");
  EXPECT_EQ(field(1, "timestamp").value, "0x19b76daa800");  // 1767225600000
  EXPECT_EQ(field(1, "timestamp").meaning, "2026-01-01T00:00:00Z");
  EXPECT_EQ(field(1, "user_data").value, "aabb");
  EXPECT_EQ(field(1, "nonce").meaning, "null");
  EXPECT_EQ(
      field(1, "certificate").meaning,
      "i-0123456789abcdef0-enc0123456789abcdef.test-region.aws, from 2025-12-31T23:59:57Z to 2026-01-01T03:00:00Z");
  EXPECT_EQ(field(2, "pcr0").meaning, "zeros");
  EXPECT_EQ(field(2, "pcr1").value, to_hex(Bytes(48, 0xa1)));
  EXPECT_EQ(field(3, "cabundle[0]").meaning, "made nitro root 0, from 2019-10-28T00:00:00Z to 2049-10-28T00:00:00Z");
}

}  // namespace
}  // namespace hallmark::nitro
