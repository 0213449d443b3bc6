#include "lib/tee/sgx/sdk_metadata.h"

#include <bit>

#include "lib/tee/sgx/sdk_image.h"
#include "lib/tee/sgx/tcs.h"

namespace hallmark::sgx {
namespace {

template <Name F>
constexpr GlobalDataGap before(std::uint64_t since) {
  constexpr Field f = field_of<kGlobalData, F>();
  return {f.offset, f.size, since};
}

template <Name F>
constexpr GlobalDataGap in_thread_data_before(std::uint64_t since) {
  constexpr Field f = field_of<kThreadData, F>();
  return {field_of<kGlobalData, "thread_data">().offset + f.offset, f.size, since};
}

constexpr GlobalDataGap rows_before(std::size_t first, std::size_t end, std::uint64_t since) {
  return {field_of<kGlobalData, "layout">().offset + first * kLayoutEntry.size, (end - first) * kLayoutEntry.size,
          since};
}

constexpr std::array kGaps{
    before<"sdk_version">(1656),
    before<"rsrv_offset">(1632),
    before<"rsrv_size">(1632),
    before<"rsrv_executable">(1648),
    before<"tcs_max_num">(1648),
    before<"tcs_num">(1688),
    in_thread_data_before<"aex_mitigation_list">(1760),
    in_thread_data_before<"aex_notify_flag">(1760),
    in_thread_data_before<"first_ssa_xsave">(1760),
    in_thread_data_before<"stack_commit">(1488),
    in_thread_data_before<"aex_notify_entropy">(1760),
    before<"tcs">(1488),
    before<"layout_count">(1488),
    before<"unused_348">(1488),
    rows_before(0, 38, 1488),
    rows_before(38, 42, 1632),
    rows_before(42, 43, 1720),
    before<"image_address">(1680),
    before<"elrange_start">(1680),
    before<"elrange_size">(1680),
    before<"edmm_overhead">(1760),
    before<"fips">(1768),
};

// What is left of these bytes of kGlobalData in a g_global_data of that size.
constexpr std::uint64_t size_left(std::size_t offset, std::size_t size, std::uint64_t global_data_size) {
  std::uint64_t out = size;
  for (const GlobalDataGap& g : kGaps)
    if (global_data_size < g.since && offset <= g.offset && g.offset + g.size <= offset + size) out -= g.size;
  return out;
}
constexpr std::uint64_t size_left(const Field& f, std::uint64_t global_data_size) {
  return size_left(f.offset, f.size, global_data_size);
}

Bytes without_gaps(ByteView global_data, std::uint64_t size) {
  Bytes out;
  std::size_t at = 0;
  const auto keep_until = [&](std::size_t end) {
    out.insert(out.end(), global_data.begin() + static_cast<std::ptrdiff_t>(at),
               global_data.begin() + static_cast<std::ptrdiff_t>(end));
  };
  for (const GlobalDataGap& g : kGaps) {
    if (size >= g.since) continue;
    keep_until(g.offset);
    at = g.offset + g.size;
  }
  keep_until(kGlobalData.size);
  return out;
}

constexpr std::uint64_t kTcsAexNotify = 2;  // TCS.FLAGS

// What a row of the layout table is for (metadata.h).
constexpr std::uint16_t kHeapMin = 1, kHeapInit = 2, kHeapMax = 3, kTcsPage = 4, kTd = 5, kSsa = 6, kStackMax = 7,
                        kStackMin = 8, kThreadGroup = kLayoutGroup | 9, kGuard = 10,
                        kThreadGroupDynamic = kLayoutGroup | 19, kReservedMin = 20, kReservedInit = 21,
                        kReservedMax = 22, kUserRegion = 23;
constexpr std::uint16_t kToDynamic = 10;  // from the id of a thread's row to that of a thread made later
// In SDK 1, which has no others.
struct NumberInSdk1 {
  std::uint16_t id, number;
};
constexpr std::array kNumbersInSdk1{NumberInSdk1{kHeapMin, 1},  NumberInSdk1{kTcsPage, 2},
                                    NumberInSdk1{kTd, 3},       NumberInSdk1{kSsa, 4},
                                    NumberInSdk1{kStackMin, 5}, NumberInSdk1{kThreadGroup, kLayoutGroup | 6},
                                    NumberInSdk1{kGuard, 7}};

std::uint16_t number_of(std::uint16_t id, Sdk sdk) {
  if (sdk >= Sdk::v2_0) return id;
  const auto it = std::ranges::find(kNumbersInSdk1, id, &NumberInSdk1::id);
  return it == kNumbersInSdk1.end() ? id : it->number;
}

constexpr std::uint16_t kRemove = 4, kPostAdd = 8, kPostRemove = 0x10, kDynamicThread = 0x20, kGrowsDown = 0x40;
constexpr std::uint64_t kReadWrite = kRegular | kRead | kWrite;

constexpr std::uint64_t kSsaFrames = 2, kSsaGprSize = 184;
constexpr std::uint32_t kFipsSignature = 0x1001;  // an extend entry; filled in when the file is signed
constexpr std::size_t kFipsSignatureSize = 772;   // modulus, exponent and signature
constexpr std::uint32_t kStackFill = 0xcccccccc;
constexpr std::uint64_t kMaxSaveBuffer = 2632;  // of tools that did not compute it

struct Row {
  std::uint16_t id = 0, attributes = 0;
  std::uint64_t pages = 0, rva = 0, flags = 0;
  std::uint32_t content_size = 0, content_offset = 0;
  // Of a group alone.
  std::size_t entries = 0;
  std::uint64_t times = 0, step = 0;

