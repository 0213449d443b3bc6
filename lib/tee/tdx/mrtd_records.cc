#include "lib/tee/tdx/mrtd_records.h"

#include <algorithm>

namespace hallmark::tdx {
namespace {

constexpr std::size_t kChunks = kPageSize / Mrtd::kChunk;

}  // namespace

bool same_record(const MrtdRecord& a, const MrtdRecord& b) {
  return a.extend == b.extend && a.address == b.address && a.chunk == b.chunk;
}

std::string to_text(const MrtdRecord& record) {
  const std::string at = " gpa=" + hex_offset(record.address);
  if (!record.extend) return "MEM.PAGE.ADD" + at;
  return "MR.EXTEND" + at + " sha384=" + to_hex(digest<Alg::sha384>(record.chunk));
}

void MrtdRecords::end_pass(const Section& section) {
  page_ = 0;
  second_pass_ = !second_pass_ && !section.aug && section.extend && order_ == PageOrder::two_pass;
  step_ = second_pass_ ? 1 : 0;
  if (!second_pass_) section_++;
}

std::optional<MrtdRecord> MrtdRecords::next() {
  while (section_ < image_.sections().size()) {
    const Section& s = image_.sections()[section_];
    if (s.aug || page_ >= s.memory_data_size) {
      end_pass(s);
      continue;
    }
    MrtdRecord out{.extend = step_ != 0, .section = section_, .position = page_};
    if (out.extend) {
      out.position += (step_ - 1) * Mrtd::kChunk;
      const ByteView data = image_.data(s);
      const auto begin = static_cast<std::size_t>(std::min<std::uint64_t>(out.position, data.size()));
      std::ranges::copy(data.subspan(begin, std::min(Mrtd::kChunk, data.size() - begin)), out.chunk.begin());
    }
    out.address = s.memory_address + out.position;
    const bool extends = s.extend && (second_pass_ || order_ == PageOrder::single_pass);
    if (step_ < (extends ? kChunks : 0)) {
      step_++;
    } else {
      page_ += kPageSize;
      step_ = second_pass_ ? 1 : 0;
    }
    return out;
  }
  return std::nullopt;
}

}  // namespace hallmark::tdx
