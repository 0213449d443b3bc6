#include "lib/tee/snp/certificate_table.h"

#include <algorithm>

namespace hallmark::snp {
namespace {

constexpr std::size_t kEntrySize = 24, kGuidSize = 16;
// More than any host hands out.
constexpr std::size_t kMaxEntries = 64;

struct Known {
  std::string_view guid;
  TableEntry entry;
};
constexpr std::array kKnown{Known{"63da758de6644564adc5f4b93be8accd", TableEntry::vcek},
                            Known{"a8074bc2a25a483eaae639c045a0b8a1", TableEntry::vlek},
                            Known{"4ab7b379bbac4fe4a02f05aef327c782", TableEntry::ask},  // an ASVK as well
                            Known{"c0b406a4a803495297433fb6014cd0ae", TableEntry::ark},
                            Known{"92f81bc358114d3d97ffd19f88dc67ea", TableEntry::crl}};

TableEntry entry_of(ByteView guid) {
  const auto it = std::ranges::find(kKnown, to_hex(guid), &Known::guid);
  return it == kKnown.end() ? TableEntry::other : it->entry;
}

}  // namespace

bool is_certificate_table(ByteView bytes) {
  return bytes.size() >= kEntrySize && entry_of(bytes.first(kGuidSize)) != TableEntry::other;
}

Result<std::vector<TablePart>> parse_certificate_table(ByteView bytes) {
  ByteReader r(bytes, "certificate table");
  std::vector<TablePart> out;
  for (;;) {
    const std::size_t start = r.offset();
    const ByteView guid = r.view(kGuidSize, "GUID");
    const auto offset = r.le<std::uint32_t>("offset");
    const auto length = r.le<std::uint32_t>("length");
    if (!r.ok()) break;
    if (std::ranges::all_of(bytes.subspan(start, kEntrySize), [](auto c) { return c == 0; })) break;
    if (out.size() == kMaxEntries) {
      r.reject("GUID", "more than " + std::to_string(kMaxEntries) + " entries");
      break;
    }
    if (offset > bytes.size() || length > bytes.size() - offset) {
      r.reject("length", "the entry's bytes, " + std::to_string(length) + " from " + hex_offset(offset) +
                             ", are not in the table's " + std::to_string(bytes.size()));
      break;
    }
    out.push_back({entry_of(guid), bytes.subspan(offset, length)});
  }
  auto done = r.finish(std::move(out));
  if (!done) done.error().code = "snp.certificate_table";
  return done;
}

}  // namespace hallmark::snp
