#include "lib/pin/spec.h"

#include <gtest/gtest.h>

#include "lib/pin/names.h"

namespace hallmark::pin {
namespace {

constexpr std::string_view kSmall = R"(hallmark: 1
name: demo
sources:
- {name: app, path: .}
toolchain:
  debian:
    suites: [{suite: bookworm}]
    packages: [gcc]
build:
  steps: [make]
outputs:
- {path: out/app}
)";

std::string error_of(std::string_view text) {
  auto spec = parse_spec(text, "hallmark.yaml");
  return spec ? "no error" : spec.error().message();
}

// The small specification with one part replaced.
std::string error_with(std::string_view old_part, std::string_view new_part) {
  std::string text(kSmall);
  const auto at = text.find(old_part);
  if (at == std::string::npos) return "no such part";
  return error_of(text.replace(at, old_part.size(), new_part));
}

TEST(Spec, FillsInWhatIsNotSaid) {
  auto spec = parse_spec(kSmall, "hallmark.yaml");
  ASSERT_TRUE(spec) << spec.error().message();
  EXPECT_EQ(to_json(*spec).canonical(),
            R"({"build":{"cpus":1,"env":{},"epoch":"commit","steps":["make"]},"hallmark":1,"name":"demo",)"
            R"("outputs":[{"kind":"file","path":"out/app"}],)"
            R"("sources":[{"allow_private_keys":[],"into":".","name":"app","path":"."}],)"
            R"("toolchain":{"debian":{"keyring":"/usr/share/keyrings/debian-archive-keyring.gpg","packages":["gcc"],)"
            R"("require_signers":1,"suites":[{"components":["main"],"mirrors":[],"suite":"bookworm"}]}}})");
}

TEST(Spec, DigestIgnoresSpellingAndNothingElse) {
  const auto digest = spec_digest(*parse_spec(kSmall, "a"));
  auto other = [&](std::string_view old_part, std::string_view new_part) {
    std::string text(kSmall);
    text.replace(text.find(old_part), old_part.size(), new_part);
    auto spec = parse_spec(text, "b");
    EXPECT_TRUE(spec) << spec.error().message();
    return spec_digest(*spec);
  };
  EXPECT_EQ(other("{name: app, path: .}", "{path: \".\", name: app, into: .}  # a remark"), digest);
  EXPECT_EQ(other("  steps: [make]", "  cpus: 1\n  epoch: commit\n  steps:\n  - make"), digest);
  EXPECT_NE(other("[make]", "[make all]"), digest);
  EXPECT_NE(other("[gcc]", "[gcc, make]"), digest);
  EXPECT_NE(other("  steps", "  epoch: 0\n  steps"), digest);
  EXPECT_NE(other("out/app}", "out/app, kind: sgx}"), digest);
}

TEST(Spec, ReadsEverySourceKind) {
  auto spec = parse_spec(R"(hallmark: 1
name: demo
sources:
- {name: a, git: {url: "https://example.org/a.git", ref: refs/tags/v1}}
- {name: b, into: third_party/b, archive: {urls: ["https://example.org/b.tgz", b.tgz], sha256: "0000000000000000000000000000000000000000000000000000000000000000", size: 12, strip: 1}}
- {name: c, into: keys, path: ../keys, allow_private_keys: [z.pem, a.pem]}
toolchain:
  debian:
    keyring: keys/debian.gpg
    require_signers: 2
    suites:
    - {suite: bookworm, components: [main, non-free-firmware], mirrors: ["http://127.0.0.1:8000/debian"]}
    packages: [gcc=4:12.2.0-3, libc6-dev]
build:
  cpus: 4
  epoch: 1700000000
  env: {CFLAGS: -O2}
  steps: ["make -j$HALLMARK_JOBS"]
outputs:
- {path: out/e.sgxs, kind: sgx, signature: out/e.sig}
- {path: out/e.sig}
- {path: out/e.so, kind: sgx, config: out/e.xml}
- {path: out/e.xml}
- {path: out/a.manifest.sgx, kind: sgx, libpal: out/libpal.so, gramine_version: "1.9"}
- {path: out/libpal.so}
- {path: out/app, kind: sgx, ego_enclave: out/ego-enclave, module: out/libpal.so}
- {path: out/ego-enclave}
)",
                         "hallmark.yaml");
  ASSERT_TRUE(spec) << spec.error().message();
  EXPECT_EQ(std::get<GitRequest>(spec->sources[0].origin).ref, "refs/tags/v1");
  EXPECT_EQ(std::get<ArchiveRequest>(spec->sources[1].origin).strip, 1u);
  EXPECT_EQ(std::get<PathRequest>(spec->sources[2].origin).path, "../keys");
  EXPECT_EQ(spec->sources[2].allow_private_keys, (std::vector<std::string>{"a.pem", "z.pem"}));
  EXPECT_EQ(spec->epoch, 1700000000);
  EXPECT_EQ(spec->recipe.outputs[0].with.companions.at("sigstruct"), "out/e.sig");
  EXPECT_EQ(spec->recipe.outputs[2].with.companions.at("config"), "out/e.xml");
  EXPECT_EQ(spec->recipe.outputs[4].with.companions.at("libpal"), "out/libpal.so");
  EXPECT_EQ(spec->recipe.outputs[4].with.options.at("gramine-version"), "1.9");
  EXPECT_EQ(spec->recipe.outputs[6].with.companions.at("ego-enclave"), "out/ego-enclave");
  EXPECT_EQ(spec->recipe.outputs[6].with.companions.at("module"), "out/libpal.so");
  // Said in the words it was read in.
  EXPECT_EQ(to_json(*spec).find("outputs")->items()[4].find("gramine_version")->string(), "1.9");
  EXPECT_EQ(to_json(*spec).find("outputs")->items()[6].find("ego_enclave")->string(), "out/ego-enclave");
}

