// Logs of an earlier guest: which of its events are taken, and what of a prediction they replace.
#include "lib/tee/tdx/reference_log.h"

#include <gtest/gtest.h>

#include "lib/tee/tdx/dstack.h"
#include "lib/tee/tdx/firmware_events.h"
#include "tests/unit/formats/made_log.h"
#include "tests/unit/tee/made_firmware.h"
#include "tests/unit/tee/made_quote.h"

namespace hallmark::tdx {
namespace {

constexpr std::uint32_t kRtmr0 = 1, kRtmr1 = 2, kRtmr2 = 3, kRtmr3 = 4;  // as a CCEL counts
const Bytes kZeros(4);

Digest other(std::string_view text) { return digest<Alg::sha384>(as_bytes(text)); }

// The data that the firmware puts beside an event.
Bytes label_of(const Event& e) {
  const auto text = [](std::string_view s) { return Bytes(as_bytes(s).begin(), as_bytes(s).end()); };
  if (e.type == tcg::kSeparator) return kZeros;
  if (e.type == tcg::kEfiVariableDriverConfig || e.type == tcg::kEfiVariableBoot)
    return uefi_variable_data(Guid{}, e.description.substr(std::string_view("variable ").size()), {});
  if (e.description.starts_with("ACPI DATA")) return text("ACPI DATA");
  if (e.description.starts_with("QEMU FW CFG: ")) {
    Bytes out = text("QEMU FW CFG");
    out.push_back(0);
    const Bytes name = text(e.description.substr(std::string_view("QEMU FW CFG: ").size()));
    out.insert(out.end(), name.begin(), name.end());
    out.resize(12 + 56);
    return out;
  }
  return {};
}

// A guest whose firmware is of that profile, with 2 GiB and its own ACPI tables.
class ReferenceLog : public testing::Test {
 protected:
  const Profile& profile(const char* name) {
    profile_ = *find_profile(name);
    return profile_;
  }

  std::vector<Event> firmware(const Machine& machine, const Variables& variables = {.built_for_secure_boot = false}) {
    return *firmware_events(profile_, image_, machine, variables);
  }
  // What the profile leads to with everything given.
  std::vector<Event> whole() {
    return firmware({.memory = std::uint64_t{2} << 30,
                     .acpi = AcpiDigests{other("script"), other("rsdp"), other("tables")},
                     .smbios = other("smbios")});
  }

  // The log of a guest with these events of RTMR0, then of a boot: shim's variable, an image, a file that GRUB read.
  MadeLog log(const std::vector<Event>& events) {
    MadeLog made;
    for (const Event& e : events) made.event(kRtmr0, e.type, *e.digest, label_of(e));
    made.event(kRtmr0, tcg::kEfiVariableAuthority, uefi_variable_data(Guid{}, "SbatLevel", kZeros));
    made.event(kRtmr1, tcg::kEfiBootServicesApplication, other("shim"), {});
    made.event(kRtmr2, tcg::kIpl, other("grub.cfg"), as_bytes("(hd0,gpt1)/boot/grub/grub.cfg"));
    if (ends_) made.event(kRtmr1, tcg::kEfiAction, as_bytes("Exit Boot Services Returned with Success"));
    return made;
  }

  Result<std::vector<Event>> with(const std::vector<Event>& firmware, const MadeLog& made) {
    const auto boot = parse_boot_log(made.bytes);
    if (!boot) return Failure(boot.error());
    return with_boot_log(profile_, firmware, *boot);
  }
  std::string refusal(const std::vector<Event>& firmware, const MadeLog& made) {
    const auto merged = with(firmware, made);
    if (merged) return "not refused";
    EXPECT_EQ(merged.error().fault, Fault::usage);
    return merged.error().message();
  }

