// A lock with every kind of entry, made up.
#pragma once

#include "lib/pin/lock.h"

namespace hallmark::pin {

inline Lock sample_lock() {
  const std::string a(40, 'a'), b(40, 'b'), d(64, 'd'), e(64, 'e');
  Lock lock;
  lock.name = "demo";
  lock.spec_sha256 = d;
  lock.epoch = 1700000000;
  lock.sources = {
      {"app", ".", PathPin{".", false, a, b, 1700000000}, {}, d, 3, 1200},
      {"lib",
       "third_party/lib",
       GitPin{"https://example.org/lib.git", "refs/tags/v1", a, b, 1600000000},
       {"test/key.pem"},
       e,
       10,
       5000},
      {"tar",
       "third_party/tar",
       ArchivePin{{"https://example.org/tar-1.tar.gz", "tar-1.tar.gz"}, d, 99, 1},
       {},
       e,
       2,
       10},
      {"wip", "wip", PathPin{"../wip", true, {}, {}, 0}, {}, e, 1, 1},
  };
  lock.debian.keyring_sha256 = e;
  lock.debian.requested = {"gcc", "make=4.3-4.1"};
  lock.debian.suites = {
      {"bookworm",
       {"http://127.0.0.1/debian"},
       d,
       "2026-07-11T10:16:37Z",
       {std::string(40, 'A'), std::string(40, 'B')},
       {{"main/binary-amd64/Packages", e, 45000000}}},
      {"bookworm-security",
       {},
       e,
       "2026-07-12T00:00:00Z",
       {std::string(40, 'C')},
       {{"main/binary-amd64/Packages", d, 2000000}}},
  };
  lock.debian.packages = {
      {"gcc", "4:12.2.0-3", "amd64", "bookworm", "pool/main/g/gcc-defaults/gcc_12.2.0-3_amd64.deb", d, 5216},
      {"libc6", "2.36-9+deb12u10", "amd64", "bookworm-security", "pool/main/g/glibc/libc6_2.36-9+deb12u10_amd64.deb", e,
       2758360},
      {"make", "4.3-4.1", "amd64", "bookworm", "pool/main/m/make-dfsg/make_4.3-4.1_amd64.deb", e, 395640},
  };
  lock.root = {d, 12000, 400000000};
  lock.recipe.cpus = 2;
  lock.recipe.environment = {{"CFLAGS", "-O2 -g"}, {"EMPTY", ""}};
  lock.recipe.steps = {"./configure", "make -j$HALLMARK_JOBS\nmake install # \"twice\""};
  lock.recipe.outputs = {{"out/e.sgxs", "sgx", {.companions = {{"sigstruct", "out/e.sig"}}}}, {"out/e.sig", "file"}};
  return lock;
}

}  // namespace hallmark::pin
