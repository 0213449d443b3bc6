#include "lib/tee/sgx/sdk_metadata.h"

#include <gmock/gmock.h>

#include <chrono>
#include <sstream>

#include "lib/base/files.h"
#include "lib/tee/sgx/sdk_image.h"

namespace hallmark::sgx {
namespace {

using testing::HasSubstr;

const fs::path kFolder = fs::path(HALLMARK_SOURCE_DIR) / "tests/vectors/sgx_config";

// An SDK, as an enclave names it; the versions of the copies for kEveryTag; and what three configurations measure to.
// Oracle: the signing tool built from the sources at that release's tag (`sgx_sign gendata`), given unsigned.so with
// that size of g_global_data and that version, and with the sections and dynamic entries that the tool asks for, none
// of which is loaded. The versions are those of metadata.h there.
struct Release {
  std::uint64_t size;
  std::string version, copies, defaults, every_tag, region;
};
const std::vector<Release> kSigned{
    {184, "1.8.100.37689", "1.3", "33fc795a17cb40347557af3eafedc698771c24b7f1ce5dd50931d9a18d4d822b",
     "e62b4940a55d4962aa50b3755552ae8cc6ca7ed1c2bdf7b7dff3b0c370411596", ""},
    {184, "1.9.100.39124", "1.4", "33fc795a17cb40347557af3eafedc698771c24b7f1ce5dd50931d9a18d4d822b",
     "e62b4940a55d4962aa50b3755552ae8cc6ca7ed1c2bdf7b7dff3b0c370411596", ""},
    {1488, "2.0.40950", "2.1 1.4", "20dae9c1d26656f8a2e3bb9ae2639cf6e6840a7b8728456173788cbae0c2ef42",
     "afe4df12a7eaed36016ba14b5c742b86362ed41c230b3877ad77c6cfbd933f98", ""},
    {1488, "2.1.102.43402", "2.2 2.1 1.4", "20dae9c1d26656f8a2e3bb9ae2639cf6e6840a7b8728456173788cbae0c2ef42",
     "afe4df12a7eaed36016ba14b5c742b86362ed41c230b3877ad77c6cfbd933f98", ""},
    {1488, "2.1.3.44322", "2.3 2.1 1.4", "dbeb99da59dc6a5d4b461e304f8069879765290a5183320eb738b90ed6a5e65c",
     "8896af3388920f37ee95ac86ac263a3fcac96e78f2b6eb3a1547be0cb01eb277", ""},
    {1488, "2.3.101.46683", "2.3 2.1 1.4", "dbeb99da59dc6a5d4b461e304f8069879765290a5183320eb738b90ed6a5e65c",
     "8896af3388920f37ee95ac86ac263a3fcac96e78f2b6eb3a1547be0cb01eb277", ""},
    {1488, "2.4.100.48163", "2.4 2.1 1.4", "8c6c3fabb79567e7bd156ed243c0b4538726e181c48035f6235f191a19722d9d",
     "8896af3388920f37ee95ac86ac263a3fcac96e78f2b6eb3a1547be0cb01eb277", ""},
    {1488, "2.5.100.49891", "2.4 2.1 1.4", "5ce24af92c0538d73ef34971e08c8a9a82b44f5a4e250a798192abd08779cac7",
     "92ffad61ead8bdfa4c4c18118e059723f269e86e28fb63030f12c63293b6aa5c", ""},
    {1632, "2.6.100.51363", "2.4 2.1 1.4", "d8e10f02be7fd7769d3936e47e6a5ec809cef4f3d889805853d5c8bd1e8d46ef",
     "b9662a41def5931ae1114ff15b2e5b5344faac2517ef1c2ed26eb1ed71782561", ""},
    {1648, "2.9.100.2", "2.4 2.1 1.4", "5c3b36333869da0fe626ccf46b174f31ae1a31be349a1a58e9dfaf1d94e0585e",
     "7a195e5e0012ee360086d5366df1f144722ecf2e1b6dd64b05f3f53f92f43f69", ""},
    {1656, "2.9.101", "2.4 2.1 1.4", "e7ebdb27bd5a11cb5845274d767d7e61e0f875340f511c58525c3580e5844581",
     "f33d9e44e0bd065aef581771177ad5f0eab7304e8f43796b2d447f03b5ab9cb7", ""},
    {1656, "2.13.103", "2.4 2.1 1.4", "e7ebdb27bd5a11cb5845274d767d7e61e0f875340f511c58525c3580e5844581",
     "8de6d3154a96f431e07aa1fea9ad71aa6bccb96ca0c8ef94557f4c267309bc5a", ""},
    {1680, "2.15.100", "12.4 11.4", "3a97e25ad7885d77b8e19202c3fe3a7a8822139011988c8af4b3e5b56b6aa7c5",
     "bcef395ceb8fb0e29c26d87a998f4d890b35c553e7efbf75e07b17ee54bb2304", ""},
    {1680, "2.16.100", "12.4 11.4", "3a97e25ad7885d77b8e19202c3fe3a7a8822139011988c8af4b3e5b56b6aa7c5",
     "f2bf4ff56aacaf886fc0c73e907ce39516c253169848d9b5b466f31ee09bb0f9", ""},
    {1688, "2.17.100", "12.4 11.4", "7249967a6801d2f829fc09bc1a30a813c76f19102fd6dcc10e3da9dcdb16f68d",
     "48eb44f42c953f99b0ea0005176154e8d4df6c93627d05f3a8cf231868663bd1", ""},
    {1688, "2.18.100", "13.0 11.4", "7249967a6801d2f829fc09bc1a30a813c76f19102fd6dcc10e3da9dcdb16f68d",
     "9b5b167018052cf0a0a9b1a12ae6ba82d78f69034d49fbb73a49e65202812788",
     "b2ea3f28bb3d8875bf14517541d820ab3039046cbf915e80660b5162561f5fec"},
    {1720, "2.19.100", "13.0 11.4", "44c64a36e9548afa3640e81e86dc749a7d740c77bfb64b4d643a1eee2380f813",
     "596b864ab1243530efe2e0e11ad52063c3269e4a08637beda166c399392fdd9e",
     "825ecbf0ffe7eaba30777bea6f389a6ad160c2d9052bf0e5c83ac6fb93513516"},
    {1760, "2.21.100", "13.0 11.4", "74897051254d64130d9e1477150a815f126d3d3801d6dec4196534352843310a",
     "a97b10a80380d4c346a28aa6b0d5428e9457989ce8e79d1f4b04d334044ee5bd",
     "09e90c4c35ad07ea5d0688a9314bc72b4ad58e403c11af778c30f842060025e8"},
    {1760, "2.23.100", "13.1 11.4", "74897051254d64130d9e1477150a815f126d3d3801d6dec4196534352843310a",
     "a97b10a80380d4c346a28aa6b0d5428e9457989ce8e79d1f4b04d334044ee5bd",
     "09e90c4c35ad07ea5d0688a9314bc72b4ad58e403c11af778c30f842060025e8"},
    {1760, "2.24.100", "13.2 11.5", "76a477e79d1156e4b370bc1fc740840dc6afb6e13b209effd4a55be1583b8df1",
     "97befa2515100740dff54036eced57c2f9914be999e9576c4d2aab5471a377fb",
     "7744d9da898c3dd8de0ad140594f78d444ab5f0a38910e88ef226190beca579b"},
    {1768, "2.25.100", "13.2 11.5", "ed05c6b785af3cef4e6a270fb4d85e00b03ab261a701c84e47f4b05a87391cbe",
     "c24a958e4aa887fc4a15932ba72e1ff274eedf617f3cb5708a066f093934fe98",
     "58ee22da7fac3fda78a7a5217b8e542d10f64b00c447f90f1f1e06af4816099e"},
    {1768, "2.26.100", "13.3 11.5", "ed05c6b785af3cef4e6a270fb4d85e00b03ab261a701c84e47f4b05a87391cbe",
     "c24a958e4aa887fc4a15932ba72e1ff274eedf617f3cb5708a066f093934fe98",
     "58ee22da7fac3fda78a7a5217b8e542d10f64b00c447f90f1f1e06af4816099e"},
};

// As far as the SDK knows them.
constexpr std::pair<std::string_view, std::string_view> kEveryTag[] = {
    {"ProdID", "7"},
    {"ISVSVN", "3"},
    {"ProvisionKey", "1"},
    {"DisableDebug", "1"},
    {"TCSNum", "4"},
    {"TCSMaxNum", "6"},
    {"TCSMinPool", "2"},
    {"TCSPolicy", "0"},
    {"StackMaxSize", "0x4000"},
    {"StackMinSize", "0x2000"},
    {"HeapMaxSize", "0x6000"},
    {"HeapMinSize", "0x1000"},
    {"HeapInitSize", "0x3000"},
    {"RsrvMaxSize", "0x4000"},
    {"RsrvMinSize", "0x1000"},
    {"RsrvInitSize", "0x3000"},
    {"ReservedMemMaxSize", "0x4000"},
    {"ReservedMemMinSize", "0x1000"},
    {"ReservedMemInitSize", "0x3000"},
    {"ReservedMemExecutable", "1"},
    {"MiscSelect", "1"},
    {"MiscMask", "0xfffffffe"},
    {"EnableKSS", "1"},
    {"ISVFAMILYID_L", "9"},
    {"EnclaveImageAddress", "0x1400000"},
    {"ELRangeStartAddress", "0x1000000"},
    {"ELRangeSize", "0x1000000"},
    {"PKRU", "1"},
    {"AMX", "1"},
    {"EnableAEXNotify", "1"},
};
constexpr std::string_view kRegion =
    "<EnclaveConfiguration><StackMaxSize>0x2000</StackMaxSize><StackMinSize>0x2000</StackMinSize>"
    "<UserRegionSize>0x200000</UserRegionSize><MiscSelect>1</MiscSelect></EnclaveConfiguration>";

std::string every_tag(Sdk sdk) {
  const auto tags = sdk_config_tags(sdk);
  std::string out = "<EnclaveConfiguration>";
  for (const auto& [name, value] : kEveryTag)
    if (std::ranges::find(tags, name, &SdkConfigTag::name) != tags.end())
      out.append("<").append(name).append(">").append(value).append("</").append(name).append(">");
  return out + "</EnclaveConfiguration>";
}

// What it measures to is held against its maker in tests/vectors; here is what is refused.
class SdkMetadataOf : public testing::Test {
 protected:
  // Where the dynamic symbols stand: the null entry, g_global_data, enclave_entry.
  std::size_t symbol(std::size_t index) const {
    const Elf elf = *Elf::parse(file_);
    return static_cast<std::size_t>(elf.find_section(".dynsym")->offset) + 24 * index;
  }
  template <std::unsigned_integral T>
  void store(std::size_t at, T value) {
    for (std::size_t i = 0; i < sizeof(T); i++) file_.at(at + i) = static_cast<std::uint8_t>(value >> (8 * i));
  }

