// A load, replayed to its end if it is small enough for a test.
#pragma once

#include <gtest/gtest.h>

#include "lib/tee/sgx/load.h"

namespace hallmark::sgx {

// The hash has the pages that the load announced.
inline Status replay_if_small(const Load& load) {
  if (load.pages_added > 100'000 || load.pages_extended > 1'000) return {};
  const Trace none;
  Mrenclave m(load.ssa_frame_size, load.size, none);
  CHECK(load.replay(m));
  EXPECT_EQ(m.pages_added(), load.pages_added);
  EXPECT_EQ(m.pages_extended(), load.pages_extended);
  return {};
}

}  // namespace hallmark::sgx
