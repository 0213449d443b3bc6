#include "lib/pin/fetch.h"

#include <curl/curl.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <deque>
#include <functional>
#include <memory>
#include <optional>

#include "lib/base/interrupt.h"
#include "lib/base/version.h"

namespace hallmark::pin {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kParallel = 8;
constexpr std::ptrdiff_t kParallelForAHost = 4;
constexpr unsigned kAttempts = 3;  // at one URL, while its failures are transient
constexpr std::uint64_t kMaxDownload = std::uint64_t{1} << 40;

// Where a transfer's bytes go. A mismatch from finish() means: these bytes are not the ones, try elsewhere.
class Sink {
 public:
  virtual ~Sink() = default;
  virtual std::uint64_t have() const = 0;
  virtual Status add(ByteView piece) = 0;
  virtual Status restart() = 0;
  virtual Status finish() = 0;
};

class MemorySink final : public Sink {
 public:
  explicit MemorySink(Bytes& to) : to_(to) {}
  std::uint64_t have() const override { return to_.size(); }
  Status add(ByteView piece) override {
    to_.insert(to_.end(), piece.begin(), piece.end());
    return {};
  }
  Status restart() override {
    to_.clear();
    return {};
  }
  Status finish() override { return {}; }

 private:
  Bytes& to_;
};

// A blob in the making: <store>/partial/<digest>, held by flock(2) while a process writes it. Where another process
// is at the same download, an unnamed file of our own serves: two may fetch the same bytes, neither waits.
class BlobSink final : public Sink {
 public:
  static Result<std::unique_ptr<BlobSink>> open(const Store& store, const Download& download) {
    auto sink = std::make_unique<BlobSink>(store, download);
    const fs::path folder = store.root() / "partial";
    CHECK(make_folders(folder));
    const fs::path path = folder / to_hex(download.sha256);
    TRY(sink->file_, open_file(path, O_RDWR | O_CREAT | O_NOFOLLOW, 0600));
    struct stat held = {}, named = {};
    if (flock(sink->file_.get(), LOCK_EX | LOCK_NB) == 0 && fstat(sink->file_.get(), &held) == 0 &&
        stat(path.c_str(), &named) == 0 && held.st_ino == named.st_ino && held.st_dev == named.st_dev) {
      sink->path_ = path;
      sink->have_ = static_cast<std::uint64_t>(held.st_size);
      // Longer than it may be; or of full length, which no interrupted transfer leaves.
      if (sink->have_ >= download.size) CHECK(sink->restart());
      return sink;
    }
    TRY(sink->file_, open_file(folder, O_RDWR | O_TMPFILE, 0600));
    return sink;
  }
  BlobSink(const Store& store, const Download& download) : store_(store), download_(download) {}

  std::uint64_t have() const override { return have_; }
  Status add(ByteView piece) override {
    if (lseek(file_.get(), static_cast<off_t>(have_), SEEK_SET) < 0) return fail_errno(path_.string(), errno);
    CHECK(write_all(file_.get(), piece));
    have_ += piece.size();
    return {};
  }
  Status restart() override {
    if (ftruncate(file_.get(), 0) != 0) return fail_errno(path_.string() + ": cannot be emptied", errno);
    have_ = 0;
    return {};
  }
  // Into the store by its own way in, which hashes what it takes.
  Status finish() override {
    if (have_ != download_.size)
      return fail(Fault::mismatch, "has " + std::to_string(have_) + " bytes, wanted " + std::to_string(download_.size));
    TRY(Store::Writer writer, store_.writer());
    if (lseek(file_.get(), 0, SEEK_SET) < 0) return fail_errno(path_.string(), errno);
    Bytes buffer(std::size_t{1} << 17);
    while (true) {
      const ssize_t n = read(file_.get(), buffer.data(), buffer.size());
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return fail_errno(path_.string() + ": cannot be read", errno);
      if (n == 0) break;
      CHECK(writer.add(ByteView(buffer).first(static_cast<std::size_t>(n))));
    }
    TRY(const Sha256 stored, writer.finish(&download_.sha256));
    static_cast<void>(stored);
    if (!path_.empty()) unlink(path_.c_str());
    return {};
  }

