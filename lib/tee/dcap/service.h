// What to ask a collateral service for one platform, and how its answers make one file of collateral. Asking is not
// done here: nothing in this folder uses the network.
//
// Intel PCS API v4: GET {service}/{sgx,tdx}/certification/v4/tcb?fmspc=…, …/qe/identity,
// {service}/sgx/certification/v4/ pckcrl?ca=…&encoding=der; issuer chains come URL-encoded in a header. Caching
// services (PCCS) answer the same paths.
#pragma once

#include <functional>

#include "lib/tee/dcap/collateral.h"

namespace hallmark::dcap {

inline constexpr std::string_view kIntelService = "https://api.trustedservices.intel.com";
inline constexpr std::string_view kIntelRootCrl = "https://certificates.trustedservices.intel.com/IntelSGXRootCA.der";

// Which collateral a quote needs.
struct Platform {
  bool tdx = false;
  std::array<std::uint8_t, 6> fmspc{};
  std::string ca;  // "platform" or "processor"
};
// From the PCK certificate in the quote; a quote without it is unsupported. Nothing is verified.
Result<Platform> platform_of(ByteView quote);

struct ServiceAnswer {
  Bytes body;
  std::string issuer_chain;  // the header's value, URL-encoded; empty where none was asked for or given
};
// GETs `url`; where `header` is not empty, the answer's header of that name goes with it.
using Ask = std::function<Result<ServiceAnswer>(const std::string& url, const std::string& header)>;

struct ServiceUrls {
  std::string service{kIntelService}, root_crl{kIntelRootCrl};
  std::string update = "standard";  // or "early": which evaluation of Intel's
};

// Asks for all of it. The result is Intel's JSON layout (collateral.h), and is read back before it is returned.
Result<std::string> ask_for_collateral(const Platform& platform, const ServiceUrls& urls, const Ask& ask);

}  // namespace hallmark::dcap
