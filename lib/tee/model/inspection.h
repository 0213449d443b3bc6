// What a file says of itself, field by field, at the places where it says so. Nothing in here is a judgement: every
// value is as the file has it, whoever wrote it.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/json.h"
#include "lib/base/layout.h"

namespace hallmark {

struct InspectedField {
  std::string name;
  std::uint64_t offset = 0, size = 0;  // in the file
  std::string value;                   // a number as 0x…, anything else as hexadecimal bytes
  std::string meaning;                 // for people; may be empty
};

struct InspectedRecord {
  std::string name;
  std::uint64_t offset = 0, size = 0;
  std::vector<InspectedField> fields;
};

struct Inspection {
  std::string tee, format;  // as in Measurement
  std::vector<InspectedRecord> records;
};

Json to_json(const Inspection&);

// What a field of a record means to people; empty where the value says it all.
using Explain = std::function<std::string(std::string_view field, ByteView value)>;

// One field for each row. `offset` is where `bytes` begins in the file.
InspectedRecord inspect_fields(std::string name, std::uint64_t offset, ByteView bytes, std::span<const Field> rows,
                               const Explain& explain);

// The same by a layout; `bytes` has its size.
template <const auto& L>
InspectedRecord inspect_record(std::string name, std::uint64_t offset, ByteView bytes, const Explain& explain) {
  static_assert(L.tiles());
  return inspect_fields(std::move(name), offset, bytes.first(L.size), L.fields, explain);
}

}  // namespace hallmark
