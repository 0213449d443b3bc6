// systemd-stub, release by release, as far as it decides what a unified kernel image measures to.
//
// A unified kernel image (UAPI.5) is systemd-stub with the kernel and what belongs to it in further sections. The stub
// measures those sections, joins the initrd and starts the kernel, and each of these has changed with its releases
// (systemd, src/boot/stub.c, measure.c, linux.c and src/fundamental/uki.c; before 257 src/boot/efi/ and tpm-pcr.c).
// Only releases that were read and compared with a guest's log have a row: the one in between two rows can differ from
// both.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "lib/formats/pe.h"

namespace hallmark::uki {

struct Stub {
  unsigned release = 0;  // 257: the number before the first dot
  // The sections that it knows, in the order in which it measures them: each as its name with the final NUL, then its
  // contents. It does not measure ".pcrsig", which signs the outcome.
  std::span<const std::string_view> sections;
  bool measures_without_tpm = false;  // into the registers of a confidential guest (EFI_CC_MEASUREMENT_PROTOCOL) too
  bool loads_image = false;           // starts the kernel through LoadImage(), so that the firmware measures it again
  bool passes_sections = false;  // hands ".osrel" and ".profile" to the initrd, as it does ".pcrsig" and ".pcrpkey"
  bool trims_blanks = false;     // of the command line's beginning; earlier ones only those at its end
  bool appends_console = false;  // a "console=" by what devices it finds, if the command line has none
};

std::span<const Stub> stubs();  // oldest first

// A release that has a row; another one is unsupported, and the message says which there are.
Result<Stub> find_stub(unsigned release);

struct FoundStub {
  Stub stub;
  std::string version;  // "257.13-1~deb13u1"
};
// By the text in section ".sdmagic", "#### LoaderInfo: systemd-stub 257.13-1~deb13u1 ####", and the code must bear out
// what the row says of measuring without a TPM: a stub can be built without it.
Result<FoundStub> detect_stub(const Pe& pe, const Content& image);

}  // namespace hallmark::uki
