#include "lib/pin/debian.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "lib/pin/apt.h"
#include "tests/unit/pin/debian_archive.h"
#include "tests/unit/pin/http_server.h"

namespace hallmark::pin {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

// An archive with a main suite, a security suite that is newer, and an apt that knows both and nothing else.
class Debian : public testing::Test {
 protected:
  Debian() : folder_(*TemporaryFolder::make("hallmark-test-")), store_(*Store::open(folder_.path() / "store")) {
    main_.packages = {{"base", "1.0", "Essential: yes\nDepends: libbase (>= 1)\n"},
                      {"libbase", "1.0", ""},
                      {"tool", "2.0", "Depends: libtool-x (= 2.0) | libtool-x, base\nRecommends: extra\n"},
                      {"tool", "1.9", ""},
                      {"libtool-x", "2.0", ""},
                      {"extra", "1.0", ""},
                      {"red", "1.0", "Conflicts: blue\n"},
                      {"blue", "1.0", ""}};
    security_ = {.suite = "stable-security",
                 .codename = "trial-security",
                 .signers = {"one", "two"},
                 .packages = {{"libbase", "1.0+deb1", ""}}};
    write("keyring.gpg", Signers::get().keyring({"one", "two"}));
    request_ = {.keyring = "keyring.gpg",
                .suites = {{"trial", {"main"}, {}}, {"trial-security", {"main"}, {}}},
                .packages = {"tool"}};
    publish_all();
    use_apt("deb " + mirror() + " trial main\ndeb " + mirror() + "/ trial-security main\n");
    setenv("HALLMARK_NOW", "1767312000", 1);  // 2026-01-02T00:00:00Z
  }
  ~Debian() override {
    unsetenv("APT_CONFIG");
    unsetenv("HALLMARK_NOW");
  }

  void write(const std::string& name, ByteView bytes) { ASSERT_TRUE(write_file(folder_.path() / name, bytes)); }
  fs::path archive() const { return folder_.path() / "archive"; }
  std::string mirror() const { return "file://" + archive().string(); }
  void publish_all() {
    publish(archive(), main_);
    publish(archive(), security_);
  }
  void use_apt(const std::string& sources, const std::string& settings = "") {
    write("sources.list", as_bytes(sources));
    const std::string folder = folder_.path();
    write(
        "apt.conf",
        as_bytes("Dir::Etc::parts \"/dev/null\";\nDir::Etc::main \"/dev/null\";\nDir::Etc::sourceparts \"/dev/null\";\n"
                 "Dir::Etc::sourcelist \"" +
                 folder +
                 "/sources.list\";\nAPT::Architecture \"amd64\";\n"
                 "APT::Architectures { \"amd64\"; };\n" +
                 settings));
    setenv("APT_CONFIG", (folder + "/apt.conf").c_str(), 1);
  }
  Result<DebianPin> pin() { return pin_debian(request_, folder_.path(), store_, progress_); }
  DebianPin pinned() {
    auto result = pin();
    EXPECT_TRUE(result) << result.error().message();
    return result ? *result : DebianPin{};
  }
  static std::vector<std::string> names(const DebianPin& pin) {
    std::vector<std::string> out;
    for (const PackagePin& p : pin.packages) out.push_back(p.name + " " + p.version);
    return out;
  }
  template <class T>
  static void expect_refused(const Result<T>& result, Fault fault, const std::string& why) {
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().fault, fault) << result.error().message();
    EXPECT_THAT(result.error().message(), HasSubstr(why));
  }
  // Takes a blob out of the store, as if this were another machine.
  void forget(const std::string& sha256) {
    Sha256 digest{};
    const Bytes bytes = *from_hex(sha256);
    std::copy(bytes.begin(), bytes.end(), digest.begin());
    ASSERT_TRUE(fs::remove(store_.blob_path(digest)));
  }
  void forget_indexes() {
    for (const auto& e : fs::recursive_directory_iterator(archive() / "dists"))
      if (e.path().filename() == "Packages.xz") forget(to_hex(digest<Alg::sha256>(*read_file(e.path(), 1 << 20))));
  }
  static void flip(const fs::path& file, std::size_t at) {
    Bytes bytes = *read_file(file, 1 << 20);
    bytes.at(at) ^= 1;
    ASSERT_TRUE(write_file(file, ByteView(bytes)));
  }

  TemporaryFolder folder_;
  Store store_;
  SilentProgress progress_;
  ArchiveSuite main_, security_;
  DebianRequest request_;
};

