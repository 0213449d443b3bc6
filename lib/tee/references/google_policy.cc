#include "lib/tee/references/google_policy.h"

namespace hallmark::references {

bool is_check_config(std::string_view text) {
  const std::string_view name = textproto::first_name(text);
  if (name == "root_of_trust") return true;
  if (name != "policy") return false;
  // go-sev-guest has a number of that name in the policy itself.
  const auto rest = text.substr(static_cast<std::size_t>(name.data() + name.size() - text.data()));
  const auto next = rest.find_first_not_of(" \t\r\n:");
  return next != rest.npos && (rest[next] == '{' || rest[next] == '<');
}

Result<Json> read_message(std::string_view text, const textproto::MessageType& type, const std::string& name) {
  if (text.size() > kMaxEvidence)
    return fail(Fault::format, name + ": has " + std::to_string(text.size()) + " bytes, at most " +
                                   std::to_string(kMaxEvidence) + " allowed");
  return in(name, textproto::parse(text, type));
}

std::optional<Bytes> take_bytes(Fields& fields, std::string_view key, std::size_t size) {
  const Json& value = fields.raw(key);
  if (!value.is_string()) return std::nullopt;
  auto bytes = from_hex(value.string());
  if (!bytes || bytes->size() != size) {
    fields.reject(key,
                  "has " + std::to_string(value.string().size() / 2) + " bytes, " + std::to_string(size) + " wanted");
    return std::nullopt;
  }
  return *std::move(bytes);
}

void refuse_bundles(Fields& root_of_trust) {
  for (const char* key : {"cabundle_paths", "cabundles"})
    if (!root_of_trust.raw(key).is_null())
      root_of_trust.reject(key, "names roots to trust, which reference values do not: give them with --trust-anchor",
                           Fault::unsupported);
}

void TextprotoWriter::open(std::string_view name) {
  line(std::string(name) + " {");
  depth_++;
}

void TextprotoWriter::close() {
  depth_--;
  line("}");
}

}  // namespace hallmark::references
