#include "lib/tee/tdx/mrtd.h"

namespace hallmark::tdx {
namespace {

// `data` is what the section begins with; zeros follow.
void extend_page(ByteView data, const Section& section, std::uint64_t page, Mrtd& mrtd) {
  static constexpr std::array<std::uint8_t, Mrtd::kChunk> kZeros{};
  for (std::uint64_t at = page; at < page + kPageSize; at += Mrtd::kChunk) {
    if (at + Mrtd::kChunk <= data.size()) {
      mrtd.mr_extend(section.memory_address + at, data.subspan(at, Mrtd::kChunk));
    } else if (at >= data.size()) {
      mrtd.mr_extend(section.memory_address + at, kZeros);
    } else {
      auto chunk = kZeros;
      const ByteView rest = data.subspan(at);
      std::copy(rest.begin(), rest.end(), chunk.begin());
      mrtd.mr_extend(section.memory_address + at, chunk);
    }
  }
}

}  // namespace

void Mrtd::append(ByteView bytes) {
  if (buffer_.size() - used_ < bytes.size()) {
    hash_.add(ByteView(buffer_).first(used_));
    used_ = 0;
  }
  std::copy(bytes.begin(), bytes.end(), buffer_.begin() + static_cast<std::ptrdiff_t>(used_));
  used_ += bytes.size();
}

// "MEM.PAGE.ADD", zeros up to byte 16, the 64-bit guest-physical address, zeros up to byte 128.
void Mrtd::mem_page_add(std::uint64_t address) {
  append(Block<kRecord>().text("MEM.PAGE.ADD").seek(16).le(address).bytes());
  if (trace_) trace_({"MEM.PAGE.ADD", "gpa=" + hex_offset(address)});
}

// "MR.EXTEND", zeros up to byte 16, the 64-bit guest-physical address, zeros up to byte 128; then the chunk.
void Mrtd::mr_extend(std::uint64_t address, ByteView chunk) {
  append(Block<kRecord>().text("MR.EXTEND").seek(16).le(address).bytes());
  append(chunk);
  if (trace_) trace_({"MR.EXTEND", "gpa=" + hex_offset(address) + " sha384=" + to_hex(digest<Alg::sha384>(chunk))});
}

Digest Mrtd::finish() {
  hash_.add(ByteView(buffer_).first(used_));
  return hash_.finish();
}

Digest measure_mrtd(const Image& image, PageOrder order, const Trace& trace) {
  Mrtd mrtd(trace);
  for (const Section& s : image.sections()) {
    if (s.aug) continue;
    for (std::uint64_t page = 0; page < s.memory_data_size; page += kPageSize) {
      mrtd.mem_page_add(s.memory_address + page);
      if (s.extend && order == PageOrder::single_pass) extend_page(image.data(s), s, page, mrtd);
    }
    if (s.extend && order == PageOrder::two_pass)
      for (std::uint64_t page = 0; page < s.memory_data_size; page += kPageSize)
        extend_page(image.data(s), s, page, mrtd);
  }
  return mrtd.finish();
}

Digest measure_mrtd_of_all(const Image& image, ByteView hob) {
  constexpr std::array<std::uint8_t, 8> kEnd{0xff, 0xff, 8};  // EFI_HOB_TYPE_END_OF_HOB_LIST
  Bytes list(hob.begin(), hob.end());
  list.insert(list.end(), kEnd.begin(), kEnd.end());
  const Trace none;
  Mrtd mrtd(none);
  for (const Section& s : image.sections()) {
    if (s.aug) continue;
    const ByteView data = s.type == Section::Type::td_hob ? ByteView(list) : image.data(s);
    for (std::uint64_t page = 0; page < s.memory_data_size; page += kPageSize) {
      mrtd.mem_page_add(s.memory_address + page);
      extend_page(data, s, page, mrtd);
    }
  }
  return mrtd.finish();
}

}  // namespace hallmark::tdx
