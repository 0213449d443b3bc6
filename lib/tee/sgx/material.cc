#include "lib/tee/sgx/material.h"

#include <algorithm>

#include "lib/tee/sgx/oe_image.h"
#include "lib/tee/sgx/request.h"
#include "lib/tee/sgx/sdk_config.h"
#include "lib/tee/sgx/sdk_image.h"
#include "lib/tee/sgx/signing.h"

namespace hallmark::sgx {
namespace {

Failure no_fields(const std::string& what) {
  return fail(Fault::unsupported, what +
                                      ": its SIGSTRUCT's other fields are nowhere to be taken from; `hallmark "
                                      "sigstruct material` takes them from the command line");
}

// Every copy of the metadata has a SIGSTRUCT; one signature is for one material.
Result<Bytes> material_of_sdk(ByteView file, const DigestOf<Alg::sha256>& mrenclave, std::uint32_t date) {
  TRY(const SdkImage image, SdkImage::parse(file));
  const Bytes first = signing_material(image.copies().front().sigstruct, mrenclave, date);
  for (const SdkMetadata& copy : image.copies())
    if (signing_material(copy.sigstruct, mrenclave, date) != first)
      return fail(Fault::unsupported, "metadata " + copy.version() + " is signed with other fields than metadata " +
                                          image.copies().front().version() + ": one signature cannot serve both");
  return first;
}

}  // namespace

Result<Bytes> signing_material_of(const MeasureRequest& request, const Measurement& measured, std::string_view date) {
  TRY(const std::uint32_t bcd, signing_date(date));
  if (measured.state != State::equal && measured.state != State::computed)
    return fail(Fault::mismatch, "there is no signing material for an enclave that is not what it says of itself");
  DigestOf<Alg::sha256> mrenclave;
  if (measured.registers.size() != 1 || measured.registers[0].digest.size() != mrenclave.size())
    return fail(Fault::unsupported, "is measured to something else than one MRENCLAVE");
  std::ranges::copy(measured.registers[0].digest, mrenclave.begin());

  if (const auto given = companion(request, "config")) {
    TRY(const Artefact artefact, open_artefact(request));
    TRY(const SdkConfig config, read_sdk_config(*given, artefact.image));
    const Bytes bytes = unsigned_sigstruct(config, mrenclave, bcd);
    TRY(const Sigstruct s, Sigstruct::parse(bytes));
    return signing_material(s, mrenclave, bcd);
  }
  if (const auto given = companion(request, "sigstruct")) {
    TRY(const Bytes bytes, read_file(*given, kSigstruct.size));
    TRY(const Sigstruct s, in(given->string(), parse_sigstruct(bytes)));
    return signing_material(s, mrenclave, bcd);
  }
  TRY(const Artefact artefact, open_artefact(request));
  if (artefact.format == Format::sgxs) return no_fields("an SGXS stream");
  if (artefact.format == Format::sdk) return material_of_sdk(artefact.image, mrenclave, bcd);
  if (artefact.format == Format::open_enclave || artefact.format == Format::ego) {
    TRY(const OeImage image, OeImage::parse(artefact.image));
    if (image.sigstruct()) return signing_material(*image.sigstruct(), mrenclave, bcd);
  }
  return no_fields("an enclave of the format " + measured.format + " without SIGSTRUCT");
}

}  // namespace hallmark::sgx
