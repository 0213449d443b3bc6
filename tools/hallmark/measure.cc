// hallmark measure: what an image measures to, and whether that is what it says of itself.
#include "lib/base/version.h"
#include "lib/crypto/file_digest.h"
#include "lib/tee/platform.h"
#include "tools/hallmark/command.h"
#include "tools/hallmark/explanation.h"
#include "tools/hallmark/measure_tdx.h"
#include "tools/hallmark/measurement.h"

namespace hallmark::cli {
namespace {

class Measure final : public Command {
 public:
  void options(CLI::App& app) override {
    CLI::Option* file = app.add_option("file", file_, "the image: an enclave, as it is shipped");
    // Needed, but not by the parser: a word that the parser wants for FILE could not be the subcommand.
    file->type_name("FILE");
    CLI::Option* other = app.add_option("other", other_, "with --explain, the image to hold against it");
    other->type_name("FILE");
    CLI::Option* explain =
        app.add_flag("--explain", explain_, "say where and why two images do not measure to the same");
    explain->needs(other);
    other->needs(explain);
    app.add_option("--sig,--sigstruct", sigstruct_, "its SIGSTRUCT, where the image does not carry one (SGXS, Gramine)")
        ->type_name("FILE")
        ->excludes(explain);
    app.add_option("--config", config_,
                   "the Enclave.config.xml of an SDK enclave: measure it as if it were not signed yet")
        ->type_name("FILE")
        ->allow_extra_args(false);
    app.add_option("--libpal", libpal_, "the libpal.so of the Gramine that a manifest is for")
        ->type_name("FILE")
        ->allow_extra_args(false);
    app.add_option("--ego-enclave", ego_enclave_,
                   "the base enclave of the EGo that runs a payload: recompute the value that is signed in it")
        ->type_name("FILE")
        ->allow_extra_args(false);
    app.add_option("--module", module_, "the module that an image of Open Enclave, or EGo's base enclave, needs")
        ->type_name("FILE")
        ->allow_extra_args(false);
    app.add_option("--gramine-version", gramine_version_,
                   "the release of that Gramine, such as 1.9; the newest known one if not given")
        ->type_name("VERSION")
        ->allow_extra_args(false);
    CLI::Option* material = app.add_option("--signing-material", material_, "write what the author's key is to sign");
    material->type_name("FILE")->excludes(explain);
    CLI::Option* date =
        app.add_option("--date", date_, "the date in the signature, such as 20261122; never the clock's");
    date->type_name("YYYYMMDD")->needs(material);
    material->needs(date);
    app.add_flag("--trace", trace_, "write each record that is measured to standard error, one a line")
        ->excludes(explain);

    app_ = &app;
    app.require_subcommand(0, 1);
    tdx_app_ = app.add_subcommand("tdx", "compute what a TDX guest will measure, from what its monitor is given");
    tdx_.options(*tdx_app_);
  }

  Result<Report> run(Session& session) override {
    if (tdx_app_->parsed()) {
      // What the subcommand does not know falls through to this one.
      for (const CLI::Option* option : app_->get_options())
        if (option->count() != 0)
          return fail(Fault::usage, "\"" + option->get_name() + "\" is not for `hallmark measure tdx`");
      return tdx_.run(session);
    }
    if (file_.empty()) return fail(Fault::usage, "file is required");
    CHECK(check_counts());
    if (!other_.empty()) return explain_both();
    MeasureRequest request = request_for(file_, 0);
    if (sigstruct_.empty()) sigstruct_ = signature_beside(session);
    if (!sigstruct_.empty()) request.companions["sigstruct"] = sigstruct_;
    Trace trace;
    if (trace_) trace = [&](const Step& step) { session.line(step.op + " " + step.detail); };

    TRY(const Measurement m, measure(request, trace));
    TRY(const FileDigest file, digest_file(file_));
    Report report{.data = to_json(m), .text = {}, .agreed = m.state == State::equal || m.state == State::computed};
    report.data["schema"] = "measurement-v1";
    report.data["file"] = printable(file_);
    report.data["size"] = file.size;
    report.data["sha256"] = to_hex(file.sha256);
    report.data["hallmark_version"] = version();
    for (const auto& [role, path] : request.companions) report.data[role] = printable(path.string());
    const Platform& platform = platform_of(m);
    report.text = cli::text_of(file_, m, platform.long_name);
    // What is not what it says of itself gets no new signature; the answer says why.
    if (!material_.empty() && report.agreed) CHECK(write_material(request, m, platform, report));
    return report;
  }

