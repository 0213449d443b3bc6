#include "lib/tee/tdx/dstack_app.h"

#include <algorithm>
#include <charconv>

#include "lib/crypto/keccak.h"
#include "lib/formats/event_log.h"
#include "lib/tee/tdx/dstack.h"

namespace hallmark::tdx {
namespace {

constexpr std::size_t kIdSize = 20, kHashSize = 32;
constexpr std::size_t kMaxProviderId = 4096;  // a public key in DER, or a measurement
constexpr std::size_t kMaxInitScripts = 5;
constexpr unsigned kMaxManifest = 3;

constexpr std::array<DstackRelease, 3> kReleases{{
    {.name = "0.5.1", .number = {0, 5, 1}, .mr_kms = true, .storage_fs = false, .launch_policy = false},
    {.name = "0.5.5", .number = {0, 5, 5}, .mr_kms = true, .storage_fs = true, .launch_policy = false},
    {.name = "0.6.0", .number = {0, 6, 0}, .mr_kms = false, .storage_fs = true, .launch_policy = true},
}};

struct KeyProviderName {
  KeyProvider provider;
  std::string_view compose, event;
  std::uint8_t mrconfig;  // in MRCONFIGID of version 2
};
constexpr std::array kKeyProviders{
    KeyProviderName{KeyProvider::none, "none", "none", 0},
    KeyProviderName{KeyProvider::local, "local", "local-sgx", 1},
    KeyProviderName{KeyProvider::kms, "kms", "kms", 2},
    KeyProviderName{KeyProvider::tpm, "tpm", "tpm", 3},
};
const KeyProviderName& name_of(KeyProvider provider) {
  return *std::ranges::find(kKeyProviders, provider, &KeyProviderName::provider);
}
bool has_id(KeyProvider provider) { return provider == KeyProvider::local || provider == KeyProvider::kms; }

ByteView first_id(const ComposeHash& hash) { return ByteView(hash).first(kIdSize); }

// app-compose.json

Failure wrong(const std::string& field, const std::string& why) {
  return fail(Fault::format, "app-compose: " + field + ": " + why);
}

Result<bool> flag(const Json& compose, const std::string& name) {
  const Json* value = compose.find(name);
  if (value == nullptr) return false;
  if (!value->is_bool()) return wrong(name, "is " + std::string(value->kind()) + ", not a boolean");
  return value->boolean();
}

// A version that older definitions write as a number, and newer ones as text.
Result<unsigned> manifest_version(const Json& compose) {
  const Json* value = compose.find("manifest_version");
  if (value == nullptr)
    return wrong("manifest_version", "is missing: is it the app-compose.json of a dstack application?");
  const std::string text = value->is_integer()  ? std::to_string(value->integer())
                           : value->is_string() ? value->string()
                                                : std::string(value->kind());
  for (unsigned known = 1; known <= kMaxManifest; known++)
    if (text == std::to_string(known)) return known;
  return fail(Fault::unsupported, "app-compose: manifest_version: is " + one_line(text) + ", 1 to " +
                                      std::to_string(kMaxManifest) + " are known");
}

Result<KeyProvider> key_provider(const Json& compose) {
  TRY(const bool kms, flag(compose, "kms_enabled"));
  TRY(const bool local, flag(compose, "local_key_provider_enabled"));
  const Json* named = compose.find("key_provider");
  if (named == nullptr || named->is_null())
    return kms ? KeyProvider::kms : local ? KeyProvider::local : KeyProvider::none;
  if (named->is_string())
    for (const KeyProviderName& known : kKeyProviders)
      if (named->string() == known.compose) return known.provider;
  return wrong("key_provider", "is none of none, local, kms, tpm");
}

Result<Bytes> key_provider_id(const Json& compose) {
  const Json* value = compose.find("key_provider_id");
  if (value == nullptr) return Bytes();
  auto bytes = from_hex(value->is_string() ? value->string() : "?");
  if (!bytes || bytes->size() > kMaxProviderId) return wrong("key_provider_id", "is no hexadecimal");
  return *std::move(bytes);
}

std::optional<std::string> file_system(std::string text) {
  for (char& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  if (text != "zfs" && text != "ext4") return std::nullopt;
  return text;
}

// One script, a list of them, or null.
Result<std::vector<ComposeHash>> init_scripts(const Json& compose) {
  std::vector<ComposeHash> out;
  const Json* value = compose.find("init_script");
  if (value == nullptr || value->is_null()) return out;
  const Json list = value->is_array() ? *value : Json::array({*value});
  if (list.items().size() > kMaxInitScripts)
    return wrong("init_script", "has " + std::to_string(list.items().size()) + " scripts, at most " +
                                    std::to_string(kMaxInitScripts) + " allowed");
  for (const Json& script : list.items()) {
    if (!script.is_string()) return wrong("init_script", "is neither text nor a list of texts");
    out.push_back(digest<Alg::sha256>(as_bytes(script.string())));
  }
  return out;
}

Result<ComposeHash> gpu_policy(const Json& compose) {
  const Json* requirements = compose.find("requirements");
  const Json* policy = requirements == nullptr ? nullptr : requirements->find("gpu_policy");
  if (policy == nullptr) return digest<Alg::sha256>(as_bytes("{}"));
  if (!policy->is_object())
    return wrong("requirements.gpu_policy", "is " + std::string(policy->kind()) + ", not an object");
  return digest<Alg::sha256>(as_bytes(policy->canonical()));
}

// The options

using Options = std::map<std::string, std::string>;

Failure bad_option(const std::string& name, const std::string& why) { return fail(Fault::usage, name + ": " + why); }

Result<std::optional<Bytes>> bytes_of(const Options& options, const std::string& name, std::size_t size) {
  const auto it = options.find(name);
  if (it == options.end()) return std::nullopt;
  auto bytes = from_hex(it->second);
  if (!bytes || bytes->size() != size)
    return bad_option(name, "\"" + it->second + "\" is not " + std::to_string(size) + " bytes in hexadecimal");
  return std::optional(*std::move(bytes));
}

// {"name": "kms", "id": "3059…"}, as a log has it.
Result<std::optional<Bytes>> provider_id(const Options& options, const AppCompose& compose) {
  const auto it = options.find("key-provider");
  const KeyProvider kind = compose.key_provider;
  const std::string wanted = "; the application's key_provider is " + std::string(to_text(kind));
  if (it == options.end()) {
    if (!has_id(kind)) return std::optional(Bytes());
    if (!compose.key_provider_id.empty()) return std::optional(compose.key_provider_id);
    return std::nullopt;
  }
  std::string name = "none";
  Bytes id;
  if (it->second != "none") {
    const auto json = parse_json(it->second);
    const Json* name_text = json ? json->find("name") : nullptr;
    const Json* id_text = json ? json->find("id") : nullptr;
    auto bytes = id_text != nullptr && id_text->is_string() ? from_hex(id_text->string()) : Bytes();
    if (name_text == nullptr || !name_text->is_string() || id_text == nullptr || !id_text->is_string() || !bytes ||
        bytes->size() > kMaxProviderId || json->members().size() != 2)
      return bad_option("key-provider",
                        R"(is neither "none" nor such as {"name":"kms","id":"3059"}, with the id in hexadecimal)");
    name = name_text->string();
    id = *std::move(bytes);
  }
  if (name != name_of(kind).event) return bad_option("key-provider", "is \"" + one_line(name) + "\"" + wanted);
  if (id.empty() == has_id(kind)) return bad_option("key-provider", (id.empty() ? "has no id" : "has an id") + wanted);
  if (!compose.key_provider_id.empty() && has_id(kind) && id != compose.key_provider_id)
    return bad_option("key-provider", "is another than the application accepts (key_provider_id)");
  return std::optional(std::move(id));
}

// dstack reads /proc/cmdline after white space, and takes the last.
std::optional<std::string> storage_of(std::string_view command_line) {
  constexpr std::string_view kPrefix = "dstack.storage_fs=";
  std::optional<std::string> out;
  while (!command_line.empty()) {
    const std::size_t end = std::min(command_line.find_first_of(" \t\r\n"), command_line.size());
    const std::string_view word = command_line.substr(0, end);
    command_line.remove_prefix(std::min(end + 1, command_line.size()));
    if (word.starts_with(kPrefix)) out = word.substr(kPrefix.size());
  }
  return out;
}

// The events

Event extends(const DstackApp& app, std::string_view name, ByteView payload, Provenance provenance) {
  const unsigned version = app.release.launch_policy ? app.compose.event_version : 1;
  return {.rtmr = 3,
          .type = kDstackRuntimeEvent,
          .description = "dstack: " + std::string(name),
          .digest = version == 1 ? dstack_digest_v1(name, payload) : dstack_digest_v2(name, payload),
          .provenance = provenance,
          .inputs = Json::object({{"payload", to_hex(payload)}, {"version", std::uint64_t{version}}})};
}

// A value that was given, or a word on what to give.
Event extends(const DstackApp& app, std::string_view name, const std::optional<Bytes>& payload, Provenance provenance,
              const std::string& why) {
  if (payload) return extends(app, name, *payload, provenance);
  return missing(3, kDstackRuntimeEvent, "dstack: " + std::string(name), why);
}

std::string key_provider_json(const DstackApp& app) {
  return R"({"name":")" + std::string(name_of(app.compose.key_provider).event) + R"(","id":")" +
         to_hex(*app.provider_id) + R"("})";
}

}  // namespace

