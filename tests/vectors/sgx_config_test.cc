// The enclaves of $HALLMARK_VECTORS/sgx, measured from the unsigned file and the configuration: some that sgx_sign 2.26
// signed with a configuration that is there too, and those that their authors signed, with the SDK of their time.
// Oracle: the metadata and the SIGSTRUCT that the SDK's tool put into the signed file.
#include <map>

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
    const Bytes made = unsigned_sigstruct(config, *digest_from_hex<Alg::sha256>(e.mrenclave()), embedded.num<"date">());
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

// What is g_global_data's in the metadata: the first patch of every tool.
ByteView global_data_of(const SdkMetadata& copy) {
  const ByteView patch = *copy.part(copy.header.num<"patch_offset">(), kPatchEntry.size, "patch");
  return *copy.part(load_le<std::uint32_t>(patch.subspan(8)), load_le<std::uint32_t>(patch.subspan(12)), "data");
}

// The regions as the tool planned them: from SDK 2 on, g_global_data has them in full, whatever copies of the metadata
// there are. What stands behind them there, and how many they can be, is known by the size.
ByteView layout_of(const SdkMetadata& copy) {
  const ByteView data = global_data_of(copy);
  const std::size_t size = data.size();
  if (size < 1488) return *copy.part(copy.header.num<"layout_offset">(), copy.header.num<"layout_size">(), "layout");
  const std::size_t behind = size < 1680 ? 0 : size < 1760 ? 24 : size < 1768 ? 32 : 40;
  const std::size_t room = 32 * (size < 1632 ? std::size_t{38} : size < 1720 ? 42 : 43), at = size - behind - room;
  return data.subspan(at, 32 * std::size_t{load_le<std::uint32_t>(data.subspan(at - 8))});
}

// The configuration that a signed file's first copy of the metadata comes from, as far as its author's
// Enclave.config.xml can be seen in it.
SdkConfig implied_config(const SdkMetadata& copy, Sdk sdk) {
  SdkConfig c{.sdk = sdk};
  const bool sdk1 = sdk < Sdk::v2_0;
  const auto& h = copy.header;
  const Sigstruct& s = copy.sigstruct;
  c.prod_id = s.num<"isvprodid">(), c.isv_svn = s.num<"isvsvn">(), c.hw = s.num<"swdefined">();
  c.release_type = s.num<"type">() >> 31, c.intel_signed = s.num<"vendor">() == 0x8086 ? 1 : 0;
  const auto bit = [](std::uint64_t of, int n) { return of >> n & 1; };
  c.provision_key = bit(s.num<"attributes">(), 4), c.launch_key = bit(s.num<"attributes">(), 5);
  c.enable_kss = bit(s.num<"attributes">(), 7), c.enable_aex_notify = bit(s.num<"attributes">(), 10);
  c.disable_debug = bit(s.num<"attributes_mask">(), 1);
  c.misc_select = sdk < Sdk::v2_22 ? s.num<"miscselect">() : h.num<"desired_misc_select">();
  c.misc_mask = s.num<"miscmask">();
  const auto choice = [&](int n) { return bit(s.num<"xfrm_mask">(), n) == 0 ? 2 : bit(s.num<"xfrm">(), n); };
  c.pkru = choice(9), c.amx = choice(18);
  const auto half = [](ByteView id, std::size_t at) { return load_le<std::uint64_t>(id.subspan(at)); };
  c.family_id_low = half(s.get<"isvfamilyid">(), 0), c.family_id_high = half(s.get<"isvfamilyid">(), 8);
  c.ext_prod_id_low = half(s.get<"isvextprodid">(), 0), c.ext_prod_id_high = half(s.get<"isvextprodid">(), 8);
  if (copy.elrange)
    c.image_address = copy.elrange->image_address, c.elrange_start = copy.elrange->start_address,
    c.elrange_size = copy.elrange->size;
  c.tcs_policy = h.num<"tcs_policy">();
  const ByteView data = global_data_of(copy);
  if (data.size() == 1768) c.enable_ipp_fips = load_le<std::uint32_t>(data.subspan(1760));

  // Pages by what they are for, and threads: from the start, and made later.
  std::map<std::uint16_t, std::uint64_t> pages;
  std::uint64_t threads = 0, later = 0;
  const ByteView layout = layout_of(copy);
  const std::uint16_t tcs = sdk1 ? 2 : 4;
  for (std::size_t at = 0; at < layout.size(); at += 32) {
    const std::uint16_t id = load_le<std::uint16_t>(layout.subspan(at));
    const std::uint32_t count = load_le<std::uint32_t>(layout.subspan(at + 4));
    if ((id & kLayoutGroup) != 0)
      (id == (kLayoutGroup | 19) ? later : threads) += count;
    else
      pages.try_emplace(id, count);
    threads += id == tcs ? 1 : 0;
    later += id == 14 ? 1 : 0;
  }
  const auto size = [&](std::uint16_t id) { return pages[id] * 0x1000; };
  c.heap_min_size = size(1);
  c.tcs_num = c.tcs_max_num = threads;
  if (sdk1) {
    c.heap_init_size = c.heap_max_size = c.heap_min_size;
    c.stack_min_size = c.stack_max_size = size(5);
    c.tcs_min_pool = threads;
    return c;
  }
  c.heap_init_size = c.heap_min_size + size(2), c.heap_max_size = c.heap_init_size + size(3);
  c.stack_min_size = size(8), c.stack_max_size = c.stack_min_size + size(7);
  c.reserved_min_size = size(20), c.reserved_init_size = c.reserved_min_size + size(21);
  c.reserved_max_size = c.reserved_init_size + size(22);
  c.tcs_min_pool = h.num<"tcs_min_pool">();
  if (later != 0) c.tcs_max_num = later + std::min(c.tcs_min_pool, threads - 1);
  return c;
}

