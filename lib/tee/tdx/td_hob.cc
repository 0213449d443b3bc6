#include "lib/tee/tdx/td_hob.h"

#include <algorithm>

#include "lib/formats/linux_boot.h"

namespace hallmark::tdx {
namespace {

constexpr std::uint64_t kMiB = std::uint64_t{1} << 20, kGiB = std::uint64_t{1} << 30, k4G = 4 * kGiB;

// EFI_HOB_GENERIC_HEADER.HobType
constexpr std::uint16_t kHandoff = 1, kResourceDescriptor = 3;
constexpr std::size_t kHandoffSize = 56, kResourceSize = 48, kEndSize = 8;
constexpr std::uint32_t kHandoffVersion = 9;
// ResourceType
constexpr std::uint32_t kSystemMemory = 0, kMemoryUnaccepted = 7;
// ResourceAttribute: present, initialized, tested; and that it has to be accepted before the firmware hands over.
constexpr std::uint32_t kUsable = 7, kNeedsEarlyAccept = 0x10000000;

struct Resource {
  std::uint32_t type, attributes;
  std::uint64_t start, length;
};

// Memory from `start` on, and what of it is listed already.
struct Bank {
  std::uint64_t start, length;
};

// The parts of a bank that no section covers, ascending. `covered` is sorted by address and does not overlap.
std::vector<Bank> uncovered(const Bank& bank, const std::vector<const Section*>& covered) {
  std::vector<Bank> out;
  std::uint64_t at = bank.start;
  const std::uint64_t end = bank.start + bank.length;
  for (const Section* s : covered) {
    if (s->memory_end() <= at || s->memory_address >= end) continue;
    if (s->memory_address > at) out.push_back({at, s->memory_address - at});
    at = s->memory_end();
  }
  if (at < end) out.push_back({at, end - at});
  return out;
}

std::vector<const Section*> sorted(const Image& image, auto wanted) {
  std::vector<const Section*> out;
  for (const Section& s : image.sections())
    if (s.memory_data_size != 0 && wanted(s)) out.push_back(&s);
  std::ranges::sort(out, {}, &Section::memory_address);
  return out;
}

// hw/i386/tdvf-hob.c and kvm/tdx.c of QEMU: memory by address; accepted is what the firmware needs before it accepts
// any, the rest is not.
Result<std::vector<Resource>> qemu_resources(const Image& image, std::uint64_t memory) {
  const std::uint64_t below = std::min(memory, memory_below_4g(memory));
  std::vector<Bank> banks{{0, below}};
  if (memory > below) banks.push_back({k4G, memory - below});
  const auto accepted = sorted(
      image, [](const Section& s) { return s.type == Section::Type::td_hob || s.type == Section::Type::temp_mem; });
  for (const Section* s : accepted)
    if (std::ranges::none_of(banks, [&](const Bank& b) {
          return s->memory_address >= b.start && s->memory_end() <= b.start + b.length;
        }))
      return fail(Fault::usage, "memory: " + std::to_string(memory) + " bytes do not hold the section at " +
                                    hex_offset(s->memory_address) + " that the firmware wants");
  std::vector<Resource> out;
  for (const Section* s : accepted) out.push_back({kSystemMemory, kUsable, s->memory_address, s->memory_data_size});
  for (const Bank& bank : banks)
    for (const Bank& gap : uncovered(bank, accepted))
      out.push_back({kMemoryUnaccepted, kUsable, gap.start, gap.length});
  std::ranges::sort(out, {}, &Resource::start);
  return out;
}

// All sections in the order of the table, then what they leave of the banks: 3 GiB, the firmware, and from 4 GiB on a
// bank for each node of 176 GiB (google/gce-tcb-verifier, tdx/mrtd_from_ovmf.go and ovmf/tdx_data.go).
std::vector<Resource> gce_resources(const Image& image, HobLayout layout, std::uint64_t memory) {
  std::vector<Resource> out;
  for (const Section& s : image.sections())
    if (s.memory_data_size != 0) out.push_back({kSystemMemory, kUsable, s.memory_address, s.memory_data_size});
  constexpr std::uint64_t kLow = 3 * kGiB;
  const std::uint64_t firmware = std::max<std::uint64_t>(image.bytes().size(), 2 * kMiB);
  std::vector<Bank> banks{{0, std::min(memory, kLow)}, {k4G - firmware, firmware}};
  constexpr std::uint64_t kNode = 176 * kGiB;
  std::uint64_t start = k4G, left = memory > kLow ? memory - kLow : 0;
  for (std::uint64_t room = kNode - kLow; left > 0; room = kNode) {
    const std::uint64_t length = std::min(left, room);
    banks.push_back({start, length});
    start += length, left -= length;
  }
  const auto covered = sorted(image, [](const Section&) { return true; });
  for (const Bank& bank : banks)
    for (const Bank& gap : uncovered(bank, covered)) {
      const bool early = layout == HobLayout::gce || gap.start + gap.length <= k4G;
      out.push_back({kMemoryUnaccepted, kUsable | (early ? kNeedsEarlyAccept : 0), gap.start, gap.length});
    }
  return out;
}

}  // namespace

Result<Bytes> td_hob(const Image& image, HobLayout layout, std::uint64_t memory) {
  if (memory == 0 || memory % kPageSize != 0 || memory > kMaxMemory)
    return fail(Fault::usage, "memory: " + std::to_string(memory) + " bytes are not whole pages of at most " +
                                  std::to_string(kMaxMemory));
  std::vector<Resource> resources;
  if (layout == HobLayout::qemu) {
    TRY(resources, qemu_resources(image, memory));
  } else {
    resources = gce_resources(image, layout, memory);
  }

  // EFI_HOB_HANDOFF_INFO_TABLE. EfiEndOfHobList is behind the end block in QEMU's list, and before it in GCE's.
  const std::uint64_t size = kHandoffSize + kResourceSize * resources.size();
  const std::uint64_t base = image.find(Section::Type::td_hob)->memory_address;
  Bytes out;
  const auto append = [&](ByteView bytes) { out.insert(out.end(), bytes.begin(), bytes.end()); };
  append(Block<kHandoffSize>()
             .le(kHandoff)
             .le(static_cast<std::uint16_t>(kHandoffSize))
             .seek(8)
             .le(kHandoffVersion)
             .seek(48)
             .le(base + size + (layout == HobLayout::qemu ? kEndSize : 0))
             .bytes());
  // EFI_HOB_RESOURCE_DESCRIPTOR, with an owner of zeros.
  for (const Resource& r : resources)
    append(Block<kResourceSize>()
               .le(kResourceDescriptor)
               .le(static_cast<std::uint16_t>(kResourceSize))
               .seek(24)
               .le(r.type)
               .le(r.attributes)
               .le(r.start)
               .le(r.length)
               .bytes());
  return out;
}

}  // namespace hallmark::tdx
