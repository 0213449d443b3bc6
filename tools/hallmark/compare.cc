// hallmark compare: whether two builds made the same, from two certificates, two folders of outputs, or one of each.
#include "lib/cert/compare.h"
#include "tools/hallmark/command.h"
#include "tools/hallmark/outputs.h"
#include "tools/hallmark/trust.h"

namespace hallmark::cli {
namespace {

constexpr cert::Sides kSides{"in A", "in B"};
constexpr std::size_t kMaxLines = 20;

// One side, whichever it was read from.
struct Account {
  std::string name;
  cert::Outputs outputs;
  pin::Lock lock;
  Json fixed;  // conditions that the box held fixed
  std::optional<OpenCertificate> certificate;
};

class Compare final : public Command {
 public:
  void options(CLI::App& app) override {
    app.add_option("a", a_, "certificate, or folder that `hallmark build` made")->required()->type_name("PATH");
    app.add_option("b", b_, "the same, to hold against it")->required()->type_name("PATH");
    app.add_option("--key,-k", keys_, "public key that must have signed each certificate, or one of several")
        ->type_name("FILE");
  }

  Result<Report> run(Session& session) override {
    TRY(const std::vector<PublicKey> keys, read_public_keys(keys_));
    TRY(const Account a, read(a_, keys, session.progress));
    TRY(const Account b, read(b_, keys, session.progress));
    const auto outputs = cert::compare_outputs(a.outputs, b.outputs, kSides);
    const auto lock = pin::describe_changes(a.lock, b.lock);
    const auto fixed = cert::describe_differences(a.fixed, b.fixed, kSides, kMaxLines);
    return report(a, b, outputs, lock, fixed);
  }

 private:
  static Result<Account> read(const std::string& path, std::span<const PublicKey> keys, Progress& progress) {
    std::error_code error;
    return fs::is_directory(path, error) ? read_folder(path, progress) : read_certificate(path, keys);
  }

  static Result<Account> read_folder(const fs::path& folder, Progress& progress) {
    Account out{.name = folder.string()};
    TRY(BuildFolder built, read_build_folder(folder));
    TRY(Survey found, survey(folder, built.lock.recipe.outputs, progress));
    out.outputs = std::move(found.outputs);
    out.fixed = *to_json(built.record).find("fixed");
    out.lock = std::move(built.lock);
    return out;
  }

  static Result<Account> read_certificate(const std::string& file, std::span<const PublicKey> keys) {
    TRY(OpenCertificate open, open_certificate(file, keys));
    Account out{.name = file};
    out.outputs = open.certificate.outputs;
    out.lock = open.lock;
    if (const Json* fixed = open.certificate.internal_parameters.find("fixed")) out.fixed = *fixed;
    out.certificate = std::move(open);
    return out;
  }

  static std::string describe_side(std::string_view label, const Account& account) {
    std::string out = std::string(label) + ": " + printable(account.name) + "\n";
    if (account.certificate) out += describe(*account.certificate);
    return out;
  }

  static Json side(const Account& account) {
    return Json::object(
        {{"path", account.name}, {"certificate", account.certificate ? to_json(*account.certificate) : Json()}});
  }

  static Report report(const Account& a, const Account& b, const std::vector<cert::OutputComparison>& outputs,
                       const std::vector<std::string>& lock, const std::vector<std::string>& fixed) {
    const bool agreed = cert::agree(outputs);
    Json list = Json::array(), lock_lines = Json::array(), fixed_lines = Json::array();
    for (const cert::OutputComparison& output : outputs) list.push_back(to_json(output));
    std::string text = describe_side("A", a) + describe_side("B", b) + cert::to_text(outputs);
    const auto lines = [&](std::string_view title, const std::vector<std::string>& from, Json& to) {
      if (!from.empty()) text += std::string(title) + "\n";
      for (std::size_t i = 0; i < from.size(); i++) {
        to.push_back(from[i]);
        if (i < kMaxLines) text += "    " + printable(from[i]) + "\n";
      }
      if (from.size() > kMaxLines) text += "    and " + std::to_string(from.size() - kMaxLines) + " more\n";
    };
    lines("the locks differ", lock, lock_lines);
    lines("what the box held fixed differs", fixed, fixed_lines);
    if (lock.empty() && fixed.empty()) text += "made from the same lock under the same conditions\n";
    return {Json::object({{"a", side(a)},
                          {"b", side(b)},
                          {"outputs", std::move(list)},
                          {"lock", std::move(lock_lines)},
                          {"fixed", std::move(fixed_lines)},
                          {"agree", agreed}}),
            std::move(text), agreed};
  }

  std::string a_, b_;
  std::vector<std::string> keys_;
};

}  // namespace

std::unique_ptr<Command> make_compare() { return std::make_unique<Compare>(); }

}  // namespace hallmark::cli
