#include "lib/tee/sgx/oe_image.h"

#include <algorithm>
#include <bit>

#include "lib/base/files.h"
#include "lib/tee/sgx/oe_program.h"
#include "lib/tee/sgx/tcs.h"

namespace hallmark::sgx {
namespace {

constexpr std::uint32_t kTypeSgx = 2;                // OE_ENCLAVE_TYPE_SGX
constexpr std::uint64_t kMaxThreads = 1024;          // OE_SGX_MAX_TCS
constexpr std::uint64_t kMode64 = 0x4, kKss = 0x80;  // of ATTRIBUTES
constexpr std::uint64_t kEndMarker = 0xecececececececec;
constexpr std::uint64_t kControlPages = 4, kDataPages = 1;  // TCS, two SSA frames, a guard; the thread's data
constexpr std::uint64_t kGuardPages = 2;                    // before and after a stack
constexpr std::uint32_t kStackFill = 0xcccccccc;

// Elf64_Dyn, with the tags that name other files.
constexpr std::size_t kDynSize = 16;
constexpr std::uint64_t kNeeded = 1, kStringTable = 5, kRpath = 15, kRunpath = 29;

// The name of the one module that an image may need; nothing if it needs none. A module's own needs do not count.
Result<std::optional<std::string>> needed_module(const Elf& elf, ByteView file) {
  TRY(const ElfSection* section, only_section(elf, ".dynamic"));
  if (section == nullptr) return std::optional<std::string>();
  ByteReader r(elf.content(*section), "ELF section .dynamic");
  std::optional<std::uint64_t> needed, strings;
  while (r.left() >= kDynSize) {
    const auto tag = r.le<std::uint64_t>("d_tag"), value = r.le<std::uint64_t>("d_un");
    if (tag == kRpath || tag == kRunpath)
      return fail(Fault::unsupported,
                  "ELF section .dynamic: has DT_RPATH or DT_RUNPATH, which no loader of Open Enclave takes");
    if (tag == kNeeded && needed)
      return fail(Fault::unsupported,
                  "ELF section .dynamic: has DT_NEEDED twice; loaders of Open Enclave take one module");
    if (tag == kNeeded) needed = value;
    if (tag == kStringTable) strings = value;
  }
  if (!needed) return std::optional<std::string>();
  constexpr std::size_t kLongestName = 255;
  const auto address = checked_add(strings.value_or(0), *needed);
  const auto at = address ? elf.file_offset(*address, 1) : std::nullopt;
  if (!at) return std::optional(std::string());
  const std::string_view text = as_text(file).substr(static_cast<std::size_t>(*at), kLongestName);
  return std::optional(std::string(text.substr(0, text.find('\0'))));
}

// It is loaded along with the image and measured along with it, so it is given just where it is needed.
Status check_module(const Elf& elf, ByteView file, bool given) {
  TRY(const std::optional<std::string> needed, needed_module(elf, file));
  if (needed && !given)
    return fail(Fault::unsupported,
                "needs the module \"" + printable(*needed) +
                    "\" (DT_NEEDED), which is loaded behind the image and measured with it (\"module\")");
  if (!needed && given) return fail(Fault::usage, "needs no module (DT_NEEDED), and none is loaded behind it");
  return {};
}

// What is loaded, in this order. Behind the relocations of all come the pages of `configuration`, which only EGo has.
struct Parts {
  OeProgram image;
  std::vector<OeProgram> modules;  // EGo's first one is the payload
  ByteView configuration;
  bool is_ego = false;
};

// Where everything comes to lie, in bytes from the image's address 0 but for counts of pages.
struct Places {
  // Sizes; each begins where the one before it ends.
  std::uint64_t programs = 0, relocations = 0, configuration = 0, heap = 0;
  std::uint64_t stack_pages = 0, threads = 0;
  std::uint64_t thread_pages = 0;  // of thread-local data
  std::uint64_t end = 0;
  std::uint64_t start = 0;  // of all of it, from the enclave's base
  std::uint64_t enclave_size() const { return std::bit_ceil(end); }
  std::uint64_t heap_begin() const { return programs + relocations + configuration; }
  std::uint64_t thread_data_from_tcs() const { return (thread_pages + kControlPages) * kPage; }
};

Result<Places> arrange(const OeProperties& p, const Parts& parts) {
  std::uint64_t relocations = parts.image.relocations.size();
  for (const OeProgram& module : parts.modules) relocations += module.relocations.size();
  const OeProgram& last = parts.modules.empty() ? parts.image : parts.modules.back();
  Places out{.programs = last.at + last.memory.size(),
             .relocations = *align_up(relocations, kPage),
             .configuration = *align_up(parts.configuration.size(), kPage),
             .stack_pages = p.num<"num_stack_pages">(),
             .threads = p.num<"num_tcs">()};
  TRY(out.thread_pages, thread_pages(parts.image.tls));
  const std::uint64_t heap_pages = p.num<"num_heap_pages">();
  constexpr std::uint64_t kMaxPages = kMaxAddress / kPage;
  const auto thread = checked_mul(
      kGuardPages + std::min(out.stack_pages, kMaxPages) + out.thread_pages + kControlPages + kDataPages, out.threads);
  if (heap_pages > kMaxPages || out.stack_pages > kMaxPages || !thread || *thread > kMaxPages)
    return fail(Fault::format, ".oeinfo: " + std::to_string(heap_pages) + " heap pages (at 0x8) and " +
                                   std::to_string(out.threads) + " threads with stacks of " +
                                   std::to_string(out.stack_pages) + " pages (at 0x10) fit in no enclave");
  out.heap = heap_pages * kPage;
  out.end = out.heap_begin() + out.heap + *thread * kPage;
  if (p.num<"flags">() & kOeZeroBase) {
    out.start = p.num<"start_address">();
    if (out.start == 0 || !is_page_aligned(out.start) || out.start >= kMaxAddress)
      return fail(Fault::format,
                  ".oeinfo: start_address at 0x58: " + hex_offset(out.start) + " is no address of an image");
  }
  if (out.end + out.start > kMaxAddress)
    return fail(Fault::format, ".oeinfo: the enclave would end at " + hex_offset(out.end + out.start) + ", beyond " +
                                   hex_offset(kMaxAddress));
  return out;
}

// Tells the image about a module behind it, in the entry with that number. Edgeless RT tells more than Open Enclave.
Status patch_module_info(const Parts& parts, std::size_t number, OeProgram& image) {
  const OeProgram& module = parts.modules[number];
  const ElfSymbol* info = image.find("_module_info");
  if (info == nullptr)
    return fail(Fault::unsupported, "has no dynamic symbol _module_info: an image that nothing is loaded behind");
  const auto set = [&](const Field& f, std::uint64_t value) -> Status {
    const auto at = checked_add(info->value, number * kOeModuleInfo.size + f.offset);
    return image.memory.store(at.value_or(UINT64_MAX), value, "symbol _module_info");
  };
  const auto set_section = [&](std::string_view name, const Field& rva, const Field& size) -> Status {
    TRY(const ElfSection* section, only_section(*module.elf, name));
    if (section == nullptr) return {};
    const auto address = checked_add(module.at, section->address);
    if (!address) return fail(Fault::format, "ELF section " + std::string(name) + ": its address passes 2^64");
    CHECK(set(rva, *address));
    return set(size, section->size);
  };
  CHECK(set(field_of<kOeModuleInfo, "base_rva">(), module.at));
  CHECK(set_section(".init_array", field_of<kOeModuleInfo, "init_array_rva">(),
                    field_of<kOeModuleInfo, "init_array_size">()));
  CHECK(set_section(".fini_array", field_of<kOeModuleInfo, "fini_array_rva">(),
                    field_of<kOeModuleInfo, "fini_array_size">()));
  TRY(const std::uint64_t wanted, thread_bytes(module.tls));
  if (!parts.is_ego) {
    // Open Enclave loads such a module as if it had none, and Edgeless RT does not.
    if (wanted != 0)
      return fail(Fault::unsupported, "the module has thread-local data, for which an image has no room");
    return {};
  }
  CHECK(set(field_of<kOeModuleInfo, "payload_data_size">(), number == 0 ? parts.configuration.size() : 0));
  const ElfSymbol* reserved = image.find("ert_reserved_tls");
  if (const std::uint64_t there = reserved == nullptr ? 0 : reserved->size; there < wanted)
    return fail(Fault::unsupported, "symbol ert_reserved_tls: reserves " + std::to_string(there) +
                                        " bytes for thread-local data of " + std::to_string(wanted));
  if (module.tls.data_size == 0) return {};
  CHECK(set(field_of<kOeModuleInfo, "tdata_rva">(), module.tls.data_address));
  CHECK(set(field_of<kOeModuleInfo, "tdata_size">(), module.tls.data_size));
  return set(field_of<kOeModuleInfo, "tls_size">(), wanted);
}

// What the loader writes into the image before it is added, in its order.
Status patch(Parts& parts, std::uint64_t oeinfo, const Places& places) {
  OeProgram& image = parts.image;
  const auto field = [&](std::size_t at, std::uint64_t value) {
    return image.memory.store(oeinfo + at, value, ".oeinfo");
  };
  const auto symbol = [&](std::string_view name, std::uint64_t value) -> Status {
    const ElfSymbol* s = image.find(name);
    return s == nullptr ? Status{} : image.memory.store(s->value, value, "symbol " + std::string(name));
  };
  for (std::string_view name : {"_enclave_rva", "_reloc_rva", "_reloc_size"})
    if (image.find(name) == nullptr)
      return fail(Fault::unsupported,
                  "has no dynamic symbol " + std::string(name) +
                      ": of an Open Enclave SDK before 0.11, whose images are loaded in another way");

  const std::uint64_t reloc_rva = places.programs;
  CHECK(field(field_of<kOeProperties, "enclave_size">().offset, places.enclave_size()));
  CHECK(field(field_of<kOeProperties, "oeinfo_rva">().offset, oeinfo));
  CHECK(field(field_of<kOeProperties, "oeinfo_size">().offset, kOeProperties.size));
  CHECK(symbol("_enclave_rva", image.find("_enclave_rva")->value));
  CHECK(field(field_of<kOeProperties, "reloc_rva">().offset, reloc_rva));
  CHECK(field(field_of<kOeProperties, "reloc_size">().offset, places.relocations));
  CHECK(symbol("_reloc_rva", reloc_rva));
  CHECK(symbol("_reloc_size", places.relocations));
  CHECK(field(field_of<kOeProperties, "heap_rva">().offset, places.heap_begin()));
  if (image.tls.data_size != 0) {
    CHECK(symbol("_tdata_rva", image.tls.data_address));
    CHECK(symbol("_tdata_size", image.tls.data_size));
    CHECK(symbol("_tdata_align", image.tls.data_align));
  }
  if (image.tls.zero_size != 0) {
    CHECK(symbol("_tbss_size", image.tls.zero_size));
    CHECK(symbol("_tbss_align", image.tls.zero_align));
  }
  CHECK(symbol("_td_from_tcs_offset", places.thread_data_from_tcs()));
  for (std::size_t i = 0; i < parts.modules.size(); i++) CHECK(patch_module_info(parts, i, image));
  const std::array<std::uint8_t, kSigstruct.size> unsigned_yet{};
  return image.memory.store(oeinfo + field_of<kOeProperties, "sigstruct">().offset, unsigned_yet, ".oeinfo");
}

// The pages of a segment: from the file where the loader left them alone, and from `changed`, which has the program's
// changed pages one after the other, where it did not.
Status add_segment(const OeProgram& program, const ElfSegment& s, std::string_view prefix, ByteView changed,
                   LoadBuilder& out) {
  const std::uint64_t flags = page_flags(s);
  const std::string what = std::string(prefix) + "segment at " + hex_offset(s.vaddr);
  const ByteView file = program.elf->content(s);
  const std::uint64_t end = s.vaddr + s.memory_size;
  const auto as_it_is = [&](std::uint64_t from, std::uint64_t to) -> Status {
    if (from >= to) return {};
    const std::size_t at = std::min<std::uint64_t>(from - s.vaddr, file.size());
    const ByteView bytes = file.subspan(at, std::min<std::uint64_t>(to - from, file.size() - at));
    return out.add_memory(program.at + from, bytes, to - from, flags, {}, Use::segment, what);
  };
  const auto& pages = program.memory.changed();
  std::uint64_t from = s.vaddr;
  auto it = pages.lower_bound(align_down(s.vaddr, kPage));
  auto index = static_cast<std::size_t>(std::distance(pages.begin(), it));
  for (; it != pages.end() && it->first < end; ++it, ++index) {
    CHECK(as_it_is(from, it->first));
    CHECK(out.add({.offset = program.at + it->first,
                   .pages = 1,
                   .flags = flags,
                   .extended = true,
                   .bytes = changed.subspan(index * kPage, kPage),
                   .use = Use::segment},
                  what));
    from = it->first + kPage;
  }
  return as_it_is(from, end);
}

Status add_thread(std::uint64_t at, const Places& places, ByteView tcs, LoadBuilder& out) {
  constexpr std::uint64_t kData = kRegular | kRead | kWrite;
  const auto zeros = [&](std::uint64_t pages, Use use) -> Status {
    CHECK(out.add({.offset = at, .pages = pages, .flags = kData, .extended = true, .use = use}, to_text(use)));
    at += pages * kPage;
    return {};
  };
  at += kPage;  // guard
  CHECK(out.add({.offset = at,
                 .pages = places.stack_pages,
                 .flags = kData,
                 .extended = true,
                 .fill = kStackFill,
                 .use = Use::stack},
                "stack"));
  at += (places.stack_pages + 1) * kPage;  // and a guard
  CHECK(out.add({.offset = at,
                 .pages = 1,
                 .flags = kTcs,
                 .extended = true,
                 .bytes = tcs,
                 .tcs_address = places.start + at,
                 .use = Use::tcs},
                "TCS"));
  at += kPage;
  CHECK(zeros(2, Use::ssa));
  at += kPage;  // guard
  return zeros(places.thread_pages + kDataPages, Use::thread_data);
}

Result<Load> assemble(Parts& parts, const OeProperties& p, std::uint64_t oeinfo) {
  const std::uint64_t entry = parts.image.elf->entry();
  if (entry == 0 || entry >= parts.image.memory.size())
    return fail(Fault::format, "ELF header: e_entry at 0x18: " + hex_offset(entry) + " is not in the image");
  TRY(const Places places, arrange(p, parts));
  CHECK(patch(parts, oeinfo, places));

  Load out;
  out.ssa_frame_size = 1;
  out.size = std::bit_ceil(places.end + places.start);
  LoadBuilder builder(out, places.end, places.start);

  // The changed pages, the relocations and a TCS, one after the other; the rest of the programs stays in their files.
  std::vector<const OeProgram*> programs{&parts.image};
  for (const OeProgram& module : parts.modules) programs.push_back(&module);
  std::size_t relocs_at = 0, relocs_size = 0;
  for (const OeProgram* program : programs) {
    relocs_at += program->memory.changed().size() * kPage;
    relocs_size += program->relocations.size();
  }
  const std::size_t tcs_at = relocs_at + relocs_size;
  out.content.reserve(tcs_at + kTcsLayout.size);
  const auto append = [&](ByteView bytes) { out.content.insert(out.content.end(), bytes.begin(), bytes.end()); };
  for (const OeProgram* program : programs)
    for (const auto& [address, page] : program->memory.changed()) append(page);
  for (const OeProgram* program : programs) append(program->relocations);
  RecordBuilder<kTcsLayout> tcs;
  tcs.set<"ossa">(kPage).set<"nssa">(2).set<"oentry">(places.start + entry);
  tcs.set<"ofsbase">(places.thread_data_from_tcs()).set<"ogsbase">(places.thread_data_from_tcs());
  tcs.set<"ofslimit">(0xffffffff).set<"ogslimit">(0xffffffff);
  append(tcs.bytes());
  const ByteView content = out.content;

  std::size_t changed_at = 0;
  for (const OeProgram* program : programs) {
    const std::size_t size = program->memory.changed().size() * kPage;
    const bool is_payload = parts.is_ego && program == &parts.modules.front();
    const std::string_view prefix = program == &parts.image ? "" : is_payload ? "payload " : "module ";
    for (const ElfSegment& s : program->elf->segments())
      if (s.type == Elf::kLoad) CHECK(add_segment(*program, s, prefix, content.subspan(changed_at, size), builder));
    changed_at += size;
    out.objects.push_back({program->file, places.start + program->at});
  }
  CHECK(builder.add_memory(places.programs, content.subspan(relocs_at, relocs_size), places.relocations,
                           kRegular | kRead, {}, Use::relocations, "relocations"));
  CHECK(builder.add_memory(places.programs + places.relocations, parts.configuration, places.configuration,
                           kRegular | kRead, {}, Use::configuration, "configuration"));
  const std::uint64_t executable = (p.num<"flags">() & kEgoExecutableHeap) != 0 ? kExecute : 0;
  CHECK(builder.add({.offset = places.heap_begin(),
                     .pages = places.heap / kPage,
                     .flags = kRegular | kRead | kWrite | executable,
                     .use = Use::heap},
                    "heap"));
  const std::uint64_t threads = places.heap_begin() + places.heap;
  const std::uint64_t step = places.threads == 0 ? 0 : (places.end - threads) / places.threads;
  for (std::uint64_t i = 0; i < places.threads; i++)
    CHECK(add_thread(threads + i * step, places, content.subspan(tcs_at), builder));
  CHECK(builder.check_no_overlap());
  return out;
}

// Where .oeinfo is in the memory of a base enclave. What it says is written over, but its size tells the SDK.
Result<std::uint64_t> base_properties(const Elf& elf) {
  CHECK(check_shared_object(elf));
  TRY(const ElfSection* section, only_section(elf, ".oeinfo"));
  if (section == nullptr) return fail(Fault::unsupported, "ELF: has no section .oeinfo; a base enclave of EGo does");
  if (is_ego_payload(elf)) return fail(Fault::unsupported, "is itself a payload for EGo, and no base enclave");
  const ByteView bytes = elf.content(*section);
  if (bytes.size() < kOeProperties.size || load_le<std::uint32_t>(bytes) != kOeProperties.size)
    return fail(Fault::unsupported, ".oeinfo: size at 0x0: is not " + std::to_string(kOeProperties.size) +
                                        " as in images of the Open Enclave SDK since 0.18");
  if (elf.file_offset(section->address, kOeProperties.size) != section->offset)
    return fail(Fault::format, ".oeinfo: its segment does not put it at " + hex_offset(section->address));
  return section->address;
}

// The module that an image needs; its program points into the ELF file here.
struct Module {
  std::optional<Elf> elf;

