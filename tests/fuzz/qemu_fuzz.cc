#include <cstdlib>

#include "lib/vmm/qemu_arguments.h"
#include "lib/vmm/qemu_protocol.h"
#include "lib/vmm/qemu_tables.h"

// What QEMU says is cut into lines that are no longer than allowed, each of them read or refused; the user's arguments
// are rewritten to words that rewriting leaves as they are, with none among them that would reach out of the machine.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace hallmark;
  const std::string_view text(reinterpret_cast<const char*>(data), size);

  LineBuffer lines("QEMU", 4096);
  for (std::size_t at = 0; at < size; at += 100) {
    if (!lines.add(text.substr(at, 100))) break;
    while (const auto line = lines.next()) {
      if (line->size() > 4096 + 100) std::abort();
      (void)parse_qmp(*line);
      if (const auto message = parse_qtest(*line))
        if (const auto bytes = parse_qtest_bytes(message->value, 4); bytes && bytes->size() != 4) std::abort();
      (void)traced_selection(*line);
    }
  }
  if (const auto files = parse_fw_cfg_directory({data, size}))
    for (const FwCfgFile& file : *files)
      if (file.name.empty() || file.name.size() > 55) std::abort();
  (void)parse_qemu_tables(text, "key");

  const auto words = split_arguments(text);
  if (!words) return 0;
  const auto once = rewrite_qemu_arguments(*words);
  if (!once) return 0;
  for (const std::string& word : once->arguments)
    if (word == "-daemonize" || word == "-accel" || word == "-enable-kvm") {
      // As the value of an option that is kept, such a word is nothing special.
      const auto value = &word - once->arguments.data();
      if (value == 0 || !once->arguments[static_cast<std::size_t>(value) - 1].starts_with("-")) std::abort();
    }
  const auto twice = rewrite_qemu_arguments(once->arguments);
  if (!twice || twice->arguments != once->arguments) std::abort();
  return 0;
}
