// What a quote of a trust domain attests besides its registers, and what a certificate says it must be.
//
// None of it is measured: the monitor chooses these values when it creates the domain, and the TDX module reports them
// (Intel TDX Module ABI Reference Specification, TDINFO_STRUCT and TD_PARAMS). A domain with the right registers and
// the DEBUG attribute has no secrets, so they belong to its identity.
#pragma once

#include <array>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "lib/base/json.h"
#include "lib/tee/tdx/event.h"

namespace hallmark::tdx {

// ATTRIBUTES of a TD, by bits. The lowest eight are the group TUD: a domain with one of them set is not to be trusted.
inline constexpr std::uint64_t kDebug = 1, kUntrusted = 0xff, kSeptVeDisable = std::uint64_t{1} << 28;

struct TdPolicy {
  std::uint64_t tdattributes = kSeptVeDisable;  // what QEMU and Linux guests use
  std::optional<std::uint64_t> xfam;            // nothing: any
  Digest mrconfigid{}, mrowner{}, mrownerconfig{};
  std::vector<Digest> mrseam;  // one of these modules; empty: any that Intel signed
};

// From the options "tdattributes", "xfam" (each 16 hexadecimal digits in the order of a quote's bytes, or a number
// after 0x), "mrconfigid", "mrowner", "mrownerconfig" (up to 48 bytes in hexadecimal, zeros behind), "mrseam" (one or
// more digests, with commas) and "allow-debug" ("yes"). Attributes of the group TUD are refused without the last.
Result<TdPolicy> read_policy(const std::map<std::string, std::string>& options);

// By the names of a quote's fields, in lower-case hexadecimal as a quote has them.
Json to_json(const TdPolicy&);

}  // namespace hallmark::tdx
