// hallmark build: what a lock says becomes files and a record of how.
#include "lib/build/repeat.h"
#include "lib/pin/debian.h"
#include "lib/pin/source.h"
#include "tools/hallmark/command.h"
#include "tools/hallmark/lines.h"

namespace hallmark::cli {
namespace {

constexpr std::uint32_t kMaxRepeat = 100;

Json to_json(const build::OutputRecord& output) {
  return Json::object({{"path", output.path}, {"kind", output.kind}, {"sha256", output.sha256}, {"size", output.size}});
}

class Build final : public Command {
 public:
  void options(CLI::App& app) override {
    app.add_option("-f,--lock", lock_, "the lock to build")->type_name("FILE")->capture_default_str();
    app.add_option("-o,--out", out_, "the folder that receives the outputs; an earlier build's is replaced")
        ->type_name("FOLDER")
        ->capture_default_str();
    app.add_option("--sandbox", sandbox_, "what makes the box: hallmark's own namespaces, or bubblewrap")
        ->check(CLI::IsMember({"native", "bwrap"}))
        ->type_name("NAME")
        ->capture_default_str();
    app.add_option("--repeat", repeat_, "build so many times under varied conditions and compare")
        ->check(CLI::Range(1U, kMaxRepeat))
        ->type_name("N");
    app.add_option("--store", store_, "the folder of pinned bytes")->type_name("FOLDER");
    app.add_flag("--verbose", verbose_, "show what the steps print while they run");
  }

  Result<Report> run(Session& session) override {
    TRY(const Store store, Store::open_or_default(store_));
    TRY(const pin::Lock lock, pin::read_lock(lock_, store));
    CHECK(check_specification(lock));

    for (const pin::SourcePin& source : lock.sources)
      CHECK(pin::fetch_source(source, fs::absolute(lock_).parent_path(), {}, store, session.progress));
    CHECK(pin::fetch_debian(lock.debian, store, session.progress));

    Lines lines(session.line);
    build::BuildOptions options;
    options.out = out_;
    options.backend = sandbox_;
    if (verbose_) options.on_output = [&lines](std::string_view piece) { lines.add(piece); };
    if (repeat_ > 1) {
      const auto repeated = build::build_repeatedly(store, lock, options, repeat_, session.progress);
      lines.end();
      if (!repeated) return Failure(repeated.error());
      return report(*repeated);
    }
    const auto built = build::build(store, lock, options, session.progress);
    lines.end();
    if (!built) return Failure(built.error());
    return report(*built);
  }

 private:
  // hallmark.yaml beside hallmark.lock must be the one that the lock was made from.
  Status check_specification(const pin::Lock& lock) const {
    const fs::path spec = fs::path(lock_).replace_extension(".yaml");
    std::error_code error;
    if (!fs::exists(spec, error)) return {};
    TRY(const pin::Spec parsed, pin::read_spec(spec));
    return in(spec.string(), pin::check_spec(lock, parsed));
  }

  Report report(const build::Built& built) const {
    Report report;
    Json outputs = Json::array();
    report.text =
        "built " + printable(out_) + " in " + std::to_string(built.record.finished - built.record.started) + " s\n";
    for (const build::OutputRecord& output : built.record.outputs) {
      report.text += "  sha256:" + output.sha256 + "  " + printable(output.path) + "\n";
      outputs.push_back(to_json(output));
    }
    report.data = Json::object({{"schema", "build-v1"},
                                {"out", printable(built.out.string())},
                                {"record", printable((built.out / build::kRecordFile).string())},
                                {"log", printable(built.log.string())},
                                {"lock_sha256", built.record.lock_sha256},
                                {"outputs", std::move(outputs)}});
    return report;
  }

  Report report(const build::Repeated& repeated) const {
    Report out = report(repeated.first);
    const std::string total = std::to_string(repeated.runs.size());
    out.agreed = repeated.all_agree();
    out.text += "\n" + total + " builds, compared output by output:\n";
    Json runs = Json::array(), agreement = Json::object(), not_varied = Json::array();
    for (std::size_t i = 0; i < repeated.agreeing.size(); i++) {
      const std::string& path = repeated.first.record.outputs[i].path;
      out.text += "  " + std::to_string(repeated.agreeing[i]) + " of " + total + " agree  " + printable(path) + "\n";
      agreement[path] = std::uint64_t{repeated.agreeing[i]};
    }
    out.text += "\nwhat was varied:\n";
    for (std::size_t i = 0; i < repeated.runs.size(); i++) {
      const build::Run& run = repeated.runs[i];
      Json one = Json::object({{"under", Json::object()}, {"outputs", Json::array()}});
      out.text += "  " + std::to_string(i + 1) + ".";
      for (const auto& [name, value] : run.under) {
        out.text += " " + name + "=" + printable(value);
        one["under"][name] = printable(value);
      }
      out.text += "\n";
      if (i > 0 && !run.folder.empty()) out.text += "     differs; kept in " + printable(run.folder.string()) + "\n";
      if (!run.folder.empty()) one["folder"] = printable(run.folder.string());
      for (const build::OutputRecord& output : run.outputs) one["outputs"].push_back(to_json(output));
      runs.push_back(std::move(one));
    }
    for (const std::string& line : repeated.not_varied) {
      out.text += "  not varied: " + line + "\n";
      not_varied.push_back(line);
    }
    out.data["runs"] = std::move(runs);
    out.data["agreeing"] = std::move(agreement);
    out.data["not_varied"] = std::move(not_varied);
    return out;
  }

  std::string lock_ = "hallmark.lock", out_ = "hallmark-out", sandbox_ = "native", store_;
  std::uint32_t repeat_ = 1;
  bool verbose_ = false;
};

}  // namespace

std::unique_ptr<Command> make_build() { return std::make_unique<Build>(); }

}  // namespace hallmark::cli
