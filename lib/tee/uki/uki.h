// A unified kernel image: what its stub measures, what it starts and what it hands on.
//
// The image is a PE file (lib/formats/pe.h) whose payload lies in sections of agreed names (UAPI.5, "Unified Kernel
// Image (UKI)"; systemd-stub(7)). Everything here follows from the file and the release of its stub (stub.h), given
// that it is started without a command line of its own and without add-ons beside it, as firmware starts a kernel that
// the virtual machine monitor hands over. What cannot be said exactly is unsupported, by name: several profiles, a
// device tree or firmware chosen by the machine's identity, a kernel older than 5.8.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "lib/tee/uki/stub.h"

namespace hallmark::uki {

struct Measured {
  std::string_view section;  // its name, hashed with the final NUL
  Content contents;          // hashed after it
};

class Uki {
 public:
  // `image` and what is behind it must outlive the result. A stub's `release` that is given is not looked for.
  static Result<Uki> parse(const Content& image, std::optional<unsigned> release = std::nullopt);

  const Pe& pe() const { return pe_; }
  const Stub& stub() const { return stub_; }
  const std::string& stub_version() const { return stub_version_; }  // empty if the release was given

  const std::vector<Measured>& measured() const { return measured_; }  // in this order
  // The inner kernel, as it is handed to LoadImage().
  const Content& kernel() const { return kernel_; }
  const Pe& kernel_pe() const { return kernel_pe_; }
  // What the kernel gets as LoadOptions: UTF-16 with the final NUL. Nothing if there is no section ".cmdline".
  const std::optional<Bytes>& load_options() const { return load_options_; }
  // Whether the stub may add to the load options something that only the running machine shows.
  bool load_options_may_grow() const;

  // What the kernel gets as its initrd: these contents, each padded with zeros to 4 bytes, or a single one as it is.
  const std::vector<Content>& initrd() const { return initrd_; }
  // The section ".initrd", which the stub measures and which mostly begins the initrd; nothing if there is none.
  const std::optional<Content>& initrd_section() const { return initrd_section_; }

 private:
  Uki(Pe pe, Stub stub, Content kernel) : pe_(std::move(pe)), stub_(stub), kernel_(std::move(kernel)) {}
  Status read_initrd(const Content& image);

  Pe pe_;
  Stub stub_;
  std::string stub_version_;
  std::vector<Measured> measured_;
  Content kernel_;
  Pe kernel_pe_;
  std::optional<Bytes> load_options_;
  std::vector<Content> initrd_;
  std::optional<Content> initrd_section_;
};

// The command line of section ".cmdline" as a stub of that kind hands it on.
Result<Bytes> load_options_of(const Stub& stub, ByteView section);

// Text as UTF-16, little-endian, with the final NUL. The text is UTF-8; what lies beyond the basic multilingual plane
// is left out, as firmware has no place for it.
Bytes utf16_of(std::string_view text);

}  // namespace hallmark::uki
