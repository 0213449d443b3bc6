// What stands at an address of an enclave, in words: section and symbol of the program that is loaded there, or the
// field of a structure that the loader or the signing tool writes.
#pragma once

#include "lib/tee/sgx/pages.h"

namespace hallmark::sgx {

struct Place {
  std::string text;       // "section .text, symbol foo"; empty where nothing is known
  std::uint64_t end = 0;  // of what it names: the address behind it
};

class Places {
 public:
  // A program that is no ELF file, or whose symbols cannot be read, has none. `manifest` is Gramine's, which is loaded
  // as it is. Both must outlive this.
  Places(const Load& load, ByteView manifest);

  // The byte at `offset` of the page.
  Place at(const Page& page, std::size_t offset) const;

  // The byte at that offset of the manifest.
  Place at_manifest(std::uint64_t offset) const;

  struct Symbol {
    std::string_view name;
    std::uint64_t address, size;  // in the enclave
  };
  // By address, of all programs.
  const std::vector<Symbol>& symbols() const { return symbols_; }

 private:
  struct Section {
    std::string_view name;
    std::uint64_t address, size;  // in the enclave
  };
  void add_object(const LoadedObject& object);

  std::vector<Section> sections_;
  std::vector<Symbol> symbols_;
  ByteView manifest_;
  std::uint64_t manifest_begin_ = 0;  // in the enclave
};

}  // namespace hallmark::sgx
