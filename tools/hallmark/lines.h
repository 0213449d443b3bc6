// What the steps of a build print, on its way to the terminal.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <utility>

namespace hallmark::cli {

// It comes in pieces of any size and is shown line by line; `line` makes it fit for a terminal.
class Lines {
 public:
  explicit Lines(std::function<void(std::string_view)> line) : line_(std::move(line)) {}
  void add(std::string_view piece) {
    for (auto newline = piece.find('\n'); newline != piece.npos; newline = piece.find('\n')) {
      line_(unfinished_ + std::string(piece.substr(0, newline)));
      unfinished_.clear();
      piece.remove_prefix(newline + 1);
    }
    unfinished_ += piece;
    if (unfinished_.size() > kLongest) end();
  }
  void end() {
    if (!unfinished_.empty()) line_(std::exchange(unfinished_, {}));
  }

 private:
  static constexpr std::size_t kLongest = 8192;
  std::function<void(std::string_view)> line_;
  std::string unfinished_;
};

}  // namespace hallmark::cli
