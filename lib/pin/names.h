// What names, paths and addresses in a specification or a lock may look like. One
// place, so that a lock accepts nothing that a specification could not have asked for.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace hallmark::pin {

bool is_project_name(std::string_view);       // [a-z0-9][a-z0-9.+-]*, at most 100: projects and sources
bool is_into(std::string_view);               // "." or plain relative without control characters
bool is_variable_name(std::string_view);      // [A-Za-z_][A-Za-z0-9_]*
bool is_reserved_variable(std::string_view);  // those that box-1 sets itself
bool is_output_kind(std::string_view);        // [a-z][a-z0-9-]*

// Debian Policy 5.6.7 (package names) and 5.6.12 (versions), without their exotic parts.
bool is_package_name(std::string_view);
bool is_package_version(std::string_view);
bool is_suite_name(std::string_view);      // "bookworm", "bookworm-security", "bookworm/updates"
bool is_component_name(std::string_view);  // "main", "non-free-firmware"

// git-check-ref-format(1), for a full ref or a branch or tag name.
bool is_git_ref(std::string_view);

// A lower-case hexadecimal number of exactly `digits` digits.
bool is_hex(std::string_view text, std::size_t digits);

bool is_url(std::string_view);  // has "://"; anything else is a path

// Nothing if the address can stand in a lock, else what is wrong with it. Refused: schemes
// other than https and file (and, for Debian mirrors, http: there the signature
// protects the bytes), user names and passwords (a lock is public), white space and control characters.
std::optional<std::string> problem_with_source_address(std::string_view);
std::optional<std::string> problem_with_mirror(std::string_view);

std::string in_quotes(std::string_view text);  // for messages, fit for a terminal

}  // namespace hallmark::pin
