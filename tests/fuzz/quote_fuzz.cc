#include <cstdlib>

#include "lib/tee/dcap/quote.h"

// The parts of a quote that is accepted are all of it, one behind the other, up to zeros; and its body has the fields
// of its type.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace hallmark;
  const ByteView bytes{data, size};
  const auto quote = dcap::parse_quote(bytes);
  (void)dcap::is_quote(bytes);
  if (!quote) return 0;
  if (quote->header.data() != data || quote->header.size() != 48) std::abort();
  if (quote->body.data() != data + quote->body_offset) std::abort();
  const std::size_t signed_end = quote->body_offset + quote->body.size();
  if (quote->signed_part.data() != data || quote->signed_part.size() != signed_end) std::abort();
  const std::size_t end = signed_end + 4 + quote->signature.size();
  if (end > size) std::abort();
  for (const std::uint8_t byte : bytes.subspan(end))
    if (byte != 0) std::abort();
  if (quote->body_type == dcap::Body::sgx) {
    if (quote->sgx_report().get<"report_data">().data() != data + signed_end - 64) std::abort();
  } else {
    if (quote->td_report().get<"rtmr3">().data() != data + quote->body_offset + 472) std::abort();
  }
  const auto again = dcap::parse_quote(bytes.first(end));
  if (!again || again->body_type != quote->body_type) std::abort();
  return 0;
}
