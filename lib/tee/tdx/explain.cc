#include "lib/tee/tdx/explain.h"

#include <algorithm>

#include "lib/crypto/file_digest.h"
#include "lib/formats/tcg_event.h"
#include "lib/tee/tdx/guest.h"
#include "lib/tee/tdx/mrtd_records.h"

namespace hallmark::tdx {
namespace {

constexpr std::size_t kShownBytes = 16, kShownText = 400, kShownCauses = 24;
constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;

// One guest, with what its own profile predicts.
struct Side {
  const MeasureRequest* request = nullptr;
  std::unique_ptr<Guest> guest;
  Prediction prediction;
  PageOrder order = PageOrder::single_pass;
  std::array<std::vector<const Event*>, kRtmrs> events;
};

Result<Side> open_side(const MeasureRequest& request) {
  Side out{.request = &request};
  TRY(out.guest, Guest::open(request));
  TRY(out.prediction, out.guest->predict_chosen());
  if (out.guest->profile()) out.order = out.guest->profile()->vmm.page_order;
  for (const Event& e : out.prediction.events) out.events.at(e.rtmr).push_back(&e);
  return out;
}

// In words

std::string count_of(std::uint64_t n, const std::string& what) {
  return std::to_string(n) + " " + what + (n == 1 ? "" : "s");
}

std::string in_both(const std::string& what, const std::string& a, const std::string& b) {
  return what + ": " + a + " in A, " + b + " in B";
}

std::string quoted(const std::string& text) {
  return "\"" + (text.size() > kShownText ? text.substr(0, kShownText) + "..." : text) + "\"";
}

std::string text_of(const Json& value) { return value.is_string() ? value.string() : value.canonical(); }

// "memory 2147483648, size 200"
std::string text_of_inputs(const Event& event) {
  std::string out(to_text(event.provenance));
  for (const auto& [name, value] : event.inputs.members()) out += ", " + name + " " + text_of(value);
  if (out.size() > kShownText) out = out.substr(0, kShownText) + "...";
  return out;
}

// An input that both have and that is another in each.
std::optional<std::string> differing_input(const Event& a, const Event& b, const std::string& what, const char* name,
                                           const std::string& unit = {}) {
  const Json *in_a = a.inputs.find(name), *in_b = b.inputs.find(name);
  if (in_a == nullptr || in_b == nullptr || in_a->canonical() == in_b->canonical()) return std::nullopt;
  const auto shown = [&](const Json& value) {
    return value.is_string() ? quoted(value.string()) : text_of(value) + unit;
  };
  return in_both(what, shown(*in_a), shown(*in_b));
}

std::string section_name(const Image& image, std::size_t section) {
  return "section " + std::to_string(section) + " (" + std::string(to_text(image.sections()[section].type)) + ")";
}

// MRTD

Parting::Side at_record(const Side& side, const std::optional<MrtdRecord>& record, std::optional<std::size_t> byte) {
  if (!record) return {"the end", {}, {}};
  const Image& image = side.guest->image();
  const Section& s = image.sections()[record->section];
  const std::uint64_t at = record->position + byte.value_or(0);
  std::string position = section_name(image, record->section);
  if (record->extend && at < s.raw_data_size) position += ", " + hex_offset(s.data_offset + at) + " of the image";
  if (record->extend && at >= s.raw_data_size) position += ", zeros behind its data";
  Parting::Side out{to_text(*record), std::move(position), {}};
  if (byte)
    out.bytes = to_hex(ByteView(record->chunk).subspan(*byte, std::min(kShownBytes, record->chunk.size() - *byte)));
  return out;
}

std::uint64_t part_mrtd(const Side& a, const Side& b, Explanation& out) {
  MrtdRecords of_a(a.guest->image(), a.order), of_b(b.guest->image(), b.order);
  for (std::uint64_t equal = 0;; equal++) {
    const auto in_a = of_a.next(), in_b = of_b.next();
    if (!in_a && !in_b) return equal;
    if (in_a && in_b && same_record(*in_a, *in_b)) continue;
    std::optional<std::size_t> byte;
    if (in_a && in_b && in_a->extend && in_b->extend && in_a->address == in_b->address)
      byte = static_cast<std::size_t>(std::ranges::mismatch(in_a->chunk, in_b->chunk).in1 - in_a->chunk.begin());
    const MrtdRecord& shown = in_a ? *in_a : *in_b;
    const std::uint64_t page = shown.address / kPageSize * kPageSize;
    out.partings.push_back({"mrtd: record " + std::to_string(equal + 1) + ": " +
                                section_name((in_a ? a : b).guest->image(), shown.section) + ", page at " +
                                hex_offset(page),
                            at_record(a, in_a, byte), at_record(b, in_b, byte)});
    out.details["mrtd"] = Json::object({{"record", equal + 1}, {"page", hex_offset(page)}});
    return equal;
  }
}

// The run-time registers

bool alike(const Event& a, const Event& b) { return a.type == b.type && a.description == b.description; }

struct Differing {
  std::size_t index = 0;
  const Event *a = nullptr, *b = nullptr;  // null where one has no more
};

struct EventsOfBoth {
  std::size_t equal = 0;             // before the first that differs
  std::vector<Differing> differing;  // up to where both no longer do the same
  const Event* unknown_a = nullptr;  // the first whose digest nobody gave
  const Event* unknown_b = nullptr;
  bool whole = true;  // compared to the end
};

EventsOfBoth compare(const std::vector<const Event*>& a, const std::vector<const Event*>& b) {
  EventsOfBoth out;
  for (std::size_t i = 0; i < std::max(a.size(), b.size()); i++) {
    const Event *in_a = i < a.size() ? a[i] : nullptr, *in_b = i < b.size() ? b[i] : nullptr;
    if (in_a != nullptr && !in_a->digest && out.unknown_a == nullptr) out.unknown_a = in_a;
    if (in_b != nullptr && !in_b->digest && out.unknown_b == nullptr) out.unknown_b = in_b;
    const bool both = in_a != nullptr && in_b != nullptr,
               unknown = out.unknown_a != nullptr || out.unknown_b != nullptr;
    if (both && in_a->digest && in_b->digest && in_a->digest == in_b->digest) {
      if (out.differing.empty()) out.equal++;
      continue;
    }
    if (both && alike(*in_a, *in_b) && (!in_a->digest || !in_b->digest)) continue;
    // Behind an event that is not known there may be any number of others.
    if (!(unknown && !(both && alike(*in_a, *in_b)))) out.differing.push_back({i, in_a, in_b});
    if (both && alike(*in_a, *in_b)) continue;
    out.whole = false;
    break;
  }
  return out;
}

Parting::Side at_event(const Event* event) {
  if (event == nullptr) return {"the end", {}, {}};
  return {"RTMR[" + std::to_string(event->rtmr) + "] extend " + to_hex(*event->digest) + " " +
              tcg::type_name(event->type) + " " + event->description,
          text_of_inputs(*event),
          {}};
}

Json json_or_null(const Event* event) { return event == nullptr ? Json() : to_json(*event); }

EventsOfBoth part_rtmr(const Side& a, const Side& b, unsigned rtmr, Explanation& out) {
  EventsOfBoth both = compare(a.events.at(rtmr), b.events.at(rtmr));
  const std::string name = "rtmr" + std::to_string(rtmr);
  Json first;
  if (!both.differing.empty()) {
    const Differing& d = both.differing.front();
    out.partings.push_back({name + ": event " + std::to_string(d.index + 1), at_event(d.a), at_event(d.b)});
    first = Json::object({{"index", std::uint64_t{d.index}}, {"a", json_or_null(d.a)}, {"b", json_or_null(d.b)}});
  }
  out.details["registers"][name] = Json::object({{"events_a", std::uint64_t{a.events.at(rtmr).size()}},
                                                 {"events_b", std::uint64_t{b.events.at(rtmr).size()}},
                                                 {"equal", std::uint64_t{both.equal}},
                                                 {"differing", std::uint64_t{both.differing.size()}},
                                                 {"first_difference", std::move(first)}});
  const auto unknown = [&](const Event* event, const std::string& where) {
    if (event != nullptr)
      out.not_compared.push_back(name + ": " + event_name(*event) + " is not known " + where + ": " +
                                 event->inputs.find("missing")->string());
  };
  if (both.unknown_a != nullptr && both.unknown_b != nullptr && alike(*both.unknown_a, *both.unknown_b)) {
    unknown(both.unknown_a, "of either");
  } else {
    unknown(both.unknown_a, "of A");
    unknown(both.unknown_b, "of B");
  }
  return both;
}

// Why

class Causes {
 public:
  Causes(const Side& a, const Side& b, std::vector<std::string>& out) : a_(a), b_(b), out_(out) {}