  Status add(std::optional<ByteView> file, Parts& parts) {
    if (!file) return {};
    TRY(elf, in("the module", Elf::parse(*file)));
    CHECK(in("the module", check_shared_object(*elf)));
    const OeProgram& last = parts.modules.empty() ? parts.image : parts.modules.back();
    TRY(OeProgram program, in("the module", OeProgram::read(*elf, *file, last.at + last.memory.size())));
    parts.modules.push_back(std::move(program));
    return {};
  }
};

}  // namespace

bool is_ego_payload(const Elf& elf) {
  const ElfSection* section = elf.find_section(".oeinfo");
  return section != nullptr && elf.content(*section).size() >= kEgoPayloadAt + kEgoPayload.size;
}

Result<OeImage> OeImage::parse(ByteView file) {
  TRY(Elf elf, Elf::parse(file));
  CHECK(check_shared_object(elf));
  OeImage image(file, std::move(elf));
  CHECK(image.read_properties());
  return image;
}

// Beyond what parsing asks for, these are the checks of the loader.
Status OeImage::read_properties() {
  TRY(const ElfSection* section, only_section(elf_, ".oeinfo"));
  if (section == nullptr) return fail(Fault::unsupported, "ELF: has no section .oeinfo");
  const ByteView bytes = elf_.content(*section);
  if (bytes.size() >= 4 && load_le<std::uint32_t>(bytes) != kOeProperties.size)
    return fail(Fault::unsupported, ".oeinfo: size at 0x0: is " + std::to_string(load_le<std::uint32_t>(bytes)) +
                                        ", not " + std::to_string(kOeProperties.size) +
                                        " as in images of the Open Enclave SDK since 0.18");
  if (bytes.size() < kOeProperties.size)
    return fail(Fault::format,
                ".oeinfo: has " + std::to_string(bytes.size()) + " bytes, not " + std::to_string(kOeProperties.size));
  TRY(properties_, OeProperties::parse(bytes.first(kOeProperties.size)));
  const OeProperties& p = *properties_;
  const auto wrong = [&](std::size_t at, std::string_view field, std::uint64_t value, Fault fault = Fault::format) {
    return fail(fault, ".oeinfo: " + std::string(field) + " at " + hex_offset(at) + ": " + hex_offset(value) +
                           " is not what a loader takes");
  };
  oeinfo_address_ = section->address;
  if (elf_.file_offset(section->address, kOeProperties.size) != section->offset)
    return fail(Fault::format, ".oeinfo: its segment does not put it at " + hex_offset(section->address));
  if (p.num<"enclave_type">() != kTypeSgx) return wrong(4, "enclave_type", p.num<"enclave_type">(), Fault::unsupported);
  if (p.num<"end_marker">() != kEndMarker) return wrong(1952, "end_marker", p.num<"end_marker">());
  if (p.num<"num_tcs">() > kMaxThreads) return wrong(24, "num_tcs", p.num<"num_tcs">());
  const std::uint64_t attributes = p.num<"attributes">();
  if ((attributes & ~(kAttributeDebug | kMode64 | kKss)) != 0 || (attributes & kMode64) == 0)
    return wrong(72, "attributes", attributes);

  // An image that is not signed has zeros there.
  const auto sigstruct = p.get<"sigstruct">();
  if (std::ranges::any_of(sigstruct, [](auto c) { return c != 0; })) {
    TRY(sigstruct_, in(".oeinfo", parse_sigstruct(sigstruct)));
  }
  if (is_ego_payload(elf_)) {
    if (!elf_.file_offset(section->address, kEgoPayloadAt + kEgoPayload.size))
      return fail(Fault::format, ".oeinfo: ends in its segment before the field size at 0x808");
    TRY(ego_payload_, Record<kEgoPayload>::parse(bytes.subspan(kEgoPayloadAt, kEgoPayload.size)));
  } else if ((p.num<"flags">() & ~(kOeCapturesFaults | kOeZeroBase)) != 0) {
    return wrong(36, "flags", p.num<"flags">(), Fault::unsupported);
  }
  return {};
}

Result<Load> OeImage::load(std::optional<ByteView> module) const {
  if (ego_payload_)
    return fail(Fault::unsupported, "a payload for EGo, which is loaded with a base enclave of EGo (\"ego-enclave\")");
  CHECK(check_module(elf_, file_, module.has_value()));
  TRY(OeProgram image, OeProgram::read(elf_, file_, 0));
  Parts parts{std::move(image), {}, {}};
  Module behind;
  CHECK(behind.add(module, parts));
  if (module) CHECK(link_programs(parts.image, parts.modules));
  return assemble(parts, properties(), oeinfo_address_);
}

Result<Load> OeImage::load_behind(ByteView base, std::optional<ByteView> module) const {
  if (!ego_payload_) return fail(Fault::unsupported, "is no payload for EGo, and loaded behind no base enclave");
  const std::uint32_t flags = properties().num<"flags">();
  if ((flags & kOeZeroBase) != 0)
    return fail(Fault::unsupported,
                ".oeinfo: flags at 0x24: " + hex_offset(flags) +
                    ": of a zero-base enclave the loader measures the configuration at another place than its own");
  if ((flags & ~(kOeCapturesFaults | kEgoExecutableHeap)) != 0)
    return fail(Fault::unsupported, ".oeinfo: flags at 0x24: " + hex_offset(flags) + " is not what a loader takes");
  const std::uint64_t offset = ego_payload_->num<"offset">(), size = ego_payload_->num<"size">();
  const std::string where = ".oeinfo: the configuration of " + std::to_string(size) + " bytes (at 0x808) at " +
                            hex_offset(offset) + " (at 0x800)";
  const auto end = checked_add(offset, size);
  if (!end || *end > file_.size())
    return fail(Fault::format, where + " reaches beyond the file's " + std::to_string(file_.size()));
  if (offset == 0 && size != 0)
    return fail(Fault::unsupported, where + ": the loader would leave room for it and not load it");

  TRY(const Elf base_elf, in(kOeBase, Elf::parse(base)));
  TRY(const std::uint64_t base_oeinfo, in(kOeBase, base_properties(base_elf)));
  CHECK(in(kOeBase, check_module(base_elf, base, module.has_value())));
  TRY(OeProgram image, in(kOeBase, OeProgram::read(base_elf, base, 0)));
  TRY(OeProgram payload, OeProgram::read(elf_, file_, image.memory.size()));
  Parts parts{std::move(image), {}, file_.subspan(offset, size), true};
  parts.modules.push_back(std::move(payload));
  Module behind;
  CHECK(behind.add(module, parts));
  CHECK(link_programs(parts.image, parts.modules));
  // Both get the payload's properties, without the signature.
  CHECK(parts.image.memory.store(base_oeinfo, properties().bytes(), ".oeinfo"));
  const std::array<std::uint8_t, kSigstruct.size> unsigned_yet{};
  CHECK(parts.modules.front().memory.store(oeinfo_address_ + field_of<kOeProperties, "sigstruct">().offset,
                                           unsigned_yet, ".oeinfo"));
  return assemble(parts, properties(), base_oeinfo);
}

}  // namespace hallmark::sgx
