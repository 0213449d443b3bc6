#include "tests/unit/pin/http_server.h"

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <optional>

namespace hallmark::pin {
namespace {

void send_all(int client, std::string_view text) {
  while (!text.empty()) {
    const ssize_t n = send(client, text.data(), text.size(), MSG_NOSIGNAL);
    if (n <= 0) return;
    text.remove_prefix(static_cast<std::size_t>(n));
  }
}

std::string read_request(int client) {
  std::string out;
  char buffer[4096];
  while (out.find("\r\n\r\n") == out.npos) {
    const ssize_t n = recv(client, buffer, sizeof buffer, 0);
    if (n <= 0) return {};
    out.append(buffer, static_cast<std::size_t>(n));
  }
  return out;
}

std::string with_length(const std::string& status, std::size_t length, const std::string& more = "") {
  return "HTTP/1.1 " + status + "\r\nConnection: close\r\n" + more + "Content-Length: " + std::to_string(length) +
         "\r\n\r\n";
}

}  // namespace

HttpServer::HttpServer(std::filesystem::path folder) : folder_(std::move(folder)) {
  listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  if (bind(listener_, generic, size) != 0 || listen(listener_, 64) != 0 || getsockname(listener_, generic, &size) != 0)
    std::abort();
  port_ = ntohs(address.sin_port);
  acceptor_ = std::thread([this] { accept_all(); });
}

HttpServer::~HttpServer() {
  ending_ = true;
  shutdown(listener_, SHUT_RDWR);
  acceptor_.join();
  close(listener_);
  for (std::thread& client : clients_) client.join();
}

std::string HttpServer::url(const std::string& path) const {
  return "http://127.0.0.1:" + std::to_string(port_) + path;
}

void HttpServer::fail(const std::string& path, Fault fault, int times) {
  const std::lock_guard lock(mutex_);
  faults_[path] = {fault, times};
}

std::vector<HttpServer::Request> HttpServer::requests() {
  const std::lock_guard lock(mutex_);
  return requests_;
}

void HttpServer::accept_all() {
  while (!ending_) {
    const int client = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (client < 0) continue;
    const int now = ++open_;
    most_ = std::max(most_.load(), now);
    const std::lock_guard lock(mutex_);
    clients_.emplace_back([this, client] {
      bool counted = true;
      // The client may come again as soon as it has all of the answer, and that is a request after this one.
      const auto uncount = [&] {
        if (counted) --open_;
        counted = false;
      };
      answer(client, uncount);
      uncount();
      close(client);
    });
  }
}

void HttpServer::answer(int client, const std::function<void()>& before_the_end) {
  const auto end_with = [&](std::string_view text) {
    before_the_end();
    send_all(client, text);
  };
  const std::string request = read_request(client);
  if (request.empty()) return;
  const std::size_t begin = request.find(' ') + 1;
  const std::string path = request.substr(begin, request.find(' ', begin) - begin);
  std::size_t from = 0;
  bool ranged = false;
  if (const std::size_t range = request.find("\r\nRange: bytes="); range != request.npos) {
    from = static_cast<std::size_t>(std::atol(request.c_str() + range + 15));
    ranged = true;
  }
  std::optional<Fault> fault;
  {
    const std::lock_guard lock(mutex_);
    requests_.push_back({path, static_cast<long>(from)});
    const auto it = faults_.find(path);
    if (it != faults_.end() && it->second.second-- > 0) fault = it->second.first;
  }
  if (fault == Fault::error) return end_with(with_length("503 Service Unavailable", 0));
  if (fault == Fault::leave) return end_with(with_length("302 Found", 0, "Location: file:///etc/hostname\r\n"));
  if (fault == Fault::move) return end_with(with_length("302 Found", 0, "Location: /moved" + path + "\r\n"));
  std::string local = path;
  if (local.starts_with("/moved/")) local = local.substr(6);
  std::ifstream file(folder_ / local.substr(1), std::ios::binary);
  if (!file || fault == Fault::missing) return end_with(with_length("404 Not Found", 0));
  const std::string content{std::istreambuf_iterator<char>(file), {}};

  if (fault == Fault::forget_range) ranged = false;
  if (!ranged) from = 0;
  if (from > content.size()) return end_with(with_length("416 Range Not Satisfiable", 0));
  const std::size_t first = fault == Fault::shift_range && from > 0 ? from - 1 : from;
  const std::string body = content.substr(first);
  const std::string range = "Content-Range: bytes " + std::to_string(first) + "-" + std::to_string(content.size() - 1) +
                            "/" + std::to_string(content.size()) + "\r\n";
  send_all(client,
           ranged ? with_length("206 Partial Content", body.size(), range) : with_length("200 OK", body.size()));
  const bool half = fault == Fault::cut || fault == Fault::stall;
  end_with(std::string_view(body).substr(0, half ? body.size() / 2 : body.size()));
  if (fault == Fault::stall) {
    char byte;
    while (!ending_ && recv(client, &byte, 1, 0) > 0) {
    }
  }
}

}  // namespace hallmark::pin
