// Unified kernel images of our own making: a stub that is nothing but its marks, and sections.
#pragma once

#include "tests/unit/formats/made_pe.h"

namespace hallmark {

// The code of a stub that knows EFI_CC_MEASUREMENT_PROTOCOL, or none: its GUID as two immediate operands.
inline Bytes stub_code(bool measures_without_tpm) {
  Bytes out(64, 0x90);
  if (!measures_without_tpm) return out;
  const std::uint8_t begin[]{0x48, 0xb8, 0x3d, 0x1a, 0x75, 0x96, 0xf4, 0x72, 0xa6, 0x41};
  const std::uint8_t end[]{0x48, 0xba, 0xa7, 0x94, 0xed, 0x5d, 0x0e, 0x67, 0xae, 0x6b};
  std::ranges::copy(begin, out.begin());
  std::ranges::copy(end, out.begin() + 20);
  return out;
}

inline MadePe stub_pe(std::string_view version) {
  const bool cc = version >= "256";
  return {.sections = {{".text", stub_code(cc)},
                       {".sbat", bytes_of("sbat,1\n")},
                       {".sdmagic", bytes_of("#### LoaderInfo: systemd-stub " + std::string(version) + " ####")}}};
}

// With the sections that every image of the tests has.
inline MadePe made_uki(std::string_view stub_version, std::string_view kernel_version = "6.9.0") {
  MadePe out = stub_pe(stub_version);
  out.sections.push_back({".osrel", bytes_of("ID=x\n")});
  out.sections.push_back({".cmdline", bytes_of("console=ttyS0\n")});
  out.sections.push_back({".uname", bytes_of("6.9.0")});
  out.sections.push_back({".linux", made_kernel(kernel_version)});
  out.sections.push_back({".initrd", Bytes(4099, 7)});
  return out;
}

}  // namespace hallmark
