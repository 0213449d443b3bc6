// Downloads. Apart from libgit2's transport this is the only code that uses the network.
//
// What arrives is only ever trusted by its digest. A transfer that is cut short leaves its part
// below <store>/partial/, under the digest it was meant to have, and the next attempt asks for the rest.
#pragma once

#include <chrono>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "lib/base/progress.h"
#include "lib/store/store.h"

namespace hallmark::pin {

struct Download {
  std::string name;               // for messages: "gcc-12 12.2.0-14+deb12u1"
  std::vector<std::string> urls;  // http, https and file; tried in order
  Sha256 sha256;
  std::uint64_t size = 0;
};

// A proxy for a scheme, or for one host of it, as apt's configuration gives them.
struct Proxy {
  std::string scheme, host;  // host empty: all hosts
  std::string url;           // empty: none, go directly
};

// How to reach the outside. Without a proxy here, http_proxy, https_proxy and no_proxy of the environment hold.
struct Network {
  std::vector<Proxy> proxies;
  std::string ca_file;                         // PEM certificates trusted for https; empty: the system's
  std::chrono::seconds stall{30};              // a transfer that gets nothing for so long is broken off
  std::chrono::milliseconds first_delay{500};  // before the second attempt; doubles with each further one
};

// Puts into the store every download that it has not. Eight at a time, four for a host. A transient failure
// (broken connection, stall, 5xx) is tried three times; after that, and at once after a missing file
// or wrong bytes, comes the next URL. Fails with a mismatch if any URL gave wrong bytes and none the right ones.
Status fetch_all(const Store& store, std::span<const Download> downloads, Progress& progress,
                 const Network& network = {});

// A document whose digest is not known beforehand, of at most `max` bytes.
Result<Bytes> fetch_bytes(std::span<const std::string> urls, std::uint64_t max, Progress& progress,
                          const Network& network = {});

// A document, and headers of the answer that belong to it.
struct Answer {
  Bytes body;
  std::map<std::string, std::string> headers;  // by the names that were asked for; a missing one is not there
};
// Of the last of an answer's headers with that name (RFC 9110 section 5): names in any case, values as they stand.
Result<Answer> fetch_answer(const std::string& url, std::uint64_t max, std::span<const std::string> headers,
                            Progress& progress, const Network& network = {});

// The URL fit for a message: without user, password and query.
std::string public_url(const std::string& url);

}  // namespace hallmark::pin
