// The enclaves of $HALLMARK_VECTORS/sgx that sgx_sign 2.26 signed with a configuration that is there too, and one of
// Intel's own, measured from the unsigned file and the configuration. Oracle: the metadata and the SIGSTRUCT that the
// tool, or Intel, put into the signed file.
#include "lib/tee/platform.h"
#include "lib/tee/sgx/sdk_image.h"
#include "lib/tee/sgx/sdk_metadata.h"
#include "tests/vectors/vectors.h"

namespace hallmark::sgx {
namespace {

// The part of SIGSTRUCT that only the signer knows: date, key, signature, hash, q1 and q2.
void clear_signature(Bytes& metadata, std::size_t sigstruct) {
  for (auto [at, size] :
       {std::pair{20, 4}, std::pair{128, 384}, std::pair{516, 384}, std::pair{960, 32}, std::pair{1040, 768}})
    std::fill_n(metadata.begin() + static_cast<std::ptrdiff_t>(sigstruct) + at, size, std::uint8_t{0});
}

// Everything from the first copy of the metadata to the end of the note.
std::span<std::uint8_t> note_of(Bytes& file) {
  const Elf elf = *Elf::parse(file);
  const ElfSection& note = *elf.find_section(".note.sgxmeta");
  return std::span(file).subspan(static_cast<std::size_t>(note.offset) + 25, static_cast<std::size_t>(note.size) - 25);
}

class SgxConfigVectors : public VectorsTest {
 protected:
  void SetUp() override {
    VectorsTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    auto made = TemporaryFolder::make("hallmark-config-");
    ASSERT_TRUE(made) << made.error().message();
    work_.emplace(std::move(*made));
    for (const Json& e : entries_) {
      std::string name = e.find("file")->string();
      if (!name.ends_with(".signed.so")) continue;
      name.replace(name.size() - 10, 10, ".xml");
      if (fs::exists(folder_ / name)) configured_.push_back({e, folder_ / e.find("file")->string(), folder_ / name});
    }
    ASSERT_EQ(configured_.size(), 5u);
  }

  struct Entry {
    Json json;
    fs::path file, xml;
    const std::string& mrenclave() const { return json.find("expected_mrenclave")->string(); }
  };

  fs::path write(const char* name, ByteView bytes) {
    const fs::path path = work_->path() / name;
    EXPECT_TRUE(write_file(path, bytes));
    return path;
  }

