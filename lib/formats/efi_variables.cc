#include "lib/formats/efi_variables.h"

#include <algorithm>
#include <map>

#include "lib/formats/efi_volume.h"

namespace hallmark {
namespace {

constexpr Guid kNvData = guid("fff12b8d-7696-4c8b-a985-2747075b4f50");  // EFI_SYSTEM_NV_DATA_FV_GUID
constexpr Guid kAuthenticatedStore = guid("aaf32c78-947b-439a-a180-2e144ec37792");
constexpr Guid kStore = guid("ddcf3616-3275-4164-98b6-fe85707ffe7d");
constexpr std::uint8_t kFormatted = 0x5a, kHealthy = 0xfe;
constexpr std::uint16_t kStartId = 0x55aa;
constexpr std::uint64_t kHeaderAlignment = 4;
// VAR_ADDED: written to its end. With VAR_IN_DELETED_TRANSITION: about to be replaced, and still what holds unless the
// new one was written to its end.
constexpr std::uint8_t kAdded = 0x3f, kInDeletedTransition = 0xfe & kAdded;

// The fields of a record's header that both forms have.
struct RecordHeader {
  std::uint16_t start_id;
  std::uint8_t state;
  std::uint32_t attributes, name_size, data_size;
  Guid vendor;
};

template <const auto& L>
Result<RecordHeader> read_header(ByteView bytes) {
  TRY(const auto record, Record<L>::parse(bytes));
  return RecordHeader{record.template num<"start_id">(),   record.template num<"state">(),
                      record.template num<"attributes">(), record.template num<"name_size">(),
                      record.template num<"data_size">(),  guid_at(record.template get<"vendor_guid">())};
}

void append_utf8(std::string& out, std::uint32_t c) {
  const auto put = [&out](std::uint32_t byte) { out += static_cast<char>(byte); };
  if (c < 0x80) return put(c);
  if (c < 0x800) {
    put(0xc0 | c >> 6);
  } else if (c < 0x10000) {
    put(0xe0 | c >> 12);
    put(0x80 | (c >> 6 & 0x3f));
  } else {
    put(0xf0 | c >> 18);
    put(0x80 | (c >> 12 & 0x3f));
    put(0x80 | (c >> 6 & 0x3f));
  }
  put(0x80 | (c & 0x3f));
}

// A name with its final NUL, UTF-16.
Result<std::string> read_name(ByteView bytes) {
  const auto wrong = [](std::string why) { return fail(Fault::format, "name: " + std::move(why)); };
  if (bytes.size() < 2 || bytes.size() % 2 != 0 || load_le<std::uint16_t>(bytes.last(2)) != 0)
    return wrong("its " + std::to_string(bytes.size()) + " bytes are no UTF-16 that ends in a NUL");
  std::string out;
  for (std::size_t i = 0; i + 2 < bytes.size(); i += 2) {
    std::uint32_t c = load_le<std::uint16_t>(bytes.subspan(i, 2));
    if (c == 0) return wrong("has a NUL before its end");
    if (c >= 0xd800 && c < 0xe000) {
      // The final NUL is no low surrogate, so the next two bytes are there.
      const std::uint32_t low = load_le<std::uint16_t>(bytes.subspan(i + 2, 2));
      if (c >= 0xdc00 || low < 0xdc00 || low >= 0xe000) return wrong("has half a surrogate pair");
      c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
      i += 2;
    }
    append_utf8(out, c);
  }
  return out;
}

}  // namespace

Result<std::vector<EfiVariable>> efi_variables(ByteView bytes) {
  TRY(const EfiVolume volume, in("variables", EfiVolume::parse(bytes)));
  if (volume.file_system != kNvData)
    return fail(Fault::format, "variables: the volume is of " + to_text(volume.file_system) + ", not of " +
                                   to_text(kNvData) + " (variables)");
  const auto wrong = [&](std::uint64_t offset, std::string_view field, const std::string& why) {
    return fail(Fault::format, "variables: " + std::string(kVariableStoreHeader.name) + ": " + std::string(field) +
                                   " at " + hex_offset(volume.header_length + offset) + ": " + why);
  };
  ByteView store = volume.bytes.subspan(volume.header_length);
  if (store.size() < kVariableStoreHeader.size)
    return wrong(
        0, "end",
        "needs " + std::to_string(kVariableStoreHeader.size) + " bytes, " + std::to_string(store.size()) + " left");
  TRY(const auto header, Record<kVariableStoreHeader>::parse(store.first(kVariableStoreHeader.size)));
  const Guid signature = guid_at(header.get<"signature">());
  const bool authenticated = signature == kAuthenticatedStore;
  if (!authenticated && signature != kStore)
    return wrong(0, "signature", "is " + to_text(signature) + ", no store of variables that is known here");
  if (header.num<"size">() < kVariableStoreHeader.size || header.num<"size">() > store.size())
    return wrong(16, "size",
                 "is " + hex_offset(header.num<"size">()) + ", from " + hex_offset(kVariableStoreHeader.size) + " to " +
                     hex_offset(store.size()) + " are possible");
  if (header.num<"format">() != kFormatted || header.num<"state">() != kHealthy)
    return wrong(20, "format", "the store is not formatted and healthy");
  store = store.first(header.num<"size">());

  struct Live {
    std::size_t index;
    bool in_transition;
  };
  std::vector<EfiVariable> out;
  std::map<std::pair<Guid, std::string>, Live> live;
  const std::size_t header_size = authenticated ? kAuthenticatedVariableHeader.size : kVariableHeader.size;
  // Records stand at multiples of four bytes, up to where none begins.
  for (std::uint64_t at = kVariableStoreHeader.size; at + header_size <= store.size();) {
    const ByteView head = store.subspan(at, header_size);
    TRY(const RecordHeader record,
        authenticated ? read_header<kAuthenticatedVariableHeader>(head) : read_header<kVariableHeader>(head));
    if (record.start_id != kStartId) break;
    const std::string where = "variables: record at " + hex_offset(volume.header_length + at);
    const std::uint64_t left = store.size() - at - header_size;
    // A record whose header was not written to its end has these still erased, and takes no more room
    // (NameSizeOfVariable).
    const bool erased = record.state == 0xff || record.attributes == UINT32_MAX || record.name_size == UINT32_MAX ||
                        record.data_size == UINT32_MAX;
    const std::uint64_t name_size = erased ? 0 : record.name_size, data_size = erased ? 0 : record.data_size;
    if (name_size + data_size > left)
      return fail(Fault::format, where + ": name_size is " + std::to_string(name_size) + " and data_size " +
                                     std::to_string(data_size) + ", " + std::to_string(left) + " left");
    if (!erased && (record.state == kAdded || record.state == kInDeletedTransition)) {
      TRY(std::string name, in(where, read_name(store.subspan(at + header_size, name_size))));
      const ByteView data = store.subspan(at + header_size + name_size, data_size);
      EfiVariable variable{record.vendor, std::move(name), record.attributes, Bytes(data.begin(), data.end())};
      const bool in_transition = record.state == kInDeletedTransition;
      const auto [it, is_new] = live.try_emplace({variable.vendor, variable.name}, Live{out.size(), in_transition});
      if (is_new) {
        out.push_back(std::move(variable));
      } else if (it->second.in_transition) {
        // The first that was added holds; without one, the last that is about to be replaced.
        out[it->second.index] = std::move(variable);
        it->second.in_transition = in_transition;
      }
    }
    at = align_down(at + header_size + name_size + data_size + kHeaderAlignment - 1, kHeaderAlignment);
  }
  return out;
}

const EfiVariable* find_variable(const std::vector<EfiVariable>& variables, const Guid& vendor, std::string_view name) {
  const auto it =
      std::ranges::find_if(variables, [&](const EfiVariable& v) { return v.vendor == vendor && v.name == name; });
  return it == variables.end() ? nullptr : &*it;
}

}  // namespace hallmark
