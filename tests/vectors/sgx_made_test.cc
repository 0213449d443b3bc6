// Small enclaves, one a feature of the loader or a forgery. Oracle: the Python program in each folder, which made them,
// knows the pages of each and hashes the list of their records with Python's hashlib; of EGo's it is Open Enclave 0.19
// with Edgeless RT's patch, and where there is no base enclave without it, its own loader.
#include <gtest/gtest.h>

#include "lib/tee/platform.h"

namespace hallmark {
namespace {

const fs::path kVectors = fs::path(HALLMARK_SOURCE_DIR) / "tests/vectors";

struct Case {
  fs::path folder;
  Json want;
};
void PrintTo(const Case& c, std::ostream* out) { *out << c.want.find("file")->string(); }

std::vector<Case> cases() {
  std::vector<Case> out;
  for (const char* name : {"sgx", "open_enclave", "gramine", "ego"}) {
    const Json list = *parse_json(*read_text(kVectors / name / "cases.json", 1 << 20));
    for (const Json& want : list.items()) out.push_back({kVectors / name, want});
  }
  return out;
}

class SgxMade : public testing::TestWithParam<Case> {};

// `found` has as many lines as `wanted`, each beginning like its counterpart.
void expect_begin(const std::vector<std::string>& found, const Json& wanted) {
  ASSERT_EQ(found.size(), wanted.items().size()) << testing::PrintToString(found);
  for (std::size_t i = 0; i < found.size(); i++)
    EXPECT_TRUE(found[i].starts_with(wanted.items()[i].string())) << found[i];
}

TEST_P(SgxMade, MeasuresAsItsMakerSays) {
  const Json& want = GetParam().want;
  const fs::path& folder = GetParam().folder;
  MeasureRequest request{.image = folder / want.find("file")->string()};
  for (auto [key, role] :
       {std::pair{"sig", "sigstruct"}, {"libpal", "libpal"}, {"ego_enclave", "ego-enclave"}, {"module", "module"}})
    if (const Json* file = want.find(key)) request.companions[role] = folder / file->string();
  auto m = measure(request);
  ASSERT_TRUE(m) << m.error().message();
  EXPECT_EQ(to_text(m->state), want.find("state")->string());
  EXPECT_EQ(to_hex(m->registers.at(0).digest), want.find("mrenclave")->string());
  expect_begin(m->problems, *want.find("problems"));
  expect_begin(m->warnings, *want.find("warnings"));
  const Json* inputs = want.find("inputs");
  if (inputs != nullptr) {
    for (const auto& [key, value] : inputs->members()) EXPECT_EQ(*m->inputs.find(key), value) << key;
  }
  const Json* metadata = want.find("metadata");
  if (metadata == nullptr) return;
  EXPECT_EQ(m->inputs.find("sdk_version")->string(), "2.26.100");
  ASSERT_EQ(m->inputs.find("metadata")->items().size(), metadata->items().size());
  for (std::size_t i = 0; i < metadata->items().size(); i++)
    for (const auto& [key, value] : metadata->items()[i].members())
      EXPECT_EQ(*m->inputs.find("metadata")->items()[i].find(key), value) << key;
}

INSTANTIATE_TEST_SUITE_P(Cases, SgxMade, testing::ValuesIn(cases()), [](const auto& c) {
  std::string name = std::to_string(c.index) + c.param.want.find("file")->string();
  std::erase_if(name, [](char letter) { return letter == '-' || letter == '.'; });
  return name;
});

// An unsigned enclave with configurations. Oracle: sgx_config/make_configured.py, in the same way.
TEST(SgxConfigured, MeasuresAsItsMakerSays) {
  const fs::path folder = fs::path(HALLMARK_SOURCE_DIR) / "tests/vectors/sgx_config";
  const Json list = *parse_json(*read_text(folder / "cases.json", 1 << 20));
  for (const Json& want : list.items()) {
    const std::string& config = want.find("config")->string();
    SCOPED_TRACE(config);
    const auto m = measure({.image = folder / "unsigned.so", .companions = {{"config", folder / config}}});
    ASSERT_TRUE(m) << m.error().message();
    EXPECT_EQ(m->state, State::computed);
    EXPECT_EQ(to_hex(m->registers.at(0).digest), want.find("mrenclave")->string());
    EXPECT_EQ(*m->inputs.find("pages_eadd"), *want.find("pages_eadd"));
    EXPECT_EQ(*m->inputs.find("pages_eextend"), *want.find("pages_eextend"));
    Json versions = Json::array();
    for (const Json& copy : m->inputs.find("metadata")->items()) versions.push_back(*copy.find("version"));
    EXPECT_EQ(versions, *want.find("versions"));
  }
}

}  // namespace
}  // namespace hallmark
