// Messages in the text format of protocol buffers ("textproto"), as policies are written by hand.
//
// protobuf.dev, "Text Format Language Specification". The text is read by libprotobuf; what a message is says a table
// here, so that no generated code is part of the program. Strict: a field that the table does not have, a scalar that
// is there twice, extensions and expanded Any are failures.
//
// What is read comes as Json, with lines, so that `Fields` decodes it like every other document:
//   boolean, text   as such; text is UTF-8
//   uint32          an integer
//   uint64          "0x" and 16 digits: Json has no integers above 2^53
//   bytes           hexadecimal, possibly of no bytes
//   word            the name of an enumeration's value
//   message         an object of the fields that are there
//   repeated        an array
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "lib/base/json.h"

namespace hallmark::textproto {

enum class Kind { boolean, uint32, uint64, text, bytes, word, message };

struct MessageType;

struct Field {
  std::string_view name;
  int number = 0;  // as the message's author gave it
  Kind kind = Kind::bytes;
  bool repeated = false;
  const MessageType* message = nullptr;       // of a message
  std::span<const std::string_view> words{};  // of a word: by number, from 0 on
};

struct MessageType {
  std::string_view name;  // unlike that of every other message it is used with
  std::span<const Field> fields;
};

// Messages do not contain themselves. A failure names line and column of the text.
Result<Json> parse(std::string_view text, const MessageType& type);

// The name that the text begins with, behind comments and white space; empty where it begins with something else.
std::string_view first_name(std::string_view text);

// A literal, with its quotes: every byte as "\xab".
std::string literal(ByteView bytes);

}  // namespace hallmark::textproto
