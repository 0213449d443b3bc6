// Guests whose firmware and machine say something of themselves, and what is predicted from that. What happens is the
// rule of specs/tee/tdx.md, by edk2's sources; digests are of the bytes that the test gave.
#include "lib/tee/tdx/guest.h"

#include <gtest/gtest.h>

#include "lib/formats/efi_volume.h"
#include "lib/formats/smbios.h"
#include "lib/formats/tcg_event.h"
#include "lib/tee/tdx/measure.h"
#include "tests/unit/formats/efi_made.h"
#include "tests/unit/formats/made_pe.h"
#include "tests/unit/tee/made_firmware.h"

namespace hallmark::tdx {
namespace {

constexpr Guid kTdTcg2Dxe = guid("f062221e-c607-44c2-b0b4-c3886331d351");
constexpr Guid kSmbiosPlatformDxe = guid("4110465d-5ff3-4f4b-b580-24ed0d06747a");
constexpr Guid kSmbiosMeasurementDxe = guid("d27fed59-abb4-4fed-bead-2a878c7e4a7e");
constexpr Guid kBootManagerMenuApp = guid("eec25bdc-67f2-4d95-b1d5-f81b2039d11d");
constexpr Guid kOther = guid("462caa21-7614-4503-836e-8ab6f4662332");

Bytes driver(const Guid& name, std::initializer_list<Bytes> texts = {}) {
  return made::file(name, EfiFile::kDriver, made::section(EfiSection::kPe32, made::join(texts)));
}

// An image with these drivers, of no release unless one of them says so.
Bytes firmware_with(std::initializer_list<Bytes> drivers) {
  Bytes out = MadeFirmware().bytes();
  const Bytes volume = made::volume(made::kFfs2, made::join(drivers), 0x2000);
  std::ranges::copy(volume, out.begin() + 0x1000);
  return out;
}
const Bytes kSilent = firmware_with({driver(kOther)});
const Bytes kOlder = firmware_with({driver(kTdTcg2Dxe)});
const Bytes kNewer = firmware_with(
    {driver(kTdTcg2Dxe), driver(kSmbiosMeasurementDxe), driver(kBootManagerMenuApp),
     driver(kSmbiosPlatformDxe, {made::utf16("a vendor"), made::utf16("v1.2"), made::utf16("01/02/2026")})});

// A loader script that allocates these files.
Bytes script(std::initializer_list<std::string_view> files) {
  Bytes out;
  for (const std::string_view name : files) {
    const std::size_t at = out.size();
    out.resize(at + 128);
    out[at] = 1;
    std::ranges::copy(name, out.begin() + static_cast<std::ptrdiff_t>(at) + 4);
  }
  return out;
}

FwCfg machine(bool tpm = false) {
  FwCfg out{.qemu = "10.1.2 (Debian)",
            .files = {{"etc/acpi/rsdp", Bytes(20, 1)},
                      {"etc/acpi/tables", Bytes(4096, 2)},
                      {"etc/table-loader", script({"etc/acpi/rsdp", "etc/acpi/tables"})},
                      {"etc/smbios/smbios-tables", {127, 4, 0, 0, 0, 0}},
                      {"bootorder", {'/', 'r', '\0'}}},
            .boot_menu = {1, 0},
            .doubt = {}};
  if (tpm) {
    out.files["etc/tpm/log"] = Bytes(64);
    out.files["etc/table-loader"] = script({"etc/acpi/rsdp", "etc/tpm/log", "etc/acpi/tables"});
  }
  return out;
}

class TdxGuest : public testing::Test {
 protected:
  fs::path write(const std::string& name, const Bytes& bytes) {
    EXPECT_TRUE(write_file(folder_.path() / name, as_text(bytes)));
    return folder_.path() / name;
  }
  MeasureRequest request(const Bytes& firmware, std::map<std::string, std::string> options = {}) {
    return {.image = write("fw", firmware), .companions = {}, .options = std::move(options)};
  }
  // The same guest with a kernel that measures.
  MeasureRequest booting(const Bytes& firmware, std::map<std::string, std::string> options = {}) {
    MeasureRequest out = request(firmware, std::move(options));
    out.companions["kernel"] = write("kernel", made_kernel("6.12.0"));
    out.options["cmdline"] = "quiet";
    return out;
  }
  TemporaryFolder folder_ = *TemporaryFolder::make("hallmark-test-");
};

// "computed QEMU FW CFG: BootMenu", for each event that begins so.
std::vector<std::string> events_of(const Measurement& m, std::string_view prefix) {
  std::vector<std::string> out;
  for (const Json& e : m.details.find("events")->items())
    if (const std::string& what = e.find("description")->string(); what.starts_with(prefix))
      out.push_back(e.find("provenance")->string() + " " + what);
  return out;
}
std::string digest_of(const Measurement& m, std::string_view description) {
  for (const Json& e : m.details.find("events")->items())
    if (e.find("description")->string() == description) return e.find("digest")->string();
  return "no such event";
}
std::string sha384(ByteView bytes) { return to_hex(digest<Alg::sha384>(bytes)); }
std::string value_of(const Measurement& m, const std::string& name) {
  const auto found = std::ranges::find(m.registers, name, &Register::name);
  return found == m.registers.end() ? "none" : to_hex(found->digest);
}
bool warns(const Measurement& m, std::string_view text) {
  return std::ranges::any_of(m.warnings, [&](const std::string& w) { return w.find(text) != w.npos; });
}
using Lines = std::vector<std::string>;
const std::string kZeros(96, '0');

TEST_F(TdxGuest, BootItemsAreThoseOfTheMachine) {
  FwCfg fw_cfg = machine();
  fw_cfg.files["opt/ovmf/X-PciMmio64Mb"] = bytes_of("262144");
  fw_cfg.files["etc/extra-pci-roots"] = Bytes(8, 3);
  fw_cfg.files["etc/boot-menu-wait"] = Bytes(3);  // of two bytes, or not measured
  fw_cfg.files["etc/reserved-memory-end"] = {};
  const auto m = measure(booting(kNewer, {{"profile", "qemu-10/edk2-202508"}, {"memory", "2G"}}), fw_cfg, {});
  ASSERT_TRUE(m) << m.error().message();
  EXPECT_EQ(events_of(*m, "QEMU FW CFG: "),
            (Lines{"computed QEMU FW CFG: etc/extra-pci-roots", "computed QEMU FW CFG: BootMenu",
                   "computed QEMU FW CFG: opt/ovmf/X-PciMmio64Mb", "computed QEMU FW CFG: bootorder"}));
  EXPECT_EQ(digest_of(*m, "QEMU FW CFG: BootMenu"), sha384(Bytes{1, 0}));
  EXPECT_EQ(digest_of(*m, "QEMU FW CFG: opt/ovmf/X-PciMmio64Mb"), sha384(bytes_of("262144")));
  EXPECT_EQ(digest_of(*m, "QEMU FW CFG: bootorder"), sha384(Bytes{'/', 'r', 0}));
  EXPECT_NE(value_of(*m, "rtmr0"), "none");

  // Without a machine they are assumed, and that is said.
  const auto alone = measure(booting(kNewer, {{"profile", "qemu-10/edk2-202508"}}), {});
  ASSERT_TRUE(alone);
  EXPECT_EQ(events_of(*alone, "QEMU FW CFG: "),
            (Lines{"assumed QEMU FW CFG: BootMenu", "assumed QEMU FW CFG: bootorder"}));
  EXPECT_TRUE(warns(*alone, "assumed: QEMU FW CFG: BootMenu, QEMU FW CFG: bootorder: QEMU has these items"));
}

TEST_F(TdxGuest, TablesAreComputedByTheQemuOfTheProfile) {
  const auto provenance = [&](const FwCfg& fw_cfg, const char* profile) {
    const auto m = measure(booting(kOlder, {{"profile", profile}, {"memory", "2G"}}), fw_cfg, {});
    EXPECT_TRUE(m) << m.error().message();
    EXPECT_EQ(digest_of(*m, "ACPI DATA: etc/acpi/tables"), sha384(Bytes(4096, 2)));
    const Lines events = events_of(*m, "ACPI DATA: ");
    EXPECT_EQ(events.size(), 3u);
    EXPECT_EQ(warns(*m, "assumed: ACPI DATA: etc/table-loader, ACPI DATA: etc/acpi/rsdp, ACPI DATA: etc/acpi/tables: "),
              events.at(0) != "computed ACPI DATA: etc/table-loader");
    return events.at(2);
  };
  EXPECT_EQ(provenance(machine(), "qemu-10/edk2-202502"), "computed ACPI DATA: etc/acpi/tables");
  EXPECT_EQ(provenance(machine(), "qemu-10.2/edk2-202502"), "assumed ACPI DATA: etc/acpi/tables");
  FwCfg doubtful = machine();
  doubtful.doubt = "-cpu host was replaced";
  EXPECT_EQ(provenance(doubtful, "qemu-10/edk2-202502"), "assumed ACPI DATA: etc/acpi/tables");
}

TEST_F(TdxGuest, TablesAreOfOneOriginAndOfTheGuestsProcessors) {
  MeasureRequest both = request(kOlder);
  both.options["acpi-digests"] = kZeros + "," + kZeros + "," + kZeros;
  EXPECT_EQ(measure(both, machine(), {}).error().fault, Fault::usage);
  FwCfg broken = machine();
  broken.files.erase("etc/acpi/rsdp");
  const auto m = measure(request(kOlder), broken, {});
  ASSERT_FALSE(m);
  EXPECT_EQ(m.error().message(), "fw_cfg: the machine has no etc/acpi/rsdp");
}

TEST_F(TdxGuest, HasTheMemoryOfTheMachine) {
  FwCfg fw_cfg = machine();
  Bytes& map = fw_cfg.files["etc/e820"];
  for (const auto& [address, length, type] :
       {std::tuple{0xfeffc000ull, 0x4000ull, 2u}, {0ull, 0x80000000ull, 1u}, {0x100000000ull, 0x80000000ull, 1u}}) {
    made::put<std::uint64_t>(map, address);
    made::put<std::uint64_t>(map, length);
    made::put<std::uint32_t>(map, type);
  }
  const auto m = measure(booting(kOlder, {{"profile", "qemu-10/edk2-202502"}}), fw_cfg, {});
  ASSERT_TRUE(m) << m.error().message();
  EXPECT_EQ(m->inputs.find("memory")->integer(), std::int64_t{4} << 30);
  EXPECT_NE(value_of(*m, "rtmr0"), "none");
  const auto other = measure(booting(kOlder, {{"memory", "2G"}}), fw_cfg, {});
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().message(), "memory: is 2147483648 bytes, the machine of QEMU has 4294967296");
  map.resize(map.size() - 1);
  EXPECT_EQ(measure(booting(kOlder), fw_cfg, {}).error().fault, Fault::format);
}

// The emulated processor is not the guest's, whatever QEMU made of it.
TEST_F(TdxGuest, SmbiosIsAssumed) {
  const auto m = measure(booting(kNewer, {{"profile", "qemu-10/edk2-202508"}}), machine(), {});
  ASSERT_TRUE(m) << m.error().message();
  EXPECT_EQ(events_of(*m, "SMBIOS"), Lines{"assumed SMBIOS tables"});
  EXPECT_TRUE(warns(*m, "assumed: SMBIOS tables: it names the emulated processor"));
  const Bytes table = *install_smbios(Bytes{127, 4, 0, 0, 0, 0}, {"a vendor", "v1.2", "01/02/2026"});
  EXPECT_EQ(digest_of(*m, "SMBIOS tables"), sha384(*measured_smbios(table)));

  const auto given =
      measure(booting(kNewer, {{"profile", "qemu-10/edk2-202508"}, {"smbios-digest", kZeros}}), machine(), {});
  EXPECT_EQ(events_of(*given, "SMBIOS"), Lines{"supplied SMBIOS tables"});
}

TEST_F(TdxGuest, WithATpmHasItsLogInRtmr0AndNoRtmr2) {
  const auto options = std::map<std::string, std::string>{{"profile", "qemu-10/edk2-202502"}, {"memory", "2G"}};
  const auto m = measure(booting(kOlder, options), machine(true), {});
  ASSERT_TRUE(m) << m.error().message();
  EXPECT_EQ(events_of(*m, "ACPI DATA: "),
            (Lines{"computed ACPI DATA: etc/table-loader", "computed ACPI DATA: etc/acpi/rsdp",
                   "computed ACPI DATA: etc/tpm/log", "computed ACPI DATA: etc/acpi/tables"}));
  EXPECT_NE(value_of(*m, "rtmr0"), "none");
  EXPECT_NE(value_of(*m, "rtmr1"), "none");
  EXPECT_EQ(value_of(*m, "rtmr2"), "none");
  EXPECT_TRUE(warns(*m, "rtmr2 is not computed: the machine has a TPM"));
  EXPECT_NE(value_of(*measure(booting(kOlder, options), machine(), {}), "rtmr2"), "none");
}

TEST_F(TdxGuest, WhoseFirmwareMeasuresNothingIsNoPlaceForAKernel) {
  const auto refused = measure(booting(kSilent, {{"profile", "qemu-10/edk2-202211"}}), {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().fault, Fault::unsupported);
  EXPECT_NE(refused.error().message().find("no driver that measures in a trust domain (TdTcg2Dxe)"), std::string::npos);

  const auto said = measure(booting(kSilent, {{"profile", "qemu-10/edk2-202211"}, {"firmware-measures", "yes"}}), {});
  ASSERT_TRUE(said) << said.error().message();
  EXPECT_NE(value_of(*said, "rtmr1"), kZeros);
  EXPECT_EQ(said->inputs.find("firmware_measures")->string(), "given");
  EXPECT_TRUE(warns(*said, "because it was said to"));
  EXPECT_EQ(measure(request(kSilent, {{"firmware-measures", "no"}}), {}).error().fault, Fault::usage);
}

// SEC extends what the monitor handed over, since 202302, and nobody anything after it.
TEST_F(TdxGuest, WhoseFirmwareMeasuresNothingHasZeros) {
  const auto old = measure(request(kSilent, {{"profile", "qemu-10/edk2-202211"}}), {});
  ASSERT_TRUE(old) << old.error().message();
  for (const char* name : {"rtmr0", "rtmr1", "rtmr2"}) EXPECT_EQ(value_of(*old, name), kZeros) << name;
  EXPECT_EQ(value_of(*old, "rtmr3"), "none");
  EXPECT_TRUE(warns(*old, "who accepts such a guest accepts any kernel"));

  const auto late = measure(request(kSilent, {{"profile", "qemu-10/edk2-202502"}, {"memory", "2G"}}), {});
  ASSERT_TRUE(late) << late.error().message();
  const Json& events = *late->details.find("events");
  ASSERT_EQ(events.items().size(), 3u);
  EXPECT_EQ(events.items()[0].find("description")->string(), "TD HOB");
  EXPECT_EQ(events.items()[1].find("description")->string(), "configuration volume");
  EXPECT_EQ(value_of(*late, "rtmr1"), kZeros);
  EXPECT_NE(value_of(*late, "rtmr0"), kZeros);

  // Whether it does cannot be told where the release is not.
  const auto unknown = measure(request(kSilent), {});
  ASSERT_TRUE(unknown);
  EXPECT_EQ(value_of(*unknown, "rtmr0"), "none");
  EXPECT_EQ(value_of(*unknown, "rtmr2"), kZeros);
}

TEST_F(TdxGuest, OfNoReleaseIsTakenForOneThatItsDriversAllow) {
  for (const auto& [firmware, profile, other, impossible] :
       {std::tuple{&kNewer, "qemu-10/edk2-202508", "qemu-10/edk2-202505", "qemu-10/edk2-202502"},
        {&kOlder, "qemu-10/edk2-202502", "qemu-10/edk2-202411", "qemu-10/edk2-202505"}}) {
    SCOPED_TRACE(profile);
    const auto m = measure(booting(*firmware, {{"memory", "2G"}}), {});
    ASSERT_TRUE(m) << m.error().message();
    EXPECT_EQ(m->inputs.find("profile")->string(), profile);
    EXPECT_EQ(m->inputs.find("firmware_release")->string(), "assumed");
    EXPECT_TRUE(warns(*m, "the image names no release; it is taken for "));
    EXPECT_EQ(events_of(*m, "kernel image"), Lines{"assumed kernel image"});
    std::vector<std::string> candidates;
    for (const Json& c : m->details.find("candidates")->items()) candidates.push_back(c.find("profile")->string());
    EXPECT_EQ(std::ranges::count(candidates, other), 1);
    EXPECT_EQ(std::ranges::count(candidates, impossible), 0);
    EXPECT_EQ(std::ranges::count(candidates, profile), 0);

    // Named, it is not assumed; and a name that the drivers speak against is noticed.
    const auto named = measure(booting(*firmware, {{"memory", "2G"}, {"profile", profile}}), {});
    EXPECT_EQ(named->inputs.find("firmware_release"), nullptr);
    EXPECT_EQ(events_of(*named, "kernel image"), Lines{"computed kernel image"});
    EXPECT_FALSE(warns(*named, "since 202505"));
    EXPECT_TRUE(warns(*measure(booting(*firmware, {{"memory", "2G"}, {"profile", impossible}}), {}),
                      "driver BootManagerMenuApp: since 202505, edk2 has it"));
  }
}

TEST_F(TdxGuest, OfAnImageThatShowsNothingHasNoProfile) {
  const auto m = measure(request(MadeFirmware().bytes()), {});
  ASSERT_TRUE(m);
  EXPECT_EQ(m->registers.size(), 1u);
  EXPECT_TRUE(warns(*measure(request(MadeFirmware().bytes(), {{"profile", "qemu-10/edk2-202502"}}), {}),
                    "does not show whether this firmware measures"));
}

}  // namespace
}  // namespace hallmark::tdx
