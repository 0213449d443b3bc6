#include "lib/tee/sgx/gramine.h"

// The parser asserts what a text may well break ("[=") and, where assertions are off, has the compiler count on it.
// Here they are always on and an error like any other.
namespace hallmark::sgx {
namespace {
struct BrokenAssumption {};
[[noreturn]] void assumption_broken() { throw BrokenAssumption(); }
}  // namespace
}  // namespace hallmark::sgx
#undef NDEBUG
#define TOML_ASSERT(condition) ((condition) ? void() : ::hallmark::sgx::assumption_broken())
#define TOML_EXCEPTIONS 1
#define TOML_HEADER_ONLY 1
#define TOML_ENABLE_FORMATTERS 0
#include <toml++/toml.h>

#include <algorithm>
#include <bit>
#include <charconv>

#include "lib/base/json.h"
#include "lib/formats/elf.h"
#include "lib/tee/sgx/tcs.h"

namespace hallmark::sgx {
namespace {

constexpr std::uint64_t kCanary = 0xbadbadbadbad;
constexpr std::array kReleases{
    GramineRelease{"1.5", 4, 2, 64, 16, 0x10000, kCanary},   GramineRelease{"1.6", 4, 2, 64, 16, 0x10000, kCanary},
    GramineRelease{"1.6.1", 4, 2, 64, 16, 0x10000, kCanary}, GramineRelease{"1.6.2", 4, 2, 64, 16, 0x10000, kCanary},
    GramineRelease{"1.7", 4, 2, 64, 16, 0x10000, kCanary},   GramineRelease{"1.8", 4, 2, 64, 16, 0x10000, kCanary},
    GramineRelease{"1.9", 4, 2, 64, 16, 0x10000, kCanary},
};

constexpr std::int64_t kMaxThreads = 4096;      // MAX_DBG_THREADS
constexpr std::uint64_t kGprSize = 184;         // SDM volume 3D: the GPR area ends a frame of the SSA
constexpr std::uint32_t kSegmentLimit = 0xfff;  // FS and GS have one page each

constexpr std::uint64_t kData = kRegular | kRead | kWrite;

Failure wrong(std::string_view key, std::string why, Fault fault = Fault::format) {
  return fail(fault, "manifest: sgx." + std::string(key) + ": " + std::move(why));
}

// "64M": a number, decimal or with 0x hexadecimal, and a unit of 1024, 1024² or 1024³.
std::optional<std::uint64_t> parse_size(std::string_view text) {
  std::uint64_t unit = 1;
  if (text.ends_with('K')) unit = std::uint64_t{1} << 10;
  if (text.ends_with('M')) unit = std::uint64_t{1} << 20;
  if (text.ends_with('G')) unit = std::uint64_t{1} << 30;
  if (unit != 1) text.remove_suffix(1);
  const bool hex = text.starts_with("0x");
  if (hex) text.remove_prefix(2);
  // A leading zero would be octal to some readers.
  if (!hex && text.size() > 1 && text.front() == '0') return std::nullopt;
  std::uint64_t n = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), n, hex ? 16 : 10);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return checked_mul(n, unit);
}

// Each with a hash, which is what makes the files a part of the measurement.
Result<std::uint64_t> count_trusted_files(const toml::table& sgx) {
  const toml::node* node = sgx.get("trusted_files");
  if (node == nullptr) return 0;
  const toml::array* list = node->as_array();
  if (list == nullptr) return wrong("trusted_files", "is no array");
  for (std::size_t i = 0; i < list->size(); i++) {
    const toml::table* file = list->get(i)->as_table();
    const toml::node* hash = file ? file->get("sha256") : nullptr;
    if (hash == nullptr || !hash->is_string())
      return wrong("trusted_files",
                   "file " + std::to_string(i) +
                       " has no sha256 yet; the manifest to measure is the one that "
                       "gramine-sgx-sign writes, *.manifest.sgx",
                   Fault::unsupported);
  }
  return list->size();
}

