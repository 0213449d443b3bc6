// PE32+ images of our own making, with nothing in them but what a test puts there.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "lib/base/bytes.h"

namespace hallmark {

struct MadeSection {
  std::string name;
  Bytes data;
  std::uint32_t virtual_size = 0;  // as many bytes as there are in `data` if 0
};

struct MadePe {
  std::vector<MadeSection> sections;
  Bytes certificates;  // at the end
  Bytes trailing;      // between the sections and the certificates
  std::uint32_t directories = 16;
  std::uint16_t subsystem = 10, major_image_version = 1, machine = 0x8664;

  // Where things lie.
  static constexpr std::size_t kPe = 0x280, kOptional = kPe + 24, kHeaders = 0x800, kFileAlign = 0x200;
  std::size_t checksum() const { return kOptional + 64; }
  std::size_t certificate_row() const { return kOptional + 112 + 4 * 8; }
  std::size_t row(std::size_t section) const { return kOptional + 112 + directories * 8 + section * 40; }

  Bytes bytes() const {
    Bytes out(kHeaders);
    const auto put = [&](std::size_t at, auto value) { store_le(std::span(out).subspan(at, sizeof(value)), value); };
    out[0] = 'M';
    out[1] = 'Z';
    put(0x3c, std::uint32_t{kPe});
    out[kPe] = 'P';
    out[kPe + 1] = 'E';
    put(kPe + 4, machine);
    put(kPe + 6, static_cast<std::uint16_t>(sections.size()));
    put(kPe + 20, static_cast<std::uint16_t>(112 + directories * 8));
    put(kOptional, std::uint16_t{0x20b});
    put(kOptional + 32, std::uint32_t{0x1000});
    put(kOptional + 36, std::uint32_t{kFileAlign});
    put(kOptional + 44, major_image_version);
    put(kOptional + 60, std::uint32_t{kHeaders});
    put(kOptional + 64, std::uint32_t{0x12345678});
    put(kOptional + 68, subsystem);
    put(kOptional + 108, directories);
    std::uint32_t address = 0x1000;
    for (std::size_t i = 0; i < sections.size(); i++) {
      const MadeSection& s = sections[i];
      const std::uint32_t size = s.virtual_size != 0 ? s.virtual_size : static_cast<std::uint32_t>(s.data.size());
      const auto raw = static_cast<std::uint32_t>(*align_up(s.data.size(), kFileAlign));
      std::ranges::copy(s.name, out.begin() + static_cast<std::ptrdiff_t>(row(i)));
      put(row(i) + 8, size);
      put(row(i) + 12, address);
      put(row(i) + 16, raw);
      put(row(i) + 20, static_cast<std::uint32_t>(out.size()));
      out.insert(out.end(), s.data.begin(), s.data.end());
      out.resize(*align_up(out.size(), kFileAlign));
      address += static_cast<std::uint32_t>(*align_up(std::max<std::uint64_t>(size, 1), 0x1000));
    }
    put(kOptional + 56, address);
    out.insert(out.end(), trailing.begin(), trailing.end());
    if (!certificates.empty()) {
      put(certificate_row(), static_cast<std::uint32_t>(out.size()));
      put(certificate_row() + 4, static_cast<std::uint32_t>(certificates.size()));
      out.insert(out.end(), certificates.begin(), certificates.end());
    }
    return out;
  }
};

inline Bytes bytes_of(std::string_view text) { return {text.begin(), text.end()}; }

// A kernel with a setup header of protocol 2.15 that may be loaded above 4 GiB, of that version.
inline Bytes made_kernel(std::string_view version) {
  Bytes out = MadePe{.sections = {{".text", Bytes(300, 0x90)}}}.bytes();
  const auto put = [&](std::size_t at, auto value) { store_le(std::span(out).subspan(at, sizeof(value)), value); };
  out[0x1f1] = 3;
  std::ranges::copy(std::string_view("HdrS"), out.begin() + 0x202);
  put(0x206, std::uint16_t{0x20f});
  put(0x20e, std::uint16_t{0x500});  // from 0x200 on
  out[0x211] = 1;
  put(0x22c, std::uint32_t{0x7fffffff});
  put(0x236, std::uint16_t{0x3f});
  std::ranges::copy(version, out.begin() + 0x700);
  return out;
}

}  // namespace hallmark
