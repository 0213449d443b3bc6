// One source on its way into the store: whoever reads it, a git tree, a folder or an archive, hands
// its entries in order to this, which holds them to the rules of every source.
//
// Refused by path: a private key that the specification does not excuse, a pointer of git LFS in
// place of its content, an excuse for a file that has no key.
#pragma once

#include "lib/formats/tar.h"
#include "lib/pin/secrets.h"
#include "lib/store/store.h"

namespace hallmark::pin {

struct SourceTree {
  Sha256 sha256;
  std::uint64_t files = 0, bytes = 0;
};

class SourceArchive {
 public:
  // `allowed` are the files that may hold a private key.
  static Result<SourceArchive> make(const Store& store, std::vector<std::string> allowed);
  SourceArchive(SourceArchive&&) noexcept;
  ~SourceArchive();

  // As TarWriter: sorted entries; a file's content follows through data().
  Status add(const TarEntry& entry);
  Status data(ByteView piece);

  // Publishes the archive. With `expected`, another one is refused as a mismatch and not published.
  Result<SourceTree> finish(const Sha256* expected);

 private:
  struct State;
  explicit SourceArchive(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace hallmark::pin