// A document and `hallmark measure tdx` spell alike, but for - and _.
TEST(Spec, ReadsWhatAGuestIsMeasuredWith) {
  std::string text(kSmall);
  text += R"(- {path: out/OVMF.fd, kind: tdx, boot_log: ref/ccel.bin, runtime_log: ref/ima.log, memory: 2G}
- {path: out/UKI.fd, kind: tdx, uki: out/uki.efi, stub: "257"}
- {path: out/uki.efi}
- {path: ref/ccel.bin}
- {path: ref/ima.log}
)";
  const auto spec = parse_spec(text, "hallmark.yaml");
  ASSERT_TRUE(spec) << spec.error().message();
  const auto& outputs = spec->recipe.outputs;
  EXPECT_EQ(outputs[1].with.companions,
            (std::map<std::string, std::string>{{"boot-log", "ref/ccel.bin"}, {"runtime-log", "ref/ima.log"}}));
  EXPECT_EQ(outputs[2].with.options, (std::map<std::string, std::string>{{"stub", "257"}}));
  const Json json = to_json(*spec);
  EXPECT_EQ(
      json.find("outputs")->items()[1].canonical(),
      R"({"boot_log":"ref/ccel.bin","kind":"tdx","memory":"2G","path":"out/OVMF.fd","runtime_log":"ref/ima.log"})");
  EXPECT_EQ(json.find("outputs")->items()[2].canonical(),
            R"({"kind":"tdx","path":"out/UKI.fd","stub":"257","uki":"out/uki.efi"})");
}

TEST(Spec, ReadsWhatAnApplicationOnDstackIsMeasuredWith) {
  std::string text(kSmall);
  text += R"(- path: out/OVMF.fd
  kind: tdx
  kernel: out/vmlinuz
  app_compose: app-compose.json
  dstack: 0.5.8
  app_id: "aa"
  instance_id: "bb"
  mr_kms: none
  os_image_hash: "cc"
  key_provider: '{"name":"kms","id":"30"}'
  mrconfigid: dstack-v1
- {path: app-compose.json}
- {path: out/vmlinuz}
)";
  const auto spec = parse_spec(text, "hallmark.yaml");
  ASSERT_TRUE(spec) << spec.error().message();
  const MeasuredWith& with = spec->recipe.outputs[1].with;
  EXPECT_EQ(with.companions,
            (std::map<std::string, std::string>{{"app-compose", "app-compose.json"}, {"kernel", "out/vmlinuz"}}));
  EXPECT_EQ(with.options, (std::map<std::string, std::string>{{"dstack", "0.5.8"},
                                                              {"app-id", "aa"},
                                                              {"instance-id", "bb"},
                                                              {"mr-kms", "none"},
                                                              {"os-image-hash", "cc"},
                                                              {"key-provider", R"({"name":"kms","id":"30"})"},
                                                              {"mrconfigid", "dstack-v1"}}));
  EXPECT_EQ(to_json(*spec).find("outputs")->items()[1].find("key_provider")->string(), R"({"name":"kms","id":"30"})");
}

