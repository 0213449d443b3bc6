// hallmark verify: whether a certificate holds, and whether these files are what it certifies.
#include <algorithm>

#include "lib/cert/compare.h"
#include "lib/crypto/file_digest.h"
#include "tools/hallmark/command.h"
#include "tools/hallmark/outputs.h"
#include "tools/hallmark/trust.h"

namespace hallmark::cli {
namespace {

constexpr cert::Sides kSides{"certified", "found"};

class Verify final : public Command {
 public:
  void options(CLI::App& app) override {
    app.add_option("certificate", certificate_, "certificate, as DSSE envelope or Sigstore bundle; - is standard input")
        ->required()
        ->type_name("FILE");
    app.add_option("--key,-k", keys_, "public key that you trust; may be repeated, and one must have signed")
        ->required()
        ->type_name("FILE");
    app.add_option(
           "--artifact,-a", artefacts_,
           "file to hold against the certificate, or a folder with all outputs; NAME=FILE says which output a file "
           "is; may be repeated")
        ->type_name("PATH");
  }

  Result<Report> run(Session& session) override {
    TRY(const std::vector<PublicKey> keys, read_public_keys(keys_));
    TRY(const OpenCertificate open, open_certificate(certificate_, keys));
    std::map<std::string, fs::path> given;
    for (const std::string& artefact : artefacts_) CHECK(place(artefact, open.certificate.outputs, given));
    std::vector<std::string> warnings;
    TRY(const std::vector<cert::OutputComparison> results, hold_against(open, given, warnings, session.progress));
    return report(open, results, warnings);
  }

 private:
  static bool is_certified(const cert::Outputs& outputs, std::string_view path) {
    return std::ranges::find(outputs.files, path, &cert::OutputFile::path) != outputs.files.end();
  }

  // Which certified output an --artifact is.
  static Status place(const std::string& artefact, const cert::Outputs& certified,
                      std::map<std::string, fs::path>& given) {
    const auto give = [&](const std::string& path, const fs::path& file) -> Status {
      if (given.emplace(path, file).second) return {};
      return fail(Fault::usage, "--artifact: two files are given for the output \"" + path + "\"");
    };
    if (const auto equals = artefact.find('=');
        equals != artefact.npos && is_certified(certified, artefact.substr(0, equals)))
      return give(artefact.substr(0, equals), artefact.substr(equals + 1));
    std::error_code error;
    if (fs::is_directory(artefact, error)) {
      for (const cert::OutputFile& file : certified.files) CHECK(give(file.path, fs::path(artefact) / file.path));
      return {};
    }
    // Its bytes tell which one it is; where they are no output's, its name does.
    TRY(const FileDigest digest, digest_file(artefact));
    std::vector<std::string> named;
    std::string outputs;
    for (const cert::OutputFile& file : certified.files) {
      if (file.sha256 == to_hex(digest.sha256)) return give(file.path, artefact);
      if (fs::path(file.path).filename() == fs::path(artefact).filename()) named.push_back(file.path);
      outputs += (outputs.empty() ? "" : ", ") + file.path;
    }
    if (named.size() == 1) return give(named.front(), artefact);
    return fail(Fault::mismatch, artefact + ": sha256 " + to_hex(digest.sha256) + " is none of the certified outputs " +
                                     printable(outputs) +
                                     "; to see what differs from one of them, give OUTPUT=" + artefact);
  }

