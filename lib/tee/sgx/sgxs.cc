#include "lib/tee/sgx/sgxs.h"

#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>

#include "lib/base/interrupt.h"
#include "lib/tee/sgx/load.h"

namespace hallmark::sgx {
namespace {

using std::string_view_literals::operator""sv;

constexpr std::size_t kTag = 8;
constexpr std::string_view kEcreate = "ECREATE\0"sv, kEadd = "EADD\0\0\0\0"sv, kEextend = "EEXTEND\0"sv,
                           kUnmeasured = "UNMEASRD"sv, kUnsized = "UNSIZED\0"sv;

// One record's tag and operands; `where` is its offset in the stream.
struct RecordBytes {
  ByteView bytes;
  std::uint64_t where;

  std::string_view tag() const { return as_text(bytes.first(kTag)); }
  std::uint64_t operand() const { return load_le<std::uint64_t>(bytes.subspan(8)); }
  bool zero_from(std::size_t at) const {
    return std::all_of(bytes.begin() + static_cast<std::ptrdiff_t>(at), bytes.end(), [](auto c) { return c == 0; });
  }
  Failure wrong(std::string why, Fault fault = Fault::format) const {
    const std::string name(tag().substr(0, tag().find('\0')));
    return fail(fault, "SGXS record " + printable_tag(name) + " at " + hex_offset(where) + ": " + std::move(why));
  }

