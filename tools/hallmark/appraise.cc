// hallmark appraise: whether a vendor's hardware made this evidence, and whether it is fit to be believed.
#include "lib/base/version.h"
#include "tools/hallmark/appraisal.h"

namespace hallmark::cli {
namespace {

class Appraise final : public Command {
 public:
  void options(CLI::App& app) override {
    app.add_option("evidence", evidence_, "quote, report or document; in binary, hexadecimal, base64 or JSON")
        ->required()
        ->type_name("FILE");
    options_.add(app);
  }

  Result<Report> run(Session&) override {
    CHECK(options_.read());
    Json inputs = options_.inputs();
    TRY(const Appraisal appraisal, options_.appraise(evidence_, inputs));
    Json data = to_json(appraisal, false);
    data["schema"] = "appraisal-v1";
    data["hallmark_version"] = version();
    data["inputs"] = std::move(inputs);
    return Report{.data = std::move(data),
                  .text = to_text(appraisal, false),
                  .agreed = accepted(appraisal, false),
                  .no = appraisal.malformed ? Fault::format : Fault::mismatch};
  }

 private:
  std::string evidence_;
  AppraisalOptions options_;
};

}  // namespace

std::unique_ptr<Command> make_appraise() { return std::make_unique<Appraise>(); }

}  // namespace hallmark::cli
