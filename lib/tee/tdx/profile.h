// What a digest depends on besides the bytes that are measured: which release of the firmware measures them, and how
// the virtual machine monitor lays them out and hands them over. Both are data, named and versioned; a certificate
// records the names. specs/tee/tdx.md has the table with its sources.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "lib/base/result.h"

namespace hallmark::tdx {

// Of the pages of one section of the image, when they are added and when they are extended into MRTD.
enum class PageOrder {
  single_pass,  // each page is added and then extended (KVM_TDX_INIT_MEM_REGION of the mainline kernel)
  two_pass,     // all pages of a section are added, then all are extended (the TDX forks of QEMU 8)
};
std::string_view to_text(PageOrder);

// How a monitor describes memory to the firmware, in the TD hand-off block list.
enum class HobLayout {
  qemu,
  gce,              // all memory is to be accepted before the firmware hands over ("early accept")
  gce_late_accept,  // memory above 4 GiB is left to the guest's system
};

// One row a stable release of edk2 (OvmfPkg) that measures otherwise than the one before.
struct Firmware {
  std::string_view name;    // "edk2-202502", after the first stable tag that does so
  unsigned release;         // 202502
  bool measures_hob;        // RTMR0 begins with the TD HOB and the configuration volume
  bool measures_acpi;       // events "ACPI DATA" for the blobs that the monitor supplies
  bool separator_in_rtmr1;  // the separator before the boot option; earlier ones extend RTMR0 again
  bool reads_named_blobs;   // takes a kernel from etc/boot/kernel where the monitor has it, and so without the patches
  bool measures_fw_cfg;     // events for the fw_cfg items that decide how it boots
  bool measures_smbios;     // an event for the filtered SMBIOS tables
  bool boot_manager_menu;   // two boot options (BootManagerMenuApp, EFI Firmware Setup) instead of UiApp alone
  bool initrd_first;        // "initrd=initrd" stands before the command line instead of after it
};

// Into which files QEMU writes what a boot loader writes, before it hands them to the firmware of a trust domain.
enum class SetupHeader {
  any_file,    // up to 9.1.0: also into what is no Linux kernel, such as a unified kernel image
  linux_only,  // only where the magic of the setup header is (57e2cc9abf)
  nothing,     // as of 10.2: into nothing that a confidential guest gets (a7542a38f3)
};

// One row a monitor that behaves otherwise than the others.
struct Vmm {
  std::string_view name;  // "qemu-10.0"
  PageOrder page_order;
  HobLayout hob;
  bool direct_boot;      // can be given a kernel; otherwise guests boot from a disk
  bool has_named_blobs;  // offers etc/boot/kernel
  SetupHeader setup_header;
  bool keeps_variables;  // has the variables of secure boot itself, so that no image tells them
};

struct Profile {
  Vmm vmm;
  Firmware firmware;

  std::string name() const { return std::string(vmm.name) + "/" + std::string(firmware.name); }
  // Whether the firmware measures the kernel as the monitor patched its setup header, and not as the file is.
  bool patches_kernel() const {
    return vmm.setup_header != SetupHeader::nothing && !(vmm.has_named_blobs && firmware.reads_named_blobs);
  }
};

// The version of the two tables: a row that changes, or the rule behind a column, makes a new one.
inline constexpr std::string_view kProfiles = "tdx/ovmf-1";

std::span<const Firmware> firmwares();  // oldest first
std::span<const Vmm> vmms();            // oldest first

// The row that a release of edk2 belongs to: the newest one that is not newer. Nothing for one before the first row.
const Firmware* firmware_of_release(unsigned release);

// The row of a version as QEMU says it, "10.0.13 (Debian 1:10.0.13)". Nothing for one before the first row.
const Vmm* vmm_of_qemu(std::string_view version);

// A name as name() writes it; a usage fault lists what there is.
Result<Profile> find_profile(std::string_view name);

}  // namespace hallmark::tdx
