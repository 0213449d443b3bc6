#include "lib/tee/sgx/explain.h"

#include <fcntl.h>

#include <algorithm>
#include <bit>
#include <map>
#include <set>

#include "lib/tee/sgx/gramine.h"
#include "lib/tee/sgx/measure.h"
#include "lib/tee/sgx/oe_image.h"
#include "lib/tee/sgx/places.h"
#include "lib/tee/sgx/request.h"
#include "lib/tee/sgx/sdk_image.h"
#include "lib/tee/sgx/sdk_metadata.h"

namespace hallmark::sgx {
namespace {

constexpr std::size_t kShownBytes = 16, kShownNames = 6, kShownRegions = 12;
// As many pages of a region, and places of an enclave, are looked at as show what it is about.
constexpr std::size_t kLookedAtPages = 64, kLookedAtPlaces = std::size_t{1} << 16;

// One enclave, ready to be walked as often as needed.
struct Side {
  std::string format;
  fs::path file;
  Bytes image, libpal, base, metadata;  // what `load` points into
  std::optional<Bytes> module;          // and this
  std::optional<Load> load;             // none for a stream
  DigestOf<Alg::sha256> mrenclave{};
  std::uint32_t ssa_frame_size = 0;
  std::uint64_t size = 0;
  std::optional<Places> places;
  Fd stream;  // the file of a stream, while it is walked
};

Status add_load(Side& side, const MeasureRequest& request, Format format) {
  switch (format) {
    case Format::sgxs: break;
    case Format::gramine: {
      TRY(const GramineRelease release, find_gramine_release(option(request, "gramine-version")));
      TRY(const GramineManifest read, parse_gramine_manifest(side.image));
      TRY(side.libpal, read_file(*companion(request, "libpal"), kMaxImage));
      TRY(side.load, load_gramine(side.image, read, side.libpal, release));
      break;
    }
    case Format::open_enclave: {
      TRY(const OeImage image, OeImage::parse(side.image));
      TRY(side.module, read_module(request));
      TRY(side.load, image.load(side.module));
      break;
    }
    case Format::ego: {
      const auto base = companion(request, "ego-enclave");
      if (!base)
        return fail(Fault::usage,
                    "a payload of EGo: it is explained together with the base enclave of its EGo (\"ego-enclave\")");
      TRY(side.base, read_file(*base, kMaxImage));
      TRY(const OeImage image, OeImage::parse(side.image));
      TRY(side.module, read_module(request));
      TRY(side.load, image.load_behind(side.base, side.module));
      break;
    }
    case Format::sdk_configured: {
      TRY(const SdkConfig config, read_sdk_config(*companion(request, "config"), side.image));
      TRY(side.metadata, build_sdk_metadata(side.image, config));
      TRY(const SdkImage image, SdkImage::parse(side.image, side.metadata));
      TRY(side.load, image.load(image.copies().front()));
      break;
    }
    case Format::sdk: {
      TRY(const SdkImage image, SdkImage::parse(side.image));
      TRY(side.load, image.load(image.copies().front()));
      break;
    }
  }
  return {};
}

Result<std::unique_ptr<Side>> open_side(const MeasureRequest& request) {
  auto out = std::make_unique<Side>();  // stays where it is: the load points into it
  out->file = request.image;
  TRY(Artefact artefact, open_artefact(request));
  out->format = to_text(artefact.format);
  out->image = std::move(artefact.image);
  if (artefact.format == Format::sgxs) {
    const Trace none;
    TRY(const Fd file, open_file(request.image, O_RDONLY));
    TRY(const SgxsMeasurement stream, measure_sgxs(source_of(file), none));
    out->mrenclave = stream.mrenclave;
    out->ssa_frame_size = stream.ssa_frame_size;
    out->size = stream.enclave_size;
    return out;
  }
  CHECK(add_load(*out, request, artefact.format));
  const Trace none;
  Mrenclave hash(out->load->ssa_frame_size, out->load->size, none);
  CHECK(out->load->replay(hash));
  out->mrenclave = hash.finish();
  out->ssa_frame_size = out->load->ssa_frame_size;
  out->size = out->load->size;
  out->places.emplace(*out->load, artefact.format == Format::gramine ? ByteView(out->image) : ByteView());
  return out;
}

Result<std::unique_ptr<PageWalk>> walk_side(Side& side, Order order) {
  if (side.load) return walk(*side.load, order);
  TRY(side.stream, open_file(side.file, O_RDONLY));
  TRY(SgxsReader reader, SgxsReader::open(source_of(side.stream)));
  return walk(std::move(reader));
}

Place place_of(const Side& side, const Page& page, std::size_t offset) {
  return side.places ? side.places->at(page, offset) : Place{};
}

std::string count_of(std::uint64_t n, std::string_view what) {
  return std::to_string(n) + " " + std::string(what) + (n == 1 ? "" : "s");
}

std::string joined(const std::vector<std::string>& items, std::size_t all) {
  std::string out;
  for (const std::string& item : items) out += (out.empty() ? "" : ", ") + item;
  return all > items.size() ? out + " and " + std::to_string(all - items.size()) + " more" : out;
}

bool is_measured(const Page& page, std::size_t chunk) { return (page.chunks >> chunk & 1) != 0; }

std::string eadd(const Page& page) {
  return "EADD offset=" + hex_offset(page.offset) + " flags=" + hex_offset(page.flags);
}

std::string eextend(const Page& page, std::size_t chunk) {
  return "EEXTEND offset=" + hex_offset(page.offset + chunk * kChunk);
}

// ── where they part ──

struct Passed {  // what was equal
  std::string region;
  std::uint64_t pages = 0;
};

std::string position(const Side& side, const Page& page, std::optional<std::size_t> byte) {
  std::string out(page.region);
  if (!byte) return out;
  const Place place = place_of(side, page, *byte);
  return hex_offset(page.offset + *byte) + " in " + out + (place.text.empty() ? "" : ", " + place.text);
}

Parting::Side at_byte(const Side& side, const Page& page, std::string record, std::size_t byte) {
  const std::size_t end = std::min(kPage, byte + kShownBytes);
  return {std::move(record), position(side, page, byte), to_hex(ByteView(page.content).subspan(byte, end - byte))};
}

// The first record of a page in which they part: EADD, or the EEXTEND of one chunk. Returns its number in the page.
std::uint64_t part_in_page(const Side& a, const Page& pa, const Side& b, const Page& pb, Parting& out) {
  if (pa.offset != pb.offset || pa.flags != pb.flags) {
    out.a = {eadd(pa), position(a, pa, std::nullopt), {}};
    out.b = {eadd(pb), position(b, pb, std::nullopt), {}};
    return 0;
  }
  std::uint64_t records = 1;
  for (std::size_t chunk = 0; chunk < kPage / kChunk; chunk++) {
    const bool in_a = is_measured(pa, chunk), in_b = is_measured(pb, chunk);
    const std::size_t begin = chunk * kChunk, end = begin + kChunk;
    if (in_a && in_b) {
      const auto [at, ignored] = std::mismatch(pa.content.begin() + static_cast<std::ptrdiff_t>(begin),
                                               pa.content.begin() + static_cast<std::ptrdiff_t>(end),
                                               pb.content.begin() + static_cast<std::ptrdiff_t>(begin));
      const auto byte = static_cast<std::size_t>(at - pa.content.begin());
      if (byte != end) {
        out.a = at_byte(a, pa, eextend(pa, chunk), byte);
        out.b = at_byte(b, pb, eextend(pb, chunk), byte);
        return records;
      }
      records++;
    } else if (in_a != in_b) {
      const auto side = [&](const Side& s, const Page& p, bool measured) {
        return Parting::Side{measured ? eextend(p, chunk) : "no EEXTEND of " + hex_offset(p.offset + begin),
                             position(s, p, std::nullopt),
                             {}};
      };
      out.a = side(a, pa, in_a);
      out.b = side(b, pb, in_b);
      return records;
    }
  }
  return records;
}

std::uint64_t records_of(const Page& page) { return 1 + static_cast<std::uint64_t>(std::popcount(page.chunks)); }

Status find_partings(Side& a, Side& b, Explanation& out) {
  const auto ecreate = [](const Side& s) {
    return Parting::Side{
        "ECREATE ssa_frame_pages=" + std::to_string(s.ssa_frame_size) + " size=" + hex_offset(s.size), {}, {}};
  };
  const bool same_ecreate = a.ssa_frame_size == b.ssa_frame_size && a.size == b.size;
  if (!same_ecreate) out.partings.push_back({"record 1: the enclave as a whole", ecreate(a), ecreate(b)});

  TRY(const auto walk_a, walk_side(a, Order::as_loaded));
  TRY(const auto walk_b, walk_side(b, Order::as_loaded));
  std::vector<Passed> passed;
  std::uint64_t records = 1, pages = 0;
  for (;; pages++) {
    TRY(const Page* pa, walk_a->next());
    TRY(const Page* pb, walk_b->next());
    if (pa == nullptr && pb == nullptr) break;
    if (pa != nullptr && pb != nullptr && same_page(*pa, *pb)) {
      records += records_of(*pa);
      if (passed.empty() || passed.back().region != pa->region) passed.push_back({std::string(pa->region)});
      passed.back().pages++;
      continue;
    }
    Parting parting;
    if (pa != nullptr && pb != nullptr) {
      records += part_in_page(a, *pa, b, *pb, parting);
    } else {
      const auto side = [](const Side& s, const Page* page) {
        return page == nullptr ? Parting::Side{"the end", {}, {}}
                               : Parting::Side{eadd(*page), position(s, *page, std::nullopt), {}};
      };
      parting.a = side(a, pa);
      parting.b = side(b, pb);
    }
    const std::uint64_t offset = (pa != nullptr ? pa : pb)->offset;
    parting.where =
        "record " + std::to_string(records + 1) + ": page " + std::to_string(pages + 1) + ", at " + hex_offset(offset);
    out.details["page"] = Json::object({{"number", pages + 1}, {"offset", hex_offset(offset)}});
    out.partings.push_back(std::move(parting));
    break;
  }
  if (!same_ecreate) return {};
  out.equal_records = records;
  out.equal.push_back("ECREATE");
  for (const Passed& p : passed) {
    if (out.equal.size() > kShownRegions) break;
    out.equal.push_back(p.region + ": " + count_of(p.pages, "page"));
  }
  if (passed.size() > kShownRegions) out.equal.push_back(count_of(passed.size() - kShownRegions, "more region"));
  return {};
}

// ── why ──

// What differs in the pages of one region.
struct Changes {
  Use use = Use::other;
  std::uint64_t begin = 0;                   // the first of them
  std::uint64_t pages = 0, first = 0;        // with other bytes
  std::uint64_t flags = 0, first_flags = 0;  // with other permissions
  std::uint64_t flags_a = 0, flags_b = 0;    // of the first of these
  std::uint64_t partly = 0;                  // measured in other parts
  std::vector<std::string> places;           // the first few
  std::set<std::string> known_places;        // all of them
};

struct Totals {
  std::uint64_t equal = 0, changed = 0, only_a = 0, only_b = 0;
};

void look_into(const Side& a, const Page& pa, const Page& pb, std::size_t& left, Changes& out) {
  for (std::size_t at = 0; at < kPage && left != 0;) {
    const bool both = is_measured(pa, at / kChunk) && is_measured(pb, at / kChunk);
    if (!both || pa.content[at] == pb.content[at]) {
      at++;
      continue;
    }
    left--;
    const Place place = place_of(a, pa, at);
    if (place.text.empty()) return;
    if (out.known_places.insert(place.text).second && out.places.size() < kShownNames) out.places.push_back(place.text);
    at = place.end > pa.offset + at ? static_cast<std::size_t>(std::min<std::uint64_t>(kPage, place.end - pa.offset))
                                    : at + 1;
  }
}

void note_change(const Side& a, const Page& pa, const Page& pb, std::size_t& left, Changes& out) {
  if (pa.flags != pb.flags && out.flags++ == 0) {
    out.first_flags = pa.offset;
    out.flags_a = pa.flags;
    out.flags_b = pb.flags;
  }
  if (pa.chunks != pb.chunks) out.partly++;
  std::size_t at = 0;
  while (at < kPage &&
         !(is_measured(pa, at / kChunk) && is_measured(pb, at / kChunk) && pa.content[at] != pb.content[at]))
    at++;
  if (at == kPage) return;
  if (out.pages++ == 0) out.first = pa.offset + at;
  if (out.pages <= kLookedAtPages) look_into(a, pa, pb, left, out);
}

// Where the program is loaded: what lies around it moves with it.
std::uint64_t base_of(const Side& side) {
  return side.load && !side.load->objects.empty() ? side.load->objects.front().at : 0;
}

// Both in ascending order and seen from where the program is, so that pages meet even where something was put in or
// taken out before them.
Result<Totals> compare_pages(Side& a, Side& b, std::map<std::string, Changes>& changes) {
  Totals out;
  std::size_t left = kLookedAtPlaces;
  TRY(const auto walk_a, walk_side(a, Order::ascending));
  TRY(const auto walk_b, walk_side(b, Order::ascending));
  TRY(const Page* pa, walk_a->next());
  TRY(const Page* pb, walk_b->next());
  while (pa != nullptr || pb != nullptr) {
    // Enclaves lie below 2^47, so the sums cannot wrap.
    const std::uint64_t at_a = pa == nullptr ? UINT64_MAX : pa->offset + base_of(b);
    const std::uint64_t at_b = pb == nullptr ? UINT64_MAX : pb->offset + base_of(a);
    const bool take_a = at_a <= at_b, take_b = at_b <= at_a;
    if (!take_b) out.only_a++;
    if (!take_a) out.only_b++;
    if (take_a && take_b) {
      const bool same = same_content(*pa, *pb);
      (same ? out.equal : out.changed)++;
      // A page of the heap that meets one of the code is no change of either.
      if (!same && (pa->use == pb->use || !a.load || !b.load)) {
        const auto [it, is_new] = changes.try_emplace(std::string(pa->region));
        if (is_new) {
          it->second.use = pa->use;
          it->second.begin = pa->offset;
        }
        note_change(a, *pa, *pb, left, it->second);
      }
    }
    if (take_a) {
      TRY(pa, walk_a->next());
    }
    if (take_b) {
      TRY(pb, walk_b->next());
    }
  }
  return out;
}

using Uses = std::map<Use, std::uint64_t>;  // pages

Uses uses_of(const Load& load) {
  Uses out;
  for (const Region& r : load.regions) out[r.use] += r.pages;
  return out;
}

// Regions with one name, in the order of the load.
struct Segment {
  std::string name;
  std::uint64_t pages = 0;
};

std::vector<Segment> segments_of(const Load& load) {
  std::vector<Segment> out;
  for (const Region& r : load.regions) {
    if (r.use != Use::segment) continue;
    if (out.empty() || out.back().name != load.names[r.name]) out.push_back({load.names[r.name]});
    out.back().pages += r.pages;
  }
  return out;
}

std::string bytes_text(std::uint64_t pages) { return hex_offset(pages * kPage) + " bytes"; }

class Causes {
 public:
  Causes(const Side& a, const Side& b, std::vector<std::string>& out) : a_(a), b_(b), out_(out) {}

