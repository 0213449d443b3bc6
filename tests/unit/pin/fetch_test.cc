#include "lib/pin/fetch.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/file.h>
#include <unistd.h>

#include "lib/base/interrupt.h"
#include "tests/unit/pin/http_server.h"

namespace hallmark::pin {
namespace {

using testing::HasSubstr;
using Fault = HttpServer::Fault;

class Notes final : public Progress {
 public:
  void phase(std::string_view what) override {
    phases.emplace_back(what);
    last = 0;
  }
  void advance(std::uint64_t done, std::uint64_t total) override {
    EXPECT_GE(done, last);
    EXPECT_TRUE(total == 0 || done <= total);
    last = done;
  }
  void note(std::string_view line) override { notes.emplace_back(line); }
  std::vector<std::string> phases, notes;
  std::uint64_t last = 0;
};

class Fetch : public testing::Test {
 protected:
  Fetch()
      : folder_(*TemporaryFolder::make("hallmark-test-")),
        server_(folder_.path()),
        store_(*Store::open(folder_.path() / "store")) {
    // Repeats after a long while only, so that a part taken from the wrong place is noticed.
    for (std::size_t i = 0; i < 300'000; i++) content_.push_back(static_cast<std::uint8_t>(i * i >> 8));
    put("file", content_);
    network_ = {.stall = std::chrono::seconds(1), .first_delay = std::chrono::milliseconds(1)};
  }

  void put(const std::string& name, ByteView bytes) { ASSERT_TRUE(write_file(folder_.path() / name, bytes)); }
  Download wanted(std::vector<std::string> urls) const {
    return {"thing 1.0", std::move(urls), digest<Alg::sha256>(content_), content_.size()};
  }
  Status fetch(const Download& download) { return fetch_all(store_, {&download, 1}, notes_, network_); }
  void expect_fetched(const Status& status) {
    ASSERT_TRUE(status) << status.error().message();
    auto blob = store_.get(digest<Alg::sha256>(content_), content_.size());
    ASSERT_TRUE(blob) << blob.error().message();
    EXPECT_EQ(*blob, content_);
    EXPECT_TRUE(fs::is_empty(store_.root() / "partial"));
  }
  void expect_refused(const Status& status, hallmark::Fault fault, const std::string& why) {
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().fault, fault);
    EXPECT_THAT(status.error().message(), HasSubstr(why));
    EXPECT_FALSE(store_.has(digest<Alg::sha256>(content_)));
  }

