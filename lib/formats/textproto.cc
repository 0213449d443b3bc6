#include "lib/formats/textproto.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/dynamic_message.h>
#include <google/protobuf/io/tokenizer.h>
#include <google/protobuf/text_format.h>

#include <algorithm>
#include <memory>
#include <set>

#include "lib/base/files.h"

namespace hallmark::textproto {
namespace {

namespace pb = google::protobuf;
using Proto = pb::FieldDescriptorProto;

// Deeper than any table here; the library's own bound is on recursion, which tables bound already.
constexpr int kMaxDepth = 16;

Proto::Type type_of(Kind kind) {
  switch (kind) {
    case Kind::boolean: return Proto::TYPE_BOOL;
    case Kind::uint32: return Proto::TYPE_UINT32;
    case Kind::uint64: return Proto::TYPE_UINT64;
    case Kind::text: return Proto::TYPE_STRING;
    case Kind::bytes: return Proto::TYPE_BYTES;
    case Kind::word: return Proto::TYPE_ENUM;
    case Kind::message: return Proto::TYPE_MESSAGE;
  }
  return Proto::TYPE_BYTES;
}

// The messages as a file of version 2, in which every field knows whether it is there.
void add(const MessageType& type, pb::FileDescriptorProto& file, std::set<std::string_view>& added) {
  if (!added.insert(type.name).second) return;
  pb::DescriptorProto& message = *file.add_message_type();
  message.set_name(std::string(type.name));
  for (const Field& field : type.fields) {
    Proto& out = *message.add_field();
    out.set_name(std::string(field.name));
    out.set_number(field.number);
    out.set_label(field.repeated ? Proto::LABEL_REPEATED : Proto::LABEL_OPTIONAL);
    out.set_type(type_of(field.kind));
    if (field.kind == Kind::message) out.set_type_name("." + std::string(field.message->name));
    if (field.kind == Kind::word) {
      pb::EnumDescriptorProto& words = *message.add_enum_type();
      words.set_name(std::string(field.name) + "_words");
      for (std::size_t i = 0; i < field.words.size(); i++) {
        pb::EnumValueDescriptorProto& value = *words.add_value();
        value.set_name(std::string(field.words[i]));
        value.set_number(static_cast<int>(i));
      }
      out.set_type_name("." + std::string(type.name) + "." + words.name());
    }
  }
  for (const Field& field : type.fields)
    if (field.kind == Kind::message) add(*field.message, file, added);
}

// Keeps the first failure. The library counts from 0.
class First : public pb::io::ErrorCollector {
 public:
  void AddError(int line, int column, const std::string& message) override {
    if (!what.empty()) return;
    what = "textproto";
    if (line >= 0) what += ": line " + std::to_string(line + 1) + ", column " + std::to_string(column + 1);
    what += ": " + printable(message);
  }
  std::string what;
};

using Tree = pb::TextFormat::ParseInfoTree;

Json to_json(const pb::Message& message, const MessageType& type, const Tree* tree, std::string& why);

// One value of a field; `index` is -1 where the field is not repeated.
Json value_of(const pb::Message& message, const Field& field, const pb::FieldDescriptor& d, int index, const Tree* tree,
              std::string& why) {
  const pb::Reflection& r = *message.GetReflection();
  const bool one = index < 0;
  std::string scratch;
  switch (field.kind) {
    case Kind::boolean: return Json(one ? r.GetBool(message, &d) : r.GetRepeatedBool(message, &d, index));
    case Kind::uint32:
      return Json(std::int64_t{one ? r.GetUInt32(message, &d) : r.GetRepeatedUInt32(message, &d, index)});
    case Kind::uint64:
      return Json(hex_number(one ? r.GetUInt64(message, &d) : r.GetRepeatedUInt64(message, &d, index), 16));
    case Kind::word: return Json((one ? r.GetEnum(message, &d) : r.GetRepeatedEnum(message, &d, index))->name());
    case Kind::message:
      return to_json(one ? r.GetMessage(message, &d) : r.GetRepeatedMessage(message, &d, index), *field.message,
                     tree == nullptr ? nullptr : tree->GetTreeForNested(&d, index), why);
    case Kind::text:
    case Kind::bytes: {
      const std::string& text = one ? r.GetStringReference(message, &d, &scratch)
                                    : r.GetRepeatedStringReference(message, &d, index, &scratch);
      if (field.kind == Kind::bytes) return Json(to_hex(as_bytes(text)));
      if (!is_utf8(text) && why.empty()) why = "textproto: " + std::string(field.name) + ": is not UTF-8";
      return is_utf8(text) ? Json(text) : Json("");
    }
  }
  return {};
}

Json to_json(const pb::Message& message, const MessageType& type, const Tree* tree, std::string& why) {
  const auto located = [&](Json value, const pb::FieldDescriptor& d, int index) {
    const int line = tree == nullptr ? -1 : tree->GetLocation(&d, index).line;
    if (line >= 0) value.set_line(static_cast<std::uint32_t>(line) + 1);
    return value;
  };
  Json out = Json::object();
  const pb::Reflection& r = *message.GetReflection();
  for (const Field& field : type.fields) {
    const pb::FieldDescriptor& d = *message.GetDescriptor()->FindFieldByNumber(field.number);
    if (field.repeated) {
      const int count = r.FieldSize(message, &d);
      if (count == 0) continue;
      Json list = Json::array();
      for (int i = 0; i < count; i++) list.push_back(located(value_of(message, field, d, i, tree, why), d, i));
      out[field.name] = located(std::move(list), d, 0);
    } else if (r.HasField(message, &d)) {
      out[field.name] = located(value_of(message, field, d, -1, tree, why), d, -1);
    }
  }
  return out;
}

}  // namespace

Result<Json> parse(std::string_view text, const MessageType& type) try {
  pb::FileDescriptorProto file;
  file.set_name("textproto");
  std::set<std::string_view> added;
  add(type, file, added);
  pb::DescriptorPool pool;
  const pb::FileDescriptor* built = pool.BuildFile(file);
  if (built == nullptr)
    return fail(Fault::unsupported, "textproto: the table of " + std::string(type.name) + " is wrong");
  pb::DynamicMessageFactory factory(&pool);
  const std::unique_ptr<pb::Message> message(
      factory.GetPrototype(built->FindMessageTypeByName(std::string(type.name)))->New());

  First errors;
  Tree tree;
  pb::TextFormat::Parser parser;
  parser.RecordErrorsTo(&errors);
  parser.WriteLocationsTo(&tree);
  parser.SetRecursionLimit(kMaxDepth);
  if (!parser.ParseFromString(std::string(text), message.get()))
    return fail(Fault::format, errors.what.empty() ? "textproto: is not one" : errors.what);
  std::string why;
  Json out = to_json(*message, type, &tree, why);
  if (!why.empty()) return fail(Fault::format, why);
  return out;
} catch (const std::exception& e) {
  // Checks of the library's that do not hold.
  return fail(Fault::format, std::string("textproto: ") + e.what());
}

std::string_view first_name(std::string_view text) {
  const auto is_name = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  };
  while (!text.empty()) {
    if (text.front() == '#') {
      text.remove_prefix(std::min(text.find('\n'), text.size()));
    } else if (text.front() == ' ' || (text.front() >= '\t' && text.front() <= '\r')) {
      text.remove_prefix(1);
    } else {
      return text.substr(0, static_cast<std::size_t>(std::ranges::find_if_not(text, is_name) - text.begin()));
    }
  }
  return {};
}

std::string literal(ByteView bytes) {
  std::string out = "\"";
  for (const std::uint8_t byte : bytes) out += "\\x" + to_hex(ByteView(&byte, 1));
  return out + '"';
}

}  // namespace hallmark::textproto