  void of_profiles() {
    const auto &a = a_.guest->profile(), &b = b_.guest->profile();
    const std::string &text_a = a_.guest->facts().version_text, &text_b = b_.guest->facts().version_text;
    if (text_a != text_b) {
      const auto shown = [](const std::string& text) { return text.empty() ? "none" : quoted(text); };
      say(in_both("the firmware's own version", shown(text_a), shown(text_b)));
    }
    if (a && b && a->firmware.name != b->firmware.name)
      say(in_both("the firmware's release", std::string(a->firmware.name), std::string(b->firmware.name)));
    if (a && b && a->vmm.name != b->vmm.name)
      say(in_both("the monitor", std::string(a->vmm.name), std::string(b->vmm.name)));
  }

  void of_mrtd() {
    if (a_.order != b_.order)
      say(in_both("the order in which the monitor adds and extends pages", std::string(to_text(a_.order)),
                  std::string(to_text(b_.order))));
    const Image &a = a_.guest->image(), &b = b_.guest->image();
    const std::string sections = differing_section();
    if (!sections.empty()) {
      say(sections);
      return;
    }
    for (std::size_t i = 0; i < a.sections().size(); i++) {
      const Section& s = a.sections()[i];
      if (s.extend) of_bytes(section_name(a, i), s, a.data(s), b.data(b.sections()[i]));
    }
  }

