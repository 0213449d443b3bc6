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

}  // namespace hallmark::sgx
