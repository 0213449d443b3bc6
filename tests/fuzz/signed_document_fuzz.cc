#include <cstdlib>

#include "lib/cert/bundle.h"

// An envelope or a bundle that is accepted is accepted again in both of our own forms, with the same content.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace hallmark;
  const auto envelope = cert::parse_signed_document(as_text({data, size}), "input");
  if (!envelope) return 0;
  for (const Json& form : {cert::to_json(*envelope), cert::to_bundle(*envelope)}) {
    const auto again = cert::parse_signed_document(form.canonical(), "again");
    if (!again || again->payload != envelope->payload || again->signature != envelope->signature ||
        again->payload_type != envelope->payload_type || again->keyid != envelope->keyid)
      std::abort();
  }
  return 0;
}