 private:
  const Store& store_;
  const Download& download_;
  Fd file_;
  fs::path path_;  // empty: the file has no name
  std::uint64_t have_ = 0;
};

// One thing to fetch, and how far it has come.
struct Job {
  std::string name;
  std::vector<std::string> urls;
  std::uint64_t max = 0;
  bool exact = false;  // `max` is also its size
  std::function<Result<std::unique_ptr<Sink>>()> open;
  std::map<std::string, std::string>* headers = nullptr;  // those of these names are filled in

  std::unique_ptr<Sink> sink;
  std::size_t url = 0;
  unsigned attempt = 0;    // failures at this URL so far
  bool discarded = false;  // a part from elsewhere did not fit, and this URL was asked again for the whole
  Clock::time_point not_before{};
  std::vector<std::string> failures;
  bool mismatch = false;
};

// The host that a URL names; empty for file URLs and for what is no URL.
std::string host_of(const std::string& url) {
  const std::unique_ptr<CURLU, decltype(&curl_url_cleanup)> parsed(curl_url(), &curl_url_cleanup);
  char* host = nullptr;
  if (curl_url_set(parsed.get(), CURLUPART_URL, url.c_str(), 0) != CURLUE_OK ||
      curl_url_get(parsed.get(), CURLUPART_HOST, &host, 0) != CURLUE_OK)
    return {};
  std::string out = host;
  curl_free(host);
  return out;
}

enum class Next { again, elsewhere, stop };

// What a finished transfer means for its job.
struct Outcome {
  Next next = Next::elsewhere;
  std::string why;
  bool mismatch = false;
};

class Transfer {
 public:
  Transfer(Job& job, const Network& network) : job_(job), host_(host_of(job.urls[job.url])), easy_(curl_easy_init()) {
    if (!easy_) throw std::bad_alloc();
    const std::string& url = job.urls[job.url];
    const bool secure = url.starts_with("https:");
    set(CURLOPT_URL, url.c_str());
    set(CURLOPT_PROTOCOLS_STR, "http,https,file");
    // Never to another kind of place, and never from a protected one to an open one.
    set(CURLOPT_REDIR_PROTOCOLS_STR, secure ? "https" : "http,https");
    set(CURLOPT_FOLLOWLOCATION, 1L);
    set(CURLOPT_MAXREDIRS, 5L);
    set(CURLOPT_FAILONERROR, 1L);
    set(CURLOPT_NOSIGNAL, 1L);
    set(CURLOPT_USERAGENT, ("hallmark/" + std::string(version())).c_str());
    set(CURLOPT_CONNECTTIMEOUT, static_cast<long>(network.stall.count()));
    set(CURLOPT_LOW_SPEED_LIMIT, 100L);  // bytes a second
    set(CURLOPT_LOW_SPEED_TIME, static_cast<long>(network.stall.count()));
    set(CURLOPT_ERRORBUFFER, error_);
    set(CURLOPT_PRIVATE, this);
    set(CURLOPT_WRITEFUNCTION, &on_data);
    set(CURLOPT_WRITEDATA, this);
    if (!network.ca_file.empty()) set(CURLOPT_CAINFO, network.ca_file.c_str());
    if (const Proxy* proxy = find_proxy(network, url, host_)) set(CURLOPT_PROXY, proxy->url.c_str());
    start_ = job.sink->have();
    if (start_ != 0) set(CURLOPT_RESUME_FROM_LARGE, static_cast<curl_off_t>(start_));
  }
  ~Transfer() { curl_easy_cleanup(easy_); }
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;

  CURL* easy() const { return easy_; }
  Job& job() const { return job_; }
  const std::string& host() const { return host_; }

