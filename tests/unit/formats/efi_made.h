// Firmware volumes, files, sections and variables of a test's own making (UEFI PI 1.8, volume 3, chapter 3; edk2
// MdeModulePkg/Include/Guid/VariableFormat.h).
#pragma once

#include "lib/base/bytes.h"
#include "lib/formats/guid.h"

namespace hallmark::made {

inline constexpr Guid kFfs2 = guid("8c8ce578-8a3d-4f1c-9935-896185c32dd3");
inline constexpr Guid kFfs3 = guid("5473c07a-3dcb-4dca-bd6f-1e9689e7349a");
inline constexpr Guid kNvData = guid("fff12b8d-7696-4c8b-a985-2747075b4f50");
inline constexpr Guid kLzma = guid("ee4e5898-3914-4259-9d6e-dc7bd79403cf");
inline constexpr std::size_t kVolumeHeader = 72;

template <std::unsigned_integral T>
void put(Bytes& out, T value) {
  const std::size_t at = out.size();
  out.resize(at + sizeof(T));
  store_le<T>(std::span(out).subspan(at), value);
}
inline void put(Bytes& out, ByteView bytes) { out.insert(out.end(), bytes.begin(), bytes.end()); }
inline void pad(Bytes& out, std::size_t unit, std::uint8_t with) {
  while (out.size() % unit != 0) out.push_back(with);
}

inline Bytes utf16(std::string_view text) {  // ASCII, with the final NUL
  Bytes out;
  for (const char c : text) put<std::uint16_t>(out, static_cast<std::uint8_t>(c));
  put<std::uint16_t>(out, 0);
  return out;
}

// Makes the sum of the header of a volume zero again.
inline void set_sum(Bytes& volume) {
  store_le<std::uint16_t>(std::span(volume).subspan(50), 0);
  std::uint16_t sum = 0;
  for (std::size_t i = 0; i < kVolumeHeader; i += 2)
    sum = static_cast<std::uint16_t>(sum + load_le<std::uint16_t>(ByteView(volume).subspan(i, 2)));
  store_le<std::uint16_t>(std::span(volume).subspan(50), static_cast<std::uint16_t>(-sum));
}

inline Bytes volume(const Guid& file_system, ByteView body, std::size_t size) {
  Bytes out(16);
  put(out, file_system);
  put<std::uint64_t>(out, size);
  put(out, as_bytes("_FVH"));
  put<std::uint32_t>(out, 0x0004feff);
  put<std::uint16_t>(out, kVolumeHeader);
  put<std::uint16_t>(out, 0);
  put<std::uint16_t>(out, 0);
  put<std::uint16_t>(out, 0x0200);  // reserved, revision
  put<std::uint32_t>(out, 1);
  put<std::uint32_t>(out, static_cast<std::uint32_t>(size));
  put<std::uint64_t>(out, 0);
  set_sum(out);
  put(out, body);
  out.resize(std::max(size, out.size()), 0xff);
  return out;
}

// Up to a multiple of eight bytes.
inline Bytes file(const Guid& name, std::uint8_t type, ByteView content, std::uint8_t state = 0xf8,
                  bool large = false) {
  const std::size_t header = large ? 32 : 24, size = header + content.size();
  Bytes out;
  put(out, name);
  put<std::uint16_t>(out, 0);
  out.push_back(type);
  out.push_back(large ? 1 : 0);
  const std::size_t stated = large ? 0 : size;
  for (const int shift : {0, 8, 16}) out.push_back(static_cast<std::uint8_t>(stated >> shift));
  out.push_back(state);
  if (large) put<std::uint64_t>(out, size);
  std::uint8_t sum = 0;
  for (std::size_t i = 0; i < out.size(); i++)
    if (i != 17 && i != 23) sum = static_cast<std::uint8_t>(sum + out[i]);
  out[16] = static_cast<std::uint8_t>(-sum);
  out[17] = 0xaa;
  put(out, content);
  pad(out, 8, 0xff);
  return out;
}

// Up to a multiple of four bytes.
inline Bytes section(std::uint8_t type, ByteView content) {
  Bytes out;
  const std::size_t size = 4 + content.size();
  for (const int shift : {0, 8, 16}) out.push_back(static_cast<std::uint8_t>(size >> shift));
  out.push_back(type);
  put(out, content);
  pad(out, 4, 0);
  return out;
}

inline Bytes guided(const Guid& id, std::uint16_t attributes, ByteView content) {
  Bytes out;
  put(out, id);
  put<std::uint16_t>(out, 24);
  put<std::uint16_t>(out, attributes);
  put(out, content);
  return section(0x02, out);
}

inline Bytes join(std::initializer_list<Bytes> parts) {
  Bytes out;
  for (const Bytes& part : parts) put(out, part);
  return out;
}

// An authenticated record, up to a multiple of four bytes.
inline Bytes variable(const Guid& vendor, ByteView name, ByteView data, std::uint8_t state = 0x3f,
                      std::uint32_t attributes = 7) {
  Bytes out;
  put<std::uint16_t>(out, 0x55aa);
  out.push_back(state);
  out.push_back(0);
  put<std::uint32_t>(out, attributes);
  out.resize(36);  // monotonic count, time, index of the key
  put<std::uint32_t>(out, static_cast<std::uint32_t>(name.size()));
  put<std::uint32_t>(out, static_cast<std::uint32_t>(data.size()));
  put(out, vendor);
  put(out, name);
  put(out, data);
  pad(out, 4, 0xff);
  return out;
}

inline Bytes variable_volume(ByteView records, std::size_t size = 4096,
                             const Guid& store = guid("aaf32c78-947b-439a-a180-2e144ec37792")) {
  Bytes body;
  put(body, store);
  put<std::uint32_t>(body, static_cast<std::uint32_t>(size - kVolumeHeader));
  put<std::uint16_t>(body, 0xfe5a);
  put<std::uint16_t>(body, 0);
  put<std::uint32_t>(body, 0);
  put(body, records);
  return volume(kNvData, body, size);
}

}  // namespace hallmark::made
