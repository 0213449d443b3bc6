// The CBOR (RFC 8949) of attestation documents, read strictly into a tree that points into the input.
//
// Read are integers, byte strings, text strings, arrays and maps of definite or indefinite length, tags, booleans, null
// and undefined. A length or number need not be in its shortest form: what is signed are the bytes as they came, so
// nothing hangs on there being one encoding. A map's keys are integers or strings, and each stands in it once, however
// it is encoded. Text is UTF-8.
//
// Refused as unsupported: floating-point numbers and other simple values, strings in chunks, other kinds of keys, more
// than kMaxDepth levels or kMaxItems items. No size that the input states is believed before its bytes are there.
//
// Errors name field and offset. Their codes: "truncated" (the input ends too early), "trailing" (it goes on),
// "duplicate_key", "unsupported"; none where it is malformed in another way.
#pragma once

#include <optional>

#include "lib/base/bytes.h"

namespace hallmark::cbor {

inline constexpr std::size_t kMaxDepth = 16;    // of items within items; the outermost is at depth 1
inline constexpr std::size_t kMaxItems = 4096;  // in all, keys included

// Section 3.1: the upper three bits of an item's first byte.
enum class Major : std::uint8_t { uint = 0, nint = 1, bytes = 2, text = 3, array = 4, map = 5, tag = 6, simple = 7 };

enum class Kind { uint, nint, bytes, text, array, map, tag, boolean, null, undefined };
std::string_view to_text(Kind);  // "an unsigned integer", "a byte string"

struct Value {
  Kind kind = Kind::null;
  std::uint64_t number = 0;  // uint: the value; nint: n, where the value is -1 - n; tag: its number; boolean: 0 or 1
  ByteView content;          // of bytes and text
  std::vector<Value> items;  // of an array; of a map: key, value, key, value; of a tag: the one that it tags
  std::uint64_t offset = 0, size = 0;  // of the whole item, head included

  // An integer of either sign, where it fits.
  std::optional<std::int64_t> integer() const;
};

// Exactly one item. `what` names it in messages; `base` is where `bytes` begin in the file, for all offsets.
Result<Value> parse(ByteView bytes, std::string_view what, std::uint64_t base = 0);

// The item that `bytes` begin with, whatever comes after it.
Result<Value> parse_first(ByteView bytes, std::string_view what, std::uint64_t base = 0);

// An item's head in its shortest form (section 4.2.1).
void append_head(Bytes& out, Major major, std::uint64_t number);
// A byte or text string.
void append_string(Bytes& out, Major major, ByteView content);

}  // namespace hallmark::cbor
