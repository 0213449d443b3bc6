// What the targets for formats of enclaves do with a load that was found to be possible.
#pragma once

#include <cstdlib>

#include "lib/tee/sgx/load.h"

// It is replayed to its end, unless it is large, with the page counts that it announced.
inline void replay_if_small(const hallmark::sgx::Load& load) {
  if (load.pages_added > 10'000 || load.pages_extended > 1'000) return;
  const hallmark::Trace none;
  hallmark::sgx::Mrenclave mrenclave(load.ssa_frame_size, load.size, none);
  if (!load.replay(mrenclave)) std::abort();
  mrenclave.finish();
  if (mrenclave.pages_added() != load.pages_added || mrenclave.pages_extended() != load.pages_extended) std::abort();
}