  bool is_group() const { return (id & kLayoutGroup) != 0; }
};
using Rows = std::vector<Row>;

Row group_of(std::uint16_t id, std::size_t entries, std::uint64_t times) {
  Row out{.id = id};
  out.entries = entries;
  out.times = times;
  return out;
}

void append(Bytes& to, ByteView bytes) { to.insert(to.end(), bytes.begin(), bytes.end()); }

Bytes encode(const Rows& rows, Sdk sdk) {
  Bytes out;
  for (Row r : rows) {
    r.id = number_of(r.id, sdk);
    if (r.is_group()) {
      RecordBuilder<kLayoutGroupEntry> entry;
      entry.set<"id">(r.id).set<"entry_count">(r.entries).set<"load_times">(r.times).set<"load_step">(r.step);
      append(out, entry.bytes());
      continue;
    }
    RecordBuilder<kLayoutEntry> entry;
    entry.set<"id">(r.id).set<"attributes">(r.attributes).set<"page_count">(r.pages).set<"rva">(r.rva);
    entry.set<"content_size">(r.content_size).set<"content_offset">(r.content_offset).set<"si_flags">(r.flags);
    append(out, entry.bytes());
  }
  return out;
}

const Row& row_of(const Rows& rows, std::uint16_t id) { return *std::ranges::find(rows, id, &Row::id); }

// What of the file matters for the layout.
struct Image {
  std::uint64_t end = 0;  // of the segments, in whole pages
  std::uint64_t entry = 0, tls_size = 0, global_data_offset = 0;
  std::vector<std::uint64_t> segment_pages;
};

// Where the last segment ends, in whole pages. The tools before 1.9 counted its pages from its size alone, and left one
// more where it begins inside a page and that page is needed.
std::uint64_t end_of(const ElfSegment& s, Sdk sdk) {
  const std::uint64_t end = *align_up(s.vaddr + s.memory_size, kPage);
  return sdk < Sdk::v1_9 ? std::max(end, *align_up(s.vaddr + *align_up(s.memory_size, kPage), kPage)) : end;
}

Status read_segments(const Elf& elf, Sdk sdk, Image& image) {
  const ElfSection* note = elf.find_section(".note.sgxmeta");
  if (note == nullptr) return fail(Fault::unsupported, "ELF: has no section .note.sgxmeta");
  std::uint64_t highest = 0;
  for (const ElfSegment& s : elf.segments()) {
    if (s.type != Elf::kLoad && s.type != Elf::kTls) continue;
    const std::string where = "the segment at " + hex_offset(s.vaddr);
    if (s.vaddr >= kMaxAddress || s.memory_size >= kMaxAddress)
      return fail(Fault::format, "ELF: " + where + " lies outside any enclave");
    if (s.type == Elf::kTls) {
      if (s.align > kMaxAddress || (s.align != 0 && !std::has_single_bit(s.align)))
        return fail(Fault::format, "ELF: " + where + " has the alignment " + hex_offset(s.align));
      image.tls_size = *align_up(s.memory_size, std::max<std::uint64_t>(s.align, 1));
      continue;
    }
    if (note->offset < s.offset + s.file_size && s.offset < note->offset + note->size)
      return fail(Fault::format, "ELF: " + where + " loads .note.sgxmeta, so that signing changes what was signed");
    image.segment_pages.push_back(*align_up(s.memory_size, kPage) / kPage);
    // A segment at address 0 does not count, whatever its size.
    if (s.vaddr > highest) image.end = end_of(s, sdk);
    highest = std::max(highest, s.vaddr);
  }
  if (image.end == 0) return fail(Fault::format, "ELF: no segment is loaded above address 0");
  return {};
}

Result<Image> examine(ByteView file, Sdk sdk) {
  TRY(const Elf elf, Elf::parse(file));
  Image out;
  CHECK(read_segments(elf, sdk, out));
  TRY(const SdkGlobalData data, find_global_data(elf, file));
  if (data.sdk != sdk)
    return fail(Fault::usage, "configuration: is one for SDK " + std::string(release_of(sdk).name) +
                                  ", and the enclave is of SDK " + std::string(release_of(data.sdk).name));
  out.global_data_offset = data.offset;
  TRY(const auto symbols, elf.dynamic_symbols());
  // An enclave linked as a position-independent executable has the entry in its header alone.
  TRY(const ElfSymbol entry, only_symbol(symbols, "enclave_entry"));
  out.entry = entry.name.empty() ? elf.entry() : entry.value;
  if (out.entry == 0 || out.entry >= kMaxAddress)
    return fail(Fault::format, "ELF: enclave_entry at " + hex_offset(out.entry) + " is no entry point");
  return out;
}

// The rows of a table may count 2^32 - 1 pages. The signing tool would cut off what is above.
Status check_pages(std::uint64_t size, std::string_view tag) {
  if (size / kPage <= UINT32_MAX) return {};
  return fail(Fault::unsupported, "configuration: " + std::string(tag) + " " + hex_offset(size) +
                                      " is more pages than any processor can hold");
}

// The loaders' generations for which the tool writes a copy.
struct Generations {
  bool one, two;
};

struct Threads {
  std::uint64_t pool, removed, dynamic;  // added for good, added and then removed, made later; and one for itself