std::span<const DstackRelease> dstack_releases() { return kReleases; }

Result<DstackRelease> find_dstack_release(std::string_view version) {
  std::array<unsigned, 3> number{};
  const char *at = version.data(), *const end = at + version.size();
  for (std::size_t i = 0; i < number.size(); i++) {
    const auto [next, error] = std::from_chars(at, end, number[i]);
    const bool last = i + 1 == number.size();
    if (error != std::errc() || (last ? next != end : next == end || *next != '.'))
      return bad_option("dstack", "\"" + std::string(version) + "\" is no release such as 0.5.8");
    at = last ? next : next + 1;
  }
  const auto* newer = std::ranges::upper_bound(kReleases, number, {}, &DstackRelease::number);
  if (newer == kReleases.begin())
    return fail(Fault::unsupported, "dstack: release " + std::string(version) + ": is older than " +
                                        std::string(kReleases.front().name) + ", the first that is known");
  return *std::prev(newer);
}

std::string_view to_text(KeyProvider provider) { return name_of(provider).compose; }

Result<AppCompose> parse_app_compose(ByteView json) {
  TRY(const Json compose, in("app-compose", parse_json(as_text(json), {.bytes = kMaxAppCompose})));
  if (!compose.is_object()) return fail(Fault::format, "app-compose: is " + std::string(compose.kind()));
  AppCompose out{.hash = digest<Alg::sha256>(json)};
  TRY(const unsigned manifest, manifest_version(compose));
  out.names_init_scripts = manifest >= 3;
  TRY(out.key_provider, key_provider(compose));
  TRY(out.key_provider_id, key_provider_id(compose));
  TRY(const bool no_instance_id, flag(compose, "no_instance_id"));
  out.has_instance_id = !no_instance_id;
  if (const Json* fs = compose.find("storage_fs"); fs != nullptr && !fs->is_null()) {
    out.storage_fs = file_system(fs->is_string() ? fs->string() : "");
    if (!out.storage_fs) return wrong("storage_fs", "is neither zfs nor ext4");
  }
  if (const Json* version = compose.find("event_log_version")) {
    if (!version->is_integer() || version->integer() < 1 || version->integer() > 2)
      return wrong("event_log_version", "is neither 1 nor 2");
    out.event_version = static_cast<unsigned>(version->integer());
  }
  TRY(out.init_scripts, init_scripts(compose));
  TRY(out.gpu_policy, gpu_policy(compose));
  return out;
}

