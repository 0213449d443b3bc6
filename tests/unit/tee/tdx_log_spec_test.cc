// specs/formats/event-log.md says what the code does: its tables are the quote's layouts and the names of the types,
// the log's fields stand where its tables put them, and its example folds to the registers that it gives.
#include <map>

#include "lib/formats/tcg_event.h"
#include "lib/tee/tdx/log.h"
#include "tests/unit/tee/spec_tables.h"

namespace hallmark::tdx {
namespace {

std::string page() { return spec_page("formats/event-log.md"); }

// The lines of the page's example, as bytes.
Bytes example() {
  const std::string text = page();
  std::string hex;
  for (std::size_t at = text.find("\n    ", text.find("## Example")); text.substr(at, 5) == "\n    ";
       at = text.find('\n', at + 1))
    hex += text.substr(at + 5, text.find('\n', at + 1) - at - 5);
  return *from_hex(hex);
}

TEST(EventLogSpec, HasTheLayoutsOfQuotes) {
  expect_table<dcap::kQuoteHeader>(page());
  expect_table<dcap::kSgxReport>(page());
  expect_table<dcap::kTdReport10>(page());
  expect_table<dcap::kTdReport15>(page());
}

TEST(EventLogSpec, HasTheTypesOfEvents) {
  const std::string text = page();
  std::size_t rows = 0;
  for (std::size_t at = text.find("\n| 0x"); at != text.npos; at = text.find("\n| 0x", at + 1)) rows++;
  EXPECT_EQ(rows, tcg::kTypeNames.size());
  for (const tcg::TypeName& type : tcg::kTypeNames) {
    const std::string row = "\n| " + hex_offset(type.type) + " | " + std::string(type.name) + " | ";
    EXPECT_NE(text.find(row), text.npos) << row;
  }
}

// A log that ends inside a field is refused for it, by its name and place. `base` is where the table begins in the
// example; fields before the signature's end cannot be told apart, as nothing shorter is a log.
void expect_fields(std::string_view table, std::size_t base, const std::vector<Field>& fields,
                   const std::map<std::string_view, std::string>& read_as = {}) {
  std::size_t size = 0;
  for (const Field& f : fields) {
    EXPECT_EQ(f.offset, size) << f.name;
    size += f.size;
  }
  EXPECT_EQ(layout_rows(page(), table, size), layout_rows(fields)) << table;
  const Bytes log = example();
  for (const Field& f : fields) {
    const std::size_t at = base + f.offset;
    if (at < 48) continue;
    const auto cut = parse_event_log(ByteView(log).first(at + f.size - 1));
    ASSERT_FALSE(cut) << f.name;
    const auto other = read_as.find(f.name);
    const std::string wanted =
        other != read_as.end() ? other->second : std::string(f.name) + " at " + hex_offset(at) + ": needs ";
    EXPECT_NE(cut.error().message().find(wanted), std::string::npos) << cut.error().message();
  }
}

TEST(EventLogSpec, HasTheFieldsOfTheFirstRecord) {
  expect_fields("TCG_PCClientPCREvent", 0,
                {{0, 4, "pcrIndex"}, {4, 4, "eventType"}, {8, 20, "digest"}, {28, 4, "eventDataSize"}});
  const std::string skipped = "platformClass, specVersion, uintnSize at 0x30: needs ";
  expect_fields("TCG_EfiSpecIdEvent", 32,
                {{0, 16, "signature"},
                 {16, 4, "platformClass"},
                 {20, 1, "specVersionMinor"},
                 {21, 1, "specVersionMajor"},
                 {22, 1, "specErrata"},
                 {23, 1, "uintnSize"},
                 {24, 4, "numberOfAlgorithms"}},
                {{"platformClass", skipped},
                 {"specVersionMinor", skipped},
                 {"specVersionMajor", skipped},
                 {"specErrata", skipped},
                 {"uintnSize", skipped}});
  expect_fields("TCG_EfiSpecIdEventAlgorithmSize", 60, {{0, 2, "algorithmId"}, {2, 2, "digestSize"}});
  // Each of these is refused for what it is, where the page puts it.
  for (const auto& [at, message] : {std::pair<std::size_t, const char*>{4, "eventType at "},
                                    {28, "eventDataSize at 0x1c"},
                                    {56, "numberOfAlgorithms at 0x38"},
                                    {62, "digestSize at 0x3e"}}) {
    Bytes log = example();
    log[at + 1] = 0xff;
    const auto parsed = parse_event_log(log);
    ASSERT_FALSE(parsed) << message;
    EXPECT_NE(parsed.error().message().find(message), std::string::npos) << parsed.error().message();
  }
}

TEST(EventLogSpec, HasTheFieldsOfRecords) {
  expect_fields("TCG_PCR_EVENT2", 65, {{0, 4, "pcrIndex"}, {4, 4, "eventType"}, {8, 4, "digests.count"}});
  const Bytes log = example();
  for (const auto& [size, message] : {std::pair<std::size_t, const char*>{78, "digests.hashAlg at 0x4d"},
                                      {126, "digests.digest at 0x4f"},
                                      {130, "eventSize at 0x7f"},
                                      {134, "event at 0x83"}}) {
    const auto cut = parse_event_log(ByteView(log).first(size));
    ASSERT_FALSE(cut) << message;
    EXPECT_NE(cut.error().message().find(message), std::string::npos) << cut.error().message();
  }
}

// The rows below the page's example, made from what the code reads in it.
TEST(EventLogSpec, HasAnExampleThatFolds) {
  const auto log = read_guest_log(example());
  ASSERT_TRUE(log) << log.error().message();
  EXPECT_EQ(log->kind, LogKind::ccel);
  std::string events = "| offset | register | type | data | digest |\n|---|---|---|---|---|\n";
  for (const Event& e : log->events)
    events += "| " + std::to_string(e.inputs.find("offset")->integer()) + " | RTMR" + std::to_string(e.rtmr) + " | " +
              hex_offset(e.type) + " | " + (e.inputs.find("authenticated")->boolean() ? "authenticated" : "a label") +
              " | `" + to_hex(*e.digest) + "` |\n";
  EXPECT_NE(page().find(events + "\n"), std::string::npos) << events;
  std::string registers = "| register | after it (by Python's hashlib) |\n|---|---|\n";
  const Rtmrs folded = fold(log->events);
  for (unsigned r = 0; r < kRtmrs; r++)
    registers += "| RTMR" + std::to_string(r) + " | `" + to_hex(*folded[r]) + "` |\n";
  EXPECT_NE(page().find(registers), std::string::npos) << registers;
}

}  // namespace
}  // namespace hallmark::tdx
