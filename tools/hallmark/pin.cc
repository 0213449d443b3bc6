// hallmark pin: hallmark.yaml becomes hallmark.lock.

#include <algorithm>
#include <set>

#include "lib/base/suggest.h"
#include "lib/build/rootfs.h"
#include "lib/build/sandbox.h"
#include "lib/pin/debian.h"
#include "lib/pin/path.h"
#include "lib/pin/source.h"
#include "lib/tee/platform.h"
#include "tools/hallmark/command.h"

namespace hallmark::cli {
namespace {

constexpr std::uint64_t kMaxKeyring = std::uint64_t{16} << 20;

// A kind that `measure` does not know would only be noticed when the build is certified.
Status check_kinds(const pin::Spec& spec, const std::string& name) {
  std::vector<std::string> known{"file"};
  for (const Platform& platform : platforms()) known.emplace_back(platform.name);
  for (std::size_t i = 0; i < spec.recipe.outputs.size(); i++)
    if (const std::string& kind = spec.recipe.outputs[i].kind;
        std::find(known.begin(), known.end(), kind) == known.end())
      return fail(Fault::usage, name + ": outputs[" + std::to_string(i) + "].kind: no kind of output is called \"" +
                                    kind + "\"" + did_you_mean(kind, known));
  return {};
}

// Which pins are let go of. Nothing said: none. `--update` alone: all.
struct Renewal {
  bool all = false;
  std::set<std::string> sources, packages;

  bool debian() const { return all || !packages.empty(); }
};

// The names after --update are sources or packages of the lock.
Result<Renewal> renewal_of(const std::vector<std::string>& names, const pin::Lock& lock) {
  Renewal renewal;
  std::vector<std::string> known;
  std::set<std::string> sources, packages;
  for (const pin::SourcePin& source : lock.sources) sources.insert(source.name);
  for (const pin::PackagePin& package : lock.debian.packages) packages.insert(package.name);
  known.assign(sources.begin(), sources.end());
  known.insert(known.end(), packages.begin(), packages.end());
  for (const std::string& name : names) {
    if (sources.contains(name)) renewal.sources.insert(name);
    if (packages.contains(name)) renewal.packages.insert(name);
    if (!sources.contains(name) && !packages.contains(name))
      return fail(Fault::usage, "--update " + name + ": the lock has no source and no package of that name" +
                                    did_you_mean(name, known));
  }
  return renewal;
}

// Whether the pinned packages still answer what a changed specification asks.
bool answers(const pin::DebianPin& pin, const pin::DebianRequest& request, const fs::path& folder) {
  if (pin.requested != request.packages || pin.suites.size() != request.suites.size()) return false;
  for (std::size_t i = 0; i < pin.suites.size(); i++) {
    const pin::SuitePin& suite = pin.suites[i];
    if (suite.suite != request.suites[i].suite || suite.mirrors != request.suites[i].mirrors) return false;
    if (suite.signers.size() < request.require_signers) return false;
    std::set<std::string> components;
    for (const pin::IndexPin& index : suite.indexes)
      components.insert(index.file.substr(0, index.file.find("/binary-")));
    if (components != std::set<std::string>(request.suites[i].components.begin(), request.suites[i].components.end()))
      return false;
  }
  const auto keyring = read_file(folder / request.keyring, kMaxKeyring);
  return keyring && to_hex(digest<Alg::sha256>(*keyring)) == pin.keyring_sha256;
}

// The specification with every package but the named ones held at its pinned version.
pin::DebianRequest hold_others(pin::DebianRequest request, const pin::DebianPin& pinned,
                               const std::set<std::string>& named) {
  for (const pin::PackagePin& package : pinned.packages) {
    if (named.contains(package.name)) continue;
    const auto asked = std::find_if(request.packages.begin(), request.packages.end(),
                                    [&](const std::string& p) { return p.substr(0, p.find('=')) == package.name; });
    const std::string held = package.name + "=" + package.version;
    if (asked == request.packages.end())
      request.packages.push_back(held);
    else if (asked->find('=') == std::string::npos)
      *asked = held;
  }
  return request;
}

class Pin final : public Command {
 public:
  void options(CLI::App& app) override {
    app.add_option("-f,--file", spec_, "the specification")->type_name("FILE")->capture_default_str();
    app.add_option("-o,--out", lock_, "the lock; default: hallmark.lock beside the specification")->type_name("FILE");
    auto* check = app.add_flag("--check", check_, "change nothing; verify everything that the lock says again");
    update_ = app.add_option("--update", names_, "renew what is pinned: all of it, or these sources and packages")
                  ->type_name("NAME")
                  ->expected(0, 10000);
    update_->excludes(check);
    app.add_flag("--allow-dirty", options_.allow_dirty,
                 "pin local folders as they stand, with changes that no commit holds");
    app.add_option("--store", store_, "the folder of pinned bytes")->type_name("FOLDER");
  }

