// What a running QEMU says to us, read within bounds: the monitor protocol, the test protocol, the trace of the
// firmware configuration device, and that device's directory.
//
// QEMU docs/interop/qmp-spec (QMP), softmmu/qtest.c "QTest Protocol", docs/specs/fw_cfg (fw_cfg, its directory and its
// DMA interface), hw/nvram/trace-events.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "lib/base/bytes.h"
#include "lib/base/json.h"

namespace hallmark {

// Bytes that arrive in pieces, cut into lines. A line longer than `max` is a fault of the environment.
class LineBuffer {
 public:
  LineBuffer(std::string what, std::size_t max) : what_(std::move(what)), max_(max) {}
  Status add(std::string_view piece);
  // The next whole line without its end (LF or CR LF), or nothing yet.
  std::optional<std::string> next();

 private:
  std::string what_, held_;
  std::size_t max_, taken_ = 0;
};

struct QmpMessage {
  enum class Kind { greeting, event, answer } kind;
  std::string event;  // "STOP"
  Json value;         // of a greeting: QMP; of an answer: what it returns
};
// An answer that is an error becomes a fault of the environment with QEMU's own text.
Result<QmpMessage> parse_qmp(std::string_view line);

struct QtestMessage {
  bool answer = false;  // or an interrupt line that changed
  std::string value;    // what stands behind "OK "
};
// "FAIL …" and "ERR …" become a fault of the environment.
Result<QtestMessage> parse_qtest(std::string_view line);
// What `read ADDRESS SIZE` returns: "0x" and two digits a byte, exactly `size` of them.
Result<Bytes> parse_qtest_bytes(std::string_view value, std::size_t size);

// The key in a line of the trace event fw_cfg_select: "fw_cfg_select 0x55e4… key 0x0025 'unknown', ret: 1".
std::optional<std::uint16_t> traced_selection(std::string_view line);

struct FwCfgFile {
  std::string name;
  std::uint16_t key = 0;
  std::uint32_t size = 0;
};
// FW_CFG_FILE_DIR, item 0x19. Names are text without control characters.
inline constexpr std::size_t kFwCfgFileBytes = 64;
inline constexpr std::uint32_t kMaxFwCfgFiles = 0x4000 - 0x20;
Result<std::vector<FwCfgFile>> parse_fw_cfg_directory(ByteView directory);

// FWCfgDmaAccess: what the device is told to do, in the byte order of the device (big-endian).
inline constexpr std::uint32_t kFwCfgDmaRead = 0x02, kFwCfgDmaSelect = 0x08;
Bytes encode_fw_cfg_dma(std::uint32_t control, std::uint32_t size, std::uint64_t address);

}  // namespace hallmark
