// consumer FILE: prints the registers of an image, measured by the installed library.
#include <iostream>

#include "lib/tee/platform.h"

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  const hallmark::Result<hallmark::Measurement> measurement = hallmark::measure({.image = argv[1], .companions = {}});
  if (!measurement) {
    std::cerr << measurement.error().message() << "\n";
    return 1;
  }
  for (const hallmark::Register& r : measurement->registers)
    std::cout << r.name << " " << hallmark::to_hex(r.digest) << "\n";
}
