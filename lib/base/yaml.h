// Strict YAML: the part of YAML 1.2 that has one meaning, read into the same
// values as JSON, each with its line.
//
// Plain `true` and `false` are booleans, plain decimal integers (no sign but
// "-", no leading zero, magnitude up to 2^53) are integers, every other scalar is a string: `no`, `1.10`
// and `0755` are text. Refused: repeated keys, keys that are not scalars, anchors,
// aliases, tags, several documents, null, text that is not UTF-8, more than `limits`.
#pragma once

#include "lib/base/json.h"

namespace hallmark {

Result<Json> parse_yaml(std::string_view text, JsonLimits limits = {});

// One scalar as it stands in a YAML flow or block collection: quoted wherever
// a reader could take it for anything but this string.
std::string yaml_scalar(std::string_view text);

}  // namespace hallmark