  explicit Threads(const SdkConfig& c)
      : pool(std::min(c.tcs_min_pool, c.tcs_num - 1)),
        removed(c.tcs_num - 1 - pool),
        dynamic(c.tcs_max_num > pool + 1 ? c.tcs_max_num - pool : 0) {}
};

Generations generations(const SdkConfig& c) {
  if (c.sdk < Sdk::v2_0) return {.one = true, .two = false};
  if (c.sdk < Sdk::v2_18) return {.one = true, .two = true};
  if (c.user_region_size != 0) return {.one = false, .two = true};
  const bool is_static = c.heap_min_size == c.heap_init_size && c.heap_init_size == c.heap_max_size &&
                         c.stack_min_size == c.stack_max_size && c.reserved_min_size == c.reserved_init_size &&
                         c.reserved_init_size == c.reserved_max_size && c.tcs_max_num == Threads(c).pool + 1;
  if (is_static || (c.misc_select & 1) == 0) return {.one = true, .two = false};
  return {.one = (c.misc_mask & 1) == 0, .two = true};
}

// Bytes of an XSAVE area: the last row of which XFRM has all bits.
std::uint64_t xsave_size(std::uint64_t xfrm) {
  constexpr std::pair<std::uint64_t, std::uint64_t> kSizes[] = {{0x3, 576},   {0x6, 832},    {0x18, 1088},
                                                                {0xe6, 2688}, {0x200, 2752}, {0x60000, 11008}};
  std::uint64_t out = 0;
  for (auto [bits, size] : kSizes)
    if ((xfrm & bits) == bits) out = size;
  return out;
}

class Builder {
 public:
  Builder(const Image& image, const SdkConfig& config)
      : image_(image),
        config_(config),
        sdk_(config.sdk),
        release_(release_of(config.sdk)),
        threads_(config),
        generations_(generations(config)),
        reserved_init_size_(config.reserved_init_size) {
    xsave_size_ = xsave_size(requested_xfrm(config));
    // Before there was AMX one page was enough for all.
    ssa_pages_ = sdk_ < Sdk::v2_18 ? 1 : (xsave_size_ + kSsaGprSize + kPage - 1) / kPage;
    td_pages_ = 1 + *align_up(image.tls_size, kPage) / kPage;
  }

  Result<Bytes> build();

 private:
  Rows thread_rows() const;
  void add_heap(Rows& out) const;
  void add_threads(Rows& out) const;
  void add_reserved(Rows& out) const;
  Status add_user_region(Rows& out);
  Result<std::uint64_t> user_region();
  void add_rest(Rows& out);
  Status place(Rows& rows);
  std::uint64_t bookkeeping() const;

