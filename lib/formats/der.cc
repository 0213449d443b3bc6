#include "lib/formats/der.h"

namespace hallmark::der {

void Reader::reject(std::string_view field, std::string why) {
  if (failed_) return;
  failed_ = true;
  error_.what = what_ + ": " + std::string(field) + " at " + hex_offset(pos_) + ": " + std::move(why);
}

// X.690 section 8.1 and, for the one encoding of a length, 10.1
Value Reader::next(std::string_view field) {
  if (failed_) return {};
  const ByteView rest = bytes_.subspan(pos_);
  if (rest.size() < 2) {
    reject(field, "needs a tag and a length, " + std::to_string(rest.size()) + " bytes left");
    return {};
  }
  const std::uint8_t tag = rest[0];
  if ((tag & 0x1f) == 0x1f) {
    reject(field, "has a tag of more than one byte");
    return {};
  }
  std::size_t header = 2;
  std::uint64_t length = rest[1];
  if (length >= 0x80) {
    const std::size_t digits = length & 0x7f;
    if (digits == 0 || digits > 4 || rest.size() < 2 + digits) {
      reject(field, "has a length that is not definite, or cut off");
      return {};
    }
    length = 0;
    for (std::size_t i = 0; i < digits; i++) length = length << 8 | rest[2 + i];
    header += digits;
    if (length < 0x80 || (digits > 1 && rest[2] == 0)) {
      reject(field, "has a length that is not in its shortest form");
      return {};
    }
  }
  if (length > rest.size() - header) {
    reject(field, "has " + std::to_string(length) + " bytes, " + std::to_string(rest.size() - header) + " left");
    return {};
  }
  const Value out{tag, rest.subspan(header, static_cast<std::size_t>(length)), pos_ + header};
  pos_ += header + static_cast<std::size_t>(length);
  return out;
}

ByteView Reader::take(std::uint8_t tag, std::string_view field) {
  const std::size_t start = pos_;
  const Value value = next(field);
  if (!failed_ && value.tag != tag) {
    pos_ = start;
    reject(field, "has the tag " + hex_offset(value.tag) + ", " + hex_offset(tag) + " wanted");
  }
  return failed_ ? ByteView{} : value.content;
}

// X.690 section 8.3: the first nine bits of an INTEGER are not all equal
std::uint64_t Reader::number(std::uint64_t max, std::string_view field, std::uint8_t tag) {
  const ByteView b = take(tag, field);
  if (failed_) return 0;
  std::uint64_t value = 0;
  if (b.empty() || (b[0] & 0x80) != 0 || (b.size() > 1 && b[0] == 0 && (b[1] & 0x80) == 0) || b.size() > 9 ||
      (b.size() == 9 && b[0] != 0)) {
    reject(field, "is no number from 0 to " + std::to_string(max) + " in its shortest form");
    return 0;
  }
  for (std::uint8_t c : b) value = value << 8 | c;
  if (value > max) {
    reject(field, "is " + std::to_string(value) + ", at most " + std::to_string(max) + " allowed");
    return 0;
  }
  return value;
}

// X.690 section 11.1: TRUE is all ones
bool Reader::boolean(std::string_view field) {
  const ByteView b = take(kBoolean, field);
  if (failed_) return false;
  if (b.size() != 1 || (b[0] != 0 && b[0] != 0xff)) {
    reject(field, "is neither 00 nor ff");
    return false;
  }
  return b[0] != 0;
}

// X.690 section 8.19
std::string Reader::oid(std::string_view field) {
  const ByteView b = take(kOid, field);
  if (failed_) return {};
  if (b.empty() || b.size() > 64 || (b.back() & 0x80) != 0) {
    reject(field, "is no object identifier");
    return {};
  }
  std::string out;
  std::uint64_t arc = 0;
  bool fresh = true;
  for (std::uint8_t c : b) {
    if ((fresh && c == 0x80) || arc > (UINT64_MAX >> 8)) {
      reject(field, "has an arc that is too long");
      return {};
    }
    arc = arc << 7 | (c & 0x7f);
    fresh = (c & 0x80) == 0;
    if (!fresh) continue;
    if (out.empty()) {
      const std::uint64_t first = arc < 80 ? arc / 40 : 2;
      out = std::to_string(first) + "." + std::to_string(arc - first * 40);
    } else {
      out += "." + std::to_string(arc);
    }
    arc = 0;
  }
  return out;
}

}  // namespace hallmark::der