  void of_formats() {
    if (a_.format != b_.format)
      out_.push_back("A is an enclave of the format " + a_.format + ", B of " + b_.format +
                     ": they are laid out in different ways");
  }
  void of_frames() {
    if (a_.ssa_frame_size != b_.ssa_frame_size)
      out_.push_back("a frame of the save area has " + count_of(a_.ssa_frame_size, "page") + " in A, " +
                     count_of(b_.ssa_frame_size, "page") +
                     " in B: the enclaves save another state of the processor (XFRM, MISCSELECT)");
  }
  void of_size() {
    if (a_.size != b_.size)
      out_.push_back("the address range is " + hex_offset(a_.size) + " in A, " + hex_offset(b_.size) +
                     " in B: the power of two that everything fits into, or ELRange");
  }

  // Their place depends on all the others', so it is the text that is compared.
  void of_manifests() {
    if (a_.libpal.empty() || b_.libpal.empty() || a_.image == b_.image) return;
    const auto [at, other] = std::ranges::mismatch(a_.image, b_.image);
    const auto line = [](const Side& side, std::ptrdiff_t offset) {
      const Place place = side.places->at_manifest(static_cast<std::uint64_t>(offset));
      return place.text.empty() ? std::string("the end") : place.text;
    };
    out_.push_back("the manifest has in A " + line(a_, at - a_.image.begin()) + "; in B " +
                   line(b_, other - b_.image.begin()));
  }

