#include "lib/tee/sgx/sdk_config.h"

#include <tinyxml2.h>

#include <limits>

#include "lib/tee/sgx/load.h"
#include "lib/tee/sgx/sigstruct.h"

namespace hallmark::sgx {
namespace {

using Is = SdkConfigTag::Is;

// Real ones have a thousand bytes.
constexpr std::size_t kMaxXml = std::size_t{64} << 10;
constexpr std::uint64_t kMaxFile = std::uint64_t{1} << 20;

constexpr std::uint64_t kBytes = UINT64_MAX / 2, kU32 = UINT32_MAX;

// Names, ranges and order are those of the tools' own table (sign_tool.cpp). In none of them two rows have a name.
constexpr std::array kTags{
    SdkConfigTag{"ProdID", 0, 0xffff, &SdkConfig::prod_id},
    SdkConfigTag{"ISVSVN", 0, 0xffff, &SdkConfig::isv_svn},
    SdkConfigTag{"ReleaseType", 0, 1, &SdkConfig::release_type},
    SdkConfigTag{"IntelSigned", 0, 1, &SdkConfig::intel_signed},
    SdkConfigTag{"ProvisionKey", 0, 1, &SdkConfig::provision_key},
    SdkConfigTag{"LaunchKey", 0, 1, &SdkConfig::launch_key},
    SdkConfigTag{"DisableDebug", 0, 1, &SdkConfig::disable_debug},
    SdkConfigTag{"HW", 0, 0x10, &SdkConfig::hw},
    SdkConfigTag{"TCSNum", 1, kU32, &SdkConfig::tcs_num},
    SdkConfigTag{"TCSMaxNum", 1, kU32, &SdkConfig::tcs_max_num, Is::number, Sdk::v2_0},
    SdkConfigTag{"TCSMinPool", 0, kU32, &SdkConfig::tcs_min_pool, Is::number, Sdk::v2_0},
    SdkConfigTag{"TCSPolicy", 0, 1, &SdkConfig::tcs_policy},
    SdkConfigTag{"StackMaxSize", 0x1000, kBytes, &SdkConfig::stack_max_size, Is::size, Sdk::v1_6, Sdk::v2_3},
    SdkConfigTag{"StackMaxSize", 0x2000, kBytes, &SdkConfig::stack_max_size, Is::size, Sdk::v2_4},
    SdkConfigTag{"StackMinSize", 0x1000, kBytes, &SdkConfig::stack_min_size, Is::size, Sdk::v2_0, Sdk::v2_3},
    SdkConfigTag{"StackMinSize", 0x2000, kBytes, &SdkConfig::stack_min_size, Is::size, Sdk::v2_4},
    SdkConfigTag{"HeapMaxSize", 0, kBytes, &SdkConfig::heap_max_size, Is::size},
    SdkConfigTag{"HeapMinSize", 0, kBytes, &SdkConfig::heap_min_size, Is::size, Sdk::v2_0},
    SdkConfigTag{"HeapInitSize", 0, kBytes, &SdkConfig::heap_init_size, Is::size, Sdk::v2_0},
    SdkConfigTag{"RsrvMaxSize", 0, kBytes, &SdkConfig::reserved_max_size, Is::size, Sdk::v2_6, Sdk::v2_6},
    SdkConfigTag{"RsrvMinSize", 0, kBytes, &SdkConfig::reserved_min_size, Is::size, Sdk::v2_6, Sdk::v2_6},
    SdkConfigTag{"RsrvInitSize", 0, kBytes, &SdkConfig::reserved_init_size, Is::size, Sdk::v2_6, Sdk::v2_6},
    SdkConfigTag{"ReservedMemMaxSize", 0, kBytes, &SdkConfig::reserved_max_size, Is::size, Sdk::v2_8},
    SdkConfigTag{"ReservedMemMinSize", 0, kBytes, &SdkConfig::reserved_min_size, Is::size, Sdk::v2_8},
    SdkConfigTag{"ReservedMemInitSize", 0, kBytes, &SdkConfig::reserved_init_size, Is::size, Sdk::v2_8},
    SdkConfigTag{"ReservedMemExecutable", 0, 1, &SdkConfig::reserved_executable, Is::number, Sdk::v2_8},
    SdkConfigTag{"MiscSelect", 0, kU32, &SdkConfig::misc_select, Is::mask},
    SdkConfigTag{"MiscMask", 0, kU32, &SdkConfig::misc_mask, Is::mask},
    SdkConfigTag{"EnableKSS", 0, 1, &SdkConfig::enable_kss, Is::number, Sdk::v2_4},
    SdkConfigTag{"ISVFAMILYID_H", 0, UINT64_MAX, &SdkConfig::family_id_high, Is::mask, Sdk::v2_4},
    SdkConfigTag{"ISVFAMILYID_L", 0, UINT64_MAX, &SdkConfig::family_id_low, Is::mask, Sdk::v2_4},
    SdkConfigTag{"ISVEXTPRODID_H", 0, UINT64_MAX, &SdkConfig::ext_prod_id_high, Is::mask, Sdk::v2_4},
    SdkConfigTag{"ISVEXTPRODID_L", 0, UINT64_MAX, &SdkConfig::ext_prod_id_low, Is::mask, Sdk::v2_4},
    SdkConfigTag{"EnclaveImageAddress", 0x1000, UINT64_MAX, &SdkConfig::image_address, Is::size, Sdk::v2_14},
    SdkConfigTag{"ELRangeStartAddress", 0, UINT64_MAX, &SdkConfig::elrange_start, Is::size, Sdk::v2_14},
    SdkConfigTag{"ELRangeSize", 0x1000, UINT64_MAX, &SdkConfig::elrange_size, Is::size, Sdk::v2_14},
    SdkConfigTag{"PKRU", 0, 2, &SdkConfig::pkru, Is::number, Sdk::v2_16},
    SdkConfigTag{"AMX", 0, 2, &SdkConfig::amx, Is::number, Sdk::v2_18},
    SdkConfigTag{"UserRegionSize", 0, kBytes, &SdkConfig::user_region_size, Is::size, Sdk::v2_18},
    SdkConfigTag{"EnableAEXNotify", 0, 1, &SdkConfig::enable_aex_notify, Is::number, Sdk::v2_20},
    SdkConfigTag{"EnableIPPFIPS", 0, 1, &SdkConfig::enable_ipp_fips, Is::number, Sdk::v2_25},
    SdkConfigTag{"EnableOSSLFIPS", 0, 1, &SdkConfig::enable_ossl_fips, Is::number, Sdk::v2_26},
};

constexpr bool knows(Sdk sdk, const SdkConfigTag& tag) { return tag.from <= sdk && sdk <= tag.last; }

using Value = std::uint64_t SdkConfig::*;

// In which line each value was given; 0 where it was not.
class Lines {
 public:
  int& operator[](Value value) { return lines_[index_of(value)]; }
  int operator[](Value value) const { return lines_[index_of(value)]; }

