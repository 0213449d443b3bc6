#include "lib/tee/sgx/sdk_metadata.h"

#include <bit>

#include "lib/tee/sgx/sdk_image.h"
#include "lib/tee/sgx/tcs.h"

namespace hallmark::sgx {
namespace {

// sizeof(global_data_t) at the tags of linux-sgx; 192, and 1720 for 2.18, are as found in files of that version.
constexpr std::array kGenerations{
    SdkGeneration{184, "1.6 to 1.9", false},
    SdkGeneration{192, "1.9", false},
    SdkGeneration{1488, "2.0 to 2.5", false},
    SdkGeneration{1632, "2.6 and 2.7", false},
    SdkGeneration{1648, "2.8 and 2.9", false},
    SdkGeneration{1656, "2.9.1 to 2.13", false},
    SdkGeneration{1680, "2.14 to 2.16", false},
    SdkGeneration{1688, "2.17 and 2.18", false},
    SdkGeneration{1720, "2.18 and 2.19", false},
    SdkGeneration{1760, "2.20 to 2.24", false},
    SdkGeneration{kGlobalData.size, "2.25 and later", true},
};

constexpr std::uint64_t kTcsAexNotify = 2;  // TCS.FLAGS

// What a row of the layout table is for (metadata.h).
constexpr std::uint16_t kHeapMin = 1, kHeapInit = 2, kHeapMax = 3, kTcsPage = 4, kTd = 5, kSsa = 6, kStackMax = 7,
                        kStackMin = 8, kThreadGroup = kLayoutGroup | 9, kGuard = 10,
                        kThreadGroupDynamic = kLayoutGroup | 19, kReservedMin = 20, kReservedInit = 21,
                        kReservedMax = 22, kUserRegion = 23;
constexpr std::uint16_t kToDynamic = 10;  // from the id of a thread's row to that of a thread made later

constexpr std::uint16_t kRemove = 4, kPostAdd = 8, kPostRemove = 0x10, kDynamicThread = 0x20, kGrowsDown = 0x40;
constexpr std::uint64_t kReadWrite = kRegular | kRead | kWrite;

constexpr std::uint64_t kGuardPages = 16, kSsaFrames = 2, kSsaGprSize = 184;
constexpr std::size_t kMaxLayout = 43;            // rows for which global_data_t has room
constexpr std::uint32_t kFipsSignature = 0x1001;  // an extend entry; filled in when the file is signed
constexpr std::size_t kFipsSignatureSize = 772;   // modulus, exponent and signature
constexpr std::uint32_t kStackFill = 0xcccccccc;

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

Bytes encode(const Rows& rows) {
  Bytes out;
  for (const Row& r : rows) {
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
  std::uint64_t entry = 0, tls_size = 0, global_data_offset = 0, sdk_version = 0;
  std::vector<std::uint64_t> segment_pages;
};

Status check_generation(const ElfSymbol& symbol) {
  const auto it = std::ranges::find(kGenerations, symbol.size, &SdkGeneration::size);
  if (it != kGenerations.end() && it->known) return {};
  std::string known;
  for (const SdkGeneration& g : kGenerations)
    known += (known.empty() ? "" : ", ") + std::to_string(g.size) + " (" + std::string(g.sdk) + ")";
  const std::string what = "g_global_data has " + std::to_string(symbol.size) + " bytes, which is ";
  if (it == kGenerations.end()) return fail(Fault::unsupported, what + "that of no SDK known here: " + known);
  return fail(Fault::unsupported, what + "that of SDK " + std::string(it->sdk) +
                                      "; only enclaves of SDK 2.25 and later (1768 bytes) can be measured unsigned");
}

Result<ElfSymbol> only_symbol(const std::vector<ElfSymbol>& symbols, std::string_view name) {
  ElfSymbol out;
  for (const ElfSymbol& s : symbols) {
    if (s.name != name) continue;
    if (!out.name.empty())
      return fail(Fault::format, "ELF dynamic symbols: more than one is named " + std::string(name));
    out = s;
  }
  return out;
}

Status read_segments(const Elf& elf, Image& image) {
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
    if (s.vaddr > highest) image.end = *align_up(s.vaddr + s.memory_size, kPage);
    highest = std::max(highest, s.vaddr);
  }
  if (image.end == 0) return fail(Fault::format, "ELF: no segment is loaded above address 0");
  return {};
}

Result<Image> examine(ByteView file) {
  TRY(const Elf elf, Elf::parse(file));
  Image out;
  CHECK(read_segments(elf, out));
  TRY(const auto symbols, elf.dynamic_symbols());
  TRY(const ElfSymbol data, only_symbol(symbols, "g_global_data"));
  if (data.name.empty() || data.value == 0)
    return fail(Fault::unsupported, "ELF dynamic symbols: g_global_data, which the SDK's library defines, is missing");
  CHECK(check_generation(data));
  const auto offset = elf.file_offset(data.value, kGlobalData.size);
  if (!offset) return fail(Fault::format, "ELF: no segment puts all of g_global_data at " + hex_offset(data.value));
  out.global_data_offset = *offset;
  out.sdk_version = load_le<std::uint64_t>(file.subspan(static_cast<std::size_t>(*offset), 8));
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
      : image_(image), config_(config), threads_(config), generations_(generations(config)) {
    xsave_size_ = xsave_size(requested_xfrm(config));
    ssa_pages_ = (xsave_size_ + kSsaGprSize + kPage - 1) / kPage;
    td_pages_ = 1 + *align_up(image.tls_size, kPage) / kPage;
  }

  Result<Bytes> build();

 private:
  Rows thread_rows() const;
  void add_heap(Rows& out) const;
  void add_threads(Rows& out) const;
  void add_reserved(Rows& out) const;
  Status add_user_region(Rows& out);
  Status place(Rows& rows);
  std::uint64_t bookkeeping() const;

  bool has_elrange() const { return config_.elrange_size != 0; }
  std::uint64_t delta() const { return has_elrange() ? config_.image_address - config_.elrange_start : 0; }
  // What stands in the metadata before the TCS template: its place is copied into g_global_data, and so measured.
  Bytes front(RecordBuilder<kMetadata>& header) const;
  RecordBuilder<kTcsLayout> tcs(const Rows& rows) const;
  RecordBuilder<kThreadData> thread_data(const Rows& rows) const;
  RecordBuilder<kGlobalData> global_data(const Rows& rows) const;
  Rows for_generation_one(const Rows& rows) const;
  Bytes copy(std::uint32_t major, std::uint32_t minor, const Rows& rows, ByteView global_data, ByteView tcs) const;

  const Image& image_;
  const SdkConfig& config_;
  const Threads threads_;
  const Generations generations_;
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
  const Row guard{.id = kGuard, .pages = kGuardPages};
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
                 .content_offset = static_cast<std::uint32_t>(kMetadata.size + front(unused).size())});
  out.push_back({.id = kSsa, .attributes = kMeasured, .pages = ssa_pages_ * kSsaFrames, .flags = kReadWrite});
  out.push_back(guard);
  out.push_back({.id = kTd, .attributes = kMeasured, .pages = td_pages_, .flags = kReadWrite});
  return out;
}

