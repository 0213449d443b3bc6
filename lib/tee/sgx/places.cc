#include "lib/tee/sgx/places.h"

#include <algorithm>

#include "lib/tee/sgx/gramine.h"
#include "lib/tee/sgx/oe_image.h"
#include "lib/tee/sgx/sdk_image.h"
#include "lib/tee/sgx/sdk_metadata.h"
#include "lib/tee/sgx/tcs.h"

namespace hallmark::sgx {
namespace {

constexpr std::uint8_t kNoType = 0, kData = 1, kFunction = 2;  // of Elf64_Sym.st_info
constexpr std::size_t kLongestLine = 120, kMaxSections = 1024;

// A field by its name and that of its structure, and where it ends.
template <const auto& L>
Place field_at(std::string_view structure, std::uint64_t begin, std::uint64_t address) {
  const std::uint64_t offset = address - begin;
  for (const Field& f : L.fields)
    if (offset >= f.offset && offset < f.offset + f.size)
      return {std::string(structure) + "." + std::string(f.name), begin + f.offset + f.size};
  return {};
}

// The contents of g_global_data, whose layout is known for one size only.
Place global_data_at(std::uint64_t begin, std::uint64_t address) {
  const Place field = field_at<kGlobalData>("g_global_data", begin, address);
  constexpr Field kThread = field_of<kGlobalData, "thread_data">(), kTcsPart = field_of<kGlobalData, "tcs">(),
                  kLayout = field_of<kGlobalData, "layout">();
  if (field.text == "g_global_data.thread_data")
    return field_at<kThreadData>(field.text, begin + kThread.offset, address);
  if (field.text == "g_global_data.tcs") return field_at<kTcsLayout>(field.text, begin + kTcsPart.offset, address);
  if (field.text != "g_global_data.layout") return field;
  const std::uint64_t row = (address - begin - kLayout.offset) / kLayoutEntry.size;
  return field_at<kLayoutEntry>(field.text + "[" + std::to_string(row) + "]",
                                begin + kLayout.offset + row * kLayoutEntry.size, address);
}

// "line 3: sgx.max_threads = 4"
Place line_at(ByteView manifest, std::uint64_t offset) {
  if (offset >= manifest.size()) return {};
  const std::string_view text = as_text(manifest);
  const std::size_t number =
      1 + static_cast<std::size_t>(std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(offset), '\n'));
  const std::size_t before = offset == 0 ? text.npos : text.rfind('\n', offset - 1);
  const std::size_t begin = before == text.npos ? 0 : before + 1, end = std::min(text.find('\n', offset), text.size());
  std::string line(text.substr(begin, std::min(end - begin, kLongestLine)));
  if (end - begin > kLongestLine) line += "…";
  return {"line " + std::to_string(number) + ": " + printable(line), end};
}

}  // namespace

Places::Places(const Load& load, ByteView manifest) : manifest_(manifest) {
  for (const LoadedObject& object : load.objects) add_object(object);
  std::ranges::sort(symbols_, {}, &Symbol::address);
  const auto begin = std::ranges::find(load.regions, Use::manifest, &Region::use);
  if (begin != load.regions.end()) manifest_begin_ = begin->offset;
}

void Places::add_object(const LoadedObject& object) {
  const auto elf = Elf::parse(object.file);
  if (!elf) return;
  for (const ElfSection& s : elf->sections())
    if (s.address != 0 && s.size != 0 && sections_.size() < kMaxSections)
      sections_.push_back({s.name, object.at + s.address, s.size});
  auto symbols = elf->symbols(Elf::kSymbols);
  if (!symbols || symbols->empty()) symbols = elf->dynamic_symbols();
  if (!symbols) return;
  for (const ElfSymbol& s : *symbols)
    if (s.section != 0 && !s.name.empty() && (s.type == kNoType || s.type == kData || s.type == kFunction))
      symbols_.push_back({s.name, object.at + s.value, s.size});
}

Place Places::at_manifest(std::uint64_t offset) const { return line_at(manifest_, offset); }

Place Places::at(const Page& page, std::size_t offset) const {
  const std::uint64_t address = page.offset + offset;
  if (page.use == Use::tcs) return field_at<kTcsLayout>("TCS", page.offset, address);
  if (page.use == Use::manifest) return at_manifest(address - manifest_begin_);
  if (page.use == Use::thread_data && !manifest_.empty())
    return field_at<kGramineThread>("thread data", page.offset, address);
  if (page.use != Use::segment) return {};

  const auto section = std::ranges::find_if(
      sections_, [&](const Section& s) { return address >= s.address && address - s.address < s.size; });
  Place out;
  if (section != sections_.end()) out = {"section " + printable(section->name), section->address + section->size};
  if (section != sections_.end() && section->name == ".oeinfo") {
    if (Place field = field_at<kOeProperties>(".oeinfo", section->address, address); !field.text.empty()) return field;
  }
  // Symbols may lie in one another; the one that begins last is the most telling.
  constexpr int kLookedAt = 64;
  auto it = std::ranges::upper_bound(symbols_, address, {}, &Symbol::address);
  if (it != symbols_.end() && out.end != 0) out.end = std::min(out.end, it->address);
  for (int i = 0; i < kLookedAt && it != symbols_.begin(); i++) {
    --it;
    if (address - it->address >= it->size) continue;
    if (it->name == "g_global_data" && it->size == kGlobalData.size) return global_data_at(it->address, address);
    out.text += (out.text.empty() ? "symbol " : ", symbol ") + printable(it->name);
    out.end = std::min(out.end == 0 ? UINT64_MAX : out.end, it->address + it->size);
    break;
  }
  return out;
}

}  // namespace hallmark::sgx
