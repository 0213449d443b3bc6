// hallmark match: whether what runs is what was certified, or what reference values say; for one prover, or for a
// committee of them.
#include <algorithm>

#include "lib/base/version.h"
#include "lib/tee/committee.h"
#include "tools/hallmark/appraisal.h"
#include "tools/hallmark/reference_files.h"

namespace hallmark::cli {
namespace {

struct Matched {
  Appraisal appraisal;
  MatchResult result;
  bool certified = false;  // by a certificate, not by reference values that nobody signed
};

class Match final : public Command {
 public:
  void options(CLI::App& app) override {
    app.add_option("evidence", evidence_,
                   "quote, report or document; after commas, files that belong to it alone; several make a committee")
        ->required()
        ->type_name("FILE");
    app.add_option("--certificate,-c", certificates_,
                   "build certificate; any of those given, and of the reference values, will do")
        ->type_name("FILE");
    app.add_option("--key,-k", keys_, "public key that you trust; one must have signed each certificate")
        ->type_name("FILE");
    app.add_option(
           "--reference", references_,
           "reference values in a format that `hallmark references` reads; nobody signed them: you trust them by "
           "naming them")
        ->type_name("FILE");
    options_.add(app);
  }

  Result<Report> run(Session&) override {
    if (certificates_.empty() && references_.empty())
      return fail(Fault::usage, "nothing to match against: --certificate and --key, or --reference, are needed");
    if (!certificates_.empty() && keys_.empty())
      return fail(Fault::usage, "--certificate: --key is needed, the public key that must have signed it");
    CHECK(options_.read());
    TRY(const std::vector<PublicKey> keys, read_public_keys(keys_));
    std::vector<ReferenceValues> references;
    Json certificates = Json::array(), reference_files = Json::array();
    for (const std::string& file : certificates_) {
      TRY(const OpenCertificate open, open_certificate(file, keys));
      std::ranges::move(references_of(open), std::back_inserter(references));
      certificates.push_back(to_json(open));
    }
    const std::size_t certified = references.size();
    Json inputs = options_.inputs();
    std::string trusted;
    for (const std::string& name : references_) {
      TRY(ReferenceFile file, read_reference_file(name));
      inputs.push_back(Json::object({{"role", "reference"}, {"name", name}, {"sha256", file.sha256}}));
      reference_files.push_back(to_json(file));
      trusted += to_text(file);
      for (ReferenceValues& set : file.values.sets) {
        // Never the name of a certificate's set, which has a space behind the digest.
        set.name = name + ":" + (set.name.starts_with(name) ? set.name.substr(name.size()) : " " + set.name);
        references.push_back(std::move(set));
      }
    }
    std::vector<Matched> all;
    for (const std::string& names : evidence_) {
      TRY(Appraisal appraisal, options_.appraise(names, inputs));
      MatchResult result = match_reference_values(references, options_.policy(), appraisal);
      const auto by_certificates = std::span(references).first(certified);
      const bool is_certified =
          std::ranges::find(by_certificates, result.reference, &ReferenceValues::name) != by_certificates.end();
      all.push_back({std::move(appraisal), std::move(result), is_certified});
    }
    Report out = all.size() == 1 && !options_.policy().committee ? report_one(all.front()) : report_committee(all);
    out.data["schema"] = "match-v1";
    out.data["hallmark_version"] = version();
    out.data["certificates"] = std::move(certificates);
    out.data["references"] = std::move(reference_files);
    if (!trusted.empty()) out.text = std::move(trusted) + "\n" + out.text;
    out.data["inputs"] = std::move(inputs);
    return out;
  }

 private:
  static Json member_json(const Matched& m) {
    Json out = to_json(m.appraisal, true);
    out["match"] = to_json(m.result);
    return out;
  }

  static std::string member_text(const Matched& m) {
    std::string out = to_text(m.appraisal, true);
    if (m.appraisal.match.ok())
      out += (m.certified ? "  it is what was certified: " : "  it is what the reference values say: ") +
             printable(m.result.reference) + "\n";
    return out;
  }

  static Report report_one(const Matched& m) {
    return {.data = member_json(m),
            .text = member_text(m),
            .agreed = accepted(m.appraisal, true),
            .no = m.appraisal.malformed ? Fault::format : Fault::mismatch};
  }

  Report report_committee(const std::vector<Matched>& all) const {
    std::vector<CommitteeMember> members;
    for (std::size_t i = 0; i < all.size(); i++) {
      const Appraisal& a = all[i].appraisal;
      members.push_back({evidence_[i], accepted(a, true), a.vendor, a.machine, a.report_data});
    }
    // Without a policy all of them have to be good.
    const CommitteePolicy policy =
        options_.policy().committee.value_or(CommitteePolicy{.threshold = static_cast<std::int64_t>(all.size())});
    const CommitteeVerdict verdict = decide(policy, members);

    Json rows = Json::array(), vendors = Json::array();
    std::string text;
    for (std::size_t i = 0; i < all.size(); i++) {
      Json row = member_json(all[i]);
      row["file"] = evidence_[i];
      row["counted"] = !verdict.of_members[i];
      row["not_counted"] = verdict.of_members[i] ? Json(verdict.of_members[i]->code) : Json();
      rows.push_back(std::move(row));
      text += printable(evidence_[i]) + ": " + member_text(all[i]);
      text += verdict.of_members[i] ? "  does not count: " + verdict.of_members[i]->detail + "\n\n" : "  counts\n\n";
    }
    for (const std::string& vendor : verdict.vendors) vendors.push_back(vendor);
    LayerResult decision{.reached = true, .reasons = verdict.reasons};
    Json committee = hallmark::to_json(decision);
    committee["threshold"] = policy.threshold;
    committee["min_vendors"] = policy.min_vendors;
    committee["max_per_vendor"] = policy.max_per_vendor ? Json(*policy.max_per_vendor) : Json();
    committee["counted"] = static_cast<std::int64_t>(verdict.counted);
    committee["vendors"] = std::move(vendors);
    committee["binding"] = to_hex(verdict.binding);
    text += "committee: " + std::to_string(verdict.counted) + " of " + std::to_string(all.size()) + " provers count, " +
            std::to_string(policy.threshold) + " are needed; " + std::to_string(verdict.vendors.size()) + " of " +
            std::to_string(policy.min_vendors) + " vendors\n";
    for (const Reason& reason : verdict.reasons) text += "  " + reason.code + ": " + reason.detail + "\n";
    text += verdict.ok() ? "accepted: bound to " + to_hex(verdict.binding) + "\n" : "REFUSED\n";
    return {.data = Json::object({{"verdict", verdict.ok() ? "accepted" : "refused"},
                                  {"committee", std::move(committee)},
                                  {"members", std::move(rows)}}),
            .text = std::move(text),
            .agreed = verdict.ok()};
  }

  std::vector<std::string> evidence_, certificates_, keys_, references_;
  AppraisalOptions options_;
};

}  // namespace

std::unique_ptr<Command> make_match() { return std::make_unique<Match>(); }

}  // namespace hallmark::cli
