#include "lib/base/json.h"

#include <algorithm>
#include <charconv>
#include <stdexcept>

#include <nlohmann/json.hpp>

#include "lib/base/suggest.h"

namespace hallmark {
namespace {

constexpr std::int64_t kMaxInteger = std::int64_t{1} << 53;

// Builds our values from nlohmann's events; its own tree would let repeated
// keys overwrite each other and turn large integers into floating point.
class Builder {
 public:
  using number_integer_t = nlohmann::json::number_integer_t;
  using number_unsigned_t = nlohmann::json::number_unsigned_t;
  using number_float_t = nlohmann::json::number_float_t;
  using string_t = nlohmann::json::string_t;
  using binary_t = nlohmann::json::binary_t;

  explicit Builder(std::size_t depth) : max_depth_(depth) {}

  bool null() { return put(nullptr); }
  bool boolean(bool b) { return put(b); }
  bool number_integer(number_integer_t n) {
    if (n < -kMaxInteger) return refuse("the integer " + std::to_string(n) + " is beyond 2^53");
    return put(std::int64_t{n});
  }
  bool number_unsigned(number_unsigned_t n) {
    if (n > static_cast<number_unsigned_t>(kMaxInteger))
      return refuse("the integer " + std::to_string(n) + " is beyond 2^53");
    return put(static_cast<std::int64_t>(n));
  }
  bool number_float(number_float_t, const string_t& text) {
    return refuse("the number " + text.substr(0, 40) + " is not an integer");
  }
  bool string(string_t& s) { return put(std::move(s)); }
  bool binary(binary_t&) { return refuse("binary value"); }
  bool start_object(std::size_t) { return open(Json::object()); }
  bool start_array(std::size_t) { return open(Json::array()); }
  bool key(string_t& k) {
    Json::Object& members = stack_.back()->members();
    if (!is_new(k, members)) return refuse("repeated key \"" + k + "\"");
    if (members.empty()) members.reserve(4);
    members.push_back({std::move(k), Json()});
    return true;
  }
  bool end_object() { return close(); }
  bool end_array() { return close(); }
  bool parse_error(std::size_t position, const std::string&, const nlohmann::detail::exception& e) {
    // nlohmann's text is "[json.exception.parse_error.101] parse error at line 1, column 2: …"
    std::string_view why = e.what();
    if (auto at = why.find("] "); at != why.npos) why.remove_prefix(at + 2);
    return refuse("byte " + std::to_string(position) + ": " + std::string(why));
  }

  Json take() { return std::move(root_); }
  const std::string& why() const { return why_; }

 private:
  bool refuse(std::string why) {
    if (why_.empty()) why_ = std::move(why);
    return false;
  }
  // Small objects are looked through, large ones have a set.
  bool is_new(const string_t& key, const Json::Object& members) {
    if (members.size() < kSmall) return std::ranges::find(members, key, &Json::Member::key) == members.end();
    std::set<std::string>& keys = keys_.back();
    if (keys.empty())
      for (const Json::Member& member : members) keys.insert(member.key);
    return keys.insert(key).second;
  }
  Json* place(Json value) {
    if (stack_.empty()) {
      root_ = std::move(value);
      return &root_;
    }
    if (Json& top = *stack_.back(); top.is_array()) {
      top.items().push_back(std::move(value));
      return &top.items().back();
    }
    Json& slot = stack_.back()->members().back().value;
    slot = std::move(value);
    return &slot;
  }
  bool put(Json value) {
    place(std::move(value));
    return true;
  }
  // The pointer stays good: nothing is added to a container while one inside it is open.
  bool open(Json container) {
    if (stack_.size() >= max_depth_) return refuse("nested deeper than " + std::to_string(max_depth_) + " levels");
    stack_.push_back(place(std::move(container)));
    keys_.emplace_back();
    return true;
  }
  bool close() {
    stack_.pop_back();
    keys_.pop_back();
    return true;
  }