 private:
  // The first row with the value stands for all.
  static std::size_t index_of(Value value) {
    return static_cast<std::size_t>(std::ranges::find(kTags, value, &SdkConfigTag::value) - kTags.begin());
  }
  std::array<int, kTags.size()> lines_{};
};

Failure wrong(int line, std::string what) {
  return fail(Fault::format, "configuration: line " + std::to_string(line) + ": " + std::move(what));
}

// The numbers of C's strtoull() with base 0, which is what the signing tool calls: leading blanks and a plus sign may
// stand before them, 0x means hexadecimal and a leading 0 octal. Unlike there nothing may wrap, and no sign is minus.
std::optional<std::uint64_t> number(std::string_view text) {
  text.remove_prefix(std::min(text.find_first_not_of(" \t\n\v\f\r"), text.size()));
  if (text.starts_with('+')) text.remove_prefix(1);
  std::uint64_t base = 10;
  if (text.starts_with("0x") || text.starts_with("0X")) {
    base = 16;
    text.remove_prefix(2);
  } else if (text.starts_with('0')) {
    base = 8;
  }
  if (text.empty()) return std::nullopt;
  std::uint64_t out = 0;
  for (const char c : text) {
    const int digit = c >= '0' && c <= '9'   ? c - '0'
                      : c >= 'a' && c <= 'f' ? c - 'a' + 10
                      : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                             : 16;
    const auto product = checked_mul(out, base);
    const auto sum = product ? checked_add(*product, static_cast<std::uint64_t>(digit)) : std::nullopt;
    if (static_cast<std::uint64_t>(digit) >= base || !sum) return std::nullopt;
    out = *sum;
  }
  return out;
}

std::string spell(const SdkConfigTag& tag, std::uint64_t value) {
  return tag.is == Is::number ? std::to_string(value) : hex_offset(value);
}

// One number and nothing else. The tool overlooks what stands behind the number; here it is an error.
Result<std::string_view> only_text(const tinyxml2::XMLElement& element, const std::string& what) {
  const tinyxml2::XMLNode* child = element.FirstChild();
  if (element.FirstAttribute() != nullptr) return wrong(element.GetLineNum(), what + ": has attributes");
  if (child == nullptr) return wrong(element.GetLineNum(), what + ": has no value");
  if (child->NextSibling() != nullptr || child->ToText() == nullptr || child->ToText()->CData())
    return wrong(element.GetLineNum(), what + ": holds something else than one number");
  return std::string_view(child->Value());
}

Status read_tag(const tinyxml2::XMLElement& element, SdkConfig& config, Lines& lines) {
  const std::string_view name = element.Name();
  const int line = element.GetLineNum();
  const std::string what(name.substr(0, 64));
  const auto tag = std::ranges::find_if(kTags, [&](const auto& t) { return t.name == name && knows(config.sdk, t); });
  if (tag == kTags.end())
    return wrong(line,
                 "<" + what + "> is no tag of the signing tool of SDK " + std::string(release_of(config.sdk).name));
  int& given = lines[tag->value];
  if (given != 0) return wrong(line, what + ": stands in line " + std::to_string(given) + " already");
  given = line;
  TRY(const std::string_view text, only_text(element, what));
  const auto value = number(text);
  if (!value) return wrong(line, what + ": \"" + std::string(text.substr(0, 64)) + "\" is no number below 2^64");
  if (*value < tag->min || *value > tag->max)
    return wrong(line, what + ": is " + spell(*tag, *value) + ", allowed are " + spell(*tag, tag->min) + " to " +
                           spell(*tag, tag->max));
  if (tag->is == Is::size && !is_page_aligned(*value))
    return wrong(line, what + ": is " + spell(*tag, *value) + ", no multiple of 0x1000");
  config.*tag->value = *value;
  return {};
}

// The rules between tags. A refusal names the line of a tag that was given.
class Rules {
 public:
  Rules(const SdkConfig& config, const Lines& lines) : config_(config), lines_(lines) {}

