#include "lib/tee/sgx/sdk_config.h"

#include <gmock/gmock.h>

#include "lib/tee/sgx/sigstruct.h"

namespace hallmark::sgx {
namespace {

using testing::HasSubstr;

Result<SdkConfig> parse(std::string_view xml, Sdk sdk = kNewestSdk) { return parse_sdk_config(as_bytes(xml), sdk); }

// Line 1 is the root's tag, and the elements begin in line 2.
Result<SdkConfig> parse_elements(const std::string& elements, Sdk sdk = kNewestSdk) {
  return parse("<EnclaveConfiguration>\n" + elements + "\n</EnclaveConfiguration>\n", sdk);
}

std::string error(const Result<SdkConfig>& r) {
  if (r) return "was read";
  EXPECT_EQ(r.error().fault, Fault::format);
  return r.error().message();
}

// Oracle: the table of defaults in sign_tool.cpp of linux-sgx 2.26, and check_xml_parameter() beside it for the three
// that follow another value.
TEST(SdkConfig, WhatIsLeftOutHasTheToolsDefault) {
  const SdkConfig c = *parse("<EnclaveConfiguration/>");
  EXPECT_EQ(c, SdkConfig{});
  const SdkConfig other = *parse_elements("<HeapMaxSize>0x5000</HeapMaxSize><TCSNum>4</TCSNum>");
  EXPECT_EQ(other.heap_init_size, 0x5000u);
  EXPECT_EQ(other.tcs_max_num, 4u);
  EXPECT_EQ(parse_elements("<ReservedMemMaxSize>0x3000</ReservedMemMaxSize>")->reserved_init_size, 0x3000u);
}

// Oracle: the same table at the tags before and after a change.
TEST(SdkConfig, EveryToolHasItsOwnTags) {
  for (auto [sdk, count] :
       {std::pair{Sdk::v1_6, 14u}, std::pair{Sdk::v2_0, 19u}, std::pair{Sdk::v2_3, 19u}, std::pair{Sdk::v2_4, 24u},
        std::pair{Sdk::v2_6, 27u}, std::pair{Sdk::v2_8, 28u}, std::pair{Sdk::v2_14, 31u}, std::pair{Sdk::v2_16, 32u},
        std::pair{Sdk::v2_18, 34u}, std::pair{Sdk::v2_20, 35u}, std::pair{Sdk::v2_24, 35u}, std::pair{Sdk::v2_25, 36u},
        std::pair{Sdk::v2_26, 37u}}) {
    const auto tags = sdk_config_tags(sdk);
    EXPECT_EQ(tags.size(), count);
    for (const SdkConfigTag& tag : tags)
      EXPECT_EQ(std::ranges::count(tags, tag.name, &SdkConfigTag::name), 1) << tag.name;
    EXPECT_EQ(to_json(*parse("<EnclaveConfiguration/>", sdk)).members().size(), count);
  }
  EXPECT_EQ(parse_elements("<RsrvMaxSize>0x3000</RsrvMaxSize>", Sdk::v2_6)->reserved_init_size, 0x3000u);
  for (auto [element, sdk, name] : {std::tuple{"<EnableKSS>1</EnableKSS>", Sdk::v2_3, "2.3"},
                                    std::tuple{"<RsrvMaxSize>0</RsrvMaxSize>", Sdk::v2_8, "2.8 and 2.9"},
                                    std::tuple{"<StackMinSize>0x2000</StackMinSize>", Sdk::v1_9, "1.9"},
                                    std::tuple{"<EnableIPPFIPS>1</EnableIPPFIPS>", Sdk::v2_24, "2.24"}})
    EXPECT_THAT(error(parse_elements(element, sdk)),
                HasSubstr(std::string("is no tag of the signing tool of SDK ") + name));
}

// Oracle: as above, and metadata.h for the numbers.
TEST(SdkConfig, DefaultsAreThoseOfTheSdk) {
  const SdkConfig sdk1 = *parse_elements("<TCSNum>3</TCSNum><StackMaxSize>0x1000</StackMaxSize>", Sdk::v1_6);
  EXPECT_EQ(sdk1.heap_max_size, 0x100000u);
  EXPECT_EQ(sdk1.heap_min_size, 0x100000u);
  EXPECT_EQ(sdk1.heap_init_size, 0x100000u);
  EXPECT_EQ(sdk1.stack_min_size, 0x1000u);
  EXPECT_EQ(sdk1.tcs_max_num, 3u);
  EXPECT_EQ(parse("<EnclaveConfiguration/>", Sdk::v2_3)->stack_min_size, 0x1000u);
  EXPECT_EQ(parse("<EnclaveConfiguration/>", Sdk::v2_4)->stack_min_size, 0x2000u);
  EXPECT_THAT(error(parse_elements("<StackMinSize>0x1000</StackMinSize>", Sdk::v2_4)),
              HasSubstr("allowed are 0x2000 to"));
}

TEST(SdkConfig, EveryTagIsRead) {
  std::string all = "<?xml version=\"1.0\"?>\n<!-- made -->\n<EnclaveConfiguration>\n<!-- all -->\n";
  for (const SdkConfigTag& tag : sdk_config_tags()) {
    std::string value = tag.max == 1 ? "1" : tag.is == SdkConfigTag::Is::size ? "0x4000" : "0x7";
    if (tag.name == "PKRU" || tag.name == "AMX") value = "2";
    if (tag.name == "EnableIPPFIPS") value = "0";
    if (tag.name == "ELRangeStartAddress") value = "0";
    all += "  <" + std::string(tag.name) + ">" + value + "</" + std::string(tag.name) + ">\n";
  }
  auto c = parse(all + "</EnclaveConfiguration>");
  ASSERT_TRUE(c) << c.error().message();
  EXPECT_EQ(c->isv_svn, 7u);
  EXPECT_EQ(c->image_address, 0x4000u);
  EXPECT_EQ(c->enable_ossl_fips, 1u);
  const Json json = to_json(*c);
  EXPECT_EQ(json.members().size(), 37u);
  EXPECT_EQ(json.find("TCSNum")->integer(), 7);
  EXPECT_EQ(json.find("HeapMaxSize")->string(), "0x4000");
  EXPECT_EQ(json.find("MiscMask")->string(), "0x7");
}

// Oracle: strtoull(3) with base 0.
TEST(SdkConfig, NumbersAreThoseOfStrtoull) {
  for (auto [text, value] : {std::pair{"12", 12u}, std::pair{"0xFf", 255u}, std::pair{"0Xff", 255u},
                             std::pair{"010", 8u}, std::pair{"0", 0u}, std::pair{"\n  7", 7u}, std::pair{"+7", 7u},
                             std::pair{"&#x37;", 7u}, std::pair{"&#55;", 7u}})
    EXPECT_EQ(parse_elements("<ProdID>" + std::string(text) + "</ProdID>")->prod_id, value) << text;
  for (const char* text :
       {"7 ", "-1", "0x", "08", "1.0", "x", "+", "++1", "18446744073709551616", "0x10000000000000000", "1e3", "&lt;"})
    EXPECT_THAT(error(parse_elements("<ISVFAMILYID_L>" + std::string(text) + "</ISVFAMILYID_L>")),
                HasSubstr("line 2: ISVFAMILYID_L: \""))
        << text;
  EXPECT_EQ(
      parse_elements("<EnableKSS>1</EnableKSS><ISVFAMILYID_L>18446744073709551615</ISVFAMILYID_L>")->family_id_low,
      UINT64_MAX);
}

TEST(SdkConfig, ARefusalNamesTagAndLine) {
  for (auto [elements, why] : {
           std::pair{"<ProdID>1</ProdID>\n\n<Prodid>1</Prodid>", "line 4: <Prodid> is no tag of the signing tool"},
           std::pair{"<HW>0</HW>\n<HW>0</HW>", "line 3: HW: stands in line 2 already"},
           std::pair{"<ProdID>65536</ProdID>", "line 2: ProdID: is 65536, allowed are 0 to 65535"},
           std::pair{"<TCSNum>0</TCSNum>", "line 2: TCSNum: is 0, allowed are 1 to 4294967295"},
           std::pair{"<AMX>3</AMX>", "line 2: AMX: is 3, allowed are 0 to 2"},
           std::pair{"<StackMinSize>0x1000</StackMinSize>", "line 2: StackMinSize: is 0x1000, allowed are 0x2000 to"},
           std::pair{"<HeapMaxSize>0x1001</HeapMaxSize>", "line 2: HeapMaxSize: is 0x1001, no multiple of 0x1000"},
           std::pair{"<UserRegionSize>1</UserRegionSize>", "line 2: UserRegionSize: is 0x1, no multiple"},
           std::pair{"<ProdID/>", "line 2: ProdID: has no value"},
           std::pair{"<ProdID> </ProdID>", "line 2: ProdID: has no value"},
           std::pair{"<ProdID a='1'>1</ProdID>", "line 2: ProdID: has attributes"},
           std::pair{"<ProdID>1<!-- x -->2</ProdID>", "line 2: ProdID: holds something else"},
           std::pair{"<ProdID><x>1</x></ProdID>", "line 2: ProdID: holds something else"},
           std::pair{"<ProdID><![CDATA[1]]></ProdID>", "line 2: ProdID: holds something else"},
           std::pair{"<ProdID>1</ProdID>\nx", "line 3: text between the elements"},
           std::pair{"\n<StackMaxSize>0x2000</StackMaxSize>\n<StackMinSize>0x3000</StackMinSize>",
                     "line 4: StackMinSize 0x3000 is more than StackMaxSize 0x2000"},
           std::pair{"<HeapMaxSize>0</HeapMaxSize>", "line 2: HeapMinSize 0x1000 is more than HeapInitSize 0x0"},
           std::pair{"<HeapInitSize>0x2000000</HeapInitSize>",
                     "line 2: HeapInitSize 0x2000000 is more than HeapMaxSize"},
           std::pair{"<ReservedMemMinSize>0x1000</ReservedMemMinSize>",
                     "line 2: ReservedMemMinSize 0x1000 is more than"},
           std::pair{"<TCSNum>3</TCSNum><TCSMaxNum>2</TCSMaxNum>", "line 2: TCSNum 3 is more than TCSMaxNum 2"},
           std::pair{"<TCSMinPool>2</TCSMinPool>", "line 2: TCSMinPool 2 is more than TCSMaxNum 1"},
           std::pair{"<LaunchKey>1</LaunchKey>", "line 2: HW and LaunchKey"},
           std::pair{"<HW>1</HW>", "line 2: HW and LaunchKey"},
           std::pair{"<ISVEXTPRODID_H>1</ISVEXTPRODID_H>", "line 2: ISVEXTPRODID_H 0x1 needs EnableKSS"},
           std::pair{"<ELRangeStartAddress>0</ELRangeStartAddress>",
                     "line 2: ELRangeStartAddress 0x0 needs ELRangeSize"},
           std::pair{"<ELRangeSize>0x3000</ELRangeSize>", "line 2: ELRangeSize 0x3000 is no power of two"},
           std::pair{"<ELRangeSize>0x4000</ELRangeSize><ELRangeStartAddress>0x1000</ELRangeStartAddress>",
                     "line 2: ELRangeStartAddress 0x1000 is no multiple of ELRangeSize"},
           std::pair{"<ELRangeSize>0x4000</ELRangeSize><ELRangeStartAddress>0x4000</ELRangeStartAddress>",
                     "line 2: ELRangeStartAddress 0x4000 is more than EnclaveImageAddress 0x0"},
           std::pair{"<EnableIPPFIPS>1</EnableIPPFIPS><EnableOSSLFIPS>1</EnableOSSLFIPS>", "exclude each other"},
           std::pair{"<UserRegionSize>0x1000</UserRegionSize><MiscSelect>1</MiscSelect><MiscMask>0</MiscMask>",
                     "line 2: UserRegionSize needs bit 0"},
       })
    EXPECT_THAT(error(parse_elements(elements)), HasSubstr(why)) << elements;
}

TEST(SdkConfig, WhatIsNoConfiguration) {
  for (const char* xml : {"", "x", "<EnclaveConfiguration>", "<Enclave/>",
                          "<EnclaveConfiguration/><EnclaveConfiguration/>", "<EnclaveConfiguration a='1'/>",
                          "<EnclaveConfiguration/>x", "<!-- only -->", "<!DOCTYPE x><EnclaveConfiguration/>"})
    EXPECT_THAT(error(parse(xml)), HasSubstr("configuration: line ")) << xml;
  EXPECT_THAT(error(parse(std::string_view("<EnclaveConfiguration/>\0", 24))), HasSubstr("holds a NUL"));
  EXPECT_THAT(error(parse(std::string(100'000, ' '))), HasSubstr("has 100000 bytes"));
}

TEST(SdkConfig, NeitherEntitiesNorDepthCostAnything) {
  EXPECT_THAT(error(parse("<!DOCTYPE l [<!ENTITY a \"aaaa\"><!ENTITY b \"&a;&a;&a;\">]>"
                          "<EnclaveConfiguration><ProdID>&b;</ProdID></EnclaveConfiguration>")),
              HasSubstr("configuration: line "));
  EXPECT_THAT(error(parse_elements("<ProdID>&b;</ProdID>")), HasSubstr("is no number"));
  std::string deep;
  for (int i = 0; i < 10'000; i++) deep += "<a>";
  EXPECT_THAT(error(parse("<EnclaveConfiguration>" + deep)), HasSubstr("is not well-formed XML"));
}

// Oracle: the SIGSTRUCT that sgx_sign 2.26 made of these values.
TEST(SdkConfig, SigstructSaysWhatTheToolSays) {
  const SdkConfig c = *parse_elements(
      "<ProdID>7</ProdID><ISVSVN>3</ISVSVN><EnableKSS>1</EnableKSS><ISVFAMILYID_H>1</ISVFAMILYID_H>"
      "<ISVFAMILYID_L>2</ISVFAMILYID_L><ISVEXTPRODID_H>3</ISVEXTPRODID_H><ISVEXTPRODID_L>4</ISVEXTPRODID_L>"
      "<EnableAEXNotify>1</EnableAEXNotify><AMX>1</AMX><PKRU>2</PKRU><DisableDebug>1</DisableDebug>"
      "<ProvisionKey>1</ProvisionKey>");
  DigestOf<Alg::sha256> mrenclave;
  mrenclave.fill(0xab);
  const Bytes bytes = unsigned_sigstruct(c, mrenclave, 0x20261122);
  const Sigstruct s = *parse_sigstruct(bytes);
  EXPECT_EQ(policy_of(s).canonical(),
            "{\"attributes\":\"0x0000000000000494\",\"attributes_mask\":\"0xff00ffffffffffff\","
            "\"debug_launchable\":false,\"misc_mask\":\"0xffffffff\",\"misc_select\":\"0x00000000\","
            "\"xfrm\":\"0x0000000000060003\",\"xfrm_mask\":\"0xfffffffffffffd1b\"}");
  EXPECT_EQ(to_hex(s.get<"isvfamilyid">()), "02000000000000000100000000000000");
  EXPECT_EQ(to_hex(s.get<"isvextprodid">()), "04000000000000000300000000000000");
  EXPECT_EQ(s.num<"isvprodid">(), 7);
  EXPECT_EQ(s.num<"isvsvn">(), 3);
  EXPECT_EQ(s.num<"date">(), 0x20261122u);
  EXPECT_EQ(to_hex(s.get<"enclavehash">()), to_hex(mrenclave));
  for (std::size_t at : {128u, 516u, 1040u, 1424u})
    EXPECT_EQ(to_hex(ByteView(bytes).subspan(at, 384)), std::string(768, '0'));
}

// Oracle: as above, for a configuration that leaves debugging open and wants SGX 2 where there is one.
TEST(SdkConfig, DebuggingStaysOpenUnlessItIsForbidden) {
  const Bytes bytes =
      unsigned_sigstruct(*parse_elements("<MiscSelect>1</MiscSelect><MiscMask>0xFFFFFFFE</MiscMask>"), {}, 0);
  const Sigstruct s = *parse_sigstruct(bytes);
  EXPECT_TRUE(debug_launchable(s));
  EXPECT_EQ(s.num<"attributes">(), 4u);
  EXPECT_EQ(s.num<"attributes_mask">(), 0xff00fffffffffffdu);
  EXPECT_EQ(s.num<"xfrm_mask">(), 0xffffffffffffff1bu);
  EXPECT_EQ(s.num<"miscselect">(), 0u);
  EXPECT_EQ(s.num<"miscmask">(), 0xfffffffeu);
}

// Oracle: the SIGSTRUCTs that the tools at the tags made of the same values.
TEST(SdkConfig, OlderToolsAskForLess) {
  const auto policy = [](Sdk sdk) {
    const Bytes bytes =
        unsigned_sigstruct(*parse_elements("<MiscSelect>1</MiscSelect><MiscMask>0xFFFFFFFE</MiscMask>", sdk), {}, 0);
    return policy_of(*parse_sigstruct(bytes));
  };
  for (auto [sdk, key, value] :
       {std::tuple{Sdk::v2_4, "xfrm_mask", "0xfffffffffffffffb"},
        std::tuple{Sdk::v2_5, "xfrm_mask", "0xffffffffffffff1b"},
        std::tuple{Sdk::v2_17, "attributes_mask", "0xfffffffffffffffd"},
        std::tuple{Sdk::v2_18, "attributes_mask", "0xff00fffffffffffd"},
        std::tuple{Sdk::v2_20, "misc_select", "0x00000001"}, std::tuple{Sdk::v2_22, "misc_select", "0x00000000"}})
    EXPECT_EQ(policy(sdk).find(key)->string(), value);
}

}  // namespace
}  // namespace hallmark::sgx
