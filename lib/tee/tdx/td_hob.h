// The TD hand-off block list: how the monitor describes the guest's memory to its firmware.
//
// UEFI Platform Initialization specification, volume 3, "HOB Code Definitions"; Intel TDX Virtual Firmware Design
// Guide, "TD HOB". The firmware measures the list as the first event of RTMR0, without the block that ends it, so every
// byte counts, and monitors differ in what they list.
#pragma once

#include "lib/tee/tdx/image.h"
#include "lib/tee/tdx/profile.h"

namespace hallmark::tdx {

// The largest guest: QEMU's and GCE's machines are smaller.
inline constexpr std::uint64_t kMaxMemory = std::uint64_t{1} << 44;

// The bytes that are measured, for a guest with `memory` bytes. A size that no guest has, or that does not hold what
// the image wants there, is a usage fault.
Result<Bytes> td_hob(const Image& image, HobLayout layout, std::uint64_t memory);

}  // namespace hallmark::tdx
