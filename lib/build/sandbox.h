// The box: where a recipe runs. Profile "box-1", specs/formats/box.md
//
// One interface, two backends: our own namespaces (native.cc) and bubblewrap (bwrap.cc).
// Both give the recipe the same world, so the lock names the profile and not the backend.
#pragma once

#include <functional>

#include "lib/base/progress.h"
#include "lib/build/rootfs.h"

namespace hallmark::build {

// One source as it will stand below /build.
struct Mount {
  std::string into;  // "." or plain relative
  fs::path archive;  // a hallmark-tar-1 file whose digest has been checked
};

struct BoxRequest {
  fs::path root;               // the root file system, read-only inside
  std::vector<Mount> sources;  // unpacked on a fresh tmpfs at /build, in sorted order
  std::int64_t epoch = 0;
  std::uint32_t cpus = 1;
  std::optional<std::vector<unsigned>>
      pinned_cpus;  // which of the host's, for --repeat; default: the first `cpus` allowed
  std::map<std::string, std::string> environment;  // added to the fixed one
  std::vector<std::string> steps;
  std::vector<std::string> outputs;                 // paths below /build to bring out
  fs::path out;                                     // a folder on the host that receives them (same relative paths)
  fs::path log;                                     // receives everything the steps print
  std::function<void(std::string_view)> on_output;  // the same, live
};

struct BoxResult {
  int status = 0;                     // of the step that failed, or 0; 128 + n for signal n
  std::optional<std::size_t> failed;  // index of that step
};

class Sandbox {
 public:
  virtual ~Sandbox() = default;
  virtual std::string_view name() const = 0;
  // Whether this machine can run it; the error says what is missing and how to get it.
  virtual Status probe() const = 0;
  // Runs the steps. A step that fails is a BoxResult; an Error means that the box
  // itself could not be made, an output is missing, or the user interrupted. In every
  // case no process and no mount is left when it returns.
  virtual Result<BoxResult> run(const BoxRequest& request) const = 0;
};

// "native" or "bwrap"; anything else is a usage fault.
Result<const Sandbox*> find_sandbox(std::string_view name);

// The owner that files of the root file system must have for the box to show them as
// its own user: the caller, or an unprivileged id when the caller is root.
Owner box_owner();

// What box-1 holds fixed, by name, as the build record lists it.
std::map<std::string, std::string> fixed_conditions(const pin::Lock& lock);

}  // namespace hallmark::build
