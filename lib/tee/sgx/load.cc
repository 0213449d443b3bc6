#include "lib/tee/sgx/load.h"

#include <algorithm>

#include "lib/base/interrupt.h"
#include "lib/tee/sgx/tcs.h"

namespace hallmark::sgx {
namespace {

// Bounds on what an image may ask for. They are beyond every processor's memory for enclaves and keep
// a small file from costing hours.
constexpr std::uint64_t kMaxPagesAdded = std::uint64_t{1} << 28;     // 1 TiB
constexpr std::uint64_t kMaxPagesExtended = std::uint64_t{1} << 24;  // 64 GiB

// The part of a TCS that the loader relocates: OSSA, OFSBASE and OGSBASE.
constexpr std::array kTcsAddresses{field_of<kTcsLayout, "ossa">(), field_of<kTcsLayout, "ofsbase">(),
                                   field_of<kTcsLayout, "ogsbase">()};

// A TCS page: the template with zeros to the page's end, and its addresses made those of this page.
void relocate_tcs(std::span<std::uint8_t, kPage> page, std::uint64_t address) {
  for (const Field& f : kTcsAddresses) {
    const auto field = page.subspan(f.offset, f.size);
    store_le(field, load_le<std::uint64_t>(field) + address);
  }
}

}  // namespace

std::string_view to_text(Use use) {
  switch (use) {
    case Use::segment: return "segment";
    case Use::tcs: return "TCS";
    case Use::ssa: return "SSA";
    case Use::thread_data: return "thread data";
    case Use::stack: return "stack";
    case Use::heap: return "heap";
    case Use::reserved: return "reserved memory";
    case Use::relocations: return "relocations";
    case Use::manifest: return "manifest";
    case Use::configuration: return "configuration";
    case Use::other: return "other pages";
  }
  return {};
}

Status check_shared_object(const Elf& elf) {
  if (elf.type() != Elf::kSharedObject || elf.machine() != Elf::kX86_64)
    return fail(Fault::unsupported, "ELF header: type " + std::to_string(elf.type()) + " for machine " +
                                        std::to_string(elf.machine()) + " is no x86-64 shared object");
  return {};
}

Status check_bounds(const ElfSegment& s) {
  if (s.memory_size != 0 && s.vaddr < kMaxAddress && s.memory_size < kMaxAddress) return {};
  return fail(Fault::format, hex_offset(s.memory_size) + " bytes are empty, or lie outside any enclave");
}

std::uint64_t page_flags(const ElfSegment& s) {
  return kRegular | (s.flags & Elf::kRead ? kRead : 0) | (s.flags & Elf::kWrite ? kWrite : 0) |
         (s.flags & Elf::kExecute ? kExecute : 0);
}

Status Load::replay(Mrenclave& mrenclave) const {
  constexpr std::uint64_t kPagesBetweenChecks = 4096;
  for (const Region& r : regions) {
    if (!r.extended) {
      for (std::uint64_t n = 0; n < r.pages; n += kPagesBetweenChecks) {
        CHECK(not_interrupted());
        mrenclave.add_run(r.offset + n * kPage, std::min(kPagesBetweenChecks, r.pages - n), r.flags);
      }
      continue;
    }
    RegionPages pages(r);
    for (std::uint64_t n = 0; n < r.pages; n++) {
      if (n % kPagesBetweenChecks == 0) CHECK(not_interrupted());
      mrenclave.add(r.offset + n * kPage, r.flags);
      mrenclave.extend_page(pages.next());
    }
  }
  return {};
}

RegionPages::RegionPages(const Region& r)
    : rest_(r.tcs_address ? ByteView{} : r.bytes), lead_(r.lead), alike_(r.tcs_address || r.bytes.empty()) {
  for (std::size_t i = 0; i < kPage; i++) page_[i] = static_cast<std::uint8_t>(r.fill >> (8 * (i % 4)));
  if (!r.tcs_address) return;
  page_.fill(0);
  std::copy(r.bytes.begin(), r.bytes.end(), page_.begin());
  relocate_tcs(page_, *r.tcs_address);
}

std::span<const std::uint8_t, kPage> RegionPages::next() {
  if (alike_) return page_;
  const ByteView here = rest_.first(std::min(rest_.size(), kPage - lead_));
  page_.fill(0);
  std::copy(here.begin(), here.end(), page_.begin() + static_cast<std::ptrdiff_t>(lead_));
  rest_ = rest_.subspan(here.size());
  lead_ = 0;
  return page_;
}

Status LoadBuilder::add(Region region, std::string_view what) {
  const auto bytes = checked_mul(region.pages, kPage);
  const auto end = bytes ? checked_add(region.offset, *bytes) : std::nullopt;
  if (!is_page_aligned(region.offset) || !end || *end > limit_)
    return fail(Fault::format, std::string(what) + ": " + std::to_string(region.pages) + " pages at " +
                                   hex_offset(region.offset) + " are not pages of an enclave of " + hex_offset(limit_) +
                                   " bytes");
  // A TCS has no permissions; otherwise there are permissions, a page type, and nothing else.
  const std::uint64_t type = region.flags & ~(kRead | kWrite | kExecute);
  if (region.flags != kTcs && type != kRegular)
    return fail(Fault::format, std::string(what) + ": page flags " + hex_offset(region.flags) +
                                   " are neither a TCS (0x100) nor a regular page (0x200 with permissions)");
  if (region.pages == 0) return {};
  load_.pages_added += region.pages;
  if (region.extended) load_.pages_extended += region.pages;
  if (load_.pages_added > kMaxPagesAdded || load_.pages_extended > kMaxPagesExtended ||
      load_.regions.size() == kMaxRegions)
    return fail(Fault::unsupported, std::string(what) + ": the enclave has more pages than any processor can hold (" +
                                        std::to_string(load_.pages_added) + " added, " +
                                        std::to_string(load_.pages_extended) + " measured)");
  region.offset += delta_;
  const auto [name, is_new] = names_.try_emplace(std::string(what), static_cast<std::uint32_t>(load_.names.size()));
  if (is_new) load_.names.push_back(name->first);
  region.name = name->second;
  load_.regions.push_back(region);
  return {};
}

Status LoadBuilder::add_memory(std::uint64_t address, ByteView bytes, std::uint64_t memory_size, std::uint64_t flags,
                               std::span<const std::uint64_t> writable, Use use, std::string_view what) {
  const std::uint64_t first = align_down(address, kPage), lead = address - first;
  const std::uint64_t filled = bytes.empty() ? 0 : (lead + bytes.size() + kPage - 1) / kPage;
  const auto page_flags = [&](std::uint64_t page) {
    return std::binary_search(writable.begin(), writable.end(), first / kPage + page) ? flags | kWrite : flags;
  };
  for (std::uint64_t page = 0; page < filled;) {
    std::uint64_t end = page + 1;
    while (end < filled && page_flags(end) == page_flags(page)) end++;
    const std::uint64_t begin_byte = page == 0 ? 0 : page * kPage - lead;
    const std::uint64_t end_byte = std::min<std::uint64_t>(end * kPage - lead, bytes.size());
    CHECK(add({.offset = first + page * kPage,
               .pages = end - page,
               .flags = page_flags(page),
               .extended = true,
               .bytes = bytes.subspan(begin_byte, end_byte - begin_byte),
               .lead = static_cast<std::uint32_t>(page == 0 ? lead : 0),
               .use = use},
              what));
    page = end;
  }
  const std::uint64_t covered = filled == 0 ? 0 : filled * kPage - lead;
  if (memory_size <= covered) return {};
  const auto end = checked_add(address, memory_size);
  const auto aligned_end = end ? align_up(*end, kPage) : std::nullopt;
  if (!aligned_end) return fail(Fault::format, std::string(what) + ": its end passes 2^64");
  const std::uint64_t zeros = first + filled * kPage;
  return add({.offset = zeros, .pages = (*aligned_end - zeros) / kPage, .flags = flags, .extended = true, .use = use},
             what);
}

Status LoadBuilder::check_no_overlap() const {
  std::vector<const Region*> sorted;
  for (const Region& r : load_.regions) sorted.push_back(&r);
  std::sort(sorted.begin(), sorted.end(), [](auto* a, auto* b) { return a->offset < b->offset; });
  for (std::size_t i = 1; i < sorted.size(); i++)
    if (sorted[i]->offset < sorted[i - 1]->offset + sorted[i - 1]->pages * kPage)
      return fail(Fault::format, "the page at " + hex_offset(sorted[i]->offset) + " is added twice");
  return {};
}

}  // namespace hallmark::sgx