TEST_F(Debian, PinsTheClosureWithItsChain) {
  const DebianPin pin = pinned();
  EXPECT_THAT(names(pin), ElementsAre("base 1.0", "libbase 1.0+deb1", "libtool-x 2.0", "tool 2.0"));
  EXPECT_EQ(pin.packages[1].suite, "trial-security");
  EXPECT_EQ(pin.packages[1].path, "pool/main/l/libbase/libbase_1.0+deb1_amd64.deb");
  EXPECT_EQ(pin.keyring_sha256, to_hex(digest<Alg::sha256>(Signers::get().keyring({"one", "two"}))));
  ASSERT_EQ(pin.suites.size(), 2U);
  EXPECT_EQ(pin.suites[0].date, "2026-01-01T00:00:00Z");
  EXPECT_TRUE(pin.suites[0].mirrors.empty());
  EXPECT_THAT(pin.suites[0].signers, ElementsAre(Signers::get().fingerprint("one")));
  EXPECT_EQ(pin.suites[1].signers.size(), 2U);
  EXPECT_EQ(pin.suites[0].inrelease_sha256,
            to_hex(digest<Alg::sha256>(*read_file(archive() / "dists/trial/InRelease", 1 << 20))));
  ASSERT_EQ(pin.suites[0].indexes.size(), 1U);
  EXPECT_EQ(pin.suites[0].indexes[0].file, "main/binary-amd64/Packages");

  // Everything is in the store: the archive may go away.
  fs::remove_all(archive());
  auto checked = check_debian(pin, store_, progress_);
  EXPECT_TRUE(checked) << checked.error().message();
  EXPECT_TRUE(fetch_debian(pin, store_, progress_));
}

TEST_F(Debian, TakesTheVersionAskedFor) {
  request_.packages = {"tool=1.9", "extra"};
  EXPECT_THAT(names(pinned()), ElementsAre("base 1.0", "extra 1.0", "libbase 1.0+deb1", "tool 1.9"));
}

TEST_F(Debian, UsesTheMirrorsOfTheSpecification) {
  HttpServer server(folder_.path());
  use_apt("");
  request_.suites[0].mirrors = request_.suites[1].mirrors = {server.url("/nowhere"), server.url("/archive/")};
  const DebianPin pin = pinned();
  EXPECT_THAT(pin.suites[0].mirrors, ElementsAre(server.url("/nowhere"), server.url("/archive/")));
  EXPECT_EQ(pin.packages.size(), 4U);
  bool by_hash = false;
  for (const auto& request : server.requests()) by_hash |= request.path.find("/by-hash/SHA256/") != std::string::npos;
  EXPECT_TRUE(by_hash);
  forget(pin.packages[0].sha256);
  EXPECT_TRUE(fetch_debian(pin, store_, progress_));
  EXPECT_TRUE(check_debian(pin, store_, progress_));
}

TEST_F(Debian, NeedsAMirror) {
  use_apt("");
  expect_refused(pin(), Fault::environment, "suite trial: no mirror is known");
}

TEST_F(Debian, AsksForAnIndexByNameWhereThereIsNoByHash) {
  main_.by_hash = security_.by_hash = false;
  publish_all();
  EXPECT_EQ(pinned().packages.size(), 4U);
}

TEST_F(Debian, RefusesAFlippedByteInAPackage) {
  const fs::path deb = archive() / package_path(main_.packages[2]);
  flip(deb, 3);
  expect_refused(pin(), Fault::mismatch, "tool 2.0: cannot be fetched: " + mirror());
}

TEST_F(Debian, RefusesAnotherKey) {
  main_.signers = {"two"};
  publish_all();
  write("keyring.gpg", Signers::get().keyring({"one"}));
  expect_refused(pin(), Fault::mismatch, "InRelease of trial: is signed by 0 keys of the keyring, wanted 1");
}

TEST_F(Debian, RequiresAsManySignersAsAsked) {
  request_.require_signers = 2;
  expect_refused(pin(), Fault::mismatch, "InRelease of trial: is signed by 1 keys of the keyring, wanted 2");
  main_.signers = {"one", "two"};
  publish_all();
  EXPECT_EQ(pinned().packages.size(), 4U);
}

TEST_F(Debian, RefusesAChangedIndex) {
  for (const auto& e : fs::recursive_directory_iterator(archive() / "dists/trial"))
    if (e.is_regular_file() && e.path().filename() != "InRelease") flip(e.path(), 60);
  expect_refused(pin(), Fault::mismatch, "trial main/binary-amd64/Packages.xz: cannot be fetched");
}