  std::optional<TemporaryFolder> work_;
  std::vector<Entry> configured_;
};

TEST_F(SgxConfigVectors, MetadataIsByteForByteTheTools) {
  for (const Entry& e : configured_) {
    SCOPED_TRACE(e.file.filename().string());
    Bytes file = *read_file(e.file, 1 << 24);
    const SdkConfig config = *parse_sdk_config(*read_file(e.xml, 1 << 16));
    const auto made = build_sdk_metadata(file, config);
    ASSERT_TRUE(made) << made.error().message();
    const auto note = note_of(file);
    Bytes wanted(note.begin(), note.begin() + static_cast<std::ptrdiff_t>(made->size()));
    for (std::size_t at = 0; at < wanted.size(); at += load_le<std::uint32_t>(ByteView(wanted).subspan(at + 16)))
      clear_signature(wanted, at + 64);
    const auto differs = std::mismatch(wanted.begin(), wanted.end(), made->begin());
    EXPECT_TRUE(differs.first == wanted.end()) << "at " << differs.first - wanted.begin();
    // And nothing follows.
    EXPECT_TRUE(std::all_of(note.begin() + static_cast<std::ptrdiff_t>(made->size()), note.end(),
                            [](std::uint8_t b) { return b == 0; }));
  }
}

TEST_F(SgxConfigVectors, SigstructIsByteForByteTheTools) {
  for (const Entry& e : configured_) {
    SCOPED_TRACE(e.file.filename().string());
    const Bytes file = *read_file(e.file, 1 << 24);
    const SdkImage image = *SdkImage::parse(file);
    const SdkConfig config = *parse_sdk_config(*read_file(e.xml, 1 << 16));
    const Sigstruct& embedded = image.copies().front().sigstruct;
    const Bytes made =
        unsigned_sigstruct(config, *digest_from_hex<Alg::sha256>(e.mrenclave()), embedded.num<"date">());
    for (auto [at, size] : {std::pair{0u, 128u}, std::pair{900u, 128u}})
      EXPECT_EQ(to_hex(ByteView(made).subspan(at, size)), to_hex(embedded.bytes().subspan(at, size)));
  }
}

// The signed file with the metadata taken out: the code is what the author had before signing.
TEST_F(SgxConfigVectors, UnsignedFilesMeasureToWhatIsSignedLater) {
  for (const Entry& e : configured_) {
    SCOPED_TRACE(e.file.filename().string());
    Bytes file = *read_file(e.file, 1 << 24);
    std::ranges::fill(note_of(file), std::uint8_t{0});
    const auto m = measure({.image = write("unsigned.so", file), .companions = {{"config", e.xml}}});
    ASSERT_TRUE(m) << m.error().message();
    EXPECT_EQ(m->state, State::computed);
    EXPECT_EQ(to_hex(m->registers.at(0).digest), e.mrenclave());
    EXPECT_EQ(m->identity.find("mrsigner"), nullptr);
    EXPECT_EQ(m->identity.find("date"), nullptr);
    for (const char* key : {"isvprodid", "isvsvn", "isv_family_id", "isv_ext_prod_id", "vendor"})
      EXPECT_EQ(*m->identity.find(key), *e.json.find(key)) << key;
    for (const char* key : {"attributes", "attributes_mask", "xfrm", "xfrm_mask", "misc_select", "misc_mask"})
      EXPECT_EQ(*m->policy.find(key), *e.json.find(key)) << key;
    EXPECT_EQ(*m->policy.find("debug_launchable"), *e.json.find("debug_allowed"));
    for (const char* key : {"enclave_size", "ssa_frame_size", "sdk_version"})
      EXPECT_EQ(*m->inputs.find(key), *e.json.find(key)) << key;
    const Json::Array& copies = e.json.find("metadata")->items();
    ASSERT_EQ(m->inputs.find("metadata")->items().size(), copies.size());
    for (std::size_t i = 0; i < copies.size(); i++)
      for (const char* key : {"version", "computed", "elrange", "pages_eadd", "pages_eextend"})
        EXPECT_EQ(*m->inputs.find("metadata")->items()[i].find(key), *copies[i].find(key)) << key;
    EXPECT_EQ(m->inputs.find("config")->members().size(), sdk_config_tags().size());

    const auto without = measure({.image = work_->path() / "unsigned.so"});
    ASSERT_FALSE(without);
    EXPECT_EQ(without.error().fault, Fault::unsupported);
    EXPECT_NE(without.error().message().find("--config"), std::string::npos);
  }
}

// Signing writes into the note alone: patches are applied when the file is loaded. So g_global_data is as it was
// linked, and nothing in the code of a signed file helps to measure it.
TEST_F(SgxConfigVectors, SignedFilesDifferInTheirNoteAlone) {
  std::optional<Bytes> first;
  for (const Entry& e : configured_) {
    Bytes file = *read_file(e.file, 1 << 24);
    std::ranges::fill(note_of(file), std::uint8_t{0});
    if (!first) first = file;
    EXPECT_EQ(file, *first) << e.file;
  }
}

TEST_F(SgxConfigVectors, SignedFilesAreComparedWithTheirConfiguration) {
  for (const Entry& e : configured_)
    for (const Entry& other : configured_) {
      SCOPED_TRACE(e.file.filename().string() + " with " + other.xml.filename().string());
      const auto m = measure({.image = e.file, .companions = {{"config", other.xml}}});
      ASSERT_TRUE(m) << m.error().message();
      EXPECT_EQ(to_hex(m->registers.at(0).digest), other.mrenclave());
      if (e.file == other.file) {
        EXPECT_EQ(m->state, State::equal) << testing::PrintToString(m->problems);
        EXPECT_EQ(*m->identity.find("mrsigner"), *e.json.find("mrsigner"));
      } else {
        EXPECT_EQ(m->state, State::mismatch);
        ASSERT_FALSE(m->problems.empty());
        EXPECT_NE(m->problems.front().find("under the configuration the code measures to " + other.mrenclave()),
                  std::string::npos)
            << m->problems.front();
      }
    }
}

// What the hash does not say is compared too.
TEST_F(SgxConfigVectors, AnotherVersionIsAnotherConfiguration) {
  const Entry& e = configured_.front();
  std::string xml = *read_text(e.xml, 1 << 16);
  const std::size_t at = xml.find("<ISVSVN>3<");
  ASSERT_NE(at, xml.npos);
  xml[at + 8] = '4';
  const auto m = measure({.image = e.file, .companions = {{"config", write("config.xml", as_bytes(xml))}}});
  ASSERT_TRUE(m) << m.error().message();
  EXPECT_EQ(m->state, State::mismatch);
  EXPECT_EQ(to_hex(m->registers.at(0).digest), e.mrenclave());
  EXPECT_NE(m->problems.at(0).find("is signed with another configuration: isvsvn (3, not 4)"), std::string::npos)
      << m->problems.at(0);
}

// Intel's provisioning certification enclave, with the configuration that is published beside its source
// (psw/ae/pce/config.xml of linux-sgx 2.26).
TEST_F(SgxConfigVectors, AnEnclaveOfIntelMeasuresToWhatIntelSigned) {
  const fs::path xml = write("pce.xml", as_bytes(R"(<EnclaveConfiguration>
    <IntelSigned>1</IntelSigned><ProvisionKey>1</ProvisionKey><LaunchKey>0</LaunchKey>
    <ProdID>0x1</ProdID><ISVSVN>0x10</ISVSVN><TCSNum>1</TCSNum><TCSMinPool>0</TCSMinPool><TCSPolicy>1</TCSPolicy>
    <StackMaxSize>0x5000</StackMaxSize><StackMinSize>0x5000</StackMinSize>
    <HeapMaxSize>0x8000</HeapMaxSize><HeapMinSize>0x8000</HeapMinSize>
    <DisableDebug>1</DisableDebug><EnableIPPFIPS>1</EnableIPPFIPS></EnclaveConfiguration>)"));
  const auto m = measure({.image = folder_ / "intel-pce-1.25.100.1.signed.so", .companions = {{"config", xml}}});
  ASSERT_TRUE(m) << m.error().message();
  EXPECT_EQ(m->state, State::equal) << testing::PrintToString(m->problems);
}

// An application built and signed with SDK 2.27, with the configuration of that SDK's own samples.
TEST_F(SgxConfigVectors, AnEnclaveOfANewerSdkMeasuresToWhatItsAuthorSigned) {
  const fs::path xml = write("sample.xml", as_bytes(R"(<EnclaveConfiguration>
    <ProdID>0</ProdID><ISVSVN>0</ISVSVN><StackMaxSize>0x40000</StackMaxSize><HeapMaxSize>0x100000</HeapMaxSize>
    <TCSNum>10</TCSNum><TCSPolicy>1</TCSPolicy><DisableDebug>0</DisableDebug>
    <MiscSelect>0</MiscSelect><MiscMask>0xFFFFFFFF</MiscMask></EnclaveConfiguration>)"));
  const auto m = measure({.image = folder_ / "rds-tee-2.27.signed.so", .companions = {{"config", xml}}});
  ASSERT_TRUE(m) << m.error().message();
  EXPECT_EQ(m->state, State::equal) << testing::PrintToString(m->problems);
}

// Of older SDKs the size of g_global_data is known, and not what goes into it.
TEST_F(SgxConfigVectors, OlderSdksAreRefusedByName) {
  const fs::path xml = write("default.xml", as_bytes("<EnclaveConfiguration/>"));
  for (auto [file, why] : {std::pair{"tflite-sim-2.11-textrel.signed.so", "has 1656 bytes, which is that of SDK 2.9.1"},
                           std::pair{"scrt-tm-enclave-2.17.signed.so", "has 1688 bytes, which is that of SDK 2.17"},
                           std::pair{"trustsearch-2.15.signed.so", "has 1680 bytes, which is that of SDK 2.14"},
                           std::pair{"intel-tdqe-a.signed.so", "has 1720 bytes, which is that of SDK 2.18"},
                           std::pair{"sgxipc-1.x-meta13.signed.so", "has 184 bytes, which is that of SDK 1.6"}}) {
    const auto m = measure({.image = folder_ / file, .companions = {{"config", xml}}});
    ASSERT_FALSE(m) << file;
    EXPECT_EQ(m.error().fault, Fault::unsupported);
    EXPECT_NE(m.error().message().find(why), std::string::npos) << m.error().message();
  }
}

}  // namespace
}  // namespace hallmark::sgx