  void of_bases() {
    if (base_of(a_) != base_of(b_))
      out_.push_back("the program is loaded at " + hex_offset(base_of(a_)) + " in A, " + hex_offset(base_of(b_)) +
                     " in B, and so is all that lies around it");
  }

  void of_uses() {
    if (!a_.load || !b_.load) return;
    Uses a = uses_of(*a_.load), b = uses_of(*b_.load);
    const std::uint64_t threads_a = a[Use::tcs], threads_b = b[Use::tcs];
    if (threads_a != threads_b)
      out_.push_back("threads: " + std::to_string(threads_a) + " in A, " + std::to_string(threads_b) + " in B");
    for (Use use : {Use::heap, Use::reserved, Use::relocations, Use::configuration})
      if (a[use] != b[use])
        out_.push_back(std::string(to_text(use)) + ": " + bytes_text(a[use]) + " in A, " + bytes_text(b[use]) +
                       " in B");
    // These are a thread's: where there are more threads, there is more of them.
    for (Use use : {Use::stack, Use::ssa, Use::thread_data})
      if (a[use] * threads_b != b[use] * threads_a) {
        const auto each = [](std::uint64_t pages, std::uint64_t threads) {
          return threads == 0 || pages % threads != 0 ? bytes_text(pages) + " for " + count_of(threads, "thread")
                                                      : bytes_text(pages / threads) + " a thread";
        };
        out_.push_back(std::string(to_text(use)) + ": " + each(a[use], threads_a) + " in A, " +
                       each(b[use], threads_b) + " in B");
      }
  }