  Bytes bytes_ = MadeFirmware().bytes();
  Image image_ = *Image::parse(bytes_);
  Profile profile_ = *find_profile("qemu-10/edk2-202502");
  bool ends_ = true;  // the boot that the log has
};

std::vector<std::string> provenances(const std::vector<Event>& events) {
  std::vector<std::string> out;
  for (const Event& e : events)
    out.push_back(std::string(to_text(e.provenance)) + (e.inputs.find("from") == nullptr ? " " : " from log ") +
                  e.description);
  return out;
}

bool is_boot_option(const Event& e) { return e.type == tcg::kEfiVariableBoot; }

TEST_F(ReferenceLog, GivesBackWhatTheGuestExtended) {
  for (const char* name : {"qemu-8/edk2-202211", "qemu-9/edk2-202302", "qemu-10/edk2-202502", "qemu-10/edk2-202508"}) {
    profile(name);
    const auto merged = with(whole(), log(whole()));
    ASSERT_TRUE(merged) << merged.error().message();
    ASSERT_EQ(merged->size(), whole().size() + 4);
    for (std::size_t i = 0; i < whole().size(); i++) EXPECT_EQ((*merged)[i].digest, whole()[i].digest) << name << i;
    EXPECT_EQ((*merged)[merged->size() - 4].description, "variable SbatLevel");
    EXPECT_EQ((*merged)[merged->size() - 3].rtmr, 1u);
    EXPECT_EQ((*merged)[merged->size() - 2].rtmr, 2u);
  }
}

// Each event of the firmware has its own digest, or that of the log where none was given or it was only assumed.
TEST_F(ReferenceLog, SuppliesWhatIsMissingOrAssumed) {
  profile("qemu-10/edk2-202508");
  const auto merged = with(firmware({}, {}), log(whole()));
  ASSERT_TRUE(merged) << merged.error().message();
  EXPECT_EQ(provenances(*merged),
            (std::vector<std::string>{"supplied from log ",
                                      "computed configuration volume",
                                      "supplied from log QEMU FW CFG: BootMenu",
                                      "supplied from log QEMU FW CFG: bootorder",
                                      "supplied from log variable SecureBoot",
                                      "computed variable PK",
                                      "computed variable KEK",
                                      "computed variable db",
                                      "computed variable dbx",
                                      "computed separator",
                                      "supplied from log ACPI DATA",
                                      "supplied from log ACPI DATA",
                                      "supplied from log ACPI DATA",
                                      "supplied from log ",
                                      "supplied from log variable BootOrder",
                                      "supplied from log variable Boot0000",
                                      "supplied from log variable Boot0001",
                                      "supplied from log variable SbatLevel",
                                      "supplied from log ",
                                      "supplied from log (hd0,gpt1)/boot/grub/grub.cfg",
                                      "supplied from log action: Exit Boot Services Returned with Success"}));
  for (std::size_t i = 0; i < whole().size(); i++) EXPECT_EQ((*merged)[i].digest, whole()[i].digest) << i;
}

// The guest to be measured has another machine than the log's.
TEST_F(ReferenceLog, YieldsToWhatIsComputedAndSaysSo) {
  std::vector<Event> logged = whole();
  logged[0].digest = other("4 GiB");
  logged[8].digest = other("another script");
  const auto merged = with(whole(), log(logged));
  ASSERT_TRUE(merged) << merged.error().message();
  for (std::size_t i = 0; i < whole().size(); i++) {
    EXPECT_EQ((*merged)[i].digest, whole()[i].digest) << i;
    const Json* said = (*merged)[i].inputs.find(kLoggedDigest);
    ASSERT_EQ(said != nullptr, i == 0 || i == 8) << i;
    if (said != nullptr) {
      EXPECT_EQ(said->string(), to_hex(*logged[i].digest));
    }
  }
}

// Boots from a disk have boot options and items of fw_cfg of their own; a label, not a place in the list, says which is
// which.
TEST_F(ReferenceLog, HasOptionsAndItemsOfItsOwn) {
  profile("qemu-10/edk2-202508");
  std::vector<Event> logged = whole();
  const auto order = std::ranges::find(logged, "QEMU FW CFG: bootorder", &Event::description);
  ASSERT_NE(order, logged.end());
  order->description = "QEMU FW CFG: etc/boot-menu-wait";
  order->digest = other("100 ms");
  std::swap(*order, *(order - 1));
  std::erase_if(logged, is_boot_option);
  Event option{0, tcg::kEfiVariableBoot, "variable Boot0007", other("a disk"), Provenance::supplied, Json::object()};
  logged.push_back(option);
  const auto merged = with(whole(), log(logged));
  ASSERT_TRUE(merged) << merged.error().message();
  for (std::size_t i = 0; i < logged.size(); i++) {
    EXPECT_EQ((*merged)[i].digest, logged[i].digest) << i;
    EXPECT_EQ((*merged)[i].inputs.find(kLoggedDigest), nullptr) << i;
  }
}

// Where no table was given, the machine may have more blobs than the usual three; where they were given, it has not.
TEST_F(ReferenceLog, MayHaveOneMoreOnlyOfWhatIsNotKnown) {
  std::vector<Event> logged = whole();
  const auto tables = std::ranges::find(logged, "ACPI DATA: etc/acpi/tables", &Event::description);
  logged.insert(tables, {0, tcg::kPlatformConfigFlags, "ACPI DATA", other("TPM log"), Provenance::supplied, Json()});
  const auto merged = with(firmware({.memory = std::uint64_t{2} << 30}), log(logged));
  ASSERT_TRUE(merged) << merged.error().message();
  for (std::size_t i = 0; i < logged.size(); i++) EXPECT_EQ((*merged)[i].digest, logged[i].digest) << i;
  EXPECT_EQ(
      refusal(whole(), log(logged)),
      "boot log: event 12 of RTMR0 is one more \"ACPI DATA\" with firmware of edk2-202502 and what was given: the "
      "log is of other firmware, or the guest's profile is another");
  logged = whole();
  logged.insert(logged.begin() + 7,
                {0, tcg::kEfiVariableDriverConfig, "variable dbt", other("dbt"), Provenance::supplied, Json()});
  EXPECT_NE(refusal(whole(), log(logged)).find("event 8 of RTMR0 is one more \"variable dbt\""), std::string::npos);
}

// A monitor that has the variables of secure boot itself: no image tells them.
TEST_F(ReferenceLog, HasTheVariablesThatTheMonitorKeeps) {
  const std::vector<Event> logged = whole();
  profile("gce/edk2-202411");
  const auto predicted = firmware({.memory = std::uint64_t{2} << 30});
  EXPECT_EQ(std::ranges::count(predicted, tcg::kEfiVariableDriverConfig, &Event::type), 5);
  EXPECT_FALSE(fold(predicted)[0]);
  const auto merged = with(predicted, log(logged));
  ASSERT_TRUE(merged) << merged.error().message();
  for (std::size_t i = 1; i < logged.size(); i++) EXPECT_EQ((*merged)[i].digest, logged[i].digest) << i;
}

TEST_F(ReferenceLog, OfOtherFirmwareIsRefused) {
  const auto of = [&](const char* name) {
    profile(name);
    return log(whole());
  };
  const MadeLog old = of("qemu-10/edk2-202302"), fresh = of("qemu-10/edk2-202505"), oldest = of("qemu-10/edk2-202211");
  profile("qemu-10/edk2-202502");
  EXPECT_NE(refusal(whole(), old).find("is one more \"separator\""), std::string::npos);
  EXPECT_NE(refusal(whole(), fresh).find("is one more \"QEMU FW CFG: BootMenu\""), std::string::npos);
  EXPECT_NE(refusal(whole(), oldest).find("is one more \"separator\""), std::string::npos);
  std::vector<Event> cut = whole();
  cut.erase(cut.begin());
  EXPECT_NE(refusal(whole(), log(cut)).find("RTMR0 lacks an event \"TD HOB\""), std::string::npos);
  EXPECT_NE(refusal(whole(), MadeLog()).find("RTMR0 lacks an event \"TD HOB\""), std::string::npos);
  EXPECT_NE(refusal(firmware({}, {}), MadeLog()).find("RTMR0 lacks an event"), std::string::npos);
}

// A log that was cut between two records is well-formed; no guest that boots has its registers.
TEST_F(ReferenceLog, HasToHaveTheEndOfTheBoot) {
  ends_ = false;
  EXPECT_NE(refusal(whole(), log(whole())).find("RTMR1 lacks the event \"Exit Boot Services Returned with Success\""),
            std::string::npos);
  // What counts is what was extended, and where, and not the label.
  MadeLog label = log(whole());
  label.event(kRtmr1, tcg::kEfiAction, other("another"), as_bytes("Exit Boot Services Returned with Success"));
  EXPECT_NE(refusal(whole(), label).find("RTMR1 lacks the event"), std::string::npos);
  MadeLog elsewhere = log(whole());
  elsewhere.event(kRtmr2, tcg::kEfiAction, as_bytes("Exit Boot Services Returned with Success"));
  EXPECT_NE(refusal(whole(), elsewhere).find("RTMR1 lacks the event"), std::string::npos);
}

TEST(BootLog, LeavesOutWhatIsNoBoot) {
  MadeLog made;
  made.event(kRtmr3, tcg::kIpl, as_bytes("app")).event(kRtmr1, tcg::kSeparator, kZeros);
  const auto log = parse_boot_log(made.bytes);
  ASSERT_TRUE(log) << log.error().message();
  EXPECT_EQ(log->runtime_events, 1u);
  ASSERT_EQ(log->events.size(), 1u);
  EXPECT_EQ(log->events[0].rtmr, 1u);
  EXPECT_EQ(log->events[0].inputs.find("from")->string(), "boot-log");
}

TEST(BootLog, OfATpmOrOfNobodyIsUnsupported) {
  MadeLog tpm(MadeLog::Algorithms{{MadeLog::kSha384, 48}}, 0);
  tpm.event(0, tcg::kSCrtmVersion, kZeros).event(4, tcg::kEfiAction, as_bytes("Calling"));
  const auto log = parse_boot_log(tpm.bytes);
  ASSERT_FALSE(log);
  EXPECT_EQ(log.error().fault, Fault::unsupported);
  EXPECT_NE(log.error().message().find("a machine with a TPM"), std::string::npos);
  EXPECT_EQ(parse_boot_log(as_bytes("2 " + std::string(96, 'a') + " x\n")).error().fault, Fault::unsupported);
  EXPECT_EQ(parse_boot_log({}).error().fault, Fault::unsupported);
}

// dstack's JSON, with a run-time event and a quote whose registers are those.
std::string dstack(const Digest& rtmr3, unsigned boot_rtmr = 1) {
  const std::string payload = "ab";
  dcap::MadeQuote quote;
  std::fill(quote.body.begin() + 328, quote.body.begin() + 520, std::uint8_t{0});
  Digest boot{};
  extend<Alg::sha384>(boot, digest<Alg::sha384>(kZeros));
  std::ranges::copy(boot, quote.body.begin() + 328 + 48 * static_cast<std::ptrdiff_t>(boot_rtmr));
  std::ranges::copy(rtmr3, quote.body.begin() + 328 + 48 * 3);
  Json log = Json::array();
  log.push_back(Json::object({{"imr", 1},
                              {"event_type", 4},
                              {"digest", to_hex(digest<Alg::sha384>(kZeros))},
                              {"event", ""},
                              {"event_payload", "00000000"}}));
  log.push_back(Json::object({{"imr", 3},
                              {"event_type", std::uint64_t{kDstackRuntimeEvent}},
                              {"digest", ""},
                              {"event", "app-id"},
                              {"event_payload", payload}}));
  return Json::object({{"event_log", std::move(log)}, {"quote", to_hex(quote.bytes())}}).canonical();
}

TEST(BootLog, OfDstackHasToAgreeWithItsQuote) {
  Digest rtmr3{};
  extend<Alg::sha384>(rtmr3, dstack_digest_v1("app-id", Bytes{0xab}));
  const std::string good = dstack(rtmr3);
  const auto boot = parse_boot_log(as_bytes(good));
  ASSERT_TRUE(boot) << boot.error().message();
  ASSERT_EQ(boot->events.size(), 1u);
  EXPECT_EQ(boot->runtime_events, 1u);
  const auto runtime = parse_runtime_log(as_bytes(good));
  ASSERT_TRUE(runtime) << runtime.error().message();
  ASSERT_EQ(runtime->size(), 1u);
  EXPECT_EQ((*runtime)[0].description, "dstack: app-id");
  EXPECT_EQ((*runtime)[0].inputs.find("from")->string(), "runtime-log");
  for (const std::string& bad : {dstack(other("another")), dstack(rtmr3, 2)}) {
    EXPECT_EQ(parse_boot_log(as_bytes(bad)).error().fault, Fault::mismatch);
    EXPECT_EQ(parse_runtime_log(as_bytes(bad)).error().fault, Fault::mismatch);
  }
}

TEST(RuntimeLog, OfTextHasLinesOfTheKernelAndOfApplications) {
  const std::string digest(96, 'a');
  const auto log = parse_runtime_log(as_bytes("2 " + digest + " ima-ng boot_aggregate\n3 " + digest + " app\n"));
  ASSERT_TRUE(log) << log.error().message();
  ASSERT_EQ(log->size(), 2u);
  EXPECT_EQ((*log)[0].rtmr, 2u);
  EXPECT_EQ((*log)[1].rtmr, 3u);
  for (const char* rtmr : {"0", "1"}) {
    const auto bad = parse_runtime_log(as_bytes("2 " + digest + " x\n" + rtmr + " " + digest + " x\n"));
    ASSERT_FALSE(bad);
    EXPECT_EQ(bad.error().fault, Fault::usage);
    EXPECT_EQ(bad.error().message(),
              "line 2 is of RTMR" + std::string(rtmr) + ", which nothing extends after the boot");
  }
}

TEST(RuntimeLog, OfACcelHasRtmr3Alone) {
  MadeLog made;
  made.event(kRtmr2, tcg::kIpl, as_bytes("grub")).event(kRtmr3, tcg::kIpl, as_bytes("app"));
  const auto log = parse_runtime_log(made.bytes);
  ASSERT_TRUE(log) << log.error().message();
  ASSERT_EQ(log->size(), 1u);
  EXPECT_EQ((*log)[0].rtmr, 3u);
  for (const Bytes& none : {MadeLog().event(kRtmr2, tcg::kIpl, as_bytes("grub")).bytes, Bytes()}) {
    const auto empty = parse_runtime_log(none);
    ASSERT_FALSE(empty);
    EXPECT_EQ(empty.error().fault, Fault::usage);
    EXPECT_NE(empty.error().message().find("has no event of RTMR3"), std::string::npos);
  }
}

}  // namespace
}  // namespace hallmark::tdx
