// JSON documents that are signed, hashed or printed: strings, integers,
// booleans, null, arrays and objects. There are no floating-point numbers, so a
// value has exactly one spelling.
//
// One strict reader (RFC 8259 minus: no repeated keys, no number that is not an
// integer of magnitude up to 2^53, valid UTF-8 only, bounded size and depth) and
// one canonical writer (RFC 8785, "JCS"). The strict YAML reader (yaml.h) makes
// the same values, so every document is decoded by the one `Fields` below.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "lib/base/bytes.h"
#include "lib/base/result.h"

namespace hallmark {

class Json {
 public:
  struct Member;
  using Array = std::vector<Json>;
  using Object = std::vector<Member>;  // in the order written; keys are unique

  Json();  // null
  Json(std::nullptr_t);
  Json(bool b);
  Json(int n);
  Json(std::int64_t n);
  // Only for values known to be at most 2^53; larger ones are written as text.
  Json(std::uint64_t n);
  Json(const char* s);
  Json(std::string s);
  Json(std::string_view s);
  Json(Array a);
  Json(Object o);

  // Json::object({{"a", 1}, {"b", "two"}}), Json::array({1, 2})
  static Json object(std::initializer_list<Member> members = {});
  static Json array(std::initializer_list<Json> items = {});

  bool is_null() const { return value_.index() == 0; }
  bool is_bool() const { return std::holds_alternative<bool>(value_); }
  bool is_integer() const { return std::holds_alternative<std::int64_t>(value_); }
  bool is_string() const { return std::holds_alternative<std::string>(value_); }
  bool is_array() const { return std::holds_alternative<Array>(value_); }
  bool is_object() const { return std::holds_alternative<Object>(value_); }
  // "null", "a boolean", "an integer", "a string", "an array", "an object"
  std::string_view kind() const;

  // The caller has asked is_…() before: a wrong kind is a bug and throws std::bad_variant_access.
  bool boolean() const { return std::get<bool>(value_); }
  std::int64_t integer() const { return std::get<std::int64_t>(value_); }
  const std::string& string() const { return std::get<std::string>(value_); }
  const Array& items() const { return std::get<Array>(value_); }
  Array& items() { return std::get<Array>(value_); }
  const Object& members() const { return std::get<Object>(value_); }
  Object& members() { return std::get<Object>(value_); }

  // The member's value, or null if this is no object or has no such member.
  const Json* find(std::string_view key) const;
  // The member of that name, made (as null) if absent; null becomes an object first.
  Json& operator[](std::string_view key);
  void push_back(Json item);  // null becomes an array first

  // Canonical: members sorted, no white space (RFC 8785). Throws std::logic_error
  // on an integer beyond 2^53, which no reader of ours lets in.
  std::string canonical() const;
  // For people and pipes: members in their own order, two spaces a level, no final newline.
  std::string pretty() const;

  // The line of the text this value began on, or 0 where that is not known.
  std::uint32_t line() const { return line_; }
  void set_line(std::uint32_t line) { line_ = line; }

  friend bool operator==(const Json& a, const Json& b);

 private:
  std::variant<std::nullptr_t, bool, std::int64_t, std::string, Array, Object> value_;
  std::uint32_t line_ = 0;
};

struct Json::Member {
  std::string key;
  Json value;
  friend bool operator==(const Member&, const Member&) = default;
};

// Here and not in the class: clang compiles the variant's destructor with them, which needs a whole Member.
inline Json::Json() = default;
inline Json::Json(std::nullptr_t) {}
inline Json::Json(bool b) : value_(b) {}
inline Json::Json(int n) : value_(std::int64_t{n}) {}
inline Json::Json(std::int64_t n) : value_(n) {}
inline Json::Json(const char* s) : value_(std::string(s)) {}
inline Json::Json(std::string s) : value_(std::move(s)) {}
inline Json::Json(std::string_view s) : value_(std::string(s)) {}
inline Json::Json(Array a) : value_(std::move(a)) {}
inline bool operator==(const Json& a, const Json& b) { return a.value_ == b.value_; }

struct JsonLimits {
  std::size_t bytes = std::size_t{16} << 20;
  std::size_t depth = 32;
};
Result<Json> parse_json(std::string_view text, JsonLimits limits = {});

// The text of a member of the object that `text` is, just as it stands there: what a signature over a part of a
// document covers. `text` is JSON that parse_json() has accepted; nothing if it is no object or has no such member.
std::optional<std::string_view> member_text(std::string_view text, std::string_view key);

// Well-formed UTF-8 (no surrogates, no overlong forms, at most U+10FFFF).
bool is_utf8(std::string_view);

// Decodes a document strictly: every member that is there must be asked for.
//
//   Fields doc(json, "hallmark.lock");
//   lock.name = doc.text("name");
//   for (Fields s : doc.objects("sources", kMaxSources)) lock.sources.push_back(read_source(s));
//   return doc.finish(std::move(lock));
//
// Like ByteReader it keeps the first failure and reads on with empty values. A
// child shares its parent's state, so one finish() on the root answers for the
// whole document, unknown members included. `json` must outlive the reader.
class Fields {
 public:
  // `what` names the document in messages: "hallmark.yaml:12: sources[0].git.reff: ..."
  Fields(const Json& json, std::string what);

  bool has(std::string_view key) const;

  std::string text(std::string_view key);  // required, not empty
  std::string text_or(std::string_view key, std::string fallback);
  std::int64_t integer(std::string_view key, std::int64_t min, std::int64_t max);
  std::int64_t integer_or(std::string_view key, std::int64_t min, std::int64_t max, std::int64_t fallback);
  bool boolean(std::string_view key);
  bool boolean_or(std::string_view key, bool fallback);
  // Lower-case hex of exactly `size` bytes; `prefix` ("sha256:") must stand before it and is not returned.
  std::string hex(std::string_view key, std::size_t size, std::string_view prefix = {});
  // Must be exactly this text: format names and versions.
  void literal(std::string_view key, std::string_view want);
  std::vector<std::string> texts(std::string_view key, std::size_t max);
  std::map<std::string, std::string> text_map(std::string_view key, std::size_t max);

  Fields object(std::string_view key);
  std::vector<Fields> objects(std::string_view key, std::size_t max);
  // The value as it stands, for a part that another reader decodes; null if absent.
  const Json& raw(std::string_view key);

  // Refuses the value of `key` just read: what is wrong with it. "key[2]" and "key[2].member" name an item of a list.
  void reject(std::string_view key, std::string why, Fault fault = Fault::format);
  bool ok() const;

  // "sources[0].git", for messages about several members at once.
  const std::string& path() const { return path_; }

  template <class T>
  Result<T> finish(T value) {
    if (auto error = conclude()) return Failure(*std::move(error));
    return value;
  }

 private:
  struct State;
  Fields(std::shared_ptr<State> state, const Json& json, std::string path);
  const Json* take(std::string_view key, bool required);
  std::optional<Error> conclude();

  std::shared_ptr<State> state_;
  const Json* json_;
  std::string path_;
};

}  // namespace hallmark
