#include "lib/tee/tdx/profile.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <iterator>
#include <optional>
#include <utility>

namespace hallmark::tdx {
namespace {

// By git tag --contains in edk2: f41acc651f, 852ae4cd80 and 935343cf16 (202302), efaf8931bb (202411), 459f5ffa24 and
// 20df7c42bd (202502), be529ef3c9, cd76265f1a and 9d9e3a2ba8 (202505), a2ac0fea49 (202508).
constexpr std::array kFirmwares{
    //                        HOB    ACPI   sep.1  blobs  fw_cfg SMBIOS menu   initrd
    Firmware{"edk2-202211", 202211, false, false, false, false, false, false, false, false},
    Firmware{"edk2-202302", 202302, true, true, false, false, false, false, false, false},
    Firmware{"edk2-202411", 202411, true, true, true, false, false, false, false, false},
    Firmware{"edk2-202502", 202502, true, true, true, true, false, false, false, false},
    Firmware{"edk2-202505", 202505, true, true, true, true, true, true, true, false},
    Firmware{"edk2-202508", 202508, true, true, true, true, true, true, true, true},
};

constexpr std::array kVmms{
    Vmm{"qemu-8", PageOrder::two_pass, HobLayout::qemu, true, false, SetupHeader::any_file, false},
    Vmm{"qemu-9", PageOrder::single_pass, HobLayout::qemu, true, false, SetupHeader::linux_only, false},
    Vmm{"qemu-10", PageOrder::single_pass, HobLayout::qemu, true, true, SetupHeader::linux_only, false},
    Vmm{"qemu-10.2", PageOrder::single_pass, HobLayout::qemu, true, true, SetupHeader::nothing, false},
    Vmm{"gce", PageOrder::single_pass, HobLayout::gce, false, false, SetupHeader::nothing, true},
};

// Major and minor number at the beginning of the text; the minor is 0 where there is none.
std::optional<std::pair<unsigned, unsigned>> version_at(std::string_view text) {
  std::pair<unsigned, unsigned> out{0, 0};
  const char* const end = text.data() + text.size();
  const auto major = std::from_chars(text.data(), end, out.first);
  if (major.ec != std::errc()) return std::nullopt;
  if (major.ptr != end && *major.ptr == '.') std::from_chars(major.ptr + 1, end, out.second);
  return out;
}

template <class Rows>
std::string names(const Rows& rows) {
  std::string out;
  for (const auto& row : rows) out += (out.empty() ? "" : ", ") + std::string(row.name);
  return out;
}

}  // namespace

std::string_view to_text(PageOrder order) { return order == PageOrder::single_pass ? "single-pass" : "two-pass"; }

std::span<const Firmware> firmwares() { return kFirmwares; }
std::span<const Vmm> vmms() { return kVmms; }

const Firmware* firmware_of_release(unsigned release) {
  const auto next = std::ranges::upper_bound(kFirmwares, release, {}, &Firmware::release);
  return next == kFirmwares.begin() ? nullptr : &*std::prev(next);
}

const Vmm* vmm_of_qemu(std::string_view version) {
  constexpr std::string_view kQemu = "qemu-";
  const Vmm* found = nullptr;
  const auto wanted = version_at(version);
  for (const Vmm& vmm : kVmms)
    if (wanted && vmm.name.starts_with(kQemu) && version_at(vmm.name.substr(kQemu.size())) <= wanted) found = &vmm;
  return found;
}

Result<Profile> find_profile(std::string_view name) {
  const std::size_t slash = name.find('/');
  const auto vmm = std::ranges::find(kVmms, name.substr(0, slash), &Vmm::name);
  const auto firmware =
      slash == name.npos ? kFirmwares.end() : std::ranges::find(kFirmwares, name.substr(slash + 1), &Firmware::name);
  if (vmm == kVmms.end() || firmware == kFirmwares.end())
    return fail(Fault::usage, "\"" + std::string(name) +
                                  "\" is no profile: it is MONITOR/FIRMWARE, with a monitor of " + names(kVmms) +
                                  " and a firmware of " + names(kFirmwares));
  return Profile{*vmm, *firmware};
}

}  // namespace hallmark::tdx
