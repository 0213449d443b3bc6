#include <cstdlib>

#include "lib/tee/sgx/sdk_config.h"
#include "lib/tee/sgx/sigstruct.h"

namespace {

using namespace hallmark::sgx;

// What was read, written out again as XML, is read as the same; and its SIGSTRUCT is one.
void check(hallmark::ByteView data, Sdk sdk) {
  const auto config = parse_sdk_config(data, sdk);
  if (!config) return;
  std::string xml = "<EnclaveConfiguration>";
  for (const SdkConfigTag& tag : sdk_config_tags(sdk)) {
    const std::uint64_t value = (*config).*tag.value;
    // A default that cannot be given; and an address needs a range.
    if (value < tag.min || (tag.value == &SdkConfig::elrange_start && config->elrange_size == 0)) continue;
    xml += "<" + std::string(tag.name) + ">" + std::to_string(value) + "</" + std::string(tag.name) + ">";
  }
  const auto again = parse_sdk_config(hallmark::as_bytes(xml + "</EnclaveConfiguration>"), sdk);
  if (!again || *again != *config) std::abort();
  if (to_json(*config).members().size() != sdk_config_tags(sdk).size()) std::abort();
  if (!parse_sigstruct(unsigned_sigstruct(*config, {}, 0))) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  for (const SdkRelease& release : sdk_releases()) check({data, size}, release.sdk);
  return 0;
}
