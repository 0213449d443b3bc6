#include "lib/tee/tdx/boot_events.h"

#include <gtest/gtest.h>

#include "lib/formats/guid_in_code.h"
#include "lib/formats/linux_boot.h"
#include "lib/formats/tcg_event.h"
#include "lib/tee/uki/uki.h"
#include "tests/unit/uki/made_uki.h"

namespace hallmark::tdx {
namespace {

constexpr std::uint64_t kGiB = std::uint64_t{1} << 30;

class BootEvents : public testing::Test {
 protected:
  InputFile file(const Bytes& bytes) {
    const fs::path path = folder_.path() / std::to_string(files_++);
    EXPECT_TRUE(write_file(path, bytes));
    return *InputFile::open(path);
  }

  TemporaryFolder folder_ = *TemporaryFolder::make("boot-events-test");
  int files_ = 0;
};

using Lines = std::vector<std::string>;

Lines lines(const Result<std::vector<Event>>& events) {
  if (!events) return {events.error().message()};
  Lines out;
  for (const Event& e : *events) out.push_back(std::to_string(e.rtmr) + " " + e.description);
  return out;
}

const Event& named(const std::vector<Event>& events, std::string_view description) {
  const auto it = std::ranges::find(events, description, &Event::description);
  if (it == events.end()) throw std::runtime_error("no such event");
  return *it;
}

Profile profile(std::string_view name) { return *find_profile(name); }

const Lines kDirect{"1 kernel image",
                    "1 action: Calling EFI Application from Boot Option",
                    "1 separator",
                    "2 LOADED_IMAGE::LoadOptions",
                    "2 Linux initrd",
                    "1 action: Exit Boot Services Invocation",
                    "1 action: Exit Boot Services Returned with Success"};

Lines without(Lines from, std::string_view text) {
  std::erase_if(from, [&](const std::string& line) { return line.find(text) != line.npos; });
  return from;
}

TEST_F(BootEvents, OfADirectBoot) {
  const InputFile kernel = file(made_kernel("6.9.0")), initrd = file(Bytes(100, 5)), empty = file({});
  const Profile recent = profile("qemu-10/edk2-202502");
  EXPECT_EQ(lines(boot_events(recent, DirectBoot{&kernel, &initrd, "quiet"})), kDirect);
  EXPECT_EQ(lines(boot_events(recent, DirectBoot{&kernel, nullptr, "quiet"})), without(kDirect, "initrd"));
  EXPECT_EQ(lines(boot_events(recent, DirectBoot{&kernel, &empty, "quiet"})), without(kDirect, "initrd"));
  EXPECT_EQ(lines(boot_events(recent, DirectBoot{&kernel, nullptr, ""})), without(without(kDirect, "initrd"), "Load"));
  EXPECT_EQ(lines(boot_events(recent, DirectBoot{&kernel, &initrd, "noinitrd quiet"})), without(kDirect, "initrd"));
  // Firmware before 202411 separates in RTMR0.
  EXPECT_EQ(lines(boot_events(profile("qemu-10/edk2-202302"), DirectBoot{&kernel, &initrd, "quiet", kGiB})),
            without(kDirect, "separator"));
  EXPECT_EQ(boot_events(profile("gce/edk2-202502"), DirectBoot{&kernel, nullptr, ""}).error().fault, Fault::usage);
}

// By Python: hashlib.sha384("…".encode("utf-16le") + b"\0\0").
TEST_F(BootEvents, TheFirmwareAddsTheInitrdToTheCommandLine) {
  const InputFile kernel = file(made_kernel("6.9.0")), initrd = file(Bytes(100, 5));
  const auto text = [&](std::string_view firmware, std::string command_line) {
    const auto events = *boot_events(profile("qemu-10.2/" + std::string(firmware)),
                                     DirectBoot{&kernel, &initrd, std::move(command_line)});
    return named(events, "LOADED_IMAGE::LoadOptions").inputs.find("text")->string();
  };
  EXPECT_EQ(text("edk2-202505", "quiet"), "quiet initrd=initrd");
  EXPECT_EQ(text("edk2-202508", "quiet"), "initrd=initrd quiet");
  EXPECT_EQ(text("edk2-202505", ""), " initrd=initrd");
  EXPECT_EQ(text("edk2-202508", ""), "initrd=initrd ");
  const auto events = *boot_events(profile("qemu-10.2/edk2-202508"), DirectBoot{&kernel, &initrd, "quiet"});
  EXPECT_EQ(to_hex(*named(events, "LOADED_IMAGE::LoadOptions").digest),
            "bc61a39ef381cf793a6ab81aad2b5a80e4c72732ecae8b31c0d8f4ee04e5bfbec337229edc157a33c2b1da8c958ddb5b");
  EXPECT_EQ(named(events, "Linux initrd").digest, digest<Alg::sha384>(Bytes(100, 5)));
}

TEST_F(BootEvents, OfAKernelThatDoesNotMeasureWithoutATpm) {
  const InputFile old = file(made_kernel("6.8.12")), initrd = file(Bytes(100, 5)), unknown = file(made_kernel("?"));
  const Profile recent = profile("qemu-10/edk2-202502");
  const Lines none = without(without(kDirect, "initrd"), "Load");
  EXPECT_EQ(lines(boot_events(recent, DirectBoot{&old, &initrd, "quiet"})), none);
  EXPECT_EQ(lines(boot_events(recent, DirectBoot{&old, &initrd, "quiet", 0, true})), kDirect);
  EXPECT_EQ(
      named(*boot_events(recent, DirectBoot{&old, &initrd, "quiet"}), "kernel image").inputs.canonical(),
      R"({"kernel_measures_by":"version","kernel_measures_without_tpm":false,"kernel_version":"6.8.12","setup_header":"as in the file",)"
      R"("size":2560})");
  EXPECT_EQ(boot_events(recent, DirectBoot{&old, &initrd, "quiet"}, Via::tpm)->size(), 8u);

  const auto events = *boot_events(recent, DirectBoot{&unknown, &initrd, "quiet"});
  EXPECT_EQ(named(events, "Linux initrd").provenance, Provenance::missing);
  EXPECT_EQ(named(events, "LOADED_IMAGE::LoadOptions").provenance, Provenance::missing);
  EXPECT_FALSE(fold(events)[2]);
  EXPECT_TRUE(fold(events)[1]);
  const auto newer = *boot_events(recent, DirectBoot{&unknown, &initrd, "quiet", 0, false});
  EXPECT_EQ(lines(newer), none);
}

// A distributor's kernel can have what its version does not tell, and one of our own can lack it.
TEST_F(BootEvents, TheKernelsCodeSaysMoreThanItsVersion) {
  const Profile recent = profile("qemu-10/edk2-202502");
  const auto kernel = [&](std::string_view version, std::initializer_list<GuidBytes> guids) {
    Bytes bytes = made_kernel(version);
    store_le(std::span(bytes).subspan(0x24c), std::uint32_t{256});  // payload_length
    for (const GuidBytes& guid : guids) {
      bytes.insert(bytes.end(), guid.begin(), guid.begin() + 8);
      bytes.push_back(0x48);
      bytes.insert(bytes.end(), guid.begin() + 8, guid.end());
    }
    return file(bytes);
  };
  const auto measured = [&](const InputFile& file) {
    const auto events = boot_events(recent, DirectBoot{&file, nullptr, "quiet"});
    return events->front().inputs.find("kernel_measures_by")->string() +
           (lines(events) == without(kDirect, "initrd") ? " yes" : " no");
  };
  EXPECT_EQ(measured(kernel("6.8.0", {kTcg2Protocol, kCcMeasurementProtocol})), "code yes");
  EXPECT_EQ(measured(kernel("6.9.0", {kTcg2Protocol})), "code no");
  EXPECT_EQ(measured(kernel("6.9.0", {})), "version yes");
  EXPECT_EQ(measured(kernel("6.8.0", {kCcMeasurementProtocol})), "version no");
}

TEST_F(BootEvents, TheKernelIsMeasuredAsTheMonitorHandsItOver) {
  const Bytes bytes = made_kernel("6.9.0");
  const InputFile kernel = file(bytes), initrd = file(Bytes(5000, 5));
  const DirectBoot boot{&kernel, &initrd, "quiet", 4 * kGiB};
  const Content plain(bytes);
  const Pe pe = *Pe::parse(plain);
  const Digest raw = *authenticode<Alg::sha384>(pe, plain);
  const Digest patched =
      *authenticode<Alg::sha384>(pe, plain.beginning_with(*setup_header_from_qemu(plain, {4 * kGiB, 5000, "quiet"})));
  EXPECT_NE(raw, patched);
  for (const auto& [name, want] : {std::pair{"qemu-8/edk2-202502", patched},
                                   {"qemu-9/edk2-202508", patched},
                                   {"qemu-10/edk2-202411", patched},
                                   {"qemu-10/edk2-202502", raw},
                                   {"qemu-10.2/edk2-202411", raw},
                                   {"qemu-10.2/edk2-202508", raw}})
    EXPECT_EQ(boot_events(profile(name), boot)->front().digest, want) << name;
  DirectBoot unknown = boot;
  unknown.memory = 0;
  EXPECT_EQ(boot_events(profile("qemu-9/edk2-202502"), unknown).error().fault, Fault::usage);
  EXPECT_TRUE(boot_events(profile("qemu-10/edk2-202502"), unknown));
}

TEST_F(BootEvents, RefusesWhatFirmwareDoesNotLoad) {
  const Profile recent = profile("qemu-10/edk2-202502");
  MadePe arm{.sections = {{".text", Bytes(300, 0x90)}}, .machine = 0xaa64};
  MadePe console{.sections = {{".text", Bytes(300, 0x90)}}, .subsystem = 3};
  const InputFile a = file(arm.bytes()), c = file(console.bytes()), text = file(bytes_of("hello"));
  EXPECT_EQ(boot_events(recent, DirectBoot{&a, nullptr, ""}).error().fault, Fault::unsupported);
  EXPECT_EQ(boot_events(recent, DirectBoot{&c, nullptr, ""}).error().fault, Fault::unsupported);
  EXPECT_EQ(boot_events(recent, DirectBoot{&text, nullptr, ""}).error().fault, Fault::format);
  EXPECT_EQ(boot_events(recent, UkiBoot{&text}).error().fault, Fault::format);
  const InputFile kernel = file(made_kernel("6.9"));
  EXPECT_EQ(boot_events(recent, DirectBoot{&kernel, nullptr, std::string("a\0b", 3)}).error().fault, Fault::usage);
}

const Lines kUki{"1 UKI image",
                 "1 action: Calling EFI Application from Boot Option",
                 "1 separator",
                 "2 UKI section name: .linux",
                 "2 UKI section: .linux",
                 "2 UKI section name: .osrel",
                 "2 UKI section: .osrel",
                 "2 UKI section name: .cmdline",
                 "2 UKI section: .cmdline",
                 "2 UKI section name: .initrd",
                 "2 UKI section: .initrd",
                 "2 UKI section name: .uname",
                 "2 UKI section: .uname",
                 "2 UKI section name: .sbat",
                 "2 UKI section: .sbat",
                 "1 inner kernel image",
                 "2 LOADED_IMAGE::LoadOptions",
                 "2 Linux initrd",
                 "1 action: Exit Boot Services Invocation",
                 "1 action: Exit Boot Services Returned with Success"};

TEST_F(BootEvents, OfAUnifiedKernelImage) {
  const Profile recent = profile("qemu-10/edk2-202502");
  const InputFile u257 = file(made_uki("257.13").bytes()), u262 = file(made_uki("262.1").bytes());
  EXPECT_EQ(lines(boot_events(recent, UkiBoot{&u257})), kUki);
  EXPECT_EQ(lines(boot_events(recent, UkiBoot{&u262})), without(kUki, "inner"));
  // Earlier stubs are not heard in a trust domain, but the kernel is.
  const InputFile u252 = file(made_uki("252.39").bytes());
  EXPECT_EQ(lines(boot_events(recent, UkiBoot{&u252})), without(kUki, "section"));
  const InputFile old = file(made_uki("257.13", "6.1.0").bytes());
  EXPECT_EQ(lines(boot_events(recent, UkiBoot{&old})), without(without(kUki, "Linux initrd"), "LoadOptions"));

  // However the digests are shared between passes, they are these.
  const auto events = *boot_events(recent, UkiBoot{&u257});
  const Bytes kernel = made_kernel("6.9.0");
  EXPECT_EQ(named(events, "UKI section: .initrd").digest, digest<Alg::sha384>(Bytes(4099, 7)));
  EXPECT_EQ(named(events, "UKI section: .linux").digest, digest<Alg::sha384>(kernel));
  EXPECT_EQ(named(events, "UKI section name: .linux").digest,
            digest<Alg::sha384>(as_bytes(std::string_view(".linux\0", 7))));
  EXPECT_EQ(named(events, "inner kernel image").digest,
            *authenticode<Alg::sha384>(*Pe::parse(Content(kernel)), Content(kernel)));
  const Bytes file_bytes = made_uki("257.13").bytes();
  const uki::Uki uki = *uki::Uki::parse(Content(file_bytes));
  Bytes served;
  for (const Content& part : uki.initrd()) {
    const Bytes bytes = *part.read(0, part.size());
    served.insert(served.end(), bytes.begin(), bytes.end());
    served.resize(*align_up(served.size(), 4));
  }
  EXPECT_EQ(named(events, "Linux initrd").digest, digest<Alg::sha384>(served));
  EXPECT_EQ(named(*boot_events(recent, UkiBoot{&u252}), "Linux initrd").digest, digest<Alg::sha384>(Bytes(4099, 7)));
}

TEST_F(BootEvents, AUnifiedKernelImageIsChangedByOldMonitorsAlone) {
  const Bytes bytes = made_uki("257.13").bytes();
  const InputFile image = file(bytes);
  const Content plain(bytes);
  const Digest raw = *authenticode<Alg::sha384>(*Pe::parse(plain), plain);
  for (const char* name : {"qemu-9/edk2-202411", "qemu-10/edk2-202411", "qemu-10.2/edk2-202502"})
    EXPECT_EQ(boot_events(profile(name), UkiBoot{&image})->front().digest, raw) << name;
  const auto events = *boot_events(profile("qemu-8/edk2-202502"), UkiBoot{&image});
  EXPECT_NE(events.front().digest, raw);
  EXPECT_EQ(events.front().inputs.find("setup_header")->string(), "as QEMU writes it");
  // The stub reads its sections, and not these bytes.
  EXPECT_EQ(named(events, "inner kernel image").digest,
            named(*boot_events(profile("qemu-9/edk2-202411"), UkiBoot{&image}), "inner kernel image").digest);
}

TEST_F(BootEvents, WhatDependsOnTheMachineIsMissing) {
  MadePe made = made_uki("262.1");
  made.sections[4].data = bytes_of("quiet");
  const InputFile image = file(made.bytes());
  const auto events = *boot_events(profile("qemu-10/edk2-202502"), UkiBoot{&image});
  EXPECT_EQ(named(events, "LOADED_IMAGE::LoadOptions").provenance, Provenance::missing);
  EXPECT_TRUE(named(events, "Linux initrd").digest);
  EXPECT_FALSE(fold(events)[2]);
}

}  // namespace
}  // namespace hallmark::tdx
