#include "lib/base/yaml.h"

#include <algorithm>
#include <sstream>

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

namespace hallmark {
namespace {

struct Refused {
  std::string why;
  int line;
};

bool is_integer(std::string_view s) {
  if (s.starts_with('-')) s.remove_prefix(1);
  if (s.empty() || s.size() > 16 || (s.size() > 1 && s[0] == '0')) return false;
  return std::all_of(s.begin(), s.end(), [](char c) { return c >= '0' && c <= '9'; });
}

// Builds values from events, so that aliases can be refused before they are expanded.
class Builder final : public YAML::EventHandler {
 public:
  explicit Builder(std::size_t depth) : max_depth_(depth) {}

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t) override { refuse_null(mark); }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override { refuse(mark, "aliases are not allowed"); }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    check(mark, tag, anchor);
    const bool plain = tag == "?";
    if (expects_key()) {
      for (const Json::Member& m : stack_.back().value->members())
        if (m.key == value) refuse(mark, "repeated key \"" + value + "\"");
      stack_.back().value->members().push_back({value, Json()});
      stack_.back().has_key = true;
      stack_.back().key_mark = mark;
      return;
    }
    if (plain && (value == "true" || value == "false")) {
      place(mark, Json(value == "true"));
    } else if (plain && is_integer(value)) {
      const std::int64_t n = std::stoll(value);
      if (n > (std::int64_t{1} << 53) || n < -(std::int64_t{1} << 53))
        refuse(mark, "the integer " + value + " is beyond 2^53");
      place(mark, Json(n));
    } else if (plain && (value == "null" || value == "~" || value.empty())) {
      refuse_null(mark);
    } else {
      place(mark, Json(value));
    }
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(mark, tag, anchor, Json::array());
  }
  void OnSequenceEnd() override { stack_.pop_back(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(mark, tag, anchor, Json::object());
  }
  void OnMapEnd() override { stack_.pop_back(); }

  Json take() { return std::move(root_); }

 private:
  struct Level {
    Json* value;
    bool has_key = false;
    YAML::Mark key_mark{};
  };

  [[noreturn]] static void refuse(const YAML::Mark& mark, std::string why) { throw Refused{std::move(why), mark.line}; }

  // A missing value is marked where the next line begins; the key stands where one would look.
  [[noreturn]] void refuse_null(const YAML::Mark& mark) const {
    const bool in_map = !stack_.empty() && stack_.back().has_key;
    refuse(in_map ? stack_.back().key_mark : mark, "has no value");
  }

  static void check(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor) {
    if (anchor != 0) refuse(mark, "anchors are not allowed");
    if (!tag.empty() && tag != "?" && tag != "!") refuse(mark, "tags are not allowed");
  }
  bool expects_key() const { return !stack_.empty() && stack_.back().value->is_object() && !stack_.back().has_key; }

  Json* place(const YAML::Mark& mark, Json value) {
    value.set_line(static_cast<std::uint32_t>(mark.line + 1));
    if (stack_.empty()) {
      root_ = std::move(value);
      return &root_;
    }
    Level& top = stack_.back();
    if (top.value->is_array()) {
      top.value->items().push_back(std::move(value));
      return &top.value->items().back();
    }
    top.has_key = false;
    Json& slot = top.value->members().back().value;
    slot = std::move(value);
    return &slot;
  }
  // The pointer stays good: nothing is added to a container while one inside it is open.
  void open(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, Json container) {
    check(mark, tag, anchor);
    if (expects_key()) refuse(mark, "a key must be a single word or string");
    if (stack_.size() >= max_depth_) refuse(mark, "nested deeper than " + std::to_string(max_depth_) + " levels");
    stack_.push_back({place(mark, std::move(container))});
  }

  std::size_t max_depth_;
  Json root_;
  std::vector<Level> stack_;
};

}  // namespace

Result<Json> parse_yaml(std::string_view text, JsonLimits limits) {
  if (text.size() > limits.bytes)
    return fail(Fault::format, "YAML text has " + std::to_string(text.size()) + " bytes, at most " +
                                   std::to_string(limits.bytes) + " allowed");
  if (!is_utf8(text)) return fail(Fault::format, "YAML text is not UTF-8");
  if (text.find('\0') != text.npos) return fail(Fault::format, "YAML text has a NUL byte");
  Builder builder(limits.depth);
  try {
    std::istringstream in{std::string(text)};
    YAML::Parser parser(in);
    if (!parser.HandleNextDocument(builder)) return fail(Fault::format, "YAML text is empty");
    Builder second(limits.depth);
    if (parser.HandleNextDocument(second)) return fail(Fault::format, "YAML text has more than one document");
  } catch (const Refused& r) {
    return fail(Fault::format, "line " + std::to_string(r.line + 1) + ": " + r.why);
  } catch (const YAML::Exception& e) {
    return fail(Fault::format, "line " + std::to_string(e.mark.line + 1) + ", column " +
                                   std::to_string(e.mark.column + 1) + ": " + e.msg);
  }
  return builder.take();
}

std::string yaml_scalar(std::string_view text) {
  const bool safe_bytes = std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           std::string_view("+-./_~^").find(c) != std::string_view::npos;
  });
  const bool word =
      !text.empty() && (std::isalnum(static_cast<unsigned char>(text[0])) != 0 || text[0] == '/') && safe_bytes;
  // yaml-cpp reads Null and NULL as null too.
  const bool other_meaning =
      is_integer(text) || text == "true" || text == "false" || text == "null" || text == "Null" || text == "NULL";
  // Colons are safe inside a plain scalar when no space follows; digests and URLs have them.
  if (word && !other_meaning) return std::string(text);
  return Json(text).canonical();  // a JSON string is a YAML double-quoted scalar
}

}  // namespace hallmark
