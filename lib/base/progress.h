// What long work says while it runs. The library reports; the command-line tool
// decides how it looks (a moving line on a terminal, plain lines elsewhere, nothing with --quiet).
#pragma once

#include <cstdint>
#include <string_view>

namespace hallmark {

class Progress {
 public:
  virtual ~Progress() = default;
  // A new phase of the work: "downloading 122 packages". Ends the one before.
  virtual void phase(std::string_view what) = 0;
  // How far the phase is, in any unit that only grows; total 0 where it is not known.
  virtual void advance(std::uint64_t done, std::uint64_t total) = 0;
  // Something worth a line of its own whatever the display: a retry, a warning.
  virtual void note(std::string_view line) = 0;
};

class SilentProgress final : public Progress {
 public:
  void phase(std::string_view) override {}
  void advance(std::uint64_t, std::uint64_t) override {}
  void note(std::string_view) override {}
};

}  // namespace hallmark