  // Errors are ours (a full disk, an interruption); an Outcome is the other side's doing.
  Result<Outcome> conclude(CURLcode code) {
    if (own_) return Failure(*own_);
    long status = 0;
    curl_easy_getinfo(easy_, CURLINFO_RESPONSE_CODE, &status);
    if (oversize_) {
      CHECK(job_.sink->restart());
      return Outcome{Next::elsewhere, "sends more than the " + std::to_string(job_.max) + " bytes it should have",
                     true};
    }
    if (code == CURLE_HTTP_RETURNED_ERROR) {
      // 416: what we have is not the beginning of what is there.
      if (status == 416) return discard(Outcome{Next::elsewhere, "HTTP status 416", false});
      const bool transient = status >= 500 || status == 408 || status == 429;
      return Outcome{transient ? Next::again : Next::elsewhere, "HTTP status " + std::to_string(status), false};
    }
    // curl holds the answer's Content-Range against the part it asked for (RFC 9110, section 14.4).
    if (code == CURLE_RANGE_ERROR || code == CURLE_BAD_DOWNLOAD_RESUME)
      return discard(Outcome{Next::elsewhere, "answers with another part than asked for", false});
    if (code != CURLE_OK) return Outcome{is_final(code) ? Next::elsewhere : Next::again, text_of(code), false};
    const Status finished = job_.sink->finish();
    if (finished) {
      keep_headers();
      return Outcome{Next::stop, {}, false};
    }
    if (finished.error().fault != Fault::mismatch) return Failure(finished.error());
    return discard(Outcome{Next::elsewhere, finished.error().message(), true});
  }

 private:
  template <class T>
  void set(CURLoption option, T value) {
    curl_easy_setopt(easy_, option, value);
  }

  // Throws the part away. If some of it came from an earlier transfer, this URL is asked again for the whole.
  Result<Outcome> discard(Outcome outcome) {
    CHECK(job_.sink->restart());
    if (start_ != 0 && !job_.discarded) {
      job_.discarded = true;
      outcome = Outcome{Next::again, "the part fetched earlier does not fit", false};
    }
    return outcome;
  }

  void keep_headers() {
    if (job_.headers == nullptr) return;
    for (auto it = job_.headers->begin(); it != job_.headers->end();) {
      curl_header* header = nullptr;
      const bool there = curl_easy_header(easy_, it->first.c_str(), 0, CURLH_HEADER, -1, &header) == CURLHE_OK;
      if (there) it->second = header->value;
      it = there ? std::next(it) : job_.headers->erase(it);
    }
  }

  static bool is_final(CURLcode code) {
    switch (code) {
      case CURLE_UNSUPPORTED_PROTOCOL:
      case CURLE_URL_MALFORMAT:
      case CURLE_FILE_COULDNT_READ_FILE:
      case CURLE_TOO_MANY_REDIRECTS:
      case CURLE_PEER_FAILED_VERIFICATION:
      case CURLE_SSL_CACERT_BADFILE:
      case CURLE_LOGIN_DENIED: return true;
      default: return false;
    }
  }

  std::string text_of(CURLcode code) const {
    const std::string said = error_[0] != 0 ? error_ : curl_easy_strerror(code);
    return code == CURLE_FILE_COULDNT_READ_FILE ? "no such file" : said;
  }

  static std::size_t on_data(char* data, std::size_t, std::size_t size, void* self) {
    return static_cast<Transfer*>(self)->body({data, size}) ? size : 0;
  }

  bool body(std::string_view piece) {
    if (interrupted()) return own(Error{Fault::interrupted, "interrupted", {}});
    if (piece.size() > job_.max - std::min(job_.max, job_.sink->have())) {
      oversize_ = true;
      return false;
    }
    if (auto s = job_.sink->add(as_bytes(piece)); !s) return own(s.error());
    return true;
  }

  bool own(Error error) {
    own_ = std::move(error);
    return false;
  }

  static const Proxy* find_proxy(const Network& network, const std::string& url, const std::string& host) {
    const std::string scheme = url.substr(0, url.find(':'));
    const Proxy* general = nullptr;
    for (const Proxy& proxy : network.proxies) {
      if (proxy.scheme != scheme) continue;
      if (proxy.host == host) return &proxy;
      if (proxy.host.empty()) general = &proxy;
    }
    return general;
  }

