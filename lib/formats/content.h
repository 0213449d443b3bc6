// Bytes that are measured where they lie: a file, a part of one, or memory; whatever their size, none is held whole.
//
// What a loader puts into memory is seldom the file alone: a section goes on with zeros behind its bytes in the file
// (Microsoft PE format, "Section Table", VirtualSize), and a virtual machine monitor writes into a kernel's first
// bytes. So a content is stored bytes, then zeros, and may have another beginning than the stored one.
#pragma once

#include "lib/crypto/file_digest.h"

namespace hallmark {

class Content {
 public:
  // What is behind it must outlive it.
  explicit Content(const InputFile& file) : file_(&file), stored_(file.size()), size_(stored_) {}
  explicit Content(ByteView memory) : memory_(memory), stored_(memory.size()), size_(stored_) {}

  std::uint64_t size() const { return size_; }

  // The `size` bytes from the offset on; the caller has checked that they lie inside.
  Content part(std::uint64_t offset, std::uint64_t size) const;
  // The same bytes up to `size`, and zeros behind the stored ones.
  Content resized(std::uint64_t size) const;
  // The same with its first bytes replaced; `first` is no longer than the content.
  Content beginning_with(Bytes first) const;

  // The bytes of a range; the caller has bounded `size` and checked that the range lies inside.
  Result<Bytes> read(std::uint64_t offset, std::size_t size) const;

  template <Alg A>
  Status add_range(Hasher<A>& hash, std::uint64_t offset, std::uint64_t size) const;
  template <Alg A>
  Status add_to(Hasher<A>& hash) const {
    return add_range(hash, 0, size_);
  }

 private:
  const InputFile* file_ = nullptr;
  ByteView memory_;           // if there is no file
  std::uint64_t base_ = 0;    // where the stored bytes begin in the file or in memory
  std::uint64_t stored_ = 0;  // zeros from here on
  std::uint64_t size_ = 0;
  Bytes first_;  // instead of the stored bytes
};

template <Alg A>
Result<DigestOf<A>> digest(const Content& content) {
  Hasher<A> hash;
  CHECK(content.add_to(hash));
  return hash.finish();
}

}  // namespace hallmark
