// The lines are QEMU 7.2's, or that with something wrong in it.
#include "lib/vmm/qemu_protocol.h"

#include <gtest/gtest.h>

namespace hallmark {
namespace {

TEST(LineBuffer, CutsLinesOutOfPieces) {
  LineBuffer lines("QMP", 8);
  ASSERT_TRUE(lines.add("ab"));
  EXPECT_FALSE(lines.next());
  ASSERT_TRUE(lines.add("c\r\nd\n\ne"));
  EXPECT_EQ(lines.next(), "abc");
  EXPECT_EQ(lines.next(), "d");
  EXPECT_EQ(lines.next(), "");
  EXPECT_FALSE(lines.next());
  ASSERT_TRUE(lines.add("\n"));
  EXPECT_EQ(lines.next(), "e");
}

TEST(LineBuffer, RefusesALineWithoutEnd) {
  LineBuffer lines("QMP", 8);
  ASSERT_TRUE(lines.add("12345678"));
  const Status more = lines.add("9");
  ASSERT_FALSE(more);
  EXPECT_EQ(more.error().message(), "QMP: a line has more than 8 bytes");
}

TEST(Qmp, TellsMessagesApart) {
  const auto greeting =
      parse_qmp(R"({"QMP": {"version": {"qemu": {"micro": 22, "minor": 2, "major": 7}}, "capabilities": ["oob"]}})");
  ASSERT_TRUE(greeting);
  EXPECT_EQ(greeting->kind, QmpMessage::Kind::greeting);
  const auto event = parse_qmp(R"({"timestamp": {"seconds": 1, "microseconds": 2}, "event": "STOP"})");
  ASSERT_TRUE(event);
  EXPECT_EQ(event->kind, QmpMessage::Kind::event);
  EXPECT_EQ(event->event, "STOP");
  const auto answer = parse_qmp(R"({"return": {}})");
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->kind, QmpMessage::Kind::answer);
  const auto error = parse_qmp(R"({"error": {"class": "GenericError", "desc": "no \u001b[1m"}})");
  ASSERT_FALSE(error);
  EXPECT_EQ(error.error().message(), "QMP: no \\x1b[1m");
  for (const char* line : {"", "{}", "[]", "1", "{\"return\":", "{\"event\": 1}", "{\"error\": {}}"})
    EXPECT_FALSE(parse_qmp(line)) << line;
  EXPECT_FALSE(parse_qmp(std::string(100, '[')));
}

TEST(Qtest, TellsAnswersApart) {
  EXPECT_EQ(parse_qtest("OK 0x00")->value, "0x00");
  EXPECT_TRUE(parse_qtest("OK")->answer);
  EXPECT_FALSE(parse_qtest("IRQ raise 4")->answer);
  EXPECT_EQ(parse_qtest("FAIL Unknown command 'x'").error().message(),
            "qtest: QEMU refuses: \"FAIL Unknown command 'x'\"");
  for (const char* line : {"", "OKAY", "ok", " OK", "ERR"}) EXPECT_FALSE(parse_qtest(line)) << line;
}

TEST(Qtest, ReadsExactlyTheBytesAskedFor) {
  EXPECT_EQ(*parse_qtest_bytes("0x00ff", 2), (Bytes{0, 255}));
  for (const char* value : {"0x00", "0x00ff00", "00ff00", "0x00fg", ""})
    EXPECT_FALSE(parse_qtest_bytes(value, 2)) << value;
}

TEST(Trace, FindsTheKey) {
  EXPECT_EQ(traced_selection("fw_cfg_select 0x559cf3480330 key 0x002b 'unknown', ret: 1"), 0x2b);
  EXPECT_EQ(traced_selection("5463@1700000000.000001:fw_cfg_select 0x5 key 0x0019 'file_dir', ret: 1"), 0x19);
  EXPECT_EQ(traced_selection("fw_cfg_select 0x5 key 25 'x', ret: 1"), 25);
  for (const char* line :
       {"", "fw_cfg_select", "fw_cfg_select 0x5 key ", "fw_cfg_select 0x5 key 0x", "fw_cfg_select 0x5 key 0x10000 'x'",
        "fw_cfg_select 0x5 key 0x19", "fw_cfg_read 0x5 key 0x0019 'x'"})
    EXPECT_FALSE(traced_selection(line)) << line;
}

Bytes entry(const std::string& name, std::uint32_t size, std::uint16_t key) {
  Bytes out(kFwCfgFileBytes);
  for (int i = 0; i < 4; i++) out[i] = static_cast<std::uint8_t>(size >> (24 - 8 * i));
  out[4] = static_cast<std::uint8_t>(key >> 8), out[5] = static_cast<std::uint8_t>(key);
  std::copy(name.begin(), name.end(), out.begin() + 8);
  return out;
}

TEST(FwCfgDirectory, IsReadWithinBounds) {
  Bytes directory{0, 0, 0, 2};
  for (const Bytes& e : {entry("etc/acpi/tables", 0x20000, 0x2b), entry("bootorder", 5, 0x20)})
    directory.insert(directory.end(), e.begin(), e.end());
  const auto files = parse_fw_cfg_directory(directory);
  ASSERT_TRUE(files) << files.error().message();
  ASSERT_EQ(files->size(), 2u);
  EXPECT_EQ((*files)[0].name, "etc/acpi/tables");
  EXPECT_EQ((*files)[0].size, 0x20000u);
  EXPECT_EQ((*files)[0].key, 0x2b);

  Bytes longer = directory;
  longer[3] = 3;
  EXPECT_EQ(parse_fw_cfg_directory(longer).error().message(), "fw_cfg directory: size at 0x84: needs 4 bytes, 0 left");
  longer[0] = 0x80;
  EXPECT_FALSE(parse_fw_cfg_directory(longer));
  EXPECT_FALSE(parse_fw_cfg_directory({}));
  Bytes bad = directory;
  std::fill(bad.begin() + 12, bad.begin() + 68, 'x');
  EXPECT_FALSE(parse_fw_cfg_directory(bad));  // no end
  bad = directory;
  bad[13] = '\n';
  EXPECT_FALSE(parse_fw_cfg_directory(bad));
}

TEST(FwCfgDma, IsBigEndian) {
  EXPECT_EQ(to_hex(encode_fw_cfg_dma(0x0019000a, 4, 0x20000)), "0019000a000000040000000000020000");
}

}  // namespace
}  // namespace hallmark
