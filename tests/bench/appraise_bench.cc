// Appraisals of quotes on one thread, against as many bare P-256 verifications in the same run. With HALLMARK_VECTORS
// the evidence is real; without, it is our own.
#include <benchmark/benchmark.h>

#include <chrono>
#include <cstdlib>

#include "lib/base/files.h"
#include "lib/tee/dcap/appraise.h"
#include "tests/evidence/dcap.h"

namespace hallmark::dcap {
namespace {

// RFC 5280 and Intel's procedure ask for so many signatures: root, TCB signer, TCB info, QE identity, root's list;
// root, CA, CA's list; PCK certificate, QE report, quote. With verified collateral, the last three. Of the eleven,
// nine are verified: the root's, there twice, is that of the certificate that Intel publishes, and pinned.
constexpr int kUncached = 11, kCached = 3, kUncachedVerified = 9;

struct Sample {
  Bytes quote, collateral;
  UnixTime time = 0;
  std::optional<Bytes> root;
};

Bytes bytes_of(const fs::path& file) {
  auto bytes = read_file(file, kMaxEvidence);
  if (!bytes) throw std::runtime_error(bytes.error().message());
  return *std::move(bytes);
}

std::vector<Sample> samples() {
  std::vector<Sample> out;
  if (const char* root = std::getenv("HALLMARK_VECTORS")) {
    const fs::path folder = fs::path(root) / "quotes";
    const Json vectors = *parse_json(*read_text(folder / "vectors.json", 16 << 20));
    for (const Json& entry : vectors.items()) {
      if (entry.find("type")->string() != "dcap-quote" || entry.find("trailing_nonzero") == nullptr ||
          entry.find("trailing_nonzero")->boolean())
        continue;
      const Json& one = entry.find("cases")->items().front();
      const Json& check = one.find("checks")->items().front();
      if (check.find("expect")->find("result")->string() != "verified") continue;
      out.push_back({bytes_of(folder / entry.find("files")->items().front().find("file")->string()),
                     bytes_of(folder / one.find("collateral")->find("file")->string()),
                     check.find("time")->integer(),
                     {}});
    }
    return out;
  }
  const made::Dcap dcap{.tdx = true};
  const made::MadeEvidence evidence = made::make(dcap);
  out.push_back(
      {evidence.evidence, Bytes(evidence.collateral.begin(), evidence.collateral.end()), dcap.now(), evidence.root});
  return out;
}

double seconds(const auto& work) {
  const auto begin = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

// As many verifications of one signature over a short message.
class Bare {
 public:
  void verify(int times) const {
    for (int i = 0; i < times; i++) benchmark::DoNotOptimize(key_.verify_ecdsa(message_, signature_));
  }

 private:
  made::Key made_ = made::Key::p256("bench");
  Bytes message_ = Bytes(64, 1), signature_ = made_.sign(message_);
  VerifyingKey key_ = *VerifyingKey::from_spki(made_.spki(), "key");
};

// of_bound: the time of the bare signatures by ours; of_verified: of those that were verified, 1 is the limit.
void report(benchmark::State& state, double ours, double bare, double verified) {
  state.counters["of_bound"] = bare / ours;
  state.counters["of_verified"] = bare * verified / ours;
  state.counters["per_second"] = static_cast<double>(state.iterations()) / ours;
}

void uncached(benchmark::State& state) {
  const std::vector<Sample> all = samples();
  const Bare bare;
  double ours = 0, alone = 0;
  std::size_t at = 0;
  for (auto _ : state) {
    const Sample& s = all[at++ % all.size()];
    ours += seconds([&] {
      const auto got = appraise_quote({.evidence = s.quote,
                                       .name = "quote",
                                       .time = s.time,
                                       .endorsements = {{"collateral", s.collateral}},
                                       .trust_anchor = s.root});
      if (!got || !got->authentic.ok()) std::abort();
    });
    alone += seconds([&] { bare.verify(kUncached); });
  }
  report(state, ours, alone, double{kUncachedVerified} / kUncached);
}
BENCHMARK(uncached)->MinTime(2);

void cached(benchmark::State& state) {
  const std::vector<Sample> all = samples();
  std::vector<VerifiedCollateral> collateral;
  for (const Sample& s : all) {
    const Endorsement file{"collateral", s.collateral};
    collateral.push_back(
        VerifiedCollateral::verify(std::make_shared<const Collateral>(*read_collateral(std::span(&file, 1))), s.time,
                                   s.root ? Certificate::parse(*s.root, "root")->spki_sha256() : intel_root()));
  }
  const Bare bare;
  double ours = 0, alone = 0;
  std::size_t at = 0;
  for (auto _ : state) {
    const std::size_t i = at++ % all.size();
    ours += seconds([&] {
      const Appraisal got =
          appraise_quote({.evidence = all[i].quote, .name = "quote", .time = all[i].time}, collateral[i]);
      if (!got.authentic.ok()) std::abort();
    });
    alone += seconds([&] { bare.verify(kCached); });
  }
  report(state, ours, alone, 1);
}
BENCHMARK(cached)->MinTime(2);

}  // namespace
}  // namespace hallmark::dcap

BENCHMARK_MAIN();
