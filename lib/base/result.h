// Errors as values. The only header that names the expected type: on GCC 13 this becomes std::expected.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <tl/expected.hpp>

namespace hallmark {

// What kind of failure this is. `main` maps each kind to one exit code, and
// nothing else in the program looks at exit codes.
enum class Fault {
  mismatch,     // the question was answered, and the answer is "no"
  usage,        // the command line or a specification asks for something impossible
  format,       // an input's bytes are not what the format's specification says
  unsupported,  // well-formed, but a version or feature we do not implement
  environment,  // I/O, network, a missing program, a kernel that refuses
  interrupted,  // the user asked us to stop
};

struct Error {
  Fault fault;
  std::string what;                  // innermost: names the field, the offset, what was found and what was wanted
  std::vector<std::string> context;  // grows outwards as the error travels up
  // A stable name of the failure for programs ("quote.truncated"), where the part of ours that failed has such names.
  std::string code = {};

  // "measuring kernel.efi: PE header: e_lfanew at 0x3c: ..."
  std::string message() const {
    std::string out;
    for (auto it = context.rbegin(); it != context.rend(); ++it) out += *it + ": ";
    return out + what;
  }
};

template <class T>
using Result = tl::expected<T, Error>;

// Success carries no value.
using Status = Result<void>;

using Failure = tl::unexpected<Error>;

inline Failure fail(Fault fault, std::string what) { return Failure(Error{fault, std::move(what), {}}); }

inline Failure fail(Fault fault, std::string_view code, std::string what) {
  return Failure(Error{fault, std::move(what), {}, std::string(code)});
}

// A failed system call, with the text of `error_number` (an errno value).
Failure fail_errno(std::string what, int error_number);

// Adds one line of context to a failure and leaves a success alone.
template <class T>
Result<T> in(std::string_view where, Result<T> result) {
  if (!result) result.error().context.emplace_back(where);
  return result;
}

// Names a failure "family.code" for programs; one without a name of its own is "family.malformed".
template <class T>
Result<T> coded(std::string_view family, Result<T> result) {
  if (!result) {
    const std::string code = result.error().code.empty() ? "malformed" : std::move(result.error().code);
    result.error().code = std::string(family) + "." + code;
  }
  return result;
}

}  // namespace hallmark

// `TRY(auto quote, parse_quote(bytes));` binds the value or returns the error.
// `CHECK(write_file(path, bytes));` does the same where there is no value.
#define HALLMARK_CAT2(a, b) a##b
#define HALLMARK_CAT(a, b) HALLMARK_CAT2(a, b)
#define TRY(decl, ...)                                                                                            \
  auto HALLMARK_CAT(try_, __LINE__) = (__VA_ARGS__);                                                              \
  if (!HALLMARK_CAT(try_, __LINE__)) return ::hallmark::Failure(std::move(HALLMARK_CAT(try_, __LINE__)).error()); \
  decl = *std::move(HALLMARK_CAT(try_, __LINE__))
#define CHECK(...)                                                                  \
  do {                                                                              \
    auto check_result = (__VA_ARGS__);                                              \
    if (!check_result) return ::hallmark::Failure(std::move(check_result).error()); \
  } while (false)