 private:
  static std::string printable_tag(const std::string& name) {
    const bool plain =
        !name.empty() && std::all_of(name.begin(), name.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
    return plain ? name : to_hex(as_bytes(name));
  }
};

Failure too_short(std::uint64_t where, std::size_t size) {
  return fail(Fault::format,
              "SGXS record at " + hex_offset(where) + ": needs 64 bytes, " + std::to_string(size) + " left");
}

Status check_page(const RecordBytes& r, std::uint64_t flags, std::uint64_t enclave_size,
                  const std::optional<SgxsReader::Page>& last) {
  const std::uint64_t offset = r.operand();
  if (offset % kPage != 0 || offset >= enclave_size)
    return r.wrong("offset " + hex_offset(offset) + " is no page of an enclave of " + hex_offset(enclave_size) +
                   " bytes");
  if (last && offset <= last->offset)
    return r.wrong("offset " + hex_offset(offset) + " does not come after " + hex_offset(last->offset));
  if (!r.zero_from(24)) return r.wrong("reserved bytes of SECINFO are not zero");
  if (flags != kTcs && (flags & ~(kRead | kWrite | kExecute)) != kRegular)
    return r.wrong("page flags " + hex_offset(flags) + " are neither a TCS (0x100) nor a regular page");
  return {};
}

Status check_chunk(const RecordBytes& r, std::optional<SgxsReader::Page>& page) {
  if (!r.zero_from(16)) return r.wrong("unused bytes are not zero");
  const std::uint64_t offset = r.operand();
  if (!page || offset < page->offset || offset - page->offset >= kPage || offset % kChunk != 0)
    return r.wrong("offset " + hex_offset(offset) + " is no chunk of the page added last");
  const auto bit = static_cast<std::uint16_t>(1u << ((offset - page->offset) / kChunk));
  if ((page->chunks & bit) != 0) return r.wrong("offset " + hex_offset(offset) + " appears twice");
  page->chunks |= bit;
  return {};
}

}  // namespace

bool is_sgxs(ByteView first_bytes) {
  const std::string_view tag = as_text(first_bytes.first(std::min(first_bytes.size(), kTag)));
  return tag == kEcreate || tag == kUnsized;
}

ByteSource source_of(const Fd& file) {
  return [&file](std::span<std::uint8_t> into) -> Result<std::size_t> {
    ssize_t n;
    do n = read(file.get(), into.data(), into.size());
    while (n < 0 && errno == EINTR);
    if (n < 0) return fail_errno("cannot be read", errno);
    return static_cast<std::size_t>(n);
  };
}

Result<ByteView> SgxsReader::take(std::size_t size) {
  if (end_ - begin_ < size) {
    CHECK(not_interrupted());
    std::copy(buffer_.begin() + static_cast<std::ptrdiff_t>(begin_),
              buffer_.begin() + static_cast<std::ptrdiff_t>(end_), buffer_.begin());
    end_ -= begin_;
    begin_ = 0;
    while (end_ < size) {
      TRY(const std::size_t n, source_(std::span(buffer_).subspan(end_)));
      if (n == 0) break;
      end_ += n;
    }
  }
  const std::size_t n = std::min(size, end_ - begin_);
  const ByteView out = ByteView(buffer_).subspan(begin_, n);
  begin_ += n;
  offset_ += n;
  return out;
}

Result<SgxsReader> SgxsReader::open(ByteSource source) {
  SgxsReader out(std::move(source));
  TRY(const ByteView bytes, out.take(kRecord));
  if (bytes.empty()) return fail(Fault::format, "SGXS: the file is empty");
  if (bytes.size() < kRecord) return too_short(0, bytes.size());
  const RecordBytes first{bytes, 0};
  if (first.tag() == kUnsized)
    return first.wrong("the stream leaves the enclave's size open, so there is no MRENCLAVE yet", Fault::unsupported);
  if (first.tag() != kEcreate) return first.wrong("a stream begins with ECREATE");
  out.ssa_frame_size_ = load_le<std::uint32_t>(bytes.subspan(8));
  out.enclave_size_ = load_le<std::uint64_t>(bytes.subspan(12));
  if (!first.zero_from(20)) return first.wrong("unused bytes are not zero");
  if (out.enclave_size_ < kPage || !std::has_single_bit(out.enclave_size_) || out.enclave_size_ > kMaxAddress)
    return first.wrong("size " + hex_offset(out.enclave_size_) + " is not a power of two from 0x1000 to 2^47");
  return out;
}

Result<std::optional<SgxsRecord>> SgxsReader::next() {
  const std::uint64_t where = offset_;
  TRY(const ByteView bytes, take(kRecord));
  if (bytes.empty()) return std::optional<SgxsRecord>();
  if (bytes.size() < kRecord) return too_short(where, bytes.size());
  const RecordBytes r{bytes, where};
  SgxsRecord out{.offset = r.operand()};
  if (r.tag() == kEadd) {
    out.flags = load_le<std::uint64_t>(bytes.subspan(16));
    CHECK(check_page(r, out.flags, enclave_size_, page_));
    page_ = Page{out.offset};
    return std::optional(out);
  }
  if (r.tag() != kEextend && r.tag() != kUnmeasured) return r.wrong("is none of EADD, EEXTEND and UNMEASRD");
  CHECK(check_chunk(r, page_));
  out.is = r.tag() == kEextend ? SgxsRecord::Is::extend : SgxsRecord::Is::unmeasured;
  TRY(out.chunk, take(kChunk));  // ends the life of `bytes`
  if (out.chunk.size() < kChunk)
    return fail(Fault::format, "SGXS chunk at " + hex_offset(where + kRecord) + ": needs 256 bytes, " +
                                   std::to_string(out.chunk.size()) + " left");
  return std::optional(out);
}

Result<SgxsMeasurement> measure_sgxs(const ByteSource& source, const Trace& trace) {
  TRY(SgxsReader stream, SgxsReader::open(source));
  SgxsMeasurement out;
  out.ssa_frame_size = stream.ssa_frame_size();
  out.enclave_size = stream.enclave_size();
  Mrenclave mrenclave(out.ssa_frame_size, out.enclave_size, trace);
  for (;;) {
    TRY(const auto record, stream.next());
    if (!record) break;
    switch (record->is) {
      case SgxsRecord::Is::add: mrenclave.add(record->offset, record->flags); break;
      case SgxsRecord::Is::extend: mrenclave.extend(record->offset, record->chunk.first<kChunk>()); break;
      case SgxsRecord::Is::unmeasured: out.chunks_unmeasured++; break;
    }
  }
  out.mrenclave = mrenclave.finish();
  out.pages_added = mrenclave.pages_added();
  out.pages_extended = mrenclave.pages_extended();
  out.unmeasured_code = mrenclave.unmeasured_code();
  return out;
}

}  // namespace hallmark::sgx
