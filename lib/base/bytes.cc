#include "lib/base/bytes.h"

#include <algorithm>
#include <array>

namespace hallmark {
namespace {

constexpr std::uint8_t octet(char c) { return static_cast<std::uint8_t>(c); }

// What each character stands for: its place in `alphabet`, or from `first_other` on its place in `others`; else -1.
constexpr std::array<int, 256> values_of(std::string_view alphabet, std::string_view others, int first_other) {
  std::array<int, 256> out{};
  out.fill(-1);
  for (std::size_t i = 0; i < alphabet.size(); i++) out[octet(alphabet[i])] = static_cast<int>(i);
  for (std::size_t i = 0; i < others.size(); i++) out[octet(others[i])] = first_other + static_cast<int>(i);
  return out;
}

}  // namespace

std::string to_hex(ByteView b) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  out.reserve(b.size() * 2);
  for (std::uint8_t c : b) {
    out += kDigits[c >> 4];
    out += kDigits[c & 15];
  }
  return out;
}

Result<Bytes> from_hex(std::string_view text) {
  static constexpr auto kDigits = values_of("0123456789abcdef", "ABCDEF", 10);
  if (text.size() % 2 != 0)
    return fail(Fault::format, "hexadecimal text has an odd number of digits (" + std::to_string(text.size()) + ")");
  Bytes out(text.size() / 2);
  for (std::size_t i = 0; i < out.size(); i++) {
    const int high = kDigits[octet(text[2 * i])], low = kDigits[octet(text[2 * i + 1])];
    if (high < 0 || low < 0)
      return fail(Fault::format, "hexadecimal text has a character that is no digit in place " + std::to_string(2 * i));
    out[i] = static_cast<std::uint8_t>(high << 4 | low);
  }
  return out;
}

std::string to_base64(ByteView b) {
  static constexpr char kAlphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  out.reserve((b.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < b.size(); i += 3) {
    const std::size_t n = std::min<std::size_t>(3, b.size() - i);
    std::uint32_t group = 0;
    for (std::size_t k = 0; k < 3; k++) group = group << 8 | (k < n ? b[i + k] : 0u);
    for (std::size_t k = 0; k < 4; k++) out += k <= n ? kAlphabet[group >> (18 - 6 * k) & 63] : '=';
  }
  return out;
}

Result<Bytes> from_base64(std::string_view text) {
  static constexpr auto kValues =
      values_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", "-_", 62);
  const std::size_t whole = text.size();
  while (!text.empty() && text.back() == '=' && whole - text.size() < 2) text.remove_suffix(1);
  const std::size_t padding = whole - text.size();
  if (text.size() % 4 == 1 || (padding != 0 && whole % 4 != 0))
    return fail(Fault::format, "base64 text has a length no encoder makes (" + std::to_string(whole) + ")");
  Bytes out(text.size() * 3 / 4);
  std::size_t at = 0;
  std::uint32_t bits = 0;
  unsigned held = 0;
  for (std::size_t i = 0; i < text.size(); i++) {
    const int v = kValues[octet(text[i])];
    if (v < 0)
      return fail(Fault::format, "base64 text has a character outside its alphabet in place " + std::to_string(i));
    bits = bits << 6 | static_cast<std::uint32_t>(v);
    held += 6;
    if (held >= 8) {
      held -= 8;
      out[at++] = static_cast<std::uint8_t>(bits >> held);
      bits &= (1u << held) - 1;
    }
  }
  // Two texts for the same bytes would let a signed document have two spellings.
  if (bits != 0) return fail(Fault::format, "base64 text has non-zero bits after its last byte");
  return out;
}

std::string hex_offset(std::uint64_t n) {
  std::string digits;
  do digits += "0123456789abcdef"[n & 15];
  while (n >>= 4);
  return "0x" + std::string(digits.rbegin(), digits.rend());
}

std::string hex_number(std::uint64_t n, unsigned digits) {
  const std::string text = hex_offset(n).substr(2);
  return "0x" + std::string(digits > text.size() ? digits - text.size() : 0, '0') + text;
}

bool all_zero(ByteView bytes) {
  return std::ranges::all_of(bytes, [](auto c) { return c == 0; });
}

ByteView ByteReader::take(std::uint64_t n, std::string_view field) {
  if (failed_) return {};
  if (n > left()) {
    set_error(pos_, field, "needs " + std::to_string(n) + " bytes, " + std::to_string(left()) + " left");
    error_.code = "truncated";
    return {};
  }
  ByteView b = data_.subspan(pos_, static_cast<std::size_t>(n));
  pos_ += static_cast<std::size_t>(n);
  return b;
}

void ByteReader::literal(std::string_view want, std::string_view field) {
  ByteView got = take(want.size(), field);
  if (failed_) return;
  if (!std::equal(got.begin(), got.end(), want.begin(),
                  [](std::uint8_t a, char b) { return a == static_cast<std::uint8_t>(b); }))
    set_error(pos_ - want.size(), field, "is " + to_hex(got) + ", not \"" + std::string(want) + "\"");
}

ByteReader& ByteReader::at(std::size_t offset) {
  if (!failed_ && pos_ != offset)
    set_error(pos_, "layout", "the specification puts the next field at " + hex_offset(offset));
  return *this;
}

void ByteReader::reject(std::string_view field, std::string why) {
  if (!failed_) set_error(pos_, field, std::move(why));
}

void ByteReader::set_error(std::size_t offset, std::string_view field, std::string why) {
  failed_ = true;
  error_.what = what_ + ": " + std::string(field) + " at " + hex_offset(offset) + ": " + std::move(why);
}

}  // namespace hallmark
