// What is predicted of applications on dstack, against two guests that ran.
// Oracle: the digests in their logs, and RTMR3 and MRCONFIGID of their quotes, which TDX modules filled (vectors.json).
// app-compose.json of neither is public; its hash is what the guest extended.
#include "lib/tee/tdx/dstack_app.h"

#include "lib/tee/tdx/report.h"
#include "tests/vectors/vectors.h"

namespace hallmark::tdx {
namespace {

AppCompose compose_of(ByteView hash, KeyProvider provider) {
  AppCompose out{.key_provider = provider};
  std::ranges::copy(hash, out.hash.begin());
  return out;
}

class TdxDstackVectors : public VectorsTest {
 protected:
  TdxDstackVectors() : VectorsTest("tdx") {}
};

// A guest with keys from a local provider, and one event of the application behind its boot.
TEST_F(TdxDstackVectors, OfALocalProviderIsItsLogAndQuote) {
  const auto report = read_report({folder_ / "dstack_quote-report.json"});
  ASSERT_TRUE(report) << report.error().message();
  std::vector<Event> logged;
  for (const Event& e : *report->log)
    if (e.rtmr == 3) logged.push_back(e);
  const auto payload = [&](const std::string& name) {
    const auto it = std::ranges::find(logged, "dstack: " + name, &Event::description);
    return *from_hex(it->inputs.find("payload")->string());
  };
  const Bytes provider = payload("key-provider");
  const auto app = read_dstack_app(compose_of(payload("compose-hash"), KeyProvider::local),
                                   {{"dstack", "0.5.4"},
                                    {"instance-id", to_hex(payload("instance-id"))},
                                    {"key-provider", std::string(as_text(provider))}},
                                   std::nullopt);
  ASSERT_TRUE(app) << app.error().message();
  std::vector<Event> predicted = dstack_events(*app);
  ASSERT_EQ(predicted.size(), 7u);
  ASSERT_EQ(logged.size(), 8u);
  for (std::size_t i = 0; i < predicted.size(); i++) {
    EXPECT_EQ(predicted[i].description, logged[i].description);
    EXPECT_EQ(predicted[i].digest, logged[i].digest) << logged[i].description;
  }
  predicted.push_back(logged.back());
  EXPECT_EQ(to_hex(*fold(predicted)[3]), expected("dstack_quote-report.json").find("rtmr3")->string());
}

// A guest with keys from a KMS. Behind its quote stand the events, without digests, as SCALE encodes them: each text
// and payload behind its length.
class TdxDstackKmsVectors : public VectorsTest {
 protected:
  TdxDstackKmsVectors() : VectorsTest("quotes") {}
  static constexpr const char* kId = "real-tdx10-v4-6b05f7fe";

  static Bytes payload(const Bytes& file, std::string_view name) {
    const std::string_view text = as_text(file);
    // The name's own length is one byte.
    const std::size_t at = text.find(static_cast<char>(name.size() << 2) + std::string(name)) + 1 + name.size();
    const std::size_t first = file.at(at);
    const bool two = (first & 3) == 1;
    const std::size_t size = two ? (first | std::size_t{file.at(at + 1)} << 8) >> 2 : first >> 2;
    const std::string_view out = text.substr(at + (two ? 2 : 1), size);
    return {out.begin(), out.end()};
  }
};

TEST_F(TdxDstackKmsVectors, IsItsQuote) {
  const auto entry = std::ranges::find_if(entries_, [](const Json& e) { return e.find("id")->string() == kId; });
  ASSERT_NE(entry, entries_.end());
  const Json& identity = *entry->find("identity");
  const Bytes file = read("dcap/" + std::string(kId) + "/quote.bin");
  const Bytes provider = payload(file, "key-provider");
  const auto app = read_dstack_app(compose_of(payload(file, "compose-hash"), KeyProvider::kms),
                                   {{"dstack", "0.5.5"},
                                    {"instance-id", to_hex(payload(file, "instance-id"))},
                                    {"mr-kms", "none"},
                                    {"os-image-hash", to_hex(payload(file, "os-image-hash"))},
                                    {"key-provider", std::string(as_text(provider))}},
                                   std::nullopt);
  ASSERT_TRUE(app) << app.error().message();
  const std::vector<Event> predicted = dstack_events(*app);
  EXPECT_EQ(predicted.size(), 9u);
  EXPECT_EQ(to_hex(*fold(predicted)[3]), identity.find("rtmr3")->string());
  EXPECT_EQ(to_hex(*dstack_mrconfigid(*app, 1)), identity.find("mrconfigid")->string());
}

}  // namespace
}  // namespace hallmark::tdx
