// hallmark certify: signs what a build made, from what, under which conditions, and what it measures to.
#include "lib/cert/bundle.h"
#include "tools/hallmark/command.h"
#include "tools/hallmark/definition.h"
#include "tools/hallmark/outputs.h"
#include "tools/hallmark/passphrase.h"

namespace hallmark::cli {
namespace {

cert::Host host_of(const build::HostRecord& host) {
  return {host.kernel, host.machine, host.cpu_model, host.backend, host.cpus, host.root};
}

class Certify final : public Command {
 public:
  void options(CLI::App& app) override {
    app.add_option("folder", folder_, "what `hallmark build` made")->type_name("FOLDER")->default_str("hallmark-out");
    app.add_option("--key,-k", key_, "private key to sign with")->required()->type_name("FILE");
    app.add_option("--out,-o", out_,
                   "write NAME.intoto.json and NAME.sigstore.json (default: certificate, in the folder)")
        ->type_name("NAME");
    app.add_option("--builder-id", builder_, "URI of the builder (default: made of the key's id)")->type_name("URI");
    passphrase_.option(app);
  }

  Result<Report> run(Session& session) override {
    TRY(const PrivateKey key, PrivateKey::read(key_, [&] { return passphrase_.ask("passphrase of " + key_); }));
    TRY(const BuildFolder built, read_build_folder(folder_));
    TRY(const Survey found, survey(folder_, built.lock.recipe.outputs, session.progress));
    const std::string payload = cert::encode(state(key, built.record, built.lock, found.outputs));
    // Nothing is signed that our own verifier would not read.
    CHECK(in("the certificate", check(payload)));

    const cert::Envelope envelope = cert::seal(key, cert::kPayloadType, Bytes(payload.begin(), payload.end()));
    const std::string name = out_.empty() ? (folder_ / "certificate").string() : out_;
    const std::string intoto = name + ".intoto.json", sigstore = name + ".sigstore.json";
    CHECK(write_file(intoto, to_json(envelope).canonical() + "\n"));
    CHECK(write_file(sigstore, cert::to_bundle(envelope).canonical() + "\n"));
    return report(key, intoto, sigstore, payload, found);
  }

 private:
  cert::Certificate state(const PrivateKey& key, const build::BuildRecord& record, const pin::Lock& lock,
                          const cert::Outputs& outputs) const {
    cert::Certificate c;
    c.outputs = outputs;
    define_build(lock, record.fixed, c);
    c.builder_id = builder_.empty() ? "urn:hallmark:builder:" + key.public_key().id() : builder_;
    c.builder_version = record.hallmark_version;
    // The same run has the same name, whoever certifies it and how often.
    c.invocation_id =
        "urn:hallmark:build-record:sha256:" + to_hex(digest<Alg::sha256>(as_bytes(to_json(record).canonical())));
    c.started = record.started;
    c.finished = record.finished;
    c.byproducts = {{std::string(build::kLogFile), "", {{"sha256", record.log_sha256}}}};
    c.host = host_of(record.host);
    return c;
  }

  static Status check(const std::string& payload) {
    TRY(const cert::Certificate c, cert::parse_certificate(as_bytes(payload), "its statement"));
    TRY(const pin::Lock lock, lock_of(c, "its statement"));
    return {};
  }

  static Report report(const PrivateKey& key, const std::string& intoto, const std::string& sigstore,
                       const std::string& payload, const Survey& found) {
    const std::string sha256 = to_hex(digest<Alg::sha256>(as_bytes(payload)));
    Json subjects = Json::array(), warnings = Json::array();
    std::string text = "certificate " + sha256 + "\n    signed by key " + key.public_key().id() + "\n";
    const auto add = [&](const std::string& name, const std::string& algorithm, const std::string& value) {
      subjects.push_back(Json::object({{"name", name}, {"digest", Json::object({{algorithm, value}})}}));
      text += "    " + printable(name) + "  " + algorithm + ":" + value + "\n";
    };
    for (const cert::OutputFile& file : found.outputs.files) add(file.path, "sha256", file.sha256);
    for (const cert::OutputMeasurement& m : found.outputs.measurements) add(m.id(), m.digest_name, m.digest);
    for (const std::string& warning : found.warnings) {
      warnings.push_back(warning);
      text += "    warning: " + printable(warning) + "\n";
    }
    text += "wrote " + printable(intoto) + "\nwrote " + printable(sigstore) + "\n";
    return {Json::object({{"certificate", sha256},
                          {"key", key.public_key().id()},
                          {"subjects", std::move(subjects)},
                          {"warnings", std::move(warnings)},
                          {"files", Json::array({intoto, sigstore})}}),
            std::move(text)};
  }

  fs::path folder_ = "hallmark-out";
  std::string key_, out_, builder_;
  Passphrase passphrase_;
};

}  // namespace

std::unique_ptr<Command> make_certify() { return std::make_unique<Certify>(); }

}  // namespace hallmark::cli
