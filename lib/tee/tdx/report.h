// What a guest reports of itself, from all the files that it comes in.
#pragma once

#include <optional>
#include <vector>

#include "lib/base/files.h"
#include "lib/tee/tdx/difference.h"
#include "lib/tee/tdx/log.h"

namespace hallmark::tdx {

struct GuestReport {
  std::optional<std::vector<Event>> log;
  Pcrs pcrs;  // of a TPM's log
  std::optional<Bytes> quote;
  std::optional<Digest> mrtd;   // of the quote
  std::optional<Rtmrs> quoted;  // of the quote

  // The first register that the log does not fold to what the quote has; nothing if they are of one guest.
  std::optional<unsigned> contradiction() const;
  // As a prediction is held against it.
  Reported reported() const;
};

// Each file is a log (CCEL, a TPM's, dstack's JSON, IMA's in ASCII) or a quote, by its content; events go on from file
// to file, so IMA's log follows the firmware's.
Result<GuestReport> read_report(const std::vector<fs::path>& files);

}  // namespace hallmark::tdx