  TemporaryFolder folder_;
  HttpServer server_;
  Store store_;
  Bytes content_;
  Network network_;
  Notes notes_;
};

TEST_F(Fetch, PutsWhatItFetchedIntoTheStore) {
  expect_fetched(fetch(wanted({server_.url("/file")})));
  EXPECT_THAT(notes_.phases, testing::ElementsAre("downloading thing 1.0"));
  EXPECT_EQ(notes_.last, content_.size());
}

TEST_F(Fetch, AsksForNothingThatTheStoreHas) {
  expect_fetched(fetch(wanted({server_.url("/file")})));
  expect_fetched(fetch(wanted({server_.url("/file")})));
  EXPECT_EQ(server_.requests().size(), 1U);
}

TEST_F(Fetch, ReadsFileUrls) { expect_fetched(fetch(wanted({"file://" + (folder_.path() / "file").string()}))); }

TEST_F(Fetch, ResumesAfterABrokenConnection) {
  server_.fail("/file", Fault::cut, 1);
  expect_fetched(fetch(wanted({server_.url("/file")})));
  ASSERT_EQ(server_.requests().size(), 2U);
  EXPECT_EQ(server_.requests()[1].from, 150'000);
  EXPECT_THAT(notes_.notes, testing::ElementsAre(HasSubstr("trying again")));
}

TEST_F(Fetch, ResumesInALaterRun) {
  server_.fail("/file", Fault::cut, 3);
  expect_refused(fetch(wanted({server_.url("/file")})), hallmark::Fault::environment,
                 "thing 1.0: cannot be fetched: http://127.0.0.1");
  const std::size_t before = server_.requests().size();
  expect_fetched(fetch(wanted({server_.url("/file")})));
  ASSERT_EQ(server_.requests().size(), before + 1);
  EXPECT_GT(server_.requests().back().from, 150'000);
}

TEST_F(Fetch, ResumesAtTheNextMirror) {
  put("other", content_);
  server_.fail("/file", Fault::cut, 3);
  expect_fetched(fetch(wanted({server_.url("/file"), server_.url("/other")})));
  EXPECT_GT(server_.requests().back().from, 0);
}

TEST_F(Fetch, BeginsAnewWhereRangesAreIgnored) {
  put("whole", content_);
  server_.fail("/whole", Fault::forget_range);
  server_.fail("/file", Fault::cut, 3);
  expect_fetched(fetch(wanted({server_.url("/file"), server_.url("/whole")})));
  const auto requests = server_.requests();
  EXPECT_GT(requests[requests.size() - 2].from, 0);
  EXPECT_EQ(requests.back().from, 0);
}

TEST_F(Fetch, RefusesAnotherPartThanItAskedFor) {
  put("shifted", content_);
  server_.fail("/file", Fault::cut, 3);
  server_.fail("/shifted", Fault::shift_range);
  // The part is thrown away, and the whole is asked for.
  expect_fetched(fetch(wanted({server_.url("/file"), server_.url("/shifted")})));
  EXPECT_EQ(server_.requests().back().from, 0);
}

TEST_F(Fetch, ThrowsAWrongPartAway) {
  Bytes wrong = content_;
  wrong[7] ^= 1;
  put("wrong", wrong);
  server_.fail("/wrong", Fault::cut, 3);
  expect_fetched(fetch(wanted({server_.url("/wrong"), server_.url("/file")})));
  EXPECT_EQ(server_.requests().back().from, 0);
}

TEST_F(Fetch, TriesAgainAfterAServersError) {
  server_.fail("/file", Fault::error, 2);
  expect_fetched(fetch(wanted({server_.url("/file")})));
  EXPECT_EQ(server_.requests().size(), 3U);
}

TEST_F(Fetch, GivesUpAfterThreeErrors) {
  server_.fail("/file", Fault::error);
  expect_refused(fetch(wanted({server_.url("/file")})), hallmark::Fault::environment, "HTTP status 503");
  EXPECT_EQ(server_.requests().size(), 3U);
}

TEST_F(Fetch, BreaksOffAStalledTransfer) {
  server_.fail("/file", Fault::stall, 1);
  expect_fetched(fetch(wanted({server_.url("/file")})));
  EXPECT_EQ(server_.requests().back().from, 150'000);
}

TEST_F(Fetch, GoesToTheNextMirrorAtOnceWhenAFileIsMissing) {
  expect_fetched(fetch(wanted({server_.url("/nowhere"), server_.url("/file")})));
  EXPECT_EQ(server_.requests().size(), 2U);
}

TEST_F(Fetch, RefusesWrongBytesAsAMismatch) {
  Bytes wrong = content_;
  wrong[299'999] ^= 1;
  put("wrong", wrong);
  expect_refused(fetch(wanted({server_.url("/wrong")})), hallmark::Fault::mismatch, "/wrong: ");
  EXPECT_EQ(server_.requests().size(), 1U);
  expect_fetched(fetch(wanted({server_.url("/wrong"), server_.url("/file")})));
}

TEST_F(Fetch, RefusesMoreAndFewerBytesThanStated) {
  put("long", Bytes(content_.size() + 1));
  put("short", ByteView(content_).first(1000));
  expect_refused(fetch(wanted({server_.url("/long")})), hallmark::Fault::mismatch, "sends more than the 300000 bytes");
  expect_refused(fetch(wanted({server_.url("/short")})), hallmark::Fault::mismatch, "has 1000 bytes, wanted 300000");
}

TEST_F(Fetch, FollowsRedirectsButNotToFiles) {
  server_.fail("/file", Fault::move);
  expect_fetched(fetch(wanted({server_.url("/file")})));
  put("other", content_);
  server_.fail("/other", Fault::leave);
  notes_.last = 0;
  auto bytes = fetch_bytes(std::vector{server_.url("/other")}, 1000, notes_, network_);
  ASSERT_FALSE(bytes);
  EXPECT_EQ(bytes.error().fault, hallmark::Fault::environment);
}

TEST_F(Fetch, KnowsNoOtherSchemes) {
  expect_refused(fetch(wanted({"ftp://127.0.0.1/file"})), hallmark::Fault::environment, "ftp");
  expect_refused(fetch(wanted({"nonsense"})), hallmark::Fault::environment, "thing 1.0: cannot be fetched");
}

TEST_F(Fetch, NeverPrintsCredentials) {
  const std::string with = "http://user:secret@127.0.0.1:1/file?token=secret";
  auto status = fetch(wanted({with}));
  ASSERT_FALSE(status);
  EXPECT_THAT(status.error().message(), testing::Not(HasSubstr("secret")));
  EXPECT_THAT(status.error().message(), HasSubstr("http://127.0.0.1:1/file"));
  for (const std::string& note : notes_.notes) EXPECT_THAT(note, testing::Not(HasSubstr("secret")));
  EXPECT_EQ(public_url("https://u:p@host.example/a/b?c#d"), "https://host.example/a/b");
}

TEST_F(Fetch, FetchesManyAtOnceButSparesTheHost) {
  std::vector<Download> all;
  for (int i = 0; i < 40; i++) {
    const Bytes bytes(static_cast<std::size_t>(1000 + i), static_cast<std::uint8_t>(i));
    put("f" + std::to_string(i), bytes);
    all.push_back({"f", {server_.url("/f" + std::to_string(i))}, digest<Alg::sha256>(bytes), bytes.size()});
  }
  all.push_back(all.front());  // the same bytes twice are fetched once
  ASSERT_TRUE(fetch_all(store_, all, notes_, network_));
  for (const Download& d : all) EXPECT_TRUE(store_.has(d.sha256));
  EXPECT_EQ(server_.requests().size(), 40U);
  EXPECT_LE(server_.most_at_once(), 4);
}

TEST_F(Fetch, BoundsADocument) {
  auto bytes = fetch_bytes(std::vector{server_.url("/none"), server_.url("/file")}, content_.size(), notes_, network_);
  ASSERT_TRUE(bytes) << bytes.error().message();
  EXPECT_EQ(*bytes, content_);
  notes_.last = 0;
  EXPECT_FALSE(fetch_bytes(std::vector{server_.url("/file")}, content_.size() - 1, notes_, network_));
}

TEST_F(Fetch, UsesTheProxyOfTheHost) {
  network_.proxies = {{"http", "", "http://127.0.0.1:1"}, {"http", "archive.example", server_.url()}};
  // A proxy is asked for the whole URL, which our server takes for a path that it does not have.
  EXPECT_FALSE(fetch(wanted({"http://archive.example/file"})));
  EXPECT_THAT(server_.requests().back().path, testing::StrEq("http://archive.example/file"));
  EXPECT_FALSE(fetch(wanted({server_.url("/file")})));
  EXPECT_THAT(server_.requests().back().path, testing::StrEq("http://archive.example/file"));
  network_.proxies.push_back({"http", "127.0.0.1", ""});
  expect_fetched(fetch(wanted({server_.url("/file")})));
}

TEST_F(Fetch, StopsWhenInterrupted) {
  // In a process of its own: an interruption is never taken back.
  EXPECT_EXIT(
      {
        watch_for_interrupts();
        raise(SIGINT);
        const Status status = fetch(wanted({server_.url("/file")}));
        _exit(!status && status.error().fault == hallmark::Fault::interrupted ? 42 : 0);
      },
      testing::ExitedWithCode(42), "");
}

TEST_F(Fetch, SharesADownloadWithAnotherProcess) {
  // Two descriptors of one process exclude each other under flock(2) just as two processes do.
  ASSERT_TRUE(make_folders(store_.root() / "partial"));
  const fs::path part = store_.root() / "partial" / to_hex(digest<Alg::sha256>(content_));
  auto other = open_file(part, O_RDWR | O_CREAT, 0600);
  ASSERT_TRUE(other);
  ASSERT_TRUE(write_all(other->get(), ByteView(content_).first(10)));
  ASSERT_EQ(flock(other->get(), LOCK_EX), 0);
  ASSERT_TRUE(fetch(wanted({server_.url("/file")})));
  EXPECT_TRUE(store_.has(digest<Alg::sha256>(content_)));
  EXPECT_EQ(fs::file_size(part), 10U);
}

}  // namespace
}  // namespace hallmark::pin
