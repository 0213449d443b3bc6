// Intel TDX guests.
//
// A trust domain is a virtual machine whose memory the host cannot read. The monitor builds it with the TDX module's
// help: it adds pages of firmware, and the module hashes what it is told to into MRTD. From then on the guest measures:
// the firmware extends RTMR0 with the machine that it finds and RTMR1 with what it starts, boot loader and kernel
// extend RTMR2 with command line and initrd, and RTMR3 is left to the guest's software. A quote has all five, and
// besides what the monitor asked for: attributes, XFAM, MRCONFIGID, MROWNER, MROWNERCONFIG.
//
// Nothing of that needs the hardware to be known. To measure a guest is to list what its monitor, firmware, stub and
// kernel will hash:
//
//   image            the firmware: which sections go where, and which are measured
//   mrtd             the module's hash over them, one method a leaf function
//   profile          which release of firmware and monitor does what
//   td_hob           how the monitor describes memory to the firmware
//   firmware_events  RTMR0
//   boot_events      RTMR1 and RTMR2 of a kernel or unified kernel image
//   event            one event, and the registers that they add up to
//   policy           what is attested and not measured
//   log              what a guest reports: logs and quotes
//   reference_log    logs of an earlier guest, for what cannot be computed
//   difference       where a prediction and that part, and why
//   dstack_app       RTMR3 of an application on dstack
//   guest            all that is known of one guest, and what each profile predicts for it
//   measure          puts them together
//   explain          holds two guests against each other; mrtd_records are MRTD's one by one
//
// The references are Intel's TDX module specifications, the TDVF Design Guide, and specs/tee/tdx.md.
#pragma once

#include "lib/tee/model/inspection.h"
#include "lib/tee/model/measurement.h"
#include "lib/tee/tdx/difference.h"
#include "lib/tee/tdx/firmware_events.h"

namespace hallmark::tdx {

// Whether a file that begins like this may be firmware.
bool recognises(ByteView first_bytes);

// The image is the firmware. Companions: "vars", "kernel", "initrd", "uki", "acpi-tables", "boot-log", "runtime-log",
// "app-compose". Options: "cmdline", "memory" ("2G"), "vcpus", "acpi-digests" (three, with commas), "smbios-digest",
// "profile", "stub", "firmware-measures" ("yes"), those of read_dstack_app() and those of read_policy(); "mrconfigid"
// may be "dstack-v1" to "dstack-v3" too.
Result<Measurement> measure(const MeasureRequest& request, const Trace& trace);
// The same with what a QEMU that was started with the guest's own description hands to the firmware.
Result<Measurement> measure(const MeasureRequest& request, const std::optional<FwCfg>& fw_cfg, const Trace& trace);

// Where that measurement and what a guest reports part; `reports` are logs and quotes of one guest.
Result<Difference> difference(const MeasureRequest& request, const std::optional<FwCfg>& fw_cfg,
                              const std::vector<fs::path>& reports);

// The image's sections and its list of GUIDed structures, field by field.
Result<Inspection> inspect(const fs::path& file);

}  // namespace hallmark::tdx
