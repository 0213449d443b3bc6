// What a kernel and a unified kernel image measure to, against logs of guests that booted them.
// Oracle: the TPM logs of $HALLMARK_VECTORS/tdx, whose replay equals the PCRs that the guest read, and the log of a
// trust domain whose replay equals the RTMRs of its quote.
#include "lib/tee/tdx/boot_events.h"

#include "lib/formats/pe.h"
#include "lib/formats/tcg_event.h"
#include "tests/vectors/vectors.h"

namespace hallmark::tdx {
namespace {

constexpr std::uint64_t kGiB = std::uint64_t{1} << 30;

// One event as a line: "pcr4 EV_SEPARATOR 3943…".
using Lines = std::vector<std::string>;

class TdxBootVectors : public VectorsTest {
 protected:
  TdxBootVectors() : VectorsTest("tdx") {}

  // The events of the PCRs that these programs extend, in the order of the log.
  Lines logged(const std::string& file) const {
    Lines out;
    for (const Json& event : expected(file).find("events")->items())
      if (const auto pcr = event.find("pcr")->integer(); pcr == 4 || pcr == 5 || pcr >= 8)
        out.push_back("pcr" + std::to_string(pcr) + " " + event.find("type")->string() + " " +
                      event.find("digest")->string());
    return out;
  }

  InputFile open(const std::string& name) const {
    auto file = InputFile::open(folder_ / name);
    if (!file) throw std::runtime_error(file.error().message());
    return *std::move(file);
  }
};

Lines lines(const Result<std::vector<Event>>& events, std::string_view prefix) {
  Lines out;
  if (!events) return {events.error().message()};
  for (const Event& e : *events)
    out.push_back(std::string(prefix) + std::to_string(e.rtmr) + " " + tcg::type_name(e.type) + " " +
                  (e.digest ? to_hex(*e.digest) : "missing"));
  return out;
}

struct Case {
  const char* log;
  const char* profile;
};

// QEMU 7.2.22 writes the setup header as the forks of 9 do: into Linux kernels alone.
TEST_F(TdxBootVectors, ADirectBootIsAsLogged) {
  const InputFile kernel = open("vmlinuz-6.1.0-56-cloud-amd64"), initrd = open("initrd.img");
  const DirectBoot boot{&kernel, &initrd, "console=ttyS0 quiet loglevel=3 hello=world", 2 * kGiB};
  for (const Case& c :
       {Case{"tpmlog_a72_2211.bin", "qemu-9/edk2-202211"}, Case{"tpmlog_a72_2502.bin", "qemu-9/edk2-202502"},
        Case{"tpmlog_a111_2502.bin", "qemu-10/edk2-202502"}, Case{"tpmlog_a111_2502.bin", "qemu-10.2/edk2-202502"},
        Case{"tpmlog_a111_2608.bin", "qemu-10/edk2-202508"}})
    EXPECT_EQ(lines(boot_events(*find_profile(c.profile), boot, Via::tpm), "pcr"), logged(c.log)) << c.log;
  // And they tell one from the other.
  EXPECT_NE(lines(boot_events(*find_profile("qemu-9/edk2-202502"), boot, Via::tpm), "pcr"),
            logged("tpmlog_a111_2502.bin"));
  EXPECT_NE(lines(boot_events(*find_profile("qemu-10/edk2-202505"), boot, Via::tpm), "pcr"),
            logged("tpmlog_a111_2608.bin"));
}

TEST_F(TdxBootVectors, AUnifiedKernelImageIsAsLogged) {
  const InputFile image = open("uki257.efi");
  const auto profile = *find_profile("qemu-9/edk2-202502");
  EXPECT_EQ(lines(boot_events(profile, UkiBoot{&image}, Via::tpm), "pcr"), logged("tpmlog_u257.bin"));
}

// The image of this log is not there. Its sections are those of uki257.efi, so with the rules of its stub every digest
// but that of the image itself is the same.
TEST_F(TdxBootVectors, AnOlderStubMeasuresAsLogged) {
  const InputFile image = open("uki257.efi");
  Lines have = lines(boot_events(*find_profile("qemu-9/edk2-202502"), UkiBoot{&image, 252}, Via::tpm), "pcr");
  Lines want = logged("tpmlog_u72_k.bin");
  ASSERT_FALSE(have.empty());
  ASSERT_FALSE(want.empty());
  have.erase(have.begin());
  want.erase(want.begin());
  EXPECT_EQ(have, want);
}

TEST_F(TdxBootVectors, TheAuthenticodeDigestsAreThosePublished) {
  for (const char* name : {"vmlinuz-6.1.0-56-cloud-amd64", "uki257.efi"}) {
    const InputFile file = open(name);
    const auto pe = Pe::parse(Content(file));
    ASSERT_TRUE(pe) << pe.error().message();
    const auto digest = authenticode<Alg::sha384>(*pe, Content(file));
    ASSERT_TRUE(digest);
    EXPECT_EQ(to_hex(*digest), expected(name).find("authenticode_sha384")->string());
  }
}

// A trust domain with a kernel of its own: the same registers and types in the same order, and the digests that do not
// depend on the kernel.
TEST_F(TdxBootVectors, ATrustDomainExtendsTheSameEvents) {
  const auto text = read_text(folder_ / "dstack_quote-report.json", 1 << 20);
  ASSERT_TRUE(text);
  const Json report = *parse_json(*text);
  const Json log = *parse_json(report.find("event_log")->string());
  Lines want;
  for (const Json& e : log.items())
    if (const auto imr = e.find("imr")->integer(); imr == 1 || imr == 2) {
      const auto type = static_cast<std::uint32_t>(e.find("event_type")->integer());
      const bool own = type == tcg::kEfiBootServicesApplication || type == tcg::kEventTag;
      want.push_back("rtmr" + std::to_string(imr) + " " + tcg::type_name(type) + " " +
                     (own ? "" : e.find("digest")->string()));
    }
  const InputFile kernel = open("vmlinuz-6.1.0-56-cloud-amd64"), initrd = open("initrd.img");
  DirectBoot boot{&kernel, &initrd, "console=ttyS0", 64 * kGiB, true};
  const auto events = boot_events(*find_profile("qemu-9/edk2-202502"), boot);
  ASSERT_TRUE(events) << events.error().message();
  Lines have;
  for (const Event& e : *events) {
    const bool own = e.type == tcg::kEfiBootServicesApplication || e.type == tcg::kEventTag;
    have.push_back("rtmr" + std::to_string(e.rtmr) + " " + tcg::type_name(e.type) + " " +
                   (own ? "" : to_hex(*e.digest)));
  }
  EXPECT_EQ(have, want);

  // This kernel is 6.1, and does not measure without a TPM, which its code shows.
  boot.kernel_measures.reset();
  EXPECT_EQ(boot_events(*find_profile("qemu-9/edk2-202502"), boot)->front().inputs.find("kernel_measures_by")->string(),
            "code");
  const Rtmrs registers = fold(*boot_events(*find_profile("qemu-9/edk2-202502"), boot));
  EXPECT_EQ(registers[2], Digest{});
}

}  // namespace
}  // namespace hallmark::tdx
