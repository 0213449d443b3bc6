// The records of MRTD one after the other, for whoever compares those of two images. mrtd.h hashes the same ones.
#pragma once

#include <array>
#include <optional>
#include <string>

#include "lib/tee/tdx/image.h"
#include "lib/tee/tdx/mrtd.h"

namespace hallmark::tdx {

struct MrtdRecord {
  bool extend = false;                             // MR.EXTEND, else MEM.PAGE.ADD
  std::uint64_t address = 0;                       // guest-physical: of the page, or of the chunk
  std::size_t section = 0;                         // its index in the image's table
  std::uint64_t position = 0;                      // in the section
  std::array<std::uint8_t, Mrtd::kChunk> chunk{};  // of MR.EXTEND
};
bool same_record(const MrtdRecord& a, const MrtdRecord& b);
// As a trace of MRTD has it.
std::string to_text(const MrtdRecord& record);

class MrtdRecords {
 public:
  // `image` must outlive it.
  MrtdRecords(const Image& image, PageOrder order) : image_(image), order_(order) {}

  // Nothing behind the last one.
  std::optional<MrtdRecord> next();

 private:
  // Goes on to the second pass over the section, or to the next section.
  void end_pass(const Section& section);

  const Image& image_;
  PageOrder order_;
  std::size_t section_ = 0;
  std::uint64_t page_ = 0;
  std::size_t step_ = 0;      // of the page: 0 adds it, n extends its chunk n
  bool second_pass_ = false;  // in which the section's pages are extended, and not added
};

}  // namespace hallmark::tdx
