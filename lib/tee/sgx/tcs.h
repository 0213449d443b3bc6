// The thread control structure that a TCS page begins with; the rest of the page is zero.
// Intel SDM volume 3D, section "Thread Control Structure (TCS)".
#pragma once

#include "lib/base/layout.h"

namespace hallmark::sgx {

// Addresses count from the enclave's base.
inline constexpr Layout<11> kTcsLayout{"TCS",
                                       72,
                                       {{
                                           {0, 8, "stage"},
                                           {8, 8, "flags"},
                                           {16, 8, "ossa"},
                                           {24, 4, "cssa"},
                                           {28, 4, "nssa"},
                                           {32, 8, "oentry"},
                                           {40, 8, "aep"},
                                           {48, 8, "ofsbase"},
                                           {56, 8, "ogsbase"},
                                           {64, 4, "ofslimit"},
                                           {68, 4, "ogslimit"},
                                       }}};

struct Tcs {
  std::uint64_t ossa = 0;
  std::uint32_t nssa = 0;  // frames of the save area
  std::uint64_t oentry = 0, ofsbase = 0, ogsbase = 0;
  std::uint32_t limit = 0;  // of both segments

  void encode(std::span<std::uint8_t> out) const {
    using R = Record<kTcsLayout>;
    store_le(out.subspan(R::offset<"ossa">()), ossa);
    store_le(out.subspan(R::offset<"nssa">()), nssa);
    store_le(out.subspan(R::offset<"oentry">()), oentry);
    store_le(out.subspan(R::offset<"ofsbase">()), ofsbase);
    store_le(out.subspan(R::offset<"ogsbase">()), ogsbase);
    store_le(out.subspan(R::offset<"ofslimit">()), limit);
    store_le(out.subspan(R::offset<"ogslimit">()), limit);
  }
};

}  // namespace hallmark::sgx
