// What any platform's measurement looks like to the rest of the program.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/files.h"
#include "lib/base/json.h"
#include "lib/crypto/trace.h"

namespace hallmark {

// Of any platform: an option of that name and value asks for evidence that is bound to a value of the verifier's, and
// so does the member of that name and value in a measurement's policy.
inline constexpr std::string_view kReportDataOption = "report-data", kPolicyReportData = "report_data",
                                  kRequired = "required";

// The image, and what a platform may need besides it. Both maps name only what the platform knows; it refuses the rest.
struct MeasureRequest {
  fs::path image;
  std::map<std::string, fs::path> companions = {};  // files by role: "sigstruct", "libpal", …
  std::map<std::string, std::string> options = {};  // values by name: "gramine-version"
};

// Refuses companions and options that `what` ("an SGXS stream") does not know, as a usage fault: an unnoticed mistake
// would be measured as something else than what was meant.
Status takes_only(const MeasureRequest& request, std::string_view what, std::span<const std::string_view> known);
// The companion or option of that name, if it was given.
std::optional<fs::path> companion(const MeasureRequest& request, const std::string& role);
std::optional<std::string> option(const MeasureRequest& request, const std::string& name);

struct Register {    // MRENCLAVE, MRTD, RTMR1, PCR0, MEASUREMENT …
  std::string name;  // as JSON writes it: "mrenclave", "rtmr0"
  Bytes digest;      // the length tells SHA-256 from SHA-384
  bool operator==(const Register&) const = default;
};

// How the computed registers stand to what the artefact says of itself.
enum class State {
  equal,     // it carries expected values, and they are what we computed
  mismatch,  // it carries expected values (or a signature over them) that do not hold
  embedded,  // it carries values that cannot be recomputed from what was given
  computed,  // it carries none: the computed ones are all there is
};
std::string_view to_text(State);

struct Measurement {
  std::string tee;         // "intel-sgx", as in certificates
  std::string format;      // "sgx-sdk-elf", "sgxs": the platform's image formats
  std::string calculator;  // names the algorithm and its version: "hallmark/sgx/1"
  State state = State::mismatch;
  std::vector<std::string> problems;  // why the state is a mismatch, one sentence each
  std::vector<std::string> warnings;  // what a person should worry about all the same
  std::vector<Register> registers;
  Json identity;  // signed names and numbers: mrsigner, isvprodid, isvsvn
  Json policy;    // attested but not measured: attributes, masks, debug_launchable
  Json inputs;    // what, besides the artefact's bytes, went into the registers
  Json details;   // members that the platform adds to the answer; not certified, since all follows from the inputs
  // The one value that names this identity as an in-toto subject: {"sgxMrEnclave", hex}
  std::string subject_digest_name, subject_digest;
};

Json to_json(const Measurement&);

}  // namespace hallmark
