// Unpacking a package closure into a root file system, against the bound that no implementation
// passes: decompressing the same packages on the same number of threads and dropping the bytes.
//
// HALLMARK_BENCH_DEBS names a folder of .deb files: the closure of build-essential, say, as left by
//   apt-get -d -o Dir::State::status=/dev/null -o Dir::Cache::archives=FOLDER install build-essential
#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <future>
#include <thread>

#include "lib/build/rootfs.h"
#include "lib/formats/deb.h"

namespace hallmark {
namespace {

struct Closure {
  TemporaryFolder folder = *TemporaryFolder::make("rootfs-bench");
  Store store = *Store::open(folder.path() / "store");
  pin::Lock lock;
};

// The packages in a store of their own; nothing if the environment names none.
std::unique_ptr<Closure> make_closure() {
  const char* debs = std::getenv("HALLMARK_BENCH_DEBS");
  if (debs == nullptr) return nullptr;
  auto out = std::make_unique<Closure>();
  for (const auto& entry : fs::directory_iterator(debs)) {
    if (entry.path().extension() != ".deb") continue;
    const Bytes bytes = *read_file(entry.path(), std::uint64_t{1} << 30);
    out->lock.debian.packages.push_back({.name = entry.path().stem(),
                                         .version = "-",
                                         .arch = "-",
                                         .suite = "-",
                                         .path = entry.path().filename(),
                                         .sha256 = to_hex(*out->store.put(bytes)),
                                         .size = bytes.size()});
  }
  std::sort(out->lock.debian.packages.begin(), out->lock.debian.packages.end(),
            [](const auto& a, const auto& b) { return a.name < b.name; });
  return out;
}

Closure* closure() {
  static const std::unique_ptr<Closure> made = make_closure();
  return made.get();
}

bool missing(benchmark::State& state) {
  if (closure() != nullptr) return false;
  state.SkipWithError("HALLMARK_BENCH_DEBS names no folder of packages");
  return true;
}

void decompress_only(benchmark::State& state) {
  if (missing(state)) return;
  const auto& packages = closure()->lock.debian.packages;
  for (auto _ : state) {
    std::atomic<std::size_t> next = 0;
    std::atomic<std::uint64_t> bytes = 0;
    const auto work = [&] {
      for (std::size_t i = 0; (i = next++) < packages.size();) {
        const Fd fd =
            *open_file(closure()->store.blob_path(*digest_from_hex<Alg::sha256>(packages[i].sha256)), O_RDONLY);
        const auto read = read_deb(fd.get(), packages[i].name,
                                   {.on_entry = [](const ArchiveEntry&) -> Status { return {}; },
                                    .on_data = [&](ByteView piece) -> Status {
                                      bytes += piece.size();
                                      return {};
                                    }});
        if (!read) std::abort();
      }
    };
    std::vector<std::future<void>> threads;
    for (unsigned i = 0; i < std::thread::hardware_concurrency(); i++)
      threads.push_back(std::async(std::launch::async, work));
    for (auto& thread : threads) thread.get();
    state.counters["MB"] = static_cast<double>(bytes) / 1e6;
  }
}
BENCHMARK(decompress_only)->Unit(benchmark::kSecond)->UseRealTime();

void unpack(benchmark::State& state) {
  if (missing(state)) return;
  SilentProgress progress;
  for (auto _ : state) {
    const auto into = TemporaryFolder::make(closure()->folder.path(), "root");
    const auto unpacked =
        build::unpack_root(closure()->store, closure()->lock, {geteuid(), getegid()}, into->path(), progress);
    if (!unpacked) state.SkipWithError(unpacked.error().message().c_str());
    state.PauseTiming();  // for the removal
    static_cast<void>(remove_tree(into->path()));
    state.ResumeTiming();
  }
}
BENCHMARK(unpack)->Unit(benchmark::kSecond)->UseRealTime();

// What every later use costs.
void check_again(benchmark::State& state) {
  if (missing(state)) return;
  SilentProgress progress;
  const build::Owner owner{geteuid(), getegid()};
  if (!build::assemble_root(closure()->store, closure()->lock, owner, progress))
    return state.SkipWithError("cannot be assembled");
  for (auto _ : state)
    if (!build::assemble_root(closure()->store, closure()->lock, owner, progress))
      state.SkipWithError("cannot be assembled");
}
BENCHMARK(check_again)->Unit(benchmark::kSecond)->UseRealTime();

}  // namespace
}  // namespace hallmark

BENCHMARK_MAIN();
