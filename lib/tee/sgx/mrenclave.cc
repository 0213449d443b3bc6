#include "lib/tee/sgx/mrenclave.h"

namespace hallmark::sgx {
namespace {

// Every leaf contributes one record of this size: an 8-byte name, its operands, zeros.
constexpr std::size_t kRecord = 64;
constexpr std::size_t kChunksOfPage = kPage / kChunk;

constexpr std::size_t kPending = std::size_t{128} << 10;

void put(std::span<std::uint8_t> record, std::size_t at, std::string_view name) {
  std::copy(name.begin(), name.end(), record.begin() + static_cast<std::ptrdiff_t>(at));
}

template <std::unsigned_integral T>
void put(std::span<std::uint8_t> record, std::size_t at, T value) {
  for (std::size_t i = 0; i < sizeof(T); i++) record[at + i] = static_cast<std::uint8_t>(value >> (8 * i));
}

}  // namespace

// ECREATE starts the hash and updates it with 'ECREATE', SECS.SSAFRAMESIZE, SECS.SIZE and 44 bytes of zeros.
Mrenclave::Mrenclave(std::uint32_t ssa_frame_pages, std::uint64_t enclave_size, const Trace& trace)
    : trace_(trace), pending_(kPending) {
  auto record = next(kRecord);
  put(record, 0, "ECREATE");
  put(record, 8, ssa_frame_pages);
  put(record, 12, enclave_size);
  if (trace_)
    trace_({"ECREATE", "ssa_frame_pages=" + std::to_string(ssa_frame_pages) + " size=" + hex_offset(enclave_size)});
}

// EADD updates it with 'EADD', the page's offset from SECS.BASEADDR and the first 48 bytes of SECINFO, which are
// its flags and zeros.
void Mrenclave::add(std::uint64_t offset, std::uint64_t secinfo_flags) {
  end_page();
  auto record = next(kRecord);
  put(record, 0, "EADD");
  put(record, 8, offset);
  put(record, 16, secinfo_flags);
  page_ = offset;
  flags_ = secinfo_flags;
  pages_added_++;
}

// EEXTEND updates it with 'EEXTEND', the chunk's offset and zeros, then with the chunk in four parts of 64 bytes.
void Mrenclave::extend(std::uint64_t offset, std::span<const std::uint8_t, kChunk> chunk) {
  auto record = next(kRecord + kChunk);
  put(record, 0, "EEXTEND");
  put(record, 8, offset);
  std::copy(chunk.begin(), chunk.end(), record.begin() + kRecord);
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

std::span<std::uint8_t> Mrenclave::next(std::size_t size) {
  if (used_ + size > pending_.size()) {
    hash_.add(ByteView(pending_).first(used_));
    used_ = 0;
  }
  auto out = std::span(pending_).subspan(used_, size);
  std::fill(out.begin(), out.end(), std::uint8_t{0});
  used_ += size;
  return out;
}

}  // namespace hallmark::sgx
