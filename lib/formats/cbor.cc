#include "lib/formats/cbor.h"

#include <set>
#include <tuple>

#include "lib/base/json.h"

namespace hallmark::cbor {
namespace {

constexpr std::uint8_t kBreak = 0xff, kIndefinite = 31;

// Where an item stands in the ones around it. Only a message spells it out.
struct Place {
  const Place* outer = nullptr;
  const Value* key = nullptr;  // of a map's value
  std::size_t index = 0;       // of an array's item, or of a key
  bool is_key = false;

  // "cabundle[3]", "item 2", "key 0 of pcrs"
  std::string text() const {
    if (outer == nullptr) return "item";
    const bool top = outer->outer == nullptr;
    const std::string around = outer->text();
    if (is_key) return "key " + std::to_string(index) + (top ? "" : " of " + around);
    if (key == nullptr) return top ? "item " + std::to_string(index) : around + "[" + std::to_string(index) + "]";
    return top ? name_of(*key) : around + "." + name_of(*key);
  }

 private:
  static std::string name_of(const Value& key) {
    if (const auto n = key.integer()) return std::to_string(*n);
    const std::string_view text = as_text(key.content);
    const bool plain = text.size() <= 32 && std::ranges::all_of(text, [](char c) { return c > ' ' && c <= '~'; });
    return key.kind == Kind::text && plain ? std::string(text) : "value of the key at " + hex_offset(key.offset);
  }
};

struct Head {
  Major major;
  std::uint8_t info;  // the lower five bits
  std::uint64_t number = 0;

  bool indefinite() const { return info == kIndefinite; }
};

class Parser {
 public:
  Parser(ByteView bytes, std::string_view what, std::uint64_t base) : bytes_(bytes), what_(what), base_(base) {}

  Result<Value> first() { return item(Place{}, 1); }

  Status end() const {
    if (left() == 0) return {};
    return failure(pos_, "end", std::to_string(left()) + " trailing bytes", "trailing");
  }

 private:
  std::size_t left() const { return bytes_.size() - pos_; }

  Failure failure(std::size_t at, const std::string& field, const std::string& why, std::string_view code = {},
                  Fault fault = Fault::format) const {
    return fail(fault, code, what_ + ": " + field + " at " + hex_offset(base_ + at) + ": " + why);
  }
  Failure unsupported(std::size_t at, const Place& place, const std::string& why) const {
    return failure(at, place.text(), why, "unsupported", Fault::unsupported);
  }
  Failure malformed(std::size_t at, const Place& place, const std::string& why) const {
    return failure(at, place.text(), why);
  }

  Result<ByteView> take(std::uint64_t n, const Place& place) {
    if (n > left())
      return failure(pos_, place.text(), "needs " + std::to_string(n) + " bytes, " + std::to_string(left()) + " left",
                     "truncated");
    const ByteView out = bytes_.subspan(pos_, static_cast<std::size_t>(n));
    pos_ += out.size();
    return out;
  }

  // Section 3: major type, additional information, and the argument that it announces.
  Result<Head> head(const Place& place) {
    const std::size_t start = pos_;
    TRY(const ByteView initial, take(1, place));
    Head out{static_cast<Major>(initial[0] >> 5), static_cast<std::uint8_t>(initial[0] & 31)};
    if (out.info < 24) {
      out.number = out.info;
    } else if (out.info <= 27) {
      TRY(const ByteView argument, take(std::uint64_t{1} << (out.info - 24), place));
      for (const std::uint8_t byte : argument) out.number = out.number << 8 | byte;
    } else if (!out.indefinite()) {
      return malformed(start, place, "has the reserved additional information " + std::to_string(out.info));
    }
    return out;
  }

  Result<Value> item(const Place& place, std::size_t depth) {
    const std::size_t start = pos_;
    if (depth > kMaxDepth) return unsupported(start, place, "is nested deeper than " + std::to_string(kMaxDepth));
    if (++items_ > kMaxItems) return unsupported(start, place, "is one of more than " + std::to_string(kMaxItems));
    TRY(const Head head, this->head(place));
    Value out;
    out.offset = base_ + start;
    out.number = head.number;
    switch (head.major) {
      case Major::uint:
      case Major::nint:
        if (head.indefinite()) return malformed(start, place, "is an integer of indefinite length");
        out.kind = head.major == Major::uint ? Kind::uint : Kind::nint;
        break;
      case Major::bytes:
      case Major::text: CHECK(string(out, head, start, place)); break;
      case Major::array: CHECK(array(out, head, place, depth)); break;
      case Major::map: CHECK(map(out, head, place, depth)); break;
      case Major::tag: {
        if (head.indefinite()) return malformed(start, place, "is a tag of indefinite length");
        out.kind = Kind::tag;
        TRY(Value tagged, item(place, depth + 1));
        out.items.push_back(std::move(tagged));
        break;
      }
      case Major::simple: CHECK(simple(out, head, start, place)); break;
    }
    out.size = pos_ - start;
    return out;
  }

  Status string(Value& out, const Head& head, std::size_t start, const Place& place) {
    if (head.indefinite()) return unsupported(start, place, "is a string in chunks");
    out.kind = head.major == Major::bytes ? Kind::bytes : Kind::text;
    out.number = 0;
    TRY(out.content, take(head.number, place));
    if (out.kind == Kind::text && !is_utf8(as_text(out.content)))
      return malformed(start, place, "is text that is not UTF-8");
    return {};
  }

