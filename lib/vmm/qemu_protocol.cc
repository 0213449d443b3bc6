#include "lib/vmm/qemu_protocol.h"

#include <charconv>

#include "lib/base/files.h"

namespace hallmark {
namespace {

// A part of a line that an error can show.
std::string excerpt(std::string_view line) {
  return "\"" + printable(line.substr(0, 200)) + (line.size() > 200 ? "…\"" : "\"");
}

}  // namespace

Status LineBuffer::add(std::string_view piece) {
  held_.erase(0, taken_);
  taken_ = 0;
  held_ += piece;
  const std::size_t last = held_.rfind('\n');
  if (held_.size() - (last == std::string::npos ? 0 : last + 1) > max_)
    return fail(Fault::environment, what_ + ": a line has more than " + std::to_string(max_) + " bytes");
  return {};
}

std::optional<std::string> LineBuffer::next() {
  const std::size_t end = held_.find('\n', taken_);
  if (end == std::string::npos) return std::nullopt;
  std::string line = held_.substr(taken_, end - taken_);
  taken_ = end + 1;
  if (!line.empty() && line.back() == '\r') line.pop_back();
  return line;
}

Result<QmpMessage> parse_qmp(std::string_view line) {
  auto parsed = parse_json(line, {.bytes = std::size_t{1} << 20, .depth = 32});
  if (!parsed) return in("QMP", Result<QmpMessage>(Failure(parsed.error())));
  const Json& message = *parsed;
  if (const Json* greeting = message.find("QMP")) return QmpMessage{QmpMessage::Kind::greeting, {}, *greeting};
  if (const Json* event = message.find("event"); event && event->is_string())
    return QmpMessage{QmpMessage::Kind::event, event->string(), {}};
  if (const Json* value = message.find("return")) return QmpMessage{QmpMessage::Kind::answer, {}, *value};
  if (const Json* error = message.find("error")) {
    const Json* text = error->find("desc");
    return fail(Fault::environment, "QMP: " + (text && text->is_string() ? printable(text->string())
                                                                         : std::string("an error without a text")));
  }
  return fail(Fault::format, "QMP: " + excerpt(line) + " is neither a greeting nor an event nor an answer");
}

Result<QtestMessage> parse_qtest(std::string_view line) {
  if (line == "OK") return QtestMessage{true, {}};
  if (line.starts_with("OK ")) return QtestMessage{true, std::string(line.substr(3))};
  if (line.starts_with("IRQ ")) return QtestMessage{};
  if (line.starts_with("FAIL") || line.starts_with("ERR"))
    return fail(Fault::environment, "qtest: QEMU refuses: " + excerpt(line));
  return fail(Fault::format, "qtest: " + excerpt(line) + " is no answer");
}

Result<Bytes> parse_qtest_bytes(std::string_view value, std::size_t size) {
  if (!value.starts_with("0x") || value.size() != 2 + 2 * size)
    return fail(Fault::format, "qtest: " + excerpt(value) + " is not " + std::to_string(size) + " bytes");
  return in("qtest", from_hex(value.substr(2)));
}

std::optional<std::uint16_t> traced_selection(std::string_view line) {
  const std::size_t event = line.find("fw_cfg_select ");
  if (event == std::string_view::npos) return std::nullopt;
  constexpr std::string_view kBefore = " key ";
  std::size_t key = line.find(kBefore, event);
  if (key == std::string_view::npos) return std::nullopt;
  std::string_view number = line.substr(key + kBefore.size());
  const int base = number.starts_with("0x") ? 16 : 10;  // QEMU before 5.0 wrote it in decimal
  if (base == 16) number.remove_prefix(2);
  std::uint16_t value = 0;
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), value, base);
  if (error != std::errc() || end == number.data() + number.size() || *end != ' ') return std::nullopt;
  return value;
}

Result<std::vector<FwCfgFile>> parse_fw_cfg_directory(ByteView directory) {
  ByteReader reader(directory, "fw_cfg directory");
  const auto count = reader.be_at_most<std::uint32_t>(kMaxFwCfgFiles, "count");
  std::vector<FwCfgFile> files;
  for (std::uint32_t i = 0; i < count && reader.ok(); i++) {
    FwCfgFile file;
    file.size = reader.be<std::uint32_t>("size");
    file.key = reader.be<std::uint16_t>("select");
    reader.skip(2, "reserved");
    const ByteView name = reader.view(56, "name");
    if (!reader.ok()) break;
    const auto end = std::find(name.begin(), name.end(), 0);
    if (end == name.begin() || end == name.end()) reader.reject("name", "is empty or not ended");
    file.name.assign(name.begin(), end);
    if (printable(file.name) != file.name || file.name.find_first_of("\n\t") != std::string::npos)
      reader.reject("name", "is not text");
    files.push_back(std::move(file));
  }
  return reader.finish(std::move(files));
}

Bytes encode_fw_cfg_dma(std::uint32_t control, std::uint32_t size, std::uint64_t address) {
  Bytes out;
  const auto put = [&](std::uint64_t value, int bytes) {
    for (int i = bytes; i-- > 0;) out.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
  };
  put(control, 4), put(size, 4), put(address, 8);
  return out;
}

}  // namespace hallmark
