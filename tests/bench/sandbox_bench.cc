// What it costs to set up a box, run nothing in it and take it down, over fork and exec of the same program bare.
#include <benchmark/benchmark.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <vector>

#include "lib/build/sandbox.h"

namespace hallmark::build {
namespace {

double bare_median = 0;

double median(std::vector<double> times) {
  std::nth_element(times.begin(), times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2), times.end());
  return times[times.size() / 2];
}

template <class Work>
double seconds(Work work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

const fs::path& busybox() {
  static const fs::path path = fs::exists("/usr/bin/busybox") ? "/usr/bin/busybox" : "/bin/busybox";
  return path;
}

void Bare(benchmark::State& state) {
  std::vector<double> times;
  for (auto _ : state) {
    times.push_back(seconds([] {
      char shell[] = "sh", options[] = "-euc", step[] = ":";
      char* const arguments[] = {shell, options, step, nullptr};
      pid_t pid = 0;
      if (posix_spawn(&pid, busybox().c_str(), nullptr, nullptr, arguments, environ) == 0) waitpid(pid, nullptr, 0);
    }));
    state.SetIterationTime(times.back());
  }
  bare_median = median(times);
}

void Box(benchmark::State& state, const char* name) {
  const TemporaryFolder folder = *TemporaryFolder::make("sandbox-bench");
  BoxRequest request;
  request.root = folder.path() / "root";
  request.out = folder.path() / "out";
  request.log = folder.path() / "log";
  for (const char* path : {"bin", "build", "dev", "proc", "run", "tmp", "var/tmp"})
    fs::create_directories(request.root / path);
  fs::copy_file(busybox(), request.root / "bin/busybox");
  fs::create_symlink("busybox", request.root / "bin/sh");
  request.steps = {":"};
  const Sandbox* sandbox = *find_sandbox(name);
  std::vector<double> times;
  for (auto _ : state) {
    bool ran = false;
    times.push_back(seconds([&] {
      const auto result = sandbox->run(request);
      ran = result && !result->failed;
    }));
    if (!ran) return state.SkipWithError("the box cannot be set up; see hallmark doctor");
    state.SetIterationTime(times.back());
  }
  const double over = median(times) - bare_median;
  state.counters["median_over_bare_ms"] = over * 1e3;
}

BENCHMARK(Bare)->UseManualTime()->Iterations(200)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(Box, native, "native")->UseManualTime()->Iterations(200)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(Box, bwrap, "bwrap")->UseManualTime()->Iterations(200)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace hallmark::build

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}
