#include "lib/tee/tdx/policy.h"

#include <charconv>

namespace hallmark::tdx {
namespace {

using Options = std::map<std::string, std::string>;

Failure wrong(const std::string& name, const std::string& text, const std::string& wanted) {
  return fail(Fault::usage, name + ": \"" + text + "\" is not " + wanted);
}

Result<std::optional<std::uint64_t>> flags(const Options& options, const std::string& name) {
  const auto it = options.find(name);
  if (it == options.end()) return std::nullopt;
  const std::string& text = it->second;
  if (text.starts_with("0x")) {
    std::uint64_t n = 0;
    const auto [end, error] = std::from_chars(text.data() + 2, text.data() + text.size(), n, 16);
    if (error == std::errc() && end == text.data() + text.size() && text.size() > 2) return n;
  } else if (const auto bytes = from_hex(text); bytes && bytes->size() == 8) {
    return load_le<std::uint64_t>(*bytes);
  }
  return wrong(name, text, "16 hexadecimal digits in the order of a quote's bytes, or a number after 0x");
}

Result<Digest> register_of(const Options& options, const std::string& name) {
  Digest out{};
  const auto it = options.find(name);
  if (it == options.end()) return out;
  const auto bytes = from_hex(it->second);
  if (!bytes || bytes->empty() || bytes->size() > out.size())
    return wrong(name, it->second, "1 to 48 bytes in hexadecimal");
  std::ranges::copy(*bytes, out.begin());
  return out;
}

std::string in_quote_order(std::uint64_t value) {
  std::array<std::uint8_t, 8> bytes;
  store_le<std::uint64_t>(bytes, value);
  return to_hex(bytes);
}

}  // namespace

Result<TdPolicy> read_policy(const Options& options) {
  TdPolicy out;
  TRY(const auto attributes, flags(options, "tdattributes"));
  out.tdattributes = attributes.value_or(out.tdattributes);
  TRY(out.xfam, flags(options, "xfam"));
  TRY(out.mrconfigid, register_of(options, "mrconfigid"));
  TRY(out.mrowner, register_of(options, "mrowner"));
  TRY(out.mrownerconfig, register_of(options, "mrownerconfig"));
  if (const auto it = options.find("mrseam"); it != options.end()) {
    std::string_view left = it->second;
    for (;;) {
      const std::size_t comma = std::min(left.find(','), left.size());
      auto digest = digest_from_hex<Alg::sha384>(left.substr(0, comma));
      if (!digest) return wrong("mrseam", it->second, "48 bytes in hexadecimal, or several such with commas");
      out.mrseam.push_back(*digest);
      if (comma == left.size()) break;
      left.remove_prefix(comma + 1);
    }
  }
  const auto allowed = options.find("allow-debug");
  if (allowed != options.end() && allowed->second != "yes") return wrong("allow-debug", allowed->second, "\"yes\"");
  if ((out.tdattributes & kUntrusted) != 0 && allowed == options.end())
    return fail(Fault::usage, "tdattributes: " + hex_offset(out.tdattributes & kUntrusted) +
                                  " are attributes of a domain that is not to be trusted" +
                                  ((out.tdattributes & kDebug) != 0 ? " (DEBUG)" : "") +
                                  "; to measure one all the same, ask for it (allow-debug)");
  return out;
}

Json to_json(const TdPolicy& policy) {
  Json mrseam = Json::array();
  for (const Digest& digest : policy.mrseam) mrseam.push_back(to_hex(digest));
  return Json::object({{"tdattributes", in_quote_order(policy.tdattributes)},
                       {"xfam", policy.xfam ? in_quote_order(*policy.xfam) : "any"},
                       {"mrconfigid", to_hex(policy.mrconfigid)},
                       {"mrowner", to_hex(policy.mrowner)},
                       {"mrownerconfig", to_hex(policy.mrownerconfig)},
                       {"mrseam", policy.mrseam.empty() ? Json("any") : std::move(mrseam)},
                       {"mrsignerseam", to_hex(Digest{})},
                       {"debug_allowed", (policy.tdattributes & kUntrusted) != 0}});
}

}  // namespace hallmark::tdx
