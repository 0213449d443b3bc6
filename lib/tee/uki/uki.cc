#include "lib/tee/uki/uki.h"

#include <algorithm>
#include <array>

#include "lib/base/json.h"
#include "lib/formats/cpio.h"

namespace hallmark::uki {
namespace {

constexpr std::size_t kMaxText = std::size_t{1} << 20;     // of the command line
constexpr std::size_t kMaxPassed = std::size_t{16} << 20;  // of a section that becomes a file in the initrd

// Which of the sections a stub chooses by the machine it runs on.
constexpr std::array<std::string_view, 2> kByMachine{".dtbauto", ".efifw"};

// A section that the stub makes a file of, below the folder ".extra".
struct Passed {
  std::string_view section, file;
  bool always;  // also by stubs that do not pass sections otherwise
};
// In the order in which the stub joins them.
constexpr std::array kPassed{
    Passed{".pcrsig", "tpm2-pcr-signature.json", true},
    Passed{".pcrpkey", "tpm2-pcr-public-key.pem", true},
    Passed{".osrel", "os-release", false},
    Passed{".profile", "profile", false},
};

const PeSection* find(const Pe& pe, std::string_view name) {
  const auto it =
      std::ranges::find_if(pe.sections(), [&](const PeSection& s) { return s.name == name && s.virtual_size != 0; });
  return it == pe.sections().end() ? nullptr : &*it;
}

// The stub reads its sections from memory: two that share a place there are not what the file says.
Status check_memory(const Pe& pe) {
  std::vector<const PeSection*> sections;
  for (const PeSection& s : pe.sections())
    if (s.virtual_size != 0) sections.push_back(&s);
  std::ranges::sort(sections, {}, &PeSection::virtual_address);
  for (std::size_t i = 1; i < sections.size(); i++) {
    const PeSection &before = *sections[i - 1], &s = *sections[i];
    if (s.virtual_address - before.virtual_address < before.virtual_size)
      return fail(Fault::format, "PE header: VirtualAddress at " + hex_offset(s.header + 12) + ": section \"" + s.name +
                                     "\" begins at " + hex_offset(s.virtual_address) + ", inside section \"" +
                                     before.name + "\"");
  }
  return {};
}

// A name that stands twice means profiles, or an image that each reader understands otherwise.
Status check_names(const Pe& pe, const Stub& stub) {
  for (const std::string_view name : stub.sections) {
    const auto count = std::ranges::count(pe.sections(), name, &PeSection::name);
    if (count > 1)
      return fail(Fault::unsupported, "has " + std::to_string(count) + " sections \"" + std::string(name) + "\"" +
                                          (name == ".profile" ? ": an image with several profiles" : ""));
    if (count == 1 && std::ranges::find(kByMachine, name) != kByMachine.end())
      return fail(Fault::unsupported, "has a section \"" + std::string(name) +
                                          "\", which the stub uses or not by the machine that it runs on");
  }
  return {};
}

Result<Bytes> read_bounded(const Content& section, std::string_view name, std::size_t max) {
  if (section.size() > max)
    return fail(Fault::unsupported, "section \"" + std::string(name) + "\" has " + std::to_string(section.size()) +
                                        " bytes, more than the " + std::to_string(max) + " that are read");
  return section.read(0, static_cast<std::size_t>(section.size()));
}

// The stub starts a kernel without Linux's initrd protocol in another way (the EFI handover protocol).
Result<Pe> read_kernel(const Content& kernel) {
  TRY(Pe pe, in("section \".linux\"", Pe::parse(kernel)));
  if (pe.machine() != Pe::kX86_64)
    return fail(Fault::unsupported, "section \".linux\": PE header: Machine is " + hex_offset(pe.machine()) + ", not " +
                                        hex_offset(Pe::kX86_64) + " (x86-64)");
  if (pe.major_image_version() < 1)
    return fail(Fault::unsupported,
                "section \".linux\": PE header: MajorImageVersion is 0: a kernel older than 5.8, which the stub starts "
                "by the EFI handover protocol");
  return pe;
}

}  // namespace

Bytes utf16_of(std::string_view text) {
  Bytes out;
  const auto put = [&](std::uint32_t unit) {
    out.push_back(static_cast<std::uint8_t>(unit));
    out.push_back(static_cast<std::uint8_t>(unit >> 8));
  };
  for (std::size_t i = 0; i < text.size();) {
    const auto first = static_cast<std::uint8_t>(text[i]);
    const std::size_t size = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    std::uint32_t point = size == 1 ? first : first & (0x7fu >> size);
    for (std::size_t k = 1; k < size && i + k < text.size(); k++)
      point = point << 6 | (static_cast<std::uint8_t>(text[i + k]) & 0x3f);
    if (point < 0x10000) put(point);
    i += size;
  }
  put(0);
  return out;
}

Result<Bytes> load_options_of(const Stub& stub, ByteView section) {
  std::string text(as_text(section));
  text.resize(std::min(text.find('\0'), text.size()));
  if (!is_utf8(text)) return fail(Fault::unsupported, "section \".cmdline\": is not UTF-8");
  // A control character becomes a blank; a newer stub takes DEL for one, too.
  const auto blank = [&](char c) {
    const auto u = static_cast<std::uint8_t>(c);
    return u <= 0x20 || (u == 0x7f && stub.trims_blanks);
  };
  std::ranges::replace_if(text, blank, ' ');
  text.erase(text.find_last_not_of(' ') + 1);
  if (stub.trims_blanks) text.erase(0, std::min(text.find_first_not_of(' '), text.size()));
  return utf16_of(text);
}

Result<Uki> Uki::parse(const Content& image, std::optional<unsigned> release) {
  TRY(Pe pe, Pe::parse(image));
  if (pe.machine() != Pe::kX86_64)
    return fail(Fault::unsupported,
                "PE header: Machine is " + hex_offset(pe.machine()) + ", not " + hex_offset(Pe::kX86_64) + " (x86-64)");
  const PeSection* linux_section = find(pe, ".linux");
  if (linux_section == nullptr)
    return fail(Fault::unsupported, "has no section \".linux\": an add-on, or no unified kernel image");
  CHECK(check_memory(pe));

  FoundStub found;
  if (release) {
    TRY(found.stub, find_stub(*release));
  } else {
    TRY(found, detect_stub(pe, image));
  }
  CHECK(check_names(pe, found.stub));

  Content kernel = section_in_memory(*linux_section, image);
  Uki uki(std::move(pe), found.stub, std::move(kernel));
  uki.stub_version_ = std::move(found.version);
  for (const std::string_view name : uki.stub_.sections) {
    const PeSection* s = find(uki.pe_, name);
    if (s != nullptr && name != ".pcrsig") uki.measured_.push_back({name, section_in_memory(*s, image)});
  }
  TRY(uki.kernel_pe_, read_kernel(uki.kernel_));
  if (const PeSection* s = find(uki.pe_, ".cmdline")) {
    TRY(const Bytes text, read_bounded(section_in_memory(*s, image), s->name, kMaxText));
    TRY(uki.load_options_, load_options_of(uki.stub_, text));
  }
  CHECK(uki.read_initrd(image));
  return uki;
}

Status Uki::read_initrd(const Content& image) {
  // Microcode comes first: the kernel looks for it in the first archive alone.
  const bool knows_microcode = std::ranges::find(stub_.sections, ".ucode") != stub_.sections.end();
  if (const PeSection* s = find(pe_, ".ucode"); s != nullptr && knows_microcode)
    initrd_.push_back(section_in_memory(*s, image));
  if (const PeSection* s = find(pe_, ".initrd")) {
    initrd_section_ = section_in_memory(*s, image);
    initrd_.push_back(*initrd_section_);
  }
  for (const Passed& passed : kPassed) {
    const PeSection* s = find(pe_, passed.section);
    if (s == nullptr || !(passed.always || stub_.passes_sections)) continue;
    TRY(const Bytes contents, read_bounded(section_in_memory(*s, image), s->name, kMaxPassed));
    Bytes archive =
        CpioWriter().folder(".extra", 0555).file(".extra/" + std::string(passed.file), 0444, contents).finish();
    const std::size_t size = archive.size();
    initrd_.push_back(Content(ByteView()).resized(size).beginning_with(std::move(archive)));
  }
  return {};
}

bool Uki::load_options_may_grow() const {
  if (!stub_.appends_console) return false;
  if (!load_options_) return true;
  std::string text;
  for (std::size_t i = 0; i + 2 < load_options_->size(); i += 2)
    text += (*load_options_)[i + 1] == 0 ? static_cast<char>((*load_options_)[i]) : '?';
  return !text.starts_with("console=") && text.find(" console=") == text.npos;
}

}  // namespace hallmark::uki
