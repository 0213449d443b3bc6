// SGXS, the SGX stream format of the Fortanix tools: the records that MRENCLAVE is the hash of, as a file. Besides
// those it may hold chunks that are loaded but not measured.
#pragma once

#include <functional>

#include "lib/base/files.h"
#include "lib/tee/sgx/mrenclave.h"

namespace hallmark::sgx {

// Whether these bytes begin as a stream does.
bool is_sgxs(ByteView first_bytes);

struct SgxsMeasurement {
  DigestOf<Alg::sha256> mrenclave;
  std::uint32_t ssa_frame_size = 0;
  std::uint64_t enclave_size = 0;
  std::uint64_t pages_added = 0, pages_extended = 0;
  std::uint64_t chunks_unmeasured = 0;  // loaded from the file without being measured
  std::uint64_t unmeasured_code = 0;    // executable pages that are not measured whole
};

// Fills the span as far as there are bytes left, and says how far that was.
using ByteSource = std::function<Result<std::size_t>(std::span<std::uint8_t>)>;
// The bytes of an open file, which must outlive the source.
ByteSource source_of(const Fd& file);

// Reads the stream once, in pieces, and holds it to the canonical form: one ECREATE first; pages aligned, inside the
// enclave and ascending; chunks inside the page added last, each at most once; all unused bytes of a record zero.
Result<SgxsMeasurement> measure_sgxs(const ByteSource& source, const Trace& trace);

}  // namespace hallmark::sgx
