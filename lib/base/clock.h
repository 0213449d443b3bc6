// Points in time as documents write them. Nothing reads the system clock but
// now(), and what is hashed never depends on it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "lib/base/result.h"

namespace hallmark {

using UnixTime = std::int64_t;  // seconds since 1970-01-01T00:00:00Z

// HALLMARK_NOW (Unix seconds) in the environment stands in for the clock, so that tests and
// reproductions of a document can pin the time; a value that is no number is ignored.
UnixTime now();

// RFC 3339 in UTC with whole seconds: "2026-11-22T10:00:00Z".
std::string format_time(UnixTime);
Result<UnixTime> parse_time(std::string_view);

}  // namespace hallmark