// Addresses from the enclave's base, which is 0. Everything lies at the end of the enclave, in the order of the
// members from the highest address down; stacks are `threads` areas in a row, the first thread's on top.
struct Places {
  std::uint64_t manifest = 0, ssa = 0, tcs = 0, thread_data = 0, stacks = 0, signal_stacks = 0, pal = 0;
  std::uint64_t stack_size = 0, signal_stack_size = 0, ssa_size = 0;  // of one thread

  std::uint64_t stack(std::uint64_t t) const { return stacks - (t + 1) * stack_size; }
  std::uint64_t signal_stack(std::uint64_t t) const { return signal_stacks - (t + 1) * signal_stack_size; }
};

// Where `stacks` and `signal_stacks` are the ends of their areas.
Result<Places> arrange(std::uint64_t manifest_size, const GramineManifest& m, std::uint64_t pal_size,
                       const GramineRelease& r) {
  Places out{.stack_size = r.stack * kPage,
             .signal_stack_size = r.signal_stack * kPage,
             .ssa_size = std::uint64_t{r.ssa_frame} * r.ssa_frames * kPage};
  const std::uint64_t n = m.threads, manifest = *align_up(manifest_size, kPage);
  const std::uint64_t size =
      manifest + n * (out.ssa_size + 2 * kPage + out.stack_size + out.signal_stack_size) + pal_size;
  if (size > m.enclave_size || m.enclave_size - size < r.heap_min)
    return wrong("enclave_size", hex_offset(m.enclave_size) + " has no room for " + hex_offset(size) +
                                     " bytes of libpal, manifest and " + std::to_string(n) + " threads above " +
                                     hex_offset(r.heap_min));
  out.manifest = m.enclave_size - manifest;
  out.ssa = out.manifest - n * out.ssa_size;
  out.tcs = out.ssa - n * kPage;
  out.thread_data = out.tcs - n * kPage;
  out.stacks = out.thread_data;
  out.signal_stacks = out.stacks - n * out.stack_size;
  out.pal = out.signal_stacks - n * out.signal_stack_size - pal_size;
  return out;
}

// The bytes that libpal takes in memory. From here on its segments lie between 0 and there.
Result<std::uint64_t> check_libpal(const Elf& elf) {
  CHECK(check_shared_object(elf));
  std::uint64_t end = 0;
  bool at_zero = false;
  for (const ElfSegment& s : elf.segments()) {
    if (s.type != Elf::kLoad) continue;
    const std::string what = "ELF segment at " + hex_offset(s.vaddr);
    CHECK(in(what, check_bounds(s)));
    if (s.vaddr % kPage != s.offset % kPage)
      return fail(Fault::format, what + ": stands at " + hex_offset(s.offset) + " in the file, elsewhere in its page");
    at_zero |= s.vaddr < kPage;
    end = std::max(end, *align_up(s.vaddr + s.memory_size, kPage));
  }
  if (!at_zero) return fail(Fault::unsupported, "ELF: has no loadable segment at address 0");
  return end;
}

RecordBuilder<kGramineThread> thread_data(std::uint64_t t, std::uint64_t manifest_size, const GramineManifest& m,
                                          const Places& places, const GramineRelease& r) {
  const std::uint64_t ssa = places.ssa + t * places.ssa_size;
  RecordBuilder<kGramineThread> out;
  out.set<"self">(places.thread_data + t * kPage);
  out.set<"stack_protector_canary">(r.canary);
  out.set<"enclave_size">(m.enclave_size);
  out.set<"tcs_offset">(places.tcs + t * kPage);
  out.set<"initial_stack_addr">(places.stack(t) + places.stack_size);
  out.set<"sig_stack_low">(places.signal_stack(t));
  out.set<"sig_stack_high">(places.signal_stack(t) + places.signal_stack_size);
  out.set<"ssa">(ssa).set<"gpr">(ssa + r.ssa_frame * kPage - kGprSize);
  out.set<"manifest_size">(manifest_size);
  out.set<"heap_min">(r.heap_min).set<"heap_max">(places.pal);
  return out;
}

