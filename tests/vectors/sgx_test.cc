// Every entry of $HALLMARK_VECTORS/sgx/vectors.json is measured and compared in each value that the entry states.
// Oracle: the SIGSTRUCT that the vendor's or the author's own tool signed, and an independent reference
// implementation for page counts, as the entry says.
#include "lib/formats/elf.h"
#include "lib/tee/platform.h"
#include "tests/vectors/vectors.h"

namespace hallmark {
namespace {

class SgxVectors : public VectorsTest {
 protected:
  // An entry's artefact with one bit flipped at the offset, as a file.
  Result<Measurement> measure_flipped(const Json& entry, std::size_t at) const {
    TRY(Bytes bytes, read_file(folder_ / entry.find("file")->string(), 64 << 20));
    bytes.at(at) ^= 1;
    TRY(const TemporaryFolder folder, TemporaryFolder::make("vectors-sgx"));
    const fs::path file = folder.path() / "flipped";
    CHECK(write_file(file, bytes));
    return measure({.image = file});
  }

  std::vector<Json> of_format(std::string_view format) const {
    std::vector<Json> out;
    for (const Json& e : entries_)
      if (e.find("format")->string() == format) out.push_back(e);
    return out;
  }

  Result<Measurement> measure_entry(const Json& entry) const {
    MeasureRequest request{.image = folder_ / entry.find("file")->string()};
    if (const Json* sig = entry.find("sig_file")) request.companions["sigstruct"] = folder_ / sig->string();
    if (const Json* libpal = entry.find("libpal")) request.companions["libpal"] = folder_ / libpal->string();
    return measure(request);
  }
};

bool is_negative(const Json& entry) {
  const Json* verified = entry.find("verified");
  return verified != nullptr && verified->is_string() && verified->string() == "negative";
}

// Compares ours.find(our_key) with entry.find(key), where the entry has such a member.
void expect_same(const Json& entry, std::string_view key, const Json& ours, std::string_view our_key) {
  const Json* want = entry.find(key);
  if (want == nullptr || want->is_null()) return;
  const Json* have = ours.find(our_key);
  ASSERT_NE(have, nullptr) << our_key;
  EXPECT_EQ(have->canonical(), want->canonical()) << key;
}

void expect_metadata(const Json& entry, const Json& inputs) {
  const Json* want = entry.find("metadata");
  if (want == nullptr) return;
  const Json::Array& have = inputs.find("metadata")->items();
  ASSERT_EQ(have.size(), want->items().size());
  for (std::size_t i = 0; i < have.size(); i++)
    for (const char* key : {"version", "computed", "sigstruct", "match", "elrange", "pages_eadd", "pages_eextend"})
      expect_same(want->items()[i], key, have[i], key);
}

void expect_values(const Json& entry, const Measurement& m) {
  const Json* expected = entry.find("expected_mrenclave");
  const bool is_signed = entry.find("mrsigner") != nullptr;
  EXPECT_EQ(m.state, is_signed ? State::equal : State::computed);
  const Json registers = *to_json(m).find("registers");
  expect_same(entry, "expected_mrenclave", registers, "mrenclave");
  expect_same(entry, "computed", registers, "mrenclave");
  if (expected == nullptr) return;
  for (const char* key :
       {"enclave_size", "ssa_frame_size", "pages_eadd", "pages_eextend", "sdk_version", "sim_mode", "textrel"})
    expect_same(entry, key, m.inputs, key);
  if (const Json* oe = entry.find("oe"))
    for (auto [key, ours] : {std::pair{"heap", "heap_pages"},
                             {"stack", "stack_pages"},
                             {"ntcs", "threads"},
                             {"pages", "pages_eadd"},
                             {"ext", "pages_eextend"}})
      expect_same(*oe, key, m.inputs, ours);
  if (!is_signed) return;
  for (const char* key : {"mrsigner", "isvprodid", "isvsvn", "isv_family_id", "isv_ext_prod_id", "vendor", "date"})
    expect_same(entry, key, m.identity, key);
  for (const char* key : {"attributes", "attributes_mask", "xfrm", "xfrm_mask", "misc_select", "misc_mask"})
    expect_same(entry, key, m.policy, key);
  expect_same(entry, "debug_allowed", m.policy, "debug_launchable");
  expect_metadata(entry, m.inputs);
}

TEST_F(SgxVectors, MeasureToTheirExpectedValues) {
  std::size_t seen = 0;
  for (auto [format, ours] : {std::pair{"sgx-sdk-elf", "sgx-sdk-elf"},
                              {"sgxs", "sgxs"},
                              {"openenclave-elf", "open-enclave"},
                              {"gramine", "gramine"}})
    for (const Json& entry : of_format(format)) {
      if (is_negative(entry)) continue;
      SCOPED_TRACE(entry.find("file")->string());
      auto m = measure_entry(entry);
      ASSERT_TRUE(m) << m.error().message();
      EXPECT_EQ(m->format, ours);
      EXPECT_TRUE(m->problems.empty()) << m->problems.front();
      expect_values(entry, *m);
      seen++;
    }
  EXPECT_GT(seen, 0u);
}

TEST_F(SgxVectors, ForgeriesAreTold) {
  std::size_t code = 0, hash = 0;
  for (const Json& entry : of_format("sgx-sdk-elf")) {
    if (!is_negative(entry)) continue;
    const std::string file = entry.find("file")->string();
    SCOPED_TRACE(file);
    auto m = measure_entry(entry);
    ASSERT_TRUE(m) << m.error().message();
    EXPECT_EQ(m->state, State::mismatch);
    ASSERT_FALSE(m->problems.empty());
    const bool code_changed = file.find("textflip") != file.npos;
    const std::string_view why =
        code_changed ? "the code was changed under a valid signature" : "the embedded hash was changed";
    EXPECT_NE(m->problems[0].find(why), std::string::npos) << m->problems[0];
    (code_changed ? code : hash)++;
  }
  EXPECT_GT(code, 0u);
  EXPECT_GT(hash, 0u);
}

// What an attacker changes in a signed image, and what is said of it. The offsets are found with the section table.
TEST_F(SgxVectors, ChangedOpenEnclaveImagesAreTold) {
  std::size_t seen = 0;
  for (const Json& entry : of_format("openenclave-elf")) {
    SCOPED_TRACE(entry.find("file")->string());
    const Bytes bytes = *read_file(folder_ / entry.find("file")->string(), 64 << 20);
    const Elf elf = *Elf::parse(bytes);
    const std::size_t code = elf.find_section(".text")->offset + 64, properties = elf.find_section(".oeinfo")->offset;
    for (auto [at, why] : {std::pair{code, "the code was changed under a valid signature"},
                           {properties + 8, "the code was changed under a valid signature"},   // heap pages
                           {properties + 34, "the code was changed under a valid signature"},  // security version
                           {properties + 144 + 960, "the embedded hash was changed"},          // ENCLAVEHASH
                           {properties + 144 + 1026, "the signature is forged"},               // ISVSVN in SIGSTRUCT
                           {properties + 144 + 600, "the signature is forged"},                // in the signature
                           {properties + 144 + 1100, "q1 or q2 in SIGSTRUCT does not belong"}}) {
      auto m = measure_flipped(entry, at);
      ASSERT_TRUE(m) << m.error().message();
      EXPECT_EQ(m->state, State::mismatch) << at;
      ASSERT_FALSE(m->problems.empty());
      EXPECT_NE(m->problems[0].find(why), std::string::npos) << m->problems[0];
    }
    seen++;
  }
  EXPECT_GT(seen, 0u);
}

// A Gramine manifest measures to something only with its libpal; any byte of either is in the measurement.
TEST_F(SgxVectors, ChangedGramineManifestsMeasureOtherwise) {
  std::size_t seen = 0;
  for (const Json& entry : of_format("gramine")) {
    SCOPED_TRACE(entry.find("file")->string());
    const fs::path manifest = folder_ / entry.find("file")->string(), libpal = folder_ / entry.find("libpal")->string();
    const auto alone = measure({.image = manifest});
    ASSERT_FALSE(alone);
    EXPECT_EQ(alone.error().fault, Fault::usage);
    auto folder = *TemporaryFolder::make("vectors-sgx");
    for (const fs::path& changed : {manifest, libpal}) {
      Bytes bytes = *read_file(changed, 64 << 20);
      // In the manifest a letter of its first line, a comment; in libpal code.
      bytes.at(changed == manifest ? 5 : 0x1001) ^= 1;
      const fs::path copy = folder.path() / "copy";
      ASSERT_TRUE(write_file(copy, bytes));
      auto m = measure({.image = changed == manifest ? copy : manifest,
                        .companions = {{"libpal", changed == manifest ? libpal : copy}}});
      ASSERT_TRUE(m) << m.error().message();
      EXPECT_NE(to_hex(m->registers[0].digest), entry.find("expected_mrenclave")->string());
    }
    seen++;
  }
  EXPECT_GT(seen, 0u);
}

}  // namespace
}  // namespace hallmark