  static constexpr std::size_t kSmall = 16;
  std::size_t max_depth_;
  Json root_;
  std::vector<Json*> stack_;
  std::vector<std::set<std::string>> keys_;  // of the open objects that are not small
  std::string why_;
};

// RFC 8785 section 3.2.2.2: the two-character escapes where JSON has one, \u00xx
// for the other control characters, everything else as it stands.
void write_string(std::string& out, std::string_view s) {
  out += '"';
  for (char c : s) {
    switch (c) {
      case '"': out += "\\\""; break;
      case '\\': out += "\\\\"; break;
      case '\b': out += "\\b"; break;
      case '\f': out += "\\f"; break;
      case '\n': out += "\\n"; break;
      case '\r': out += "\\r"; break;
      case '\t': out += "\\t"; break;
      default:
        if (static_cast<unsigned char>(c) < 0x20)
          out += "\\u00" + to_hex(ByteView(reinterpret_cast<const std::uint8_t*>(&c), 1));
        else
          out += c;
    }
  }
  out += '"';
}

// RFC 8785 section 3.2.3 sorts by UTF-16 code units. That is the order of UTF-8
// bytes except that U+E000..U+FFFF come after the supplementary planes.
bool utf16_less(std::string_view a, std::string_view b) {
  auto weight = [](unsigned char c) { return c >= 0xEE && c <= 0xEF ? c + 0x10 : c >= 0xF0 ? c - 0x02 : c + 0; };
  const std::size_t n = std::min(a.size(), b.size());
  for (std::size_t i = 0; i < n; i++)
    if (a[i] != b[i]) return weight(static_cast<unsigned char>(a[i])) < weight(static_cast<unsigned char>(b[i]));
  return a.size() < b.size();
}

void write(std::string& out, const Json& j, bool canonical, std::size_t level) {
  auto newline = [&](std::size_t l) {
    if (!canonical) out += '\n' + std::string(2 * l, ' ');
  };
  if (j.is_null()) {
    out += "null";
  } else if (j.is_bool()) {
    out += j.boolean() ? "true" : "false";
  } else if (j.is_integer()) {
    if (j.integer() > kMaxInteger || j.integer() < -kMaxInteger)
      throw std::logic_error("a JSON integer beyond 2^53: write it as text");
    out += std::to_string(j.integer());
  } else if (j.is_string()) {
    write_string(out, j.string());
  } else if (j.is_array()) {
    out += '[';
    bool first = true;
    for (const Json& item : j.items()) {
      if (!first) out += ',';
      first = false;
      newline(level + 1);
      write(out, item, canonical, level + 1);
    }
    if (!first) newline(level);
    out += ']';
  } else {
    std::vector<const Json::Member*> members;
    for (const Json::Member& m : j.members()) members.push_back(&m);
    if (canonical)
      std::sort(members.begin(), members.end(), [](auto* a, auto* b) { return utf16_less(a->key, b->key); });
    out += '{';
    bool first = true;
    for (const Json::Member* m : members) {
      if (!first) out += ',';
      first = false;
      newline(level + 1);
      write_string(out, m->key);
      out += canonical ? ":" : ": ";
      write(out, m->value, canonical, level + 1);
    }
    if (!first) newline(level);
    out += '}';
  }
}

}  // namespace

Json::Json(std::uint64_t n) : value_(static_cast<std::int64_t>(n)) {
  if (n > static_cast<std::uint64_t>(kMaxInteger))
    throw std::logic_error("a JSON integer beyond 2^53: write it as text");
}
Json::Json(Object o) : value_(std::move(o)) {}

Json Json::object(std::initializer_list<Member> members) { return Json(Object(members)); }
Json Json::array(std::initializer_list<Json> items) { return Json(Array(items)); }

std::string_view Json::kind() const {
  static constexpr std::string_view kNames[] = {"null", "a boolean", "an integer", "a string", "an array", "an object"};
  return kNames[value_.index()];
}

const Json* Json::find(std::string_view key) const {
  if (!is_object()) return nullptr;
  for (const Member& m : members())
    if (m.key == key) return &m.value;
  return nullptr;
}

Json& Json::operator[](std::string_view key) {
  if (is_null()) value_ = Object{};
  for (Member& m : members())
    if (m.key == key) return m.value;
  members().push_back({std::string(key), Json()});
  return members().back().value;
}

void Json::push_back(Json item) {
  if (is_null()) value_ = Array{};
  items().push_back(std::move(item));
}

std::string Json::canonical() const {
  std::string out;
  write(out, *this, true, 0);
  return out;
}

std::string Json::pretty() const {
  std::string out;
  write(out, *this, false, 0);
  return out;
}

Result<Json> parse_json(std::string_view text, JsonLimits limits) {
  if (text.size() > limits.bytes)
    return fail(Fault::format, "JSON text has " + std::to_string(text.size()) + " bytes, at most " +
                                   std::to_string(limits.bytes) + " allowed");
  // RFC 8259 section 8.1 lets a reader ignore a byte order mark; here it would be a second spelling.
  if (text.starts_with("\xEF\xBB\xBF")) return fail(Fault::format, "JSON: begins with a byte order mark");
  Builder builder(limits.depth);
  if (!nlohmann::json::sax_parse(text, &builder)) return fail(Fault::format, "JSON: " + builder.why());
  return builder.take();
}

bool is_utf8(std::string_view s) {
  auto byte = [&](std::size_t i) { return static_cast<unsigned char>(s[i]); };
  for (std::size_t i = 0; i < s.size();) {
    const unsigned char c = byte(i);
    std::size_t n = c < 0x80                 ? 1
                    : c >= 0xC2 && c <= 0xDF ? 2
                    : c >= 0xE0 && c <= 0xEF ? 3
                    : c >= 0xF0 && c <= 0xF4 ? 4
                                             : 0;
    if (n == 0 || n > s.size() - i) return false;
    for (std::size_t k = 1; k < n; k++)
      if ((byte(i + k) & 0xC0) != 0x80) return false;
    if (n == 3 && ((c == 0xE0 && byte(i + 1) < 0xA0) || (c == 0xED && byte(i + 1) > 0x9F))) return false;
    if (n == 4 && ((c == 0xF0 && byte(i + 1) < 0x90) || (c == 0xF4 && byte(i + 1) > 0x8F))) return false;
    i += n;
  }
  return true;
}

std::optional<std::string_view> member_text(std::string_view text, std::string_view key) {
  constexpr std::string_view kSpace = " \t\r\n";
  std::size_t at = 0;
  const auto skip_space = [&] { at = std::min(text.find_first_not_of(kSpace, at), text.size()); };
  // Past the string that begins at the cursor; its content, escapes and all.
  const auto string = [&]() -> std::string_view {
    const std::size_t start = ++at;
    while (at < text.size() && text[at] != '"') at += text[at] == '\\' ? 2 : 1;
    at = std::min(at, text.size());
    const std::string_view content = text.substr(start, at - start);
    at = std::min(at + 1, text.size());
    return content;
  };
  const auto skip_value = [&] {
    std::size_t depth = 0;
    do {
      if (at >= text.size()) return;
      const char c = text[at];
      if (c == '"') {
        string();
        continue;
      }
      if (depth == 0 && (c == ',' || c == '}')) return;
      if (c == '{' || c == '[') depth++;
      if (c == '}' || c == ']') {
        at++;
        if (--depth == 0) return;
        continue;
      }
      at++;
    } while (depth > 0 || (at < text.size() && text[at] != ',' && text[at] != '}'));
  };
  skip_space();
  if (at == text.size() || text[at] != '{') return std::nullopt;
  at++;
  for (skip_space(); at < text.size() && text[at] == '"'; skip_space()) {
    const std::string_view name = string();
    skip_space();
    at = std::min(at + 1, text.size());  // the colon
    skip_space();
    const std::size_t start = at;
    skip_value();
    std::string_view value = text.substr(start, at - start);
    if (const auto last = value.find_last_not_of(kSpace); last != value.npos) value = value.substr(0, last + 1);
    if (name == key) return value;
    skip_space();
    if (at < text.size() && text[at] == ',') at++;
  }
  return std::nullopt;
}

struct Fields::State {
  std::string what;
  std::optional<Error> first;
  struct Opened {
    std::string path;
    std::set<std::string, std::less<>> asked;
  };
  std::map<const Json*, Opened> opened;
  std::vector<const Json*> order;

