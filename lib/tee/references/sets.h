// What the readers and writers of several formats ask about a set of reference values.
#pragma once

#include "lib/tee/references/reference_format.h"

namespace hallmark::references {

// Whether it is an enclave's set that asks for a signer. It may name no register: MRENCLAVE is then a mismatch, until
// the policy matches by signer or opens that register.
bool names_signer(const ReferenceValues& set);

// Whether a member of `identity` or `policy` of that name is held against evidence of the TEE (lib/tee/sgx/match.cc,
// lib/tee/tdx/match.cc). Certificates also have members that only tell something: "date".
bool is_held(std::string_view tee, std::string_view name);

// The names of all that a set asks for besides its registers: "mrsigner", "xfam", "valid_until". A value that is null
// or "any" asks for nothing.
std::vector<std::string> asked_besides_registers(const ReferenceValues& set);

// The member of a set's `identity`, or of its `policy`; nothing if it asks for nothing: if it is not there, is null in
// `identity`, or is "any" in the `policy` of a TDX guest.
const Json* asked_identity(const ReferenceValues& set, std::string_view name);
const Json* asked_policy(const ReferenceValues& set, std::string_view name);

// The sentence for `left_out`: what a verifier that takes the file lets pass although the set does not. Nothing if
// `names` is empty.
std::optional<std::string> unsaid(const ReferenceValues& set, const std::vector<std::string>& names);

// "a, b, c"
std::string list_of(const std::vector<std::string>& names);

// The text's bytes, which have to be exactly so many.
std::optional<Bytes> hex_of_size(std::string_view text, std::size_t size);

// The JSON that a text is, for recognising a format.
std::optional<Json> json_of(std::string_view text);

// A PCR's number, in decimal without leading zeros: "0" to "23".
std::optional<unsigned> pcr_number(std::string_view digits);

}  // namespace hallmark::references