  void of_events(const EventsOfBoth& both) {
    for (const Differing& d : both.differing) of_event(d);
  }

  void finish() {
    if (out_.size() > kShownCauses) {
      const std::size_t more = out_.size() - kShownCauses;
      out_.resize(kShownCauses);
      out_.push_back("and " + count_of(more, "more"));
    }
  }

 private:
  void say(std::string text) {
    if (std::ranges::find(out_, text) == out_.end()) out_.push_back(std::move(text));
  }

  // Empty if both images put the same kinds of sections in the same places.
  std::string differing_section() const {
    const Image &a = a_.guest->image(), &b = b_.guest->image();
    const auto shown = [](const Image& image, std::size_t i) -> std::string {
      if (i >= image.sections().size()) return "none";
      const Section& s = image.sections()[i];
      return std::string(to_text(s.type)) + " of " + hex_offset(s.memory_data_size) + " bytes at " +
             hex_offset(s.memory_address) +
             (s.extend ? ", measured"
              : s.aug  ? ", not added"
                       : ", not measured");
    };
    for (std::size_t i = 0; i < std::max(a.sections().size(), b.sections().size()); i++)
      if (shown(a, i) != shown(b, i))
        return in_both("section " + std::to_string(i) + " of the firmware", shown(a, i), shown(b, i));
    return {};
  }

  void of_bytes(const std::string& section, const Section& s, ByteView a, ByteView b) {
    std::uint64_t pages = 0, first = 0;
    const auto at = [](ByteView data, std::size_t i) { return i < data.size() ? data[i] : std::uint8_t{0}; };
    const std::size_t size = std::max(a.size(), b.size());
    for (std::size_t page = 0; page < size; page += kPageSize) {
      const std::size_t end = std::min<std::size_t>(size, page + kPageSize);
      std::size_t i = page;
      while (i < end && at(a, i) == at(b, i)) i++;
      if (i != end && pages++ == 0) first = i;
    }
    if (pages != 0)
      say("the firmware: other bytes in " + count_of(pages, "page") + " of " + section + ", the first at " +
          hex_offset(s.data_offset + first) + " of the image");
  }

  void of_event(const Differing& d) {
    if (d.a == nullptr || d.b == nullptr) {
      const Event& more = d.a != nullptr ? *d.a : *d.b;
      return say("rtmr" + std::to_string(more.rtmr) + ": an event more in " + (d.a != nullptr ? "A" : "B") + ": " +
                 event_name(more));
    }
    const Event &a = *d.a, &b = *d.b;
    if (!alike(a, b))
      return say(in_both("rtmr" + std::to_string(a.rtmr) + ": another event", event_name(a), event_name(b)));
    if (a.description == "LOADED_IMAGE::LoadOptions") {
      if (auto cause = differing_input(a, b, "the command line", "text")) return say(*std::move(cause));
    }
    if (a.type == tcg::kEfiHandoffTables2) return of_hob(a, b);
    if (a.type == tcg::kEfiBootServicesApplication && of_program(a, b)) return;
    const std::string what = a.description.starts_with("dstack: ") ? a.description : event_name(a);
    if (auto cause = differing_input(a, b, what, "payload")) return say(*std::move(cause));
    if (auto cause = differing_input(a, b, what, "size", " bytes")) return say(*std::move(cause));
    const std::string_view usual = usual_cause(a);
    say(what + " has another digest" + (usual.empty() ? "" : ": " + std::string(usual)));
  }

