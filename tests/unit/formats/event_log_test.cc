// Event logs, and those that are none. The logs are laid out by made_log.h.
#include "lib/formats/event_log.h"

#include <gtest/gtest.h>

#include "tests/unit/formats/made_log.h"

namespace hallmark {
namespace {

const Bytes kZeros(4);

// The failure of a log that must not be read.
Error refused(ByteView log) {
  const auto parsed = parse_event_log(log);
  EXPECT_FALSE(parsed);
  return parsed ? Error{} : parsed.error();
}
std::string message(const MadeLog& log) { return refused(log.bytes).message(); }

TEST(EventLog, IsReadRecordByRecord) {
  const MadeLog::Algorithms both{{MadeLog::kSha256, 32}, {MadeLog::kSha384, 48}};
  const auto sha256 = digest<Alg::sha256>(kZeros);
  const auto sha384 = digest<Alg::sha384>(kZeros);
  MadeLog made(both, 0);
  const std::size_t first = made.bytes.size();
  made.le(std::uint32_t{7}).le(tcg::kSeparator).le(std::uint32_t{2});
  made.le(MadeLog::kSha256).raw(sha256).le(MadeLog::kSha384).raw(sha384).le(std::uint32_t{4}).raw(kZeros);
  const std::size_t second = made.bytes.size();
  made.le(std::uint32_t{0xffffffff}).le(std::uint32_t{0x12345678}).le(std::uint32_t{0}).le(std::uint32_t{0});

  const auto log = parse_event_log(made.bytes);
  ASSERT_TRUE(log) << log.error().message();
  EXPECT_EQ(log->algorithms, (std::vector<std::uint16_t>{MadeLog::kSha256, MadeLog::kSha384}));
  EXPECT_EQ(log->first_index, 0u);
  ASSERT_EQ(log->records.size(), 2u);
  const LogRecord& separator = log->records[0];
  EXPECT_EQ(separator.index, 7u);
  EXPECT_EQ(separator.type, tcg::kSeparator);
  EXPECT_EQ(separator.offset, first);
  EXPECT_EQ(to_hex(separator.digest(LogAlgorithm::sha256)), to_hex(sha256));
  EXPECT_EQ(to_hex(separator.digest(LogAlgorithm::sha384)), to_hex(sha384));
  EXPECT_TRUE(separator.digest(LogAlgorithm::sha1).empty());
  EXPECT_EQ(to_hex(separator.data), "00000000");
  EXPECT_EQ(log->records[1].index, 0xffffffffu);
  EXPECT_EQ(log->records[1].type, 0x12345678u);
  EXPECT_EQ(log->records[1].offset, second);
  EXPECT_TRUE(log->records[1].digests.empty());
}

TEST(EventLog, EndsWithItsBytesOrWherePaddingBegins) {
  const MadeLog made = MadeLog().event(1, tcg::kSeparator, kZeros);
  for (const std::uint8_t fill : std::initializer_list<std::uint8_t>{0x00, 0xff})
    for (const std::size_t size : {0, 1, 15, 16, 5000}) {
      const auto log = parse_event_log(MadeLog(made).raw(Bytes(size, fill)).bytes);
      ASSERT_TRUE(log) << log.error().message();
      EXPECT_EQ(log->records.size(), 1u) << size;
    }
  const auto none = parse_event_log(MadeLog().bytes);
  ASSERT_TRUE(none);
  EXPECT_EQ(none->first_index, 1u);
  EXPECT_TRUE(none->records.empty());
}

TEST(EventLog, HasNothingBehindItsPadding) {
  const MadeLog made = MadeLog().event(1, tcg::kSeparator, kZeros);
  const MadeLog zeros = MadeLog(made).raw(Bytes(9)).raw(Bytes{1});
  EXPECT_NE(message(zeros).find("digests.count at "), std::string::npos) << message(zeros);
  const MadeLog mixed = MadeLog(made).raw(Bytes(100, 0xff)).raw(Bytes(100));
  EXPECT_NE(message(mixed).find("digests.count at "), std::string::npos) << message(mixed);
}

TEST(EventLog, OfTheOlderFormatIsNamedAndRefused) {
  // TCG_PCClientPCREvent: pcrIndex, eventType, SHA-1, size, data.
  MadeLog old({}, 0);
  old.bytes.clear();
  old.le(std::uint32_t{0}).le(tcg::kSCrtmVersion).raw(Bytes(20, 0xaa)).le(std::uint32_t{16}).raw(Bytes(16, 'v'));
  const MadeLog event00 = MadeLog().put(MadeLog::kSignature + 14, std::uint8_t{'0'});
  for (const Bytes& bytes : {old.bytes, event00.bytes, Bytes(), Bytes(47), Bytes(1000, 0xff)}) {
    EXPECT_FALSE(is_event_log(bytes));
    const Error error = refused(bytes);
    EXPECT_EQ(error.fault, Fault::unsupported);
    EXPECT_NE(error.what.find("SHA-1"), std::string::npos) << error.what;
  }
}

TEST(EventLog, FirstRecordIsHeldToItsFormat) {
  using std::uint16_t, std::uint32_t;
  const struct {
    const char* field;
    MadeLog log;
  } cases[] = {
      {"eventType at ", MadeLog().put(MadeLog::kEventType, tcg::kSeparator)},
      {"eventDataSize at ", MadeLog().put(MadeLog::kEventDataSize, uint32_t{32})},
      {"eventDataSize at ", MadeLog().put(MadeLog::kEventDataSize, uint32_t{34}).raw(Bytes(1))},
      {"eventDataSize at 0x1c", MadeLog().put(MadeLog::kEventDataSize, uint32_t{4097})},
      {"eventDataSize at 0x1c", MadeLog().put(MadeLog::kEventDataSize, UINT32_MAX)},
      {"numberOfAlgorithms at ", MadeLog(MadeLog::Algorithms{})},
      {"numberOfAlgorithms at 0x38", MadeLog().put(MadeLog::kCount, uint32_t{17})},
      {"numberOfAlgorithms at 0x38", MadeLog().put(MadeLog::kCount, UINT32_MAX)},
      {"digestSize at ", MadeLog(MadeLog::Algorithms{{MadeLog::kSha384, 0}})},
      {"digestSize at 0x3e", MadeLog(MadeLog::Algorithms{{MadeLog::kSha384, 65}})},
      {"digestSize at 0x3e", MadeLog(MadeLog::Algorithms{{MadeLog::kSha384, 0xffff}})},
      {"listed twice", MadeLog(MadeLog::Algorithms{{MadeLog::kSha384, 48}, {MadeLog::kSha384, 32}})},
      {"vendorInfo at 0x41", MadeLog().put(MadeLog::kAlgorithms + 4, std::uint8_t{1})},
  };
  for (const auto& c : cases) {
    const Error error = refused(c.log.bytes);
    EXPECT_EQ(error.fault, Fault::format);
    EXPECT_NE(error.message().find(c.field), std::string::npos) << c.field << ": " << error.message();
  }
}

TEST(EventLog, VendorInformationIsSkipped) {
  MadeLog made;
  made.put(MadeLog::kEventDataSize, std::uint32_t{33 + 3}).put(MadeLog::kAlgorithms + 4, std::uint8_t{3});
  made.raw(as_bytes("abc")).event(1, tcg::kSeparator, kZeros);
  const auto log = parse_event_log(made.bytes);
  ASSERT_TRUE(log) << log.error().message();
  EXPECT_EQ(log->records.size(), 1u);
}

TEST(EventLog, RecordsAreHeldToTheirFormat) {
  using std::uint16_t, std::uint32_t;
  const MadeLog start = MadeLog().event(1, tcg::kSeparator, kZeros);
  const auto record = [&](uint32_t digests) { return MadeLog(start).le(uint32_t{2}).le(tcg::kSeparator).le(digests); };
  const Bytes digest(48, 0xdd);
  const struct {
    const char* field;
    MadeLog log;
  } cases[] = {
      {"digests.count at ", record(17)},
      {"digests.count at ", record(UINT32_MAX)},
      {"0xb is none that the first record lists", record(1).le(MadeLog::kSha256).raw(Bytes(32))},
      {"0xffff is none that the first record lists", record(1).le(uint16_t{0xffff}).raw(Bytes(32))},
      {"0xc stands twice", record(2).le(MadeLog::kSha384).raw(digest).le(MadeLog::kSha384).raw(digest)},
      {"digests.digest at ", record(1).le(MadeLog::kSha384).raw(ByteView(digest).first(47))},
      {"eventSize at ", record(1).le(MadeLog::kSha384).raw(digest).le(UINT32_MAX)},
      {"eventSize at ", record(1).le(MadeLog::kSha384).raw(digest).le(uint32_t{(16 << 20) + 1})},
      {"event at ", record(1).le(MadeLog::kSha384).raw(digest).le(uint32_t{5}).raw(kZeros)},
  };
  for (const auto& c : cases) {
    const Error error = refused(c.log.bytes);
    EXPECT_EQ(error.fault, Fault::format);
    EXPECT_NE(error.message().find(c.field), std::string::npos) << c.field << ": " << error.message();
  }
}

TEST(EventLog, FailureSaysWhichRecordAndWhere) {
  MadeLog made;
  for (int i = 0; i < 3; i++) made.event(1, tcg::kSeparator, kZeros);
  const std::size_t size_at = made.bytes.size() + 4 + 4 + 4 + 2 + 48;
  made.event(1, tcg::kSeparator, kZeros).put(size_at, std::uint32_t{5});
  EXPECT_EQ(message(made), "record 4: event log: event at " + hex_offset(size_at + 4) + ": needs 5 bytes, 4 left");
}

TEST(EventLog, CutAnywhereButBehindARecordIsRefused) {
  MadeLog made;
  const std::size_t header = made.bytes.size();
  const std::size_t second = made.event(1, tcg::kSeparator, kZeros).bytes.size();
  made.event(2, tcg::kEfiAction, as_bytes("Exit Boot Services Invocation"));
  for (std::size_t size = 0; size < made.bytes.size(); size++)
    EXPECT_EQ(parse_event_log(ByteView(made.bytes).first(size)).has_value(), size == header || size == second) << size;
  EXPECT_TRUE(parse_event_log(made.bytes));
}

TEST(EventLog, HasAtMostSoManyBytesAndRecords) {
  EXPECT_NE(refused(Bytes(kMaxEventLog + 1)).what.find("at most 16777216 allowed"), std::string::npos);
  MadeLog many;
  const Bytes empty{1, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
  for (int i = 0; i < 100'000; i++) many.raw(empty);
  EXPECT_TRUE(parse_event_log(many.bytes));
  EXPECT_NE(message(many.raw(empty)).find("record at "), std::string::npos);
}

// Zeros are padding only if nothing else follows, and a record without digests and data is almost nothing but zeros:
// looking at all that is left before each record would take hours.
TEST(EventLog, OfZerosIsReadInOnePass) {
  MadeLog zeros;
  zeros.raw(Bytes((16 << 20) - zeros.bytes.size() - 1)).raw(Bytes{1});
  EXPECT_NE(message(zeros).find("record at "), std::string::npos) << message(zeros);
}

Bytes utf16(std::string_view text) {
  Bytes out;
  for (const char c : text) out.insert(out.end(), {static_cast<std::uint8_t>(c), 0});
  return out;
}

// UEFI_VARIABLE_DATA, with as many characters stated as it says.
Bytes variable(std::string_view name, std::uint64_t stated) {
  MadeLog out;
  out.bytes.clear();
  return out.raw(Bytes(16, 0x61)).le(stated).le(std::uint64_t{1}).raw(utf16(name)).raw(Bytes{1}).bytes;
}

TEST(EventDescription, SaysWhatTheDataSays) {
  EXPECT_EQ(describe_event(tcg::kEfiVariableDriverConfig, variable("SecureBoot", 10)), "variable SecureBoot");
  EXPECT_EQ(describe_event(tcg::kEfiVariableBoot, variable("Boot0000", 8)), "variable Boot0000");
  EXPECT_EQ(describe_event(tcg::kSeparator, kZeros), "separator");
  EXPECT_EQ(describe_event(tcg::kEfiAction, as_bytes("Exit Boot Services Invocation")),
            "action: Exit Boot Services Invocation");
  EXPECT_EQ(describe_event(tcg::kEventTag, as_bytes("tag.sizeLinux initrd")), "Linux initrd");
  EXPECT_EQ(describe_event(tcg::kEfiHandoffTables2, as_bytes("\x8TdxTable")), "TdxTable");
  EXPECT_EQ(describe_event(tcg::kIpl, utf16(".cmdline")), ".cmdline");
  EXPECT_EQ(describe_event(tcg::kIpl, as_bytes("grub_cmd: linux")), "grub_cmd: linux");
  EXPECT_EQ(describe_event(tcg::kPlatformConfigFlags, as_bytes("ACPI DATA")), "ACPI DATA");
  // edk2's FW_CFG_EVENT: twelve characters, then the name in 56.
  Bytes item(12 + 56);
  std::ranges::copy(as_bytes("QEMU FW CFG"), item.begin());
  std::ranges::copy(as_bytes("bootorder"), item.begin() + 12);
  EXPECT_EQ(describe_event(tcg::kPlatformConfigFlags, item), "QEMU FW CFG: bootorder");
  EXPECT_EQ(describe_event(tcg::kPlatformConfigFlags, ByteView(item).first(12)), "QEMU FW CFG: ");
  EXPECT_EQ(describe_event(tcg::kPlatformConfigFlags, ByteView(item).first(11)), "QEMU FW CFG");
  EXPECT_EQ(describe_event(tcg::kEfiGptEvent, kZeros), "");
  EXPECT_EQ(describe_event(0x12345678, kZeros), "");
}

TEST(EventDescription, BelievesNoLength) {
  EXPECT_EQ(describe_event(tcg::kEfiVariableBoot, variable("Boot0000", 9)), "");
  EXPECT_EQ(describe_event(tcg::kEfiVariableBoot, variable("Boot0000", UINT64_MAX)), "");
  EXPECT_EQ(describe_event(tcg::kEfiVariableBoot, variable("Boot0000", std::uint64_t{1} << 63)), "");
  EXPECT_EQ(describe_event(tcg::kEfiHandoffTables2, as_bytes("\xffTdxTable")), "TdxTable");
  EXPECT_EQ(describe_event(tcg::kEventTag, as_bytes("1234567")), "");
}

// Whoever writes a log chooses its text: it must not command the terminal, nor fill it.
TEST(EventDescription, IsShortAndPrintable) {
  std::vector<Bytes> texts{
      {}, Bytes(1), Bytes(2), Bytes(7), Bytes(100'000, 'x'), Bytes(100'001), utf16("\x1b[2J\x07\n")};
  const std::string_view escape = "\x01\x1b[2J\xc3\x28\n\r\t\x7f";
  texts.emplace_back(escape.begin(), escape.end());
  texts.push_back(variable("\x1b[2J", 4));
  texts.push_back(variable(std::string(10'000, 'n'), 10'000));
  for (const tcg::TypeName& type : tcg::kTypeNames)
    for (const Bytes& text : texts) {
      const std::string said = describe_event(type.type, text);
      EXPECT_LE(said.size(), 600u);
      for (const char c : said) EXPECT_TRUE(c >= 0x20 && c < 0x7f) << type.name << ": " << int{c};
    }
}

}  // namespace
}  // namespace hallmark
