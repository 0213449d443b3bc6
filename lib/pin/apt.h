// apt, asked in its two roles: the machine's configuration (which mirrors, which proxies), and the resolver of
// dependencies. Both run apt-get(8) without the network and without writing to the system. Decision 0021.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lib/pin/fetch.h"

namespace hallmark::pin {

struct AptSource {
  std::string mirror;  // URL without the final '/': "http://deb.debian.org/debian"
  std::string suite;   // as sources.list names it: "bookworm", "stable"
};

struct AptConfiguration {
  std::vector<AptSource> sources;  // in apt's order
  bool check_valid_until = true;   // Acquire::Check-Valid-Until
  bool check_date = true;          // Acquire::Check-Date
  Network network;

  // Mirrors for `suite`: those that sources.list names for it first, then all others (another release of
  // Debian usually comes from the same place, and what a mirror sends is verified anyhow). No repeats.
  std::vector<std::string> mirrors(const std::string& suite) const;
};

// The machine's own configuration; APT_CONFIG of the environment has its usual meaning.
Result<AptConfiguration> read_apt_configuration();

// What apt is to choose from: text that has been verified already.
struct AptIndex {
  std::string_view file;  // "main/binary-amd64/Packages"
  std::string_view text;
};
struct AptSuite {
  std::string_view suite;
  std::span<const std::string> components;
  std::string_view release;
  std::vector<AptIndex> indexes;
};

struct AptChoice {
  std::size_t suite = 0;  // index into the suites given
  std::string sha256;     // of the package's file
};

// The packages that `apt-get install` would install on a machine that has none: `packages` (name or
// name=version) with all they depend on, without what is only recommended. An impossible wish is a
// usage fault with apt's explanation.
Result<std::vector<AptChoice>> resolve_with_apt(std::span<const AptSuite> suites, const std::string& arch,
                                                std::span<const std::string> packages);

}  // namespace hallmark::pin
