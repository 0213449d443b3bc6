// hallmark rebuild: builds again what a certificate states, from its lock alone, and compares.
#include "lib/base/interrupt.h"
#include "lib/build/builder.h"
#include "lib/cert/compare.h"
#include "lib/pin/debian.h"
#include "lib/pin/source.h"
#include "tools/hallmark/command.h"
#include "tools/hallmark/lines.h"
#include "tools/hallmark/outputs.h"
#include "tools/hallmark/trust.h"

namespace hallmark::cli {
namespace {

constexpr cert::Sides kSides{"certified", "rebuilt"};
constexpr std::size_t kMaxLines = 20;

class Rebuild final : public Command {
 public:
  void options(CLI::App& app) override {
    app.add_option("certificate", certificate_, "certificate, as DSSE envelope or Sigstore bundle")
        ->required()
        ->type_name("FILE");
    CLI::Option* keys =
        app.add_option("--key,-k", keys_, "public key that you trust; may be repeated, and one must have signed")
            ->type_name("FILE");
    app.add_flag("--insecure-no-key", no_key_, "rebuild a certificate whoever signed it, or nobody")->excludes(keys);
    app.add_option("--source,-s", sources_,
                   "copy of a source: a repository, folder or archive, as NAME=PATH; may be repeated")
        ->type_name("NAME=PATH");
    app.add_option("--out,-o", out_, "folder for what is built")->type_name("FOLDER")->default_str("hallmark-rebuilt");
    app.add_option("--sandbox", sandbox_, "sandbox to build in")->check(CLI::IsMember({"native", "bwrap"}));
    app.add_option("--store", store_, "folder of pinned bytes (default: $HALLMARK_STORE)")->type_name("FOLDER");
    app.add_flag("--verbose,-v", verbose_, "show what the steps print");
  }

  Result<Report> run(Session& session) override {
    if (keys_.empty() && !no_key_)
      return fail(
          Fault::usage,
          "--key is missing: give the key that must have signed, or --insecure-no-key to rebuild without asking");
    TRY(const auto copies, named_copies());
    TRY(const std::vector<PublicKey> keys, read_public_keys(keys_));
    TRY(const OpenCertificate open, open_certificate(certificate_, keys));
    TRY(const Store store, Store::open_or_default(store_));
    CHECK(fetch(open.lock, copies, store, session.progress));
    Lines lines(session.line);
    const auto built = build::build(store, open.lock, options_of_build(lines), session.progress);
    lines.end();
    if (!built) return Failure(built.error());
    TRY(const Survey rebuilt, survey(built->out, open.lock.recipe.outputs, session.progress));
    return report(open, *built, cert::compare_outputs(open.certificate.outputs, rebuilt.outputs, kSides));
  }

 private:
  Result<std::map<std::string, fs::path>> named_copies() const {
    std::map<std::string, fs::path> copies;
    for (const std::string& source : sources_) {
      const auto equals = source.find('=');
      if (equals == 0 || equals == source.npos) return fail(Fault::usage, "--source " + source + ": is not NAME=PATH");
      if (!copies.emplace(source.substr(0, equals), source.substr(equals + 1)).second)
        return fail(Fault::usage, "--source " + source.substr(0, equals) + ": is given twice");
    }
    return copies;
  }

  static Status fetch(const pin::Lock& lock, const std::map<std::string, fs::path>& copies, const Store& store,
                      Progress& progress) {
    CHECK(pin::check_copies(lock.sources, copies));
    for (const pin::SourcePin& source : lock.sources) {
      CHECK(not_interrupted());
      CHECK(pin::fetch_source(source, ".", copies, store, progress));
    }
    return pin::fetch_debian(lock.debian, store, progress);
  }

  build::BuildOptions options_of_build(Lines& lines) const {
    build::BuildOptions options{.out = out_};
    if (!sandbox_.empty()) options.backend = sandbox_;
    if (verbose_) options.on_output = [&lines](std::string_view piece) { lines.add(piece); };
    return options;
  }

  static std::string describe(const Json& host) {
    std::string out;
    for (const Json::Member& m : host.members())
      out += (out.empty() ? "" : ", ") + m.key + " " + (m.value.is_string() ? m.value.string() : m.value.canonical());
    return printable(out);
  }

  static Report report(const OpenCertificate& open, const build::Built& built,
                       const std::vector<cert::OutputComparison>& outputs) {
    const bool agreed = cert::agree(outputs);
    const Json record = build::to_json(built.record);
    const Json certified_host = cert::to_json(open.certificate.host), &host = *record.find("host");
    const Json* fixed = open.certificate.internal_parameters.find("fixed");
    const auto conditions =
        cert::describe_differences(fixed ? *fixed : Json(), *record.find("fixed"), kSides, kMaxLines);

    Json list = Json::array(), lines = Json::array();
    for (const cert::OutputComparison& output : outputs) list.push_back(to_json(output));
    std::string text = cli::describe(open) + cert::to_text(outputs);
    for (const std::string& line : conditions) {
      lines.push_back(line);
      text += "condition " + printable(line) + "\n";
    }
    text += "hosts\n    certified  " + describe(certified_host) + "\n    rebuilt    " + describe(host) + "\n";
    text += agreed ? "reproduced: this build makes what was certified\n"
                   : "NOT REPRODUCED: this build makes something else\n";
    text += "    what was built: " + printable(built.out.string()) + "\n";
    return {Json::object({{"certificate", to_json(open)},
                          {"outputs", std::move(list)},
                          {"fixed", std::move(lines)},
                          {"hosts", Json::object({{"certified", certified_host}, {"rebuilt", host}})},
                          {"out", built.out.string()},
                          {"agree", agreed}}),
            std::move(text), agreed};
  }

  std::string certificate_, sandbox_, store_;
  fs::path out_ = "hallmark-rebuilt";
  std::vector<std::string> keys_, sources_;
  bool no_key_ = false, verbose_ = false;
};

}  // namespace

std::unique_ptr<Command> make_rebuild() { return std::make_unique<Rebuild>(); }

}  // namespace hallmark::cli
