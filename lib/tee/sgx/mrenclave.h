// MRENCLAVE: the SHA-256 over the leaf functions that load an enclave.
// Intel SDM volume 3D, section "Measurement of Enclaves" and the pages of ECREATE, EADD and EEXTEND.
#pragma once

#include "lib/crypto/digest.h"
#include "lib/crypto/trace.h"

namespace hallmark::sgx {

inline constexpr std::size_t kPage = 4096, kChunk = 256;
// Every leaf contributes one record of this size: an 8-byte name, its operands, zeros.
inline constexpr std::size_t kRecord = 64;

// SECINFO.FLAGS: permissions, and the page type in the second byte.
inline constexpr std::uint64_t kRead = 1, kWrite = 2, kExecute = 4, kTcs = 0x100, kRegular = 0x200;

// One method a leaf, to be called in the order in which the loader calls them. The records are gathered
// and hashed many at a time, so that the cost is that of SHA-256 over them.
class Mrenclave {
 public:
  // ECREATE. `trace` must outlive the object; it may be empty.
  Mrenclave(std::uint32_t ssa_frame_pages, std::uint64_t enclave_size, const Trace& trace);

  // EADD of the page at `offset` from the enclave's base.
  void add(std::uint64_t offset, std::uint64_t secinfo_flags);
  // EADD of `pages` pages in a row, of which at most the last one is extended afterwards.
  void add_run(std::uint64_t offset, std::uint64_t pages, std::uint64_t secinfo_flags);
  // EEXTEND of the 256 bytes at `offset`, inside the page added last.
  void extend(std::uint64_t offset, std::span<const std::uint8_t, kChunk> chunk);
  // EEXTEND of the whole page added last, in the ascending order of its chunks.
  void extend_page(std::span<const std::uint8_t, kPage> page);

  DigestOf<Alg::sha256> finish();

  // How many pages were added so far, and in how many of them something was measured.
  std::uint64_t pages_added() const { return pages_added_; }
  std::uint64_t pages_extended() const { return pages_extended_; }
  // Pages of which some byte may be executed although it was not measured, so that whoever loads the enclave
  // chooses it. Known after finish().
  std::uint64_t unmeasured_code() const { return unmeasured_code_; }

 private:
  // Hashes what is pending unless that many bytes fit behind it.
  void make_room(std::size_t size);
  // The stream's next record, zeroed, with room for `behind` bytes behind it.
  std::span<std::uint8_t, kRecord> next(std::size_t behind = 0);
  void end_page();

  const Trace& trace_;
  Hasher<Alg::sha256> hash_;
  Bytes pending_;
  std::size_t used_ = 0;

  std::uint64_t page_ = 0, flags_ = 0;
  unsigned chunks_ = 0;  // of the page added last
  Hasher<Alg::sha256> page_hash_;
  std::uint64_t pages_added_ = 0, pages_extended_ = 0, unmeasured_code_ = 0;
};

}  // namespace hallmark::sgx