  void refuse(const std::string& path, std::uint32_t line, std::string why, Fault fault) {
    if (first) return;
    std::string where = what;
    if (line != 0) where += ":" + std::to_string(line);
    if (!path.empty()) where += ": " + path;
    first = Error{fault, where + ": " + std::move(why), {}};
  }
};

namespace {

const Json& empty_object() {
  static const Json empty = Json::object();
  return empty;
}

std::string join_path(const std::string& path, std::string_view key) {
  return path.empty() ? std::string(key) : path + "." + std::string(key);
}

}  // namespace

Fields::Fields(const Json& json, std::string what) : state_(std::make_shared<State>()), json_(&json) {
  state_->what = std::move(what);
  if (!json.is_object()) {
    state_->refuse("", json.line(), "is " + std::string(json.kind()) + ", not an object", Fault::format);
    json_ = &empty_object();
    return;
  }
  state_->opened[json_];
  state_->order.push_back(json_);
}

Fields::Fields(std::shared_ptr<State> state, const Json& json, std::string path)
    : state_(std::move(state)), json_(&json), path_(std::move(path)) {
  if (json_ == &empty_object()) return;
  if (state_->opened.try_emplace(json_, State::Opened{path_, {}}).second) state_->order.push_back(json_);
}

bool Fields::ok() const { return !state_->first; }

bool Fields::has(std::string_view key) const { return json_->find(key) != nullptr; }

const Json* Fields::take(std::string_view key, bool required) {
  if (auto it = state_->opened.find(json_); it != state_->opened.end()) it->second.asked.emplace(key);
  const Json* value = json_->find(key);
  if (!value && required) {
    // A misspelt key is the usual reason; finish() would only come to it after this.
    std::string near;
    for (const Json::Member& m : json_->members())
      if (!did_you_mean(key, std::span(&m.key, 1)).empty()) near = " (there is \"" + m.key + "\")";
    state_->refuse(path_, json_->line(), "has no \"" + std::string(key) + "\"" + near, Fault::format);
  }
  return value;
}

void Fields::reject(std::string_view key, std::string why, Fault fault) {
  // "urls[2]" and "outputs[0].path" stand where the item does.
  const auto bracket = key.find('[');
  const Json* value = json_->find(key.substr(0, bracket));
  std::size_t index = 0;
  if (bracket != key.npos && value && value->is_array() &&
      std::from_chars(key.data() + bracket + 1, key.data() + key.size(), index).ec == std::errc() &&
      index < value->items().size())
    value = &value->items()[index];
  state_->refuse(join_path(path_, key), value ? value->line() : json_->line(), std::move(why), fault);
}

std::string Fields::text(std::string_view key) {
  const Json* value = take(key, true);
  if (!value) return {};
  if (!value->is_string()) {
    reject(key, "is " + std::string(value->kind()) + ", not a string" + (value->is_integer() ? " (quote it)" : ""));
    return {};
  }
  if (value->string().empty()) reject(key, "is empty");
  return value->string();
}

std::string Fields::text_or(std::string_view key, std::string fallback) {
  return has(key) ? text(key) : std::move(fallback);
}

std::int64_t Fields::integer(std::string_view key, std::int64_t min, std::int64_t max) {
  const Json* value = take(key, true);
  if (!value) return min;
  if (!value->is_integer()) {
    reject(key, "is " + std::string(value->kind()) + ", not an integer");
    return min;
  }
  const std::int64_t n = value->integer();
  if (n >= min && n <= max) return n;
  reject(key, "is " + std::to_string(n) + ", must be from " + std::to_string(min) + " to " + std::to_string(max));
  return min;
}

std::int64_t Fields::integer_or(std::string_view key, std::int64_t min, std::int64_t max, std::int64_t fallback) {
  return has(key) ? integer(key, min, max) : fallback;
}

bool Fields::boolean(std::string_view key) {
  const Json* value = take(key, true);
  if (!value) return false;
  if (value->is_bool()) return value->boolean();
  reject(key, "is " + std::string(value->kind()) + ", not true or false");
  return false;
}

bool Fields::boolean_or(std::string_view key, bool fallback) { return has(key) ? boolean(key) : fallback; }

std::string Fields::hex(std::string_view key, std::size_t size, std::string_view prefix) {
  std::string s = text(key);
  if (!ok()) return {};
  if (!s.starts_with(prefix)) {
    reject(key, "does not begin with \"" + std::string(prefix) + "\"");
    return {};
  }
  s.erase(0, prefix.size());
  const bool digits =
      std::all_of(s.begin(), s.end(), [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
  if (s.size() == 2 * size && digits) return s;
  reject(key, "is not " + std::to_string(size) + " bytes of lower-case hexadecimal");
  return {};
}

void Fields::literal(std::string_view key, std::string_view want) {
  const std::string got = text(key);
  if (ok() && got != want)
    reject(key, "is \"" + got + "\"; this version knows only \"" + std::string(want) + "\"", Fault::unsupported);
}

std::vector<std::string> Fields::texts(std::string_view key, std::size_t max) {
  std::vector<std::string> out;
  const Json* value = take(key, true);
  if (!value) return out;
  if (!value->is_array()) {
    reject(key, "is " + std::string(value->kind()) + ", not a list");
    return out;
  }
  if (value->items().size() > max) reject(key, "has more than " + std::to_string(max) + " items");
  for (const Json& item : value->items()) {
    if (!ok()) break;
    if (item.is_string()) {
      out.push_back(item.string());
      continue;
    }
    state_->refuse(join_path(path_, key) + "[" + std::to_string(out.size()) + "]", item.line(),
                   "is " + std::string(item.kind()) + ", not a string", Fault::format);
  }
  return out;
}

std::map<std::string, std::string> Fields::text_map(std::string_view key, std::size_t max) {
  std::map<std::string, std::string> out;
  const Json* value = take(key, true);
  if (!value) return out;
  if (!value->is_object()) {
    reject(key, "is " + std::string(value->kind()) + ", not a map");
    return out;
  }
  if (value->members().size() > max) reject(key, "has more than " + std::to_string(max) + " members");
  for (const Json::Member& m : value->members()) {
    if (!ok()) break;
    if (m.value.is_string()) {
      out.emplace(m.key, m.value.string());
      continue;
    }
    state_->refuse(join_path(join_path(path_, key), m.key), m.value.line(),
                   "is " + std::string(m.value.kind()) + ", not a string" + (m.value.is_integer() ? " (quote it)" : ""),
                   Fault::format);
  }
  return out;
}

Fields Fields::object(std::string_view key) {
  const Json* value = take(key, true);
  if (value && !value->is_object()) {
    reject(key, "is " + std::string(value->kind()) + ", not a map");
    value = nullptr;
  }
  return Fields(state_, value ? *value : empty_object(), join_path(path_, key));
}

std::vector<Fields> Fields::objects(std::string_view key, std::size_t max) {
  std::vector<Fields> out;
  const Json* value = take(key, true);
  if (!value) return out;
  if (!value->is_array()) {
    reject(key, "is " + std::string(value->kind()) + ", not a list");
    return out;
  }
  if (value->items().size() > max) {
    reject(key, "has " + std::to_string(value->items().size()) + " items, at most " + std::to_string(max) + " allowed");
    return out;
  }
  for (const Json& item : value->items()) {
    const std::string path = join_path(path_, key) + "[" + std::to_string(out.size()) + "]";
    if (!item.is_object()) {
      state_->refuse(path, item.line(), "is " + std::string(item.kind()) + ", not a map", Fault::format);
      return out;
    }
    out.push_back(Fields(state_, item, path));
  }
  return out;
}

const Json& Fields::raw(std::string_view key) {
  static const Json null;
  const Json* value = take(key, false);
  return value ? *value : null;
}

std::optional<Error> Fields::conclude() {
  for (const Json* object : state_->order) {
    if (state_->first) break;
    const State::Opened& opened = state_->opened.at(object);
    for (const Json::Member& m : object->members()) {
      if (opened.asked.contains(m.key)) continue;
      std::vector<std::string> known(opened.asked.begin(), opened.asked.end());
      state_->refuse(opened.path, m.value.line() ? m.value.line() : object->line(),
                     "unknown key \"" + m.key + "\"" + did_you_mean(m.key, known), Fault::format);
      break;
    }
  }
  return state_->first;
}

}  // namespace hallmark
