// MRTD of a firmware image of 4 MiB, against SHA-384 over as many bytes in one run.
#include <benchmark/benchmark.h>

#include <chrono>
#include <cstdlib>

#include "lib/tee/tdx/mrtd.h"
#include "tests/unit/tee/made_firmware.h"

namespace hallmark::tdx {
namespace {

double seconds(const auto& work) {
  const auto begin = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

// ratio: the time of MRTD by that of the hash alone, over the same number of bytes.
void of_firmware(benchmark::State& state) {
  constexpr std::uint32_t kSize = 4 << 20, kCode = kSize - 0x84000;
  const Bytes bytes = MadeFirmware{
      .size = kSize,
      .sections = {{0x84000, kCode, 0x100000000 - kCode, kCode, 0, 1},
                   {0, 0x84000, 0x100000000 - kSize, 0x84000, 1, 0},
                   {0, 0, 0x809000, 0x2000, 2,
                    0}}}.bytes();
  const auto image = Image::parse(bytes);
  if (!image) return state.SkipWithError(image.error().message().c_str());
  std::uint64_t hashed = 0;
  for (const Section& s : image->sections())
    hashed += s.memory_data_size / kPageSize * (Mrtd::kRecord + (s.extend ? 16 * (Mrtd::kRecord + Mrtd::kChunk) : 0));
  const Bytes raw(hashed, 0x5a);
  double ours = 0, alone = 0;
  for (auto _ : state) {
    ours += seconds([&] { benchmark::DoNotOptimize(measure_mrtd(*image, PageOrder::single_pass)); });
    alone += seconds([&] { benchmark::DoNotOptimize(digest<Alg::sha384>(raw)); });
  }
  state.counters["ratio"] = ours / alone;
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations()) * static_cast<std::int64_t>(hashed));
}
BENCHMARK(of_firmware);

}  // namespace
}  // namespace hallmark::tdx

BENCHMARK_MAIN();
