// Why two images do not measure to the same value: where the hardware's hashes part, and what causes it.
#pragma once

#include <string>
#include <vector>

#include "lib/tee/model/measurement.h"

namespace hallmark {

// A record in which they part.
struct Parting {
  struct Side {
    std::string record;    // what is hashed there, in the hardware's words; "the end" where nothing more is
    std::string position;  // in words: region, section, symbol, field
    std::string bytes;     // the first that differ, hexadecimal; empty where they are not what differs
  };
  std::string where;  // "record 17: page 1, at 0x5000"
  Side a, b;
};

struct Explanation {
  std::string tee;
  bool same = false;  // in all that was compared
  std::vector<Register> registers_a, registers_b;
  std::string format_a, format_b;

  // What is hashed before they part and is the same on both sides, in order.
  std::uint64_t equal_records = 0;
  std::vector<std::string> equal;
  // The first one is where the measurements part. Of an enclave, if that is about it as a whole, the first page that
  // differs follows; of a guest, one for each register that differs. Empty where nothing differs.
  std::vector<Parting> partings;
  // In words, the most telling first; never empty where something differs.
  std::vector<std::string> causes;
  // What is not known of one or of both, and so was not compared, one sentence each.
  std::vector<std::string> not_compared;
  Json details;  // the platform's own numbers about where they part and how much differs
};

Json to_json(const Explanation&);

}  // namespace hallmark
