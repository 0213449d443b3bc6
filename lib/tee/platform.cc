#include "lib/tee/platform.h"

#include <algorithm>
#include <array>

#include "lib/tee/model/first_bytes.h"
#include "lib/tee/sgx/explain.h"
#include "lib/tee/sgx/inspect.h"
#include "lib/tee/sgx/match.h"
#include "lib/tee/sgx/material.h"
#include "lib/tee/sgx/measure.h"
#include "lib/tee/tdx/explain.h"
#include "lib/tee/tdx/match.h"
#include "lib/tee/tdx/measure.h"

namespace hallmark {
namespace {

constexpr std::array kPlatforms{
    Platform{"sgx", "intel-sgx", "Intel SGX enclave", sgx::recognises, sgx::measure, sgx::signing_material_of,
             sgx::inspect, sgx::explain, sgx::match_attested},
    Platform{"tdx", "intel-tdx", "Intel TDX guest", tdx::recognises, tdx::measure, nullptr, tdx::inspect, tdx::explain,
             tdx::match_attested},
};

// A file that cannot be read is named by the error itself; `where` names it in ours.
Result<const Platform*> detect(const fs::path& image, const std::string& where) {
  TRY(const Bytes start, first_bytes(image));
  for (const Platform& p : kPlatforms)
    if (p.recognises(start)) return &p;
  return fail(Fault::unsupported, where + ": its first bytes are those of no image that can be measured");
}

}  // namespace

std::span<const Platform> platforms() { return kPlatforms; }

const Platform* find_platform(std::string_view name) {
  auto it = std::find_if(kPlatforms.begin(), kPlatforms.end(), [&](const Platform& p) { return p.name == name; });
  return it == kPlatforms.end() ? nullptr : &*it;
}

const Platform& platform_of(const Measurement& measured) {
  return *std::ranges::find(kPlatforms, measured.tee, &Platform::tee);
}

Result<Explanation> explain(const MeasureRequest& a, const MeasureRequest& b) {
  TRY(const Platform* platform, detect(a.image, "measuring " + a.image.string()));
  TRY(const Platform* other, detect(b.image, "measuring " + b.image.string()));
  if (platform != other)
    return fail(Fault::usage, a.image.string() + " is of the platform " + std::string(platform->long_name) + ", " +
                                  b.image.string() + " is not: they have no record in common");
  if (platform->explain == nullptr)
    return fail(Fault::unsupported, a.image.string() + ": images of the platform " + std::string(platform->long_name) +
                                        " are not explained");
  return platform->explain(a, b);
}

Result<Inspection> inspect(const fs::path& file) {
  const std::string where = "inspecting " + file.string();
  TRY(const Platform* platform, detect(file, where));
  return in(where, platform->inspect(file));
}

Result<Measurement> measure(const Platform& platform, const MeasureRequest& request, const Trace& trace) {
  const auto binding = option(request, std::string(kReportDataOption));
  if (!binding) return platform.measure(request, trace);
  if (*binding != kRequired)
    return fail(Fault::usage, "report-data is \"" + printable(*binding) + "\"; it can be \"" + std::string(kRequired) +
                                  "\" and nothing else");
  MeasureRequest own = request;
  own.options.erase(std::string(kReportDataOption));
  TRY(Measurement out, platform.measure(own, trace));
  out.policy[kPolicyReportData] = std::string(kRequired);
  return out;
}

Result<Measurement> measure(const MeasureRequest& request, const Trace& trace) {
  const std::string where = "measuring " + request.image.string();
  TRY(const Platform* platform, detect(request.image, where));
  return in(where, measure(*platform, request, trace));
}

}  // namespace hallmark