RecordBuilder<kTcsLayout> tcs(std::uint64_t t, std::uint64_t entry, const Places& places, const GramineRelease& r) {
  RecordBuilder<kTcsLayout> out;
  out.set<"ossa">(places.ssa + t * places.ssa_size).set<"nssa">(r.ssa_frames);
  out.set<"oentry">(places.pal + entry);
  out.set<"ogsbase">(places.thread_data + t * kPage);
  out.set<"ofslimit">(kSegmentLimit).set<"ogslimit">(kSegmentLimit);
  return out;
}

// toml++ 3.3, which is Debian 12's, is undefined on some characters that are not ASCII. TOML has such characters in
// strings and comments only, and none of these counts here; anywhere else '?' is as wrong as they are.
std::string in_ascii(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (static_cast<unsigned char>(c) >= 0x80) c = '?';
  return out;
}

Result<toml::table> parse_toml(std::string_view text) {
  if (!is_utf8(text)) return fail(Fault::format, "manifest: is not UTF-8");
  try {
    return toml::parse(in_ascii(text));
  } catch (const toml::parse_error& e) {
    return fail(Fault::format,
                "manifest: line " + std::to_string(e.source().begin.line) + ": " + std::string(e.description()));
  } catch (const BrokenAssumption&) {
    return fail(Fault::format, "manifest: is no TOML");
  }
}

}  // namespace

std::span<const GramineRelease> gramine_releases() { return kReleases; }

Result<GramineRelease> find_gramine_release(const std::optional<std::string>& name) {
  if (!name) return kReleases.back();
  const auto it = std::ranges::find(kReleases, *name, &GramineRelease::name);
  if (it != kReleases.end()) return *it;
  std::string known;
  for (const GramineRelease& r : kReleases) known += (known.empty() ? "" : ", ") + std::string(r.name);
  return fail(Fault::unsupported, "Gramine \"" + *name + "\": not one of " + known);
}

bool is_gramine_manifest(ByteView first_bytes) {
  const std::string_view text = as_text(first_bytes);
  // At the beginning of a line: a key with its table's name, or the head of a table.
  for (std::string_view table : {"sgx", "libos", "loader"})
    for (const std::string& head :
         {std::string(table) + ".", "[" + std::string(table) + "]", "[" + std::string(table) + "."}) {
      if (text.starts_with(head) || text.find("\n" + head) != text.npos) return true;
    }
  return false;
}

Result<GramineManifest> parse_gramine_manifest(ByteView text) {
  TRY(const toml::table manifest, parse_toml(as_text(text)));
  const toml::table* sgx = manifest.get_as<toml::table>("sgx");
  if (sgx == nullptr) return fail(Fault::format, "manifest: has no table sgx");

  GramineManifest out;
  const toml::node* size = sgx->get("enclave_size");
  const auto bytes = size && size->is_string() ? parse_size(size->as_string()->get()) : std::nullopt;
  if (!bytes) return wrong("enclave_size", "is no size such as \"256M\"");
  if (!std::has_single_bit(*bytes) || *bytes < kPage || *bytes > kMaxAddress)
    return wrong("enclave_size",
                 hex_offset(*bytes) + " is not a power of two from 0x1000 to " + hex_offset(kMaxAddress));
  out.enclave_size = *bytes;

  const toml::node* threads = sgx->get("max_threads");
  const std::int64_t count = threads && threads->is_integer() ? threads->as_integer()->get() : 0;
  if (count < 1 || count > kMaxThreads)
    return wrong("max_threads", "is no number from 1 to " + std::to_string(kMaxThreads));
  out.threads = static_cast<std::uint64_t>(count);

  if (const toml::node* edmm = sgx->get("edmm_enable")) {
    if (!edmm->is_boolean()) return wrong("edmm_enable", "is neither true nor false");
    out.edmm = edmm->as_boolean()->get();
  }
  TRY(out.trusted_files, count_trusted_files(*sgx));
  return out;
}

