// The layout tables in specs/tee/sgx.md are those of the code.
#include "lib/tee/sgx/gramine.h"
#include "lib/tee/sgx/known_signers.h"
#include "lib/tee/sgx/oe_image.h"
#include "lib/tee/sgx/sdk_image.h"
#include "lib/tee/sgx/sdk_metadata.h"
#include "lib/tee/sgx/signing.h"
#include "lib/tee/sgx/sigstruct.h"
#include "lib/tee/sgx/tcs.h"
#include "tests/unit/tee/spec_tables.h"

namespace hallmark::sgx {
namespace {

std::string page() { return spec_page("tee/sgx.md"); }

TEST(SgxSpec, HasTheLayoutsOfTheCode) {
  expect_table<kSigstruct>(page());
  expect_table<kSigningMaterial>(page());
  expect_table<kMetadata>(page());
  expect_table<kPatchEntry>(page());
  expect_table<kLayoutEntry>(page());
  expect_table<kLayoutGroupEntry>(page());
  expect_table<kElrangeEntry>(page());
  expect_table<kExtendEntry>(page());
  expect_table<kSharedObjectEntry>(page());
  expect_table<kGlobalData>(page());
  expect_table<kThreadData>(page());
  expect_table<kOeProperties>(page());
  expect_table<kEgoPayload>(page());
  expect_table<kOeModuleInfo>(page());
  expect_table<kTcsLayout>(page());
  expect_table<kGramineThread>(page());
}

TEST(SgxSpec, HasTheReleasesOfTheSdk) {
  const auto version = [](std::uint64_t v) {
    return v == UINT64_MAX ? std::string()
                           : " " + std::to_string(v >> 32) + "." + std::to_string(v >> 16 & 0xffff) + "." +
                                 std::to_string(v & 0xffff);
  };
  std::string wanted = "| SDK | size | from | until | 2 | 1 |\n|---|---|---|---|---|---|\n";
  for (const SdkRelease& r : sdk_releases())
    wanted += "| " + std::string(r.name) + " | " + std::to_string(r.size) + " |" + version(r.from) + " |" +
              version(r.until) + " |" +
              (r.major == 0 ? "" : " " + std::to_string(r.major) + "." + std::to_string(r.minor)) + " | 1." +
              std::to_string(r.minor_one) + " |\n";
  EXPECT_NE(page().find(wanted + "\n"), std::string::npos) << wanted;
}

TEST(SgxSpec, HasTheKnownSigners) {
  std::string wanted = "| MRSIGNER | repository | file | commit |\n|---|---|---|---|\n";
  for (const KnownSigner& s : known_signers())
    wanted += "| `" + std::string(s.mrsigner) + "` | " + std::string(s.repository) + " | `" + std::string(s.path) +
              "` | `" + std::string(s.commit.substr(0, 12)) + "` |\n";
  EXPECT_NE(page().find(wanted + "\n"), std::string::npos) << wanted;
}

}  // namespace
}  // namespace hallmark::sgx
