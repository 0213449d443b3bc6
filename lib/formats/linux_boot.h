// The setup header of an x86 Linux kernel, and what QEMU writes into it before firmware reads the kernel.
//
// The Linux/x86 boot protocol (Documentation/arch/x86/boot.rst, "The Real-Mode Kernel Header"): a bzImage begins with
// sectors of 512 bytes in which a loader finds what the kernel needs and leaves where it put things. QEMU is such a
// loader (hw/i386/x86-common.c, x86_load_linux), also for a guest whose firmware starts the kernel as a UEFI
// application and uses none of it. Firmware that takes the kernel from fw_cfg's legacy items measures it as written.
#pragma once

#include <optional>
#include <string>

#include "lib/formats/content.h"

namespace hallmark {

struct LinuxSetup {
  std::uint16_t protocol = 0;    // 0x20f is version 2.15
  std::uint64_t setup_size = 0;  // of the real-mode part, in bytes
  std::string version;           // of the kernel, up to the first blank: "6.1.0-56-cloud-amd64"; empty if unknown
  // Where the compressed kernel ends. What follows is the code that unpacks it, with the EFI stub.
  std::optional<std::uint64_t> payload_end;
  // The numbers that the version begins with.
  std::optional<std::pair<unsigned, unsigned>> release() const;
};

// Nothing if the image has no such header: "HdrS" is not there.
Result<std::optional<LinuxSetup>> read_linux_setup(const Content& image);

// Where the RAM of a q35 machine below 4 GiB ends: the rest lies above (hw/i386/pc_q35.c, pc_q35_init).
std::uint64_t memory_below_4g(std::uint64_t memory);

struct QemuLoad {
  std::uint64_t memory = 0;
  std::uint64_t initrd_size = 0;  // none if 0
  std::string_view command_line;
};

// The first bytes of the image as QEMU leaves them: what is there now, at most 8192 bytes, and its changes. An image
// without the setup header is changed as one of protocol 0, which QEMU did up to 9.1.0 to any file. What QEMU refuses
// to start with is a usage fault.
Result<Bytes> setup_header_from_qemu(const Content& image, const QemuLoad& load);

}  // namespace hallmark
