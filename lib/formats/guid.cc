#include "lib/formats/guid.h"

namespace hallmark {

std::string to_text(const Guid& g) {
  const std::array<std::uint8_t, 16> in_order{g[3], g[2], g[1],  g[0],  g[5],  g[4],  g[7],  g[6],
                                              g[8], g[9], g[10], g[11], g[12], g[13], g[14], g[15]};
  std::string out = to_hex(in_order);
  for (const std::size_t dash : {8, 13, 18, 23}) out.insert(dash, "-");
  return out;
}

}  // namespace hallmark