Result<Load> load_gramine(ByteView manifest, const GramineManifest& read, ByteView libpal,
                          const GramineRelease& release) {
  TRY(const Elf elf, in("libpal", Elf::parse(libpal)));
  TRY(const std::uint64_t pal_size, in("libpal", check_libpal(elf)));
  if (elf.entry() == 0 || elf.entry() >= pal_size)
    return fail(Fault::format,
                "libpal: ELF header: e_entry at 0x18: " + hex_offset(elf.entry()) + " is not in the image");
  const std::uint64_t manifest_size = manifest.size() + 1;  // with the NUL behind it
  TRY(const Places places, arrange(manifest_size, read, pal_size, release));

  Load out;
  out.ssa_frame_size = release.ssa_frame;
  out.size = read.enclave_size;
  LoadBuilder builder(out, read.enclave_size);

  const std::size_t n = read.threads, tcs_size = kTcsLayout.size, data_size = kGramineThread.size;
  out.content.reserve(n * (tcs_size + data_size));
  const auto append = [&](ByteView bytes) { out.content.insert(out.content.end(), bytes.begin(), bytes.end()); };
  for (std::uint64_t t = 0; t < n; t++) append(tcs(t, elf.entry(), places, release).bytes());
  for (std::uint64_t t = 0; t < n; t++) append(thread_data(t, manifest_size, read, places, release).bytes());
  const ByteView content = out.content;

  // In the order of the signing tool: from the highest address down, but for the heap.
  CHECK(builder.add_memory(places.manifest, manifest, manifest_size, kRegular | kRead, {}, Use::manifest, "manifest"));
  CHECK(builder.add(
      {.offset = places.ssa, .pages = n * places.ssa_size / kPage, .flags = kData, .extended = true, .use = Use::ssa},
      "SSA"));
  for (std::size_t t = 0; t < n; t++)
    CHECK(builder.add({.offset = places.tcs + t * kPage,
                       .pages = 1,
                       .flags = kTcs,
                       .extended = true,
                       .bytes = content.subspan(t * tcs_size, tcs_size),
                       .use = Use::tcs},
                      "TCS"));
  for (std::size_t t = 0; t < n; t++)
    CHECK(builder.add_memory(places.thread_data + t * kPage, content.subspan(n * tcs_size + t * data_size, data_size),
                             kPage, kData, {}, Use::thread_data, "thread data"));
  for (std::uint64_t t = 0; t < n; t++)
    CHECK(builder.add(
        {.offset = places.stack(t), .pages = release.stack, .flags = kData, .extended = true, .use = Use::stack},
        "stack"));
  for (std::uint64_t t = 0; t < n; t++)
    CHECK(builder.add({.offset = places.signal_stack(t),
                       .pages = release.signal_stack,
                       .flags = kData,
                       .extended = true,
                       .use = Use::stack},
                      "signal stack"));
  for (const ElfSegment& s : elf.segments()) {
    if (s.type != Elf::kLoad) continue;
    CHECK(builder.add_memory(places.pal + s.vaddr, elf.content(s), s.memory_size, page_flags(s), {}, Use::segment,
                             "segment of libpal at " + hex_offset(s.vaddr)));
  }
  if (!read.edmm)
    CHECK(builder.add({.offset = release.heap_min,
                       .pages = (places.pal - release.heap_min) / kPage,
                       .flags = kData | kExecute,
                       .use = Use::heap},
                      "heap"));
  out.objects.push_back({libpal, places.pal});
  CHECK(builder.check_no_overlap());
  return out;
}

}  // namespace hallmark::sgx
