// The layout tables in specs/tee/sgx.md are those of the code.
#include <gtest/gtest.h>

#include "lib/base/files.h"
#include "lib/tee/sgx/gramine.h"
#include "lib/tee/sgx/known_signers.h"
#include "lib/tee/sgx/oe_image.h"
#include "lib/tee/sgx/sdk_image.h"
#include "lib/tee/sgx/sdk_metadata.h"
#include "lib/tee/sgx/signing.h"
#include "lib/tee/sgx/sigstruct.h"
#include "lib/tee/sgx/tcs.h"

namespace hallmark::sgx {
namespace {

std::string page() { return *read_text(fs::path(HALLMARK_SOURCE_DIR) / "specs/tee/sgx.md", 1 << 20); }

// "| 960 | 32 | enclavehash |" for each row; what follows on the line is for people.
template <const auto& L>
void expect_table() {
  const std::string text = page();
  const std::size_t begin = text.find("### " + std::string(L.name) + ", " + std::to_string(L.size) + " bytes\n");
  ASSERT_NE(begin, text.npos) << L.name;
  std::string_view section(text);
  section = section.substr(begin, text.find("\n#", begin) - begin);
  std::string rows;
  for (std::size_t at = section.find("\n| "); at != section.npos; at = section.find("\n| ", at + 1)) {
    // The first three cells.
    std::size_t cell = at + 2;
    for (int i = 0; i < 3; i++) cell = section.find(" |", cell + 1);
    rows += section.substr(at, cell - at);
  }
  std::string wanted = "\n| offset | size | field";
  for (const Field& f : L.fields)
    wanted += "\n| " + std::to_string(f.offset) + " | " + std::to_string(f.size) + " | `" + std::string(f.name) + "`";
  EXPECT_EQ(rows, wanted);
}

TEST(SgxSpec, HasTheLayoutsOfTheCode) {
  expect_table<kSigstruct>();
  expect_table<kSigningMaterial>();
  expect_table<kMetadata>();
  expect_table<kPatchEntry>();
  expect_table<kLayoutEntry>();
  expect_table<kLayoutGroupEntry>();
  expect_table<kElrangeEntry>();
  expect_table<kExtendEntry>();
  expect_table<kSharedObjectEntry>();
  expect_table<kGlobalData>();
  expect_table<kThreadData>();
  expect_table<kOeProperties>();
  expect_table<kEgoPayload>();
  expect_table<kOeModuleInfo>();
  expect_table<kTcsLayout>();
  expect_table<kGramineThread>();
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
