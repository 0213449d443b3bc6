// Guests of dstack: their events, their logs, and what is predicted of an application before it runs.
// Oracle of every digest here: Python's hashlib over the bytes that specs/tee/tdx.md names.
#include "lib/tee/tdx/dstack.h"

#include <gtest/gtest.h>

#include "lib/tee/tdx/dstack_app.h"
#include "tests/unit/tee/spec_tables.h"

namespace hallmark::tdx {
namespace {

constexpr const char* kV1 =
    "67b4be4efed0893cfa2bb1d35dca209ad8348b4c97f980807bcde8b9a0f26398dd0923d6eccb5aa2096d98046da8740f";
constexpr const char* kV2 =
    "baf3bcd15a9ffbd5d96a054080db0d029d44a88cdb7ea9f9ca5953bf7a1d8d91f9a16c6de05de1034f41295e8cec53dc";

TEST(DstackEvent, IsOverItsNameAndPayload) {
  const Bytes payload = *from_hex("deadbeef");
  EXPECT_EQ(to_hex(dstack_digest_v1("app-id", payload)), kV1);
  EXPECT_EQ(to_hex(dstack_digest_v2("app-id", payload)), kV2);
}

std::string entry(const std::string& more) {
  return R"([{"imr":3,"event_type":134217729,"event":"app-id","event_payload":"deadbeef")" + more + "}]";
}

TEST(DstackLog, WithoutADigestIsComputedByItsVersion) {
  for (const auto& [more, want] : {std::pair{R"(,"digest":"")", kV1},
                                   {"", kV1},
                                   {R"(,"digest":"","version":1)", kV1},
                                   {R"(,"digest":"","version":2)", kV2}}) {
    const auto report = read_dstack_report(as_bytes(entry(more)));
    ASSERT_TRUE(report) << report.error().message();
    ASSERT_EQ(report->events.size(), 1u);
    EXPECT_EQ(to_hex(*report->events[0].digest), want) << more;
    EXPECT_EQ(report->events[0].provenance, Provenance::computed);
  }
  for (const char* version : {"0", "3", "\"2\"", "null"})
    EXPECT_EQ(read_dstack_report(as_bytes(entry(R"(,"version":)" + std::string(version)))).error().fault, Fault::format)
        << version;
}

TEST(DstackLog, WithADigestOfNeitherVersionIsAMismatch) {
  for (const char* digest : {kV1, kV2})
    EXPECT_TRUE(read_dstack_report(as_bytes(entry(R"(,"digest":")" + std::string(digest) + '"'))));
  EXPECT_EQ(read_dstack_report(as_bytes(entry(R"(,"digest":")" + std::string(96, '0') + '"'))).error().fault,
            Fault::mismatch);
}

// An application that gets no keys and has no instance id, and one with all that there is.
const std::string kPlain = R"({"manifest_version":2,"name":"a","runner":"docker-compose","no_instance_id":true})";
const std::string kFull =
    R"({"manifest_version":"3","name":"b","runner":"docker-compose","key_provider":"kms","storage_fs":"EXT4",)"
    R"("event_log_version":2,"init_script":["echo one","echo two"],)"
    R"("requirements":{"gpu_policy":{"rego":"package policy","allow_debug":false}}})";
const std::string kPinned = R"({"manifest_version":2,"key_provider":"local","key_provider_id":"ABcd"})";
const std::string kInstance = "000102030405060708090a0b0c0d0e0f10111213";

using Options = std::map<std::string, std::string>;

Result<DstackApp> read(const std::string& json, const Options& options,
                       std::optional<std::string_view> command_line = "") {
  TRY(AppCompose compose, parse_app_compose(as_bytes(json)));
  return read_dstack_app(std::move(compose), options, command_line);
}
std::string rtmr3(const DstackApp& app) {
  const auto folded = fold(dstack_events(app))[3];
  return folded ? to_hex(*folded) : "open";
}
// "app-id computed"
std::vector<std::string> names(const DstackApp& app) {
  std::vector<std::string> out;
  for (const Event& e : dstack_events(app)) {
    EXPECT_EQ(e.rtmr, 3u);
    EXPECT_EQ(e.type, kDstackRuntimeEvent);
    EXPECT_EQ(e.digest.has_value(), e.provenance != Provenance::missing);
    out.push_back(e.description.substr(std::string("dstack: ").size()) + " " + std::string(to_text(e.provenance)));
  }
  return out;
}
Options kms_options() {
  return {{"dstack", "0.5.8"},
          {"app-id",
           "11111111111111111111"
           "11111111111111111111"},
          {"instance-id", kInstance},
          {"mr-kms", to_hex(Bytes(32, 0x66))},
          {"os-image-hash", to_hex(Bytes(32, 0x55))},
          {"key-provider", R"({"name":"kms","id":"3059"})"}};
}
Options kms_options_060() {
  Options out = kms_options();
  out["dstack"] = "0.6.0";
  out.erase("mr-kms");
  return out;
}

TEST(DstackRelease, IsTheNewestThatIsNotNewer) {
  EXPECT_EQ(find_dstack_release("0.5.1")->name, "0.5.1");
  EXPECT_EQ(find_dstack_release("0.5.4")->name, "0.5.1");
  EXPECT_EQ(find_dstack_release("0.5.11")->name, "0.5.5");
  EXPECT_EQ(find_dstack_release("0.6.0")->name, "0.6.0");
  EXPECT_EQ(find_dstack_release("1.0.0")->name, dstack_releases().back().name);
  EXPECT_EQ(find_dstack_release("0.5.0").error().fault, Fault::unsupported);
  for (const char* text : {"", "0", "0.5", "0.5.", "0.5.1.", "0.5.1.2", "v0.5.1", "0.5.x", " 0.5.1", "0.-5.1",
                           "0.5.1-beta", "0.5.99999999999"})
    EXPECT_EQ(find_dstack_release(text).error().fault, Fault::usage) << text;
}

TEST(DstackRelease, IsARowOfTheSpecification) {
  const auto yes = [](bool value) { return value ? " | yes" : " | no"; };
  std::string table = "| release | `mr-kms` | `storage-fs` | scripts and policy |\n|---|---|---|---|\n";
  for (const DstackRelease& r : dstack_releases())
    table += "| " + std::string(r.name) + yes(r.mr_kms) + yes(r.storage_fs) + yes(r.launch_policy) + " |\n";
  EXPECT_NE(spec_page("tee/tdx.md").find(table + "\n"), std::string::npos) << table;
}

TEST(AppCompose, OfNothingElseIsNotMeasured) {
  const auto compose = parse_app_compose(as_bytes(kPlain));
  ASSERT_TRUE(compose) << compose.error().message();
  EXPECT_EQ(to_hex(compose->hash), "5dd0b82cc7c8711cec5b3ea245549543107f2fd9892d61b1e8b58533fa8d71c8");
  EXPECT_EQ(compose->key_provider, KeyProvider::none);
  EXPECT_FALSE(compose->has_instance_id);
  EXPECT_FALSE(compose->storage_fs);
  EXPECT_EQ(compose->event_version, 1u);
  EXPECT_TRUE(compose->init_scripts.empty());
  EXPECT_FALSE(compose->names_init_scripts);
  EXPECT_EQ(compose->gpu_policy, digest<Alg::sha256>(as_bytes("{}")));
}

// One byte more is another application, whatever it means.
TEST(AppCompose, HasTheHashOfItsBytes) {
  EXPECT_NE(parse_app_compose(as_bytes(kPlain + "\n"))->hash, parse_app_compose(as_bytes(kPlain))->hash);
}

TEST(AppCompose, SaysWhereTheKeysAreFrom) {
  const auto provider = [](const std::string& members) {
    const auto compose = parse_app_compose(as_bytes(R"({"manifest_version":2)" + members + "}"));
    return compose ? std::string(to_text(compose->key_provider)) : compose.error().message();
  };
  EXPECT_EQ(provider(""), "none");
  EXPECT_EQ(provider(R"(,"key_provider":null)"), "none");
  EXPECT_EQ(provider(R"(,"kms_enabled":true)"), "kms");
  EXPECT_EQ(provider(R"(,"local_key_provider_enabled":true)"), "local");
  EXPECT_EQ(provider(R"(,"local_key_provider_enabled":true,"kms_enabled":true)"), "kms");
  EXPECT_EQ(provider(R"(,"key_provider":"none","kms_enabled":true)"), "none");
  for (const char* name : {"none", "local", "kms", "tpm"})
    EXPECT_EQ(provider(R"(,"key_provider":")" + std::string(name) + '"'), name);
  EXPECT_EQ(provider(R"(,"key_provider":"local-sgx")"), "app-compose: key_provider: is none of none, local, kms, tpm");
  EXPECT_EQ(provider(R"(,"kms_enabled":1)"), "app-compose: kms_enabled: is an integer, not a boolean");
}

TEST(AppCompose, TakesOneScriptOrAList) {
  const auto scripts = [](const std::string& value) {
    return parse_app_compose(as_bytes(R"({"manifest_version":2,"init_script":)" + value + "}"));
  };
  EXPECT_EQ(scripts("null")->init_scripts.size(), 0u);
  EXPECT_EQ(scripts("[]")->init_scripts.size(), 0u);
  EXPECT_EQ(scripts("\"echo one\"")->init_scripts, std::vector{digest<Alg::sha256>(as_bytes("echo one"))});
  EXPECT_EQ(scripts(R"(["a","b","c","d","e"])")->init_scripts.size(), 5u);
  EXPECT_FALSE(scripts(R"(["a","b","c","d","e","f"])"));
  EXPECT_FALSE(scripts("1"));
  EXPECT_FALSE(scripts("[1]"));
}

TEST(AppCompose, OfAnotherKindIsRefused) {
  for (const char* text :
       {"", "services:\n", "[]", "{}", R"({"manifest_version":true})",
        R"({"manifest_version":2,"key_provider_id":"xy"})", R"({"manifest_version":2,"key_provider_id":1})",
        R"({"manifest_version":2,"storage_fs":"btrfs"})", R"({"manifest_version":2,"storage_fs":1})",
        R"({"manifest_version":2,"event_log_version":3})", R"({"manifest_version":2,"event_log_version":"2"})",
        R"({"manifest_version":2,"requirements":{"gpu_policy":null}})"})
    EXPECT_FALSE(parse_app_compose(as_bytes(text))) << text;
  EXPECT_EQ(parse_app_compose(as_bytes(R"({"manifest_version":"4"})")).error().fault, Fault::unsupported);
}

TEST(DstackApp, NeedsNothingElseWithoutKeysAndInstance) {
  const auto old = read(kPlain, {{"dstack", "0.5.1"}});
  ASSERT_TRUE(old) << old.error().message();
  EXPECT_EQ(names(*old),
            (std::vector<std::string>{"system-preparing computed", "app-id computed", "compose-hash computed",
                                      "instance-id computed", "boot-mr-done computed", "key-provider computed",
                                      "system-ready computed"}));
  EXPECT_EQ(rtmr3(*old),
            "8481df3a9a51bb1fb5b580839f8510bedf010e55ccdc282ac3ddaddd8de535cca16e05c1354cfdd412072d669ae7ab2e");
  EXPECT_EQ(rtmr3(*read(kPlain, {{"dstack", "0.5.5"}})),
            "252fa62a54dc4bfdc45d2e1a79ec40a85b96fdad76bbd59cdc22cb81eae49f1fccd438a2893b23d0d948ba5d659a1b83");
}

TEST(DstackApp, ExtendsWhatTheKmsSays) {
  const auto app = read(kFull, kms_options());
  ASSERT_TRUE(app) << app.error().message();
  EXPECT_EQ(names(*app),
            (std::vector<std::string>{"system-preparing computed", "app-id supplied", "compose-hash computed",
                                      "instance-id supplied", "boot-mr-done computed", "mr-kms supplied",
                                      "os-image-hash supplied", "key-provider supplied", "storage-fs computed",
                                      "system-ready computed"}));
  EXPECT_EQ(rtmr3(*app),
            "3223a3925efb54a0fc2700fcc149b176d9d24fd727f6863430c7df520096e278d0a3a350a35ed073b01d893c305f227d");
}

TEST(DstackApp, ExtendsScriptsAndPolicyByVersion2) {
  const auto app = read(kFull, kms_options_060());
  ASSERT_TRUE(app) << app.error().message();
  EXPECT_EQ(names(*app), (std::vector<std::string>{
                             "system-preparing computed", "app-id supplied", "compose-hash computed",
                             "init-script-hash computed", "init-script-hash computed", "gpu-policy-hash computed",
                             "instance-id supplied", "boot-mr-done computed", "os-image-hash supplied",
                             "key-provider supplied", "storage-fs computed", "system-ready computed"}));
  EXPECT_EQ(rtmr3(*app),
            "b3b9fb60ae66946fa6e39f7c184e006b364438195ac00c09dbf27f95671a2c01bbefa6c84759d21c3c5360df34a63575");
}

// Each of them alone leaves the register open, and says what to give.
TEST(DstackApp, GuessesNothing) {
  for (const char* name : {"instance-id", "mr-kms", "os-image-hash", "key-provider"}) {
    Options options = kms_options();
    options.erase(name);
    const auto app = read(kFull, options);
    ASSERT_TRUE(app) << app.error().message();
    EXPECT_EQ(rtmr3(*app), "open") << name;
    std::size_t open = 0;
    for (const Event& e : dstack_events(*app))
      if (e.provenance == Provenance::missing) {
        open++;
        EXPECT_EQ(e.description, "dstack: " + std::string(name));
        EXPECT_NE(e.inputs.find("missing")->string().find("(" + std::string(name) + ")"), std::string::npos);
      }
    EXPECT_EQ(open, 1u);
  }
}

TEST(DstackApp, KnowsTheProviderThatItAcceptsAlone) {
  const auto app = read(kPinned, {{"dstack", "0.5.1"}, {"instance-id", kInstance}});
  ASSERT_TRUE(app) << app.error().message();
  EXPECT_EQ(names(*app)[5], "key-provider computed");
  const Event provider = dstack_events(*app)[5];
  EXPECT_EQ(provider.inputs.find("payload")->string(), to_hex(as_bytes(R"({"name":"local-sgx","id":"abcd"})")));
  EXPECT_FALSE(read(kPinned, {{"dstack", "0.5.1"}, {"key-provider", R"({"name":"local-sgx","id":"ab"})"}}));
  EXPECT_TRUE(read(kPinned, {{"dstack", "0.5.1"}, {"key-provider", R"({"name":"local-sgx","id":"ABCD"})"}}));
}

TEST(DstackApp, OfAKmsWhoseCertificateDoesNotSayExtendsNoMrKms) {
  Options options = kms_options();
  options["mr-kms"] = "none";
  const auto app = read(kFull, options);
  ASSERT_TRUE(app) << app.error().message();
  EXPECT_EQ(names(*app)[5], "os-image-hash supplied");
}

TEST(DstackApp, FindsTheFileSystem) {
  const auto storage = [](const std::string& json, std::optional<std::string_view> command_line) {
    const auto app = read(json, {{"dstack", "0.5.5"}}, command_line);
    return app ? app->storage_fs + (app->storage_assumed ? " assumed" : "") : app.error().message();
  };
  EXPECT_EQ(storage(kPlain, std::nullopt), "zfs assumed");
  EXPECT_EQ(storage(kPlain, "console=hvc0"), "zfs");
  EXPECT_EQ(storage(kPlain, "a dstack.storage_fs=ext4\tb"), "ext4");
  EXPECT_EQ(storage(kPlain, "dstack.storage_fs=ext4 dstack.storage_fs=ZFS"), "zfs");
  EXPECT_EQ(storage(kPlain, "xdstack.storage_fs=ext4"), "zfs");
  EXPECT_EQ(storage(kFull, "dstack.storage_fs=zfs"), "ext4");
  EXPECT_EQ(storage(kPlain, "dstack.storage_fs=xfs"), "cmdline: dstack.storage_fs is neither zfs nor ext4");
  EXPECT_EQ(names(*read(kPlain, {{"dstack", "0.5.5"}}, std::nullopt))[6], "storage-fs assumed");
}

TEST(DstackApp, RefusesWhatItHasNoUseFor) {
  const auto refused = [](const std::string& json, const Options& options) {
    const auto app = read(json, options);
    return !app && app.error().fault == Fault::usage;
  };
  EXPECT_TRUE(refused(kPlain, {}));
  const std::string id = std::string(40, '1'), hash = std::string(64, '2');
  // Without a KMS, an id of its own is for 0.6.0.
  EXPECT_TRUE(refused(kPlain, {{"dstack", "0.5.11"}, {"app-id", id}}));
  EXPECT_TRUE(read(kPlain, {{"dstack", "0.5.11"}, {"app-id", "5dd0b82cc7c8711cec5b3ea245549543107f2fd9"}}));
  EXPECT_TRUE(read(kPlain, {{"dstack", "0.6.0"}, {"app-id", id}}));
  EXPECT_TRUE(refused(kPlain, {{"dstack", "0.5.5"}, {"instance-id", id}}));
  EXPECT_TRUE(refused(kPlain, {{"dstack", "0.5.5"}, {"os-image-hash", hash}}));
  EXPECT_TRUE(refused(kPlain, {{"dstack", "0.5.5"}, {"mr-kms", hash}}));
  EXPECT_TRUE(refused(kPlain, {{"dstack", "0.5.5"}, {"mr-kms", "none"}}));
  EXPECT_TRUE(refused(kFull, {{"dstack", "0.6.0"}, {"mr-kms", hash}}));
  for (const auto& [name, size] :
       {std::pair<const char*, std::size_t>{"app-id", 20}, {"instance-id", 20}, {"mr-kms", 32}, {"os-image-hash", 32}})
    for (const std::string& value : {std::string(), std::string(2 * size - 2, '1'), std::string(2 * size + 2, '1'),
                                     std::string(2 * size, 'x'), std::string("none")})
      if (value != "none" || std::string(name) != "mr-kms") {
        Options options = kms_options();
        options[name] = value;
        EXPECT_TRUE(refused(kFull, options)) << name << " " << value;
      }
  for (const char* value : {"", "{}", "kms", "[]", R"({"name":"kms"})", R"({"name":"kms","id":1})",
                            R"({"name":"kms","id":""})", R"({"name":"kms","id":"xy"})",
                            R"({"name":"kms","id":"30","url":""})", R"({"name":"local-sgx","id":"30"})", "none"}) {
    Options options = kms_options();
    options["key-provider"] = value;
    EXPECT_TRUE(refused(kFull, options)) << value;
  }
  EXPECT_TRUE(read(kPlain, {{"dstack", "0.5.5"}, {"key-provider", "none"}}));
  EXPECT_TRUE(read(kPlain, {{"dstack", "0.5.5"}, {"key-provider", R"({"name":"none","id":""})"}}));
  EXPECT_TRUE(refused(kPlain, {{"dstack", "0.5.5"}, {"key-provider", R"({"name":"none","id":"30"})"}}));
}

TEST(DstackApp, HasAnMrconfigid) {
  const auto app = read(kFull, kms_options_060());
  EXPECT_EQ(to_hex(*dstack_mrconfigid(*app, 1)),
            "0144af7c91c2b88d34d25cf5a1c108f4f075bea2b1c4f95708aa9ca5a54fcdbbcc" + std::string(30, '0'));
  EXPECT_EQ(to_hex(*dstack_mrconfigid(*app, 3)),
            "035182e564211a40a4ca018450e33f53568647f976beb1a98515cc5dd6225393bc" + std::string(30, '0'));
  EXPECT_EQ(to_hex(*dstack_mrconfigid(*read(kPinned, {{"dstack", "0.6.0"}, {"instance-id", kInstance}}), 3)),
            "031baf3e5bb068a659af3a1604fa71d41917c5e9d993340cf033af59245a79a48a" + std::string(30, '0'));
  // kFull names no key provider's id.
  EXPECT_EQ(dstack_mrconfigid(*app, 2).error().fault, Fault::usage);
  EXPECT_EQ(dstack_mrconfigid(*app, 0).error().fault, Fault::usage);
  EXPECT_EQ(dstack_mrconfigid(*app, 4).error().fault, Fault::usage);
  // An instance that is not known has none of version 3, and neither has an old guest.
  EXPECT_EQ(dstack_mrconfigid(*read(kPinned, {{"dstack", "0.6.0"}}), 3).error().fault, Fault::usage);
  EXPECT_EQ(dstack_mrconfigid(*read(kFull, kms_options()), 3).error().fault, Fault::usage);
}

// Oracle: dstack's own value (sdk/js/src/__tests__, get_mr_config_id), and python3-pycryptodome's keccak for the other.
TEST(DstackApp, HasAnMrconfigidOfVersion2IfItNamesItsKeyProvider) {
  DstackApp app{};
  for (std::size_t i = 0; i < app.compose.hash.size(); i++) app.compose.hash[i] = static_cast<std::uint8_t>(i);
  app.app_id.assign(app.compose.hash.begin(), app.compose.hash.begin() + 20);
  app.compose.key_provider = KeyProvider::kms;
  app.compose.key_provider_id = {0xaa, 0xbb, 0xcc, 0xdd};
  EXPECT_EQ(to_hex(*dstack_mrconfigid(app, 2)),
            "02e472ed80a08042f044ba63b53b798e98e3ea5219cd078007b1ac8b3dfc762b94" + std::string(30, '0'));
  EXPECT_EQ(to_hex(*dstack_mrconfigid(*read(kPinned, {{"dstack", "0.5.8"}}), 2)),
            "02e53ec562b050a1147977e1e1e1978fe7ac37eaf66453a18e3b80e657932d1eba" + std::string(30, '0'));
}

}  // namespace
}  // namespace hallmark::tdx
