// A small firmware image with TDX metadata, of which every part can be made wrong.
#pragma once

#include "lib/tee/tdx/image.h"

namespace hallmark::tdx {

struct MadeSection {
  std::uint32_t data_offset = 0, raw_data_size = 0;
  std::uint64_t memory_address = 0, memory_data_size = 0;
  std::uint32_t type = 0, attributes = 0;
};

struct MadeFirmware {
  std::size_t size = 0x4000;
  std::vector<MadeSection> sections{{0x1000, 0x3000, 0xffffd000, 0x3000, 0, 1},
                                    {0, 0x1000, 0xffffc000, 0x1000, 1, 0},
                                    {0, 0, 0x809000, 0x2000, 2, 0},
                                    {0, 0, 0x810000, 0x1000, 3, 0}};
  std::uint32_t version = 1;
  std::vector<Guid> others;                  // entries of the list before ours, of two bytes each
  bool has_entry = true;                     // of the TDX metadata
  std::optional<std::uint16_t> list_length;  // instead of the right one
  std::uint16_t entry_length = 22;           // of the TDX metadata's entry

  Bytes bytes() const {
    Bytes out(size);
    for (std::size_t i = 0; i < out.size(); i++) out[i] = static_cast<std::uint8_t>(i * 7);
    const auto put = [&](std::size_t at, ByteView bytes) {
      std::ranges::copy(bytes, out.begin() + static_cast<std::ptrdiff_t>(at));
    };
    const std::size_t descriptor = size - 0xa00;
    put(descriptor - 16, kTdxMetadata);
    Bytes table{'T', 'D', 'V', 'F'};
    const auto add = [](Bytes& to, std::uint64_t value, int bytes) {
      for (int i = 0; i < bytes; i++) to.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
    };
    add(table, 16 + 32 * sections.size(), 4);
    add(table, version, 4);
    add(table, sections.size(), 4);
    for (const MadeSection& s : sections) {
      add(table, s.data_offset, 4);
      add(table, s.raw_data_size, 4);
      add(table, s.memory_address, 8);
      add(table, s.memory_data_size, 8);
      add(table, s.type, 4);
      add(table, s.attributes, 4);
    }
    put(descriptor, table);
    Bytes list;
    for (const Guid& other : others) {
      add(list, 0xabcd, 2);
      add(list, 20, 2);
      list.insert(list.end(), other.begin(), other.end());
    }
    if (has_entry) {
      add(list, size - descriptor, 4);
      add(list, entry_length, 2);
      list.insert(list.end(), kTdxMetadataOffset.begin(), kTdxMetadataOffset.end());
    }
    add(list, list_length.value_or(static_cast<std::uint16_t>(list.size() + 18)), 2);
    list.insert(list.end(), kGuidedTableFooter.begin(), kGuidedTableFooter.end());
    put(size - 32 - list.size(), list);
    return out;
  }
};

}  // namespace hallmark::tdx