void Builder::add_threads(Rows& out) const {
  const Rows thread = thread_rows();
  // The first one, whose stack may grow and shrink.
  for (Row r : thread) {
    if (r.id == kStackMax) r.attributes |= kPostAdd | kPostRemove;
    out.push_back(r);
  }
  if (threads_.pool > 0) out.insert(out.end(), thread.begin(), thread.end());
  if (threads_.pool > 1) out.push_back(group_of(kThreadGroup, thread.size(), threads_.pool - 1));
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
// one that may have pages a bit array too. Every allocation has a header of 8 bytes and is of 16 bytes at least.
std::uint64_t Builder::bookkeeping() const {
  const auto allocated = [](std::uint64_t size) { return std::max<std::uint64_t>(16, *align_up(size + 8, 8)); };
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
  return out + node;
}

Status Builder::add_user_region(Rows& out) {
  if (!generations_.two) return {};
  // Placed already, the rows lie below 2^47, so nothing here can pass 2^64.
  const std::uint64_t size = config_.user_region_size;
  const std::uint64_t own = size == 0 ? 0 : std::max<std::uint64_t>(kPage, *align_up(size >> 15, kPage));
  edmm_overhead_ = *align_up(bookkeeping() + own + 32, 0x10000);
  const std::uint64_t all = size + edmm_overhead_ + 0x10000;
  CHECK(check_pages(all, "the region of UserRegionSize"));
  out.push_back({.id = kUserRegion, .attributes = kPostAdd, .pages = all / kPage, .flags = kReadWrite});
  return place(out);
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
    header.set<"elrange_offset">(kMetadata.size).set<"elrange_size">(kElrangeEntry.size);
    append(out, entry.bytes());
  }
  if (config_.enable_ipp_fips != 0) {
    const std::size_t at = kMetadata.size + out.size();
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
  out.set<"xsave_size">(xsave_size_);
  out.set<"tls_address">(self - image_.tls_size);
  out.set<"tls_array">(self + field_of<kThreadData, "tls_address">().offset);
  return out;
}

RecordBuilder<kGlobalData> Builder::global_data(const Rows& rows) const {
  const auto& c = config_;
  RecordBuilder<kGlobalData> out;
  out.set<"enclave_size">(enclave_size_);
  out.set<"heap_offset">(row_of(rows, kHeapMin).rva).set<"heap_size">(c.heap_init_size);
  if (c.reserved_max_size != 0)
    out.set<"rsrv_offset">(row_of(rows, kReservedMin).rva)
        .set<"rsrv_size">(c.reserved_init_size)
        .set<"rsrv_executable">(c.reserved_executable);
  out.set<"thread_policy">(c.tcs_policy).set<"tcs_max_num">(c.tcs_max_num).set<"tcs_num">(c.tcs_num);
  out.set<"thread_data">(thread_data(rows).bytes()).set<"tcs">(tcs(rows).bytes());
  Bytes layout = encode(rows);
  layout.resize(field_of<kGlobalData, "layout">().size);
  out.set<"layout_count">(rows.size());
  out.set<"layout">(std::span<const std::uint8_t, field_of<kGlobalData, "layout">().size>(layout));
  if (has_elrange())
    out.set<"image_address">(c.image_address).set<"elrange_start">(c.elrange_start).set<"elrange_size">(c.elrange_size);
  out.set<"edmm_overhead">(edmm_overhead_).set<"fips">(c.enable_ipp_fips);
  return out;
}

// The form for loaders that know no pages added or removed later. All threads are alike to them, so behind the first
// comes one group of all others; no other row but the reserved memory's is kept.
Rows Builder::for_generation_one(const Rows& rows) const {
  const auto begin = std::ranges::find(rows, kGuard, &Row::id), end = std::ranges::find(rows, kTd, &Row::id) + 1;
  Rows out(rows.begin(), end);
  if (end != rows.end() && end->id != kReservedMin) {
    Row group = group_of(kThreadGroup, static_cast<std::size_t>(end - begin), config_.tcs_num - 1);
    for (auto r = begin; r != end; r++) group.step += r->pages * kPage;
    out.push_back(group);
    for (const Row& r : rows)
      if (r.id == kReservedMin || r.id == kReservedInit || r.id == kReservedMax) out.push_back(r);
  } else {
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
  const auto here = [&] { return kMetadata.size + data.size(); };
  append(data, tcs);
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
  const Bytes layout = encode(rows);
  header.set<"layout_offset">(here()).set<"layout_size">(layout.size());
  append(data, layout);

  const Bytes sigstruct = unsigned_sigstruct(config_, {}, 0);
  const auto s = *parse_sigstruct(sigstruct);
  header.set<"magic">(kMetadataMagic).set<"size">(here());
  header.set<"version_major">(major + (has_elrange() ? 10 : 0)).set<"version_minor">(minor);
  header.set<"tcs_policy">(config_.tcs_policy).set<"ssa_frame_size">(ssa_pages_);
  header.set<"max_save_buffer_size">(xsave_size_).set<"desired_misc_select">(config_.misc_select);
  header.set<"tcs_min_pool">(config_.tcs_min_pool).set<"enclave_size">(enclave_size_);
  header.set<"attributes">(s.num<"attributes">()).set<"xfrm">(requested_xfrm(config_));
  header.set<"sigstruct">(std::span<const std::uint8_t, kSigstruct.size>(sigstruct));
  Bytes out(header.bytes().begin(), header.bytes().end());
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
  enclave_size_ = std::bit_ceil(end_);
  if (enclave_size_ != end_) rows.push_back({.id = kGuard, .pages = (enclave_size_ - end_) / kPage, .rva = end_});
  if (rows.back().pages > UINT32_MAX || rows.size() > kMaxLayout)
    return fail(Fault::unsupported, "configuration: an enclave of " + hex_offset(enclave_size_) + " bytes in " +
                                        std::to_string(rows.size()) + " regions is more than the metadata can say");

  // g_global_data has the form for generation 2 also where that is not written.
  const auto data = global_data(rows);
  const auto thread = tcs(rows);
  constexpr std::uint64_t kSdk225 = std::uint64_t{2} << 32 | 26 << 16;
  Bytes out;
  if (generations_.two) append(out, copy(3, image_.sdk_version < kSdk225 ? 2 : 3, rows, data.bytes(), thread.bytes()));
  if (generations_.one) append(out, copy(1, 5, for_generation_one(rows), data.bytes(), thread.bytes()));
  return out;
}

}  // namespace

std::span<const SdkGeneration> sdk_generations() { return kGenerations; }

Result<Bytes> build_sdk_metadata(ByteView file, const SdkConfig& config) {
  if (config.enable_ossl_fips != 0)
    return fail(Fault::unsupported,
                "configuration: EnableOSSLFIPS: the signing tool would append the SDK's fips.so, which was not given");
  TRY(const Image image, examine(file));
  return Builder(image, config).build();
}

}  // namespace hallmark::sgx