  // Makes the file one of another SDK.
  void link_with(std::uint64_t size, const std::string& version) {
    store(symbol(1) + 16, size);
    std::uint64_t numbers[3] = {};
    std::istringstream text(version);
    for (char dot; std::uint64_t & n : numbers) text >> n >> dot;
    if (size < 1656) {
      std::ranges::copy("SGX_TRTS_VERSION_" + version, std::back_inserter(file_));
    } else {
      store(kGlobalDataAt, numbers[0] << 32 | numbers[1] << 16 | numbers[2]);
    }
  }

  struct Measured {
    std::string mrenclave, versions;
  };
  // What all copies of the metadata measure to.
  Result<Measured> measured(std::string_view xml) const {
    TRY(const Sdk sdk, sdk_of(file_));
    TRY(const SdkConfig config, parse_sdk_config(as_bytes(xml), sdk));
    TRY(const Bytes metadata, build_sdk_metadata(file_, config));
    TRY(const SdkImage image, SdkImage::parse(file_, metadata));
    Measured out;
    for (const SdkMetadata& copy : image.copies()) {
      TRY(const Load load, image.load(copy));
      const Trace none;
      Mrenclave hash(load.ssa_frame_size, load.size, none);
      CHECK(load.replay(hash));
      const std::string value = to_hex(hash.finish());
      out.versions += (out.versions.empty() ? "" : " ") + copy.version();
      if (!out.mrenclave.empty() && value != out.mrenclave) return fail(Fault::mismatch, copy.version());
      out.mrenclave = value;
    }
    return out;
  }