  Job& job_;
  std::string host_;
  CURL* easy_;
  std::uint64_t start_ = 0;
  bool oversize_ = false;
  std::optional<Error> own_;
  char error_[CURL_ERROR_SIZE] = {};
};

// Runs jobs until all are done or one has failed for good.
class Engine {
 public:
  Engine(std::span<Job> jobs, const Network& network, Progress& progress)
      : network_(network), progress_(progress), multi_(open_multi()), left_(jobs.size()) {
    for (Job& job : jobs) {
      waiting_.push_back(&job);
      if (job.exact) total_ += job.max;
    }
  }
  ~Engine() {
    for (auto& transfer : running_) curl_multi_remove_handle(multi_, transfer->easy());
    running_.clear();
    curl_multi_cleanup(multi_);
  }
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  Status run() {
    while (left_ != 0) {
      CHECK(not_interrupted());
      CHECK(start_ready());
      int active = 0;
      curl_multi_perform(multi_, &active);
      TRY(const bool any_finished, conclude_finished());
      report();
      if (!any_finished) curl_multi_poll(multi_, nullptr, 0, patience(), nullptr);
    }
    return {};
  }

 private:
  static CURLM* open_multi() {
    static const CURLcode started = curl_global_init(CURL_GLOBAL_DEFAULT);
    CURLM* multi = started == CURLE_OK ? curl_multi_init() : nullptr;
    if (!multi) throw std::bad_alloc();
    return multi;
  }

  // Milliseconds until a delayed job may start; a quarter of a second at most, so that an interruption is seen.
  int patience() const {
    auto wait = std::chrono::milliseconds(250);
    for (const Job* job : waiting_) {
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(job->not_before - Clock::now());
      if (left.count() > 0) wait = std::min(wait, left);
    }
    return static_cast<int>(wait.count());
  }

  Status start_ready() {
    for (auto it = waiting_.begin(); it != waiting_.end() && running_.size() < kParallel;) {
      Job& job = **it;
      const std::string host = host_of(job.urls[job.url]);
      const auto busy =
          std::count_if(running_.begin(), running_.end(), [&](const auto& t) { return t->host() == host; });
      if (job.not_before > Clock::now() || busy >= kParallelForAHost) {
        ++it;
        continue;
      }
      if (!job.sink) {
        TRY(job.sink, in(job.name, job.open()));
      }
      running_.push_back(std::make_unique<Transfer>(job, network_));
      curl_multi_add_handle(multi_, running_.back()->easy());
      it = waiting_.erase(it);
    }
    return {};
  }

  Result<bool> conclude_finished() {
    bool any = false;
    int queued = 0;
    while (const CURLMsg* message = curl_multi_info_read(multi_, &queued)) {
      if (message->msg != CURLMSG_DONE) continue;
      any = true;
      const CURLcode code = message->data.result;
      const auto it = std::find_if(running_.begin(), running_.end(),
                                   [&](const auto& t) { return t->easy() == message->easy_handle; });
      const std::unique_ptr<Transfer> transfer = std::move(*it);
      running_.erase(it);
      curl_multi_remove_handle(multi_, transfer->easy());
      Job& job = transfer->job();
      TRY(const Outcome outcome, in(job.name, transfer->conclude(code)));
      if (outcome.next == Next::stop) {
        done_ += job.sink->have();
        left_--;
        job.sink.reset();
      } else {
        CHECK(try_on(job, outcome));
      }
    }
    return any;
  }

  Status try_on(Job& job, const Outcome& outcome) {
    const std::string where = public_url(job.urls[job.url]);
    job.mismatch |= outcome.mismatch;
    if (outcome.next == Next::again && ++job.attempt < kAttempts) {
      progress_.note(printable(job.name + ": " + where + ": " + outcome.why + "; trying again"));
      job.not_before = Clock::now() + network_.first_delay * (1 << (job.attempt - 1));
    } else {
      job.failures.push_back(where + ": " + outcome.why);
      job.attempt = 0;
      job.discarded = false;
      if (++job.url == job.urls.size()) {
        std::string all;
        for (const std::string& failure : job.failures) all += (all.empty() ? "" : "; ") + failure;
        return fail(job.mismatch ? Fault::mismatch : Fault::environment, job.name + ": cannot be fetched: " + all);
      }
      progress_.note(printable(job.name + ": " + job.failures.back() + "; trying the next mirror"));
    }
    waiting_.push_back(&job);
    return {};
  }

