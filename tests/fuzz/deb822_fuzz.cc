#include <cstdlib>
#include <string>

#include "lib/base/files.h"
#include "lib/pin/debian_index.h"
#include "lib/pin/names.h"

namespace {

using namespace hallmark;

// Written out again with one space after the colon, the paragraphs read the same.
void check_round_trip(std::string_view text) {
  std::string again;
  pin::ParagraphReader reader(text, "input");
  pin::Paragraph paragraph;
  std::size_t paragraphs = 0;
  for (;; paragraphs++) {
    const auto any = reader.next(paragraph);
    if (!any) return;
    if (!*any) break;
    for (const pin::Field& field : paragraph.fields()) {
      if (field.value.data() != nullptr && !field.value.empty() &&
          (field.value.data() < text.data() || field.value.data() + field.value.size() > text.data() + text.size()))
        std::abort();
      again += std::string(field.name) + ": " + std::string(field.value) + "\n";
    }
    again += "\n";
  }
  pin::ParagraphReader second(again, "again");
  for (std::size_t i = 0; i < paragraphs; i++) {
    const auto any = second.next(paragraph);
    if (!any || !*any) std::abort();
  }
  if (*second.next(paragraph)) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = as_text(ByteView{data, size});
  check_round_trip(text);
  // What gets through can stand in a path, in a URL and in apt's sources.
  if (const auto release = pin::parse_release(text, "InRelease"))
    for (const auto& [path, file] : release->files)
      if (!is_plain_relative(path) || !pin::is_hex(file.sha256, 64)) std::abort();
  const auto read = pin::read_packages(text, "Packages", [](const pin::IndexEntry& entry) {
    if (!is_plain_relative(entry.path) || !pin::is_hex(entry.sha256, 64) || !pin::is_package_name(entry.name) ||
        !pin::is_package_version(entry.version))
      std::abort();
  });
  static_cast<void>(read);
  return 0;
}
