// All that is known of one guest before it runs, and what each profile predicts for it.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "lib/tee/model/measurement.h"
#include "lib/tee/tdx/boot_events.h"
#include "lib/tee/tdx/difference.h"
#include "lib/tee/tdx/dstack_app.h"
#include "lib/tee/tdx/firmware_events.h"
#include "lib/tee/tdx/firmware_version.h"
#include "lib/tee/tdx/policy.h"
#include "lib/tee/tdx/reference_log.h"

namespace hallmark::tdx {

class Guest {
 public:
  // Opens what the request names (measure.h lists it), and refuses what it does not know or cannot use. `fw_cfg` is of
  // a QEMU that was started with the guest's own description, if there was one.
  static Result<std::unique_ptr<Guest>> open(const MeasureRequest& request, std::optional<FwCfg> fw_cfg = std::nullopt);

  const Image& image() const { return image_; }
  const FirmwareFacts& facts() const { return facts_; }
  const TdPolicy& policy() const { return policy_; }
  const Machine& machine() const { return machine_; }
  const std::optional<DstackApp>& app() const { return app_; }
  const std::string& command_line() const { return command_line_; }
  std::optional<std::uint64_t> vcpus() const { return vcpus_; }
  // Nothing where the monitor has the variables that decide it.
  std::optional<bool> secure_boot() const {
    if (profile_ && profile_->vmm.keeps_variables) return std::nullopt;
    return variables_.secure_boot.contains("PK");
  }
  // A kernel, a unified image or a log stands for what is booted.
  bool boots() const { return kernel_ || uki_ || boot_log_; }
  // Whether the firmware measures in a trust domain what it starts: what was said of it, or else what its image shows.
  // Nothing if that does not show it. From open() on it is not false for a guest that boots something.
  std::optional<bool> measures() const { return measures_given_ ? true : facts_.measures; }
  bool measures_is_given() const { return measures_given_; }
  // Events of RTMR3 in the boot log, of which none was taken.
  std::size_t runtime_events_left_out() const { return boot_log_ ? boot_log_->runtime_events : 0; }

  // The profile that was asked for, or what is most likely: the release that the firmware names, or else the newest one
  // that its drivers allow, under QEMU. Nothing where the firmware shows neither and nobody named one.
  const std::optional<Profile>& profile() const { return profile_; }
  bool vmm_is_assumed() const { return vmm_assumed_; }
  // What the release rests on where the firmware does not name it; empty where it does, or somebody else did.
  const std::string& release_is_assumed() const { return release_assumed_; }
  // All others that are possible for this guest: every monitor, with every release that the firmware can be of.
  std::vector<Profile> other_profiles() const;

  const Digest& mrtd(PageOrder order) const { return order == PageOrder::single_pass ? single_pass_ : two_pass_; }
  // What the monitor of GCE made of it until October 2024, for a guest with that much memory; nothing for memory that
  // no such guest has.
  std::optional<Digest> mrtd_of_all(HobLayout layout, std::uint64_t memory) const;

  // Digests of large files are kept from one call to the next.
  Result<Prediction> predict(const Profile& profile);
  // The same where no profile is known: MRTD as the monitor has it, and no event.
  Prediction predict_mrtd(const Vmm& vmm) const;
  // For its own profile, or else MRTD as the usual monitor has it.
  Result<Prediction> predict_chosen();

  // What could have been otherwise than it was said to be.
  std::vector<Alternative> alternatives(const Profile& profile, const Prediction& prediction) const;

 private:
  explicit Guest(Bytes firmware, Image image) : firmware_(std::move(firmware)), image_(std::move(image)) {}
  Status read_machine(const MeasureRequest& request);
  Status read_emulated_machine();
  Status read_boot(const MeasureRequest& request);
  Status read_app(const MeasureRequest& request);
  Status read_attested(const MeasureRequest& request);
  Status read_profile(const MeasureRequest& request);
  Result<std::vector<Event>> boot(const Profile& profile);
  Result<std::vector<Event>> events(const Profile& profile);
  Result<std::vector<Event>> unmeasured_events(const Profile& profile) const;
  bool is_of_assumed_release(const Profile& profile) const;

  Bytes firmware_;  // image_ points into it
  Image image_;
  Digest single_pass_{}, two_pass_{};  // MRTD
  FirmwareFacts facts_;
  Variables variables_;
  Bytes acpi_;                   // machine_ points into it
  std::optional<FwCfg> fw_cfg_;  // and to it
  Machine machine_;
  std::optional<std::uint64_t> vcpus_;
  std::optional<InputFile> kernel_, initrd_, uki_;
  std::string command_line_;
  std::optional<unsigned> stub_;
  std::optional<BootLog> boot_log_;
  std::optional<DstackApp> app_;
  std::vector<Event> runtime_;  // of RTMR2 and RTMR3, behind those of the boot and of the application's
  TdPolicy policy_;
  std::optional<Profile> profile_;
  bool vmm_assumed_ = true, measures_given_ = false;
  std::string release_assumed_;
  BootDigests digests_;
};

// MRTD, and of the others those that are known, by their numbers; MRTD alone where there is no event.
std::vector<Register> registers_of(const Prediction& prediction);

// "2G", "512M", "16384K", or bytes; at least a MiB.
Result<std::uint64_t> parse_memory(const std::string& text);

}  // namespace hallmark::tdx