TEST_F(Debian, RefusesOneSuiteForAnother) {
  fs::copy(archive() / "dists/trial/InRelease", archive() / "dists/trial-security/InRelease",
           fs::copy_options::overwrite_existing);
  expect_refused(pin(), Fault::mismatch, "InRelease of trial-security: is of suite \"stable\", codename \"trial\"");
}

TEST_F(Debian, RefusesAnExpiredSuiteAsAptIsToldTo) {
  main_.valid_until = "Thu, 01 Jan 2026 12:00:00 UTC";
  publish_all();
  expect_refused(pin(), Fault::mismatch,
                 "InRelease of trial: expired at 2026-01-01T12:00:00Z, and now is 2026-01-02T00:00:00Z");
  use_apt("deb " + mirror() + " trial main\n", "Acquire::Check-Valid-Until \"false\";\n");
  EXPECT_EQ(pinned().packages.size(), 4U);
}

TEST_F(Debian, AMirrorOfAMomentCannotExpire) {
  main_.valid_until = "Thu, 01 Jan 2026 12:00:00 UTC";
  publish_all();
  fs::rename(archive(), folder_.path() / "20260101T000000Z");
  request_.suites[0].mirrors =
      request_.suites[1].mirrors = {"file://" + (folder_.path() / "20260101T000000Z").string()};
  EXPECT_EQ(pinned().packages.size(), 4U);
}

TEST_F(Debian, RefusesASuiteOfTheFuture) {
  main_.date = "Sat, 03 Jan 2026 00:00:00 UTC";
  publish_all();
  expect_refused(pin(), Fault::mismatch,
                 "InRelease of trial: is dated 2026-01-03T00:00:00Z, but now is 2026-01-02T00:00:00Z");
}

TEST_F(Debian, SaysWhatIsMissing) {
  request_.packages = {"tol"};
  expect_refused(pin(), Fault::usage, "package tol is not in trial, trial-security, did you mean \"tool\"?");
  request_.packages = {"tool=3"};
  expect_refused(pin(), Fault::usage, "package tool: version 3 is not in trial, trial-security, which have 1.9, 2.0");
  request_.packages = {"tool", "--allow-unauthenticated"};
  expect_refused(pin(), Fault::usage, "wanted a name, or name=version");
  request_.packages = {"tool"};
  request_.suites[0].components = {"mein"};
  expect_refused(pin(), Fault::usage, "suite trial has no component \"mein\" for amd64, did you mean \"main\"?");
  request_.suites[0] = {"trail", {"main"}, {}};
  expect_refused(pin(), Fault::environment, "InRelease of trail");
}

TEST_F(Debian, ShowsWhyAptCannot) {
  request_.packages = {"red", "blue"};
  expect_refused(pin(), Fault::usage, "red : Conflicts: blue");
}

TEST_F(Debian, ChecksYearsLater) {
  write("keyring.gpg", Signers::get().keyring({"one", "two", "past"}));
  main_.signers = {"one", "past"};
  main_.signed_at = "20200102T000000";
  main_.valid_until = "Sat, 03 Jan 2026 00:00:00 UTC";
  publish_all();
  DebianPin pin = pinned();
  ASSERT_THAT(pin.suites[0].signers, ElementsAre(Signers::get().fingerprint("one")));
  // Had it been pinned before the other key expired, the lock would name that one too.
  pin.suites[0].signers = {Signers::get().fingerprint("one"), Signers::get().fingerprint("past")};
  setenv("HALLMARK_NOW", "2000000000", 1);
  EXPECT_TRUE(check_debian(pin, store_, progress_));
}

TEST_F(Debian, CheckNamesWhatTheLockHasDifferently) {
  const DebianPin pin = pinned();
  const auto with = [&](auto change) {
    DebianPin changed = pin;
    change(changed);
    return check_debian(changed, store_, progress_);
  };
  const std::string other(64, '0');
  expect_refused(with([](DebianPin& p) { p.packages[3].version = "2.1"; }), Fault::mismatch,
                 "tool 2.1: version is \"2.1\" in the lock and \"2.0\" in the signed index of trial");
  expect_refused(with([](DebianPin& p) { p.packages[3].path = "pool/x"; }), Fault::mismatch,
                 "path is \"pool/x\" in the lock");
  expect_refused(with([](DebianPin& p) { p.packages[3].size++; }), Fault::mismatch, "tool 2.0: has ");
  expect_refused(with([](DebianPin& p) { p.packages[3].suite = "trial-security"; }), Fault::mismatch,
                 "lists no package with sha256");
  expect_refused(with([&](DebianPin& p) { p.packages[3].sha256 = other; }), Fault::mismatch,
                 "lists no package with sha256 " + other);
  expect_refused(with([](DebianPin& p) { p.suites[0].date = "2026-01-02T00:00:00Z"; }), Fault::mismatch,
                 "and the lock says 2026-01-02");
  expect_refused(with([](DebianPin& p) { p.suites[0].signers = {Signers::get().fingerprint("two")}; }), Fault::mismatch,
                 "is not signed by");
  expect_refused(with([&](DebianPin& p) { p.suites[0].indexes[0].sha256 = other; }), Fault::mismatch,
                 "does not list main/binary-amd64/Packages");
  expect_refused(with([&](DebianPin& p) { p.keyring_sha256 = other; }), Fault::environment,
                 "cannot be checked: the keyring with sha256 " + other + " is not in this store");
}

