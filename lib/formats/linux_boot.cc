#include "lib/formats/linux_boot.h"

#include <charconv>

namespace hallmark {
namespace {

// Offsets of the header's fields, as boot.rst lists them.
constexpr std::size_t kSetupSects = 0x1f1, kVidMode = 0x1fa, kHeader = 0x202, kVersion = 0x206, kKernelVersion = 0x20e,
                      kTypeOfLoader = 0x210, kLoadflags = 0x211, kRamdiskImage = 0x218, kRamdiskSize = 0x21c,
                      kHeapEndPtr = 0x224, kCmdLinePtr = 0x228, kInitrdAddrMax = 0x22c, kXloadflags = 0x236,
                      kPayloadOffset = 0x248, kPayloadLength = 0x24c;
// Before protocol 2.02 the command line's place stood here instead.
constexpr std::size_t kClMagic = 0x20, kClOffset = 0x22;

constexpr std::size_t kSector = 512, kHeaderRead = 8192;
constexpr std::string_view kMagic = "HdrS";
constexpr std::uint8_t kLoadedHigh = 0x01, kCanUseHeap = 0x80;
constexpr std::uint16_t kCanBeLoadedAbove4G = 0x02;
constexpr std::uint8_t kQemuLoader = 0xb0;
constexpr std::uint64_t kAcpiData = 0x28000;  // what q35 keeps for ACPI tables at the end of the memory below 4 GiB
constexpr std::uint32_t kOldInitrdMax = 0x37ffffff;

// The first `size` bytes, or as many as there are, with zeros behind: QEMU reads into a buffer of fixed size.
Result<Bytes> first_bytes(const Content& image, std::size_t size) {
  TRY(Bytes out, image.read(0, static_cast<std::size_t>(std::min<std::uint64_t>(image.size(), size))));
  out.resize(size);
  return out;
}

bool has_setup_header(ByteView head) { return as_text(head.subspan(kHeader, kMagic.size())) == kMagic; }

std::uint64_t setup_size(ByteView head) {
  const std::uint64_t sectors = head[kSetupSects] == 0 ? 4 : head[kSetupSects];
  return (sectors + 1) * kSector;
}

template <std::unsigned_integral T>
T get(ByteView head, std::size_t at) {
  return load_le<T>(head.subspan(at, sizeof(T)));
}

template <std::unsigned_integral T>
void put(Bytes& head, std::size_t at, T value) {
  store_le(std::span(head).subspan(at), value);
}

// What QEMU makes of "vga=" in the command line.
Result<std::optional<std::uint16_t>> video_mode(std::string_view command_line) {
  const std::size_t at = command_line.find("vga=");
  if (at == command_line.npos) return std::optional<std::uint16_t>();
  std::string_view text = command_line.substr(at + 4);
  std::uint32_t value = 0;
  if (text.starts_with("normal")) {
    value = 0xffff;
  } else if (text.starts_with("ext")) {
    value = 0xfffe;
  } else if (text.starts_with("ask")) {
    value = 0xfffd;
  } else {
    text = text.substr(0, text.find(' '));
    const bool hexadecimal = text.starts_with("0x") || text.starts_with("0X");
    const std::string_view digits = text.substr(hexadecimal ? 2 : 0);
    const int base = hexadecimal ? 16 : text.size() > 1 && text.starts_with('0') ? 8 : 10;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value, base);
    if (error != std::errc{} || end != digits.data() + digits.size())
      return fail(Fault::usage, "command line: \"vga=" + std::string(text) + "\" is no video mode, QEMU refuses it");
  }
  return std::optional(static_cast<std::uint16_t>(value));
}

}  // namespace

std::optional<std::pair<unsigned, unsigned>> LinuxSetup::release() const {
  std::pair<unsigned, unsigned> out;
  const char* const end = version.data() + version.size();
  const auto [dot, error] = std::from_chars(version.data(), end, out.first);
  if (error != std::errc{} || dot == end || *dot != '.') return std::nullopt;
  if (std::from_chars(dot + 1, end, out.second).ec != std::errc{}) return std::nullopt;
  return out;
}

