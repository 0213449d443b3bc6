// The events by which a trust domain extends RTMR1 and RTMR2 while it boots a kernel that the virtual machine monitor
// handed over (QEMU's -kernel): from the firmware's loading of it to the end of the firmware's services.
//
// Three programs write them, in this order: the firmware (edk2 OvmfPkg/Tcg/TdTcg2Dxe and QemuKernelLoaderFsDxe), the
// stub of a unified kernel image (lib/tee/uki), and the EFI stub of the kernel (Linux drivers/firmware/efi/libstub/
// efi-stub-helper.c). Only events of RTMR1 and RTMR2 are returned. Firmware that extends RTMR0 with the separator
// before the boot option (Firmware::separator_in_rtmr1 is false) does so after the last boot variable, and whoever
// lists the events of RTMR0 puts it there. Events of one register are in the order in which it is extended.
//
// Firmware refuses what it was asked to boot if secure boot is on and the file is not signed by a key that it knows;
// that is not looked at here, and neither is a boot option that returns and is followed by another one.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "lib/base/files.h"
#include "lib/tee/tdx/event.h"
#include "lib/tee/tdx/profile.h"

namespace hallmark::tdx {

// Where the same software measures to. A trust domain has no TPM, and what is written for it alone is not measured.
//
// The product knows `cc` only. With `tpm` the same code predicts the log of a virtual machine with a TPM, whose digests
// are the same, so that it can be held against a guest that runs anywhere. What differs:
// - Event::rtmr is the number of the PCR, and fold() is not for these events;
// - the firmware separates PCR 4 and PCR 5 by an event each, always;
// - stubs and kernels that know nothing but a TPM are heard.
enum class Via { cc, tpm };

// What predictions for one guest under several profiles share: with it, a large file is hashed once for all of them. It
// belongs to the same files and the same Via every time.
struct BootDigests {
  std::map<Bytes, Digest> images;  // Authenticode, by the beginning that the monitor wrote; none: as in the file
  std::optional<Digest> initrd;    // of a direct boot
  // Of a unified kernel image: its sections as Uki::measured() has them, its kernel, and the initrd as it is served.
  struct Uki {
    std::vector<Digest> sections;
    Digest kernel{};
    std::optional<Digest> initrd;
    std::uint64_t initrd_size = 0;
  };
  std::optional<Uki> uki;
};

struct DirectBoot {
  const InputFile* kernel = nullptr;  // -kernel, a bzImage with an EFI stub
  const InputFile* initrd = nullptr;  // -initrd, if there is one
  std::string command_line;           // -append
  std::uint64_t memory = 0;  // -m, in bytes; needed where the monitor writes the initrd's place into the kernel
  // Whether the kernel's EFI stub measures without a TPM. Its code is asked, and where that shows nothing the version
  // in the kernel's header: mainline does since 6.9.
  std::optional<bool> kernel_measures = std::nullopt;
};
Result<std::vector<Event>> boot_events(const Profile&, const DirectBoot&, Via = Via::cc, BootDigests* known = nullptr);

struct UkiBoot {
  const InputFile* image = nullptr;                     // -kernel, with neither -initrd nor -append
  std::optional<unsigned> stub_release = std::nullopt;  // of systemd-stub, instead of what the image says
  std::optional<bool> kernel_measures = std::nullopt;   // as above
};
Result<std::vector<Event>> boot_events(const Profile&, const UkiBoot&, Via = Via::cc, BootDigests* known = nullptr);

}  // namespace hallmark::tdx
