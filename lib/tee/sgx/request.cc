#include "lib/tee/sgx/request.h"

#include <algorithm>

#include "lib/formats/elf.h"
#include "lib/tee/model/first_bytes.h"
#include "lib/tee/sgx/gramine.h"
#include "lib/tee/sgx/oe_image.h"
#include "lib/tee/sgx/sgxs.h"
#include "lib/tee/sgx/sigstruct.h"

namespace hallmark::sgx {
namespace {

Status only(const MeasureRequest& request, std::string_view format, std::initializer_list<std::string_view> known) {
  return takes_only(request, format, std::vector(known));
}

}  // namespace

std::string_view to_text(Format format) {
  switch (format) {
    case Format::sgxs: return "sgxs";
    case Format::sdk: return "sgx-sdk-elf";
    case Format::sdk_configured: return "sgx-sdk-elf";
    case Format::open_enclave: return "open-enclave";
    case Format::ego: return "ego";
    case Format::gramine: return "gramine";
  }
  return {};
}

Result<std::optional<Bytes>> read_module(const MeasureRequest& request) {
  const auto file = companion(request, "module");
  if (!file) return std::optional<Bytes>();
  TRY(Bytes bytes, read_file(*file, kMaxImage));
  return std::optional(std::move(bytes));
}

Result<Artefact> open_artefact(const MeasureRequest& request) {
  TRY(const Bytes start, first_bytes(request.image));
  if (is_sgxs(start)) {
    CHECK(only(request, "an SGXS stream", {"sigstruct"}));
    return Artefact{Format::sgxs, {}};
  }
  if (is_sigstruct(start))
    return fail(Fault::unsupported, "a SIGSTRUCT without its enclave; give it along with the .sgxs file that it signs");
  if (!is_elf(start)) {
    if (!is_gramine_manifest(start)) return fail(Fault::unsupported, "no SGX enclave in any known format");
    CHECK(only(request, "a Gramine manifest", {"sigstruct", "libpal", "gramine-version"}));
    if (!companion(request, "libpal"))
      return fail(Fault::usage,
                  "a Gramine manifest: it is measured together with the libpal.so of its Gramine (\"libpal\")");
    TRY(Bytes manifest, read_file(request.image, kMaxGramineManifest));
    return Artefact{Format::gramine, std::move(manifest)};
  }
  TRY(Bytes image, read_file(request.image, kMaxImage));
  TRY(const Elf elf, Elf::parse(image));
  if (elf.find_section(".note.sgxmeta") == nullptr) {
    if (elf.find_section(".oeinfo") == nullptr)
      return fail(Fault::unsupported, "an ELF file without enclave metadata (no section .note.sgxmeta or .oeinfo)");
    if (is_ego_payload(elf)) {
      CHECK(only(request, "a payload of EGo", {"sigstruct", "ego-enclave", "module"}));
      return Artefact{Format::ego, std::move(image)};
    }
    CHECK(only(request, "an Open Enclave image", {"sigstruct", "module"}));
    return Artefact{Format::open_enclave, std::move(image)};
  }
  CHECK(only(request, "an enclave of the Intel SGX SDK", {"config", "sigstruct"}));
  if (companion(request, "config")) return Artefact{Format::sdk_configured, std::move(image)};
  if (companion(request, "sigstruct"))
    return fail(Fault::usage,
                "carries its own SIGSTRUCT; a second one cannot be given, but for an unsigned enclave with --config");
  return Artefact{Format::sdk, std::move(image)};
}

}  // namespace hallmark::sgx
