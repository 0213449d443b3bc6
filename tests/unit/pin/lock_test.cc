#include "lib/pin/lock.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/pin/locks.h"

namespace hallmark::pin {
namespace {

using testing::HasSubstr;

std::string replaced(std::string text, std::string_view old_part, std::string_view new_part) {
  const auto at = text.find(old_part);
  EXPECT_NE(at, std::string::npos) << old_part;
  return at == std::string::npos ? text : text.replace(at, old_part.size(), new_part);
}

std::string error_of(const Result<Lock>& lock) { return lock ? "no error" : lock.error().message(); }

TEST(Lock, ComesBackAsItWasWritten) {
  const std::string text = write_lock(sample_lock());
  auto lock = parse_lock(text, "hallmark.lock");
  ASSERT_TRUE(lock) << lock.error().message() << "\n" << text;
  EXPECT_EQ(write_lock(*lock), text);
  EXPECT_EQ(to_json(*lock), to_json(sample_lock()));
  EXPECT_EQ(lock_digest(*lock), lock_digest(sample_lock()));
}

TEST(Lock, GivesEveryEntryItsLine) {
  const std::string text = write_lock(sample_lock());
  EXPECT_THAT(text, HasSubstr("\n- {name: lib, into: third_party/lib, git: {url: "));
  EXPECT_THAT(text, HasSubstr("\n  - {name: make, version: 4.3-4.1, arch: amd64, suite: bookworm, path: "
                              "pool/main/m/make-dfsg/make_4.3-4.1_amd64.deb, sha256: "));
  EXPECT_THAT(text, HasSubstr("\n- {path: out/e.sgxs, kind: sgx, signature: out/e.sig}\n"));
}

// Oracle: none (regression). The text is the format's published example, and the tests of the schema read it.
TEST(Lock, IsWrittenAsTheExampleShows) {
  auto example = read_text(HALLMARK_SOURCE_DIR "/specs/schemas/lock-v1.example.yaml", 1 << 20);
  ASSERT_TRUE(example) << example.error().message();
  EXPECT_EQ(write_lock(sample_lock()), *example);
}

// What identifies a lock is its model: comments, order of keys and quotation do not count.
TEST(Lock, IsIdentifiedByItsModel) {
  std::string text = write_lock(sample_lock());
  text = replaced(text, "name: demo", "# a remark\nname: \"demo\"");
  text = replaced(text, "{path: out/e.sig, kind: file}", "{kind: file, path: out/e.sig}");
  auto lock = parse_lock(text, "hallmark.lock");
  ASSERT_TRUE(lock) << lock.error().message();
  EXPECT_EQ(lock_digest(*lock), lock_digest(sample_lock()));
}

// What an output is measured with is said in the words of the specification. A lock that says none of it is the
// example, whose digest stands.
TEST(Lock, SaysWhatAnOutputIsMeasuredWith) {
  Lock guest = sample_lock();
  guest.recipe.outputs = {
      {"OVMF.fd", "tdx", {.companions = {{"boot-log", "ccel"}, {"runtime-log", "ima"}}}},
      {"UKI.fd", "tdx", {.companions = {{"uki", "uki.efi"}}, .options = {{"stub", "257"}}}},
      {"App.fd",
       "tdx",
       {.companions = {{"app-compose", "app.json"}},
        .options = {{"dstack", "0.5.8"}, {"instance-id", "12"}, {"key-provider", R"({"name":"none","id":""})"}}}},
      {"app.json", "file"},
      {"ccel", "file"},
      {"ima", "file"},
      {"uki.efi", "file"}};
  const std::string text = write_lock(guest);
  EXPECT_THAT(text, HasSubstr("\n- {path: OVMF.fd, kind: tdx, boot_log: ccel, runtime_log: ima}\n"));
  EXPECT_THAT(text, HasSubstr("\n- {path: UKI.fd, kind: tdx, uki: uki.efi, stub: \"257\"}\n"));
  EXPECT_THAT(text, HasSubstr(R"(
- {path: App.fd, kind: tdx, app_compose: app.json, dstack: 0.5.8, instance_id: "12", key_provider: "{\"name\":\"none\",\"id\":\"\"}"}
)"));
  const auto lock = parse_lock(text, "hallmark.lock");
  ASSERT_TRUE(lock) << lock.error().message();
  EXPECT_EQ(lock->recipe.outputs[2].with, guest.recipe.outputs[2].with);
  EXPECT_EQ(lock->recipe.outputs[0].with, guest.recipe.outputs[0].with);
  EXPECT_EQ(lock->recipe.outputs[1].with, guest.recipe.outputs[1].with);
  EXPECT_EQ(lock_digest(*lock), lock_digest(guest));
  EXPECT_NE(lock_digest(guest), lock_digest(sample_lock()));
}

TEST(Lock, GoesThroughJsonAsCertificatesCarryIt) {
  auto lock = lock_from_json(to_json(sample_lock()), "certificate: hallmark_lock");
  ASSERT_TRUE(lock) << lock.error().message();
  EXPECT_EQ(lock_digest(*lock), lock_digest(sample_lock()));
  Json changed = to_json(sample_lock());
  changed["root"]["sha257"] = "x";
  EXPECT_EQ(error_of(lock_from_json(changed, "certificate: hallmark_lock")),
            "certificate: hallmark_lock: root: unknown key \"sha257\", did you mean \"sha256\"?");
}

TEST(Lock, NoticesAnEditByHand) {
  const std::string text = write_lock(sample_lock());
  // Each of these is a lock that pin could have written, but for its last line.
  for (auto [from, to] : std::initializer_list<std::pair<std::string_view, std::string_view>>{
           {"epoch: 1700000000", "epoch: 1700000001"},
           {"4:12.2.0-3", "4:12.2.0-4"},
           {"./configure", "./configure --evil"},
           {"size: 5216", "size: 5217"},
           {"kind: file", "kind: sgx"},
           {"dirty: true",
            "dirty: true, commit: "
            "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa, tree: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa, committed: "
            "1"}}) {
    const auto lock = parse_lock(replaced(text, from, to), "hallmark.lock");
    ASSERT_FALSE(lock) << from;
    EXPECT_EQ(lock.error().fault, Fault::format);
    EXPECT_THAT(lock.error().message(), HasSubstr("hallmark.lock: lock_sha256: is ")) << from;
    EXPECT_THAT(lock.error().message(), HasSubstr("the lock was edited after pin made it")) << from;
  }
  EXPECT_THAT(error_of(parse_lock(replaced(text, "lock_sha256: ", "lock_sha256: 0"), "l")),
              HasSubstr("lock_sha256: is not 32 bytes"));
  EXPECT_EQ(error_of(parse_lock(text.substr(0, text.find("lock_sha256")), "l")), "l:2: has no \"lock_sha256\"");
}

TEST(Lock, NamesTheEditedLineWhereTheStoreKnowsTheLock) {
  auto folder = TemporaryFolder::make("lock-test");
  ASSERT_TRUE(folder);
  auto store = Store::open(folder->path() / "store");
  ASSERT_TRUE(store) << store.error().message();
  const fs::path file = folder->path() / "hallmark.lock";
  ASSERT_TRUE(write_file(file, replaced(write_lock(sample_lock()), "4:12.2.0-3", "4:12.2.0-4")));
  EXPECT_THAT(error_of(read_lock(file, *store)), testing::Not(HasSubstr("package gcc")));
  ASSERT_TRUE(store->put(as_bytes(to_json(sample_lock()).canonical())));
  EXPECT_THAT(error_of(read_lock(file, *store)), HasSubstr("(package gcc: 4:12.2.0-3 → 4:12.2.0-4)"));
  ASSERT_TRUE(write_file(file, write_lock(sample_lock())));
  EXPECT_EQ(error_of(read_lock(file, *store)), "no error");
}

TEST(Lock, RefusesByFieldAndLine) {
  const std::string text = write_lock(sample_lock());
  auto with = [&](std::string_view from, std::string_view to) {
    return error_of(parse_lock(replaced(text, from, to), "l"));
  };
  EXPECT_EQ(with("hallmark_lock: 1", "hallmark_lock: 2"),
            "l:2: hallmark_lock: is 2; this version of hallmark reads locks of version 1");
  EXPECT_EQ(with("root: debroot-1", "root: debroot-2"),
            "l:5: rules.root: is \"debroot-2\"; this version knows only \"debroot-1\"");
  EXPECT_EQ(with("name: gcc,", "name: zgcc,"),
            "l:32: debian.packages[1].name: \"libc6\" is out of order or repeated; packages are sorted by name and "
            "architecture");
  EXPECT_EQ(with("suite: bookworm-security, path", "suite: sid, path"),
            "l:32: debian.packages[1].suite: \"sid\" is not among the suites above");
  EXPECT_EQ(with("path: pool/main/m/", "path: ../"),
            "l:33: debian.packages[2].path: \"../make-dfsg/make_4.3-4.1_amd64.deb\" is not the path of a .deb below a "
            "mirror");
  EXPECT_EQ(with("into: wip", "into: ."), "l:11: sources[3].into: \".\" already receives another source");
  EXPECT_EQ(with("commit: a", "commit: A"), "l:8: sources[0].path.commit: is not 20 bytes of lower-case hexadecimal");
  EXPECT_EQ(with("2026-07-12T00:00:00Z", "2026-07-12"),
            "l:26: debian.suites[1].date: \"2026-07-12\" is not an RFC 3339 time in UTC");
  EXPECT_EQ(with("arch: amd64\n", "arch: arm64\n"), "l:13: debian.arch: \"arm64\"; this version knows only \"amd64\"");
  EXPECT_THAT(with("name: demo", "<<<<<<< ours\nname: demo"), HasSubstr("l: has merge conflicts in it"));
}

TEST(Lock, SaysWhatChanged) {
  Lock to = sample_lock();
  EXPECT_TRUE(describe_changes(sample_lock(), to).empty());
  std::get<GitPin>(to.sources[1].origin).commit = std::string(40, 'c');
  to.debian.packages[0].version = "4:12.2.0-4";
  to.debian.packages[0].size = 6000;
  to.debian.packages.erase(to.debian.packages.begin() + 1);
  to.debian.packages.push_back({"zlib1g", "1:1.2.13", "amd64", "bookworm", "pool/z.deb", std::string(64, 'd'), 1});
  to.debian.suites[0].date = "2026-08-01T00:00:00Z";
  to.recipe.steps.pop_back();
  to.epoch++;
  EXPECT_THAT(describe_changes(sample_lock(), to),
              testing::ElementsAre("source lib: git.commit: aaaaaaaaaaaa… → cccccccccccc…",
                                   "suite bookworm: date: 2026-07-11T10:16:37Z → 2026-08-01T00:00:00Z",
                                   "package gcc: 4:12.2.0-3 → 4:12.2.0-4", "package libc6 2.36-9+deb12u10: removed",
                                   "package zlib1g 1:1.2.13: added", "epoch: 1700000000 → 1700000001",
                                   HasSubstr("build.steps: [\"./configure\", ")));
}

TEST(Lock, MustComeFromItsSpecification) {
  const std::string text = R"(hallmark: 1
name: demo
sources: [{name: app, path: .}]
toolchain: {debian: {suites: [{suite: bookworm}], packages: [gcc, "make=4.3-4.1"]}}
build: {cpus: 2, env: {CFLAGS: -O2 -g, EMPTY: ""}, steps: [./configure, "make -j$HALLMARK_JOBS\nmake install # \"twice\""]}
outputs: [{path: out/e.sgxs, kind: sgx, signature: out/e.sig}, {path: out/e.sig}]
)";
  auto spec = parse_spec(text, "hallmark.yaml");
  ASSERT_TRUE(spec) << spec.error().message();
  Lock lock = sample_lock();
  lock.spec_sha256 = to_hex(spec_digest(*spec));
  EXPECT_TRUE(check_spec(lock, *spec));
  spec->recipe.cpus = 3;
  const auto named = check_spec(lock, *spec);
  ASSERT_FALSE(named);
  EXPECT_EQ(named.error().fault, Fault::usage);
  EXPECT_EQ(named.error().message(),
            "hallmark.yaml has changed since the lock was made (build.cpus: 2 → 3); run 'hallmark pin'");
  spec->recipe.cpus = 2;
  spec->debian.require_signers = 2;
  EXPECT_THAT(check_spec(lock, *spec).error().message(),
              HasSubstr("hallmark.yaml has changed since the lock was made (spec_sha256 is "));
}

}  // namespace
}  // namespace hallmark::pin