TEST_F(Debian, CheckFetchesWhatTheStoreLacks) {
  const DebianPin pin = pinned();
  forget(pin.suites[0].inrelease_sha256);
  forget(pin.packages[0].sha256);
  forget_indexes();
  auto checked = check_debian(pin, store_, progress_);
  EXPECT_TRUE(checked) << checked.error().message();
}

TEST_F(Debian, CheckSaysThatTheChainIsGone) {
  const DebianPin pin = pinned();
  forget(pin.suites[0].inrelease_sha256);
  main_.date = "Fri, 02 Jan 2026 00:00:00 UTC";
  publish_all();
  expect_refused(check_debian(pin, store_, progress_), Fault::environment,
                 "the chain of signatures cannot be checked: InRelease of trial with sha256 " +
                     pin.suites[0].inrelease_sha256 + " is not in this store, and the mirrors have another one by now");
  EXPECT_TRUE(fetch_debian(pin, store_, progress_));
}

TEST_F(Debian, CheckFindsADamagedPackage) {
  const DebianPin pin = pinned();
  const fs::path blob =
      store_.blob_path(digest<Alg::sha256>(*read_file(archive() / package_path(main_.packages[2]), 1000)));
  fs::permissions(blob, fs::perms::owner_read | fs::perms::owner_write);
  flip(blob, 3);
  EXPECT_FALSE(check_debian(pin, store_, progress_));
}

TEST_F(Debian, FetchNamesAPackageThatIsGone) {
  const DebianPin pin = pinned();
  forget(pin.packages[3].sha256);
  fs::remove(archive() / pin.packages[3].path);
  expect_refused(fetch_debian(pin, store_, progress_), Fault::environment, "tool 2.0: cannot be fetched: " + mirror());
}

TEST_F(Debian, ReadsTheConfigurationOfApt) {
  write("mirrors", as_bytes("http://three.example/debian\tpriority:1\n# no\nhttps://four.example/debian/\n"));
  use_apt(
      "deb http://one.example/debian trial main\n"
      "deb [signed-by=/x.gpg] https://two.example/debian-security/ trial-security main contrib\n"
      "deb mirror+file:" +
          (folder_.path() / "mirrors").string() +
          " trial main\n"
          "deb cdrom:[x]/ trial main\n"
          "deb copy:/srv/archive trial main\n"
          "deb http://flat.example/ ./\n"
          "deb-src http://one.example/debian trial main\n",
      "Acquire::Check-Valid-Until \"No\";\nAcquire::http::Proxy \"http://proxy.example:3128\";\n"
      "Acquire::http::Proxy::one.example \"DIRECT\";\nAcquire::https::CaInfo \"/ca.pem\";\n");
  auto apt = read_apt_configuration();
  ASSERT_TRUE(apt) << apt.error().message();
  EXPECT_FALSE(apt->check_valid_until);
  EXPECT_TRUE(apt->check_date);
  EXPECT_EQ(apt->network.ca_file, "/ca.pem");
  ASSERT_EQ(apt->network.proxies.size(), 2U);
  EXPECT_EQ(apt->network.proxies[0].url, "http://proxy.example:3128");
  EXPECT_EQ(apt->network.proxies[1].host, "one.example");
  EXPECT_EQ(apt->network.proxies[1].url, "");
  EXPECT_THAT(apt->mirrors("trial"),
              testing::UnorderedElementsAre("http://one.example/debian", "http://three.example/debian",
                                            "https://four.example/debian", "file:///srv/archive",
                                            "https://two.example/debian-security"));
  EXPECT_EQ(apt->mirrors("trial-security")[0], "https://two.example/debian-security");
}

}  // namespace
}  // namespace hallmark::pin
