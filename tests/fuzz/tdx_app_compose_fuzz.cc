#include <cstdlib>

#include "lib/tee/tdx/dstack_app.h"

// An application that is read has events that are computed or say what is missing, whatever else is given; the same
// bytes serve as the key provider and as the command line.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace hallmark;
  const ByteView bytes{data, size};
  const std::string text(as_text(bytes));
  (void)tdx::find_dstack_release(text);
  auto compose = tdx::parse_app_compose(bytes);
  if (!compose) compose = tdx::AppCompose{.key_provider = tdx::KeyProvider::kms};
  for (const tdx::DstackRelease& release : tdx::dstack_releases())
    for (const bool more : {false, true}) {
      std::map<std::string, std::string> options{{"dstack", std::string(release.name)}};
      if (more) options["key-provider"] = text;
      const auto app =
          tdx::read_dstack_app(*compose, options, more ? std::optional<std::string_view>(text) : std::nullopt);
      if (!app) continue;
      for (const tdx::Event& e : tdx::dstack_events(*app))
        if (e.digest.has_value() == (e.provenance == tdx::Provenance::missing)) std::abort();
      if (!tdx::dstack_mrconfigid(*app, 1)) std::abort();
      if (tdx::dstack_mrconfigid(*app, 2).has_value() == app->compose.key_provider_id.empty()) std::abort();
      (void)tdx::dstack_mrconfigid(*app, 3);
    }
  return 0;
}
