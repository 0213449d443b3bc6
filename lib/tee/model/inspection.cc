#include "lib/tee/model/inspection.h"

namespace hallmark {
namespace {

// Fields of these sizes are little-endian numbers.
std::string value_text(ByteView bytes) {
  if (bytes.size() != 1 && bytes.size() != 2 && bytes.size() != 4 && bytes.size() != 8) return to_hex(bytes);
  const Bytes reversed(bytes.rbegin(), bytes.rend());
  return "0x" + to_hex(reversed);
}

}  // namespace

InspectedRecord inspect_fields(std::string name, std::uint64_t offset, ByteView bytes, std::span<const Field> rows,
                               const Explain& explain) {
  InspectedRecord out{std::move(name), offset, bytes.size(), {}};
  for (const Field& row : rows) {
    const ByteView value = bytes.subspan(row.offset, row.size);
    InspectedField field{std::string(row.name), offset + row.offset, row.size, value_text(value), {}};
    field.meaning = row.is == Is::reserved ? "reserved" : explain(row.name, value);
    out.fields.push_back(std::move(field));
  }
  return out;
}

Json to_json(const Inspection& inspection) {
  Json records = Json::array();
  for (const InspectedRecord& record : inspection.records) {
    Json fields = Json::array();
    for (const InspectedField& f : record.fields)
      fields.push_back(Json::object(
          {{"name", f.name}, {"offset", f.offset}, {"size", f.size}, {"value", f.value}, {"meaning", f.meaning}}));
    records.push_back(Json::object(
        {{"name", record.name}, {"offset", record.offset}, {"size", record.size}, {"fields", std::move(fields)}}));
  }
  return Json::object({{"tee", inspection.tee}, {"format", inspection.format}, {"records", std::move(records)}});
}

}  // namespace hallmark
