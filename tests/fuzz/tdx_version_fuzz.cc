#include "lib/tee/tdx/firmware_version.h"

// A version that is found names its release.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto facts = hallmark::tdx::firmware_facts({data, size});
  if (facts && facts->release.has_value() == facts->version_text.empty()) __builtin_trap();
  (void)hallmark::tdx::edk2_release({reinterpret_cast<const char*>(data), size});
  return 0;
}