  // Whether another item comes. Section 3.2.1: an indefinite length ends with a break.
  Result<bool> more(const Head& head, std::size_t read, const Place& place) {
    if (!head.indefinite()) return read < head.number;
    if (left() == 0) return failure(pos_, place.text(), "ends without a break", "truncated");
    if (bytes_[pos_] != kBreak) return true;
    pos_++;
    return false;
  }

  // Every item has one byte at least: what states more of them than there are bytes is cut off.
  Status enough(const Head& head, std::uint64_t each, const Place& place) const {
    if (head.indefinite() || head.number <= left() / each) return {};
    return failure(pos_, place.text(),
                   "states " + std::to_string(head.number) + " items, " + std::to_string(left()) + " bytes left",
                   "truncated");
  }

  Status array(Value& out, const Head& head, const Place& place, std::size_t depth) {
    out.kind = Kind::array;
    out.number = 0;
    CHECK(enough(head, 1, place));
    while (true) {
      const Place here{&place, nullptr, out.items.size(), false};
      TRY(const bool another, more(head, out.items.size(), place));
      if (!another) return {};
      TRY(Value next, item(here, depth + 1));
      out.items.push_back(std::move(next));
    }
  }

  Status map(Value& out, const Head& head, const Place& place, std::size_t depth) {
    out.kind = Kind::map;
    out.number = 0;
    CHECK(enough(head, 2, place));
    // Section 5.6: two encodings of one value are one key.
    std::set<std::tuple<Kind, std::uint64_t, std::string_view>> seen;
    while (true) {
      const Place key_place{&place, nullptr, seen.size(), true};
      TRY(const bool another, more(head, seen.size(), place));
      if (!another) return {};
      TRY(Value key, item(key_place, depth + 1));
      const auto at = static_cast<std::size_t>(key.offset - base_);
      if (key.kind != Kind::uint && key.kind != Kind::nint && key.kind != Kind::bytes && key.kind != Kind::text)
        return unsupported(at, key_place, "is " + std::string(to_text(key.kind)) + ", neither integer nor string");
      if (!seen.emplace(key.kind, key.number, as_text(key.content)).second)
        return failure(at, key_place.text(), "stands in the map before", "duplicate_key");
      TRY(Value value, item(Place{&place, &key, 0, false}, depth + 1));
      out.items.push_back(std::move(key));
      out.items.push_back(std::move(value));
    }
  }

  // Section 3.3
  Status simple(Value& out, const Head& head, std::size_t start, const Place& place) {
    out.number = 0;
    switch (head.info) {
      case 20:
      case 21:
        out.kind = Kind::boolean;
        out.number = head.info - 20u;
        return {};
      case 22: out.kind = Kind::null; return {};
      case 23: out.kind = Kind::undefined; return {};
      case 24:
        if (head.number < 32) return malformed(start, place, "is a simple value below 32 in two bytes");
        break;
      case 25:
      case 26:
      case 27: return unsupported(start, place, "is a floating-point number");
      case kIndefinite: return malformed(start, place, "is a break where an item is due");
      default: break;
    }
    return unsupported(start, place, "is the simple value " + std::to_string(head.number));
  }

  ByteView bytes_;
  std::string what_;
  std::uint64_t base_;
  std::size_t pos_ = 0, items_ = 0;
};

}  // namespace

std::string_view to_text(Kind kind) {
  switch (kind) {
    case Kind::uint: return "an unsigned integer";
    case Kind::nint: return "a negative integer";
    case Kind::bytes: return "a byte string";
    case Kind::text: return "a text string";
    case Kind::array: return "an array";
    case Kind::map: return "a map";
    case Kind::tag: return "a tag";
    case Kind::boolean: return "a boolean";
    case Kind::null: return "null";
    case Kind::undefined: return "undefined";
  }
  return {};
}

std::optional<std::int64_t> Value::integer() const {
  if ((kind != Kind::uint && kind != Kind::nint) || number > INT64_MAX) return std::nullopt;
  const auto n = static_cast<std::int64_t>(number);
  return kind == Kind::uint ? n : -1 - n;
}

Result<Value> parse(ByteView bytes, std::string_view what, std::uint64_t base) {
  Parser parser(bytes, what, base);
  TRY(Value out, parser.first());
  CHECK(parser.end());
  return out;
}

Result<Value> parse_first(ByteView bytes, std::string_view what, std::uint64_t base) {
  return Parser(bytes, what, base).first();
}

void append_head(Bytes& out, Major major, std::uint64_t number) {
  const auto initial = static_cast<std::uint8_t>(static_cast<unsigned>(major) << 5);
  if (number < 24) {
    out.push_back(static_cast<std::uint8_t>(initial | number));
    return;
  }
  unsigned size = 0;  // of the argument, as a power of two
  while (size < 3 && number >> (8u << size) != 0) size++;
  out.push_back(static_cast<std::uint8_t>(initial | (24 + size)));
  for (unsigned i = 1u << size; i-- > 0;) out.push_back(static_cast<std::uint8_t>(number >> (8 * i)));
}

void append_string(Bytes& out, Major major, ByteView content) {
  append_head(out, major, content.size());
  out.insert(out.end(), content.begin(), content.end());
}

}  // namespace hallmark::cbor
