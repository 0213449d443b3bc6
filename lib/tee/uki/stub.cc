#include "lib/tee/uki/stub.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "lib/formats/guid_in_code.h"

namespace hallmark::uki {
namespace {

constexpr std::array<std::string_view, 8> kSections252{".linux",  ".osrel", ".cmdline", ".initrd",
                                                       ".splash", ".dtb",   ".pcrsig",  ".pcrpkey"};
constexpr std::array<std::string_view, 10> kSections254{".linux", ".osrel", ".cmdline", ".initrd", ".splash",
                                                        ".dtb",   ".uname", ".sbat",    ".pcrsig", ".pcrpkey"};
constexpr std::array<std::string_view, 14> kSections257{".linux",   ".osrel",   ".cmdline", ".initrd", ".ucode",
                                                        ".splash",  ".dtb",     ".uname",   ".sbat",   ".pcrsig",
                                                        ".pcrpkey", ".profile", ".dtbauto", ".hwids"};
constexpr std::array<std::string_view, 15> kSections262{".linux",   ".osrel",   ".cmdline", ".initrd", ".ucode",
                                                        ".splash",  ".dtb",     ".uname",   ".sbat",   ".pcrsig",
                                                        ".pcrpkey", ".profile", ".dtbauto", ".hwids",  ".efifw"};

constexpr std::array kStubs{
    //                       no TPM LoadImage passes trims  console
    Stub{252, kSections252, false, true, false, false, false},
    Stub{254, kSections254, false, true, false, false, false},
    Stub{257, kSections257, true, true, true, true, false},
    Stub{262, kSections262, true, false, true, true, true},
};

constexpr std::string_view kBefore = "#### LoaderInfo: systemd-stub ", kAfter = " ####";
constexpr std::size_t kMaxMagic = 4096, kMaxCode = std::size_t{4} << 20;

std::string releases() {
  std::string out;
  for (const Stub& stub : kStubs) out += (out.empty() ? "" : ", ") + std::to_string(stub.release);
  return out;
}

// Whether one of the stub's own sections has the GUID: the ones that it takes for payload do not count.
Result<bool> knows_cc(const Pe& pe, const Content& image) {
  for (const PeSection& s : pe.sections()) {
    if (s.name != ".text" && s.name != ".rodata" && s.name != ".data") continue;
    const Content section = section_in_memory(s, image);
    TRY(const Bytes code, section.read(0, static_cast<std::size_t>(std::min<std::uint64_t>(section.size(), kMaxCode))));
    if (knows_guid(code, kCcMeasurementProtocol)) return true;
  }
  return false;
}

}  // namespace

std::span<const Stub> stubs() { return kStubs; }

Result<Stub> find_stub(unsigned release) {
  const auto row = std::ranges::find(kStubs, release, &Stub::release);
  if (row == kStubs.end())
    return fail(Fault::unsupported, "systemd-stub " + std::to_string(release) +
                                        ": how this release measures is not known; known are " + releases());
  return *row;
}

Result<FoundStub> detect_stub(const Pe& pe, const Content& image) {
  const auto magic = std::ranges::find(pe.sections(), ".sdmagic", &PeSection::name);
  if (magic == pe.sections().end())
    return fail(Fault::unsupported, "has no section \".sdmagic\": no systemd-stub, or the release has to be given");
  const Content section = section_in_memory(*magic, image);
  TRY(const Bytes bytes, section.read(0, static_cast<std::size_t>(std::min<std::uint64_t>(section.size(), kMaxMagic))));
  const std::string_view text = as_text(bytes);
  const std::size_t begin = text.find(kBefore),
                    end = text.find(kAfter, begin == text.npos ? 0 : begin + kBefore.size());
  if (begin == text.npos || end == text.npos)
    return fail(Fault::format, "section \".sdmagic\" at " + hex_offset(magic->raw_data) + ": is not \"" +
                                   std::string(kBefore) + "RELEASE" + std::string(kAfter) + "\"");
  FoundStub out;
  out.version = text.substr(begin + kBefore.size(), end - begin - kBefore.size());
  std::string_view number = out.version;
  if (number.starts_with('v')) number.remove_prefix(1);
  unsigned release = 0;
  if (std::from_chars(number.data(), number.data() + number.size(), release).ec != std::errc{})
    return fail(Fault::format, "section \".sdmagic\" at " + hex_offset(magic->raw_data) + ": the release \"" +
                                   out.version + "\" is no number");
  TRY(out.stub, find_stub(release));
  TRY(const bool cc, knows_cc(pe, image));
  if (cc != out.stub.measures_without_tpm)
    return fail(Fault::unsupported, "systemd-stub " + out.version + (cc ? " measures" : " does not measure") +
                                        " without a TPM, other than the release as it is known");
  return out;
}

}  // namespace hallmark::uki
