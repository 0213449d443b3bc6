#include "lib/formats/linux_boot.h"

#include <gtest/gtest.h>

#include "lib/formats/cpio.h"
#include "tests/unit/formats/made_pe.h"

namespace hallmark {
namespace {

constexpr std::uint64_t kGiB = std::uint64_t{1} << 30;

std::uint32_t u32(const Bytes& b, std::size_t at) { return load_le<std::uint32_t>(ByteView(b).subspan(at)); }

// Bytes of the first image that are others in the second.
std::vector<std::size_t> changed(const Bytes& image, const Bytes& head) {
  std::vector<std::size_t> out;
  for (std::size_t i = 0; i < head.size(); i++)
    if (head[i] != image[i]) out.push_back(i);
  return out;
}

TEST(LinuxSetup, SaysTheKernelsVersion) {
  const Bytes kernel = made_kernel("6.9.1-test (builder) #1");
  const auto setup = *read_linux_setup(Content(kernel));
  ASSERT_TRUE(setup);
  EXPECT_EQ(setup->protocol, 0x20f);
  EXPECT_EQ(setup->setup_size, 2048u);
  EXPECT_EQ(setup->version, "6.9.1-test");
  EXPECT_EQ(setup->release(), std::pair(6u, 9u));
  for (const char* version : {"", "six", "6", "6.", ".9"}) {
    const Bytes other = made_kernel(version);
    EXPECT_FALSE((*read_linux_setup(Content(other)))->release()) << version;
  }
  Bytes none = kernel;
  none[0x202] = 0;
  EXPECT_FALSE(*read_linux_setup(Content(none)));
}

TEST(LinuxSetup, IsBounded) {
  Bytes kernel = made_kernel("6.9");
  kernel[0x1f1] = 255;
  EXPECT_NE(read_linux_setup(Content(kernel)).error().what.find("setup_sects at 0x1f1"), std::string::npos);
  EXPECT_EQ(setup_header_from_qemu(Content(kernel), {}).error().fault, Fault::format);
  kernel = made_kernel("6.9");
  kernel[0x20f] = 0xff;
  EXPECT_NE(read_linux_setup(Content(kernel)).error().what.find("kernel_version at 0x20e"), std::string::npos);
  for (const std::size_t n : {0, 0x200, 0x204, 0x240}) {
    const ByteView cut = ByteView(kernel).first(n);
    (void)read_linux_setup(Content(cut));
    EXPECT_FALSE(setup_header_from_qemu(Content(cut), {}));
  }
}

// hw/i386/pc_q35.c: low memory is cut at 2 GiB for machines of 2.75 GiB and more.
TEST(Q35, HasItsMemoryBelow4GiB) {
  EXPECT_EQ(memory_below_4g(kGiB), kGiB);
  EXPECT_EQ(memory_below_4g(2 * kGiB), 2 * kGiB);
  EXPECT_EQ(memory_below_4g(0xaff00000), 0xaff00000u);
  EXPECT_EQ(memory_below_4g(0xb0000000), 2 * kGiB);
  EXPECT_EQ(memory_below_4g(64 * kGiB), 2 * kGiB);
}

// Oracle for the two places: what a maintainer of dstack found in the kernel of a running domain with an initrd of
// 0xa962c0 bytes (Dstack-TEE/dstack, pull request 1189), bytes 0x210 to 0x22b.
TEST(SetupHeaderFromQemu, IsThatOfARealGuest) {
  const Bytes kernel = made_kernel("6.9");
  const auto head = setup_header_from_qemu(Content(kernel), {2 * kGiB, 0xa962c0, "console=ttyS0"});
  ASSERT_TRUE(head) << head.error().message();
  EXPECT_EQ(head->size(), 2048u);
  EXPECT_EQ((*head)[0x210], 0xb0);
  EXPECT_EQ((*head)[0x211], 0x81);
  EXPECT_EQ(u32(*head, 0x218), 0x7f541000u);
  EXPECT_EQ(u32(*head, 0x21c), 0xa962c0u);
  EXPECT_EQ((*head)[0x224], 0x00);
  EXPECT_EQ((*head)[0x225], 0xfe);
  EXPECT_EQ(u32(*head, 0x228), 0x20000u);
  EXPECT_EQ(changed(kernel, *head),
            (std::vector<std::size_t>{0x210, 0x211, 0x219, 0x21a, 0x21b, 0x21c, 0x21d, 0x21e, 0x225, 0x22a}));
}

TEST(SetupHeaderFromQemu, PutsTheInitrdWhereTheKernelAllowsIt) {
  Bytes kernel = made_kernel("6.9");
  const auto address = [&](std::uint64_t memory) {
    return u32(*setup_header_from_qemu(Content(kernel), {memory, 4096, ""}), 0x218);
  };
  // By hand: (limit - 4096) rounded down to a page, the limit being the memory without 0x28001 bytes.
  EXPECT_EQ(address(kGiB), 0x3ffd6000u);
  EXPECT_EQ(address(0xa0000000), 0x9ffd6000u);
  EXPECT_EQ(address(16 * kGiB), 0x7ffd6000u);
  kernel[0x236] = 0x01;  // may not be loaded above 4 GiB: initrd_addr_max counts
  EXPECT_EQ(address(0xa0000000), 0x7fffe000u);
  kernel[0x206] = 0x02;  // protocol 2.02 has no such field
  EXPECT_EQ(address(0xa0000000), 0x37ffe000u);
}

TEST(SetupHeaderFromQemu, RefusesWhatQemuRefuses) {
  const Bytes kernel = made_kernel("6.9");
  for (const QemuLoad& load : {QemuLoad{kGiB, kGiB, ""}, QemuLoad{0x10000, 1, ""}, QemuLoad{2 * kGiB, 0x7ffd7fff, ""},
                               QemuLoad{kGiB, 1, "vga=xyz"}, QemuLoad{kGiB, 1, "vga=1x"}})
    EXPECT_EQ(setup_header_from_qemu(Content(kernel), load).error().fault, Fault::usage);
}

TEST(SetupHeaderFromQemu, TakesTheVideoMode) {
  const Bytes kernel = made_kernel("6.9");
  for (const auto& [text, mode] : {std::pair{"vga=normal", 0xffffu},
                                   {"quiet vga=0x317 x", 0x317u},
                                   {"vga=791", 791u},
                                   {"vga=ext", 0xfffeu},
                                   {"vga=ask", 0xfffdu},
                                   {"vga=010", 8u}}) {
    const Bytes head = *setup_header_from_qemu(Content(kernel), {kGiB, 0, text});
    EXPECT_EQ(load_le<std::uint16_t>(ByteView(head).subspan(0x1fa)), mode) << text;
  }
}

// QEMU up to 9.1.0 does this to any file. By hand: the command line of 16 bytes ends at 0x9a000, 0x9ff0 behind 0x90000.
TEST(SetupHeaderFromQemu, OfNoKernelIsThatOfAnAncientOne) {
  const Bytes image = MadePe{.sections = {{".text", Bytes(3000, 1)}}}.bytes();
  const Bytes head = *setup_header_from_qemu(Content(image), {kGiB, 0, ""});
  EXPECT_EQ(changed(image, head), (std::vector<std::size_t>{0x20, 0x21, 0x22, 0x23}));
  EXPECT_EQ(u32(head, 0x20), 0x9ff0a33fu);
}

// By hand, after Documentation/driver-api/early-userspace/buffer-format.rst and src/boot/cpio.c of systemd.
TEST(Cpio, IsWrittenAsSystemdDoes) {
  const Bytes archive =
      CpioWriter().folder(".extra", 0555).file(".extra/os-release", 0444, as_bytes("ID=x\n")).finish();
  const std::string want =
      "070701"
      "00000001"
      "0000416d"
      "00000000"
      "00000000"
      "00000001"
      "00000000"
      "00000000"
      "00000000"
      "00000000"
      "00000000"
      "00000000"
      "00000007"
      "00000000"
      ".extra" +
      std::string(4, '\0') +
      "070701"
      "00000002"
      "00008124"
      "00000000"
      "00000000"
      "00000001"
      "00000000"
      "00000005"
      "00000000"
      "00000000"
      "00000000"
      "00000000"
      "00000012"
      "00000000"
      ".extra/os-release" +
      std::string(1, '\0') + "ID=x\n" + std::string(3, '\0') +
      "070701"
      "00000000"
      "00000000"
      "00000000"
      "00000000"
      "00000001"
      "00000000"
      "00000000"
      "00000000"
      "00000000"
      "00000000"
      "00000000"
      "0000000B"
      "00000000"
      "TRAILER!!!" +
      std::string(4, '\0');
  EXPECT_EQ(as_text(archive), want);
  EXPECT_EQ(archive.size() % 4, 0u);
}

}  // namespace
}  // namespace hallmark
