// Enclave.config.xml: what the author of an enclave asks the SDK's signing tool for. It decides over the layout of the
// enclave, and so over MRENCLAVE, and over what SIGSTRUCT says. The format has no specification but the tool's own
// sources (sign_tool.cpp and manage_metadata.cpp of linux-sgx), and each release of the SDK reads its own dialect;
// specs/tee/sgx.md states what is read here.
#pragma once

#include <string_view>
#include <vector>

#include "lib/base/files.h"
#include "lib/base/json.h"
#include "lib/crypto/digest.h"
#include "lib/tee/sgx/sdk_release.h"

namespace hallmark::sgx {

// The effective configuration: what the file leaves out has the tool's default, here that of the newest one. Sizes are
// in bytes.
struct SdkConfig {
  Sdk sdk = kNewestSdk;  // whose tool is asked
  std::uint64_t prod_id = 0, isv_svn = 0, release_type = 0, intel_signed = 0;
  std::uint64_t provision_key = 0, launch_key = 0, disable_debug = 0, hw = 0;
  std::uint64_t tcs_num = 1, tcs_max_num = 1, tcs_min_pool = 1, tcs_policy = 1;  // tcs_max_num: as tcs_num
  std::uint64_t stack_max_size = 0x40000, stack_min_size = 0x2000;
  std::uint64_t heap_max_size = 0x1000000, heap_min_size = 0x1000, heap_init_size = 0x1000000;  // init: as max
  std::uint64_t reserved_max_size = 0, reserved_min_size = 0, reserved_init_size = 0, reserved_executable = 0;
  std::uint64_t misc_select = 0, misc_mask = 0xffffffff;
  std::uint64_t enable_kss = 0, family_id_high = 0, family_id_low = 0, ext_prod_id_high = 0, ext_prod_id_low = 0;
  std::uint64_t image_address = 0, elrange_start = 0, elrange_size = 0;  // an ELRANGE if the size is not 0
  std::uint64_t pkru = 0, amx = 0;  // 0 must be off, 1 must be on, 2 the loader chooses
  std::uint64_t user_region_size = 0, enable_aex_notify = 0, enable_ipp_fips = 0, enable_ossl_fips = 0;

  bool operator==(const SdkConfig&) const = default;
};

// An element below <EnclaveConfiguration>, as the tools from one release to another know it.
struct SdkConfigTag {
  enum class Is { number, mask, size };  // a mask is written in hexadecimal; a size too, and it is of whole pages
  std::string_view name;
  std::uint64_t min, max;  // of a value that is given; a default may lie outside
  std::uint64_t SdkConfig::*value;
  Is is = Is::number;
  Sdk from = Sdk::v1_6, last = kNewestSdk;
};
std::vector<SdkConfigTag> sdk_config_tags(Sdk sdk = kNewestSdk);

// Strict: a tag that is repeated or that this SDK's tool does not know, a value that is no number, out of range or of
// no whole pages, and values that contradict each other are errors that name tag and line.
Result<SdkConfig> parse_sdk_config(ByteView xml, Sdk sdk = kNewestSdk);
// The configuration in that file, as the SDK of the enclave reads it.
Result<SdkConfig> read_sdk_config(const fs::path& file, ByteView enclave);

// Every tag of that SDK with its effective value; masks, identifiers, sizes and addresses as text, "0x1000".
Json to_json(const SdkConfig&);

// The states that the processor may save for the enclave (SECS.ATTRIBUTES.XFRM) as far as the configuration decides.
std::uint64_t requested_xfrm(const SdkConfig&);

// The 1808 bytes of SIGSTRUCT with everything that is signed; modulus, signature, q1 and q2 are zero. `date` is as
// signing_date() gives it. While MRENCLAVE and date are open, both are zero.
Bytes unsigned_sigstruct(const SdkConfig&, const DigestOf<Alg::sha256>& mrenclave, std::uint32_t date);

}  // namespace hallmark::sgx