  bool has_elrange() const { return config_.elrange_size != 0; }
  std::uint64_t delta() const { return has_elrange() ? config_.image_address - config_.elrange_start : 0; }
  // SDK 2.24 gave the header two directories more.
  std::size_t header_size() const {
    return sdk_ < Sdk::v2_24 ? field_of<kMetadata, "elrange_offset">().offset : kMetadata.size;
  }
  // What stands in the metadata before the TCS template: its place is copied into g_global_data, and so measured.
  Bytes front(RecordBuilder<kMetadata>& header) const;
  RecordBuilder<kTcsLayout> tcs(const Rows& rows) const;
  RecordBuilder<kThreadData> thread_data(const Rows& rows) const;
  Bytes global_data(const Rows& rows) const;
  Rows for_generation_one(const Rows& rows) const;
  Bytes copy(std::uint32_t major, std::uint32_t minor, const Rows& rows, ByteView global_data, ByteView tcs) const;

  const Image& image_;
  const SdkConfig& config_;
  const Sdk sdk_;
  const SdkRelease& release_;
  const Threads threads_;
  const Generations generations_;
  std::uint64_t reserved_init_size_;
  std::uint64_t xsave_size_, ssa_pages_, td_pages_;
  std::uint64_t end_ = 0;  // of all rows so far
  std::uint64_t edmm_overhead_ = 0, enclave_size_ = 0;
};

void Builder::add_heap(Rows& out) const {
  const auto& c = config_;
  out.push_back({.id = kHeapMin, .attributes = kAttributeAdd, .pages = c.heap_min_size / kPage, .flags = kReadWrite});
  if (c.heap_init_size > c.heap_min_size)
    out.push_back({.id = kHeapInit,
                   .attributes = kAttributeAdd | kPostRemove | kPostAdd,
                   .pages = (c.heap_init_size - c.heap_min_size) / kPage,
                   .flags = kReadWrite});
  if (c.heap_max_size > c.heap_init_size)
    out.push_back({.id = kHeapMax,
                   .attributes = kPostAdd,
                   .pages = (c.heap_max_size - c.heap_init_size) / kPage,
                   .flags = kReadWrite});
}

// guard | stack | guard | TCS | SSA | guard | thread data and thread-local storage
Rows Builder::thread_rows() const {
  constexpr std::uint16_t kMeasured = kAttributeAdd | kAttributeExtend;
  const Row guard{.id = kGuard, .pages = sdk_ < Sdk::v2_0 ? std::uint64_t{1} : 16};
  RecordBuilder<kMetadata> unused;
  Rows out{guard};
  if (config_.stack_max_size > config_.stack_min_size)
    out.push_back({.id = kStackMax,
                   .attributes = kMeasured | kGrowsDown,
                   .pages = (config_.stack_max_size - config_.stack_min_size) / kPage,
                   .flags = kReadWrite,
                   .content_size = kStackFill});
  out.push_back({.id = kStackMin,
                 .attributes = kMeasured,
                 .pages = config_.stack_min_size / kPage,
                 .flags = kReadWrite,
                 .content_size = kStackFill});
  out.push_back(guard);
  out.push_back({.id = kTcsPage,
                 .attributes = kMeasured,
                 .pages = 1,
                 .flags = kTcs,
                 .content_size = kTcsLayout.size,
                 .content_offset = static_cast<std::uint32_t>(header_size() + front(unused).size())});
  out.push_back({.id = kSsa, .attributes = kMeasured, .pages = ssa_pages_ * kSsaFrames, .flags = kReadWrite});
  out.push_back(guard);
  out.push_back({.id = kTd, .attributes = kMeasured, .pages = td_pages_, .flags = kReadWrite});
  return out;
}

void Builder::add_threads(Rows& out) const {
  const Rows thread = thread_rows();
  // The first one, whose stack may grow and shrink. Until SDK 2.1.3 it was like the others, which repeated it.
  const bool all_alike = sdk_ < Sdk::v2_1_3;
  for (Row r : thread) {
    if (r.id == kStackMax && !all_alike) r.attributes |= kPostAdd | kPostRemove;
    out.push_back(r);
  }
  if (threads_.pool > 0 && !all_alike) out.insert(out.end(), thread.begin(), thread.end());
  const std::uint64_t written = all_alike ? 0 : 1;
  if (threads_.pool > written) out.push_back(group_of(kThreadGroup, thread.size(), threads_.pool - written));
  if (threads_.removed > 0)
    for (Row r : thread) {
      if (r.id != kGuard) r.attributes |= kRemove;
      out.push_back(r);
    }
  if (threads_.removed > 1) out.push_back(group_of(kThreadGroup, thread.size(), threads_.removed - 1));
  if (threads_.dynamic == 0) return;
  for (Row r : thread) {
    if (r.id != kGuard) {
      r.attributes = static_cast<std::uint16_t>(kPostAdd | (r.id == kStackMax ? kGrowsDown : kDynamicThread));
      r.id = static_cast<std::uint16_t>(r.id + kToDynamic);
    }
    out.push_back(r);
  }
  if (!all_alike || config_.tcs_max_num > config_.tcs_min_pool)
    out.push_back(group_of(kThreadGroupDynamic, thread.size(), threads_.dynamic - 1));
}

void Builder::add_reserved(Rows& out) const {
  const auto& c = config_;
  if (c.reserved_max_size == 0) return;
  const std::uint64_t flags = kReadWrite | (c.reserved_executable != 0 ? kExecute : 0);
  out.push_back(
      {.id = kReservedMin, .attributes = kAttributeAdd, .pages = c.reserved_min_size / kPage, .flags = flags});
  if (c.reserved_init_size > c.reserved_min_size)
    out.push_back({.id = kReservedInit,
                   .attributes = kAttributeAdd | kPostRemove | kPostAdd,
                   .pages = (c.reserved_init_size - c.reserved_min_size) / kPage,
                   .flags = flags});
  if (c.reserved_max_size > c.reserved_init_size)
    out.push_back({.id = kReservedMax,
                   .attributes = kPostAdd,
                   .pages = (c.reserved_max_size - c.reserved_init_size) / kPage,
                   .flags = kReadWrite});
}

// What the enclave's memory manager will allocate to keep account of its own pages: a node for each region, and for
// one that may have pages a bit array too. Every allocation has a header of 8 bytes and is of 16 bytes at least; the
// first tools did not know of the header, nor the very first of any alignment.
std::uint64_t Builder::bookkeeping() const {
  const auto allocated = [&](std::uint64_t size) {
    if (sdk_ < Sdk::v2_19) return size;
    if (sdk_ < Sdk::v2_20) return *align_up(size, 16);
    return std::max<std::uint64_t>(16, *align_up(size + 8, 8));
  };
  const std::uint64_t node = allocated(72), bit_array = allocated(24);
  const auto region = [&](std::uint64_t pages) { return node + bit_array + allocated(*align_up(pages, 8) / 8); };
  const auto growing = [&](std::uint64_t min, std::uint64_t init, std::uint64_t max) {
    return region(min / kPage) + (init > min ? region((init - min) / kPage) : 0) +
           (max > init ? region((max - init) / kPage) : 0);
  };
  const auto& c = config_;
  const bool two_stacks = c.stack_max_size > c.stack_min_size;
  const std::uint64_t thread = 3 * node + region(c.stack_min_size / kPage) +
                               (two_stacks ? region((c.stack_max_size - c.stack_min_size) / kPage) : 0) + region(1) +
                               region(ssa_pages_ * kSsaFrames) + region(td_pages_);
  const std::uint64_t removed_thread = (two_stacks ? 8 : 7) * node;

  std::uint64_t out = growing(c.heap_min_size, c.heap_init_size, c.heap_max_size) +
                      growing(c.reserved_min_size, c.reserved_init_size, c.reserved_max_size);
  out += thread * (1 + threads_.pool + threads_.dynamic) + removed_thread * (1 + threads_.removed);
  for (const std::uint64_t pages : image_.segment_pages) out += region(pages);
  return sdk_ < Sdk::v2_20 ? out : out + node;
}

// The bytes of the region that the memory manager takes its own pages and the user's from. Placed already, the rows lie
// below 2^47, so nothing here can pass 2^64.
Result<std::uint64_t> Builder::user_region() {
  constexpr std::uint64_t kBlock = 0x10000;  // the manager's smallest reservation, and two guards of half of it
  const std::uint64_t size = config_.user_region_size, share = *align_up(size >> 15, kPage);
  switch (sdk_) {
    case Sdk::v2_18: return size + share + *align_up(bookkeeping() + 2 * kBlock, kPage);
    case Sdk::v2_18_1:
      return fail(Fault::unsupported,
                  "configuration: MiscSelect: an enclave for SGX 2 of an SDK between 2.18 and 2.19 (g_global_data has "
                  "1720 bytes); how large its user region is, no published source says");
    case Sdk::v2_19: {
      // Reservations, each twice as large as the last, as many as it takes.
      const auto count = static_cast<std::uint64_t>(std::bit_width(*align_up(bookkeeping(), kBlock) / kBlock));
      const std::uint64_t blocks = (std::uint64_t{1} << count) - 1 + count;
      if (blocks * kBlock > INT32_MAX)
        return fail(Fault::unsupported, "configuration: the accounts of its pages would have " +
                                            hex_offset(blocks * kBlock) + " bytes, and the tool's sum overflows");
      return size + share + blocks * kBlock;
    }
    default: break;
  }
  const std::uint64_t own = size == 0 ? 0 : std::max<std::uint64_t>(kPage, share);
  edmm_overhead_ = *align_up(bookkeeping() + own + 32, kBlock);
  return size + edmm_overhead_ + kBlock;
}

Status Builder::add_user_region(Rows& out) {
  if (!generations_.two || sdk_ < Sdk::v2_18) return {};
  TRY(const std::uint64_t size, user_region());
  CHECK(check_pages(size, "the region of UserRegionSize"));
  out.push_back({.id = kUserRegion, .attributes = kPostAdd, .pages = size / kPage, .flags = kReadWrite});
  return place(out);
}

// The enclave's size is a power of two. Reserved memory at its end got what was left, until SDK 2.10.
void Builder::add_rest(Rows& out) {
  enclave_size_ = std::bit_ceil(end_);
  if (enclave_size_ == end_) return;
  const std::uint64_t pages = (enclave_size_ - end_) / kPage;
  Row& last = out.back();
  const bool grows = last.id == kReservedInit || last.id == kReservedMax || (last.id == kReservedMin && last.pages > 0);
  if (!grows || sdk_ >= Sdk::v2_10) {
    out.push_back({.id = kGuard, .pages = pages, .rva = end_});
    return;
  }
  last.pages += pages;
  // The tool's sum has 32 bits.
  if (last.id != kReservedMax) reserved_init_size_ += static_cast<std::uint32_t>(pages * kPage);
}

// Addresses, one row behind the other.
Status Builder::place(Rows& rows) {
  end_ = image_.end;
  for (std::size_t i = 0; i < rows.size(); i++) {
    Row& r = rows[i];
    r.step = 0;
    for (std::size_t j = i - r.entries; j < i; j++) r.step += rows[j].pages * kPage;
    if (!r.is_group()) r.rva = end_;
    const auto size = r.is_group() ? checked_mul(r.step, r.times) : std::optional(r.pages * kPage);
    if (!size || *size > kMaxAddress - end_)
      return fail(Fault::unsupported, "configuration: the enclave would have more than " + hex_offset(kMaxAddress) +
                                          " bytes, which no processor can hold");
    end_ += *size;
  }
  return {};
}

Bytes Builder::front(RecordBuilder<kMetadata>& header) const {
  Bytes out;
  if (has_elrange()) {
    RecordBuilder<kElrangeEntry> entry;
    entry.set<"image_address">(config_.image_address).set<"start_address">(config_.elrange_start);
    entry.set<"size">(config_.elrange_size);
    // In a header without these two they stand right behind it, where they would be in it.
    const std::uint64_t at = std::max<std::uint64_t>(header_size(), field_of<kMetadata, "extend_offset">().offset);
    header.set<"elrange_offset">(at).set<"elrange_size">(kElrangeEntry.size);
    append(out, ByteView(header.bytes()).subspan(header_size(), at - header_size()));
    append(out, entry.bytes());
  }
  if (config_.enable_ipp_fips != 0) {
    const std::size_t at = header_size() + out.size();
    RecordBuilder<kExtendEntry> entry;
    entry.set<"id">(kFipsSignature).set<"size">(kFipsSignatureSize).set<"offset">(at + kExtendEntry.size);
    header.set<"extend_offset">(at).set<"extend_size">(kExtendEntry.size);
    append(out, entry.bytes());
    out.resize(out.size() + kFipsSignatureSize);
  }
  return out;
}

// Addresses count from the TCS itself, and the loader adds where that is; only OENTRY is the same for all.
RecordBuilder<kTcsLayout> Builder::tcs(const Rows& rows) const {
  const std::uint64_t here = row_of(rows, kTcsPage).rva;
  const Row& td = row_of(rows, kTd);
  const std::uint64_t base = td.rva - here + (td.pages - 1) * kPage + delta();
  RecordBuilder<kTcsLayout> out;
  out.set<"flags">(config_.enable_aex_notify != 0 ? kTcsAexNotify : 0);
  out.set<"ossa">(row_of(rows, kSsa).rva - here + delta()).set<"nssa">(kSsaFrames);
  out.set<"oentry">(image_.entry + delta());
  out.set<"ofsbase">(base).set<"ogsbase">(base).set<"ofslimit">(UINT32_MAX).set<"ogslimit">(UINT32_MAX);
  return out;
}

RecordBuilder<kThreadData> Builder::thread_data(const Rows& rows) const {
  const std::uint64_t here = row_of(rows, kTcsPage).rva, ssa = row_of(rows, kSsa).rva - here;
  const Row& td = row_of(rows, kTd);
  const std::uint64_t self = td.rva - here + (td.pages - 1) * kPage;
  const std::uint64_t stack = row_of(rows, kStackMin).rva + config_.stack_min_size - here;
  RecordBuilder<kThreadData> out;
  out.set<"self">(self).set<"last_sp">(stack).set<"stack_base">(stack);
  out.set<"stack_limit">(stack - config_.stack_max_size);
  out.set<"first_ssa_gpr">(ssa + ssa_pages_ * kPage - kSsaGprSize).set<"first_ssa_xsave">(ssa);
  // In SDK 1 this was the size of a frame, in pages.
  out.set<"xsave_size">(sdk_ < Sdk::v2_0 ? ssa_pages_ : xsave_size_);
  out.set<"tls_address">(self - image_.tls_size);
  out.set<"tls_array">(self + size_left(field_of<kGlobalData, "thread_data">().offset,
                                        field_of<kThreadData, "tls_address">().offset, release_.size));
  return out;
}

Bytes Builder::global_data(const Rows& rows) const {
  const auto& c = config_;
  RecordBuilder<kGlobalData> out;
  out.set<"enclave_size">(enclave_size_);
  out.set<"heap_offset">(row_of(rows, kHeapMin).rva).set<"heap_size">(c.heap_init_size);
  if (c.reserved_max_size != 0)
    out.set<"rsrv_offset">(row_of(rows, kReservedMin).rva)
        .set<"rsrv_size">(reserved_init_size_)
        .set<"rsrv_executable">(c.reserved_executable);
  out.set<"thread_policy">(c.tcs_policy).set<"tcs_max_num">(c.tcs_max_num).set<"tcs_num">(c.tcs_num);
  out.set<"thread_data">(thread_data(rows).bytes()).set<"tcs">(tcs(rows).bytes());
  Bytes layout = encode(rows, sdk_);
  layout.resize(field_of<kGlobalData, "layout">().size);
  out.set<"layout_count">(rows.size());
  out.set<"layout">(std::span<const std::uint8_t, field_of<kGlobalData, "layout">().size>(layout));
  if (has_elrange())
    out.set<"image_address">(c.image_address).set<"elrange_start">(c.elrange_start).set<"elrange_size">(c.elrange_size);
  else if (sdk_ < Sdk::v2_25)
    out.set<"elrange_size">(enclave_size_);
  out.set<"edmm_overhead">(edmm_overhead_).set<"fips">(c.enable_ipp_fips);
  return without_gaps(out.bytes(), release_.size);
}

// The form for loaders that know no pages added or removed later. All threads are alike to them, so behind the first
// comes one group of all others; no other row but the reserved memory's is kept.
Rows Builder::for_generation_one(const Rows& rows) const {
  // The first tools changed only what pages added later need, and then kept neither an empty group nor the last guard.
  const bool keep = sdk_ < Sdk::v2_3;
  if (sdk_ < Sdk::v2_0 || (keep && threads_.dynamic == 0)) return rows;
  const auto begin = std::ranges::find(rows, kGuard, &Row::id), end = std::ranges::find(rows, kTd, &Row::id) + 1;
  Rows out(rows.begin(), end);
  if (keep ? config_.tcs_num > 1 : end != rows.end() && end->id != kReservedMin) {
    Row group = group_of(kThreadGroup, static_cast<std::size_t>(end - begin), config_.tcs_num - 1);
    for (auto r = begin; r != end; r++) group.step += r->pages * kPage;
    out.push_back(group);
    for (const Row& r : rows)
      if (r.id == kReservedMin || r.id == kReservedInit || r.id == kReservedMax) out.push_back(r);
  } else if (!keep) {
    out.insert(out.end(), end, rows.end());
  }
  for (Row& r : out) {
    if (r.id == kHeapMax || r.id == kReservedMax) r.flags = 0;
    if (r.id == kHeapInit || r.id == kHeapMax || r.id == kStackMax || r.id == kReservedInit || r.id == kReservedMax)
      r.attributes = static_cast<std::uint16_t>(r.attributes & ~kPostAdd);
  }
  return out;
}

Bytes Builder::copy(std::uint32_t major, std::uint32_t minor, const Rows& rows, ByteView global_data,
                    ByteView tcs) const {
  RecordBuilder<kMetadata> header;
  Bytes data = front(header);
  const auto here = [&] { return header_size() + data.size(); };
  const auto append_layout = [&] {
    const Bytes layout = encode(rows, sdk_);
    header.set<"layout_offset">(here()).set<"layout_size">(layout.size());
    append(data, layout);
  };
  append(data, tcs);
  if (sdk_ < Sdk::v2_0) append_layout();
  const std::size_t global_data_at = here();
  append(data, global_data);
  const std::size_t zeros_at = here();
  data.resize(data.size() + 8);

  // In the file, with the fields e_shnum, e_shoff and e_shstrndx of the ELF header.
  struct Patch {
    std::uint64_t to;
    std::size_t from, size;
  };
  const Patch patches[] = {{image_.global_data_offset, global_data_at, global_data.size()},
                           {60, zeros_at, 2},
                           {40, zeros_at, 8},
                           {62, zeros_at, 2}};
  header.set<"patch_offset">(here()).set<"patch_size">(std::size(patches) * kPatchEntry.size);
  for (const Patch& p : patches)
    append(data, RecordBuilder<kPatchEntry>().set<"dst">(p.to).set<"src">(p.from).set<"size">(p.size).bytes());
  if (sdk_ >= Sdk::v2_0) append_layout();

  const Bytes sigstruct = unsigned_sigstruct(config_, {}, 0);
  const auto s = *parse_sigstruct(sigstruct);
  header.set<"magic">(kMetadataMagic).set<"size">(here());
  header.set<"version_major">(major + (has_elrange() ? 10 : 0)).set<"version_minor">(minor);
  header.set<"tcs_policy">(config_.tcs_policy).set<"ssa_frame_size">(ssa_pages_);
  header.set<"max_save_buffer_size">(sdk_ < Sdk::v2_18 ? kMaxSaveBuffer : xsave_size_);
  header.set<"desired_misc_select">(sdk_ < Sdk::v2_22 ? 0 : config_.misc_select);
  header.set<"tcs_min_pool">(sdk_ < Sdk::v2_0 ? 0 : config_.tcs_min_pool).set<"enclave_size">(enclave_size_);
  header.set<"attributes">(s.num<"attributes">()).set<"xfrm">(requested_xfrm(config_));
  header.set<"sigstruct">(std::span<const std::uint8_t, kSigstruct.size>(sigstruct));
  Bytes out;
  append(out, ByteView(header.bytes()).first(header_size()));
  append(out, data);
  return out;
}

Result<Bytes> Builder::build() {
  CHECK(check_pages(config_.heap_max_size, "HeapMaxSize"));
  CHECK(check_pages(config_.stack_max_size, "StackMaxSize"));
  CHECK(check_pages(config_.reserved_max_size, "ReservedMemMaxSize"));
  CHECK(check_pages(config_.user_region_size, "UserRegionSize"));
  CHECK(check_pages(td_pages_ * kPage, "the image's thread-local storage of"));
  Rows rows;
  add_heap(rows);
  add_threads(rows);
  add_reserved(rows);
  CHECK(place(rows));
  CHECK(add_user_region(rows));
  add_rest(rows);
  const std::uint64_t max_rows = size_left(field_of<kGlobalData, "layout">(), release_.size) / kLayoutEntry.size;
  if (rows.back().pages > UINT32_MAX || (sdk_ >= Sdk::v2_0 && rows.size() > max_rows))
    return fail(Fault::unsupported, "configuration: an enclave of " + hex_offset(enclave_size_) + " bytes in " +
                                        std::to_string(rows.size()) + " regions is more than the metadata can say");

  // g_global_data has the form for the newest loaders also where that is not written.
  const Bytes data = global_data(rows);
  const auto thread = tcs(rows);
  Bytes out;
  if (generations_.two) append(out, copy(release_.major, release_.minor, rows, data, thread.bytes()));
  // For the loader of SDK 2.0, which takes no other number.
  if (sdk_ >= Sdk::v2_1 && sdk_ < Sdk::v2_18 && !has_elrange()) append(out, copy(2, 1, rows, data, thread.bytes()));
  if (generations_.one) append(out, copy(1, release_.minor_one, for_generation_one(rows), data, thread.bytes()));
  return out;
}

}  // namespace

std::span<const GlobalDataGap> global_data_gaps() { return kGaps; }

Result<Bytes> build_sdk_metadata(ByteView file, const SdkConfig& config) {
  if (config.enable_ossl_fips != 0)
    return fail(Fault::unsupported,
                "configuration: EnableOSSLFIPS: the signing tool would append the SDK's fips.so, which was not given");
  TRY(const Image image, examine(file, config.sdk));
  return Builder(image, config).build();
}

}  // namespace hallmark::sgx