  // All that is done before the first page is hashed.
  Status prepare(const SdkConfig& config) const {
    TRY(const Bytes metadata, build_sdk_metadata(file_, config));
    TRY(const SdkImage image, SdkImage::parse(file_, metadata));
    for (const SdkMetadata& copy : image.copies()) CHECK(image.load(copy));
    return {};
  }
  std::string error(Fault fault, const SdkConfig& config = {}) const {
    const auto begin = std::chrono::steady_clock::now();
    const Status s = prepare(config);
    EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(5));
    if (s) return "was measured";
    EXPECT_EQ(s.error().fault, fault) << s.error().message();
    return s.error().message();
  }

  Bytes file_ = *read_file(kFolder / "unsigned.so", 1 << 20);
  const std::size_t kGlobalDataAt = static_cast<std::size_t>(*Elf::parse(file_)->file_offset(0x3040, 8));
};

TEST_F(SdkMetadataOf, ADefaultConfiguration) { EXPECT_TRUE(prepare({})); }

TEST_F(SdkMetadataOf, AnUnknownSdk) {
  store(symbol(1) + 16, std::uint64_t{1700});
  EXPECT_THAT(
      error(Fault::unsupported),
      AllOf(HasSubstr("g_global_data has 1700 bytes, which is that of no SDK known here, 184 (1.6 to 1.8, 1.9), "),
            HasSubstr("1768 (2.25, 2.26 and later); the enclave says that it is of SDK 2.26.100")));
}

TEST_F(SdkMetadataOf, AFileThatIsNoEnclave) {
  store(symbol(1), std::uint32_t{0});
  EXPECT_THAT(error(Fault::unsupported), HasSubstr("g_global_data, which the SDK's library defines, is missing"));
  store(symbol(1), std::uint32_t{15});
  EXPECT_THAT(error(Fault::unsupported), HasSubstr("g_global_data, which"));
  store(symbol(2), std::uint32_t{1});
  store(symbol(1), std::uint32_t{1});
  EXPECT_THAT(error(Fault::format), HasSubstr("more than one is named g_global_data"));
}

TEST_F(SdkMetadataOf, AnEntryPointThatIsNone) {
  store(symbol(2) + 8, std::uint64_t{0});
  EXPECT_THAT(error(Fault::format), HasSubstr("enclave_entry at 0x0 is no entry point"));
  store(symbol(2), std::uint32_t{0});  // then it is that of the header
  EXPECT_TRUE(prepare({}));
}

TEST_F(SdkMetadataOf, GlobalDataThatIsNotLoaded) {
  store(symbol(1) + 8, std::uint64_t{0x4000});
  EXPECT_THAT(error(Fault::format), HasSubstr("no segment puts all of g_global_data at 0x4000"));
}

TEST_F(SdkMetadataOf, SegmentsThatCannotBe) {
  const std::size_t tls = 64 + 2 * 56;
  const Bytes before = file_;
  store(tls + 48, std::uint64_t{3});
  EXPECT_THAT(error(Fault::format), HasSubstr("has the alignment 0x3"));
  file_ = before;
  store(tls + 40, UINT64_MAX - 0x5000);
  EXPECT_THAT(error(Fault::format), HasSubstr("lies outside any enclave"));
  file_ = before;
  store(tls + 40, std::uint64_t{1} << 46);  // 2^34 pages of thread-local storage
  EXPECT_THAT(error(Fault::unsupported), HasSubstr("more pages than any processor can hold"));
  file_ = before;
  store(64 + 56 + 32, std::uint64_t{file_.size() - 0x1400});  // the second segment takes in all that follows
  store(64 + 56 + 40, std::uint64_t{file_.size() - 0x1400});
  EXPECT_THAT(error(Fault::format), HasSubstr("loads .note.sgxmeta"));
}

TEST_F(SdkMetadataOf, AnEnclaveThatNoProcessorHolds) {
  for (auto size : {&SdkConfig::heap_max_size, &SdkConfig::stack_max_size, &SdkConfig::reserved_max_size,
                    &SdkConfig::user_region_size}) {
    SdkConfig c;
    c.misc_select = 1;
    for (int bits : {52, 62}) {  // 2^40 pages and more
      c.*size = std::uint64_t{1} << bits;
      EXPECT_THAT(error(Fault::unsupported, c), HasSubstr("is more pages than any processor can hold"));
    }
    c.*size = std::uint64_t{1} << 43;
    EXPECT_NE(error(Fault::unsupported, c), "");
  }
  SdkConfig c;
  c.tcs_num = c.tcs_max_num = UINT32_MAX;
  EXPECT_THAT(error(Fault::unsupported, c), HasSubstr("which no processor can hold"));
  c.tcs_num = c.tcs_max_num = 1 << 24;
  EXPECT_THAT(error(Fault::unsupported, c), HasSubstr("repeats 8 rows"));
  c.tcs_num = c.tcs_max_num = 1 << 16;
  c.stack_max_size = 1 << 24;
  EXPECT_THAT(error(Fault::unsupported, c), HasSubstr("more pages than any processor can hold"));
}

TEST_F(SdkMetadataOf, ARangeThatHasNoRoom) {
  SdkConfig c;
  c.image_address = 0x1000000;
  c.elrange_size = 0x1000000;
  c.elrange_start = 0x1000000;
  EXPECT_THAT(error(Fault::format, c), HasSubstr("does not fit an aligned range"));
}

TEST_F(SdkMetadataOf, ASecondObjectThatIsNotThere) {
  SdkConfig c;
  c.enable_ossl_fips = 1;
  EXPECT_THAT(error(Fault::unsupported, c), HasSubstr("EnableOSSLFIPS"));
}

TEST_F(SdkMetadataOf, EveryReleaseMeasuresAsItsToolSigns) {
  const Bytes before = file_;
  std::size_t seen = 0;
  for (const Release& r : kSigned) {
    SCOPED_TRACE(r.version);
    file_ = before;
    link_with(r.size, r.version);
    const auto sdk = sdk_of(file_);
    ASSERT_TRUE(sdk) << sdk.error().message();
    for (const auto& [xml, wanted] :
         {std::pair{std::string("<EnclaveConfiguration/>"), r.defaults}, std::pair{every_tag(*sdk), r.every_tag},
          std::pair{std::string(kRegion), r.region}}) {
      if (wanted.empty()) continue;
      const auto m = measured(xml);
      ASSERT_TRUE(m) << m.error().message();
      EXPECT_EQ(m->mrenclave, wanted) << xml;
      if (wanted == r.every_tag) {
        EXPECT_EQ(m->versions, r.copies);
      }
    }
    seen++;
  }
  EXPECT_EQ(seen + 1, sdk_releases().size());  // 2.18.1 has a test of its own
}

// The loaders before SDK 1.9 put a page behind the last segment here, and the tool leaves room for it. Oracle: as
// above.
TEST_F(SdkMetadataOf, APageBehindTheLastSegment) {
  const std::size_t segment = 64 + 56;
  for (std::size_t at : {segment + 16, segment + 24}) store(at, std::uint64_t{0x3e00});
  store(segment + 40, std::uint64_t{0x1100});
  store(symbol(1) + 8, std::uint64_t{0x3e40});
  const Bytes before = file_;
  for (auto [version, wanted] :
       {std::pair{"1.6.100.34922", "69e2fa71cd17ab07f7e311f2275a89a5f3cbbac8bb608f516dfd9f4213da6ad4"},
        std::pair{"1.9.100.39124", "e00678bcc511526efe58a86ff237ce6337b2a5f685602d21cc51029c2c5fb0fe"}}) {
    file_ = before;
    link_with(184, version);
    const auto m = measured("<EnclaveConfiguration/>");
    ASSERT_TRUE(m) << m.error().message();
    EXPECT_EQ(m->mrenclave, wanted) << version;
  }
}

// Files of this version have more rows than its published sources, so those do not say how it signs for SGX 2.
TEST_F(SdkMetadataOf, WhatNoSourceSaysIsRefused) {
  link_with(1720, "2.18.101");
  EXPECT_EQ(*sdk_of(file_), Sdk::v2_18_1);
  // For SGX 1 it is as 2.19.
  EXPECT_EQ(measured("<EnclaveConfiguration/>")->mrenclave,
            std::ranges::find(kSigned, "2.19.100", &Release::version)->defaults);
  const auto m = measured(kRegion);
  ASSERT_FALSE(m);
  EXPECT_EQ(m.error().fault, Fault::unsupported);
  EXPECT_THAT(m.error().message(), HasSubstr("an SDK between 2.18 and 2.19"));
}

// Oracle: STRFILEVER and VERSION_UINT in se_version.h at the tags.
TEST_F(SdkMetadataOf, AVersionDecidesBetweenReleasesOfOneSize) {
  const Bytes before = file_;
  for (auto [size, version, sdk] : {
           std::tuple{184u, "1.7.100.36470", Sdk::v1_6},
           std::tuple{1488u, "2.1.42002", Sdk::v2_1},
           std::tuple{1488u, "2.1.101.42529", Sdk::v2_1},
           std::tuple{1488u, "2.1.3.44322", Sdk::v2_1_3},
           std::tuple{1488u, "2.2.100.45311", Sdk::v2_1_3},
           std::tuple{1488u, "2.3.100.46354", Sdk::v2_3},
           std::tuple{1632u, "2.7.100.4", Sdk::v2_6},
           std::tuple{1648u, "2.8.100.3", Sdk::v2_8},
           std::tuple{1656u, "2.12.100", Sdk::v2_10},
           std::tuple{1680u, "2.14.100", Sdk::v2_14},
           std::tuple{1688u, "2.17.101", Sdk::v2_17},
           std::tuple{1720u, "2.19.90", Sdk::v2_18_1},
           std::tuple{1760u, "2.20.100", Sdk::v2_20},
           std::tuple{1768u, "2.28.100", Sdk::v2_26},
       }) {
    file_ = before;
    link_with(size, version);
    EXPECT_EQ(*sdk_of(file_), sdk) << version;
  }
}

TEST_F(SdkMetadataOf, AVersionThatDoesNotFitIsRefused) {
  const Bytes before = file_;
  const auto refused = [&](std::uint64_t size, const std::string& version, Fault fault = Fault::unsupported) {
    file_ = before;
    link_with(size, version);
    const auto sdk = sdk_of(file_);
    if (sdk) return std::string("was taken");
    EXPECT_EQ(sdk.error().fault, fault) << sdk.error().message();
    return sdk.error().message();
  };
  EXPECT_THAT(refused(1768, "2.24.100"), HasSubstr("has 1768 bytes, which is that of SDK 2.25, 2.26 and later; the "
                                                   "enclave says that it is of SDK 2.24.100"));
  EXPECT_THAT(refused(1632, "2.5.100.49891"), HasSubstr("SDK 2.6 and 2.7; the enclave says that it is of SDK 2.5.100"));
  EXPECT_THAT(refused(192, "1.9.100.39124"), HasSubstr("that of no SDK known here"));
  EXPECT_THAT(refused(1488, "x"), HasSubstr("SDK 2.0, 2.1 to 2.1.2, 2.1.3 and 2.2, 2.3, 2.4, 2.5; they sign "
                                            "differently, and no SGX_TRTS_VERSION_ in the file says which of them"));
  EXPECT_THAT(refused(184, "1.99999.1"), HasSubstr("and no SGX_TRTS_VERSION_"));
  EXPECT_THAT(refused(1488, std::string("2.4.100.1\0SGX_TRTS_VERSION_2.5.100.1", 36), Fault::format),
              HasSubstr("names SDK 2.5.100, another one 2.4.100"));
  // One release alone has this size: it needs no version.
  file_ = before;
  store(symbol(1) + 16, std::uint64_t{1632});
  EXPECT_EQ(*sdk_of(file_), Sdk::v2_6);
}

TEST_F(SdkMetadataOf, AConfigurationIsForOneSdk) {
  SdkConfig c;
  c.sdk = Sdk::v2_25;
  EXPECT_THAT(error(Fault::usage, c), HasSubstr("configuration: is one for SDK 2.25, and the enclave is of SDK 2.26"));
}

// What the SDKs have of g_global_data adds up to its size in each.
TEST(SdkReleases, GapsLeaveTheSizeOfGlobalData) {
  for (const SdkRelease& r : sdk_releases()) {
    std::uint64_t size = kGlobalData.size;
    for (const GlobalDataGap& g : global_data_gaps())
      if (r.size < g.since) size -= g.size;
    EXPECT_EQ(size, r.size) << r.name;
  }
}

TEST_F(SdkMetadataOf, NoCutFileIsTooMuch) {
  const Bytes whole = file_;
  for (std::size_t size = 0; size < whole.size(); size += 13) {
    file_.assign(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
    EXPECT_FALSE(prepare({})) << size;
  }
}

}  // namespace
}  // namespace hallmark::sgx
