#include "tools/hallmark/command.h"

namespace hallmark::cli {

std::span<const Entry> commands() {
  static constexpr Entry kCommands[] = {
      {"pin", make_pin},
      {"build", make_build},
      {"measure", make_measure},
      {"doctor", make_doctor},
      {"completion", make_completion},
  };
  return kCommands;
}

}  // namespace hallmark::cli
