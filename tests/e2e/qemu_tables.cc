// qemu_tables FIRMWARE CACHE ARGUMENTS: what QEMU hands to the firmware, as the SHA-384 of each item. CACHE "" keeps
// none.
#include "lib/vmm/qemu_tables.h"

#include <iostream>

#include "lib/base/interrupt.h"
#include "lib/crypto/digest.h"

int main(int argc, char** argv) {
  using namespace hallmark;
  if (argc != 4) return 2;
  watch_for_interrupts();
  const auto words = split_arguments(argv[3]);
  SilentProgress silent;
  const auto tables = !words ? Result<QemuTables>(Failure(words.error()))
                             : qemu_tables({.firmware = argv[1], .arguments = *words, .cache = argv[2]}, silent);
  if (!tables) {
    std::cerr << tables.error().message() << "\n";
    return 1;
  }
  Json out = tables->description();
  out["cached"] = tables->cached;
  out["boot_menu"] = to_hex(tables->boot_menu);
  for (const auto& [name, bytes] : tables->files) out["sha384"][name] = to_hex(digest<Alg::sha384>(bytes));
  std::cout << out.pretty() << "\n";
}