TEST(Spec, RefusesByFieldAndLine) {
  EXPECT_EQ(error_with("name: demo", "name: demo\nname: other"), "hallmark.yaml: line 3: repeated key \"name\"");
  EXPECT_EQ(error_with("build:", "bulid: 1\nbuild:"),
            "hallmark.yaml:9: unknown key \"bulid\", did you mean \"build\"?");
  EXPECT_EQ(error_with("hallmark: 1", "hallmark: 2"),
            "hallmark.yaml:1: hallmark: is 2; this version of hallmark reads specifications of version 1");
  EXPECT_EQ(error_with("name: app", "name: App"),
            "hallmark.yaml:4: sources[0].name: \"App\" is not made of a-z, 0-9, '.', '+' and '-'");
  EXPECT_EQ(error_with("path: .", "into: .."),
            "hallmark.yaml:4: sources[0].into: \"..\" is not a plain path below /build");
  EXPECT_EQ(error_with(", path: .", ""),
            "hallmark.yaml:4: sources[0].name: \"app\" must have exactly one of git, path and archive");
  EXPECT_EQ(error_with("path: .", "path: /home/me"),
            "hallmark.yaml:4: sources[0].path: is absolute; it must be relative to the specification's folder");
  EXPECT_EQ(error_with("- {name: app, path: .}", "- {name: app, path: .}\n- {name: lib, path: lib}"),
            "hallmark.yaml:5: sources[1].into: \".\" already receives another source");
  EXPECT_EQ(error_with("- {name: app, path: .}", "- {name: app, path: .}\n- {name: app, into: x, path: lib}"),
            "hallmark.yaml:5: sources[1].name: \"app\" is the name of two sources");
  EXPECT_EQ(error_with("[gcc]", "[gcc, gcc=12]"),
            "hallmark.yaml:8: toolchain.debian.packages[1]: \"gcc\" is listed twice");
  EXPECT_EQ(error_with("[gcc]", "[\"-y\"]"),
            "hallmark.yaml:8: toolchain.debian.packages[0]: \"-y\" is not the name of a Debian package");
  EXPECT_EQ(error_with("[gcc]", "[]"), "hallmark.yaml:8: toolchain.debian.packages: is empty");
  EXPECT_EQ(error_with("[make]", "[]"), "hallmark.yaml:10: build.steps: is empty; a build must have a step");
  EXPECT_EQ(error_with("  steps: [make]", "  env: {PATH: /x}\n  steps: [make]"),
            "hallmark.yaml:10: build.env.PATH: is set by the box itself and cannot be changed");
  EXPECT_EQ(error_with("  steps: [make]", "  env: {\"A=B\": x}\n  steps: [make]"),
            "hallmark.yaml:10: build.env.A=B: is not a valid name for an environment variable");
  EXPECT_EQ(error_with("  steps: [make]", "  env: {A: 1}\n  steps: [make]"),
            "hallmark.yaml:10: build.env.A: is an integer, not a string (quote it)");
  EXPECT_EQ(error_with("[make]", "[\"a\\0b\"]"), "hallmark.yaml:10: build.steps[0]: has a NUL in it");
  EXPECT_EQ(error_with("  steps", "  epoch: today\n  steps"),
            "hallmark.yaml:10: build.epoch: must be \"commit\" or a number of seconds since 1970");
  EXPECT_EQ(error_with("out/app", "/out/app"),
            "hallmark.yaml:12: outputs[0].path: \"/out/app\" is not a plain path below /build");
  EXPECT_EQ(error_with("{path: out/app}", "{path: out, signature: x}"),
            "hallmark.yaml:12: outputs[0].signature: has no meaning for an output of kind \"file\"");
  EXPECT_EQ(error_with("{path: out/app}", "{path: out, gramine_version: 1.9}"),
            "hallmark.yaml:12: outputs[0].gramine_version: has no meaning for an output of kind \"file\"");
  EXPECT_EQ(error_with("{path: out/app}", "{path: out, kind: sgx, libpal: out}"),
            "hallmark.yaml:12: outputs[0].libpal: \"out\" is not the path of another output");
  EXPECT_EQ(error_with("{path: out/app}", "{path: out, kind: tdx, boot_log: ccel.bin}"),
            "hallmark.yaml:12: outputs[0].boot_log: \"ccel.bin\" is not the path of another output");
  EXPECT_EQ(error_with("{path: out/app}", "{path: out, runtime_log: ima.log}"),
            "hallmark.yaml:12: outputs[0].runtime_log: has no meaning for an output of kind \"file\"");
  EXPECT_EQ(error_with("{path: out/app}", "{path: out, kind: tdx, stub: 257}"),
            "hallmark.yaml:12: outputs[0].stub: is an integer, not a string (quote it)");
  EXPECT_EQ(error_with("{path: out/app}", "{path: out, kind: tdx, app_compose: app.json}"),
            "hallmark.yaml:12: outputs[0].app_compose: \"app.json\" is not the path of another output");
  EXPECT_EQ(error_with("{path: out/app}", "{path: out, instance_id: a}"),
            "hallmark.yaml:12: outputs[0].instance_id: has no meaning for an output of kind \"file\"");
  EXPECT_EQ(error_with("{path: out/app}", "{path: out, kind: tdx, key_provider: {name: kms}}"),
            "hallmark.yaml:12: outputs[0].key_provider: is an object, not a string");
  EXPECT_EQ(error_with("{path: out/app}", "{path: out, kind: tdx, boot-log: x}"),
            "hallmark.yaml:12: outputs[0]: unknown key \"boot-log\"");
  EXPECT_EQ(error_with("{path: out/app}", "{path: out}\n- {path: out/app}"),
            "hallmark.yaml:13: outputs[1].path: \"out/app\" lies inside another output");
}

