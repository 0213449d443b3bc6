#include "lib/tee/sgx/mrenclave.h"

#include <cstring>

namespace hallmark::sgx {
namespace {

constexpr std::size_t kChunksOfPage = kPage / kChunk;

// Small enough to stay in a processor's first cache between being written and being hashed.
constexpr std::size_t kPending = std::size_t{16} << 10;

// The name of a record, as its first eight bytes.
template <std::size_t N>
constexpr std::uint64_t name(const char (&text)[N]) {
  static_assert(N <= 9);
  std::uint64_t out = 0;
  for (std::size_t i = 0; i < N - 1; i++) out |= std::uint64_t{static_cast<std::uint8_t>(text[i])} << (8 * i);
  return out;
}

template <std::size_t At, std::unsigned_integral T>
void put(std::span<std::uint8_t, kRecord> record, T value) {
  store_le(record.template subspan<At, sizeof(T)>(), value);
}

// EADD updates the hash with 'EADD', the page's offset from SECS.BASEADDR and the first 48 bytes of SECINFO, which are
// its flags and zeros.
void put_add(std::span<std::uint8_t, kRecord> record, std::uint64_t offset, std::uint64_t secinfo_flags) {
  put<0>(record, name("EADD"));
  put<8>(record, offset);
  put<16>(record, secinfo_flags);
}

}  // namespace

// ECREATE starts the hash and updates it with 'ECREATE', SECS.SSAFRAMESIZE, SECS.SIZE and 44 bytes of zeros.
Mrenclave::Mrenclave(std::uint32_t ssa_frame_pages, std::uint64_t enclave_size, const Trace& trace)
    : trace_(trace), pending_(kPending) {
  const auto record = next();
  put<0>(record, name("ECREATE"));
  put<8>(record, ssa_frame_pages);
  put<12>(record, enclave_size);
  if (trace_)
    trace_({"ECREATE", "ssa_frame_pages=" + std::to_string(ssa_frame_pages) + " size=" + hex_offset(enclave_size)});
}

void Mrenclave::add(std::uint64_t offset, std::uint64_t secinfo_flags) {
  end_page();
  put_add(next(), offset, secinfo_flags);
  page_ = offset;
  flags_ = secinfo_flags;
  pages_added_++;
}

void Mrenclave::add_run(std::uint64_t offset, std::uint64_t pages, std::uint64_t secinfo_flags) {
  if (trace_ || pages == 0) {
    for (std::uint64_t n = 0; n < pages; n++) add(offset + n * kPage, secinfo_flags);
    return;
  }
  end_page();
  for (std::uint64_t left = pages; left != 0;) {
    make_room(kRecord);
    const std::uint64_t n = std::min<std::uint64_t>(left, (pending_.size() - used_) / kRecord);
    std::memset(pending_.data() + used_, 0, n * kRecord);
    for (std::uint64_t i = 0; i < n; i++, offset += kPage)
      put_add(std::span<std::uint8_t, kRecord>(pending_.data() + used_ + i * kRecord, kRecord), offset, secinfo_flags);
    used_ += n * kRecord;
    left -= n;
  }
  // end_page() sees to the last one.
  if ((secinfo_flags & kExecute) != 0) unmeasured_code_ += pages - 1;
  page_ = offset - kPage;
  flags_ = secinfo_flags;
  pages_added_ += pages;
}

// EEXTEND updates it with 'EEXTEND', the chunk's offset and zeros, then with the chunk in four parts of 64 bytes.
void Mrenclave::extend(std::uint64_t offset, std::span<const std::uint8_t, kChunk> chunk) {
  const auto record = next(kChunk);
  put<0>(record, name("EEXTEND"));
  put<8>(record, offset);
  std::memcpy(record.data() + kRecord, chunk.data(), kChunk);
  if (chunks_++ == 0) pages_extended_++;
  if (trace_) page_hash_.add(chunk);
}

void Mrenclave::extend_page(std::span<const std::uint8_t, kPage> page) {
  for (std::size_t at = 0; at < kPage; at += kChunk)
    extend(page_ + at, std::span<const std::uint8_t, kChunk>(page.subspan(at, kChunk)));
}

void Mrenclave::end_page() {
  if (pages_added_ == 0) return;
  unmeasured_code_ += (flags_ & kExecute) != 0 && chunks_ < kChunksOfPage;
  if (trace_) {
    std::string detail = "offset=" + hex_offset(page_) + " flags=" + hex_offset(flags_);
    // The digest is that of the measured bytes: of a page measured whole, what sha256sum says of it.
    if (chunks_ != 0) detail += " chunks=" + std::to_string(chunks_) + " sha256=" + to_hex(page_hash_.finish());
    trace_({"EADD", std::move(detail)});
    page_hash_ = {};
  }
  chunks_ = 0;
}

DigestOf<Alg::sha256> Mrenclave::finish() {
  end_page();
  return hash_.add(ByteView(pending_).first(used_)).finish();
}

void Mrenclave::make_room(std::size_t size) {
  if (pending_.size() - used_ >= size) return;
  hash_.add(ByteView(pending_).first(used_));
  used_ = 0;
}

std::span<std::uint8_t, kRecord> Mrenclave::next(std::size_t behind) {
  make_room(kRecord + behind);
  const std::span<std::uint8_t, kRecord> record(pending_.data() + used_, kRecord);
  std::memset(record.data(), 0, kRecord);
  used_ += kRecord + behind;
  return record;
}

}  // namespace hallmark::sgx