  void of_hob(const Event& a, const Event& b) {
    if (const auto& in_a = a_.guest->machine().memory, &in_b = b_.guest->machine().memory;
        in_a && in_b && in_a != in_b) {
      const auto shown = [](std::uint64_t memory) {
        return std::to_string(memory) + " bytes (" + std::to_string(memory / kMiB) + " MiB)";
      };
      return say(in_both("memory", shown(*in_a), shown(*in_b)));
    }
    const std::string sections = differing_section();
    say(event_name(a) + " has another digest: " +
        (!sections.empty() ? "the firmware's sections lie elsewhere: " + sections : std::string(usual_cause(b))));
  }

  // Whether that tells it: the file is another, or the same and was patched.
  bool of_program(const Event& a, const Event& b) {
    for (const char* role : {"kernel", "uki"}) {
      const auto in_a = companion(*a_.request, role), in_b = companion(*b_.request, role);
      if (!in_a || !in_b) continue;
      const auto file_a = digest_file(*in_a), file_b = digest_file(*in_b);
      if (!file_a || !file_b) continue;
      const std::string what = role == std::string("uki") ? "the unified kernel image" : "the kernel";
      if (file_a->sha256 != file_b->sha256) {
        // The kernel inside a unified image has nothing to say but its size.
        if (auto cause = differing_input(a, b, what, "kernel_version")) {
          say(*std::move(cause));
        } else {
          say(in_both(what, "sha256 " + to_hex(file_a->sha256), to_hex(file_b->sha256)));
        }
      } else {
        say(what +
            " is the same file, and the monitor writes something else into its setup header: memory, initrd or "
            "command line");
      }
      return true;
    }
    return false;
  }

  const Side &a_, &b_;
  std::vector<std::string>& out_;
};

Json details_of(const Side& side) {
  Json out = Json::object({{"profile", side.prediction.profile}, {"page_order", to_text(side.order)}});
  if (const std::string& text = side.guest->facts().version_text; !text.empty())
    out["firmware_version"] = printable(text);
  return out;
}

}  // namespace

Result<Explanation> explain(const MeasureRequest& request_a, const MeasureRequest& request_b) {
  TRY(const Side a, in(request_a.image.string(), open_side(request_a)));
  TRY(const Side b, in(request_b.image.string(), open_side(request_b)));
  Explanation out;
  out.tee = "intel-tdx";
  out.format_a = out.format_b = "tdvf";
  out.registers_a = registers_of(a.prediction);
  out.registers_b = registers_of(b.prediction);
  out.details = Json::object({{"a", details_of(a)}, {"b", details_of(b)}, {"registers", Json::object()}});
  Causes causes(a, b, out.causes);

  out.equal_records = part_mrtd(a, b, out);
  out.equal.push_back("mrtd: " + count_of(out.equal_records, "record"));
  std::array<EventsOfBoth, kRtmrs> rtmrs;
  if (a.prediction.events.empty() || b.prediction.events.empty()) {
    out.not_compared.push_back("rtmr0 to rtmr3: the firmware does not say which release of edk2 it is: name a profile");
  } else {
    for (unsigned r = 0; r < kRtmrs; r++) {
      rtmrs.at(r) = part_rtmr(a, b, r, out);
      out.equal_records += rtmrs.at(r).equal;
      out.equal.push_back("rtmr" + std::to_string(r) + ": " + count_of(rtmrs.at(r).equal, "event"));
    }
  }
  out.same = out.partings.empty();
  if (out.same) return out;
  causes.of_profiles();
  if (out.details.find("mrtd") != nullptr) causes.of_mrtd();
  for (const EventsOfBoth& both : rtmrs) causes.of_events(both);
  causes.finish();
  return out;
}

}  // namespace hallmark::tdx