  Result<Report> run(Session& session) override {
    TRY(const pin::Spec spec, pin::read_spec(spec_));
    CHECK(check_kinds(spec, spec_));
    folder_ = fs::absolute(spec_).parent_path();
    if (lock_.empty()) lock_ = (fs::path(spec_).parent_path() / pin::kLockFile).string();
    TRY(const Store store, Store::open_or_default(store_));
    return check_ ? check(spec, store, session.progress) : renew(spec, store, session.progress);
  }

 private:
  // ── making a lock ──

  Result<Report> renew(const pin::Spec& spec, const Store& store, Progress& progress) {
    TRY(const std::optional<pin::Lock> before, lock_so_far(store, progress));
    Renewal renewal;
    if (update_->count() > 0) {
      std::erase(names_, "");
      renewal.all = names_.empty();
      if (!names_.empty() && !before) return fail(Fault::usage, "--update " + names_[0] + ": there is no lock yet");
      if (before) {
        TRY(const Renewal named, renewal_of(names_, *before));
        renewal.sources = named.sources;
        renewal.packages = named.packages;
      }
    }

    pin::Lock lock;
    lock.name = spec.name;
    lock.spec_sha256 = to_hex(pin::spec_digest(spec));
    lock.recipe = spec.recipe;
    for (const pin::SourceRequest& request : spec.sources) {
      TRY(pin::SourcePin source, pin_or_keep(request, before, renewal, store, progress));
      lock.sources.push_back(std::move(source));
    }
    CHECK(pin::check_layout(lock.sources, store));
    TRY(lock.epoch, pin::epoch_of(spec, lock.sources));
    const bool keep = before && !renewal.debian() &&
                      (before->spec_sha256 == lock.spec_sha256 || answers(before->debian, spec.debian, folder_));
    if (keep) {
      lock.debian = before->debian;
      lock.root = before->root;
    } else {
      TRY(lock.debian, pin_packages(spec, before, renewal, store, progress));
      TRY(const build::Root root, build::assemble_root(store, lock, build::box_owner(), progress));
      lock.root = root.pin;
    }
    return write(lock, before, store);
  }

  // The lock as it stands, or nothing if there is none. One that cannot be read is in the way of
  // everything but `--update` of all of it.
  Result<std::optional<pin::Lock>> lock_so_far(const Store& store, Progress& progress) const {
    std::error_code error;
    if (fs::symlink_status(lock_, error).type() == fs::file_type::not_found) return std::nullopt;
    auto lock = pin::read_lock(lock_, store);
    if (lock) return *std::move(lock);
    const Fault fault = lock.error().fault;
    const bool start_over = update_->count() > 0 &&
                            std::all_of(names_.begin(), names_.end(), [](const std::string& n) { return n.empty(); });
    if (!start_over || (fault != Fault::format && fault != Fault::unsupported)) return Failure(lock.error());
    progress.note("the lock is made anew: " + printable(lock.error().message()));
    return std::nullopt;
  }

  // A local folder is read every time, because it is what one works on; everything else moves only when told to.
  Result<pin::SourcePin> pin_or_keep(const pin::SourceRequest& request, const std::optional<pin::Lock>& before,
                                     const Renewal& renewal, const Store& store, Progress& progress) const {
    pin::PinOptions options = options_;
    const pin::SourcePin* previous = nullptr;
    if (before)
      for (const pin::SourcePin& source : before->sources)
        if (pin::answers(source, request)) previous = &source;
    const bool is_folder = std::holds_alternative<pin::PathRequest>(request.origin);
    if (previous && !is_folder && !renewal.all && !renewal.sources.contains(request.name)) {
      CHECK(pin::fetch_source(*previous, folder_, {}, store, progress));
      pin::SourcePin kept = *previous;
      kept.into = request.into;
      return kept;
    }
    options.previous = previous;
    TRY(const pin::SourcePin source, pin::pin_source(request, folder_, options, store, progress));
    if (const auto* path = std::get_if<pin::PathPin>(&source.origin); path && path->dirty)
      progress.note("source " + source.name +
                    " is pinned as it stands on this machine; nobody else can rebuild it from a commit");
    return source;
  }

  Result<pin::DebianPin> pin_packages(const pin::Spec& spec, const std::optional<pin::Lock>& before,
                                      const Renewal& renewal, const Store& store, Progress& progress) const {
    if (renewal.all || renewal.packages.empty()) return pin::pin_debian(spec.debian, folder_, store, progress);
    const auto held = hold_others(spec.debian, before->debian, renewal.packages);
    TRY(pin::DebianPin pin,
        in("holding every other package at its pinned version", pin::pin_debian(held, folder_, store, progress)));
    pin.requested = spec.debian.packages;
    return pin;
  }

