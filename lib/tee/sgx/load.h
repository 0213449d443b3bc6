// What a loader does with an enclave before EINIT: which pages it adds, in which order, and what they hold. Every
// format that is more than the stream itself is read into this, and MRENCLAVE follows from it.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/formats/elf.h"
#include "lib/tee/sgx/mrenclave.h"

namespace hallmark::sgx {

// Enclaves lie below this address.
inline constexpr std::uint64_t kMaxAddress = std::uint64_t{1} << 47;

constexpr bool is_page_aligned(std::uint64_t n) { return n % kPage == 0; }

// Programs for enclaves are shared objects for x86-64; another file is an unsupported fault.
Status check_shared_object(const Elf& elf);

// Address and size of a segment that has bytes are below kMaxAddress, so that their sum cannot wrap.
Status check_bounds(const ElfSegment& segment);

// SECINFO.FLAGS of a segment's pages: p_flags has read, write and execute too, in other bits.
std::uint64_t page_flags(const ElfSegment& segment);

// What pages are for.
enum class Use { segment, tcs, ssa, thread_data, stack, heap, reserved, relocations, manifest, configuration, other };
std::string_view to_text(Use);

// Pages that the loader adds one after the other with the same flags.
struct Region {
  std::uint64_t offset = 0;  // from the enclave's base
  std::uint64_t pages = 0;
  std::uint64_t flags = 0;
  bool extended = false;
  // What the pages hold: `lead` zeros, `bytes`, then zeros; where there are no bytes, `fill` in every 32-bit word.
  ByteView bytes;
  std::uint32_t lead = 0, fill = 0;
  // A TCS page holds addresses relative to itself: this is added to them, and every page of the region is alike.
  std::optional<std::uint64_t> tcs_address;
  Use use = Use::other;
  std::uint32_t name = 0;  // of Load::names; the builder sets it
};

// A program whose segments are loaded: the byte at address N of `file` is at N + `at` in the enclave.
struct LoadedObject {
  ByteView file;
  std::uint64_t at = 0;
};

// Found to be possible by the LoadBuilder that made it: the regions lie inside SIZE, no page is added twice, and
// their number is bounded.
struct Load {
  Load() = default;
  Load(Load&&) = default;  // and no copy: the regions may point into `content`
  Load& operator=(Load&&) = default;

  std::uint32_t ssa_frame_size = 0;
  std::uint64_t size = 0;  // SECS.SIZE
  std::uint64_t pages_added = 0, pages_extended = 0;
  std::vector<Region> regions;
  std::vector<std::string> names;  // of regions, as errors call them
  std::vector<LoadedObject> objects;
  Bytes content;  // what the reader of the format made of the file; the regions' bytes lie here or in the file

  // Hashes the regions. Fails only when interrupted.
  Status replay(Mrenclave& mrenclave) const;
};

// The pages of a region that is measured, one after the other.
class RegionPages {
 public:
  explicit RegionPages(const Region& region);
  // As often as the region has pages. Valid until the next call.
  std::span<const std::uint8_t, kPage> next();

 private:
  ByteView rest_;
  std::size_t lead_;
  bool alike_;
  std::array<std::uint8_t, kPage> page_;
};

// Gathers the regions in the loader's order and holds each to the bounds. `what` names a region in errors.
class LoadBuilder {
 public:
  // The most regions that a load may have.
  static constexpr std::size_t kMaxRegions = std::size_t{1} << 20;

  // Regions must lie below `limit`; `delta` is added to their offsets.
  LoadBuilder(Load& load, std::uint64_t limit, std::uint64_t delta = 0) : load_(load), limit_(limit), delta_(delta) {}

  Status add(Region region, std::string_view what);

  // Bytes at an address that need not be aligned, and zeros up to `memory_size`; all of it is measured. Pages in
  // `writable` (page numbers, sorted) become writable as far as bytes reach.
  Status add_memory(std::uint64_t address, ByteView bytes, std::uint64_t memory_size, std::uint64_t flags,
                    std::span<const std::uint64_t> writable, Use use, std::string_view what);

  // EADD refuses a page that is there already.
  Status check_no_overlap() const;

 private:
  Load& load_;
  std::uint64_t limit_, delta_;
  std::map<std::string, std::uint32_t, std::less<>> names_;
};

}  // namespace hallmark::sgx