  void of_segments() {
    if (!a_.load || !b_.load) return;
    const std::vector<Segment> a = segments_of(*a_.load), b = segments_of(*b_.load);
    if (a.size() != b.size())
      out_.push_back("the program has " + count_of(a.size(), "segment") + " in A, " + std::to_string(b.size()) +
                     " in B");
    for (std::size_t i = 0; i < std::min(a.size(), b.size()); i++) {
      if (a[i].name == b[i].name && a[i].pages == b[i].pages) continue;
      out_.push_back(a[i].name + " of " + count_of(a[i].pages, "page") + " in A, " + b[i].name + " of " +
                     count_of(b[i].pages, "page") + " in B: the program's code or data has another size");
      break;  // what comes behind it lies elsewhere for that
    }
  }

  // By name: a function that grew tells more than the addresses that moved behind it.
  void of_symbols() {
    if (!a_.places || !b_.places) return;
    const auto sizes_of = [](const Places& places) {
      std::map<std::string_view, std::uint64_t> out;
      for (const auto& s : places.symbols())
        if (s.size != 0) out.emplace(s.name, s.size);
      return out;
    };
    const auto a = sizes_of(*a_.places), b = sizes_of(*b_.places);
    if (a.empty() || b.empty()) return;
    std::vector<std::string> resized, only_a, only_b;
    std::size_t all_resized = 0, all_a = 0, all_b = 0;
    const auto note = [](std::vector<std::string>& into, std::size_t& all, std::string text) {
      if (all++ < kShownNames) into.push_back(std::move(text));
    };
    for (const auto& [name, size] : a) {
      const auto it = b.find(name);
      if (it == b.end())
        note(only_a, all_a, printable(name));
      else if (it->second != size)
        note(resized, all_resized,
             printable(name) + " (" + hex_offset(size) + " bytes in A, " + hex_offset(it->second) + " in B)");
    }
    for (const auto& [name, size] : b)
      if (!a.contains(name)) note(only_b, all_b, printable(name));
    if (all_resized != 0) out_.push_back("symbols of another size: " + joined(resized, all_resized));
    if (all_a != 0) out_.push_back("symbols only in A: " + joined(only_a, all_a));
    if (all_b != 0) out_.push_back("symbols only in B: " + joined(only_b, all_b));
  }

