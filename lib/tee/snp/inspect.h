// A report field by field, believed by nobody.
#pragma once

#include "lib/tee/model/inspection.h"
#include "lib/tee/snp/evidence.h"

namespace hallmark::snp {

// The names of the bits that are set in a guest policy, in PLATFORM_INFO: "smt", "debug", "bit 40".
std::vector<std::string> policy_bits(std::uint64_t policy);
std::vector<std::string> platform_bits(std::uint64_t platform_info);

// `offset` is where the report begins in its file.
InspectedRecord inspect_report(const Report& report, std::uint64_t offset);

// Of a file that begins with a report, which must parse; what stands behind it is a record of its own.
Result<Inspection> inspect(ByteView bytes);

}  // namespace hallmark::snp
