// The little of ASN.1's DER (X.690) that the extensions of attestation certificates need.
#pragma once

#include "lib/base/bytes.h"

namespace hallmark::der {

// The identifier octets that occur in them.
inline constexpr std::uint8_t kBoolean = 0x01, kInteger = 0x02, kOctetString = 0x04, kOid = 0x06, kEnumerated = 0x0a,
                              kIa5String = 0x16, kSequence = 0x30;

struct Value {
  std::uint8_t tag = 0;
  ByteView content;
  std::size_t offset = 0;  // of the content, from where the reader began
};

// A cursor over values that stand one behind the other. Like ByteReader it keeps its first failure and then reads empty
// values. Lengths are definite and minimal; tags above 30 are refused.
class Reader {
 public:
  Reader(ByteView bytes, std::string what) : bytes_(bytes), what_(std::move(what)) {}

  bool at_end() const { return failed_ || pos_ == bytes_.size(); }
  Value next(std::string_view field);
  // The next value, which must have that tag.
  ByteView take(std::uint8_t tag, std::string_view field);
  // A non-negative INTEGER or ENUMERATED of at most `max`, minimally encoded.
  std::uint64_t number(std::uint64_t max, std::string_view field, std::uint8_t tag = kInteger);
  bool boolean(std::string_view field);
  // The dotted form of an OBJECT IDENTIFIER.
  std::string oid(std::string_view field);

  void reject(std::string_view field, std::string why);
  bool ok() const { return !failed_; }

  template <class T>
  Result<T> finish(T value) {
    if (!failed_ && pos_ != bytes_.size()) reject("end", std::to_string(bytes_.size() - pos_) + " trailing bytes");
    if (failed_) return Failure(error_);
    return value;
  }

 private:
  ByteView bytes_;
  std::string what_;
  std::size_t pos_ = 0;
  bool failed_ = false;
  Error error_{Fault::format, {}, {}};
};

}  // namespace hallmark::der
