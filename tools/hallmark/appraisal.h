// What `appraise` and `match` share: the options, reading evidence with what comes beside it, and the answer.
#pragma once

#include "lib/crypto/x509.h"
#include "lib/tee/appraisal_policy.h"
#include "lib/tee/evidence.h"
#include "tools/hallmark/command.h"

namespace hallmark::cli {

class AppraisalOptions {
 public:
  void add(CLI::App& app);

  // Reads the files that were named; asks the clock where no time was given.
  Status read();

  const AppraisalPolicy& policy() const { return policy_; }
  Json inputs() const;  // the files that were named for all evidence: {role, name, sha256}

  // `names` is the evidence's file, and after commas files that belong to it alone.
  // Its files are added to `inputs`.
  Result<Appraisal> appraise(const std::string& names, Json& inputs) const;

 private:
  Result<Appraisal> appraise_with(AppraiseRequest request, const EvidenceKind& kind,
                                  std::vector<Endorsement> own) const;

  std::vector<std::string> collateral_files_, endorsement_files_, anchor_files_;
  std::string time_text_, policy_file_, report_data_, profile_;
  bool allow_trailing_ = false;

  std::vector<Endorsement> collateral_, endorsements_;
  std::vector<Certificate> anchors_;
  UnixTime time_ = 0;  // that was given, or the clock's
  bool time_of_evidence_ = false;
  AppraisalPolicy policy_;
  Bytes policy_text_;
};

// "appraisal-v1", without the members that only one command has. `match`: with the fourth layer.
Json to_json(const Appraisal& appraisal, bool with_match);
std::string to_text(const Appraisal& appraisal, bool with_match);
Json to_json(const MatchResult& result);

}  // namespace hallmark::cli