  Result<Report> write(const pin::Lock& lock, const std::optional<pin::Lock>& before, const Store& store) const {
    // With the lock itself in the store, an edit by hand can be named later (read_lock).
    TRY(const Sha256 digest, store.put(as_bytes(to_json(lock).canonical())));
    const bool unchanged = before && lock_digest(*before) == digest;
    if (!unchanged) {
      CHECK(store.flush());
      CHECK(write_file(lock_, pin::write_lock(lock)));
    }
    std::vector<std::string> changes;
    if (before) changes = pin::describe_changes(*before, lock);
    Report report;
    report.data = Json::object({{"schema", "pin-v1"},
                                {"lock", printable(lock_)},
                                {"lock_sha256", to_hex(digest)},
                                {"written", !unchanged},
                                {"changes", pin::text_list(changes)}});
    report.text = printable(lock_) + (unchanged ? " stands as it is\n" : before ? " changed\n" : " written\n");
    for (const std::string& change : changes) report.text += "  " + change + "\n";
    if (!before) report.text += summary(lock);
    report.text += "  lock sha256 " + to_hex(digest) + "\n";
    return report;
  }

  static std::string summary(const pin::Lock& lock) {
    std::string out;
    for (const pin::SourcePin& source : lock.sources) {
      out += "  source " + source.name + ": " + std::to_string(source.files) + " files, " +
             std::to_string(source.bytes) + " bytes";
      if (const auto* git = std::get_if<pin::GitPin>(&source.origin)) out += ", commit " + git->commit.substr(0, 12);
      if (const auto* path = std::get_if<pin::PathPin>(&source.origin))
        out += path->dirty ? ", with changes that no commit holds" : ", commit " + path->commit.substr(0, 12);
      out += "\n";
    }
    out += "  " + std::to_string(lock.debian.packages.size()) + " Debian packages from";
    for (const pin::SuitePin& suite : lock.debian.suites)
      out += (&suite == &lock.debian.suites[0] ? " " : ", ") + suite.suite + " of " + suite.date.substr(0, 10);
    return out + "\n  root file system: " + std::to_string(lock.root.files) + " files, " +
           std::to_string(lock.root.bytes) + " bytes\n";
  }

  // ── checking one ──

  // Everything that the lock says, each on its own, so that one answer names all that is wrong.
  Result<Report> check(const pin::Spec& spec, const Store& store, Progress& progress) const {
    std::vector<std::string> problems;
    // A question that was answered "no" is a problem; one that could not be answered ends the check.
    auto ask = [&](Status status) -> Status {
      if (status) return {};
      const Fault fault = status.error().fault;
      if (fault != Fault::mismatch && fault != Fault::usage && fault != Fault::format) return status;
      problems.push_back(printable(status.error().message()));
      return {};
    };
    const auto lock = pin::read_lock(lock_, store);
    if (!lock) {
      CHECK(ask(Failure(lock.error())));
      return verdict(problems, nullptr);
    }
    CHECK(ask(pin::check_spec(*lock, spec)));
    for (const pin::SourcePin& source : lock->sources) CHECK(ask(pin::check_source(source, folder_, store, progress)));
    if (problems.empty()) {
      CHECK(ask(pin::check_layout(lock->sources, store)));
      TRY(const std::int64_t epoch, pin::epoch_of(spec, lock->sources));
      if (epoch != lock->epoch)
        problems.push_back("epoch: is " + std::to_string(lock->epoch) + ", the first source's commit says " +
                           std::to_string(epoch));
    }
    CHECK(ask(pin::check_debian(lock->debian, store, progress)));
    if (problems.empty()) {
      const auto root = build::assemble_root(store, *lock, build::box_owner(), progress);
      if (!root) CHECK(ask(Failure(root.error())));
    }
    return verdict(problems, &*lock);
  }

  Report verdict(const std::vector<std::string>& problems, const pin::Lock* lock) const {
    Report report;
    report.agreed = problems.empty();
    report.data = Json::object({{"schema", "pin-check-v1"},
                                {"lock", printable(lock_)},
                                {"holds", report.agreed},
                                {"problems", pin::text_list(problems)}});
    if (lock) report.data["lock_sha256"] = to_hex(lock_digest(*lock));
    report.text = printable(lock_) + (report.agreed ? " holds\n" : " does not hold\n");
    for (const std::string& problem : problems) report.text += "  " + problem + "\n";
    if (report.agreed)
      report.text += "  specification, " + std::to_string(lock->sources.size()) + " sources, " +
                     std::to_string(lock->debian.packages.size()) +
                     " packages and root file system verified\n  lock sha256 " + to_hex(lock_digest(*lock)) + "\n";
    return report;
  }

  std::string spec_ = "hallmark.yaml", lock_, store_;
  bool check_ = false;
  std::vector<std::string> names_;
  CLI::Option* update_ = nullptr;
  pin::PinOptions options_;
  fs::path folder_;
};

}  // namespace

std::unique_ptr<Command> make_pin() { return std::make_unique<Pin>(); }

}  // namespace hallmark::cli
