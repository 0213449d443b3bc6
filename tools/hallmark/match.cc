// hallmark match: whether what runs is what was certified; for one prover, or for a committee of them.
#include <algorithm>

#include "lib/base/version.h"
#include "lib/tee/committee.h"
#include "tools/hallmark/appraisal.h"
#include "tools/hallmark/trust.h"

namespace hallmark::cli {
namespace {

// What a certificate says of each of its measured outputs.
void add_references(const OpenCertificate& open, std::vector<ReferenceValues>& out) {
  for (const cert::OutputMeasurement& m : open.certificate.outputs.measurements) {
    ReferenceValues values{
        .name = open.sha256 + " " + m.path, .tee = m.tee, .identity = m.identity, .policy = m.policy};
    for (const Register& r : m.registers) values.registers[r.name] = {r.digest};
    out.push_back(std::move(values));
  }
}

struct Matched {
  Appraisal appraisal;
  MatchResult result;
};

class Match final : public Command {
 public:
  void options(CLI::App& app) override {
    app.add_option("evidence", evidence_,
                   "quote, report or document; after commas, files that belong to it alone; several make a committee")
        ->required()
        ->type_name("FILE");
    app.add_option("--certificate,-c", certificates_, "build certificate; any of those given will do")
        ->required()
        ->type_name("FILE");
    app.add_option("--key,-k", keys_, "public key that you trust; one must have signed each certificate")
        ->required()
        ->type_name("FILE");
    options_.add(app);
  }

  Result<Report> run(Session&) override {
    CHECK(options_.read());
    TRY(const std::vector<PublicKey> keys, read_public_keys(keys_));
    std::vector<ReferenceValues> references;
    Json certificates = Json::array();
    for (const std::string& file : certificates_) {
      TRY(const OpenCertificate open, open_certificate(file, keys));
      add_references(open, references);
      certificates.push_back(to_json(open));
    }
    Json inputs = options_.inputs();
    std::vector<Matched> all;
    for (const std::string& names : evidence_) {
      TRY(Appraisal appraisal, options_.appraise(names, inputs));
      MatchResult result = match_reference_values(references, options_.policy(), appraisal);
      all.push_back({std::move(appraisal), std::move(result)});
    }
    Report out = all.size() == 1 && !options_.policy().committee ? report_one(all.front()) : report_committee(all);
    out.data["schema"] = "match-v1";
    out.data["hallmark_version"] = version();
    out.data["certificates"] = std::move(certificates);
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
    if (m.appraisal.match.ok()) out += "  it is what was certified: " + printable(m.result.reference) + "\n";
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

  std::vector<std::string> evidence_, certificates_, keys_;
  AppraisalOptions options_;
};

}  // namespace

std::unique_ptr<Command> make_match() { return std::make_unique<Match>(); }

}  // namespace hallmark::cli