Result<DstackApp> read_dstack_app(AppCompose compose, const Options& options,
                                  std::optional<std::string_view> command_line) {
  const auto release = options.find("dstack");
  if (release == options.end())
    return fail(Fault::usage, "which events a guest makes depends on its release of dstack: give that too (dstack)");
  DstackApp out{};
  TRY(out.release, find_dstack_release(release->second));
  out.compose = std::move(compose);
  const bool kms = out.compose.key_provider == KeyProvider::kms;

  const ByteView own = first_id(out.compose.hash);
  TRY(const auto app_id, bytes_of(options, "app-id", kIdSize));
  out.app_id = app_id.value_or(Bytes(own.begin(), own.end()));
  if (!out.release.launch_policy && !kms && !std::ranges::equal(out.app_id, own))
    return bad_option("app-id", "without a KMS, a guest before dstack 0.6.0 has none but " + to_hex(own) +
                                    ", the beginning of its compose hash");

  TRY(out.instance_id, bytes_of(options, "instance-id", kIdSize));
  if (!out.compose.has_instance_id) {
    if (out.instance_id) return bad_option("instance-id", "the application has none (no_instance_id)");
    out.instance_id.emplace();
  }

  TRY(out.os_image_hash, bytes_of(options, "os-image-hash", kHashSize));
  if (const auto it = options.find("mr-kms"); it != options.end() && it->second == "none") {
    out.mr_kms.emplace();
  } else {
    TRY(out.mr_kms, bytes_of(options, "mr-kms", kHashSize));
  }
  if (out.os_image_hash && !kms)
    return bad_option("os-image-hash", "only a guest whose keys are from a KMS extends it");
  if (out.mr_kms && !(kms && out.release.mr_kms))
    return bad_option("mr-kms", "only a guest whose keys are from a KMS extends it, and only before dstack 0.6.0");
  TRY(out.provider_id, provider_id(options, out.compose));

  const auto named = out.compose.storage_fs ? out.compose.storage_fs
                     : command_line         ? storage_of(*command_line)
                                            : std::nullopt;
  const auto storage = file_system(named.value_or("zfs"));
  if (!storage) return bad_option("cmdline", "dstack.storage_fs is neither zfs nor ext4");
  out.storage_fs = *storage;
  out.storage_assumed = !named && !command_line;
  return out;
}

