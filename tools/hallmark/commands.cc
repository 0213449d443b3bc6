#include "tools/hallmark/command.h"

namespace hallmark::cli {

std::span<const Entry> commands() {
  static constexpr Entry kCommands[] = {
      {"pin", make_pin},
      {"build", make_build},
      {"measure", make_measure},
      {"inspect", make_inspect},
      {"replay", make_replay},
      {"sigstruct", make_sigstruct},
      {"appraise", make_appraise},
      {"match", make_match},
      {"collateral", make_collateral},
      {"references", make_references},
      {"certify", make_certify},
      {"verify", make_verify},
      {"rebuild", make_rebuild},
      {"compare", make_compare},
      {"key", make_key},
      {"doctor", make_doctor},
      {"completion", make_completion},
  };
  return kCommands;
}

}  // namespace hallmark::cli
