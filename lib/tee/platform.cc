#include "lib/tee/platform.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "lib/tee/sgx/measure.h"

namespace hallmark {
namespace {

constexpr std::size_t kFirstBytes = 4096;

Result<Measurement> measure_sgx(const MeasureRequest& request, const Trace& trace) {
  std::optional<fs::path> sigstruct;
  for (const auto& [role, path] : request.companions) {
    if (role != "sigstruct") return fail(Fault::usage, "an SGX enclave has no companion file \"" + role + "\"");
    sigstruct = path;
  }
  return sgx::measure(request.image, sigstruct, trace);
}

constexpr std::array kPlatforms{
    Platform{"sgx", "intel-sgx", "Intel SGX enclave", sgx::recognises, measure_sgx},
};

Result<const Platform*> detect(const fs::path& image) {
  TRY(const Fd file, open_file(image, O_RDONLY | O_NONBLOCK));  // O_NONBLOCK: a FIFO must not make us wait
  Bytes start(kFirstBytes);
  const ssize_t n = pread(file.get(), start.data(), start.size(), 0);
  if (n < 0) return fail_errno("cannot be read", errno);
  start.resize(static_cast<std::size_t>(n));
  for (const Platform& p : kPlatforms)
    if (p.recognises(start)) return &p;
  return fail(Fault::unsupported, "its first bytes are those of no image that can be measured");
}

}  // namespace

std::span<const Platform> platforms() { return kPlatforms; }

const Platform* find_platform(std::string_view name) {
  auto it = std::find_if(kPlatforms.begin(), kPlatforms.end(), [&](const Platform& p) { return p.name == name; });
  return it == kPlatforms.end() ? nullptr : &*it;
}

Result<Measurement> measure(const MeasureRequest& request, const Trace& trace) {
  const std::string where = "measuring " + request.image.string();
  TRY(const Platform* platform, in(where, detect(request.image)));
  return in(where, platform->measure(request, trace));
}

}  // namespace hallmark
