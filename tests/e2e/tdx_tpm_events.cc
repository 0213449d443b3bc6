// What lib/tee/tdx/boot_events says that a machine with a TPM measures while it boots, as JSON: the same code that
// predicts RTMR1 and RTMR2, asked for PCRs ("register": "rtmr9" is PCR 9). The oracle needs it where software measures
// into a TPM and into nothing else.
//
// usage: tdx_tpm_events PROFILE MEMORY UKI  |  tdx_tpm_events PROFILE MEMORY KERNEL INITRD CMDLINE
#include <cstdio>
#include <cstdlib>
#include <string>

#include "lib/tee/tdx/boot_events.h"

using namespace hallmark;

namespace {

Result<std::string> predict(int argc, char** argv) {
  if (argc != 4 && argc != 6) return fail(Fault::usage, "usage: tdx_tpm_events PROFILE MEMORY KERNEL [INITRD CMDLINE]");
  TRY(const tdx::Profile profile, tdx::find_profile(argv[1]));
  TRY(const InputFile kernel, InputFile::open(argv[3]));
  std::vector<tdx::Event> events;
  if (argc == 4) {
    TRY(events, tdx::boot_events(profile, tdx::UkiBoot{.image = &kernel}, tdx::Via::tpm));
  } else {
    TRY(const InputFile initrd, InputFile::open(argv[4]));
    const tdx::DirectBoot boot{
        .kernel = &kernel, .initrd = &initrd, .command_line = argv[5], .memory = std::strtoull(argv[2], nullptr, 10)};
    TRY(events, tdx::boot_events(profile, boot, tdx::Via::tpm));
  }
  Json list = Json::array();
  for (const tdx::Event& event : events) list.push_back(to_json(event));
  return Json::object({{"events", std::move(list)}}).canonical();
}

}  // namespace

int main(int argc, char** argv) {
  const Result<std::string> answer = predict(argc, argv);
  if (!answer) {
    std::fprintf(stderr, "tdx_tpm_events: %s\n", answer.error().message().c_str());
    return 1;
  }
  std::puts(answer->c_str());
  return 0;
}
