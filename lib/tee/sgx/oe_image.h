// The enclave as the Open Enclave SDK builds it: a position-independent ELF image with a section .oeinfo that holds its
// properties and its SIGSTRUCT. The format has no specification but the SDK's sources (sgxproperties.h, loadelf.c,
// create.c and elf.c of openenclave 0.19); specs/tee/sgx.md states what is read here. Releases since 0.18 write it.
//
// Unlike in the Intel SGX SDK, names, versions and attributes are a part of the image and therefore measured.
//
// EGo (of Edgeless Systems) signs the payload of an enclave and not the enclave: the file is loaded behind a base
// enclave that comes with the installation of EGo, and measured together with it, by Open Enclave's loader with the
// changes of Edgeless RT (ert.patch of edgelessrt 0.5). Releases since 0.3.3 load such a pair in the same way.
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
inline constexpr std::uint32_t kOeCapturesFaults = 1, kOeZeroBase = 2, kEgoExecutableHeap = 4;

// What EGo appends to the properties, at this offset of .oeinfo: where in the file the configuration stands that the
// enclave gets to see.
inline constexpr std::size_t kEgoPayloadAt = 0x800;
inline constexpr Layout<2> kEgoPayload{"EGo payload",
                                       16,
                                       {{
                                           {0, 8, "offset"},
                                           {8, 8, "size"},
                                       }}};

// What an image gets to know of the program behind it, at its symbol _module_info; addresses in the enclave but for
// tdata_rva, which is that program's own. From payload_data_size on it is Edgeless RT's, which has room for two.
inline constexpr Layout<9> kOeModuleInfo{"Open Enclave module info",
                                         72,
                                         {{
                                             {0, 8, "base_rva"},
                                             {8, 8, "init_array_rva"},
                                             {16, 8, "init_array_size"},
                                             {24, 8, "fini_array_rva"},
                                             {32, 8, "fini_array_size"},
                                             {40, 8, "payload_data_size"},
                                             {48, 8, "tdata_rva"},
                                             {56, 8, "tdata_size"},
                                             {64, 8, "tls_size"},
                                         }}};

// Whether the ELF file, which has a section .oeinfo, is a payload of EGo.
bool is_ego_payload(const Elf& elf);

class OeImage {
 public:
  // `file` must outlive the result.
  static Result<OeImage> parse(ByteView file);

  const OeProperties& properties() const { return *properties_; }
  // Nothing if the image is not signed yet.
  const std::optional<Sigstruct>& sigstruct() const { return sigstruct_; }
  // A payload for EGo's base enclave; it has no load of its own.
  const std::optional<Record<kEgoPayload>>& ego_payload() const { return ego_payload_; }

  // What the loader does with the file, and with the module that it may need (DT_NEEDED), which lies beside it. All
  // files must outlive the result.
  Result<Load> load(std::optional<ByteView> module = {}) const;
  // What EGo's does with a payload and the base enclave that is loaded before it, which may need the module; nothing is
  // loaded for the payload. The base enclave's own properties do not count, and EGo's has none that a loader would
  // take.
  Result<Load> load_behind(ByteView base, std::optional<ByteView> module = {}) const;

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
