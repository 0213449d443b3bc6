#include "lib/tee/references/reference_format.h"

#include <algorithm>
#include <array>

#include "lib/tee/references/flashbots.h"
#include "lib/tee/references/go_sev_guest.h"
#include "lib/tee/references/go_tdx_guest.h"
#include "lib/tee/references/gramine_env.h"
#include "lib/tee/references/intel_appraisal.h"
#include "lib/tee/references/native.h"
#include "lib/tee/references/nitro_pcrs.h"
#include "lib/tee/references/rvps.h"

namespace hallmark::references {

std::span<const ReferenceFormat> reference_formats() {
  static constexpr std::array kFormats{
      ReferenceFormat{kReferenceValuesFormat, "hallmark's reference values", recognises_native, read_native,
                      write_native},
      ReferenceFormat{"flashbots", "measurements of Flashbots' attested-tls and cvm-reverse-proxy",
                      recognises_flashbots, read_flashbots, write_flashbots},
      ReferenceFormat{"gramine-env", "environment of Gramine's RA-TLS", recognises_gramine_env, read_gramine_env,
                      write_gramine_env},
      ReferenceFormat{"nitro-pcrs", "measurements of nitro-cli, or conditions of an AWS KMS key", recognises_nitro_pcrs,
                      read_nitro_pcrs, write_nitro_pcrs},
      ReferenceFormat{"rvps", "reference values of Confidential Containers' RVPS", recognises_rvps, read_rvps,
                      write_rvps},
      ReferenceFormat{"go-tdx-guest", "policy of go-tdx-guest", recognises_go_tdx_guest, read_go_tdx_guest,
                      write_go_tdx_guest},
      ReferenceFormat{"go-sev-guest", "policy of go-sev-guest", recognises_go_sev_guest, read_go_sev_guest,
                      write_go_sev_guest},
      ReferenceFormat{"intel-appraisal", "policy of Intel's quote appraisal", recognises_intel_appraisal,
                      read_intel_appraisal, write_intel_appraisal},
  };
  return kFormats;
}

const ReferenceFormat* find_reference_format(std::string_view name) {
  const auto it = std::ranges::find(reference_formats(), name, &ReferenceFormat::name);
  return it == reference_formats().end() ? nullptr : &*it;
}

Result<const ReferenceFormat*> detect_reference_format(std::string_view text, const std::string& name) {
  const ReferenceFormat* found = nullptr;
  for (const ReferenceFormat& format : reference_formats()) {
    if (!format.recognises(text)) continue;
    if (found != nullptr)
      return fail(Fault::format,
                  name + ": looks like " + std::string(found->name) + " and like " + std::string(format.name));
    found = &format;
  }
  if (found != nullptr) return found;
  const auto start = text.find_first_not_of(" \t\r\n");
  if (start != text.npos && (text[start] == '{' || text[start] == '['))
    CHECK(in(name, parse_json(text, {.bytes = kMaxEvidence})));
  std::string known;
  for (const ReferenceFormat& format : reference_formats())
    known += (known.empty() ? "" : ", ") + std::string(format.name);
  return fail(Fault::unsupported, name + ": is in none of the formats of reference values that are known: " + known);
}

}  // namespace hallmark::references
