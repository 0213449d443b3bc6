#include <cstdlib>

#include "lib/base/yaml.h"
#include "lib/pin/lock.h"

// Reading what was written gives the same lock, and writing that the same text.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace hallmark;
  static_cast<void>(pin::parse_lock(as_text({data, size}), "fuzz"));
  // Past the digest in the last line, which no mutation would guess.
  auto model = parse_yaml(as_text({data, size}));
  if (!model || !model->is_object()) return 0;
  std::erase_if(model->members(), [](const Json::Member& m) { return m.key == "lock_sha256"; });
  const auto lock = pin::lock_from_json(*model, "fuzz");
  if (!lock) return 0;
  const std::string text = write_lock(*lock);
  const auto again = pin::parse_lock(text, "written");
  if (!again || write_lock(*again) != text || lock_digest(*again) != lock_digest(*lock) ||
      !describe_changes(*lock, *again).empty())
    std::abort();
  return 0;
}
