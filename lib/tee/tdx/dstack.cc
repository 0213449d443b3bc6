#include "lib/tee/tdx/dstack.h"

#include "lib/base/files.h"
#include "lib/formats/event_log.h"
#include "lib/formats/tcg_event.h"

namespace hallmark::tdx {
namespace {

constexpr std::size_t kMaxEntries = 100'000;
constexpr std::size_t kMaxReport = std::size_t{16} << 20;

Failure wrong(std::size_t entry, const std::string& field, const std::string& why) {
  return fail(Fault::format, "dstack log: entry " + std::to_string(entry) + ": " + field + ": " + why);
}

const Json* member(const Json& object, std::string_view name, bool (Json::*is)() const) {
  const Json* value = object.find(name);
  return value != nullptr && (value->*is)() ? value : nullptr;
}

Result<Event> read_entry(const Json& json, std::size_t number) {
  const Json* imr = member(json, "imr", &Json::is_integer);
  const Json* type = member(json, "event_type", &Json::is_integer);
  if (imr == nullptr || imr->integer() < 0 || imr->integer() >= kRtmrs)
    return wrong(number, "imr", "is no register from 0 to 3");
  if (type == nullptr || type->integer() < 0 || type->integer() > UINT32_MAX)
    return wrong(number, "event_type", "is no 32-bit number");
  const auto text = [&](std::string_view name) {
    const Json* value = member(json, name, &Json::is_string);
    return value == nullptr ? std::string() : value->string();
  };
  const auto payload = from_hex(text("event_payload"));
  if (!payload) return wrong(number, "event_payload", "is no hexadecimal");
  Event out{.rtmr = static_cast<unsigned>(imr->integer()),
            .type = static_cast<std::uint32_t>(type->integer()),
            .description = {},
            .digest = std::nullopt,
            .provenance = Provenance::supplied};
  const std::string name = text("event"), stated = text("digest");
  if (!stated.empty()) {
    const auto digest = digest_from_hex<Alg::sha384>(stated);
    if (!digest) return wrong(number, "digest", "is no SHA-384 digest in hexadecimal");
    out.digest = *digest;
  }
  bool authenticated = out.digest == digest<Alg::sha384>(*payload);
  if (out.type == kDstackRuntimeEvent) {
    out.description = "dstack: " + one_line(name);
    out.inputs["payload"] = to_hex(*payload);
    const Digest v1 = dstack_digest_v1(name, *payload), v2 = dstack_digest_v2(name, *payload);
    if (!out.digest) {
      // dstack writes the version only where it is not 1.
      const Json* version = json.find("version");
      const std::int64_t stated_version = version == nullptr ? 1 : version->is_integer() ? version->integer() : 0;
      if (stated_version != 1 && stated_version != 2) return wrong(number, "version", "is neither 1 nor 2");
      out.digest = stated_version == 1 ? v1 : v2;
      out.provenance = Provenance::computed;
    } else if (out.digest != v1 && out.digest != v2) {
      return fail(Fault::mismatch, "dstack log: entry " + std::to_string(number) + ": digest of \"" + one_line(name) +
                                       "\" is not that of its name and payload");
    }
    authenticated = true;
  } else {
    out.description = describe_event(out.type, *payload);
    if (!out.digest) return wrong(number, "digest", "is missing");
  }
  out.inputs["size"] = std::uint64_t{payload->size()};
  out.inputs["authenticated"] = authenticated;
  return out;
}

}  // namespace

Digest dstack_digest_v1(std::string_view name, ByteView payload) {
  return Hasher<Alg::sha384>()
      .add(Block<4>().le(kDstackRuntimeEvent).bytes())
      .add(as_bytes(":"))
      .add(as_bytes(name))
      .add(as_bytes(":"))
      .add(payload)
      .finish();
}

Digest dstack_digest_v2(std::string_view name, ByteView payload) {
  const Json json =
      Json::object({{"name", name}, {"payload", to_hex(payload)}, {"type", std::uint64_t{kDstackRuntimeEvent}}});
  return digest<Alg::sha384>(as_bytes(json.canonical()));
}

bool is_dstack_report(ByteView bytes) {
  for (const std::uint8_t c : bytes)
    if (c != ' ' && c != '\n' && c != '\r' && c != '\t') return c == '{' || c == '[';
  return false;
}

Result<DstackReport> read_dstack_report(ByteView json) {
  const JsonLimits limits{.bytes = kMaxReport};
  TRY(Json report, in("dstack report", parse_json(as_text(json), limits)));
  DstackReport out;
  Json log = report;
  if (report.is_object()) {
    if (const Json* quote = member(report, "quote", &Json::is_string)) {
      std::string_view hex = quote->string();
      if (hex.starts_with("0x")) hex.remove_prefix(2);
      TRY(out.quote, in("dstack report: quote", from_hex(hex)));
    }
    const Json* found = report.find("event_log");
    if (found == nullptr) return fail(Fault::unsupported, "dstack report: has no \"event_log\"");
    log = *found;
    if (log.is_string()) {
      const std::string text = log.string();
      TRY(log, in("dstack report: event_log", parse_json(text, limits)));
    }
  }
  if (!log.is_array()) return fail(Fault::format, "dstack report: event_log: is " + std::string(log.kind()));
  if (log.items().size() > kMaxEntries)
    return fail(Fault::format, "dstack log: has " + std::to_string(log.items().size()) + " entries, at most " +
                                   std::to_string(kMaxEntries) + " allowed");
  for (const Json& entry : log.items()) {
    TRY(Event event, read_entry(entry, out.events.size() + 1));
    if (event.type != tcg::kNoAction) out.events.push_back(std::move(event));
  }
  return out;
}

}  // namespace hallmark::tdx