  static Result<std::vector<cert::OutputComparison>> hold_against(const OpenCertificate& open,
                                                                  const std::map<std::string, fs::path>& given,
                                                                  std::vector<std::string>& warnings,
                                                                  Progress& progress) {
    cert::Outputs certified, found;
    std::map<std::string, std::string> remarks;  // by output
    const FindOutput find = [&](const std::string& path) {
      const auto it = given.find(path);
      return it == given.end() ? std::nullopt : std::optional(it->second);
    };
    progress.phase("measuring what was given");
    for (const pin::Output& output : open.lock.recipe.outputs) {
      const auto file = find(output.path);
      if (!file) continue;
      const auto stated = std::ranges::find(open.certificate.outputs.files, output.path, &cert::OutputFile::path);
      certified.files.push_back(*stated);
      std::error_code error;
      if (!fs::exists(*file, error)) {
        remarks[output.path] = file->string() + " is not there";
        continue;
      }
      TRY(const FileDigest digest, digest_file(*file));
      found.files.push_back({output.path, to_hex(digest.sha256)});
      const auto& measured = open.certificate.outputs.measurements;
      const auto it = std::ranges::find(measured, output.path, &cert::OutputMeasurement::path);
      if (it == measured.end()) continue;

      certified.measurements.push_back(*it);
      // Without a signature the registers can be computed all the same; without anything else they cannot.
      for (const auto& [role, path] : output.with.companions)
        if (role != "sigstruct" && !find(path))
          return fail(Fault::usage, "\"" + output.path + "\" is measured together with \"" + path + "\" (" + role +
                                        "), which was not given");
      auto m = measure_output(output, *file, find, warnings);
      if (!m) {
        // Bytes that were never certified may be anything; certified ones that cannot be measured leave us without an
        // answer.
        if (to_hex(digest.sha256) == stated->sha256) return Failure(std::move(m).error());
        remarks[output.path] = m.error().message();
        continue;
      }
      const auto signature = output.with.companions.find("sigstruct");
      if (signature != output.with.companions.end() && !find(signature->second)) {
        remarks[output.path] = "\"" + signature->second + "\" was not given: identity and policy were not checked";
        m->identity = it->identity;
        m->policy = it->policy;
      }
      found.measurements.push_back(*std::move(m));
    }
    std::vector<cert::OutputComparison> results = cert::compare_outputs(certified, found, kSides);
    for (cert::OutputComparison& result : results)
      if (const auto it = remarks.find(result.path); it != remarks.end()) result.differences.push_back(it->second);
    return results;
  }

  // A certified artefact is certified byte for byte: one that only measures alike was signed again by somebody.
  static Report report(const OpenCertificate& open, const std::vector<cert::OutputComparison>& results,
                       const std::vector<std::string>& warnings) {
    const bool agreed =
        std::ranges::all_of(results, [](const auto& r) { return r.verdict == cert::Verdict::identical; });
    Json subjects = Json::array(), artefacts = Json::array();
    std::string text = describe(open) + "certifies\n";
    const Json statement = to_json(open.certificate);
    for (const Json& subject : statement.find("subject")->items()) {
      subjects.push_back(subject);
      const Json::Member& digest = subject.find("digest")->members().front();
      text += "    " + printable(subject.find("name")->string()) + "  " + printable(digest.key) + ":" +
              digest.value.string() + "\n";
    }
    for (const cert::OutputComparison& result : results) artefacts.push_back(to_json(result));
    Json warned = Json::array();
    std::string warned_text;
    for (const std::string& warning : warnings) {
      warned.push_back(warning);
      warned_text += "    warning: " + printable(warning) + "\n";
    }
    text += results.empty() ? "no artifact was given: this is what was certified, not what you have\n"
                            : cert::to_text(results) + warned_text +
                                  (agreed ? "verified: what was given is what was certified\n"
                                          : "NOT VERIFIED: what was given is not what was certified\n");
    return {Json::object({{"certificate", to_json(open)},
                          {"subjects", std::move(subjects)},
                          {"artifacts", std::move(artefacts)},
                          {"warnings", std::move(warned)},
                          {"agree", agreed}}),
            std::move(text), agreed};
  }

  std::string certificate_;
  std::vector<std::string> keys_, artefacts_;
};

}  // namespace

std::unique_ptr<Command> make_verify() { return std::make_unique<Verify>(); }

}  // namespace hallmark::cli
