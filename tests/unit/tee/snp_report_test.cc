// Reports of SEV-SNP, and what is none. Offsets are those of AMD's table "ATTESTATION_REPORT", by hand.
#include <gmock/gmock.h>

#include "lib/tee/snp/certificate_table.h"
#include "lib/tee/snp/inspect.h"
#include "tests/evidence/snp.h"
#include "tests/unit/tee/spec_tables.h"

namespace hallmark::snp {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// Unsigned: nothing here looks at the signature.
Bytes report_of(std::uint32_t version) {
  made::SnpReport made;
  made.key.reset();
  made.fields.set<"version">(version);
  if (version < 3) made.fields.set<"cpuid_family">(0).set<"cpuid_model">(0).set<"cpuid_stepping">(0);
  return made.bytes();
}

Error refused(ByteView bytes) {
  const auto parsed = parse_report(bytes);
  EXPECT_FALSE(parsed);
  return parsed ? Error{} : parsed.error();
}

Bytes with(Bytes bytes, std::size_t at, std::uint8_t value) {
  bytes[at] = value;
  return bytes;
}

TEST(SnpReport, FieldsStandWhereAmdPutsThem) {
  Bytes bytes = report_of(5);
  for (const auto& [from, to] : {std::pair{0x10, 0x30}, std::pair{0x50, 0x18b}, std::pair{0x1a0, 0x1eb},
                                 std::pair{0x1ec, 0x1ef}, std::pair{0x1f0, 0x208}, std::pair{0x2a0, 0x330}})
    for (int i = from; i < to; i++)
      if (i < 0x34 || i >= 0x4c) bytes[static_cast<std::size_t>(i)] = static_cast<std::uint8_t>(i * 7 + (i >> 8));
  const auto report = parse_report(bytes);
  ASSERT_TRUE(report) << report.error().message();
  const auto at = [&](std::size_t offset, std::size_t size) { return to_hex(ByteView(bytes).subspan(offset, size)); };
  EXPECT_EQ(report->num<"version">(), 5u);
  EXPECT_EQ(report->num<"guest_svn">(), 7u);
  EXPECT_EQ(report->num<"policy">(), 0x30000u);
  EXPECT_EQ(to_hex(report->get<"family_id">()), at(0x10, 16));
  EXPECT_EQ(to_hex(report->get<"image_id">()), at(0x20, 16));
  EXPECT_EQ(to_hex(report->get<"current_tcb">()), at(0x38, 8));
  EXPECT_EQ(report->num<"platform_info">(), 0x25u);
  EXPECT_EQ(to_hex(report->get<"report_data">()), at(0x50, 64));
  EXPECT_EQ(to_hex(report->get<"measurement">()), at(0x90, 48));
  EXPECT_EQ(to_hex(report->get<"host_data">()), at(0xc0, 32));
  EXPECT_EQ(to_hex(report->get<"id_key_digest">()), at(0xe0, 48));
  EXPECT_EQ(to_hex(report->get<"author_key_digest">()), at(0x110, 48));
  EXPECT_EQ(to_hex(report->get<"report_id">()), at(0x140, 32));
  EXPECT_EQ(to_hex(report->get<"report_id_ma">()), at(0x160, 32));
  EXPECT_EQ(to_hex(report->get<"reported_tcb">()), at(0x180, 8));
  EXPECT_EQ(report->num<"cpuid_family">(), bytes[0x188]);
  EXPECT_EQ(report->num<"cpuid_stepping">(), bytes[0x18a]);
  EXPECT_EQ(to_hex(report->get<"chip_id">()), at(0x1a0, 64));
  EXPECT_EQ(to_hex(report->get<"committed_tcb">()), at(0x1e0, 8));
  EXPECT_EQ(report->num<"current_major">(), bytes[0x1ea]);
  EXPECT_EQ(report->num<"committed_build">(), bytes[0x1ec]);
  EXPECT_EQ(to_hex(report->get<"launch_tcb">()), at(0x1f0, 8));
  EXPECT_EQ(to_hex(report->get<"launch_mit_vector">()), at(0x1f8, 8));
  EXPECT_EQ(to_hex(report->get<"current_mit_vector">()), at(0x200, 8));
  EXPECT_EQ(to_hex(report->get<"signature_r">()), at(0x2a0, 72));
  EXPECT_EQ(to_hex(report->get<"signature_s">()), at(0x2e8, 72));
}

TEST(SnpReport, IsHeldToItsFormat) {
  const struct {
    const char* code;
    const char* message;
    Fault fault;
    Bytes bytes;
  } cases[] = {
      {"snp.version", "version at 0x0: is 0", Fault::unsupported, report_of(0)},
      {"snp.version", "version at 0x0: is 1", Fault::unsupported, report_of(1)},
      {"snp.version", "version at 0x0: is 6", Fault::unsupported, report_of(6)},
      {"snp.version", "version at 0x0: is 4294967295", Fault::unsupported, report_of(UINT32_MAX)},
      {"snp.sig_algo", "signature_algo at 0x34: is 2", Fault::unsupported, with(report_of(3), 0x34, 2)},
      {"snp.sig_algo", "signature_algo at 0x34: is 0", Fault::unsupported, with(report_of(3), 0x34, 0)},
      {"snp.policy", "policy at 0x8: bit 17", Fault::format, with(report_of(3), 0x0a, 1)},
      {"snp.signing_key", "SIGNING_KEY is 2", Fault::unsupported, with(report_of(3), 0x48, 2 << 2)},
      {"snp.signing_key", "SIGNING_KEY is 6", Fault::unsupported, with(report_of(3), 0x48, 6 << 2)},
      {"snp.reserved", "key_info at 0x48", Fault::format, with(report_of(3), 0x48, 1 << 5)},
      {"snp.reserved", "at 0x4c", Fault::format, with(report_of(3), 0x4f, 1)},
      {"snp.reserved", "cpuid_family at 0x188", Fault::format, with(report_of(2), 0x18a, 1)},
      {"snp.reserved", "at 0x18b", Fault::format, with(report_of(3), 0x19f, 1)},
      {"snp.reserved", "at 0x1eb", Fault::format, with(report_of(3), 0x1eb, 1)},
      {"snp.reserved", "at 0x1ef", Fault::format, with(report_of(3), 0x1ef, 1)},
      {"snp.reserved", "launch_mit_vector at 0x1f8", Fault::format, with(report_of(4), 0x207, 1)},
      {"snp.reserved", "at 0x208", Fault::format, with(report_of(5), 0x29f, 1)},
      {"snp.reserved", "at 0x330", Fault::format, with(report_of(5), 0x49f, 1)},
  };
  for (const auto& c : cases) {
    const Error error = refused(c.bytes);
    EXPECT_EQ(error.code, c.code) << c.message;
    EXPECT_EQ(error.fault, c.fault) << c.message;
    EXPECT_THAT(error.message(), HasSubstr(c.message));
  }
  for (std::uint32_t version = 2; version <= 5; version++) EXPECT_TRUE(parse_report(report_of(version))) << version;
  EXPECT_TRUE(parse_report(with(report_of(5), 0x207, 1)));
}

TEST(SnpReport, HasOneSize) {
  Bytes bytes = report_of(3);
  for (std::size_t size = 0; size < bytes.size(); size++)
    EXPECT_EQ(refused(ByteView(bytes).first(size)).code, "snp.size") << size;
  bytes.push_back(0);
  EXPECT_EQ(refused(bytes).code, "snp.size");
}

TEST(SnpReport, IsKnownByItsSizeOrItsFirstBytes) {
  const Bytes bytes = report_of(3);
  EXPECT_TRUE(looks_like_report(bytes));
  EXPECT_TRUE(looks_like_report(ByteView(bytes).first(1183)));
  EXPECT_TRUE(looks_like_report(ByteView(bytes).first(0x38)));
  EXPECT_FALSE(looks_like_report(ByteView(bytes).first(0x37)));
  EXPECT_TRUE(looks_like_report(with(bytes, 0, 1)));
  EXPECT_FALSE(looks_like_report(ByteView(with(bytes, 0x34, 2)).first(1000)));
  EXPECT_FALSE(looks_like_report(as_bytes("{\"an\": \"other thing\"}")));
}

TEST(SnpReport, KeyInfoHasItsBits) {
  const Bytes bytes = with(report_of(3), 0x48, 0b00111);
  const KeyInfo info = key_info(*parse_report(bytes));
  EXPECT_TRUE(info.author_key_enabled);
  EXPECT_TRUE(info.mask_chip_key);
  EXPECT_EQ(info.signing_key, SigningKey::vlek);
  const Bytes none = with(report_of(3), 0x48, 0b11100);
  EXPECT_EQ(key_info(*parse_report(none)).signing_key, SigningKey::none);
}

TEST(SnpReport, LinesAreThoseOfCpuid) {
  const struct {
    std::uint8_t family, model;
    std::optional<Line> line;
  } cases[] = {{0x19, 0x00, Line::milan}, {0x19, 0x0f, Line::milan}, {0x19, 0x10, Line::genoa},
               {0x19, 0x1f, Line::genoa}, {0x19, 0xa0, Line::genoa}, {0x19, 0xaf, Line::genoa},
               {0x19, 0x20, {}},          {0x19, 0x9f, {}},          {0x1a, 0x00, Line::turin},
               {0x1a, 0x11, Line::turin}, {0x1a, 0x12, {}},          {0x17, 0x31, {}},
               {0x00, 0x00, {}}};
  for (const auto& c : cases) EXPECT_EQ(line_of_cpu(c.family, c.model), c.line) << int{c.family} << " " << int{c.model};
  EXPECT_EQ(line_of(*parse_report(report_of(2))), std::nullopt);
}

TEST(SnpReport, TcbHasThePlacesOfItsLine) {
  const std::array<std::uint8_t, 8> tcb{1, 2, 3, 4, 5, 6, 7, 8};
  EXPECT_EQ(describe_tcb(Line::genoa, tcb), "bootloader 1, tee 2, spl4 3, spl5 4, spl6 5, spl7 6, snp 7, microcode 8");
  EXPECT_EQ(describe_tcb(Line::turin, tcb),
            "fmc 1, bootloader 2, tee 3, snp 4, microcode 8, byte 4 is 5, byte 5 is 6, byte 6 is 7");
  EXPECT_EQ(describe_tcb(Line::milan, std::array<std::uint8_t, 8>{3, 0, 0, 0, 0, 0, 8, 115}),
            "bootloader 3, tee 0, snp 8, microcode 115");
}

TEST(SnpReport, InspectionShowsEveryByteOnce) {
  made::SnpReport made = made::SnpReport::of_turin();
  made.fields.set<"policy">(0x8000000b0103);
  const auto inspection = inspect(made.bytes());
  ASSERT_TRUE(inspection) << inspection.error().message();
  EXPECT_EQ(inspection->tee, "amd-sev-snp");
  ASSERT_EQ(inspection->records.size(), 1u);
  std::uint64_t end = 0;
  std::map<std::string, std::string> meaning;
  for (const InspectedField& f : inspection->records[0].fields) {
    EXPECT_EQ(f.offset, end) << f.name;
    end = f.offset + f.size;
    meaning[f.name] = f.meaning;
  }
  EXPECT_EQ(end, 1184u);
  EXPECT_EQ(meaning["policy"], "ABI 1.3 or later; smt, debug, bit 47");
  EXPECT_EQ(meaning["platform_info"], "smt_en, ecc_en, alias_check_complete");
  EXPECT_EQ(meaning["reported_tcb"], "fmc 1, bootloader 3, tee 0, snp 8, microcode 209");
  EXPECT_EQ(meaning["cpuid_family"], "Turin");
  EXPECT_EQ(inspect(Bytes(1184)).error().code, "snp.version");

  const auto behind = [&](const Bytes& rest) {
    Bytes bytes = made.bytes();
    bytes.insert(bytes.end(), rest.begin(), rest.end());
    const InspectedRecord record = inspect(bytes)->records.at(1);
    EXPECT_EQ(record.offset, 1184u);
    EXPECT_EQ(record.size, rest.size());
    return record.fields.at(0).meaning;
  };
  EXPECT_EQ(behind(Bytes(9)), "zeros");
  EXPECT_EQ(behind(made::snp_table({{made::kGuidVcek, {}}})), "a host's certificate table");
  EXPECT_EQ(behind({1}), "neither zeros nor a certificate table");
}

TEST(SnpReport, PageHasTheTableOfTheCode) { expect_table<kReport>(spec_page("tee/snp.md")); }

TEST(SnpCertificateTable, HasThePartsOfItsEntries) {
  const Bytes table = made::snp_table({{made::kGuidVcek, {1, 2, 3}}, {made::kGuidExtra, {}}, {made::kGuidArk, {4}}});
  EXPECT_TRUE(is_certificate_table(table));
  const auto parts = parse_certificate_table(table);
  ASSERT_TRUE(parts) << parts.error().message();
  ASSERT_EQ(parts->size(), 3u);
  EXPECT_EQ((*parts)[0].entry, TableEntry::vcek);
  EXPECT_THAT((*parts)[0].bytes, ElementsAre(1, 2, 3));
  EXPECT_EQ((*parts)[1].entry, TableEntry::other);
  EXPECT_THAT((*parts)[1].bytes, IsEmpty());
  EXPECT_EQ((*parts)[2].entry, TableEntry::ark);
  EXPECT_THAT((*parts)[2].bytes, ElementsAre(4));
}

TEST(SnpCertificateTable, StaysInItsBytes) {
  const Bytes good = made::snp_table({{made::kGuidVcek, {1, 2, 3}}});
  const std::size_t offset_at = 16, length_at = 20;
  const auto table = [&](std::size_t at, std::uint32_t value) {
    Bytes out = good;
    store_le(std::span(out).subspan(at), value);
    return out;
  };
  for (const Bytes& bad :
       {table(offset_at, 49), table(offset_at, UINT32_MAX), table(length_at, 4), table(length_at, UINT32_MAX),
        Bytes(good.begin(), good.begin() + 24), Bytes(good.begin(), good.begin() + 47)}) {
    const auto parts = parse_certificate_table(bad);
    ASSERT_FALSE(parts);
    EXPECT_EQ(parts.error().code, "snp.certificate_table");
    EXPECT_EQ(parts.error().fault, Fault::format);
  }
  // One entry after the other, and no end.
  Bytes endless;
  for (int i = 0; i < 100; i++) endless.insert(endless.end(), good.begin(), good.begin() + 24);
  EXPECT_THAT(parse_certificate_table(endless).error().message(), HasSubstr("more than 64 entries"));
  EXPECT_TRUE(parse_certificate_table(Bytes(24)));
  EXPECT_FALSE(is_certificate_table(Bytes(24)));
  EXPECT_FALSE(is_certificate_table(ByteView(good).first(23)));
}

}  // namespace
}  // namespace hallmark::snp
