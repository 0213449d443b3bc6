// Reference values (RFC 9334 section 4.2): what evidence must show, whoever vouches for it.
#pragma once

#include <map>
#include <span>
#include <string>
#include <vector>

#include "lib/tee/model/appraisal.h"

namespace hallmark {

// What evidence must show besides its registers. One of the four forms is set.
struct Requirement {
  // Where in the answer of an appraisal the value stands: "attested.xfam", "identity.isvsvn",
  // "tcb.reported_tcb.snp", "tcb.tcb_evaluation_data_number", "tcb.advisory_ids", or "report_data".
  std::string name;
  std::vector<Json> one_of;  // texts, integers, booleans
  // The evidence's value, or each item of its list, is none of these. It has to have one, if only an empty list.
  std::vector<Json> none_of;
  // An integer: at least that. A text: bytes in hexadecimal, each of which is the least value of the evidence's byte
  // there, as in TEE_TCB_SVN.
  std::optional<Json> at_least;
  // Hexadecimal, as long as the evidence's value: under the mask they are equal. Where all three are numbers ("0x7"),
  // as guest policies are written, the length does not matter.
  struct Masked {
    std::string mask, value;
    bool operator==(const Masked&) const = default;
  };
  std::optional<Masked> masked;
  bool operator==(const Requirement&) const = default;
};

struct ReferenceValues {
  std::string name;  // for people and results: the certificate's digest and output, or a file's entry
  std::string tee;   // "intel-sgx"
  std::map<std::string, std::vector<Bytes>> registers;  // by name: one of these
  // As in measurements and certificates; empty objects where they say nothing.
  Json identity = Json::object(), policy = Json::object();
  std::vector<Requirement> requirements;
  std::optional<UnixTime> valid_until;  // the last second at which they are good
};

// How one register, or one other value, of the evidence stands to a set of reference values.
struct MatchRow {
  std::string name;
  bool matches = false;
  std::string have, need;  // hexadecimal or words; empty where one side has none
  std::string why = {};    // what is wrong, where have and need do not say it
};

// The set of reference values that the evidence was found to match, or the one that it is closest to.
struct MatchResult {
  std::string reference;
  std::vector<MatchRow> rows;
};

// A row named after the last part of the requirement's name. What the evidence does not have does not match.
MatchRow check(const Requirement& requirement, const Appraisal& appraisal);

// A row of the time at which the evidence was appraised. The set has a valid_until.
MatchRow check_time(const ReferenceValues& reference, const Appraisal& appraisal);

// The bytes of hexadecimal text; of a number ("0x7") from the highest byte on, with a zero before an odd digit. Nothing
// if the text is empty or no hexadecimal.
std::optional<Bytes> hex_value(std::string_view text);

// A value of an appraisal as a row shows it, and as it is compared.
std::string text_of(const Json& value);

}  // namespace hallmark