  void of_changes(const std::map<std::string, Changes>& changes) {
    std::vector<const std::pair<const std::string, Changes>*> ordered;
    // Where an area has another size, others lie elsewhere, and pages that have nothing to do with each other meet.
    const bool is_laid_out_alike = a_.load && b_.load && uses_of(*a_.load) == uses_of(*b_.load);
    for (const auto& change : changes) {
      const Use use = change.second.use;
      if (use != Use::manifest && (use == Use::segment || is_laid_out_alike || !a_.load)) ordered.push_back(&change);
    }
    std::ranges::sort(ordered, {}, [](auto* change) { return change->second.begin; });
    for (std::size_t i = 0; i < ordered.size(); i++) {
      const auto& [region, c] = *ordered[i];
      if (i == kShownRegions) {
        out_.push_back("and in " + count_of(ordered.size() - kShownRegions, "more region"));
        break;
      }
      if (c.pages != 0)
        out_.push_back(region + ": other bytes in " + count_of(c.pages, "page") + ", the first at " +
                       hex_offset(c.first) + (c.places.empty() ? "" : ": " + joined(c.places, c.known_places.size())));
      if (c.flags != 0)
        out_.push_back(region + ": other permissions of " + count_of(c.flags, "page") + ", the first at " +
                       hex_offset(c.first_flags) + ": flags " + hex_offset(c.flags_a) + " in A, " +
                       hex_offset(c.flags_b) + " in B");
      if (c.partly != 0) out_.push_back(region + ": other parts measured of " + count_of(c.partly, "page"));
    }
  }

