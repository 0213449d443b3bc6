// The driver against programs that are not QEMU; tests/e2e/qemu_acpi.sh is the one against QEMU.
#include "lib/vmm/qemu_tables.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace hallmark {
namespace {

QemuTables some_tables() {
  QemuTables tables;
  tables.files = {{"etc/acpi/tables", Bytes(70000, 7)}, {"bootorder", {}}, {"etc/acpi/rsdp", {1, 2, 3}}};
  tables.boot_menu = {0, 1};
  tables.version = "7.2.22";
  return tables;
}

TEST(QemuTablesCache, GivesBackWhatWasKept) {
  const QemuTables tables = some_tables();
  const auto kept = parse_qemu_tables(encode_qemu_tables(tables, "key"), "key");
  ASSERT_TRUE(kept);
  EXPECT_EQ(kept->files, tables.files);
  EXPECT_EQ(kept->boot_menu, tables.boot_menu);
  EXPECT_EQ(kept->version, tables.version);
}

TEST(QemuTablesCache, GivesNothingForAnotherKeyOrDamage) {
  const std::string text = encode_qemu_tables(some_tables(), "key");
  EXPECT_FALSE(parse_qemu_tables(text, "other"));
  EXPECT_FALSE(parse_qemu_tables("", "key"));
  EXPECT_FALSE(parse_qemu_tables(text.substr(0, text.size() - 1), "key"));
  for (const std::size_t at : {std::size_t{0}, std::size_t{64}, std::size_t{65}, text.size() / 2, text.size() - 2}) {
    std::string damaged = text;
    damaged[at] = static_cast<char>(damaged[at] ^ 1);
    EXPECT_FALSE(parse_qemu_tables(damaged, "key")) << at;
  }
}

class QemuTablesOf : public testing::Test {
 protected:
  // What becomes of a program that says `script` in place of QEMU.
  Result<QemuTables> run(const std::string& script, std::chrono::seconds timeout = std::chrono::seconds(20)) {
    const fs::path program = folder_.path() / "qemu", firmware = folder_.path() / "fw";
    EXPECT_TRUE(write_file(program, "#!/bin/sh\n" + script + "\n", 0755));
    EXPECT_TRUE(write_file(firmware, "firmware"));
    SilentProgress silent;
    return qemu_tables({.firmware = firmware,
                        .arguments = {"-m", "1G"},
                        .program = program,
                        .timeout = timeout,
                        .cache = folder_.path() / "cache"},
                       silent);
  }
  std::string message(const std::string& script, std::chrono::seconds timeout = std::chrono::seconds(20)) {
    const auto result = run(script, timeout);
    return result ? "no error" : result.error().message();
  }
  TemporaryFolder folder_ = *TemporaryFolder::make("hallmark-test-");
};

const std::string kGreeting =
    R"(echo '{"QMP": {"version": {"qemu": {"major": 7, "minor": 2, "micro": 22}, "package": ""}}}' >&3)";

TEST_F(QemuTablesOf, ReportsWhatTheProgramSaid) {
  EXPECT_EQ(message("echo 'qemu: no such device' >&2; exit 1"), "QEMU: QEMU ended: qemu: no such device");
  EXPECT_EQ(message("exit 0"), "QEMU: QEMU ended without a word");
  EXPECT_EQ(message("printf '\\033[1mx'; echo; exit 0"), "QEMU: QEMU ended: \\x1b[1mx");
}

TEST_F(QemuTablesOf, NamesAMissingProgramAndFirmware) {
  SilentProgress silent;
  EXPECT_EQ(qemu_tables({.firmware = "/", .program = "no-such-qemu"}, silent).error().message(),
            "no-such-qemu: no such program; install qemu-system-x86, or name another");
  EXPECT_FALSE(qemu_tables({.firmware = "/no/such", .program = "/bin/true", .cache = folder_.path()}, silent));
}

TEST_F(QemuTablesOf, SaysWhatAMachineWithATpmNeeds) {
  SilentProgress silent;
  const auto tables =
      qemu_tables({.firmware = "/",
                   .arguments = {"-chardev", "socket,id=t,path=/s", "-tpmdev", "emulator,id=a,chardev=t"},
                   .program = "/bin/true",
                   .tpm = "no-such-swtpm"},
                  silent);
  ASSERT_FALSE(tables);
  EXPECT_EQ(tables.error().fault, Fault::environment);
  EXPECT_EQ(
      tables.error().message(),
      "QEMU: no-such-swtpm: no such program; the machine has a TPM, which that emulates: install it, or leave out "
      "-tpmdev and its -device");
}

TEST_F(QemuTablesOf, GivesUpInTime) {
  EXPECT_EQ(message("echo waiting; sleep 100", std::chrono::seconds(1)),
            "QEMU: the firmware has not asked for the ACPI tables within 1 seconds: waiting");
}

TEST_F(QemuTablesOf, RefusesAHostileMonitor) {
  EXPECT_EQ(message("head -c 3000000 /dev/zero >&3; sleep 100"), "QEMU: QMP: a line has more than 1048576 bytes");
  EXPECT_EQ(message("head -c 3000000 /dev/zero; sleep 100"),
            "QEMU: QEMU's messages: a line has more than 1048576 bytes");
  EXPECT_EQ(message("echo '{\"return\": {}}' >&3; echo '{\"return\": {}}' >&3; sleep 100"),
            "QEMU: QMP: an answer to no command");
  EXPECT_EQ(message("echo '{\"QMP\": {}}' >&3; sleep 100"), "QEMU: QMP: the greeting has no version");
  EXPECT_EQ(message(kGreeting + "; read line <&3; echo '{\"error\": {\"desc\": \"no\"}}' >&3; sleep 100"),
            "QEMU: qmp_capabilities: QMP: no");
}

TEST_F(QemuTablesOf, SaysThatTracingIsNeeded) {
  EXPECT_EQ(message(kGreeting +
                    "; read line <&3; echo '{\"return\": {}}' >&3; read line <&3; "
                    "echo '{\"return\": [{\"name\": \"fw_cfg_select\", \"state\": \"unavailable\"}]}' >&3; sleep 100"),
            "QEMU: this QEMU was built without trace events: hallmark cannot see when the firmware takes its tables");
}

TEST_F(QemuTablesOf, LeavesNoProcessAndNoAnswerBehind) {
  const fs::path pid = folder_.path() / "pid";
  EXPECT_NE(message("sleep 100 & echo $! >" + pid.string() + "; wait", std::chrono::seconds(1)), "no error");
  const auto number = read_text(pid, 100);
  ASSERT_TRUE(number);
  const int process = static_cast<int>(syscall(SYS_pidfd_open, std::stoi(*number), 0));
  if (process >= 0) {
    pollfd ended{process, POLLIN, 0};
    EXPECT_EQ(poll(&ended, 1, 20000), 1);
    close(process);
  }
  EXPECT_FALSE(fs::exists(folder_.path() / "cache"));
}

}  // namespace
}  // namespace hallmark
