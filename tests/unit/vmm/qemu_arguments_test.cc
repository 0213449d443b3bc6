// What each option becomes is stated here by hand, from QEMU's manual ("Invocation").
#include "lib/vmm/qemu_arguments.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace hallmark {
namespace {

using Words = std::vector<std::string>;

// Arguments in, arguments out, joined by blanks; or the message.
std::string rewritten(std::string_view text) {
  auto words = split_arguments(text);
  if (!words) return words.error().message();
  auto result = rewrite_qemu_arguments(*words);
  if (!result) return result.error().message();
  std::string out;
  for (const std::string& word : result->arguments) out += (out.empty() ? "" : " ") + word;
  return out;
}

Fault fault(std::string_view text) {
  auto words = split_arguments(text);
  if (!words) return words.error().fault;
  auto result = rewrite_qemu_arguments(*words);
  return result ? Fault::mismatch : result.error().fault;
}

TEST(SplitArguments, CutsWordsAsAShellDoes) {
  EXPECT_EQ(*split_arguments(" -m  2G \\\n -append 'a b' \"c \\\"d\\\" \\e\" f\\ g '' "),
            (Words{"-m", "2G", "-append", "a b", "c \"d\" \\e", "f g", ""}));
  EXPECT_EQ(*split_arguments(""), Words{});
  EXPECT_EQ(*split_arguments("a~b#c"), Words{"a~b#c"});
}

TEST(SplitArguments, RefusesWhatAShellWouldCompute) {
  for (const char* text : {"$HOME", "\"$X\"", "a; b", "`id`", "a|b", "a&", "~/x", "# x", "*.img", "a >b", "\"`id`\""}) {
    const auto words = split_arguments(text);
    ASSERT_FALSE(words) << text;
    EXPECT_EQ(words.error().fault, Fault::usage);
  }
  EXPECT_EQ(split_arguments("a 'b").error().message(), "QEMU's arguments: the quote at 2 is not closed");
  EXPECT_FALSE(split_arguments("a\\"));
}

TEST(QemuArguments, KeepsTheMachine) {
  const std::string same =
      "-machine q35,smm=off,hpet=off -smp 2,maxcpus=4 -m 2G -nodefaults -device virtio-rng-pci,addr=0x5 -kernel k "
      "-append quiet -fw_cfg name=opt/x,string=1 -smbios type=1,serial=7 -cpu Skylake-Server -global "
      "q35-pcihost.pci-hole64-size=4096G";
  EXPECT_EQ(rewritten(same), same);
}

TEST(QemuArguments, RunsWithoutKvmAndTdx) {
  EXPECT_EQ(rewritten("-enable-kvm -accel kvm -machine q35,accel=kvm,kernel-irqchip=split"),
            "-machine q35,kernel-irqchip=split");
  EXPECT_EQ(rewritten("-object tdx-guest,id=tdx0 -M q35,confidential-guest-support=tdx0"), "-M q35,smm=off,pic=off");
  EXPECT_EQ(rewritten("-machine q35,pic=on,confidential-guest-support=tdx0"), "-machine q35,pic=on,smm=off");
  EXPECT_EQ(rewritten("-object '{\"qom-type\":\"tdx-guest\",\"id\":\"tdx0\",\"quote-generation-socket\":"
                      "{\"type\":\"vsock\",\"cid\":\"2\",\"port\":\"4050\"}}' -m 2G"),
            "-m 2G");
  EXPECT_EQ(rewritten("-machine confidential-guest-support=tdx0"), "-machine smm=off,pic=off");
}

TEST(QemuArguments, ReplacesTheHostsProcessor) {
  EXPECT_EQ(rewritten("-cpu host,-kvm-steal-time,pmu=off"), "-cpu Skylake-Server,phys-bits=46");
  EXPECT_EQ(rewritten("-cpu host,phys-bits=52"), "-cpu Skylake-Server,phys-bits=52");
  const auto other = rewrite_qemu_arguments({"-cpu", "host"}, "EPYC");
  ASSERT_TRUE(other);
  EXPECT_EQ(other->arguments, (Words{"-cpu", "EPYC"}));
  ASSERT_EQ(other->replaced.size(), 1u);
  EXPECT_EQ(other->replaced[0].was, "-cpu host");
  EXPECT_EQ(other->replaced[0].is, "-cpu EPYC");
}

// By the width of addresses the firmware places what the tables describe.
TEST(QemuArguments, SaysWhatCanChangeTheTables) {
  const auto changes = [](const Words& words) {
    const auto result = rewrite_qemu_arguments(words);
    return result && std::ranges::any_of(result->replaced, &ReplacedArgument::changes_tables);
  };
  EXPECT_TRUE(changes({"-cpu", "host"}));
  EXPECT_TRUE(changes({"-cpu", "max,phys-bits=0"}));
  EXPECT_FALSE(changes({"-cpu", "host,phys-bits=52"}));
  EXPECT_FALSE(changes({"-cpu", "Skylake-Server", "-enable-kvm", "-netdev", "user,id=n", "-hda", "x.img"}));
}

TEST(QemuArguments, OpensNoDiskOfTheHost) {
  const std::string empty = "driver=null-co,size=1G,read-zeroes=on";
  EXPECT_EQ(rewritten("-drive file=disk.qcow2,,x,if=none,id=d0,format=qcow2,cache=none"),
            "-drive " + empty + ",if=none,id=d0");
  EXPECT_EQ(rewritten("-hdb disk.img"), "-drive " + empty + ",index=1,media=disk");
  EXPECT_EQ(rewritten("-m 1G disk.img"), "-m 1G -drive " + empty + ",index=0,media=disk");
  EXPECT_EQ(rewritten("-cdrom x.iso"), "-drive " + empty + ",index=2,media=cdrom");
  EXPECT_EQ(rewritten("-blockdev '{\"driver\":\"qcow2\",\"node-name\":\"n\",\"read-only\":true,\"file\":{}}'"),
            "-blockdev " + empty + ",node-name=n,read-only=on");
  EXPECT_EQ(rewritten("-drive if=pflash,unit=1,file=VARS.fd -bios x.fd -pflash y.fd"), "");
}

TEST(QemuArguments, TouchesNoNetwork) {
  EXPECT_EQ(rewritten("-netdev user,id=n0,hostfwd=tcp::22-:22 -netdev tap,id=n1,script=/x"),
            "-netdev hubport,id=n0,hubid=1000 -netdev hubport,id=n1,hubid=1001");
  EXPECT_EQ(rewritten("-nic user,model=virtio-net-pci,hostfwd=x"), "-nic hubport,hubid=1000,model=virtio-net-pci");
  EXPECT_EQ(rewritten("-nic none -net none"), "-nic none -net none");
  EXPECT_EQ(rewritten("-net nic,model=e1000 -net user"), "-net nic,model=e1000 -net hubport,hubid=0");
}

TEST(QemuArguments, ReplacesVsockInItsSlot) {
  EXPECT_EQ(rewritten("-device vhost-vsock-pci,id=v,guest-cid=3,bus=pcie.0,addr=0x4"),
            "-device virtio-rng-pci,id=v,bus=pcie.0,addr=0x4");
  EXPECT_EQ(rewritten("-device vhost-vsock-pci-non-transitional,guest-cid=3"),
            "-device virtio-rng-pci-non-transitional");
}

TEST(QemuArguments, KeepsACommaWithinAValue) {
  EXPECT_EQ(rewritten("-chardev file,id=a,,server=on,path=x"), "-chardev null,id=a,,server=on");
  EXPECT_EQ(rewritten("-netdev user,id=a,,b"), "-netdev hubport,id=a,,b,hubid=1000");
  EXPECT_EQ(fault("-machine '{\"type\":\"q35\",\"a,accel\":\"kvm\"}'"), Fault::usage);
}

TEST(QemuArguments, SpeaksWithNobody) {
  EXPECT_EQ(rewritten("-chardev file,id=c,path=/etc/x,mux=on -serial file:/etc/y -debugcon chardev:c -parallel none"),
            "-chardev null,id=c,mux=on -serial null -debugcon null -parallel none");
  EXPECT_EQ(rewritten("-chardev null,id=c,logfile=/etc/x"), "-chardev null,id=c");
  EXPECT_EQ(fault("-tpmdev passthrough,id=t"), Fault::unsupported);
  EXPECT_EQ(fault("-chardev null,id=hallmark-qmp"), Fault::usage);
}

// Its own TPM would remember what firmware did to it here.
TEST(QemuArguments, HasATpmOfItsOwn) {
  const std::string device = " -tpmdev emulator,id=tpm0,chardev=t -device tpm-tis,tpmdev=tpm0";
  for (const char* socket : {"-chardev socket,id=t,path=/s", "-chardev file,id=t,path=/s"})
    EXPECT_EQ(rewritten(socket + device), "-chardev socket,id=t,fd=5" + device);
  EXPECT_EQ(rewritten("-tpmdev emulator,id=a,chardev=t -chardev socket,id=t,path=/s"),
            "-tpmdev emulator,id=a,chardev=t -chardev socket,id=t,fd=5");
  EXPECT_TRUE(rewrite_qemu_arguments(*split_arguments("-chardev socket,id=t,path=/s" + device))->has_tpm);
  EXPECT_FALSE(rewrite_qemu_arguments({"-chardev", "socket,id=t,path=/s"})->has_tpm);
  EXPECT_EQ(fault("-chardev socket,id=t,path=/s -chardev socket,id=u,path=/s -tpmdev emulator,id=a,chardev=t -tpmdev "
                  "emulator,id=b,chardev=u"),
            Fault::unsupported);
}

TEST(QemuArguments, RunsInFrontOfNobody) {
  EXPECT_EQ(
      rewritten(
          "-nographic -vnc :1 -monitor stdio -qmp unix:x,server -mon chardev=x -daemonize -pidfile p -s -no-reboot"),
      "");
}

TEST(QemuArguments, TakesOnlyTheMemoryThatIsTouched) {
  EXPECT_EQ(rewritten("-object memory-backend-memfd-private,id=m,size=4G,hugetlb=on,prealloc=on -mem-prealloc"),
            "-object memory-backend-ram,id=m,size=4G,reserve=off");
  EXPECT_EQ(fault("-object memory-backend-ram,id=m"), Fault::usage);
  EXPECT_EQ(fault("-object filter-dump,id=f,netdev=n,file=/etc/x"), Fault::unsupported);
}

TEST(QemuArguments, RefusesByName) {
  for (const char* text :
       {"-S", "--S", "-incoming tcp:0:1", "-qtest stdio", "-readconfig f", "-plugin x.so", "-trace x", "-D log",
        "-device vfio-pci,host=01:00.0", "-device vhost-user-fs-pci", "-loadvm x"})
    EXPECT_EQ(fault(text), Fault::unsupported) << text;
  EXPECT_EQ(rewritten("-S"), "QEMU's arguments: -S: not with hallmark: the machine is started afresh, by hallmark");
  EXPECT_EQ(fault("-frobnicate"), Fault::usage);
  EXPECT_EQ(rewritten("-m"), "QEMU's arguments: -m: needs a value");
  EXPECT_EQ(fault("-netdev user"), Fault::usage);
  EXPECT_EQ(fault("-object '{\"qom-type\":'"), Fault::format);
  EXPECT_FALSE(rewrite_qemu_arguments({"-name", std::string("a\0b", 3)}));
  EXPECT_FALSE(rewrite_qemu_arguments({"-name", "\xff"}));
  EXPECT_FALSE(rewrite_qemu_arguments({"-name", std::string(std::size_t{2} << 20, 'x')}));
}

TEST(QemuArguments, TakesAProgramInTheFirstPlace) {
  const auto result = rewrite_qemu_arguments({"/opt/qemu/bin/qemu-system-x86_64", "-m", "1G"});
  ASSERT_TRUE(result);
  EXPECT_EQ(result->program, "/opt/qemu/bin/qemu-system-x86_64");
  EXPECT_EQ(result->arguments, (Words{"-m", "1G"}));
}

}  // namespace
}  // namespace hallmark
