// hallmark references convert: reference values from the formats that people have, and certificates, into one file.
#include <algorithm>
#include <iterator>

#include "lib/base/version.h"
#include "tools/hallmark/command.h"
#include "tools/hallmark/reference_files.h"

namespace hallmark::cli {
namespace {

std::vector<std::string> format_names() {
  std::vector<std::string> out;
  for (const references::ReferenceFormat& format : references::reference_formats()) out.emplace_back(format.name);
  return out;
}

class References final : public Command {
 public:
  void options(CLI::App& app) override {
    app.require_subcommand(1);
    CLI::App* convert = app.add_subcommand("convert", "write reference values in another format");
    convert->add_option("files", files_, "reference values, in any of the formats")->type_name("FILE");
    convert->add_option("--certificate,-c", certificates_, "build certificate, whose measured outputs are written too")
        ->type_name("FILE");
    convert->add_option("--key,-k", keys_, "public key that you trust; one must have signed each certificate")
        ->type_name("FILE");
    convert->add_option("--to", to_, "format to write")
        ->check(CLI::IsMember(format_names()))
        ->default_str(std::string(references::kReferenceValuesFormat));
    convert->add_option("--from", from_, "format of the files; without it their content tells")
        ->check(CLI::IsMember(format_names()));
    convert->add_option("--out,-o", out_, "write it to this file; to standard output, if not given")->type_name("FILE");
  }

  Result<Report> run(Session& session) override {
    if (files_.empty() && certificates_.empty())
      return fail(Fault::usage, "nothing to convert: a file of reference values or --certificate is needed");
    if (!certificates_.empty() && keys_.empty())
      return fail(Fault::usage, "--certificate: --key is needed, the public key that must have signed it");
    TRY(const std::vector<PublicKey> keys, read_public_keys(keys_));
    std::vector<ReferenceValues> sets;
    Json files = Json::array(), certificates = Json::array(), left_out = Json::array();
    std::vector<std::string> warnings;
    for (const std::string& name : certificates_) {
      TRY(const OpenCertificate open, open_certificate(name, keys));
      std::ranges::move(references_of(open), std::back_inserter(sets));
      certificates.push_back(to_json(open));
    }
    for (const std::string& name : files_) {
      TRY(ReferenceFile file, read_reference_file(name, from_));
      files.push_back(to_json(file));
      for (const std::string& sentence : file.values.not_taken) warnings.push_back(name + ": " + sentence);
      std::ranges::move(file.values.sets, std::back_inserter(sets));
    }
    if (sets.empty()) return fail(Fault::usage, "the certificates have no measured outputs");
    TRY(const references::ExportedReferences written, references::find_reference_format(to_)->write(sets));
    for (const std::string& sentence : written.left_out) {
      warnings.push_back(sentence);
      left_out.push_back(sentence);
    }
    if (!out_.empty()) CHECK(write_file(out_, written.text));
    if (!session.json)
      for (const std::string& warning : warnings) session.progress.note("warning: " + printable(warning));
    const std::string sha256 = to_hex(digest<Alg::sha256>(as_bytes(written.text)));
    Json data = Json::object({{"schema", "references-v1"},
                              {"hallmark_version", version()},
                              {"format", to_},
                              {"file", out_.empty() ? Json() : Json(out_)},
                              {"content", out_.empty() ? Json(written.text) : Json()},
                              {"sha256", sha256},
                              {"sets", static_cast<std::int64_t>(sets.size())},
                              {"left_out", std::move(left_out)},
                              {"references", std::move(files)},
                              {"certificates", std::move(certificates)}});
    const std::string text = out_.empty() ? written.text
                                          : "wrote " + printable(out_) + "\n    sha256 " + sha256 + "\n    " +
                                                std::to_string(sets.size()) + (sets.size() == 1 ? " set" : " sets") +
                                                " of reference values; the file is not signed\n";
    return Report{std::move(data), text};
  }

 private:
  std::vector<std::string> files_, certificates_, keys_;
  std::string to_{references::kReferenceValuesFormat}, from_, out_;
};

}  // namespace

std::unique_ptr<Command> make_references() { return std::make_unique<References>(); }

}  // namespace hallmark::cli