Result<std::optional<LinuxSetup>> read_linux_setup(const Content& image) {
  TRY(const Bytes head, first_bytes(image, kHeaderRead));
  if (!has_setup_header(head)) return std::optional<LinuxSetup>();
  LinuxSetup out;
  out.protocol = get<std::uint16_t>(head, kVersion);
  out.setup_size = setup_size(head);
  if (out.setup_size > image.size())
    return fail(Fault::format, "Linux setup header: setup_sects at " + hex_offset(kSetupSects) +
                                   ": a real-mode part of " + std::to_string(out.setup_size) + " bytes in a file of " +
                                   std::to_string(image.size()));
  if (out.protocol >= 0x208) {
    const auto offset = get<std::uint32_t>(head, kPayloadOffset), length = get<std::uint32_t>(head, kPayloadLength);
    const std::uint64_t end = out.setup_size + offset + length;
    if (length != 0 && end <= image.size()) out.payload_end = end;
  }
  const auto pointer = get<std::uint16_t>(head, kKernelVersion);
  if (out.protocol < 0x200 || pointer == 0) return std::optional(out);
  const std::uint64_t at = std::uint64_t{pointer} + 0x200;
  if (at >= out.setup_size)
    return fail(Fault::format, "Linux setup header: kernel_version at " + hex_offset(kKernelVersion) + ": is " +
                                   hex_offset(pointer) + ", beyond the real-mode part of " +
                                   std::to_string(out.setup_size) + " bytes");
  TRY(const Bytes text, image.read(at, static_cast<std::size_t>(std::min<std::uint64_t>(out.setup_size - at, 256))));
  const std::string_view version = as_text(text);
  out.version = version.substr(0, version.find_first_of(std::string_view(" \0", 2)));
  return std::optional(std::move(out));
}

std::uint64_t memory_below_4g(std::uint64_t memory) {
  const std::uint64_t low = memory >= 0xb0000000 ? 0x80000000 : 0xb0000000;
  return std::min(memory, low);
}

Result<Bytes> setup_header_from_qemu(const Content& image, const QemuLoad& load) {
  TRY(Bytes head, first_bytes(image, kHeaderRead));
  if (setup_size(head) > image.size())
    return fail(Fault::format, "Linux setup header: setup_sects at " + hex_offset(kSetupSects) +
                                   ": a real-mode part of " + std::to_string(setup_size(head)) +
                                   " bytes in a file of " + std::to_string(image.size()));
  const std::uint16_t protocol = has_setup_header(head) ? get<std::uint16_t>(head, kVersion) : std::uint16_t{0};
  const bool high = protocol >= 0x202 && (head[kLoadflags] & kLoadedHigh) != 0;
  const std::uint64_t command_line_size = align_down(load.command_line.size() + 16, 16);
  if (!high && command_line_size > 0xa000)
    return fail(Fault::unsupported, "command line: has " + std::to_string(load.command_line.size()) +
                                        " bytes, more than there is room for below 640 KiB");
  const auto real = std::uint32_t{high ? 0x10000u : 0x90000u};
  const auto command_line = high ? 0x20000u : static_cast<std::uint32_t>(0x9a000 - command_line_size);

  if (protocol >= 0x202) {
    put(head, kCmdLinePtr, command_line);
  } else {
    put(head, kClMagic, std::uint16_t{0xa33f});
    put(head, kClOffset, static_cast<std::uint16_t>(command_line - real));
  }
  TRY(const auto mode, video_mode(load.command_line));
  if (mode) put(head, kVidMode, *mode);
  if (protocol >= 0x200) head[kTypeOfLoader] = kQemuLoader;
  if (protocol >= 0x201) {
    head[kLoadflags] |= kCanUseHeap;
    put(head, kHeapEndPtr, static_cast<std::uint16_t>(command_line - real - 0x200));
  }

  if (load.initrd_size != 0) {
    if (protocol < 0x200) return fail(Fault::usage, "the kernel is too old for an initrd, or no Linux kernel");
    std::uint64_t max = kOldInitrdMax;
    if (protocol >= 0x20c && (get<std::uint16_t>(head, kXloadflags) & kCanBeLoadedAbove4G) != 0)
      max = UINT32_MAX;
    else if (protocol >= 0x203)
      max = get<std::uint32_t>(head, kInitrdAddrMax);
    const std::uint64_t below = memory_below_4g(load.memory);
    if (below <= kAcpiData)
      return fail(Fault::usage,
                  "a machine with " + std::to_string(load.memory) + " bytes of memory has no room for an initrd");
    if (max >= below - kAcpiData) max = below - kAcpiData - 1;
    if (load.initrd_size >= max)
      return fail(Fault::usage, "the initrd of " + std::to_string(load.initrd_size) + " bytes does not fit below " +
                                    hex_offset(max) + ", where it has to end in a machine with " +
                                    std::to_string(load.memory) + " bytes of memory");
    put(head, kRamdiskImage, static_cast<std::uint32_t>(align_down(max - load.initrd_size, 4096)));
    put(head, kRamdiskSize, static_cast<std::uint32_t>(load.initrd_size));
  }
  head.resize(static_cast<std::size_t>(std::min<std::uint64_t>(kHeaderRead, setup_size(head))));
  return head;
}

}  // namespace hallmark