// dstack-util/src/system_setup.rs: measure_app_info, request_app_keys, verify_app, setup_fs.
std::vector<Event> dstack_events(const DstackApp& app) {
  const AppCompose& compose = app.compose;
  const auto from = [](bool definition) { return definition ? Provenance::computed : Provenance::supplied; };
  std::vector<Event> out;
  out.push_back(extends(app, "system-preparing", {}, Provenance::computed));
  out.push_back(extends(app, "app-id", app.app_id, from(std::ranges::equal(app.app_id, first_id(compose.hash)))));
  out.push_back(extends(app, "compose-hash", compose.hash, Provenance::computed));
  if (app.release.launch_policy) {
    for (const ComposeHash& script : compose.init_scripts)
      out.push_back(extends(app, "init-script-hash", script, Provenance::computed));
    out.push_back(extends(app, "gpu-policy-hash", compose.gpu_policy, Provenance::computed));
  }
  out.push_back(extends(app, "instance-id", app.instance_id, from(!compose.has_instance_id),
                        "give the instance's id (instance-id), which is drawn at random when it is made"));
  out.push_back(extends(app, "boot-mr-done", {}, Provenance::computed));
  if (compose.key_provider == KeyProvider::kms) {
    if (app.release.mr_kms && !(app.mr_kms && app.mr_kms->empty()))
      out.push_back(extends(app, "mr-kms", app.mr_kms, Provenance::supplied,
                            "give what the KMS measured to (mr-kms), or none if the KMS's certificate does not say"));
    out.push_back(extends(app, "os-image-hash", app.os_image_hash, Provenance::supplied,
                          "give the hash of the image that the KMS answers with (os-image-hash)"));
  }
  std::optional<Bytes> provider;
  if (app.provider_id) {
    const std::string json = key_provider_json(app);
    provider.emplace(json.begin(), json.end());
  }
  out.push_back(extends(app, "key-provider", provider,
                        from(!has_id(compose.key_provider) || !compose.key_provider_id.empty()),
                        "say which key provider it is (key-provider)"));
  if (app.release.storage_fs) {
    Event storage = extends(app, "storage-fs", as_bytes(app.storage_fs), Provenance::computed);
    if (app.storage_assumed)
      storage = assumed(std::move(storage), "neither app-compose.json nor a command line names a file system");
    out.push_back(std::move(storage));
  }
  out.push_back(extends(app, "system-ready", {}, Provenance::computed));
  return out;
}

// dstack-types/src/mr_config.rs: the version, then 32 bytes, then zeros.
Result<Digest> dstack_mrconfigid(const DstackApp& app, unsigned version) {
  const AppCompose& compose = app.compose;
  ComposeHash hash = compose.hash;
  if (version < 1 || version > 3)
    return bad_option("mrconfigid", "dstack has no version " + std::to_string(version) + " of it");
  if (version == 2) {
    if (compose.key_provider_id.empty())
      return bad_option("mrconfigid",
                        "version 2 of dstack is for an application that names the key provider's id "
                        "(key_provider_id), and this one does not: its version is 1");
    Bytes info(compose.hash.begin(), compose.hash.end());
    info.insert(info.end(), app.app_id.begin(), app.app_id.end());
    info.push_back(name_of(compose.key_provider).mrconfig);
    info.insert(info.end(), compose.key_provider_id.begin(), compose.key_provider_id.end());
    hash = keccak256(info);
  }
  if (version == 3) {
    if (!app.release.launch_policy) return bad_option("mrconfigid", "version 3 of dstack is for 0.6.0 and later");
    if (!app.instance_id)
      return bad_option("mrconfigid", "version 3 of dstack covers the instance's id: give it (instance-id)");
    Json document = Json::object({{"app_id", to_hex(app.app_id)},
                                  {"compose_hash", to_hex(compose.hash)},
                                  {"key_provider", to_text(compose.key_provider)},
                                  {"version", 3}});
    if (!compose.key_provider_id.empty()) document["key_provider_id"] = to_hex(compose.key_provider_id);
    if (!app.instance_id->empty()) document["instance_id"] = to_hex(*app.instance_id);
    if (compose.names_init_scripts) {
      Json scripts = Json::array();
      for (const ComposeHash& script : compose.init_scripts) scripts.push_back(to_hex(script));
      document["init_script_hashes"] = std::move(scripts);
    }
    constexpr std::string_view kDomain("dstack-mr-config-v3:\0", 21);
    hash = Hasher<Alg::sha256>().add(as_bytes(kDomain)).add(as_bytes(document.canonical())).finish();
  }
  Digest out{};
  out[0] = static_cast<std::uint8_t>(version);
  std::ranges::copy(hash, out.begin() + 1);
  return out;
}

}  // namespace hallmark::tdx