  void report() {
    std::uint64_t now = done_;
    for (const auto& transfer : running_) now += transfer->job().sink->have();
    shown_ = std::max(shown_, now);
    progress_.advance(shown_, total_);
  }

  const Network& network_;
  Progress& progress_;
  CURLM* multi_;
  std::size_t left_;
  std::deque<Job*> waiting_;
  std::vector<std::unique_ptr<Transfer>> running_;
  std::uint64_t total_ = 0, done_ = 0, shown_ = 0;
};

}  // namespace

std::string public_url(const std::string& url) {
  const std::unique_ptr<CURLU, decltype(&curl_url_cleanup)> parsed(curl_url(), &curl_url_cleanup);
  char* text = nullptr;
  if (curl_url_set(parsed.get(), CURLUPART_URL, url.c_str(), CURLU_NON_SUPPORT_SCHEME) != CURLUE_OK)
    return "(a URL that cannot be read)";
  for (const CURLUPart part :
       {CURLUPART_USER, CURLUPART_PASSWORD, CURLUPART_OPTIONS, CURLUPART_QUERY, CURLUPART_FRAGMENT})
    curl_url_set(parsed.get(), part, nullptr, 0);
  if (curl_url_get(parsed.get(), CURLUPART_URL, &text, 0) != CURLUE_OK) return "(a URL that cannot be read)";
  std::string out = text;
  curl_free(text);
  return out;
}

Status fetch_all(const Store& store, std::span<const Download> downloads, Progress& progress, const Network& network) {
  std::vector<Job> jobs;
  std::vector<Sha256> wanted;
  for (const Download& download : downloads) {
    if (store.has(download.sha256) || std::find(wanted.begin(), wanted.end(), download.sha256) != wanted.end())
      continue;
    if (download.urls.empty())
      return fail(Fault::environment, download.name + ": cannot be fetched: no mirror is known");
    if (download.size > kMaxDownload)
      return fail(Fault::format, download.name + ": has " + std::to_string(download.size) + " bytes, at most " +
                                     std::to_string(kMaxDownload) + " allowed");
    wanted.push_back(download.sha256);
    jobs.push_back(
        {.name = download.name,
         .urls = download.urls,
         .max = download.size,
         .exact = true,
         .open = [&store, &download]() -> Result<std::unique_ptr<Sink>> { return BlobSink::open(store, download); }});
  }
  if (jobs.empty()) return {};
  progress.phase(jobs.size() == 1 ? "downloading " + jobs[0].name
                                  : "downloading " + std::to_string(jobs.size()) + " files");
  return Engine(jobs, network, progress).run();
}

Result<Bytes> fetch_bytes(std::span<const std::string> urls, std::uint64_t max, Progress& progress,
                          const Network& network) {
  if (urls.empty()) return fail(Fault::environment, "cannot be fetched: no mirror is known");
  Bytes out;
  Job job{.name = fs::path(public_url(urls[0])).filename(),
          .urls = {urls.begin(), urls.end()},
          .max = max,
          .open = [&out]() -> Result<std::unique_ptr<Sink>> { return std::make_unique<MemorySink>(out); }};
  CHECK(Engine({&job, 1}, network, progress).run());
  return out;
}

Result<Answer> fetch_answer(const std::string& url, std::uint64_t max, std::span<const std::string> headers,
                            Progress& progress, const Network& network) {
  Answer out;
  for (const std::string& name : headers) out.headers[name];
  Job job{.name = fs::path(public_url(url)).filename(),
          .urls = {url},
          .max = max,
          .open = [&out]() -> Result<std::unique_ptr<Sink>> { return std::make_unique<MemorySink>(out.body); },
          .headers = &out.headers};
  CHECK(Engine({&job, 1}, network, progress).run());
  return out;
}

}  // namespace hallmark::pin