TEST(Spec, RefusesAddressesThatDoNotBelongInALock) {
  auto git = [](std::string_view url) { return problem_with_source_address(url).value_or("fine"); };
  EXPECT_EQ(git("https://example.org/a.git"), "fine");
  EXPECT_EQ(git("../a"), "fine");
  EXPECT_EQ(git("./a:b"), "fine");
  EXPECT_EQ(git("file:///srv/a.git"), "fine");
  EXPECT_EQ(git("https://me:secret@example.org/a.git"), "has a user name or password in it, and a lock is public");
  EXPECT_EQ(git("http://example.org/a.git"), "has the scheme \"http\"; https:// and file:// are known");
  EXPECT_EQ(git("ssh://git@example.org/a.git"), "has the scheme \"ssh\"; https:// and file:// are known");
  EXPECT_EQ(git("git@example.org:a.git").substr(0, 26), "looks like an ssh address,");
  EXPECT_EQ(git("https:///a"), "names no host");
  EXPECT_EQ(git("file://host/a"), "must begin with file:/// and an absolute path");
  EXPECT_EQ(git("https://example.org/a b"), "has white space in it");
}

TEST(Spec, KnowsGitRefs) {
  for (std::string_view good : {"main", "v1.2", "refs/tags/v1.2", "feature/x", "HEAD"})
    EXPECT_TRUE(is_git_ref(good)) << good;
  for (std::string_view bad : {"", "-x", "a..b", "a b", "a~1", "a^", "a:b", "/a", "a/", "a.lock", ".a", "a/.b", "a@{1}",
                               "@", "a.", "a\\b", "a*"})
    EXPECT_FALSE(is_git_ref(bad)) << bad;
}

}  // namespace
}  // namespace hallmark::pin