  void of_totals(const Totals& t) {
    if (t.only_a != 0) out_.push_back(count_of(t.only_a, "page") + " that only A loads");
    if (t.only_b != 0) out_.push_back(count_of(t.only_b, "page") + " that only B loads");
    if (out_.empty()) out_.push_back("the same pages with the same bytes, loaded or measured in another order");
  }

 private:
  const Side& a_;
  const Side& b_;
  std::vector<std::string>& out_;
};

Json side_details(const Side& side) {
  Json out = Json::object({{"enclave_size", side.size}, {"ssa_frame_size", std::uint64_t{side.ssa_frame_size}}});
  if (!side.load) return out;
  Json pages = Json::object();
  for (const auto& [use, count] : uses_of(*side.load)) pages[to_text(use)] = count;
  out["pages"] = std::move(pages);
  return out;
}

}  // namespace

Result<Explanation> explain(const MeasureRequest& request_a, const MeasureRequest& request_b) {
  TRY(const auto a, in(request_a.image.string(), open_side(request_a)));
  TRY(const auto b, in(request_b.image.string(), open_side(request_b)));
  Explanation out;
  out.tee = "intel-sgx";
  out.format_a = a->format;
  out.format_b = b->format;
  out.registers_a = registers_of(a->mrenclave);
  out.registers_b = registers_of(b->mrenclave);
  out.same = a->mrenclave == b->mrenclave;
  out.details = Json::object({{"a", side_details(*a)}, {"b", side_details(*b)}});
  if (out.same) return out;

  CHECK(find_partings(*a, *b, out));
  std::map<std::string, Changes> changes;
  TRY(const Totals totals, compare_pages(*a, *b, changes));
  out.details["pages"] = Json::object(
      {{"equal", totals.equal}, {"changed", totals.changed}, {"only_a", totals.only_a}, {"only_b", totals.only_b}});
  Causes causes(*a, *b, out.causes);
  causes.of_formats();
  causes.of_frames();
  causes.of_uses();
  causes.of_segments();
  causes.of_bases();
  causes.of_manifests();
  causes.of_symbols();
  causes.of_changes(changes);
  causes.of_size();
  causes.of_totals(totals);
  return out;
}

}  // namespace hallmark::sgx
