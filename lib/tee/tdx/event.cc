#include "lib/tee/tdx/event.h"

#include "lib/formats/tcg_event.h"

namespace hallmark::tdx {

std::string_view to_text(Provenance provenance) {
  switch (provenance) {
    case Provenance::computed: return "computed";
    case Provenance::supplied: return "supplied";
    case Provenance::assumed: return "assumed";
    case Provenance::missing: return "missing";
  }
  return {};
}

Json to_json(const Event& event) {
  return Json::object({{"register", "rtmr" + std::to_string(event.rtmr)},
                       {"type", tcg::type_name(event.type)},
                       {"description", event.description},
                       {"digest", event.digest ? Json(to_hex(*event.digest)) : Json()},
                       {"provenance", to_text(event.provenance)},
                       {"inputs", event.inputs}});
}

Event computed(unsigned rtmr, std::uint32_t type, std::string description, ByteView hashed, Json inputs) {
  return {rtmr, type, std::move(description), digest<Alg::sha384>(hashed), Provenance::computed, std::move(inputs)};
}

Event assumed(Event event, std::string_view why) {
  if (event.provenance != Provenance::computed) return event;
  event.provenance = Provenance::assumed;
  event.inputs["assumed"] = why;
  return event;
}

Event missing(unsigned rtmr, std::uint32_t type, std::string description, std::string why) {
  return {rtmr,
          type,
          std::move(description),
          std::nullopt,
          Provenance::missing,
          Json::object({{"missing", std::move(why)}})};
}

Rtmrs fold(std::span<const Event> events, const Trace& trace) {
  Rtmrs out;
  out.fill(Digest{});
  for (const Event& event : events) {
    auto& rtmr = out.at(event.rtmr);
    if (!event.digest) rtmr.reset();
    if (!rtmr) continue;
    extend<Alg::sha384>(*rtmr, *event.digest);
    if (trace)
      trace({"RTMR[" + std::to_string(event.rtmr) + "] extend",
             to_hex(*event.digest) + " " + tcg::type_name(event.type) + " " + event.description});
  }
  return out;
}

}  // namespace hallmark::tdx
