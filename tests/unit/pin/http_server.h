// A web server on the loopback interface, for tests of downloads: it serves a folder, and misbehaves where it is told
// to.
#pragma once

#include <atomic>
#include <filesystem>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace hallmark::pin {

class HttpServer {
 public:
  enum class Fault {
    cut,           // closes the connection half way through what it announced
    stall,         // sends half and then nothing, until the client gives up
    error,         // status 503
    missing,       // status 404
    forget_range,  // sends the whole with status 200 whatever was asked for
    shift_range,   // sends a part that begins one byte too early
    leave,         // redirects to a file URL
    move,          // redirects to the same path below /moved
  };
  struct Request {
    std::string path;
    long from = 0;  // of its Range
  };

  explicit HttpServer(std::filesystem::path folder);
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  std::string url(const std::string& path = "") const;
  // The next `times` requests for that path fail so.
  void fail(const std::string& path, Fault fault, int times = 1000);
  std::vector<Request> requests();
  int most_at_once() const { return most_; }

 private:
  void accept_all();
  void answer(int client, const std::function<void()>& before_the_end);

  std::filesystem::path folder_;
  int listener_ = -1, port_ = 0;
  std::atomic<bool> ending_ = false;
  std::atomic<int> open_ = 0, most_ = 0;
  std::mutex mutex_;
  std::map<std::string, std::pair<Fault, int>> faults_;
  std::vector<Request> requests_;
  std::vector<std::thread> clients_;
  std::thread acceptor_;
};

}  // namespace hallmark::pin
