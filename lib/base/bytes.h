// Bytes that somebody else wrote, and the ways to read and print them.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/result.h"

namespace hallmark {

using Bytes = std::vector<std::uint8_t>;
using ByteView = std::span<const std::uint8_t>;

template <std::unsigned_integral T>
constexpr T load_le(ByteView b) {
  T v = 0;
  for (std::size_t i = sizeof(T); i-- > 0;) v = static_cast<T>(T(v << 7 << 1) | b[i]);
  return v;
}

template <std::unsigned_integral T>
constexpr T load_be(ByteView b) {
  T v = 0;
  for (std::size_t i = 0; i < sizeof(T); i++) v = static_cast<T>(T(v << 7 << 1) | b[i]);
  return v;
}

// The first sizeof(T) bytes of `out` become `value`.
template <std::unsigned_integral T>
void store_le(std::span<std::uint8_t> out, T value) {
  if constexpr (std::endian::native != std::endian::little) {
    T swapped = 0;
    for (std::size_t i = 0; i < sizeof(T); i++)
      swapped = static_cast<T>(T(swapped << 7 << 1) | T(value >> (8 * i) & 0xff));
    value = swapped;
  }
  std::memcpy(out.first(sizeof(T)).data(), &value, sizeof(T));
}

// Lower-case hexadecimal, two digits a byte, no prefix.
std::string to_hex(ByteView);
// Accepts either case and an even number of digits; anything else is a format error.
Result<Bytes> from_hex(std::string_view);

// RFC 4648 section 4 (padded). Reading also accepts the URL-safe alphabet of
// section 5, with or without padding, as DSSE v1.0 requires of a verifier.
std::string to_base64(ByteView);
Result<Bytes> from_base64(std::string_view);

// 0x1a: how offsets and addresses are written in messages.
std::string hex_offset(std::uint64_t);
// 0x001a: a number of fixed width, of at least so many digits.
std::string hex_number(std::uint64_t, unsigned digits);

bool all_zero(ByteView);

// `n` rounded up to a multiple of `unit` (a power of two), or nothing if that passes 2^64.
constexpr std::optional<std::uint64_t> align_up(std::uint64_t n, std::uint64_t unit) {
  if (n > UINT64_MAX - (unit - 1)) return std::nullopt;
  return (n + unit - 1) & ~(unit - 1);
}
constexpr std::uint64_t align_down(std::uint64_t n, std::uint64_t unit) { return n & ~(unit - 1); }

constexpr std::optional<std::uint64_t> checked_add(std::uint64_t a, std::uint64_t b) {
  if (a > UINT64_MAX - b) return std::nullopt;
  return a + b;
}
constexpr std::optional<std::uint64_t> checked_mul(std::uint64_t a, std::uint64_t b) {
  if (b != 0 && a > UINT64_MAX / b) return std::nullopt;
  return a * b;
}

inline ByteView as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}
inline std::string_view as_text(ByteView bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }

// A cursor over untrusted bytes that remembers only its first failure.
//
// After a failure every read returns zeros and moves nothing, so a parser is a
// straight list of fields in the order of the specification; it asks once, at
// the end, whether the list was read. Take a count or a length out of the
// reader only through `*_at_most()` or `view()`, which are bounded.
class ByteReader {
 public:
  ByteReader(ByteView data, std::string what) : data_(data), what_(std::move(what)) {}

  template <std::unsigned_integral T>
  T le(std::string_view field) {
    ByteView b = take(sizeof(T), field);
    return b.empty() ? T{0} : load_le<T>(b);
  }

  template <std::unsigned_integral T>
  T be(std::string_view field) {
    ByteView b = take(sizeof(T), field);
    return b.empty() ? T{0} : load_be<T>(b);
  }

  template <std::size_t N>
  std::array<std::uint8_t, N> array(std::string_view field) {
    std::array<std::uint8_t, N> out{};
    ByteView b = take(N, field);
    std::copy(b.begin(), b.end(), out.begin());
    return out;
  }

  ByteView view(std::uint64_t n, std::string_view field) { return take(n, field); }

  // A count or length that the file states: read it, and refuse one above `max`.
  template <std::unsigned_integral T>
  T le_at_most(T max, std::string_view field) {
    const std::size_t start = pos_;
    return bounded(le<T>(field), max, start, field);
  }
  template <std::unsigned_integral T>
  T be_at_most(T max, std::string_view field) {
    const std::size_t start = pos_;
    return bounded(be<T>(field), max, start, field);
  }

  // Bytes that must hold exactly `want` (a magic number).
  void literal(std::string_view want, std::string_view field);

  // States the offset the specification gives for the next field.
  ByteReader& at(std::size_t offset);

  void skip(std::uint64_t n, std::string_view field) { take(n, field); }

  // Marks the value about to be read, or just read, as unacceptable.
  void reject(std::string_view field, std::string why);

  bool ok() const { return !failed_; }
  std::size_t offset() const { return pos_; }
  std::size_t left() const { return data_.size() - pos_; }

  // The parsed value, or the first failure.
  template <class T>
  Result<T> finish(T value) const {
    if (failed_) return Failure(error_);
    return value;
  }

  // The same, and nothing may be left over.
  template <class T>
  Result<T> finish_exactly(T value) {
    if (left() != 0) reject("end", std::to_string(left()) + " trailing bytes");
    return finish(std::move(value));
  }

 private:
  template <class T>
  T bounded(T value, T max, std::size_t start, std::string_view field) {
    if (failed_ || value <= max) return value;
    set_error(start, field, "is " + std::to_string(value) + ", at most " + std::to_string(max) + " allowed");
    return T{0};
  }
  ByteView take(std::uint64_t n, std::string_view field);
  void set_error(std::size_t offset, std::string_view field, std::string why);

  ByteView data_;
  std::string what_;
  std::size_t pos_ = 0;
  bool failed_ = false;
  Error error_{Fault::format, {}, {}};
};

}  // namespace hallmark
