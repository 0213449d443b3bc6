// The enclave as the Open Enclave SDK builds it: a position-independent ELF image with a section .oeinfo that holds its
// properties and its SIGSTRUCT. The format has no specification but the SDK's sources (sgxproperties.h, loadelf.c,
// create.c and elf.c of openenclave 0.19); specs/tee/sgx.md states what is read here. Releases since 0.18 write it.
//
// Unlike in the Intel SGX SDK, names, versions and attributes are a part of the image and therefore measured.
//
// EGo (of Edgeless Systems) signs the payload of an enclave and not the enclave: the file is loaded behind a base
// enclave that comes with the installation of EGo, and measured together with it.
#pragma once

#include <optional>
#include <string>

#include "lib/base/layout.h"
#include "lib/formats/elf.h"
#include "lib/tee/sgx/load.h"
#include "lib/tee/sgx/sigstruct.h"

namespace hallmark::sgx {

inline constexpr Layout<21> kOeProperties{"Open Enclave properties",
                                          1960,
                                          {{
                                              {0, 4, "size"},
                                              {4, 4, "enclave_type"},
                                              {8, 8, "num_heap_pages"},
                                              {16, 8, "num_stack_pages"},
                                              {24, 8, "num_tcs"},
                                              {32, 2, "product_id"},
                                              {34, 2, "security_version"},
                                              {36, 4, "flags"},
                                              {40, 16, "family_id"},
                                              {56, 16, "extended_product_id"},
                                              {72, 8, "attributes"},
                                              {80, 8, "xfrm"},
                                              {88, 8, "start_address"},
                                              {96, 8, "oeinfo_rva"},
                                              {104, 8, "oeinfo_size"},
                                              {112, 8, "reloc_rva"},
                                              {120, 8, "reloc_size"},
                                              {128, 8, "heap_rva"},
                                              {136, 8, "enclave_size"},
                                              {144, 1808, "sigstruct"},
                                              {1952, 8, "end_marker"},
                                          }}};

using OeProperties = Record<kOeProperties>;

// Of the field `flags`.
inline constexpr std::uint32_t kOeCapturesFaults = 1, kOeZeroBase = 2;

// What EGo appends to the properties, at this offset of .oeinfo: where in the file the configuration stands that the
// enclave gets to see.
inline constexpr std::size_t kEgoPayloadAt = 0x800;
inline constexpr Layout<2> kEgoPayload{"EGo payload",
                                       16,
                                       {{
                                           {0, 8, "offset"},
                                           {8, 8, "size"},
                                       }}};

class OeImage {
 public:
  // `file` must outlive the result.
  static Result<OeImage> parse(ByteView file);

  const OeProperties& properties() const { return *properties_; }
  // Nothing if the image is not signed yet.
  const std::optional<Sigstruct>& sigstruct() const { return sigstruct_; }
  // A payload for EGo's base enclave; it has no load of its own.
  const std::optional<Record<kEgoPayload>>& ego_payload() const { return ego_payload_; }

  // What the loader does with the file.
  Result<Load> load() const;

 private:
  OeImage(ByteView file, Elf elf) : file_(file), elf_(std::move(elf)) {}
  Status read_properties();

  ByteView file_;
  Elf elf_;
  std::uint64_t oeinfo_address_ = 0;
  std::optional<OeProperties> properties_;
  std::optional<Sigstruct> sigstruct_;
  std::optional<Record<kEgoPayload>> ego_payload_;
};

}  // namespace hallmark::sgx
