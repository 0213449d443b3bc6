// Where the passphrase of a private key comes from: a file descriptor, the environment or a terminal, and never
// the command line, which every process of the machine can read.
#pragma once

#include <CLI/CLI.hpp>

#include "lib/crypto/key.h"

namespace hallmark::cli {

class Passphrase {
 public:
  void option(CLI::App& app);

  // From --passphrase-fd, else $HALLMARK_PASSPHRASE, else a prompt on the terminal.
  Result<Secret> ask(const std::string& prompt) const;
  // The same for a new key; on a terminal it must be typed twice alike. An empty one is refused.
  Result<Secret> choose() const;

 private:
  int fd_ = -1;
};

}  // namespace hallmark::cli