std::string xml_of(const SdkConfig& config) {
  std::string out = "<EnclaveConfiguration>\n";
  for (const SdkConfigTag& tag : sdk_config_tags(config.sdk)) {
    const std::uint64_t value = config.*tag.value;
    const bool of_no_elrange = tag.value == &SdkConfig::elrange_start && config.elrange_size == 0;
    if (value < tag.min || of_no_elrange) continue;
    const std::string name(tag.name);
    out += "  <" + name + ">" + hex_offset(value) + "</" + name + ">\n";
  }
  return out + "</EnclaveConfiguration>\n";
}

// Every enclave that somebody signed with an SDK of 1.8 to 2.27. Its metadata come from its author's configuration:
// that is taken out of them, and with nothing else but the unsigned code they have to come out again, byte for byte,
// and with them the value that is signed.
TEST_F(SgxConfigVectors, EveryEnclaveIsWhatItsOwnSdkMadeOfIt) {
  std::map<std::uint64_t, int> seen;  // by the size of g_global_data
  for (const Json& e : entries_) {
    if (e.find("format")->string() != "sgx-sdk-elf") continue;
    const std::string name = e.find("file")->string();
    if (name.starts_with("gen-")) continue;  // with their own configurations above
    SCOPED_TRACE(name);
    Bytes file = *read_file(folder_ / name, 1 << 24);
    const Bytes as_signed = file;
    const SdkImage image = *SdkImage::parse(as_signed);
    const auto sdk = sdk_of(file);
    ASSERT_TRUE(sdk) << sdk.error().message();
    const SdkConfig implied = implied_config(image.copies().front(), *sdk);
    const fs::path xml = write("implied.xml", as_bytes(xml_of(implied)));
    const auto config = parse_sdk_config(*read_file(xml, 1 << 16), *sdk);
    ASSERT_TRUE(config) << config.error().message();
    EXPECT_EQ(to_json(*config).canonical(), to_json(implied).canonical());
    EXPECT_EQ(*config, implied);

    std::ranges::fill(note_of(file), std::uint8_t{0});
    const auto made = build_sdk_metadata(file, *config);
    ASSERT_TRUE(made) << made.error().message();
    Bytes wanted;
    for (const SdkMetadata& copy : image.copies()) {
      Bytes bytes(copy.bytes.begin(), copy.bytes.end());
      clear_signature(bytes, 64);
      if (config->enable_ipp_fips != 0)  // a signature too
        std::fill_n(bytes.begin() + copy.header.num<"extend_offset">() + 16, 772, std::uint8_t{0});
      wanted.insert(wanted.end(), bytes.begin(), bytes.end());
    }
    EXPECT_EQ(made->size(), wanted.size());
    const auto differs = std::ranges::mismatch(wanted, *made);
    EXPECT_TRUE(differs.in1 == wanted.end()) << "at " << differs.in1 - wanted.begin();

    // Where one bit of the code was changed, or of the hash, another value is signed.
    const bool forged = name.starts_with("neg-");
    const auto m = measure({.image = write("unsigned.so", file), .companions = {{"config", xml}}});
    ASSERT_TRUE(m) << m.error().message();
    EXPECT_EQ(m->state, State::computed);
    const std::string signed_value = to_hex(image.copies().front().sigstruct.get<"enclavehash">());
    EXPECT_EQ(to_hex(m->registers.at(0).digest) == signed_value, !forged);
    const auto with_signature = measure({.image = folder_ / name, .companions = {{"config", xml}}});
    ASSERT_TRUE(with_signature) << with_signature.error().message();
    EXPECT_EQ(with_signature->state, forged ? State::mismatch : State::equal)
        << testing::PrintToString(with_signature->problems);
    seen[global_data_of(image.copies().front()).size()]++;
  }
  const std::map<std::uint64_t, int> all{{184, 2}, {1656, 1}, {1680, 1}, {1688, 1}, {1720, 3}, {1768, 2}};
  EXPECT_EQ(seen, all);
}

}  // namespace
}  // namespace hallmark::sgx
