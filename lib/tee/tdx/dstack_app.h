// An application on dstack, before it runs: what its guest extends RTMR3 with while it boots, and the MRCONFIGID by
// which the monitor names it.
//
// The guest measures the application's definition, app-compose.json, byte for byte; who the instance is; and who gives
// it its keys. The first is the developer's own, the others are decided when the instance is made, and what nobody
// tells is missing: it is never guessed.
//
// There is no specification but dstack's sources: dstack-util/src/system_setup.rs for the order,
// dstack-types/src/lib.rs for the definition and mr_config.rs for MRCONFIGID, at the tags v0.5.1 to v0.5.11 and, for
// 0.6.0, at 312dc605. specs/tee/tdx.md describes them.
#pragma once

#include <array>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "lib/tee/tdx/event.h"

namespace hallmark::tdx {

inline constexpr std::uint64_t kMaxAppCompose = std::uint64_t{4} << 20;

// What the guest's software of a release does. A row stands for every release from its own up to the next row.
struct DstackRelease {
  std::string_view name;  // "0.5.1"
  std::array<unsigned, 3> number;
  bool mr_kms;      // extends what a KMS measured to, if the KMS's certificate says so
  bool storage_fs;  // extends the file system of the data disk
  // Extends the hashes of the scripts and of the GPU policy, reads "event_log_version", takes an application's own id
  // without a KMS, and knows MRCONFIGID of version 3.
  bool launch_policy;
};
std::span<const DstackRelease> dstack_releases();
// By any release from the first row's on: "0.5.8".
Result<DstackRelease> find_dstack_release(std::string_view version);

enum class KeyProvider { none, local, kms, tpm };
// As app-compose.json names it.
std::string_view to_text(KeyProvider);

using ComposeHash = DigestOf<Alg::sha256>;

// Of app-compose.json, what is measured or decides what is.
struct AppCompose {
  ComposeHash hash{};  // of the file's bytes
  KeyProvider key_provider = KeyProvider::none;
  Bytes key_provider_id;  // the only provider that the guest accepts; empty: any
  bool has_instance_id = true;
  std::optional<std::string> storage_fs;  // "zfs" or "ext4"
  unsigned event_version = 1;             // 1 or 2
  std::vector<ComposeHash> init_scripts;  // of each script's text, in their order
  ComposeHash gpu_policy{};               // of its canonical JSON; "{}" where it has none
  bool names_init_scripts = false;        // in MRCONFIGID of version 3: from manifest version 3 on
};
// Members that are not measured are not looked at, as dstack does not refuse them either.
Result<AppCompose> parse_app_compose(ByteView json);

// All that is known of one instance. Ids have 20 bytes, hashes 32.
struct DstackApp {
  DstackRelease release;
  AppCompose compose;
  Bytes app_id;                        // the first bytes of the compose hash, unless given
  std::optional<Bytes> instance_id;    // empty: the application wants none
  std::optional<Bytes> mr_kms;         // empty: the KMS's certificate has none
  std::optional<Bytes> os_image_hash;  // as the KMS answers it
  std::optional<Bytes> provider_id;    // empty for the kinds none and tpm
  std::string storage_fs;
  bool storage_assumed = false;
};

// From the options "dstack" (the release; required), "app-id", "instance-id", "os-image-hash", "mr-kms" (or "none") and
// "key-provider" (the JSON that the guest extends, or "none"). One that the definition contradicts, or that such a
// guest has no use for, is a usage fault. The kernel's command line can name the file system; nothing: it is not known.
Result<DstackApp> read_dstack_app(AppCompose compose, const std::map<std::string, std::string>& options,
                                  std::optional<std::string_view> command_line);

// The events up to "system-ready", in order: `computed` where the definition tells the payload, `supplied` where an
// option does. The application's own events follow.
std::vector<Event> dstack_events(const DstackApp& app);

// MRCONFIGID of that version, from 1 to 3. Version 2 is a usage fault for an application without "key_provider_id",
// for which no monitor makes it; version 3 for a release before 0.6.0, or where the instance's id is not known.
Result<Digest> dstack_mrconfigid(const DstackApp& app, unsigned version);

}  // namespace hallmark::tdx