 private:
  // For two images, what is given once is for both, and what is given twice is for one each. An empty text is nothing.
  static void add(auto& to, const std::string& name, const std::vector<std::string>& given, std::size_t side) {
    if (given.empty()) return;
    if (const std::string& value = given[std::min(side, given.size() - 1)]; !value.empty()) to[name] = value;
  }
  MeasureRequest request_for(const std::string& file, std::size_t side) const {
    MeasureRequest out{.image = file};
    add(out.companions, "config", config_, side);
    add(out.companions, "libpal", libpal_, side);
    add(out.companions, "ego-enclave", ego_enclave_, side);
    add(out.companions, "module", module_, side);
    add(out.options, "gramine-version", gramine_version_, side);
    return out;
  }
  Status check_counts() const {
    const std::size_t most = other_.empty() ? 1 : 2;
    for (const auto& [name, given] : {std::pair{"--config", &config_},
                                      {"--libpal", &libpal_},
                                      {"--ego-enclave", &ego_enclave_},
                                      {"--module", &module_},
                                      {"--gramine-version", &gramine_version_}})
      if (given->size() > most)
        return fail(Fault::usage, std::string(name) + ": is given " + std::to_string(given->size()) + " times, for " +
                                      (most == 1 ? "one image" : "two images"));
    return {};
  }

  Result<Report> explain_both() const {
    TRY(const Explanation e, explain(request_for(file_, 0), request_for(other_, 1)));
    Report report{.data = to_json(e), .text = cli::text_of(e, file_, other_), .agreed = e.same};
    report.data["schema"] = "explanation-v1";
    report.data["hallmark_version"] = version();
    report.data["a"]["file"] = printable(file_);
    report.data["b"]["file"] = printable(other_);
    return report;
  }

  Status write_material(const MeasureRequest& request, const Measurement& m, const Platform& platform,
                        Report& report) const {
    if (platform.signing_material == nullptr)
      return fail(Fault::unsupported, file_ + ": " + std::string(platform.long_name) + ": nothing is signed");
    TRY(const Bytes material, in("signing material of " + file_, platform.signing_material(request, m, date_)));
    CHECK(write_file(material_, material));
    const std::string sha256 = to_hex(digest<Alg::sha256>(material));
    report.data["signing_material"] =
        Json::object({{"file", printable(material_)}, {"sha256", sha256}, {"date", date_}});
    report.text += "\nto be signed: " + printable(material_) + ", sha256 " + sha256 + "\n";
    return {};
  }

  // enclave.sig beside enclave.sgxs or enclave.manifest.sgx, as the tools that write these put it.
  std::string signature_beside(Session& session) const {
    fs::path path = file_;
    const bool manifest = path.extension() == ".sgx" && path.stem().extension() == ".manifest";
    if (path.extension() != ".sgxs" && !manifest) return {};
    if (manifest) path.replace_extension();
    std::error_code ignored;
    if (!fs::is_regular_file(path.replace_extension(".sig"), ignored)) return {};
    session.progress.note("using the signature beside it, " + printable(path.string()));
    return path.string();
  }

  CLI::App *app_ = nullptr, *tdx_app_ = nullptr;
  MeasureTdx tdx_;
  std::string file_, other_, sigstruct_, material_, date_;
  std::vector<std::string> config_, libpal_, ego_enclave_, module_, gramine_version_;
  bool trace_ = false, explain_ = false;
};

}  // namespace

std::unique_ptr<Command> make_measure() { return std::make_unique<Measure>(); }

}  // namespace hallmark::cli
