// SGXS, the SGX stream format of the Fortanix tools: the records that MRENCLAVE is the hash of, as a file. Besides
// those it may hold chunks that are loaded but not measured.
#pragma once

#include <functional>
#include <optional>

#include "lib/base/files.h"
#include "lib/tee/sgx/mrenclave.h"

namespace hallmark::sgx {

// Whether these bytes begin as a stream does.
bool is_sgxs(ByteView first_bytes);

// Fills the span as far as there are bytes left, and says how far that was.
using ByteSource = std::function<Result<std::size_t>(std::span<std::uint8_t>)>;
// The bytes of an open file, which must outlive the source.
ByteSource source_of(const Fd& file);

struct SgxsRecord {
  enum class Is { add, extend, unmeasured };
  Is is = Is::add;
  std::uint64_t offset = 0;
  std::uint64_t flags = 0;  // of a page that is added
  ByteView chunk = {};      // the 256 bytes of the others, until the next call
};

// Reads a stream once, in pieces, and holds it to the canonical form: one ECREATE first; pages aligned, inside the
// enclave and ascending; chunks inside the page added last, each at most once; all unused bytes of a record zero.
class SgxsReader {
 public:
  static Result<SgxsReader> open(ByteSource source);

  std::uint32_t ssa_frame_size() const { return ssa_frame_size_; }
  std::uint64_t enclave_size() const { return enclave_size_; }
  // Nothing at the end of the stream.
  Result<std::optional<SgxsRecord>> next();

  // The page added last, and which of its chunks were seen.
  struct Page {
    std::uint64_t offset;
    std::uint16_t chunks = 0;
  };

 private:
  explicit SgxsReader(ByteSource source) : source_(std::move(source)), buffer_(std::size_t{256} << 10) {}
  // The next `size` bytes, fewer only at the end of the stream. Valid until the next call.
  Result<ByteView> take(std::size_t size);

  ByteSource source_;
  Bytes buffer_;
  std::size_t begin_ = 0, end_ = 0;
  std::uint64_t offset_ = 0;
  std::uint32_t ssa_frame_size_ = 0;
  std::uint64_t enclave_size_ = 0;
  std::optional<Page> page_;
};

struct SgxsMeasurement {
  DigestOf<Alg::sha256> mrenclave;
  std::uint32_t ssa_frame_size = 0;
  std::uint64_t enclave_size = 0;
  std::uint64_t pages_added = 0, pages_extended = 0;
  std::uint64_t chunks_unmeasured = 0;  // loaded from the file without being measured
  std::uint64_t unmeasured_code = 0;    // executable pages that are not measured whole
};

Result<SgxsMeasurement> measure_sgxs(const ByteSource& source, const Trace& trace);

}  // namespace hallmark::sgx