  bool given(Value v) const { return lines_[v] != 0; }

  Status at_most(Value small, Value large) const {
    if (config_.*small <= config_.*large) return {};
    return fails(small, large, text(small) + " is more than " + text(large));
  }
  Status fails(Value a, Value b, std::string why) const {
    return wrong(std::max(lines_[a], lines_[b]), std::move(why));
  }
  std::string text(Value v) const {
    const SdkConfigTag& tag =
        *std::ranges::find_if(kTags, [&](const auto& t) { return t.value == v && knows(config_.sdk, t); });
    return std::string(tag.name) + " " + spell(tag, config_.*v);
  }

 private:
  const SdkConfig& config_;
  const Lines& lines_;
};

Status check_rules(const SdkConfig& c, const Lines& lines) {
  const Rules rules(c, lines);
  CHECK(rules.at_most(&SdkConfig::stack_min_size, &SdkConfig::stack_max_size));
  CHECK(rules.at_most(&SdkConfig::heap_init_size, &SdkConfig::heap_max_size));
  CHECK(rules.at_most(&SdkConfig::heap_min_size, &SdkConfig::heap_init_size));
  CHECK(rules.at_most(&SdkConfig::reserved_init_size, &SdkConfig::reserved_max_size));
  CHECK(rules.at_most(&SdkConfig::reserved_min_size, &SdkConfig::reserved_init_size));
  CHECK(rules.at_most(&SdkConfig::tcs_num, &SdkConfig::tcs_max_num));
  if (rules.given(&SdkConfig::tcs_min_pool)) CHECK(rules.at_most(&SdkConfig::tcs_min_pool, &SdkConfig::tcs_max_num));
  if ((c.hw != 0) != (c.launch_key != 0))
    return rules.fails(&SdkConfig::hw, &SdkConfig::launch_key,
                       "HW and LaunchKey are for launch enclaves, which have both");
  for (auto id : {&SdkConfig::family_id_high, &SdkConfig::family_id_low, &SdkConfig::ext_prod_id_high,
                  &SdkConfig::ext_prod_id_low})
    if (c.*id != 0 && c.enable_kss == 0) return rules.fails(id, id, rules.text(id) + " needs EnableKSS");
  for (auto address : {&SdkConfig::image_address, &SdkConfig::elrange_start})
    if (rules.given(address) && !rules.given(&SdkConfig::elrange_size))
      return rules.fails(address, address, rules.text(address) + " needs ELRangeSize");
  if (c.elrange_size != 0) {
    if (!std::has_single_bit(c.elrange_size))
      return rules.fails(&SdkConfig::elrange_size, &SdkConfig::elrange_size,
                         rules.text(&SdkConfig::elrange_size) + " is no power of two");
    if (c.elrange_start % c.elrange_size != 0)
      return rules.fails(&SdkConfig::elrange_start, &SdkConfig::elrange_size,
                         rules.text(&SdkConfig::elrange_start) + " is no multiple of ELRangeSize");
    CHECK(rules.at_most(&SdkConfig::elrange_start, &SdkConfig::image_address));
  }
  if (c.enable_ipp_fips != 0 && c.enable_ossl_fips != 0)
    return rules.fails(&SdkConfig::enable_ipp_fips, &SdkConfig::enable_ossl_fips,
                       "EnableIPPFIPS and EnableOSSLFIPS exclude each other");
  if (c.user_region_size != 0 && (c.misc_select & c.misc_mask & 1) == 0)
    return rules.fails(&SdkConfig::user_region_size, &SdkConfig::user_region_size,
                       "UserRegionSize needs bit 0 of both MiscSelect and MiscMask");
  return {};
}

Result<const tinyxml2::XMLElement*> root_of(const tinyxml2::XMLDocument& document) {
  const tinyxml2::XMLElement* root = nullptr;
  for (const tinyxml2::XMLNode* node = document.FirstChild(); node != nullptr; node = node->NextSibling()) {
    if (node->ToComment() != nullptr || node->ToDeclaration() != nullptr) continue;
    if (node->ToElement() == nullptr || root != nullptr)
      return wrong(node->GetLineNum(), "a document type, text or second element beside <EnclaveConfiguration>");
    root = node->ToElement();
  }
  if (root == nullptr || std::string_view(root->Name()) != "EnclaveConfiguration")
    return wrong(root == nullptr ? 1 : root->GetLineNum(), "the document is not an <EnclaveConfiguration>");
  if (root->FirstAttribute() != nullptr) return wrong(root->GetLineNum(), "<EnclaveConfiguration> has attributes");
  return root;
}

// ATTRIBUTES and XFRM, Intel SDM volume 3D, "ATTRIBUTES".
constexpr std::uint64_t kMode64 = 0x4, kProvisionKey = 0x10, kEinitTokenKey = 0x20, kKss = 0x80, kAexNotify = 0x400;
// The signing tools since 2.18 leave these open for all enclaves.
constexpr std::uint64_t kNeverChecked = 0x00ff000000000000;
constexpr std::uint64_t kXfrmLegacy = 0x3, kXfrmAvx = 0x6, kXfrmAvx512 = 0xe6, kXfrmPkru = 0x200, kXfrmAmx = 0x60000;
constexpr std::uint64_t kXfrmKnown = kXfrmLegacy | kXfrmAvx512 | kXfrmPkru | kXfrmAmx;
constexpr std::uint64_t kLoaderChooses = 2;

struct Masked {
  std::uint64_t value, mask;
};

Masked attributes(const SdkConfig& c) {
  Masked out{0, ~(kAttributeDebug | (c.sdk < Sdk::v2_18 ? 0 : kNeverChecked))};
  if (c.disable_debug == 1) out.mask |= kAttributeDebug;
  for (auto [asked, bit] : {std::pair{c.provision_key, kProvisionKey}, std::pair{c.launch_key, kEinitTokenKey},
                            std::pair{c.enable_kss, kKss}, std::pair{c.enable_aex_notify, kAexNotify},
                            std::pair{std::uint64_t{1}, kMode64}})
    if (asked == 1) out.value |= bit;
  return out;
}

Masked xfrm(const SdkConfig& c) {
  // A state that the tool does not know must be off, and so are the later ones by their default.
  Masked out{kXfrmLegacy, kXfrmLegacy | ~(c.sdk < Sdk::v2_5 ? kXfrmLegacy | kXfrmAvx : kXfrmKnown)};
  for (auto [choice, bits] : {std::pair{c.pkru, kXfrmPkru}, std::pair{c.amx, kXfrmAmx}}) {
    if (choice == 1) out.value |= bits;
    if (choice != kLoaderChooses) out.mask |= bits;
  }
  return out;
}

std::array<std::uint8_t, 16> identifier(std::uint64_t high, std::uint64_t low) {
  std::array<std::uint8_t, 16> out;
  store_le(std::span(out).first<8>(), low);
  store_le(std::span(out).last<8>(), high);
  return out;
}

RecordBuilder<kSigstruct> body(const SdkConfig& c) {
  RecordBuilder<kSigstruct> s;
  s.set<"header">(kSigstructHeader).set<"header2">(kSigstructHeader2).set<"exponent">(3);
  s.set<"type">(c.release_type == 1 ? 0x80000000 : 0).set<"vendor">(c.intel_signed == 1 ? 0x8086 : 0);
  s.set<"swdefined">(c.hw);
  s.set<"miscselect">(c.sdk < Sdk::v2_22 ? c.misc_select : c.misc_select & c.misc_mask).set<"miscmask">(c.misc_mask);
  s.set<"isvfamilyid">(identifier(c.family_id_high, c.family_id_low));
  s.set<"isvextprodid">(identifier(c.ext_prod_id_high, c.ext_prod_id_low));
  s.set<"attributes">(attributes(c).value).set<"attributes_mask">(attributes(c).mask);
  s.set<"xfrm">(xfrm(c).value).set<"xfrm_mask">(xfrm(c).mask);
  s.set<"isvprodid">(c.prod_id).set<"isvsvn">(c.isv_svn);
  return s;
}

}  // namespace

std::vector<SdkConfigTag> sdk_config_tags(Sdk sdk) {
  std::vector<SdkConfigTag> out;
  std::ranges::copy_if(kTags, std::back_inserter(out), [&](const auto& tag) { return knows(sdk, tag); });
  return out;
}

Result<SdkConfig> parse_sdk_config(ByteView xml, Sdk sdk) {
  if (xml.size() > kMaxXml)
    return fail(Fault::format, "configuration: has " + std::to_string(xml.size()) + " bytes, at most " +
                                   std::to_string(kMaxXml) + " allowed");
  // The library would take a NUL for the end.
  if (std::find(xml.begin(), xml.end(), 0) != xml.end())
    return fail(Fault::format, "configuration: holds a NUL, and so is no XML");
  // It expands no entities but XML's own five, and refuses elements more than 100 deep.
  tinyxml2::XMLDocument document;
  if (document.Parse(as_text(xml).data(), xml.size()) != tinyxml2::XML_SUCCESS)
    return wrong(document.ErrorLineNum(), std::string("is not well-formed XML (") + document.ErrorName() + ")");
  TRY(const tinyxml2::XMLElement* root, root_of(document));

  SdkConfig config{.sdk = sdk};
  if (sdk < Sdk::v2_4) config.stack_min_size = 0x1000;
  if (sdk < Sdk::v2_0) config.heap_max_size = 0x100000;
  Lines lines;
  for (const tinyxml2::XMLNode* node = root->FirstChild(); node != nullptr; node = node->NextSibling()) {
    if (node->ToComment() != nullptr) continue;
    if (node->ToElement() == nullptr) return wrong(node->GetLineNum(), "text between the elements");
    CHECK(read_tag(*node->ToElement(), config, lines));
  }
  // The values that follow another one where they are not given. SDK 1 had no pages added or removed later: all of the
  // heap and of the stacks, and every thread, is there from the start.
  struct Follows {
    Value value, other;
    Sdk last;
  };
  for (auto [value, other, last] : {Follows{&SdkConfig::tcs_max_num, &SdkConfig::tcs_num, kNewestSdk},
                                    Follows{&SdkConfig::heap_init_size, &SdkConfig::heap_max_size, kNewestSdk},
                                    Follows{&SdkConfig::reserved_init_size, &SdkConfig::reserved_max_size, kNewestSdk},
                                    Follows{&SdkConfig::heap_min_size, &SdkConfig::heap_max_size, Sdk::v1_9},
                                    Follows{&SdkConfig::stack_min_size, &SdkConfig::stack_max_size, Sdk::v1_9},
                                    Follows{&SdkConfig::tcs_min_pool, &SdkConfig::tcs_num, Sdk::v1_9}}) {
    if (lines[value] != 0 || sdk > last) continue;
    config.*value = config.*other;
    lines[value] = lines[other];
  }
  CHECK(check_rules(config, lines));
  return config;
}

Result<SdkConfig> read_sdk_config(const fs::path& file, ByteView enclave) {
  TRY(const Sdk sdk, sdk_of(enclave));
  TRY(const Bytes xml, read_file(file, kMaxFile));
  return in(file.string(), parse_sdk_config(xml, sdk));
}

Json to_json(const SdkConfig& config) {
  Json out = Json::object();
  for (const SdkConfigTag& tag : sdk_config_tags(config.sdk)) {
    const std::uint64_t value = config.*tag.value;
    out[tag.name] = tag.is == Is::number ? Json(value) : Json(hex_offset(value));
  }
  return out;
}

std::uint64_t requested_xfrm(const SdkConfig& config) {
  const Masked x = xfrm(config);
  return ~x.mask | (x.value & x.mask);
}

Bytes unsigned_sigstruct(const SdkConfig& config, const DigestOf<Alg::sha256>& mrenclave, std::uint32_t date) {
  auto s = body(config);
  s.set<"enclavehash">(mrenclave).set<"date">(date);
  return Bytes(s.bytes().begin(), s.bytes().end());
}

}  // namespace hallmark::sgx
